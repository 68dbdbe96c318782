#include "tools/host_function.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tools/registry.h"

namespace perdure {
namespace {

TEST(HostFunction, answers_with_its_arguments_as_they_came) {
  Result<Tool> tool = make_host_function("$web_search");
  ASSERT_TRUE(tool.ok());
  Registry registry;
  ASSERT_TRUE(registry.add(std::move(*tool)).ok());
  const std::string arguments = R"({"search_result": {"search_id":"1"},  "z":1,"a":1.50})";
  const PreparedCall call =
      registry.prepare({.id = "1", .name = "$web_search", .arguments = arguments}, "/");
  ASSERT_NE(call.tool, nullptr) << call.assessment.problem->message;
  EXPECT_EQ(call.assessment.effect, EffectClass::kRead);
  EXPECT_TRUE(call.assessment.reads.empty());
  CallContext context;
  context.arguments = arguments + std::string(100'000, ' ');
  const ToolOutcome outcome = std::get<ToolBody>(call.tool->body)(*call.arguments, context);
  EXPECT_EQ(outcome.text, context.arguments);
  EXPECT_GT(outcome.shown_bytes_max, outcome.text.size());
}

TEST(HostFunction, has_a_name_that_a_host_could_have) {
  for (const char* name : {"$", "$1", "$a b", "$$a", ""})
    EXPECT_FALSE(make_host_function(name).ok()) << name;
}

}  // namespace
}  // namespace perdure
