// The runtime that runs share: many of them at once, its end with runs under way, and what it says
// about stored runs.
#include <atomic>
#include <map>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <perdure/runtime.h>

#include "tests/support/json.h"
#include "tests/support/result.h"
#include "tests/support/run_bench.h"

namespace perdure {
namespace {

using test::code_of;
using test::holds;
using test::Meeting;
using test::RunBench;
using test::SeenEvent;
using test::tool_spec;

constexpr std::string_view kThreeSteps = R"(
[[reply]]
reasoning = "One."
[[reply.call]]
name = "work"
[[reply]]
reasoning = "Two."
[[reply.call]]
name = "work"
[[reply]]
text = "Done."
)";

TEST(Runtime, many_runs_share_it) {
  constexpr int kRuns = 40;
  for (const JournalMode mode : {JournalMode::kDurable, JournalMode::kMemory}) {
    RunBench bench(kThreeSteps, mode);
    Agent agent(bench.agent_options(), bench.runtime());
    std::atomic<int> calls = 0;
    agent.add_tool(tool_spec("work"), [&](const Json&, ToolContext&) { return Json(++calls); });
    std::vector<RunHandle> runs;
    for (int i = 0; i < kRuns; ++i) {
      runs.push_back(agent.start("Task " + std::to_string(i) + ".", bench.run_options()));
    }
    for (RunHandle& run : runs) EXPECT_EQ(run.wait().outcome, Outcome::kDone);
    EXPECT_EQ(calls, 2 * kRuns);
    EXPECT_EQ(bench.statistics().refused, 0);
    std::map<std::string, std::uint64_t> last;
    for (const SeenEvent& event : bench.seen().all()) {
      if (event.sequence == 0) continue;
      EXPECT_EQ(event.sequence, last[event.run_id] + 1);
      last[event.run_id] = event.sequence;
    }
    EXPECT_EQ(last.size(), static_cast<std::size_t>(kRuns));
    const Result<std::vector<RunSummary>> stored = bench.runtime().runs(1'000);
    ASSERT_EQ(stored->size(), static_cast<std::size_t>(kRuns));
    for (const RunSummary& run : *stored) {
      EXPECT_EQ(run.outcome, Outcome::kDone);
      EXPECT_FALSE(run.running);
      EXPECT_EQ(run.steps, 3);
    }
  }
}

TEST(Runtime, runs_of_several_agents_and_threads_share_it) {
  RunBench bench(kThreeSteps);
  std::vector<std::thread> threads;
  std::atomic<int> done = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&bench, &done] {
      Agent agent(bench.agent_options(), bench.runtime());
      agent.add_tool(tool_spec("work"), [](const Json&, ToolContext&) { return Json("ok"); });
      for (int run = 0; run < 3; ++run) {
        if (agent.run("Go.", bench.run_options()).outcome == Outcome::kDone) ++done;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done, 12);
}

// Runs at every stage: asking the model, in a call, waiting for a retry.
TEST(Runtime, its_end_stops_what_is_under_way_and_loses_nothing) {
  RunBench bench(R"(
[[conversation]]
opening = ["Ask."]
[[conversation.reply]]
text = "Done."
[[conversation.reply.fault]]
delay_ms = 3600000

[[conversation]]
opening = ["Wait."]
[[conversation.reply]]
text = "Done."
[[conversation.reply.fault]]
status = 429
retry_after = "500"

[[reply]]
[[reply.call]]
name = "work"
[[reply]]
text = "Done."
)");
  std::vector<RunHandle> runs;
  Meeting working;
  {
    Agent agent(bench.agent_options(), bench.runtime());
    agent.add_tool(tool_spec("work"), [&](const Json&, ToolContext& context) {
      Meeting stopped;
      const std::stop_callback on_stop(context.stop, [&] { stopped.arrive(); });
      working.arrive();
      return Json(stopped.wait_for(1) ? "stopped" : "never stopped");
    });
    for (const char* task : {"Ask.", "Wait.", "Work."}) {
      runs.push_back(agent.start(task, bench.run_options()));
    }
    ASSERT_TRUE(bench.wait_for_requests(3));
    ASSERT_TRUE(working.wait_for(1));
    ASSERT_TRUE(bench.seen().wait_for("retry_scheduled"));
    bench.end_runtime();
  }
  for (RunHandle& run : runs) {
    EXPECT_EQ(run.wait().outcome, Outcome::kInterrupted);
    run.cancel();
    run.say("Nobody hears this.");
  }
  bench.start_runtime();
  Agent agent(bench.agent_options(), bench.runtime());
  agent.add_tool(tool_spec("work"), [](const Json&, ToolContext&) { return Json("again"); });
  for (const RunHandle& run : runs) {
    const RunResult result = agent.resume(run.id(), "", bench.run_options());
    EXPECT_EQ(result.outcome, Outcome::kDone) << result.message;
    EXPECT_EQ(result.text, "Done.");
  }
  EXPECT_EQ(bench.statistics().refused, 0);
}

TEST(Runtime, its_end_waits_for_nothing_when_nothing_runs) {
  RunBench bench(kThreeSteps);
  bench.end_runtime();
  const Runtime unused({.state_directory = bench.state(), .journal = JournalMode::kMemory});
}

TEST(Runtime, tells_of_stored_runs) {
  RunBench bench(kThreeSteps);
  Runtime& runtime = bench.runtime();
  EXPECT_TRUE(runtime.runs()->empty());
  EXPECT_EQ(code_of(runtime.find_run("last")), "not_found");
  Agent agent(bench.agent_options(), runtime);
  agent.add_tool(tool_spec("work"), [](const Json&, ToolContext&) { return Json("ok"); });
  const RunResult first = agent.run("First task.", bench.run_options());
  const RunResult second = agent.run("Second task.", bench.run_options({.steps = 1}));

  const Result<std::vector<RunSummary>> runs = runtime.runs();
  ASSERT_EQ(runs->size(), 2U);
  EXPECT_EQ(runs->at(0).run_id, second.run_id);
  EXPECT_EQ(runs->at(0).task, "Second task.");
  EXPECT_EQ(runs->at(0).outcome, Outcome::kPaused);
  EXPECT_EQ(runs->at(1).agent, "bench");
  EXPECT_EQ(runs->at(1).model, "kimi-k2.6");
  EXPECT_EQ(runs->at(1).workspace, bench.workspace());
  EXPECT_EQ(runs->at(1).steps, 3);
  EXPECT_GT(runs->at(1).usd, 0);
  EXPECT_EQ(runs->at(1).usd, first.usage.usd);
  EXPECT_GE(runs->at(1).updated_ms, runs->at(1).created_ms);
  EXPECT_EQ(*runtime.find_run("last"), second.run_id);
  EXPECT_EQ(*runtime.find_run(first.run_id), first.run_id);
  EXPECT_EQ(runtime.runs(1)->size(), 1U);
  EXPECT_EQ(code_of(runtime.read_run("nothing", [](const Event&) {})), "not_found");
  EXPECT_EQ(code_of(runtime.agent_of("nothing")), "not_found");
  EXPECT_EQ(runtime.agent_of(first.run_id)->name, "bench");
}

// Two runtimes are two processes as far as a journal can tell.
TEST(Runtime, only_one_writes_a_run) {
  RunBench bench(kThreeSteps);
  Agent agent(bench.agent_options(), bench.runtime());
  Meeting begun;
  Meeting let_go;
  agent.add_tool(tool_spec("work"), [&](const Json&, ToolContext&) {
    begun.arrive();
    return Json(let_go.wait_for(1) ? "ok" : "held too long");
  });
  RunHandle run = agent.start("Go.", bench.run_options());
  ASSERT_TRUE(begun.wait_for(1));
  Runtime other({.state_directory = bench.state()});
  EXPECT_TRUE(other.runs()->at(0).running);
  Agent second(bench.agent_options(), other);
  const RunResult refused = second.resume(run.id(), "", bench.run_options());
  EXPECT_EQ(refused.outcome, Outcome::kInvalid);
  EXPECT_EQ(refused.reason, "locked");
  EXPECT_PRED2(holds, refused.message, "is being written by process");
  const RunResult again = agent.resume(run.id(), "", bench.run_options());
  EXPECT_EQ(again.outcome, Outcome::kInvalid);
  EXPECT_EQ(again.reason, "locked");
  EXPECT_PRED2(holds, again.message, "by this very process");
  let_go.arrive();
  EXPECT_EQ(run.wait().outcome, Outcome::kDone);
  EXPECT_FALSE(other.runs()->at(0).running);
}

TEST(Runtime, a_damaged_run_is_not_resumed) {
  RunBench bench(kThreeSteps);
  bench.end_runtime();
  bench.folder().write("state/perdure.db", "This was a database until somebody wrote over it.");
  bench.start_runtime();
  EXPECT_EQ(code_of(bench.runtime().runs()), "corrupt");
  Agent agent(bench.agent_options(), bench.runtime());
  const RunResult refused = agent.resume("last", "", bench.run_options());
  EXPECT_EQ(refused.outcome, Outcome::kInvalid);
  EXPECT_EQ(refused.reason, "corrupt");
  const RunResult unkept = agent.run("Go.", bench.run_options());
  EXPECT_EQ(unkept.outcome, Outcome::kStoreFailed);
  EXPECT_EQ(bench.statistics().requests, 0) << "nothing is done that cannot be kept";
}

TEST(Runtime, asks_a_host_for_its_models) {
  RunBench bench(kThreeSteps);
  bench.folder().write("config/hosts/here.toml", "id = \"here\"\nname = \"here\"\nbase_url = \"" +
                                                     bench.agent_options().base_url + "\"\n");
  const HostCheck here = bench.runtime().check_host("here");
  EXPECT_TRUE(here.reachable) << here.detail;
  EXPECT_TRUE(here.key_accepted) << here.detail;
  const HostCheck missing = bench.runtime().check_host("nowhere");
  EXPECT_FALSE(missing.reachable);
  EXPECT_PRED2(holds, missing.detail, "no host is named 'nowhere'");
}

}  // namespace
}  // namespace perdure
