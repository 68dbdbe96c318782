// What a run does next in every situation, in the words of describe(): "assess 0", "start 1", ...
#include "core/decide.h"

#include <array>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/core_runs.h"

namespace perdure {
namespace {

using test::call_of;
using test::calls_reply;
using test::definition_of_test;
using test::describe;
using test::exclusive;
using test::pure;
using test::reads;
using test::TestRun;
using test::text_reply;
using test::writes;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr auto kDestructive = EffectClass::kDestructive;

// A run whose model has just made these calls, "a", "b", "c", ..., each assessed so.
TestRun run_with_calls(const std::vector<Assessment>& assessments,
                       RunStarted definition = definition_of_test()) {
  TestRun test(std::move(definition));
  test.request();
  std::vector<ToolCall> calls;
  for (std::size_t i = 0; i < assessments.size(); ++i) {
    calls.push_back(call_of(std::string(1, static_cast<char>('a' + i))));
  }
  test.reply(calls_reply(calls));
  for (std::size_t i = 0; i < assessments.size(); ++i) {
    test.assess(static_cast<std::int64_t>(i), assessments[i]);
  }
  return std::move(test.settle());
}

// "done done", "paused steps", ... of a run that has ended, else what it does next.
std::string end_of(TestRun& test) {
  test.settle();
  const std::optional<RunEnded>& ended = test.run().ended;
  if (!ended) return test.next();
  return std::string(to_string(ended->outcome)) + " " + ended->reason;
}

// --- The way of a turn ---

TEST(Decide, ATurnFromTheTaskToTheAnswer) {
  TestRun test;
  EXPECT_EQ(describe(decide(perdure::Run{})), "");
  EXPECT_EQ(test.next(), R"(message_added {"active_ms":0,"origin":"user","fragment":)"
                         R"({"role":"user","content":"Do it."}})");
  test.settle();
  EXPECT_EQ(test.next(), "request step 1 attempt 1 max 4096");
  test.request();
  EXPECT_EQ(test.next(), "");
  test.reply(calls_reply({call_of("a"), call_of("b")}));
  EXPECT_EQ(test.next(), "assess 0\nassess 1");
  test.assess(1, pure());
  EXPECT_EQ(test.next(),
            "assess 0\n"
            R"(call_authorized {"active_ms":0,"call":1,"action":"allow",)"
            R"("rule":"default for pure calls"})");
  test.assess(0, pure()).settle();
  EXPECT_EQ(test.next(), "start 0\nstart 1");
  test.start(0);
  EXPECT_EQ(test.next(), "start 1");
  test.start(1).finish(1);
  EXPECT_EQ(test.next(), "");
  test.finish(0);
  EXPECT_EQ(test.next(), "request step 2 attempt 1 max 4096");
  test.request();
  test.reply(text_reply("It is done."));
  EXPECT_EQ(test.next(), R"(run_ended {"active_ms":0,"outcome":"done","reason":"done"})");
  test.settle();
  EXPECT_EQ(test.next(), "");
  EXPECT_EQ(test.run().text, "It is done.");
  // The next turn goes on where this one ended.
  test.resume().say("And now?");
  EXPECT_EQ(test.request().step, 3);
}

TEST(Decide, MessagesJoinWhenTheExchangeHasClosed) {
  const auto is_waiting = [](const TestRun& test) { return test.run().queue.size() == 1; };
  TestRun test;
  test.request();
  test.say("Wait!");
  EXPECT_EQ(test.next(), "");
  test.fail(ErrorCode::kServer).settle();
  EXPECT_EQ(test.next(), "wait 500");
  test.add(RetryScheduled{.delay_ms = 500}).settle();
  EXPECT_EQ(test.next(), "");
  test.add(RetryDue{}).settle();
  EXPECT_EQ(test.next(), "request step 1 attempt 2 max 4096");
  test.request();
  test.reply(calls_reply({call_of("a"), call_of("b")}));
  test.assess(0, pure()).assess(1, pure()).settle().start(0).finish(0).start(1).settle();
  EXPECT_TRUE(is_waiting(test));
  test.finish(1);
  EXPECT_THAT(test.next(), AllOf(StartsWith("message_added"), HasSubstr("Wait!")));
  test.settle();
  EXPECT_THAT(test.transcript(), EndsWith("\"tool_call_id\":\"b\",\"content\":\"done\"}\n"
                                          "{\"role\":\"user\",\"content\":\"Wait!\"}\n"));
  // One that comes with the answer opens the next turn instead of the end.
  test.request();
  test.say("One more.").reply(text_reply("Done.")).settle();
  EXPECT_FALSE(test.run().ended);
  EXPECT_EQ(test.next(), "request step 3 attempt 1 max 4096");
}

// --- Calls ---

TEST(Decide, CallsThatDoNotConflictRunAtOnceAndOthersInOrder) {
  struct Case {
    std::vector<Assessment> calls;
    const char* next;
  };
  RunStarted definition = definition_of_test();
  definition.limits.parallel_calls_max = 8;
  const std::vector<Case> cases = {
      {{reads({"a"}), reads({"a"}), reads({"b"})}, "start 0\nstart 1\nstart 2"},
      {{writes({"a"}), writes({"b"}), writes({"a"})}, "start 0\nstart 1"},
      {{reads({"a"}), writes({"a"}), reads({"a"})}, "start 0"},
      {{writes({"a"}), reads({"b"}), reads({"a"}), reads({"c"})}, "start 0\nstart 1\nstart 3"},
      {{exclusive(), reads({"a"}), pure()}, "start 0\nstart 2"},
      {{pure(), reads({"a"}), exclusive(), writes({"b"})}, "start 0\nstart 1"},
  };
  for (const Case& row : cases) {
    EXPECT_EQ(run_with_calls(row.calls, definition).next(), row.next);
  }
}

TEST(Decide, AWaitingCallStartsWhenAllThatItConflictsWithHaveEnded) {
  TestRun test = run_with_calls({writes({"a"}), reads({"b"}), reads({"a", "b"}), writes({"b"})});
  test.start(0).start(1);
  EXPECT_EQ(test.next(), "");
  test.finish(1);
  EXPECT_EQ(test.next(), "") << "call 3 waits for call 2, which waits for call 0";
  test.finish(0);
  EXPECT_EQ(test.next(), "start 2");
  test.start(2);
  EXPECT_EQ(test.next(), "");
  test.finish(2);
  EXPECT_EQ(test.next(), "start 3");
}

TEST(Decide, ACallWaitsForEarlierOnesThatNobodyKnowsYet) {
  TestRun test;
  test.request();
  test.reply(calls_reply({call_of("a"), call_of("b"), call_of("c")}));
  test.assess(1, reads({"x"})).assess(2, pure()).settle();
  EXPECT_EQ(test.next(), "assess 0");
  test.assess(0, writes({"y"}, kDestructive)).settle();
  EXPECT_EQ(test.next(), "ask 0\nstart 1\nstart 2") << "what is asked holds up nobody else";
}

TEST(Decide, ParallelCallsAreLimited) {
  TestRun test = run_with_calls({pure(), pure(), pure(), pure()});
  EXPECT_EQ(test.next(), "start 0\nstart 1");
  test.start(0).start(1);
  EXPECT_EQ(test.next(), "");
  test.finish(1);
  EXPECT_EQ(test.next(), "start 2");
  // Calls in doubt may run again at once.
  test.start(2).resume();
  EXPECT_EQ(test.next(), "doubt 0\ndoubt 2");
}

TEST(Decide, ACallThatCannotRunBecomesAResult) {
  Assessment unknown = pure();
  unknown.problem = Error{.code = ErrorCode::kUnknownTool,
                          .message = "there is no tool named 'x'",
                          .advice = "Did you mean 'y'?"};
  Assessment bare = pure();
  bare.problem =
      Error{.code = ErrorCode::kInvalidArguments, .message = "the call has no arguments"};
  RunStarted definition = definition_of_test();
  definition.policy = {{.tool = "*", .path = "secret", .action = PolicyAction::kDeny}};
  const TestRun test = run_with_calls({unknown, bare, reads({"secret"})}, definition);
  EXPECT_TRUE(test.run().calls.empty());
  EXPECT_THAT(test.transcript(),
              EndsWith(R"({"role":"tool","tool_call_id":"a","content":"Not run: there is no tool )"
                       R"(named 'x'\nDid you mean 'y'?"})"
                       "\n"
                       R"({"role":"tool","tool_call_id":"b","content":"Not run: the call has no )"
                       R"(arguments"})"
                       "\n"
                       R"({"role":"tool","tool_call_id":"c","content":"Not run: this call was )"
                       R"(denied. Do not try it again in another way; go on without it, or say )"
                       R"(in your answer what you would need."})"
                       "\n"));
  EXPECT_EQ(test.next(), "request step 2 attempt 1 max 4096");
}

