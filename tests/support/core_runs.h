// Runs of the pure core for tests: events are added by hand, what decide() asks for is read as
// text, and two runs are compared in everything that any reader of them can see.
//
//   TestRun test;                       // started, with instructions and the task "Do it."
//   test.request();                     // decide() asks for the model: RequestSent is added
//   test.reply(calls_reply({call_of("a"), call_of("b")}));
//   EXPECT_EQ(test.next(), "assess 0\nassess 1");
#pragma once

#include <string>
#include <vector>

#include "core/decide.h"
#include "core/run.h"

namespace perdure::test {

/// One effect in a line: "assess 0", "start 1 attempt 2", "doubt 0", "wait 500",
/// "request step 3 attempt 1 max 4096", "call_finished {...}" for a decision to write down.
std::string describe(const Effect& effect);
/// One a line.
std::string describe(const std::vector<Effect>& effects);

/// The first thing in which two runs differ, or empty: state, transcript bytes and what decide()
/// says.
std::string difference(const Run& a, const Run& b);

/// A definition with small limits, no budget, no price and no policy.
RunStarted definition_of_test();

ToolCall call_of(std::string id, std::string name = "touch", std::string arguments = "{}");
/// The assistant message that goes back. Arguments that are no object go back as "{}".
std::string assistant_fragment(std::string_view text, const std::vector<ToolCall>& calls);
ModelReplied text_reply(std::string text, FinishReason finish = FinishReason::kStop);
ModelReplied calls_reply(std::vector<ToolCall> calls,
                         FinishReason finish = FinishReason::kToolCalls);

Assessment reads(std::vector<std::string> paths);
Assessment writes(std::vector<std::string> paths, EffectClass effect = EffectClass::kIdempotent);
/// May touch anything.
Assessment exclusive(EffectClass effect = EffectClass::kAdditive);
/// Touches nothing.
Assessment pure();

class TestRun {
 public:
  explicit TestRun(RunStarted definition = definition_of_test());

  const Run& run() const { return run_; }
  /// Adds an event, which must be possible.
  TestRun& add(EventBody body, std::int64_t active_ms = 0);
  /// Tries an event that must be refused, and the run must stay as it was. Returns what the refusal
  /// says.
  std::string refusal(EventBody body);

  /// What decide() asks for now, in words.
  std::string next() const { return describe(decide(run_)); }
  /// Writes down what decide() has decided by itself, until it asks for something from outside.
  TestRun& settle();

  /// Settles, and sends the request that decide() must ask for.
  const RequestSent& request();
  TestRun& fail(ErrorCode code, Retry retry = Retry::kLater, std::int64_t delay_ms = 500,
                std::int64_t received_bytes = 0);
  TestRun& reply(ModelReplied reply);
  TestRun& say(std::string text) { return add(MessageQueued{.text = std::move(text)}); }
  TestRun& stop(StopCause cause) { return add(StopRequested{.cause = cause}); }

  TestRun& assess(std::int64_t call, Assessment assessment);
  /// Intends a call, as StartCall and a repeated call in doubt do.
  TestRun& start(std::int64_t call);
  TestRun& finish(std::int64_t call, std::string_view text = "done",
                  CallStatus status = CallStatus::kOk);
  /// A whole step: request, reply with these calls, each assessed as pure, run, and finished with
  /// `result`.
  TestRun& step(const std::vector<ToolCall>& calls, std::string_view result = "done");
  /// Goes on in another process, with the limits and the budget that the run has, or these.
  TestRun& resume();
  TestRun& resume(Budget budget);

  /// The messages, one a line.
  std::string transcript() const;
  /// "stage" of each call in one word: "running assessed finished".
  std::string stages() const;

 private:
  Run run_;
};

}  // namespace perdure::test
