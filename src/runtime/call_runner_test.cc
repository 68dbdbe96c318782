#include "runtime/call_runner.h"

#include <csignal>
#include <optional>

#include <unistd.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "os/clock.h"
#include "os/random.h"
#include "tests/support/result.h"
#include "tests/support/run_bench.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

using test::holds;
using test::Meeting;

class CallRunnerTest : public testing::Test {
 protected:
  CallRunnerTest() : files_(std::move(Workspace::open(folder_.path())).value()) {}

  // A loop that nobody stops fails the test instead of hanging it.
  void run_loop() {
    bool too_long = false;
    Timer guard = loop_.start_timer(60'000, [&] {
      too_long = true;
      loop_.stop();
    });
    loop_.run();
    EXPECT_FALSE(too_long);
  }

  std::unique_ptr<CallRunner> start(std::variant<ToolBody, ProcessTool> body,
                                    std::int64_t timeout_ms = 60'000,
                                    const Json& arguments = Json::object()) {
    auto tool = std::make_shared<Tool>();
    tool->spec.timeout_ms = timeout_ms;
    tool->body = std::move(body);
    PreparedCall call;
    call.arguments = std::make_shared<const Json>(arguments);
    call.owner = tool;
    call.tool = tool.get();
    CallContext context;
    context.files = &files_;
    auto runner = std::make_unique<CallRunner>(loop_, workers_, std::move(call), context,
                                               run_id_ + "/1.0", [this](CallResult result) {
                                                 ++done_;
                                                 result_ = std::move(result);
                                                 loop_.stop();
                                               });
    EXPECT_EQ(done_, 0) << "never from within the constructor";
    return runner;
  }

  // Runs a call to its end.
  ToolOutcome outcome_of(std::variant<ToolBody, ProcessTool> body, std::int64_t timeout_ms = 60'000,
                         const Json& arguments = Json::object()) {
    const std::unique_ptr<CallRunner> runner = start(std::move(body), timeout_ms, arguments);
    run_loop();
    EXPECT_EQ(done_, 1);
    return result_.outcome;
  }

  static ProcessTool shell(const std::string& script) {
    return {.merge_errors = false,
            .plan = [script](const Json&, const CallContext&) -> Result<ProcessSpec> {
              return ProcessSpec{.argv = {"/bin/sh", "-c", script},
                                 .environment = {"PATH=/usr/bin:/bin"}};
            }};
  }

  // Of this test alone: others run beside it, and each kills what carries its mark.
  const std::string run_id_ = "test-run-" + random_text(12);
  TemporaryDirectory folder_;
  Workspace files_;
  Loop loop_;
  WorkerPool workers_{4};
  int done_ = 0;
  CallResult result_;
};

// --- Functions ---