TEST(Decide, CallsOfACutReplyNeverRun) {
  struct Case {
    FinishReason finish;
    const char* why;
  };
  for (const Case& row : {Case{FinishReason::kLength, "limit of output tokens (4096)"},
                          Case{FinishReason::kContentFilter, "content filter"}}) {
    TestRun test;
    test.request();
    test.reply(calls_reply({call_of("a", "t", "{}"), call_of("b", "t", "{\"pa")}, row.finish));
    for (std::int64_t call = 0; call < 2; ++call) {
      const Effect effect = decide(test.run())[static_cast<std::size_t>(call)];
      const auto& finished = std::get<CallFinished>(std::get<Record>(effect).event);
      EXPECT_EQ(finished.call, call);
      EXPECT_EQ(finished.status, CallStatus::kTruncated);
      EXPECT_THAT(finished.fragment, HasSubstr(row.why));
    }
    test.settle();
    EXPECT_EQ(test.next(), "request step 2 attempt 1 max 4096");
    // Only this reply was cut.
    test.request();
    test.reply(calls_reply({call_of("c")}));
    EXPECT_EQ(test.next(), "assess 0");
  }
}

// --- Approvals ---

TEST(Decide, APersonSaysYesOrNo) {
  TestRun test = run_with_calls({exclusive(kDestructive), writes({"x"}, kDestructive)});
  EXPECT_EQ(test.next(), "ask 0\nask 1");
  test.add(ApprovalAsked{.call = 0}).add(ApprovalAsked{.call = 1});
  EXPECT_EQ(test.next(), "");
  test.add(ApprovalGiven{.call = 0, .answer = ApprovalAnswer::kYes});
  EXPECT_EQ(test.next(), "start 0");
  test.add(ApprovalGiven{.call = 1, .answer = ApprovalAnswer::kNo});
  EXPECT_THAT(test.next(), AllOf(StartsWith("start 0\ncall_finished"), HasSubstr("denied")));
  test.settle();
  EXPECT_EQ(test.stages(), "authorized finished");
  EXPECT_EQ(test.run().calls[1].status, CallStatus::kDenied);
  test.start(0).finish(0);
  EXPECT_EQ(test.next(), "request step 2 attempt 1 max 4096");
}

