// What a host is sent of a history that others wrote: each rule of a dialect as a case, byte by
// byte, and that all of it grows only at its end.
#include "model/history.h"

#include <ostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/core_runs.h"

namespace perdure {
namespace {

using test::assistant_fragment;
using test::call_of;
using test::TestRun;

std::vector<std::string> messages_of(const Transcript& transcript) {
  std::vector<std::string> list;
  for (std::size_t i = 0; i < transcript.size(); ++i) list.emplace_back(transcript.fragment(i));
  return list;
}

std::string call(const std::string& id, const std::string& more = "") {
  return R"({"id":")" + id + R"(","type":"function","function":{"name":"read","arguments":"{}"})" +
         more + "}";
}

struct MessageRow {
  std::string name;
  HistoryDialect dialect;
  std::string message;
  std::string projected;  // empty: as it was
};

void PrintTo(const MessageRow& row, std::ostream* out) {
  *out << row.name;
}

const HistoryDialect kNumbered{.call_ids = CallIds::kNumbered};
const HistoryDialect kPlain{.call_ids = CallIds::kPlain};
const HistoryDialect kNullForEmpty{.empty_content = EmptyContent::kNull};
const HistoryDialect kKeptContent{.empty_content = EmptyContent::kKeep};
const HistoryDialect kReasoning{.reasoning_member = "reasoning"};
const HistoryDialect kNoReasoning{.takes_reasoning = false};
const HistoryDialect kRequired{.reasoning_member = "reasoning_content", .reasoning_required = true};

const std::string kCalls = R"("tool_calls":[)" + call("read:0") + "]}";
const std::string kRole = R"({"role":"assistant",)";

const MessageRow kMessages[] = {
    {"any_id", {}, kRole + kCalls, ""},
    {"numbered_id", kNumbered, kRole + kCalls,
     kRole + R"("tool_calls":[)" + call("functions.read:0") + "]}"},
    {"numbered_ids_of_one_message", kNumbered,
     kRole + R"("tool_calls":[)" + call("a") + "," + call("b") + "]}",
     kRole + R"("tool_calls":[)" + call("functions.read:0") + "," + call("functions.read:1") +
         "]}"},
    {"numbered_id_that_is_right", kNumbered,
     kRole + R"("tool_calls":[)" + call("functions.read:0") + "]}", ""},
    {"plain_id", kPlain, kRole + R"("tool_calls":[)" + call("functions.read:0") + "]}",
     kRole + R"("tool_calls":[)" + call("functions_read_0") + "]}"},
    {"plain_ids_that_become_the_same", kPlain,
     kRole + R"("tool_calls":[)" + call("a:1") + "," + call("a.1") + "]}",
     kRole + R"("tool_calls":[)" + call("a_1") + "," + call("a_1_1") + "]}"},
    {"plain_id_that_is_long", kPlain,
     kRole + R"("tool_calls":[)" + call(std::string(70, 'x')) + "]}",
     kRole + R"("tool_calls":[)" + call(std::string(64, 'x')) + "]}"},
    {"plain_id_that_was_escaped", kPlain, kRole + R"("tool_calls":[)" + call(R"(a\"b)") + "]}",
     kRole + R"("tool_calls":[)" + call("a_b") + "]}"},
    {"the_rest_of_a_call_stays", kNumbered,
     kRole + R"("tool_calls":[)" + call("a", R"(,"index":0,"x": [1.50])") + "]}",
     kRole + R"("tool_calls":[)" + call("functions.read:0", R"(,"index":0,"x":[1.50])") + "]}"},
    {"content_left_out", {}, kRole + R"("content":null,)" + kCalls, kRole + kCalls},
    {"content_that_was_empty", {}, kRole + R"("content":"",)" + kCalls, kRole + kCalls},
    {"content_as_null", kNullForEmpty, kRole + kCalls, kRole + R"("content":null,)" + kCalls},
    {"content_as_null_that_was_empty", kNullForEmpty, kRole + R"("content":"",)" + kCalls,
     kRole + R"("content":null,)" + kCalls},
    {"content_kept", kKeptContent, kRole + kCalls, kRole + R"("content":"",)" + kCalls},
    {"content_that_says_something", kNullForEmpty, kRole + R"("content":"Caf\u00e9",)" + kCalls,
     ""},
    {"content_of_an_answer", kNullForEmpty, kRole + R"("content":"Hi."})", ""},
    {"reasoning_under_another_name", kReasoning,
     kRole + R"("content":"Hi.","reasoning_content":"So \ud83d\ude00\n"})",
     kRole + R"("content":"Hi.","reasoning":"So \ud83d\ude00\n"})"},
    {"reasoning_under_its_name", {}, kRole + R"("content":"Hi.","reasoning":"So."})", ""},
    {"reasoning_left_out", kNoReasoning, kRole + R"("content":"Hi.","reasoning":"So."})",
     kRole + R"("content":"Hi."})"},
    {"reasoning_that_is_demanded", kRequired, kRole + kCalls,
     kRole + R"("reasoning_content":" ",)" + kCalls},
    {"reasoning_that_is_demanded_and_was_empty", kRequired, kRole + R"("reasoning":"",)" + kCalls,
     kRole + R"("reasoning_content":" ",)" + kCalls},
    {"reasoning_that_is_not_demanded_of_answers", kRequired, kRole + R"("content":"Hi."})", ""},
    {"details_become_text", kRequired,
     kRole + R"("content":"Hi.","reasoning_details":[{"type":"reasoning.text","text":"So ",)"
             R"("index":0},{"type":"reasoning.encrypted","data":"xyz"},{"text":"\"it\" is."}]})",
     kRole + R"("content":"Hi.","reasoning_content":"So \"it\" is."})"},
    {"details_beside_the_text", kReasoning,
     kRole + R"("content":"Hi.","reasoning":"So.","reasoning_details":[{"text":"So."}]})",
     kRole + R"("content":"Hi.","reasoning":"So."})"},
    {"details_without_text",
     {},
     kRole + R"("content":"Hi.","reasoning_details":[{"data":"x"}]})",
     kRole + R"("content":"Hi."})"},
    {"the_layout_of_anthropics_api", kNumbered,
     kRole + R"("content":"Hi.","anthropic_blocks":[{"type":"text","bytes":3}]})",
     kRole + R"("content":"Hi."})"},
    {"fields_that_nobody_knows", kRequired,
     kRole + R"("content":"Hi.","refusal":null,"x": {"reasoning": 1e2}})",
     kRole + R"("content":"Hi.","refusal":null,"x":{"reasoning": 1e2}})"},
    {"a_user", kNumbered, R"({"role":"user","content": "tool_calls"})", ""},
    {"a_result_of_nobody", kNumbered, R"({"role":"tool","tool_call_id":"x","content":"1"})", ""},
};

