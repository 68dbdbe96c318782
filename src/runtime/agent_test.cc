// What an embedder does with a run through the public API: speaks to it, stops it, caps it, and
// goes on with it.
#include <atomic>
#include <limits>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <perdure/agent.h>

#include "tests/support/json.h"
#include "tests/support/result.h"
#include "tests/support/run_bench.h"

namespace perdure {
namespace {

using test::holds;
using test::Meeting;
using test::RunBench;
using test::tool_spec;

constexpr std::string_view kOneCall = R"(
[[reply]]
[[reply.call]]
name = "work"
[[reply]]
text = "Done."
)";

// A tool that says that it began, and ends when it is let go.
struct HeldTool {
  Meeting begun;
  Meeting let_go;
  ToolFunction function() {
    return [this](const Json&, ToolContext&) -> Result<Json> {
      begun.arrive();
      return Json(let_go.wait_for(1) ? "worked" : "held too long");
    };
  }
};

// A tool that works until it is stopped.
ToolFunction until_stopped(Meeting& begun) {
  return [&begun](const Json&, ToolContext& context) -> Result<Json> {
    Meeting stopped;
    const std::stop_callback on_stop(context.stop, [&] { stopped.arrive(); });
    begun.arrive();
    return Json(stopped.wait_for(1) ? "stopped" : "never stopped");
  };
}

void expect_done(RunBench& bench, const RunResult& result) {
  EXPECT_EQ(result.outcome, Outcome::kDone) << result.message;
  EXPECT_EQ(result.text, "Done.");
  EXPECT_EQ(bench.statistics().refused, 0) << "the strict endpoint took every request";
}

TEST(Agent, a_message_joins_when_the_open_exchange_has_closed) {
  RunBench bench(R"(
[[reply]]
[[reply.call]]
name = "work"
[[reply]]
expect = ["worked", "And water the plants."]
text = "Done."
)");
  Agent agent(bench.agent_options(), bench.runtime());
  HeldTool tool;
  agent.add_tool(tool_spec("work"), tool.function());
  RunHandle run = agent.start("Go.", bench.run_options());
  ASSERT_TRUE(tool.begun.wait_for(1));
  run.say("And water the plants.");
  ASSERT_TRUE(bench.seen().wait_for("message_queued", 2)) << "it is kept at once";
  tool.let_go.arrive();
  expect_done(bench, run.wait());
  run.say("Too late.");
  EXPECT_EQ(run.wait().outcome, Outcome::kDone) << "a handle may be used after the end";
  EXPECT_EQ(bench.seen().count("message_queued"), 2);
}

TEST(Agent, pause_stops_when_the_open_exchange_has_closed) {
  RunBench bench(kOneCall);
  Agent agent(bench.agent_options(), bench.runtime());
  HeldTool tool;
  agent.add_tool(tool_spec("work"), tool.function());
  RunHandle run = agent.start("Go.", bench.run_options());
  ASSERT_TRUE(tool.begun.wait_for(1));
  run.pause();
  ASSERT_TRUE(bench.seen().wait_for("stop_requested"));
  tool.let_go.arrive();
  const RunResult paused = run.wait();
  EXPECT_EQ(paused.outcome, Outcome::kInterrupted);
  EXPECT_EQ(bench.seen().payloads("call_finished").at(0)["status"], "ok");
  EXPECT_EQ(bench.statistics().requests, 1);
  expect_done(bench, agent.resume(paused.run_id, "", bench.run_options()));
  EXPECT_EQ(bench.seen().count("call_intended"), 1) << "a finished call is not repeated";
}

TEST(Agent, pause_does_not_wait_for_a_retry) {
  RunBench bench(R"(
[[reply]]
text = "Done."
[[reply.fault]]
status = 429
retry_after = "500"
)");
  Agent agent(bench.agent_options(), bench.runtime());
  RunHandle run = agent.start("Go.", bench.run_options());
  ASSERT_TRUE(bench.seen().wait_for("retry_scheduled"));
  run.pause();
  const RunResult paused = run.wait();
  EXPECT_EQ(paused.outcome, Outcome::kInterrupted);
  expect_done(bench, agent.resume(paused.run_id, "", bench.run_options()));
}

TEST(Agent, cancel_ends_calls_at_once) {
  RunBench bench(kOneCall);
  Agent agent(bench.agent_options(), bench.runtime());
  Meeting begun;
  agent.add_tool(tool_spec("work"), until_stopped(begun));
  RunHandle run = agent.start("Go.", bench.run_options());
  ASSERT_TRUE(begun.wait_for(1));
  run.cancel();
  run.cancel();
  const RunResult cancelled = run.wait();
  EXPECT_EQ(cancelled.outcome, Outcome::kInterrupted);
  EXPECT_EQ(bench.seen().count("stop_requested"), 1);
  expect_done(bench, agent.resume(cancelled.run_id, "", bench.run_options()));
  EXPECT_PRED2(holds, bench.request(2), "stopped");
}

// A function that does not listen is left behind after a moment; what it says later is ignored.
TEST(Agent, cancel_leaves_a_deaf_tool_behind) {
  RunBench bench(kOneCall);
  Agent agent(bench.agent_options(), bench.runtime());
  HeldTool tool;
  agent.add_tool(tool_spec("work"), tool.function());
  RunHandle run = agent.start("Go.", bench.run_options());
  ASSERT_TRUE(tool.begun.wait_for(1));
  run.cancel();
  const RunResult cancelled = run.wait();
  EXPECT_EQ(cancelled.outcome, Outcome::kInterrupted);
  EXPECT_EQ(bench.seen().payloads("call_finished").at(0)["status"], "cancelled");
  tool.let_go.arrive();
  expect_done(bench, agent.resume(cancelled.run_id, "", bench.run_options()));
  EXPECT_PRED2(holds, bench.request(2), "it may still be at work");
  EXPECT_EQ(bench.seen().count("call_finished"), 1);
}

TEST(Agent, cancel_drops_the_request) {
  RunBench bench(R"(
[[reply]]
text = "Done."
[[reply.fault]]
delay_ms = 3600000
)");
  Agent agent(bench.agent_options(), bench.runtime());
  RunHandle run = agent.start("Go.", bench.run_options());
  ASSERT_TRUE(bench.wait_for_requests(1));
  run.cancel();
  const RunResult cancelled = run.wait();
  EXPECT_EQ(cancelled.outcome, Outcome::kInterrupted);
  EXPECT_EQ(bench.seen().payloads("request_failed").size(), 1U);
  EXPECT_EQ(cancelled.usage.steps, 0);
  expect_done(bench, agent.resume(cancelled.run_id, "", bench.run_options()));
}

// --- Going on ---

TEST(Agent, goes_on_in_another_runtime_with_the_stored_definition) {
  RunBench bench(kOneCall);
  std::string run_id;
  {
    AgentOptions options = bench.agent_options();
    options.instructions = "You are an on-call assistant.";
    Agent agent(options, bench.runtime());
    agent.add_tool(tool_spec("work"), [](const Json&, ToolContext&) { return Json("worked"); });
    const RunResult paused = agent.run("Go.", bench.run_options({.steps = 1}));
    EXPECT_EQ(paused.outcome, Outcome::kPaused);
    EXPECT_EQ(paused.reason, "steps");
    run_id = paused.run_id;
  }
  bench.start_runtime();
  const Result<AgentOptions> stored = bench.runtime().agent_of("last");
  ASSERT_TRUE(stored.ok());
  EXPECT_EQ(stored->instructions, "You are an on-call assistant.");
  Agent agent(*stored, bench.runtime());
  agent.add_tool(tool_spec("work"), [](const Json&, ToolContext&) { return Json("again"); });
  expect_done(bench, agent.resume("last", "", bench.run_options({.steps = 5})));
  EXPECT_PRED2(holds, bench.request(2), "You are an on-call assistant.");
  EXPECT_PRED2(holds, bench.request(2), "worked");
  EXPECT_EQ(bench.runtime().runs()->at(0).run_id, run_id);
  EXPECT_EQ(bench.runtime().runs()->at(0).steps, 2);
}

// A tool that joins changes what every request begins with.
TEST(Agent, a_strict_prefix_refuses_a_resume_with_other_tools_and_leaves_the_run_alone) {
  RunBench bench(kOneCall);
  AgentOptions options = bench.agent_options();
  options.strict_prefix = true;
  Agent agent(options, bench.runtime());
  const auto works = [](const Json&, ToolContext&) -> Result<Json> { return Json("worked"); };
  agent.add_tool(tool_spec("work"), works);
  const RunResult paused = agent.run("Go.", bench.run_options({.steps = 1}));
  ASSERT_EQ(paused.reason, "steps");
  const std::string before = bench.stored(paused.run_id);

  Agent other(options, bench.runtime());
  other.add_tool(tool_spec("work"), works).add_tool(tool_spec("rest"), works);
  const RunResult refused = other.resume(paused.run_id, "", bench.run_options({.steps = 5}));
  EXPECT_EQ(refused.outcome, Outcome::kInvalid);
  EXPECT_PRED2(holds, refused.message, "tool 'rest' is new");
  EXPECT_EQ(bench.stored(paused.run_id), before);
  EXPECT_EQ(bench.statistics().requests, 1);

  expect_done(bench, agent.resume(paused.run_id, "", bench.run_options({.steps = 5})));
  EXPECT_EQ(bench.seen().count("prefix_changed"), 0);
}

TEST(Agent, a_message_opens_a_next_turn) {
  RunBench bench(R"(
[[reply]]
reasoning = "First."
text = "One."
[[reply]]
expect = ["And now?"]
text = "Done."
)");
  Agent agent(bench.agent_options(), bench.runtime());
  const RunResult first = agent.run("Go.", bench.run_options());
  EXPECT_EQ(first.text, "One.");
  expect_done(bench, agent.resume(first.run_id, "And now?", bench.run_options()));
}

TEST(Agent, refuses_what_cannot_begin) {
  RunBench bench("[[reply]]\ntext = 'Done.'\n");
  Agent agent(bench.agent_options(), bench.runtime());
  const RunResult done = agent.run("Go.", bench.run_options());

  AgentOptions unknown_tool = bench.agent_options();
  unknown_tool.tools = {"reed_file"};
  Agent with_unknown_tool(unknown_tool, bench.runtime());
  Agent with_two(bench.agent_options(), bench.runtime());
  with_two.add_tool(tool_spec("work"), {}).add_tool(tool_spec("work"), {});
  Agent with_bad_schema(bench.agent_options(), bench.runtime());
  with_bad_schema.add_tool(
      tool_spec("work", EffectClass::kRead, {{"type", "object"}, {"required", 5}}), {});
  RunOptions elsewhere = bench.run_options();
  elsewhere.workspace = bench.workspace() + "/missing";

  struct Case {
    const char* name;
    RunResult result;
    const char* reason;
    const char* words;
  };
  const Case cases[] = {
      {"an empty task", agent.run(" \n\t"), "invalid_argument", "the task is empty"},
      {"no such run", agent.resume("nothing"), "not_found", "there is no run 'nothing'"},
      {"nothing to continue", agent.resume(done.run_id), "invalid_argument",
       "there is no step to continue"},
      {"an unknown tool", with_unknown_tool.run("Go."), "config", "did you mean 'read_file'?"},
      {"two tools of a name", with_two.run("Go."), "config", "there are two tools named 'work'"},
      {"a bad schema", with_bad_schema.run("Go."), "config", "are not a JSON Schema"},
      {"and where in it", with_bad_schema.run("Go."), "config",
       "at: tool 'work', parameters/required"},
      {"a missing workspace", agent.run("Go.", elsewhere), "workspace", "missing"},
  };
  for (const Case& refused : cases) {
    SCOPED_TRACE(refused.name);
    EXPECT_EQ(refused.result.outcome, Outcome::kInvalid);
    EXPECT_EQ(refused.result.reason, refused.reason);
    EXPECT_TRUE(refused.result.run_id.empty());
    ASSERT_TRUE(refused.result.error.has_value());
    EXPECT_PRED2(holds, to_text(*refused.result.error), refused.words);
  }
  EXPECT_EQ(bench.runtime().runs()->size(), 1U) << "what is refused leaves nothing behind";
  EXPECT_EQ(bench.statistics().requests, 1);
}

// An agent file is refused for these; without the check, no call at a time is a run that never
// ends.
TEST(Agent, refuses_numbers_out_of_range) {
  RunBench bench("[[reply]]\ntext = 'Done.'\n");
  struct Case {
    const char* message;
    void (*set)(AgentOptions& agent);
  };
  const Case cases[] = {
      {"'output_tokens_max' must be between 256 and 1000000000000, not -5",
       [](AgentOptions& agent) { agent.output_tokens_max = -5; }},
      {"'attempts_max' must be between 1 and 1000, not 0",
       [](AgentOptions& agent) { agent.attempts_max = 0; }},
      {"'calls_max' must be between 1 and 10000, not 0",
       [](AgentOptions& agent) { agent.calls_max = 0; }},
      {"'parallel_calls_max' must be between 1 and 128, not 0",
       [](AgentOptions& agent) { agent.parallel_calls_max = 0; }},
      {"'parallel_calls_max' must be between 1 and 128, not 129",
       [](AgentOptions& agent) { agent.parallel_calls_max = 129; }},
      {"'accept_rounds' must be between 1 and 1000, not -1",
       [](AgentOptions& agent) { agent.accept_rounds = -1; }},
      {"'timeouts.connect_ms' must be between 1 and 31622400000, not -1",
       [](AgentOptions& agent) { agent.timeouts.connect_ms = -1; }},
      {"'timeouts.first_byte_ms' must be between 1 and 31622400000, not 0",
       [](AgentOptions& agent) { agent.timeouts.first_byte_ms = 0; }},
      {"'timeouts.idle_ms' must be between 1 and 31622400000, not 31622400001",
       [](AgentOptions& agent) { agent.timeouts.idle_ms = 31'622'400'001; }},
      {"'timeouts.request_ms' must be between 1 and 31622400000, not -9",
       [](AgentOptions& agent) { agent.timeouts.request_ms = -9; }},
      {"'command_timeout_ms' must be between 1 and 31622400000, not 0",
       [](AgentOptions& agent) { agent.command_timeout_ms = 0; }},
      {"'test_timeout_ms' must be between 1 and 31622400000, not -2",
       [](AgentOptions& agent) { agent.test_timeout_ms = -2; }},
      {"'sandbox.processes_max' must be between 16 and 1000000, not 15",
       [](AgentOptions& agent) { agent.sandbox.processes_max = 15; }},
      {"'budget.steps' must be between 1 and 1000000000, not 0",
       [](AgentOptions& agent) { agent.budget.steps = 0; }},
      {"tool 'slow': 'timeout_ms' must be between 1 and 31622400000, not 0",
       [](AgentOptions& agent) {
         agent.commands = {{.spec = {.name = "slow", .timeout_ms = 0}, .argv = {"true"}}};
       }},
  };
  for (const Case& refused : cases) {
    SCOPED_TRACE(refused.message);
    AgentOptions options = bench.agent_options();
    refused.set(options);
    Agent agent(options, bench.runtime());
    const RunResult result = agent.run("Go.", bench.run_options());
    EXPECT_EQ(result.outcome, Outcome::kInvalid);
    EXPECT_EQ(result.reason, "invalid_argument");
    EXPECT_EQ(result.message, refused.message);
  }
  Agent agent(bench.agent_options(), bench.runtime());
  ToolSpec hasty = tool_spec("work");
  hasty.timeout_ms = -1;
  agent.add_tool(hasty, [](const Json&, ToolContext&) { return Json("worked"); });
  EXPECT_EQ(agent.run("Go.", bench.run_options()).message,
            "tool 'work': 'timeout_ms' must be between 1 and 31622400000, not -1");
  EXPECT_EQ(bench.statistics().requests, 0);
}

// --- Budgets ---

TEST(Agent, refuses_caps_out_of_range) {
  RunBench bench("[[reply]]\ntext = 'Done.'\n");
  struct Case {
    const char* message;
    Budget budget;
  };
  const Case cases[] = {
      {"'budget.steps' must be between 1 and 1000000000, not 0", {.steps = 0}},
      {"'budget.steps' must be between 1 and 1000000000, not -1", {.steps = -1}},
      {"'budget.input_tokens' must be between 1 and 1000000000000, not -7", {.input_tokens = -7}},
      {"'budget.output_tokens' must be between 1 and 1000000000000, not 0", {.output_tokens = 0}},
      {"'budget.reasoning_tokens' must be between 1 and 1000000000000, not -1",
       {.reasoning_tokens = -1}},
      {"'budget.wall_ms' must be between 1 and 31622400000, not -1", {.wall_ms = -1}},
      {"'budget.usd' must be a number of at least 0, not -0.5", {.usd = -0.5}},
      {"'budget.usd' must be a number of at least 0, not nan",
       {.usd = std::numeric_limits<double>::quiet_NaN()}},
      {"'budget.usd' must be a number of at least 0, not inf",
       {.usd = std::numeric_limits<double>::infinity()}},
  };
  Agent agent(bench.agent_options(), bench.runtime());
  for (const Case& refused : cases) {
    SCOPED_TRACE(refused.message);
    const RunResult result = agent.run("Go.", bench.run_options(refused.budget));
    EXPECT_EQ(result.outcome, Outcome::kInvalid);
    EXPECT_EQ(result.reason, "invalid_argument");
    EXPECT_EQ(result.message, refused.message);
  }
  EXPECT_EQ(bench.statistics().requests, 0);
  const RunResult done = agent.run("Go.", bench.run_options({.steps = 1}));
  EXPECT_EQ(agent.resume(done.run_id, "More.", bench.run_options({.steps = -1})).reason,
            "invalid_argument");
}

struct Cap {
  const char* reason;
  Budget small;
  Budget larger;
};

// The first reply uses 30,000 input tokens, 3,000 output tokens, half of it reasoning, and 0.04
// USD.
constexpr std::string_view kCostly = R"(
[[reply]]
usage = { prompt_tokens = 30000, completion_tokens = 3000 }
[[reply.call]]
name = "work"
[[reply]]
usage = { prompt_tokens = 31000, completion_tokens = 10 }
text = "Done."
)";

TEST(Agent, a_cap_of_the_budget_pauses_and_a_larger_one_goes_on) {
  const Cap caps[] = {
      {"steps", {.steps = 1}, {.steps = 2}},
      {"input_tokens", {.input_tokens = 45'000}, {.input_tokens = 90'000}},
      {"output_tokens", {.output_tokens = 5'000}, {.output_tokens = 9'000}},
      {"usd", {.usd = 0.06}, {.usd = 1.0}},
  };
  for (const Cap& cap : caps) {
    SCOPED_TRACE(cap.reason);
    RunBench bench(kCostly);
    Agent agent(bench.agent_options(), bench.runtime());
    agent.add_tool(tool_spec("work"), [](const Json&, ToolContext&) { return Json("worked"); });
    const RunResult paused = agent.run("Go.", bench.run_options(cap.small));
    EXPECT_EQ(paused.outcome, Outcome::kPaused) << paused.message;
    EXPECT_EQ(paused.reason, cap.reason);
    EXPECT_FALSE(paused.message.empty());
    EXPECT_EQ(paused.usage.steps, 1) << "nothing is sent that could break the cap";
    EXPECT_EQ(bench.statistics().requests, 1);
    const RunResult again = agent.resume(paused.run_id, "", bench.run_options());
    EXPECT_EQ(again.reason, cap.reason) << "what was used still counts";
    EXPECT_EQ(bench.statistics().requests, 1);
    expect_done(bench, agent.resume(paused.run_id, "", bench.run_options(cap.larger)));
  }
}

// The host says how much of a reply was reasoning; this one answers in one piece.
TEST(Agent, reasoning_has_a_cap_of_its_own) {
  const std::string reply =
      R"({"id":"1","object":"chat.completion","choices":[{"index":0,"finish_reason":"tool_calls",)"
      R"("message":{"role":"assistant","reasoning_content":"Long.","tool_calls":[)"
      R"({"id":"functions.work:0","type":"function","function":{"name":"work",)"
      R"("arguments":"{}"}}]}}],"usage":{"prompt_tokens":100,"completion_tokens":3000,)"
      R"("completion_tokens_details":{"reasoning_tokens":2900}}})";
  RunBench bench("strict = false\n[[reply]]\n[[reply.fault]]\nbody = '''" + reply +
                 "'''\n[[reply]]\ntext = 'Done.'\n");
  Agent agent(bench.agent_options(), bench.runtime());
  agent.add_tool(tool_spec("work"), [](const Json&, ToolContext&) { return Json("worked"); });
  const RunResult paused = agent.run("Go.", bench.run_options({.reasoning_tokens = 4'000}));
  EXPECT_EQ(paused.outcome, Outcome::kPaused) << paused.message;
  EXPECT_EQ(paused.reason, "reasoning_tokens");
  EXPECT_EQ(paused.usage.reasoning_tokens, 2'900);
  expect_done(bench,
              agent.resume(paused.run_id, "", bench.run_options({.reasoning_tokens = 9'000})));
}

TEST(Agent, working_time_has_a_cap) {
  RunBench bench("delay_ms = 3600000\n[[reply]]\ntext = 'Done.'\n");
  Agent agent(bench.agent_options(), bench.runtime());
  const RunResult paused = agent.run("Go.", bench.run_options({.wall_ms = 50}));
  EXPECT_EQ(paused.outcome, Outcome::kPaused) << paused.message;
  EXPECT_EQ(paused.reason, "wall_time");
  EXPECT_GE(paused.usage.wall_ms, 50);
  EXPECT_EQ(agent.resume(paused.run_id, "", bench.run_options()).reason, "wall_time");
  const int requests = static_cast<int>(bench.statistics().requests);
  RunHandle longer =
      agent.start_resume(paused.run_id, "", bench.run_options({.wall_ms = 3'600'000}));
  EXPECT_TRUE(bench.wait_for_requests(requests + 1)) << "it goes on";
  longer.cancel();
  EXPECT_EQ(longer.wait().outcome, Outcome::kInterrupted);
}

TEST(Agent, a_budget_that_cannot_be_held_is_refused) {
  RunBench bench("[[reply]]\ntext = 'Done.'\n");
  AgentOptions options = bench.agent_options();
  options.model = "some-model-without-a-price";
  Agent unpriced(options, bench.runtime());
  EXPECT_PRED2(holds, unpriced.run("Go.", bench.run_options({.usd = 1.0})).message,
               "is not known, so a cap on money cannot be held");
  Agent agent(bench.agent_options(), bench.runtime());
  EXPECT_PRED2(holds, agent.run("Go.", bench.run_options({.output_tokens = 100})).message,
               "a cap of 100 output tokens is too small");
  EXPECT_EQ(bench.statistics().requests, 0);
}

// --- The endpoint ---

TEST(Agent, waits_as_long_as_the_host_asks) {
  RunBench bench(R"(
[[reply]]
text = "Done."
[[reply.fault]]
status = 429
retry_after = "1"
)");
  Agent agent(bench.agent_options(), bench.runtime());
  expect_done(bench, agent.run("Go.", bench.run_options()));
  const std::vector<Json> waits = bench.seen().payloads("retry_scheduled");
  ASSERT_EQ(waits.size(), 1U);
  EXPECT_GE(waits[0]["delay_ms"], 1'000);
  EXPECT_EQ(bench.seen().count("retry_due"), 1);
  EXPECT_EQ(bench.statistics().requests, 2);
}

TEST(Agent, gives_up_where_waiting_does_not_help) {
  struct Case {
    const char* fault;
    Outcome outcome;
    const char* reason;
    int requests;
  };
  const Case cases[] = {
      {"status = 429\nretry_after = \"86400\"", Outcome::kPaused, "rate_limited", 1},
      {"status = 500\ntimes = 2", Outcome::kEndpointTemporary, "server", 2},
      {"status = 429\ntype = \"exceeded_current_quota_error\"", Outcome::kEndpointPermanent,
       "quota", 1},
      {"status = 401", Outcome::kEndpointPermanent, "key_rejected", 1},
  };
  for (const Case& failing : cases) {
    SCOPED_TRACE(failing.fault);
    RunBench bench(std::string("[[reply]]\ntext = 'Done.'\n[[reply.fault]]\n") + failing.fault);
    AgentOptions options = bench.agent_options();
    options.attempts_max = 2;
    Agent agent(options, bench.runtime());
    const RunResult failed = agent.run("Go.", bench.run_options());
    EXPECT_EQ(failed.outcome, failing.outcome) << failed.message;
    EXPECT_EQ(failed.reason, failing.reason);
    EXPECT_TRUE(failed.error.has_value()) << "with what to do";
    EXPECT_EQ(bench.statistics().requests, failing.requests);
    expect_done(bench, agent.resume(failed.run_id, "", bench.run_options()));
  }
}

// --- Acceptance ---

TEST(Agent, an_answer_is_accepted_when_its_checks_pass) {
  RunBench bench(R"(
[[reply]]
text = "I think I am done."
[[reply]]
expect = ["is not accepted yet", "test -f made", "never mind"]
[[reply.call]]
name = "work"
[[reply]]
text = "Done."
)");
  AgentOptions options = bench.agent_options();
  options.accept = {"true", "test -f made || { echo never mind; exit 3; }"};
  Agent agent(options, bench.runtime());
  agent.add_tool(tool_spec("work"), [&](const Json&, ToolContext&) {
    bench.folder().write("workspace/made", "");
    return Json("worked");
  });
  expect_done(bench, agent.run("Go.", bench.run_options()));
  const std::vector<Json> checks = bench.seen().payloads("acceptance_finished");
  ASSERT_EQ(checks.size(), 2U);
  EXPECT_EQ(checks[0]["passed"], false);
  EXPECT_EQ(checks[1]["passed"], true);
}

TEST(Agent, an_answer_that_is_never_accepted_fails_the_run) {
  RunBench bench("[[reply]]\nrepeat = 9\ntext = 'Done?'\n");
  AgentOptions options = bench.agent_options();
  options.accept = {"false"};
  options.accept_rounds = 2;
  Agent agent(options, bench.runtime());
  const RunResult failed = agent.run("Go.", bench.run_options());
  EXPECT_EQ(failed.outcome, Outcome::kFailed);
  EXPECT_EQ(failed.reason, "acceptance");
  EXPECT_EQ(bench.statistics().requests, 3) << "it went back to the model twice";
  EXPECT_EQ(bench.seen().count("acceptance_finished"), 3);
}

TEST(Agent, cancel_ends_a_check) {
  RunBench bench("[[reply]]\ntext = 'Done.'\n");
  AgentOptions options = bench.agent_options();
  options.accept = {"touch begun; exec tail -f /dev/null"};
  Agent agent(options, bench.runtime());
  RunHandle run = agent.start("Go.", bench.run_options());
  ASSERT_TRUE(bench.seen().wait_for("acceptance_started"));
  run.cancel();
  EXPECT_EQ(run.wait().outcome, Outcome::kInterrupted);
}

}  // namespace
}  // namespace perdure
