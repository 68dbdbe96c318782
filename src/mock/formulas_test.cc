#include "mock/formulas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure::mock {
namespace {

std::string answer_of_formula(const std::string& resource, const std::string& body = "") {
  std::string answer;
  const std::optional<Refusal> refusal = answer_formula(resource, {.body = body}, answer);
  return refusal ? std::to_string(refusal->status) + ": " + refusal->message : answer;
}

TEST(MockFormulas, describes_and_runs_what_it_has) {
  EXPECT_TRUE(is_formula_path("/formulas/moonshot/base64:latest/tools"));
  EXPECT_FALSE(is_formula_path("/formulas/moonshot/base64:latest"));
  EXPECT_FALSE(is_formula_path("/models"));
  EXPECT_THAT(answer_of_formula("/formulas/moonshot/base64:latest/tools"),
              testing::HasSubstr(R"("name":"base64_encode")"));
  const std::string fibers = "/formulas/moonshot/base64:latest/fibers";
  EXPECT_EQ(answer_of_formula(fibers, R"({"name":"base64_encode","arguments":"{\"data\":\"a\"}"})"),
            R"({"id":"fiber-1","object":"fiber","status":"succeeded","context":{"output":"YQ=="},)"
            R"("formula":"moonshot/base64:latest"})");
  EXPECT_THAT(answer_of_formula("/formulas/moonshot/other:latest/tools"),
              testing::HasSubstr("404: Not found the formula"));
  EXPECT_THAT(answer_of_formula(fibers, R"({"name":"other","arguments":"{}"})"),
              testing::HasSubstr("name must be base64_encode"));
  for (const char* arguments : {"{}", "", "\"{\\\"data\\\":1}\""}) {
    EXPECT_THAT(answer_of_formula(fibers, std::string(R"({"name":"base64_encode","arguments":)") +
                                              (*arguments == '"' ? arguments : "\"\"") + "}"),
                testing::HasSubstr("arguments must be"))
        << arguments;
  }
}

}  // namespace
}  // namespace perdure::mock