class ProjectedMessage : public testing::TestWithParam<MessageRow> {};
INSTANTIATE_TEST_SUITE_P(Rules, ProjectedMessage, testing::ValuesIn(kMessages),
                         [](const auto& row) { return row.param.name; });

TEST_P(ProjectedMessage, IsWhatTheDialectSays) {
  const MessageRow& row = GetParam();
  ProjectedHistory history(row.dialect);
  history.add(row.message, false);
  EXPECT_EQ(messages_of(history.messages()).at(0),
            row.projected.empty() ? row.message : row.projected);
}

TEST_P(ProjectedMessage, OfTheHostItselfStaysByteByByte) {
  ProjectedHistory history(GetParam().dialect);
  history.add(GetParam().message, true);
  EXPECT_EQ(messages_of(history.messages()).at(0), GetParam().message);
}

TEST(ProjectedHistory, RewritesCallsAndTheirResultsTogether) {
  ProjectedHistory history(kNumbered);
  history.add(assistant_fragment("", {call_of("read:0"), call_of("read:1")}), false);
  history.add(result_fragment("read:0", "one"), false);
  history.add(result_fragment("read:1", "two"), false);
  history.add(assistant_fragment("", {call_of("functions.touch:2")}), true);
  history.add(result_fragment("functions.touch:2", "three"), true);
  history.add(assistant_fragment("", {call_of("read:3")}), false);
  history.add(result_fragment("read:3", "four"), false);
  const std::vector<std::string> messages = messages_of(history.messages());
  EXPECT_EQ(messages[1], result_fragment("functions.touch:0", "one"));
  EXPECT_EQ(messages[2], result_fragment("functions.touch:1", "two"));
  EXPECT_EQ(messages[4], result_fragment("functions.touch:2", "three"));
  EXPECT_EQ(messages[6], result_fragment("functions.touch:3", "four"));
  EXPECT_THAT(history.call_ids(), testing::ElementsAre("functions.touch:0", "functions.touch:1",
                                                       "functions.touch:2", "functions.touch:3"));
}