TEST(Decide, AlwaysCoversLaterCallsOfThisToolOnThesePaths) {
  TestRun test = run_with_calls({writes({"x"}, kDestructive)});
  test.add(ApprovalAsked{.call = 0});
  test.add(ApprovalGiven{.call = 0, .answer = ApprovalAnswer::kAlways}).start(0).finish(0);
  test.request();
  test.reply(calls_reply({call_of("b"), call_of("c"), call_of("d", "remove")}));
  test.assess(0, writes({"x"}, kDestructive));
  test.assess(1, writes({"x", "y"}, kDestructive));
  test.assess(2, writes({"x"}, kDestructive)).settle();
  EXPECT_EQ(test.next(), "start 0\nask 1\nask 2");
}

TEST(Decide, AnAllowNeedsNoPersonAndADenyNoQuestion) {
  RunStarted definition = definition_of_test();
  definition.policy = {
      {.tool = "touch", .path = "ok", .action = PolicyAction::kAllow},
      {.tool = "touch", .path = "no", .action = PolicyAction::kDeny},
      {.tool = "touch", .effect = EffectClass::kPure, .action = PolicyAction::kAsk}};
  TestRun test = run_with_calls(
      {writes({"ok"}, kDestructive), writes({"no"}), pure(), writes({"other"})}, definition);
  EXPECT_EQ(test.next(), "start 0\nask 2\nstart 3");
  EXPECT_EQ(test.run().calls[1].status, CallStatus::kDenied);
}

