// A reply as the host sent it: what the runtime would mend is shown, not mended.
#include "verify/host_reply.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "tests/support/replies.h"

namespace perdure::verify {
namespace {

using test::delta;

std::string shown(const HostReply& reply) {
  std::string text = fmt::format("{} '{}'{}", reply.finish_reason, reply.content, reply.reasoning);
  for (const ToolCall& call : reply.calls)
    text += fmt::format("\n[{}] [{}] {}", call.id, call.name, call.arguments);
  return text;
}

struct SentCase {
  const char* name;
  std::vector<std::string> chunks;
  const char* reply;
};

void PrintTo(const SentCase& row, std::ostream* out) {
  *out << row.name;
}

std::string call(const char* id, const char* name, const char* arguments) {
  return fmt::format(R"({{"tool_calls":[{{"index":0,"id":"{}","type":"function",)"
                     R"("function":{{"name":"{}","arguments":"{}"}}}}]}})",
                     id, name, arguments);
}

constexpr const char* kLeak =
    R"({"content":"<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0)"
    R"(<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>"})";

const SentCase kSentCases[] = {
    {"text", {delta(R"({"content":"Hello."})", "stop")}, "stop 'Hello.'"},
    {"thinking left in the content",
     {delta(R"({"content":"<think>Hm.</think>Hello."})", "stop")},
     "stop '<think>Hm.</think>Hello.'"},
    {"reasoning under its own name",
     {delta(R"({"reasoning":"Hm."})"), delta(R"({"content":"a"})", "stop")},
     R"(stop 'a',"reasoning":"Hm.")"},
    {"reasoning alone",
     {delta(R"({"reasoning_content":"Hm."})", "length")},
     R"(length '',"reasoning_content":"Hm.")"},
    {"a call",
     {delta(call("functions.f:0", "f", "{}"), "tool_calls")},
     "tool_calls ''\n[functions.f:0] [f] {}"},
    {"a call without an id",
     {delta(call("", "f", "{}"), "tool_calls")},
     "tool_calls ''\n[] [f] {}"},
    {"a name with a prefix",
     {delta(call("1", "functions.f", "{}"), "tool_calls")},
     "tool_calls ''\n[1] [functions.f] {}"},
    {"a name that hosts refuse",
     {delta(call("1", "a b", "{}"), "tool_calls")},
     "tool_calls ''\n[1] [a b] {}"},
    {"arguments that are no JSON",
     {delta(call("1", "f", "{oops"), "tool_calls")},
     "tool_calls ''\n[1] [f] {oops"},
    {"calls under the word stop", {delta(call("1", "f", "{}"), "stop")}, "stop ''\n[1] [f] {}"},
    {"a leaked call under the word stop",
     {delta(kLeak, "stop")},
     "stop '<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0"
     "<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>'"},
    {"a leaked call that was announced",
     {delta(kLeak, "tool_calls")},
     "tool_calls '<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0"
     "<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>'"},
    {"calls announced and none sent",
     {delta(R"({"content":"a"})", "tool_calls")},
     "tool_calls 'a'"},
    {"no word for the end", {delta(R"({"content":"a"})")}, "stop 'a'"},
};

class Sent : public ::testing::TestWithParam<SentCase> {};

TEST_P(Sent, IsShownAsItCame) {
  const Result<ModelReplied> reply = test::assemble({.chunks = GetParam().chunks, .as_sent = true});
  ASSERT_TRUE(reply.ok()) << to_text(reply.error());
  EXPECT_EQ(shown(as_sent(*reply)), GetParam().reply);
}

INSTANTIATE_TEST_SUITE_P(Replies, Sent, ::testing::ValuesIn(kSentCases),
                         [](const auto& row) { return test::case_name(row.param.name); });

TEST(HostReply, HasUsageOnlyWhenTheHostSentSome) {
  const Result<ModelReplied> without =
      test::assemble({.chunks = {delta(R"({"content":"a"})", "stop")}, .as_sent = true});
  ASSERT_TRUE(without.ok());
  EXPECT_FALSE(as_sent(*without).usage.has_value());
  const Result<ModelReplied> with = test::assemble(
      {.body = R"({"id":"x","choices":[{"message":{"content":"a"},"finish_reason":"stop"}],)"
               R"("usage":{"prompt_tokens":5,"completion_tokens":2,"cached_tokens":4}})",
       .as_sent = true});
  ASSERT_TRUE(with.ok());
  ASSERT_TRUE(as_sent(*with).usage.has_value());
  EXPECT_EQ(as_sent(*with).usage->input_tokens, 5);
}

constexpr std::string_view kRequest = R"({"tools":[
  {"type":"function","function":{"name":"weather","parameters":{"type":"object",
    "properties":{"city":{"type":"string"},"days":{"type":"integer","minimum":1}},
    "required":["city"]}}},
  {"type":"function","function":{"name":"now"}},
  {"type":"function","function":{"name":"old","parameters":{
    "$schema":"http://json-schema.org/draft-07/schema#","type":"object",
    "properties":{"pair":{"items":[{"type":"string"}]}}}}},
  {"type":"function","function":{"name":"broken","parameters":{"type":"thing"}}}]})";

struct CallCase {
  const char* name;
  const char* tool;
  const char* arguments;
  const char* problem;  ///< Its beginning; empty for a good call.
};

const CallCase kCalls[] = {
    {"good", "weather", R"({"city":"Ghent","days":2})", ""},
    {"without a schema", "now", "{}", ""},
    {"draft-07 by its name", "old", R"({"pair":["a",1]})", ""},
    {"draft-07 is enforced", "old", R"({"pair":[1]})", "old: /pair/0: "},
    {"of the wrong type", "weather", R"({"city":7})", "weather: /city: "},
    {"incomplete", "weather", "{}", "weather: "},
    {"below the minimum", "weather", R"({"city":"Ghent","days":0})", "weather: /days: "},
    {"no JSON", "weather", R"({"city":)", "weather: the arguments are no JSON: "},
    {"empty", "weather", "", "weather: the arguments are no JSON: "},
    {"encoded twice", "weather", R"("{\"city\":\"Ghent\"}")", "weather: "},
    {"unknown", "whether", "{}", "whether: the request has no tool of this name"},
    {"with a prefix", "functions.now", "{}", "functions.now: the request has no tool"},
    {"schema of no use", "broken", "{}", "broken: the tool's own schema cannot be used: "},
};

TEST(ProblemsOfCalls, AreFoundByTheSchemasOfTheRequest) {
  for (const CallCase& row : kCalls) {
    const std::vector<std::string> problems =
        problems_of_calls(kRequest, {{.id = "1", .name = row.tool, .arguments = row.arguments}});
    const std::string text = join(problems, "\n");
    if (*row.problem == '\0') {
      EXPECT_EQ(text, "") << row.name;
    } else {
      EXPECT_EQ(text.find(row.problem), 0U) << row.name << ": " << text;
    }
  }
}

TEST(ProblemsOfCalls, AreToldForEachCall) {
  const std::vector<std::string> problems =
      problems_of_calls(kRequest, {{.name = "now", .arguments = "{}"},
                                   {.name = "a", .arguments = "{}"},
                                   {.name = "b", .arguments = "{}"}});
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems_of_calls("{}", {{.name = "a", .arguments = "{}"}}).size(), 1U);
}

}  // namespace
}  // namespace perdure::verify