TEST(ProjectedHistory, KeepsWhichResultsAreFailures) {
  ProjectedHistory history(kNumbered);
  history.add(assistant_fragment("", {call_of("read:0")}), false);
  history.add(result_fragment("read:0", "no"), false, true);
  EXPECT_FALSE(history.messages().is_failure(0));
  EXPECT_TRUE(history.messages().is_failure(1));
}

// A host that counts from 0 in each turn sent the id that the next foreign call would get.
TEST(ProjectedHistory, GivesNoIdTwice) {
  ProjectedHistory history(kNumbered);
  history.add(assistant_fragment("", {call_of("functions.touch:1")}), true);
  history.add(assistant_fragment("", {call_of("call_abc")}), false);
  EXPECT_EQ(messages_of(history.messages())[1],
            assistant_fragment("", {call_of("functions.touch:2")}));
}

RunStarted with_fallback() {
  RunStarted definition = test::definition_of_test();
  definition.fallback = {.endpoints = {{.model = "kimi-k2.6",
                                        .host = "vllm",
                                        .base_url = "http://127.0.0.1:2/v1",
                                        .limits = definition.limits}},
                         .return_ms = 1'000};
  return definition;
}

TEST(HistoriesOfARun, AreTheTranscriptWhereOneEndpointSentAllOfIt) {
  TestRun run(with_fallback());
  run.step({call_of("read:0")});
  Histories histories({{.call_ids = CallIds::kAny}, kNumbered});
  const Histories::View view = histories.at_endpoint_in_use(run.run());
  EXPECT_EQ(view.messages, &run.run().transcript);
  EXPECT_EQ(view.call_ids, nullptr);
}

TEST(HistoriesOfARun, GrowOnlyAtTheirEndAtEachEndpoint) {
  TestRun run(with_fallback());
  run.step({call_of("read:0")});
  run.request();
  run.fail(ErrorCode::kQuota, Retry::kNo).settle();
  ASSERT_EQ(run.run().endpoint, 1U);
  Histories histories({{.call_ids = CallIds::kAny}, kNumbered});
  std::vector<std::string> last;
  for (int step = 1; step < 5; ++step) {
    const std::vector<std::string> now =
        messages_of(*histories.at_endpoint_in_use(run.run()).messages);
    ASSERT_GE(now.size(), last.size());
    for (std::size_t i = 0; i < last.size(); ++i) EXPECT_EQ(now[i], last[i]);
    EXPECT_EQ(now[2], assistant_fragment("", {call_of("functions.touch:0")}));
    EXPECT_EQ(now[3], result_fragment("functions.touch:0", "done"));
    // Another process makes the same of it.
    Histories again({{.call_ids = CallIds::kAny}, kNumbered});
    EXPECT_EQ(messages_of(*again.at_endpoint_in_use(run.run()).messages), now);
    last = now;
    run.step({call_of(step == 2 ? "call_9" : "functions.touch:" + std::to_string(step))});
  }
  const auto at_fallback = messages_of(*histories.at_endpoint_in_use(run.run()).messages);
  EXPECT_THAT(at_fallback, testing::Contains(assistant_fragment("", {call_of("call_9")})))
      << "what the host sent itself";
  // The journal keeps what the first host sent.
  EXPECT_THAT(run.transcript(), testing::HasSubstr(R"("id":"read:0")"));
}

// What came from another address of the same host has ids that this one has not given.
TEST(Histories, TellTwoAddressesOfOneHostApart) {
  const HistoryDialect numbered{.call_ids = CallIds::kNumbered};
  for (const bool same : {true, false}) {
    RunStarted definition = test::definition_of_test();
    EndpointPlan other{.model = "kimi-k2.6",
                       .host = definition.host,
                       .base_url = same ? definition.base_url : "http://127.0.0.1:2/v1",
                       .limits = definition.limits};
    definition.limits.attempts_max = 1;
    definition.fallback.endpoints = {other};
    TestRun test(definition);
    test.step({call_of("read:0", "read")});
    test.request();
    test.fail(ErrorCode::kServer).settle();
    ASSERT_EQ(test.run().endpoint, 1U);
    Histories histories({numbered, numbered});
    const Transcript& sent = *histories.at_endpoint_in_use(test.run()).messages;
    EXPECT_EQ(messages_of(sent) == messages_of(test.run().transcript), same);
  }
}

}  // namespace
}  // namespace perdure