// --- Requests that fail ---

TEST(Decide, FailuresThatMayPassAreRetriedAsOftenAsAllowed) {
  TestRun test;
  for (int attempt = 1; attempt < 3; ++attempt) {
    EXPECT_EQ(test.request().attempt, attempt);
    test.fail(ErrorCode::kOverloaded, Retry::kLater, 700);
    EXPECT_EQ(test.next(), "wait 700");
    test.add(RetryScheduled{.delay_ms = 700});
    EXPECT_EQ(test.next(), "");
    test.add(RetryDue{});
  }
  EXPECT_EQ(test.request().attempt, 3);
  test.fail(ErrorCode::kOverloaded).settle();
  ASSERT_TRUE(test.run().ended);
  EXPECT_EQ(test.run().ended->outcome, Outcome::kEndpointTemporary);
  EXPECT_EQ(test.run().ended->reason, "overloaded");
  EXPECT_EQ(test.run().ended->message, "it failed (3 attempts)");
  // Another process begins anew, with the same step.
  test.resume();
  EXPECT_EQ(test.next(), "request step 1 attempt 1 max 4096");
  // An answered request gives the next one all its attempts again.
  test.request();
  test.fail(ErrorCode::kServer).add(RetryScheduled{}).add(RetryDue{});
  test.request();
  test.reply(text_reply(""));
  EXPECT_EQ(test.request().attempt, 1);
}

