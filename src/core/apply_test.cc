// The fold: what each event does to a run, and that an impossible one does nothing at all.
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/run.h"
#include "tests/support/core_runs.h"

namespace perdure {
namespace {

using test::call_of;
using test::calls_reply;
using test::definition_of_test;
using test::exclusive;
using test::pure;
using test::reads;
using test::TestRun;
using test::text_reply;
using test::writes;
using testing::HasSubstr;

// --- Impossible events ---

// How far a run has come. Each goes on from the one before it, but for the last ones.
enum class Came {
  kQueued,    // the task waits
  kDue,       // the model is to be asked
  kAsked,     // a request is in flight
  kFailed,    // it failed
  kWaiting,   // a retry is scheduled
  kRetry,     // the retry is due
  kReplied,   // two calls are proposed
  kAssessed,  // call 0 is destructive, call 1 invalid
  kToAsk,     // call 0 needs an answer
  kAsking,    // a person is asked
  kAllowed,   // call 0 may run
  kRunning,   // call 0 runs
  kDoubt,     // ... in a process that died
  kOneDone,   // call 0 is answered
  kAnswered,  // the model gave its answer
  kChecking,  // the acceptance runs
  kEnded,     // the run has ended
};

TestRun run_that_came(Came far) {
  RunStarted definition = definition_of_test();
  definition.acceptance_rounds = 1;
  TestRun test(definition);
  Assessment invalid = pure();
  invalid.problem = Error{.code = ErrorCode::kUnknownTool, .message = "no such tool"};
  const auto to_reply = [&] { test.request(); };
  const std::vector<std::pair<Came, std::function<void()>>> steps = {
      {Came::kDue, [&] { test.settle(); }},
      {Came::kAsked, [&] { test.request(); }},
      {Came::kFailed, [&] { test.fail(ErrorCode::kServer); }},
      {Came::kWaiting, [&] { test.add(RetryScheduled{.delay_ms = 500}); }},
      {Came::kRetry, [&] { test.add(RetryDue{}); }},
      {Came::kReplied,
       [&] {
         to_reply();
         test.reply(calls_reply({call_of("a"), call_of("b")}));
       }},
      {Came::kAssessed,
       [&] { test.assess(0, exclusive(EffectClass::kDestructive)).assess(1, invalid); }},
      {Came::kToAsk, [&] { test.add(CallAuthorized{.call = 0, .action = PolicyAction::kAsk}); }},
      {Came::kAsking, [&] { test.add(ApprovalAsked{.call = 0}); }},
      {Came::kAllowed, [&] { test.add(ApprovalGiven{.call = 0, .answer = ApprovalAnswer::kYes}); }},
      {Came::kRunning, [&] { test.start(0); }},
      {Came::kDoubt, [&] { test.resume(); }},
      {Came::kOneDone, [&] { test.finish(0); }},
      {Came::kAnswered,
       [&] {
         test.settle();
         test.request();
         test.reply(text_reply("Done."));
       }},
      {Came::kChecking, [&] { test.add(AcceptanceStarted{.round = 1}); }},
      {Came::kEnded, [&] { test.add(AcceptanceFinished{.passed = true}).settle(); }},
  };
  for (const auto& [stage, go] : steps) {
    if (stage > far) break;
    go();
  }
  return test;
}

struct Impossible {
  Came far;
  EventBody event;
  const char* why;
};

RequestSent sent(std::int64_t step, std::int64_t attempt) {
  return {.step = step, .attempt = attempt, .output_tokens_max = 4'096};
}

RequestFailed failed(std::int64_t step, std::int64_t attempt) {
  return {.step = step, .attempt = attempt, .error = {.code = ErrorCode::kServer, .message = "x"}};
}

ModelReplied replied(std::int64_t step) {
  ModelReplied reply = text_reply("Hello.");
  reply.step = step;
  return reply;
}

CallFinished finished(std::int64_t call, CallStatus status = CallStatus::kOk) {
  return {.call = call, .status = status, .fragment = result_fragment("a", "x")};
}

MessageAdded message(MessageOrigin origin) {
  return {.origin = origin, .fragment = message_fragment("user", "x")};
}

void expect_refused(const std::vector<Impossible>& table) {
  for (const Impossible& row : table) {
    TestRun test = run_that_came(row.far);
    EXPECT_THAT(test.refusal(row.event), HasSubstr(row.why))
        << kind_of(row.event) << " at stage " << static_cast<int>(row.far);
  }
}

TEST(ApplyImpossible, BeforeTheStartAndAfterTheEnd) {
  perdure::Run run;
  for (const EventBody& event : {EventBody(MessageQueued{}), EventBody(RunResumed{}),
                                 EventBody(sent(1, 1)), EventBody(RunEnded{})}) {
    EXPECT_FALSE(apply(run, {.active_ms = 7, .body = event}).ok());
    EXPECT_EQ(test::difference(run, {}), "");
  }
  expect_refused({
      {Came::kQueued, definition_of_test(), "run_started twice"},
      {Came::kEnded, definition_of_test(), "the run has ended"},
      {Came::kEnded, MessageQueued{.text = "x"}, "the run has ended"},
      {Came::kEnded, RetryDue{}, "the run has ended"},
      {Came::kEnded, sent(3, 1), "the run has ended"},
      {Came::kEnded, StopRequested{}, "the run has ended"},
      {Came::kEnded, RunEnded{}, "the run has ended"},
  });
}

TEST(ApplyImpossible, Messages) {
  expect_refused({
      {Came::kDue, message(MessageOrigin::kUser), "not queued"},
      {Came::kAsked, message(MessageOrigin::kRuntime), "while the model is asked"},
      {Came::kFailed, message(MessageOrigin::kRuntime), "while the model is asked"},
      {Came::kWaiting, message(MessageOrigin::kRuntime), "while the model is asked"},
      {Came::kRetry, message(MessageOrigin::kRuntime), "while the model is asked"},
      {Came::kReplied, message(MessageOrigin::kRuntime), "between calls and their results"},
      {Came::kRunning, message(MessageOrigin::kInstructions), "between calls and their results"},
      {Came::kDoubt, message(MessageOrigin::kUser), "between calls and their results"},
      {Came::kChecking, message(MessageOrigin::kRuntime), "while the answer is checked"},
  });
}

TEST(ApplyImpossible, Requests) {
  expect_refused({
      {Came::kDue, sent(2, 1), "another step"},
      {Came::kDue, sent(1, 2), "another attempt"},
      {Came::kDue, failed(1, 1), "a failure without a request"},
      {Came::kDue, replied(1), "a reply without a request"},
      {Came::kDue, RetryDue{}, "nobody waits"},
      {Came::kDue, RetryScheduled{}, "a retry without a failure"},
      {Came::kAsked, sent(1, 2), "two requests"},
      {Came::kAsked, failed(1, 2), "another request"},
      {Came::kAsked, failed(2, 1), "another request"},
      {Came::kAsked, replied(2), "another step"},
      {Came::kAsked, RetryDue{}, "nobody waits"},
      {Came::kFailed, sent(1, 2), "two requests"},
      {Came::kFailed, failed(1, 1), "a failure without a request"},
      {Came::kFailed, replied(1), "a reply without a request"},
      {Came::kFailed, RetryDue{}, "nobody waits"},
      {Came::kWaiting, sent(1, 2), "two requests"},
      {Came::kWaiting, replied(1), "a reply without a request"},
      {Came::kWaiting, RetryScheduled{}, "a retry without a failure"},
      {Came::kRetry, sent(1, 1), "another attempt"},
      {Came::kRetry, RetryDue{}, "nobody waits"},
      {Came::kReplied, sent(2, 1), "before all calls were answered"},
      {Came::kReplied, replied(1), "a reply without a request"},
      {Came::kOneDone, sent(2, 1), "before all calls were answered"},
      {Came::kChecking, sent(3, 1), "while the answer is checked"},
  });
}

TEST(ApplyImpossible, Calls) {
  const auto assessed = [](std::int64_t call) { return CallAssessed{.call = call}; };
  const auto allowed = [](std::int64_t call) {
    return CallAuthorized{.call = call, .action = PolicyAction::kAllow};
  };
  const auto intended = [](std::int64_t call, std::int64_t attempt) {
    return CallIntended{.call = call, .attempt = attempt};
  };
  const char* not_so_far = "how far the call came";
  expect_refused({
      {Came::kDue, assessed(0), "call_assessed"},
      {Came::kReplied, assessed(2), "call_assessed"},
      {Came::kReplied, assessed(-1), "call_assessed"},
      {Came::kReplied, allowed(0), "call_authorized"},
      {Came::kReplied, ApprovalAsked{.call = 0}, "approval_asked"},
      {Came::kReplied, intended(0, 1), "call_intended"},
      {Came::kReplied, finished(0), not_so_far},
      {Came::kAssessed, assessed(0), "call_assessed"},
      {Came::kAssessed, allowed(1), "call_authorized"},
      {Came::kAssessed, ApprovalAsked{.call = 0}, "approval_asked"},
      {Came::kAssessed, ApprovalGiven{.call = 0}, "approval_given"},
      {Came::kAssessed, intended(0, 1), "call_intended"},
      {Came::kToAsk, allowed(0), "call_authorized"},
      {Came::kToAsk, ApprovalGiven{.call = 0}, "approval_given"},
      {Came::kToAsk, intended(0, 1), "call_intended"},
      {Came::kAsking, ApprovalAsked{.call = 0}, "approval_asked"},
      {Came::kAsking, ApprovalGiven{.call = 1}, "approval_given"},
      {Came::kAsking, intended(0, 1), "call_intended"},
      {Came::kAllowed, ApprovalGiven{.call = 0}, "approval_given"},
      {Came::kAllowed, intended(0, 2), "call_intended"},
      {Came::kAllowed, intended(7, 1), "call_intended"},
      {Came::kAllowed, finished(0), not_so_far},
      {Came::kAllowed, finished(0, CallStatus::kInDoubt), not_so_far},
      {Came::kRunning, intended(0, 2), "call_intended"},
      {Came::kRunning, finished(0, CallStatus::kDenied), not_so_far},
      {Came::kRunning, finished(0, CallStatus::kInvalid), not_so_far},
      {Came::kRunning, finished(0, CallStatus::kTruncated), not_so_far},
      {Came::kRunning, finished(2), "call_finished"},
      {Came::kRunning, finished(-1), "call_finished"},
      {Came::kDoubt, intended(0, 1), "call_intended"},
      {Came::kDoubt, ApprovalGiven{.call = 0}, "approval_given"},
      {Came::kOneDone, finished(0), "answered twice"},
      {Came::kOneDone, finished(0, CallStatus::kDenied), "answered twice"},
      {Came::kOneDone, intended(0, 3), "call_intended"},
      {Came::kAnswered, finished(0), "call_finished"},
  });
}

TEST(ApplyImpossible, AcceptanceAndEnd) {
  const AcceptanceStarted first = {.round = 1};
  expect_refused({
      {Came::kDue, first, "acceptance_started"},
      {Came::kAsked, first, "acceptance_started"},
      {Came::kReplied, first, "acceptance_started"},
      {Came::kAnswered, AcceptanceStarted{.round = 2}, "acceptance_started"},
      {Came::kAnswered, AcceptanceFinished{.passed = true}, "acceptance_finished"},
      {Came::kChecking, first, "acceptance_started"},
      {Came::kChecking, AcceptanceStarted{.round = 2}, "acceptance_started"},
      {Came::kAsked, RunEnded{}, "while work is under way"},
      {Came::kRunning, RunEnded{}, "while work is under way"},
      {Came::kChecking, RunEnded{}, "while work is under way"},
  });
}

// --- Calls and results ---

TEST(Apply, ResultsJoinTogetherInTheOrderOfTheCalls) {
  TestRun test;
  test.request();
  test.reply(calls_reply({call_of("a"), call_of("b"), call_of("c")}));
  const std::size_t before = test.run().transcript.size();
  test.assess(0, reads({"x"})).assess(1, reads({"y"})).assess(2, reads({"z"})).settle();
  test.start(2).start(0).finish(2, "third").finish(0, "first");
  EXPECT_EQ(test.run().transcript.size(), before);
  EXPECT_EQ(test.stages(), "finished authorized finished");
  EXPECT_FALSE(test.run().model_should_speak);
  test.start(1).finish(1, "second", CallStatus::kError);
  EXPECT_EQ(test.run().calls.size(), 0U);
  EXPECT_TRUE(test.run().model_should_speak);
  EXPECT_EQ(test.transcript(),
            R"({"role":"system","content":"Be brief."})"
            "\n"
            R"({"role":"user","content":"Do it."})"
            "\n"
            R"({"role":"assistant","tool_calls":[)"
            R"({"id":"a","type":"function","function":{"name":"touch","arguments":"{}"}},)"
            R"({"id":"b","type":"function","function":{"name":"touch","arguments":"{}"}},)"
            R"({"id":"c","type":"function","function":{"name":"touch","arguments":"{}"}}]})"
            "\n"
            R"({"role":"tool","tool_call_id":"a","content":"first"})"
            "\n"
            R"({"role":"tool","tool_call_id":"b","content":"second"})"
            "\n"
            R"({"role":"tool","tool_call_id":"c","content":"third"})"
            "\n");
}

TEST(Apply, ResultsOfFailedCallsAreKnownAsSuch) {
  TestRun test;
  test.request();
  test.reply(calls_reply({call_of("a"), call_of("b")}));
  test.assess(0, writes({"x"})).assess(1, writes({"y"})).settle().start(0).start(1);
  test.add(CallFinished{
      .call = 1, .status = CallStatus::kTimeout, .fragment = result_fragment("b", "late")});
  test.add(CallFinished{.call = 0, .fragment = result_fragment("a", "x")});
  const Transcript& transcript = test.run().transcript;
  EXPECT_TRUE(transcript.is_failure(transcript.size() - 1));
  EXPECT_FALSE(transcript.is_failure(transcript.size() - 2));
}

TEST(Apply, FilesAndOutputsOfACallAreRemembered) {
  TestRun test;
  test.request();
  test.reply(calls_reply({call_of("a"), call_of("b")}));
  test.assess(0, writes({"x"})).assess(1, writes({"y"})).settle().start(0).start(1);
  test.add(CallFinished{.call = 1,
                        .fragment = result_fragment("b", "part"),
                        .output_bytes = 70'000,
                        .output_blob = "b10b",
                        .files = {{.path = "x", .hash = "1"}, {.path = "y", .hash = "2"}}});
  test.add(CallFinished{
      .call = 0,
      .fragment = result_fragment("a", "x"),
      .files = {{.path = "y", .written = true}, {.path = "x", .hash = "3", .written = true}}});
  EXPECT_EQ(test.run().file_hashes, (std::map<std::string, std::string>{{"x", "3"}}));
  ASSERT_EQ(test.run().stored_outputs.size(), 1U);
  EXPECT_EQ(test.run().stored_outputs.at("1.1").blob, "b10b");
  EXPECT_EQ(test.run().stored_outputs.at("1.1").bytes, 70'000);
  EXPECT_EQ(test.run().call_ids, (std::set<std::string>{"a", "b"}));
}

TEST(Apply, RepliesOfEveryShape) {
  TestRun test;
  test.request();
  test.reply(text_reply(""));
  EXPECT_EQ(test.run().empty_replies, 1);
  EXPECT_EQ(test.run().transcript.size(), 2U) << "an empty message is not sent back";
  test.request();
  test.reply(text_reply("Half an ans", FinishReason::kLength));
  EXPECT_EQ(test.run().empty_replies, 0);
  EXPECT_EQ(test.run().cut_replies, 1);
  EXPECT_EQ(test.run().text, "Half an ans");
  test.request();
  ModelReplied both = calls_reply({call_of("a")});
  both.text = "wer: I look.";
  test.reply(both);
  EXPECT_EQ(test.run().cut_replies, 0);
  EXPECT_EQ(test.run().text, "Half an answer: I look.");
  test.assess(0, pure()).settle().start(0).finish(0);
  test.step({call_of("b")});
  EXPECT_EQ(test.run().text, "Half an answer: I look.") << "calls without text are no answer";
  EXPECT_EQ(test.run().turn_steps, 4);
  EXPECT_EQ(test.run().usage.steps, 4);
  EXPECT_EQ(test.run().usage.calls, 2);
}

TEST(Apply, ACutAnswerIsJoinedWithWhatContinuesIt) {
  TestRun test;
  test.request();
  test.reply(text_reply("One, ", FinishReason::kLength));
  test.request();
  test.reply(text_reply("two, ", FinishReason::kLength));
  EXPECT_EQ(test.run().text, "One, two, ");
  // Another process goes on with the same answer.
  test.resume().request();
  test.reply(text_reply(""));
  EXPECT_EQ(test.run().text, "One, two, ") << "silence takes nothing back";
  test.request();
  test.reply(text_reply("three."));
  EXPECT_EQ(test.run().text, "One, two, three.");
  test.say("Again.").request();
  test.reply(text_reply("Four.")).settle();
  EXPECT_EQ(test.run().text, "Four.") << "a whole answer is not continued";
}

TEST(Apply, AfterACutAnswerANewOneBegins) {
  TestRun test;
  test.request();
  test.reply(text_reply("Half an ans", FinishReason::kLength));
  test.say("Stop that. What is the time?").request();
  test.reply(text_reply("Noon.", FinishReason::kLength));
  EXPECT_EQ(test.run().text, "Noon.") << "a person asked something else";
  test.request();
  ModelReplied look = calls_reply({call_of("a")}, FinishReason::kLength);
  look.text = " Or so: I look.";
  test.reply(look);
  EXPECT_EQ(test.run().text, "Noon. Or so: I look.");
  test.settle().request();
  test.reply(text_reply("One."));
  EXPECT_EQ(test.run().text, "One.") << "what was cut was a call, which is made anew";
}

TEST(Apply, AUserMessageOpensATurn) {
  TestRun test;
  EXPECT_EQ(test.run().turn, 0);
  test.step({call_of("a")});
  EXPECT_EQ(test.run().turn, 1);
  EXPECT_EQ(test.run().turn_steps, 1);
  test.say("And this.").say("And that.").settle();
  EXPECT_EQ(test.run().turn, 3);
  EXPECT_EQ(test.run().turn_steps, 0);
  EXPECT_TRUE(test.run().queue.empty());
  EXPECT_THAT(test.transcript(), HasSubstr("And this.\"}\n{\"role\":\"user\",\"content\":\"And t"));
}

TEST(Apply, AlwaysIsKeptForTheRun) {
  TestRun test;
  test.request();
  test.reply(calls_reply({call_of("a", "write"), call_of("b", "run")}));
  test.assess(0, writes({"x"}, EffectClass::kDestructive));
  test.assess(1, exclusive(EffectClass::kDestructive)).settle();
  test.add(ApprovalAsked{.call = 0}).add(ApprovalAsked{.call = 1});
  test.add(ApprovalGiven{.call = 1, .answer = ApprovalAnswer::kYes});
  EXPECT_TRUE(test.run().grants.empty());
  test.add(ApprovalGiven{.call = 0, .answer = ApprovalAnswer::kAlways});
  ASSERT_EQ(test.run().grants.size(), 1U);
  EXPECT_EQ(test.run().grants[0].tool, "write");
  EXPECT_EQ(test.run().grants[0].paths, std::vector<std::string>{"x"});
  EXPECT_EQ(test.run().grants[0].hash, "writes x");
  test.resume();
  EXPECT_EQ(test.run().grants.size(), 1U);
}

TEST(Apply, StopsOnlyGetStronger) {
  struct Case {
    StopCause first;
    StopCause second;
    StopCause then;
  };
  for (const Case& row : {Case{StopCause::kPause, StopCause::kPause, StopCause::kPause},
                          Case{StopCause::kPause, StopCause::kInterrupt, StopCause::kInterrupt},
                          Case{StopCause::kPause, StopCause::kWallTime, StopCause::kWallTime},
                          Case{StopCause::kWallTime, StopCause::kPause, StopCause::kWallTime},
                          Case{StopCause::kInterrupt, StopCause::kPause, StopCause::kInterrupt}}) {
    TestRun test;
    test.stop(row.first).stop(row.second);
    EXPECT_EQ(test.run().stop, row.then) << to_string(row.first) << to_string(row.second);
  }
}

// --- Usage ---

RunStarted priced() {
  RunStarted definition = definition_of_test();
  definition.limits.price = Price{.input = 1, .cached = 0.25, .output = 4};
  return definition;
}

TEST(Apply, UsageIsSummedAndPriced) {
  TestRun test(priced());
  test.request();
  ModelReplied reply = text_reply("");
  reply.usage = {
      .input_tokens = 1'000, .cached_tokens = 400, .output_tokens = 100, .reasoning_tokens = 60};
  test.reply(reply);
  EXPECT_NEAR(test.run().usage.usd, (600 * 1 + 400 * 0.25 + 100 * 4) / 1e6, 1e-12);
  EXPECT_FALSE(test.run().usage.estimated);
  test.request();
  reply.usage = {.input_tokens = 10, .output_tokens = 1, .usd = 0.5, .estimated = true};
  test.reply(reply);
  const Usage& usage = test.run().usage;
  EXPECT_NEAR(usage.usd, 0.0011 + 0.5, 1e-12) << "the host's own bill counts";
  EXPECT_EQ(usage.input_tokens, 1'010);
  EXPECT_EQ(usage.cached_tokens, 400);
  EXPECT_EQ(usage.output_tokens, 101);
  EXPECT_EQ(usage.reasoning_tokens, 60);
  EXPECT_TRUE(usage.estimated);
}

TEST(Apply, AReplyThatHadBegunIsChargedByEstimate) {
  TestRun test(priced());
  const std::int64_t estimate = test.request().input_tokens_estimate;
  test.fail(ErrorCode::kNetwork, Retry::kLater, 0, 0);
  EXPECT_EQ(test.run().usage.input_tokens, 0);
  EXPECT_FALSE(test.run().usage.estimated);
  test.add(RetryScheduled{}).add(RetryDue{});
  test.request();
  test.fail(ErrorCode::kStreamCut, Retry::kLater, 0, 301);
  EXPECT_EQ(test.run().usage.input_tokens, estimate);
  EXPECT_EQ(test.run().usage.output_tokens, 100);
  EXPECT_NEAR(test.run().usage.usd, static_cast<double>(estimate + 400) / 1e6, 1e-12);
  EXPECT_TRUE(test.run().usage.estimated);
  EXPECT_EQ(test.run().usage.steps, 0);
}

TEST(Apply, WorkingTimeOnlyGrows) {
  TestRun test;
  test.add(MessageQueued{.text = "a"}, 500).add(MessageQueued{.text = "b"}, 300);
  EXPECT_EQ(test.run().usage.wall_ms, 500);
  test.refusal(RetryDue{});
  EXPECT_EQ(test.run().usage.wall_ms, 500);
}

TEST(Apply, ThePromptIsEstimatedFromWhatIsKnown) {
  TestRun test;
  test.settle();
  const auto bytes = [&] { return static_cast<std::int64_t>(test.run().transcript.bytes()); };
  EXPECT_EQ(estimate_prompt_tokens(test.run()), (bytes() + 300) / 3);
  test.request();
  ModelReplied silent = text_reply("Hm.", FinishReason::kLength);
  silent.usage = {};
  test.reply(silent);
  EXPECT_EQ(estimate_prompt_tokens(test.run()), (bytes() + 300) / 3)
      << "a host that counts nothing teaches nothing";
  test.request();
  const std::int64_t sent_bytes = bytes();
  ModelReplied counted = text_reply("More.", FinishReason::kLength);
  counted.usage.input_tokens = 5'000;
  test.reply(counted).settle();
  EXPECT_EQ(estimate_prompt_tokens(test.run()), 5'000 + (bytes() - sent_bytes) / 3);
  EXPECT_GT(bytes(), sent_bytes);
}

// --- Resume ---

TEST(Apply, AResumedRunChargesTheRequestThatWasInFlight) {
  TestRun test(priced());
  const std::int64_t estimate = test.request().input_tokens_estimate;
  test.resume();
  EXPECT_EQ(test.run().usage.input_tokens, estimate);
  EXPECT_TRUE(test.run().usage.estimated);
  EXPECT_NEAR(test.run().usage.usd, static_cast<double>(estimate) / 1e6, 1e-12);
  test.resume();
  EXPECT_EQ(test.run().usage.input_tokens, estimate) << "once";
  EXPECT_EQ(test.request().attempt, 1);
  EXPECT_EQ(test.run().step, 1);
}

TEST(Apply, AResumedRunDoubtsWhatRanAndAsksAgain) {
  TestRun test;
  test.request();
  test.reply(calls_reply({call_of("a"), call_of("b"), call_of("c"), call_of("d"), call_of("e")}));
  test.assess(0, pure()).assess(1, exclusive(EffectClass::kDestructive)).assess(2, pure());
  test.assess(3, pure()).settle().add(ApprovalAsked{.call = 1}).start(0).finish(0).start(2);
  EXPECT_EQ(test.stages(), "finished asking running authorized proposed");
  test.resume();
  EXPECT_EQ(test.stages(), "finished assessed doubt authorized proposed");
  EXPECT_EQ(test.run().calls[1].decision, PolicyAction::kAsk);
  EXPECT_EQ(test.run().calls[2].attempt, 1);
  EXPECT_EQ(test.run().calls[2].key, "key");
  test.start(2);
  EXPECT_EQ(test.run().calls[2].attempt, 2);
}

TEST(Apply, AResumedRunStartsAnewWithWhatIsGiven) {
  TestRun test;
  test.request();
  test.fail(ErrorCode::kServer).add(RetryScheduled{.delay_ms = 500}).stop(StopCause::kInterrupt);
  test.settle();
  ASSERT_TRUE(test.run().ended);
  test.add(RunResumed{.budget = {.steps = 3}, .limits = {.window_tokens = 7}});
  const perdure::Run& run = test.run();
  EXPECT_FALSE(run.ended);
  EXPECT_FALSE(run.stop);
  EXPECT_FALSE(run.failure);
  EXPECT_EQ(run.request, RequestState::kNone);
  EXPECT_EQ(run.attempt, 0);
  EXPECT_EQ(run.budget.steps, 3);
  EXPECT_EQ(run.limits.window_tokens, 7);
  EXPECT_EQ(run.definition.limits.window_tokens, 100'000) << "the definition stays what it was";
}

TEST(Apply, AResumedRunForgetsItsLoop) {
  TestRun test;
  for (int i = 0; i < 3; ++i) test.step({call_of("a" + std::to_string(i))});
  EXPECT_EQ(test.run().guard.repetitions(), 3);
  test.resume();
  EXPECT_EQ(test.run().guard.repetitions(), 1);
}

TEST(Apply, ACheckThatWasCutOffDoesNotCount) {
  for (const bool stopped : {false, true}) {
    TestRun test = run_that_came(Came::kChecking);
    EXPECT_EQ(test.run().acceptance_round, 1);
    if (stopped) {
      test.stop(StopCause::kInterrupt);
      test.add(AcceptanceFinished{.passed = false, .report = "The check was stopped."}).settle();
      ASSERT_TRUE(test.run().ended);
      EXPECT_EQ(test.run().ended->outcome, Outcome::kInterrupted);
    }
    test.resume();
    EXPECT_EQ(test.run().acceptance_round, 0);
    EXPECT_FALSE(test.run().acceptance_report);
    EXPECT_EQ(test.next(), "accept 1");
  }
}

// --- Repetition ---

TEST(Apply, StepsAreComparedByCallsAndResultsNotByIds) {
  struct Case {
    const char* what;
    const char* arguments;
    const char* result;
    std::int64_t repetitions;
  };
  for (const Case& row :
       {Case{"the same", "{}", "done", 2}, Case{"other arguments", "{ }", "done", 1},
        Case{"another result", "{}", "done!", 1}}) {
    TestRun test;
    test.step({call_of("a", "t")}, "done");
    test.step({call_of("b\"content\":", "t", row.arguments)}, row.result);
    EXPECT_EQ(test.run().guard.repetitions(), row.repetitions) << row.what;
  }
}

}  // namespace
}  // namespace perdure
