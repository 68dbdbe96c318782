// A reply that was cut, at a host that goes on with it: the pieces are one message, and whatever
// comes between them leaves nothing lost and nothing twice.
#include "core/cut_reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/core_runs.h"

namespace perdure {
namespace {

using test::assistant_fragment;
using test::call_of;
using test::calls_reply;
using test::definition_of_test;
using test::TestRun;
using test::text_reply;
using testing::HasSubstr;
using testing::Not;

RunStarted continuing(bool fallback_continues = false) {
  RunStarted definition = definition_of_test();
  definition.limits.continues = true;
  EndpointPlan other{.model = "m", .host = "vllm", .base_url = "http://2/v1"};
  other.limits = definition.limits;
  other.limits.continues = fallback_continues;
  definition.fallback.endpoints = {other};
  return definition;
}

ModelReplied cut(std::string text) {
  return text_reply(std::move(text), FinishReason::kLength);
}

RequestFailed broken(const TestRun& test, std::string text) {
  return {.step = test.run().step,
          .attempt = test.run().attempt,
          .error = {.code = ErrorCode::kNetwork, .message = "reset", .retry = Retry::kLater},
          .received_bytes = 30,
          .delay_ms = 10,
          .kept = assistant_fragment(text, {}),
          .text = text};
}

void retry(TestRun& test) {
  test.add(RetryScheduled{.delay_ms = 10}).add(RetryDue{});
}

TEST(CutReply, goes_on_in_the_same_message_and_joins_when_it_is_whole) {
  TestRun test(continuing());
  EXPECT_FALSE(test.request().continues);
  const std::string before = test.transcript();
  test.reply(cut("One, "));
  EXPECT_EQ(test.transcript(), before) << "a piece is no message";
  EXPECT_TRUE(test.request().continues);
  test.reply(cut("two, "));
  EXPECT_TRUE(test.request().continues);
  ModelReplied last = calls_reply({call_of("a")});
  last.text = "three.";
  last.fragment = assistant_fragment(last.text, last.calls);
  test.reply(last);
  EXPECT_THAT(test.transcript(), HasSubstr(assistant_fragment("One, two, three.", last.calls)));
  EXPECT_EQ(test.run().text, "One, two, three.");
  EXPECT_TRUE(test.run().cut_reply.empty());
}

TEST(CutReply, of_a_host_that_adds_nothing_is_the_answer) {
  TestRun test(continuing());
  test.request();
  test.reply(cut("All of it."));
  test.request();
  ModelReplied nothing = text_reply("");
  nothing.fragment.clear();
  test.reply(nothing);
  EXPECT_THAT(test.next(), HasSubstr("done"));
  EXPECT_EQ(test.run().text, "All of it.");
  EXPECT_FALSE(test.run().text_goes_on);
  EXPECT_THAT(test.transcript(), HasSubstr(assistant_fragment("All of it.", {})));
}

TEST(CutReply, takes_no_reasoning_that_was_made_up_for_the_host) {
  TestRun test(continuing());
  test.request();
  ModelReplied first = cut("One, ");
  first.fragment = R"({"role":"assistant","content":"One, ","reasoning_content":"Think."})";
  test.reply(first);
  test.request();
  ModelReplied last = text_reply("two.");
  last.fragment = R"({"role":"assistant","content":"two.","reasoning_content":" "})";
  last.edits = {{.field = "reasoning_content", .reason = "the host wants one"}};
  test.reply(last);
  EXPECT_THAT(test.transcript(), HasSubstr(R"("content":"One, two.")"));
  EXPECT_THAT(test.transcript(), HasSubstr(R"("reasoning_content":"Think.")"));
}

TEST(CutReply, is_gone_on_with_twice) {
  TestRun test(continuing());
  for (const char* text : {"On ", "and on ", "and on"}) {
    test.request();
    test.reply(cut(text));
  }
  EXPECT_THAT(test.next(), HasSubstr("cut at the output limit again and again"));
  EXPECT_THAT(test.transcript(), HasSubstr(assistant_fragment("On and on and on", {})));
}

TEST(CutReply, in_a_call_is_not_gone_on_with) {
  TestRun test(continuing());
  test.request();
  ModelReplied reply = calls_reply({call_of("a")}, FinishReason::kLength);
  test.reply(reply);
  EXPECT_THAT(test.transcript(), HasSubstr(reply.fragment));
  EXPECT_THAT(test.next(), HasSubstr("limit of output tokens"));
}

TEST(CutReply, counts_for_the_prompt_and_for_the_budget) {
  TestRun test(continuing());
  test.request();
  const std::int64_t first = test.run().sent.input_tokens_estimate;
  ModelReplied piece = cut(std::string(300, 'x'));
  piece.usage = {.input_tokens = first, .output_tokens = 100};
  test.reply(piece);
  EXPECT_GE(test.request().input_tokens_estimate, first + 100);
  EXPECT_EQ(test.run().usage.output_tokens, 100);
  EXPECT_EQ(test.run().usage.steps, 1);
  RequestFailed failed = broken(test, "half");
  test.add(failed);
  EXPECT_EQ(test.run().usage.output_tokens, 100 + failed.received_bytes / 3);
}

TEST(CutReply, of_a_stream_that_broke_goes_on_with_the_next_attempt) {
  TestRun test(continuing());
  test.request();
  test.add(broken(test, "One, "));
  retry(test);
  const RequestSent& again = test.request();
  EXPECT_TRUE(again.continues);
  EXPECT_EQ(again.attempt, 2);
  test.reply(text_reply("two."));
  EXPECT_THAT(test.transcript(), HasSubstr(assistant_fragment("One, two.", {})));
  EXPECT_EQ(test.run().text, "One, two.");
  EXPECT_EQ(test.run().usage.steps, 1);
  EXPECT_THAT(test.next(), HasSubstr("done"));
}

TEST(CutReply, that_the_host_refuses_is_asked_for_in_words) {
  TestRun test(continuing());
  test.request();
  test.reply(cut("One, "));
  test.request();
  test.add(RequestFailed{.step = test.run().step,
                         .attempt = test.run().attempt,
                         .error = {.code = ErrorCode::kBadRequest, .message = "no partial"},
                         .structural = true});
  EXPECT_THAT(test.next(), HasSubstr("Continue exactly where it ended"));
  test.settle();
  EXPECT_THAT(test.transcript(), HasSubstr(assistant_fragment("One, ", {})));
  EXPECT_FALSE(test.request().continues);
  test.reply(text_reply("two."));
  EXPECT_EQ(test.run().text, "One, two.");
}

TEST(CutReply, joins_before_the_words_of_a_person) {
  TestRun test(continuing());
  test.request();
  test.reply(cut("One, "));
  test.say("Stop counting.");
  test.settle();
  EXPECT_THAT(test.transcript(), HasSubstr(assistant_fragment("One, ", {}) + "\n" +
                                           message_fragment("user", "Stop counting.")));
  EXPECT_FALSE(test.request().continues);
}

// Also where the other one could: only who began a reply goes on with it.
TEST(CutReply, is_asked_for_in_words_at_another_endpoint) {
  for (const bool fallback_continues : {false, true}) {
    TestRun test(continuing(fallback_continues));
    test.request();
    test.reply(cut("One, "));
    test.request();
    test.add(broken(test, "two, "));
    test.add(EndpointChanged{.from = 0, .to = 1, .reason = "network"});
    EXPECT_THAT(test.next(), HasSubstr("Your last reply broke off. Continue exactly"));
    test.settle();
    EXPECT_THAT(test.transcript(), HasSubstr(assistant_fragment("One, two, ", {})));
    EXPECT_FALSE(test.request().continues);
    test.reply(text_reply("three."));
    EXPECT_EQ(test.run().text, "One, two, three.");
    EXPECT_EQ(test.run().issuers.back().host, "vllm");
    EXPECT_EQ(test.run().issuers.back().first_message, test.run().transcript.size() - 2)
        << "the beginning is of the host that sent it";
  }
}

TEST(CutReply, goes_on_after_a_resume_where_the_host_still_can) {
  for (const bool continues : {true, false}) {
    RunStarted definition = continuing();
    definition.fallback = {};
    TestRun test(definition);
    test.request();
    test.reply(cut("One, "));
    test.request();
    RunResumed resumed{.limits = test.run().limits};
    resumed.limits.continues = continues;
    test.add(resumed);
    if (continues) {
      EXPECT_TRUE(test.request().continues);
    } else {
      EXPECT_THAT(test.next(), HasSubstr("Continue exactly where it ended"));
    }
  }
}

TEST(CutReply, is_gone_on_with_before_anything_else_is_said) {
  RunStarted definition = continuing();
  definition.limits.told_choice = "touch";
  TestRun test(definition);
  test.request();
  for (int i = 0; i < 2; ++i) {
    test.reply(cut("One, "));
    EXPECT_TRUE(test.request().continues);
  }
  test.reply(text_reply("two."));
  EXPECT_THAT(test.next(), HasSubstr("must call the tool touch"))
      << "a piece of an answer misses no call";
}

}  // namespace
}  // namespace perdure