TEST_F(CallRunnerTest, runs_a_function_with_its_arguments_and_a_deadline) {
  const std::int64_t before_ms = monotonic_ms();
  const ToolOutcome outcome =
      outcome_of(ToolBody([&](const Json& arguments, CallContext& context) -> ToolOutcome {
                   EXPECT_GE(context.deadline_ms, before_ms + 60'000);
                   EXPECT_TRUE(context.stop.stop_possible());
                   EXPECT_FALSE(context.stop.stop_requested());
                   EXPECT_NE(context.files, nullptr);
                   return {.text = arguments.value("word", "")};
                 }),
                 60'000, {{"word", "hello"}});
  EXPECT_EQ(outcome.status, CallStatus::kOk);
  EXPECT_EQ(outcome.text, "hello");
  EXPECT_GE(result_.duration_ms, 0);
}

TEST_F(CallRunnerTest, a_function_that_throws_fails_alone) {
  EXPECT_EQ(outcome_of(ToolBody([](const Json&, CallContext&) -> ToolOutcome {
              throw std::runtime_error("no luck");
            })).text,
            "Error: the tool threw: no luck");
  EXPECT_EQ(result_.outcome.status, CallStatus::kError);
}

// What comes after the deadline is ignored, also when the runner is gone by then.
TEST_F(CallRunnerTest, a_deadline_does_not_wait_for_the_function) {
  Meeting let_go;
  Meeting returned;
  std::stop_token token;
  auto runner = start(ToolBody([&](const Json&, CallContext& context) -> ToolOutcome {
                        token = context.stop;
                        EXPECT_TRUE(let_go.wait_for(1));
                        returned.arrive();
                        return {.text = "late"};
                      }),
                      10);
  run_loop();
  EXPECT_EQ(result_.outcome.status, CallStatus::kTimeout);
  EXPECT_PRED2(holds, result_.outcome.text, "It may still be at work");
  runner.reset();
  let_go.arrive();
  ASSERT_TRUE(returned.wait_for(1));
  EXPECT_TRUE(token.stop_requested());
  loop_.post([this] { loop_.post([this] { loop_.stop(); }); });
  run_loop();
  EXPECT_EQ(done_, 1) << "told once";
}

TEST_F(CallRunnerTest, stop_lets_a_function_end_with_what_it_has) {
  Meeting begun;
  auto runner = start(ToolBody([&](const Json&, CallContext& context) -> ToolOutcome {
    Meeting stopped;
    const std::stop_callback on_stop(context.stop, [&] { stopped.arrive(); });
    begun.arrive();
    return {.text = stopped.wait_for(1) ? "half" : "never stopped"};
  }));
  ASSERT_TRUE(begun.wait_for(1));
  runner->stop();
  runner->stop();
  run_loop();
  EXPECT_EQ(done_, 1);
  EXPECT_EQ(result_.outcome.text, "half");
}

TEST_F(CallRunnerTest, destruction_stops_a_function_and_ignores_its_result) {
  Meeting begun;
  Meeting returned;
  auto runner = start(ToolBody([&](const Json&, CallContext& context) -> ToolOutcome {
    Meeting stopped;
    const std::stop_callback on_stop(context.stop, [&] { stopped.arrive(); });
    begun.arrive();
    EXPECT_TRUE(stopped.wait_for(1));
    returned.arrive();
    return {.text = "unheard"};
  }));
  ASSERT_TRUE(begun.wait_for(1));
  runner.reset();
  ASSERT_TRUE(returned.wait_for(1));
  loop_.post([this] { loop_.post([this] { loop_.stop(); }); });
  run_loop();
  EXPECT_EQ(done_, 0);
}

// --- Processes ---

TEST_F(CallRunnerTest, runs_a_process_in_the_workspace_under_its_marker) {
  EXPECT_EQ(outcome_of(shell("pwd; echo $PERDURE_CALL")).text,
            folder_.path() + "\n" + run_id_ + "/1.0\n");
  EXPECT_EQ(result_.outcome.status, CallStatus::kOk);
}

TEST_F(CallRunnerTest, a_process_that_fails_says_how) {
  const ToolOutcome outcome = outcome_of(shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(outcome.status, CallStatus::kError);
  EXPECT_PRED2(holds, outcome.text, "out\n");
  EXPECT_PRED2(holds, outcome.text, "err\n");
  EXPECT_PRED2(holds, outcome.text, "[exit status 3]");
}

TEST_F(CallRunnerTest, a_process_that_cannot_start_is_a_failed_call) {
  ProcessTool missing;
  missing.plan = [](const Json&, const CallContext&) -> Result<ProcessSpec> {
    return ProcessSpec{.argv = {"/missing/program"}};
  };
  EXPECT_PRED2(holds, outcome_of(missing).text, "cannot run '/missing/program'");
  EXPECT_EQ(result_.outcome.status, CallStatus::kError);
}

TEST_F(CallRunnerTest, a_plan_that_fails_is_a_failed_call) {
  ProcessTool unplanned;
  unplanned.plan = [](const Json&, const CallContext&) -> Result<ProcessSpec> {
    return Error{.code = ErrorCode::kInvalidArguments, .message = "not like this"};
  };
  EXPECT_EQ(outcome_of(unplanned).text, "Error: not like this");
}

TEST_F(CallRunnerTest, a_process_ends_with_its_deadline) {
  ProcessTool endless = shell("echo begun; exec tail -f /dev/null");
  endless.plan = [plan = endless.plan](const Json& arguments, const CallContext& context) {
    Result<ProcessSpec> spec = plan(arguments, context);
    spec->timeout_ms = 50;
    return spec;
  };
  const ToolOutcome outcome = outcome_of(endless);
  EXPECT_EQ(outcome.status, CallStatus::kTimeout);
  EXPECT_PRED2(holds, outcome.text, "stopped at its deadline");
  EXPECT_EQ(kill_marked_processes(run_id_), 0U);
}

TEST_F(CallRunnerTest, stop_ends_a_process) {
  auto runner = start(shell("exec tail -f /dev/null"));
  runner->stop();
  run_loop();
  EXPECT_EQ(done_, 1);
  EXPECT_EQ(result_.outcome.status, CallStatus::kCancelled);
  EXPECT_EQ(kill_marked_processes(run_id_), 0U);
}

TEST_F(CallRunnerTest, destruction_ends_a_process_with_its_children) {
  auto runner = start(shell("tail -f /dev/null & setsid tail -f /dev/null & wait"));
  runner.reset();
  EXPECT_EQ(kill_marked_processes(run_id_), 0U) << "nothing was left to kill";
  EXPECT_EQ(done_, 0);
}

}  // namespace
}  // namespace perdure