TEST(Decide, AHostMayAskForTenMinutesAndNotMore) {
  TestRun test;
  test.request();
  test.fail(ErrorCode::kRateLimited, Retry::kLater, kRetryAfterMax_ms);
  EXPECT_EQ(test.next(), "wait 600000");
  test.add(RetryScheduled{}).add(RetryDue{});
  test.request();
  test.fail(ErrorCode::kRateLimited, Retry::kLater, kRetryAfterMax_ms + 1'000).settle();
  ASSERT_TRUE(test.run().ended);
  EXPECT_EQ(test.run().ended->outcome, Outcome::kPaused);
  EXPECT_EQ(test.run().ended->reason, "rate_limited");
  EXPECT_EQ(test.run().ended->message, "it failed (the host asks to wait 10m 01s)");
}

TEST(Decide, FailuresThatDoNotPassEndTheRunAtOnce) {
  struct Case {
    ErrorCode code;
    const char* end;
  };
  for (const Case& row : {Case{ErrorCode::kKeyRejected, "endpoint_permanent key_rejected"},
                          Case{ErrorCode::kModelNotFound, "endpoint_permanent model_not_found"},
                          Case{ErrorCode::kBadRequest, "endpoint_permanent bad_request"},
                          Case{ErrorCode::kQuota, "endpoint_permanent quota"},
                          Case{ErrorCode::kTls, "endpoint_permanent tls"},
                          Case{ErrorCode::kUnsupported, "endpoint_permanent unsupported"},
                          Case{ErrorCode::kNetwork, "endpoint_temporary network"},
                          Case{ErrorCode::kContentFiltered, "failed content_filtered"}}) {
    TestRun test;
    test.request();
    test.fail(row.code, Retry::kNo);
    EXPECT_EQ(end_of(test), row.end);
    EXPECT_EQ(test.run().ended->message, "it failed");
  }
}

// Half of the profile's window is where a prompt is no longer short.
TEST(Decide, AShortPromptThatIsTooLongMeansASmallerWindowThanTheProfileSays) {
  struct Case {
    std::int64_t prompt;
    const char* message;
  };
  for (const Case& row :
       {Case{49'999,
             "it failed. The prompt is short (an estimated 49999 tokens), so the host's window is "
             "smaller than that of the model's profile (100000): write the host's into "
             "window_tokens of a profile of your own, or lower output_tokens_max (4096) in the "
             "agent file"},
        Case{50'000, "it failed"}}) {
    TestRun test;
    test.settle().add(RequestSent{
        .step = 1, .attempt = 1, .output_tokens_max = 4'096, .input_tokens_estimate = row.prompt});
    test.fail(ErrorCode::kContextFull, Retry::kNo);
    EXPECT_EQ(end_of(test), "paused context_full");
    EXPECT_EQ(test.run().ended->message, row.message);
  }
}

TEST(Decide, ARetryThatTheBudgetForbidsPausesTheRun) {
  RunStarted definition = definition_of_test();
  definition.budget.output_tokens = 3'000;
  TestRun test(definition);
  test.request();
  test.fail(ErrorCode::kStreamCut, Retry::kLater, 0, 3'000);
  test.add(RetryScheduled{}).add(RetryDue{});
  EXPECT_EQ(end_of(test), "paused output_tokens");
  test.resume({.output_tokens = 10'000});
  EXPECT_EQ(test.next(), "request step 1 attempt 1 max 4096");
}

// --- The end of a turn ---

TEST(Decide, EmptyRepliesAreNudgedTwice) {
  TestRun test;
  for (int i = 0; i < 2; ++i) {
    test.request();
    test.reply(text_reply(""));
    EXPECT_THAT(test.next(), AllOf(StartsWith("message_added"), HasSubstr("\"runtime\""),
                                   HasSubstr("neither text nor a tool call")));
  }
  test.request();
  test.reply(text_reply(""));
  EXPECT_EQ(end_of(test), "stuck empty_replies");
  // The next process tries again; the run is never done without an answer.
  test.resume();
  EXPECT_THAT(test.next(), HasSubstr("neither text nor a tool call"));
  test.step({call_of("a")});
  test.request();
  test.reply(text_reply(""));
  EXPECT_THAT(test.next(), HasSubstr("neither text nor a tool call")) << "a call counts as life";
}

TEST(Decide, CutRepliesAreContinuedTwice) {
  TestRun test;
  for (int i = 0; i < 2; ++i) {
    test.request();
    test.reply(text_reply("On and on", FinishReason::kLength));
    EXPECT_THAT(test.next(), HasSubstr("Continue exactly where it ended"));
  }
  test.request();
  test.reply(text_reply("and on", FinishReason::kLength));
  EXPECT_EQ(end_of(test), "failed length");
}

TEST(Decide, AFilteredAnswerFailsTheRun) {
  for (const char* text : {"", "Half an answ"}) {
    TestRun test;
    test.request();
    test.reply(text_reply(text, FinishReason::kContentFilter));
    EXPECT_EQ(end_of(test), "failed content_filtered");
  }
}

TEST(Decide, AnUnknownFinishIsAnAnswer) {
  TestRun test;
  test.request();
  test.reply(text_reply("Done.", FinishReason::kOther));
  EXPECT_EQ(end_of(test), "done done");
}

// A failed acceptance goes back to the model as often as the definition says.
TEST(Decide, AcceptanceGoesBackAsOftenAsTheDefinitionSays) {
  RunStarted definition = definition_of_test();
  definition.acceptance_rounds = 2;
  TestRun test(definition);
  for (std::int64_t round = 1; round <= 3; ++round) {
    test.request();
    test.reply(text_reply("Done."));
    EXPECT_EQ(test.next(), "accept " + std::to_string(round));
    test.add(AcceptanceStarted{.round = round});
    EXPECT_EQ(test.next(), "");
    test.add(AcceptanceFinished{.passed = false, .report = "pytest fails"});
    if (round == 3) break;
    EXPECT_THAT(test.next(), AllOf(StartsWith("message_added"), HasSubstr("pytest fails")));
  }
  EXPECT_EQ(end_of(test), "failed acceptance");
}

TEST(Decide, AcceptanceThatPassesEndsTheTurnOnce) {
  RunStarted definition = definition_of_test();
  definition.acceptance_rounds = 1;
  TestRun test(definition);
  test.request();
  test.reply(text_reply("Done.")).add(AcceptanceStarted{.round = 1});
  test.say("Also this.");
  EXPECT_EQ(test.next(), "") << "a message waits for the check";
  test.add(AcceptanceFinished{.passed = true}).settle();
  EXPECT_EQ(test.next(), "request step 2 attempt 1 max 4096");
  test.request();
  test.reply(text_reply("Done as well."));
  EXPECT_EQ(test.next(), "accept 1") << "each turn is checked anew";
  test.add(AcceptanceStarted{.round = 1}).add(AcceptanceFinished{.passed = true});
  EXPECT_EQ(end_of(test), "done done");
  test.resume();
  EXPECT_EQ(end_of(test), "done done");
}

// --- Repetition ---

TEST(Decide, ALoopIsNamedToTheModelAndThenEndsTheRun) {
  for (const std::string cycle : {"x", "xy", "xyz", "wxyz"}) {
    TestRun test;
    std::size_t nudged_at = 0;
    std::size_t steps = 0;
    while (steps < 8 * cycle.size() && !test.run().ended) {
      const char name = cycle[steps % cycle.size()];
      test.step({call_of("id" + std::to_string(steps), std::string(1, name))});
      ++steps;
      const bool nudge = test.next().find("got the same results each time") != std::string::npos;
      if (nudge && nudged_at == 0) nudged_at = steps;
    }
    EXPECT_EQ(nudged_at, 4 * cycle.size());
    EXPECT_EQ(steps, 8 * cycle.size());
    EXPECT_EQ(end_of(test), "stuck repeated_calls") << cycle;
    EXPECT_EQ(test.run().ended->message,
              "the model repeated the same " + std::to_string(cycle.size()) +
                  "-step pattern of calls with the same results 8 times");
    test.resume();
    EXPECT_THAT(test.next(), StartsWith("request"));
  }
}

TEST(Decide, NewResultsAreNoLoop) {
  TestRun test;
  for (int i = 0; i < 40; ++i) {
    test.step({call_of("id" + std::to_string(i))}, "poll " + std::to_string(i));
    EXPECT_THAT(test.next(), StartsWith("request"));
  }
}

// --- Stops ---

TEST(Decide, AStopEndsWhatIsUnderWay) {
  const char* const interrupted = "interrupted interrupted";
  struct Case {
    StopCause cause;
    const char* while_asked;
    const char* while_waiting;
    const char* while_running;
    const char* between;
  };
  for (const Case& row :
       {Case{StopCause::kInterrupt, "cancel", interrupted, "cancel", interrupted},
        Case{StopCause::kWallTime, "cancel", "paused wall_time", "cancel", "paused wall_time"},
        Case{StopCause::kPause, "", interrupted, "start 1", interrupted}}) {
    TestRun asked;
    asked.request();
    asked.stop(row.cause);
    EXPECT_EQ(end_of(asked), row.while_asked);

    TestRun waiting;
    waiting.request();
    waiting.fail(ErrorCode::kServer).add(RetryScheduled{}).stop(row.cause);
    EXPECT_EQ(end_of(waiting), row.while_waiting);

    TestRun running = run_with_calls({pure(), pure()});
    running.start(0).stop(row.cause);
    EXPECT_EQ(end_of(running), row.while_running);

    TestRun between;
    between.step({call_of("a")}).stop(row.cause);
    EXPECT_EQ(end_of(between), row.between);
    EXPECT_EQ(between.next(), "");
  }
}

TEST(Decide, AStoppedRunEndsWhenItsWorkHas) {
  TestRun test = run_with_calls({pure(), pure(), pure()});
  test.start(0).start(1).stop(StopCause::kInterrupt).finish(0, "cut", CallStatus::kCancelled);
  EXPECT_EQ(test.next(), "cancel");
  test.finish(1);
  EXPECT_EQ(end_of(test), "interrupted interrupted");
  EXPECT_EQ(test.stages(), "finished finished authorized");
  test.resume();
  EXPECT_EQ(test.next(), "start 2") << "the open exchange goes on";
}

TEST(Decide, APauseLetsTheOpenExchangeClose) {
  TestRun test;
  test.request();
  test.stop(StopCause::kPause).reply(calls_reply({call_of("a")}));
  EXPECT_EQ(test.next(), "assess 0");
  test.assess(0, pure()).settle().start(0).finish(0);
  EXPECT_EQ(end_of(test), "interrupted interrupted");
  test.resume();
  EXPECT_EQ(test.next(), "request step 2 attempt 1 max 4096");
  test.request();
  test.stop(StopCause::kPause).fail(ErrorCode::kServer, Retry::kLater, 30'000);
  EXPECT_EQ(end_of(test), "interrupted interrupted") << "nothing is open that could close";
  test.resume();
  test.request();
  test.stop(StopCause::kPause).reply(text_reply("Done."));
  EXPECT_EQ(end_of(test), "done done");
}

TEST(Decide, AStopBeforeAPersonAnsweredAsksAgainLater) {
  TestRun test = run_with_calls({exclusive(kDestructive)});
  test.add(ApprovalAsked{.call = 0}).stop(StopCause::kInterrupt);
  EXPECT_EQ(end_of(test), "interrupted interrupted");
  test.resume();
  EXPECT_EQ(test.next(), "ask 0");
}

TEST(Decide, AQuestionThatWasLeftOpenIsJudgedByTheRulesOfTheResume) {
  TestRun test = run_with_calls({exclusive(kDestructive)});
  test.add(ApprovalAsked{.call = 0}).stop(StopCause::kInterrupt);
  EXPECT_EQ(end_of(test), "interrupted interrupted");
  const RequestLimits limits = test.run().limits;
  test.add(RunResumed{.limits = limits, .policy = {{{.action = PolicyAction::kAllow}}}});
  EXPECT_EQ(
      test.next(),
      "call_authorized {\"active_ms\":0,\"call\":0,\"action\":\"allow\",\"rule\":\"allow *\"}");
  test.settle();
  test.stop(StopCause::kInterrupt);
  test.add(RunResumed{.limits = limits, .policy = std::vector<PolicyRule>{}});
  EXPECT_TRUE(test.run().definition.policy.empty()) << "the rules of this resume, no others";
}

// --- Doubt ---

TEST(Decide, CallsOfADeadProcessAreResolvedBeforeWhatWaitsForThem) {
  TestRun test =
      run_with_calls({writes({"x"}, EffectClass::kAdditive), reads({"y"}), reads({"x"})});
  test.start(0).start(1).finish(1).resume();
  EXPECT_EQ(test.next(), "doubt 0");
  test.start(0);
  EXPECT_EQ(test.run().calls[0].attempt, 2);
  EXPECT_EQ(test.next(), "");
  test.resume();
  EXPECT_EQ(test.next(), "doubt 0");
  test.finish(0, "In doubt.", CallStatus::kInDoubt);
  EXPECT_EQ(test.next(), "start 2");
}

}  // namespace
}  // namespace perdure
