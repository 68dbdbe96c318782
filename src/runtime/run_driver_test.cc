// One run through the public API against the scripted endpoint, which refuses every request that a
// strict host would refuse: calls, their order and their results, and what observers see.
#include "runtime/run_driver.h"

#include <atomic>
#include <stdexcept>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/json.h"
#include "tests/support/result.h"
#include "tests/support/run_bench.h"

namespace perdure {
namespace {

using test::holds;
using test::Meeting;
using test::parse_json;
using test::RunBench;
using test::SeenEvent;
using test::tool_spec;

// Two calls of a tool in one reply, then the answer.
constexpr std::string_view kTwoCalls = R"(
[[reply]]
reasoning = "Both at once."
[[reply.call]]
name = "work"
[reply.call.arguments]
name = "a"
[[reply.call]]
name = "work"
[reply.call.arguments]
name = "b"

[[reply]]
text = "Done."
)";

constexpr std::string_view kOneWork = R"(
[[reply]]
[[reply.call]]
name = "work"
[[reply]]
text = "Done."
)";

// What the model was told of the calls of the first reply, in order.
std::vector<std::string> results_in(const RunBench& bench, int request = 2) {
  std::vector<std::string> results;
  const Json body = parse_json(bench.request(request));
  for (const Json& message : body.value("messages", Json::array())) {
    if (message["role"] == "tool") results.push_back(message["content"].get<std::string>());
  }
  return results;
}

void expect_answered(const RunBench& bench, const RunResult& result) {
  EXPECT_EQ(result.outcome, Outcome::kDone) << result.message;
  EXPECT_EQ(result.text, "Done.");
  EXPECT_EQ(bench.statistics().refused, 0) << "the strict endpoint took every request";
}

// What has an effect waits for its durable intent.
TEST(RunDriver, a_call_with_an_effect_begins_when_its_intent_is_stored) {
  RunBench bench(kOneWork);
  Agent agent(bench.agent_options(), bench.runtime());
  std::string stored;
  agent.add_tool(
      tool_spec("work", EffectClass::kIdempotent), [&](const Json&, ToolContext& context) {
        Runtime other({.state_directory = bench.state()});
        (void)other.read_run(context.run_id,
                             [&](const Event& event) { stored += std::string(event.kind) + " "; });
        return Json("ok");
      });
  expect_answered(bench, agent.run("Go.", bench.run_options({})));
  EXPECT_PRED2(holds, stored, "call_intended");
}

// What only reads does not, but a read that takes long is stored while it runs.
TEST(RunDriver, a_read_begins_at_once_and_is_stored_when_it_takes_long) {
  RunBench bench(
      "[[reply]]\nrepeat = 20\n[[reply.call]]\nname = 'work'\n"
      "[reply.call.arguments]\nturn = '{n}'\n[[reply]]\ntext = 'Done.'\n");
  Agent agent(bench.agent_options(), bench.runtime());
  int turn = 0;
  int begun_before_stored = 0;
  bool stored = false;
  agent.add_tool(tool_spec("work"), [&](const Json&, ToolContext&) {
    ++turn;
    if (bench.seen().count("call_intended") < turn) ++begun_before_stored;
    if (turn == 20) stored = bench.seen().wait_for("call_intended", 20);
    return Json(turn);
  });
  expect_answered(bench, agent.run("Go.", bench.run_options()));
  EXPECT_GT(begun_before_stored, 0);
  EXPECT_TRUE(stored);
}

TEST(RunDriver, calls_that_do_not_conflict_overlap) {
  RunBench bench(kTwoCalls);
  Agent agent(bench.agent_options(), bench.runtime());
  Meeting meeting;
  agent.add_tool(tool_spec("work"), [&](const Json&, ToolContext&) -> Result<Json> {
    return Json(meeting.arrive_and_wait_for(2) ? "met" : "alone");
  });
  expect_answered(bench, agent.run("Go.", bench.run_options()));
  EXPECT_EQ(results_in(bench), (std::vector<std::string>{"met", "met"}));
}

// A tool that notes when it begins and ends; one that is interrupted by another shows.
struct Diary {
  std::mutex mutex;
  std::string text;
  void add(const std::string& word) {
    const std::lock_guard lock(mutex);
    text += word;
  }
  ToolFunction tool() {
    return [this](const Json& arguments, ToolContext&) -> Result<Json> {
      const auto name = arguments.value("name", "");
      add(name + "+");
      add(name + "-");
      return Json("did " + name);
    };
  }
};

TEST(RunDriver, calls_that_may_conflict_run_in_order) {
  for (const EffectClass effect : {EffectClass::kAdditive, EffectClass::kDestructive}) {
    RunBench bench(kTwoCalls);
    Agent agent(bench.agent_options(), bench.runtime());
    Diary diary;
    agent.add_tool(tool_spec("work", effect), diary.tool());
    RunOptions options = bench.run_options();
    options.policy = {{.action = PolicyAction::kAllow}};
    expect_answered(bench, agent.run("Go.", options));
    EXPECT_EQ(diary.text, "a+a-b+b-") << to_string(effect);
    EXPECT_EQ(results_in(bench), (std::vector<std::string>{"did a", "did b"}));
  }
}

TEST(RunDriver, no_more_calls_run_at_once_than_the_agent_allows) {
  RunBench bench(kTwoCalls);
  AgentOptions options = bench.agent_options();
  options.parallel_calls_max = 1;
  Agent agent(std::move(options), bench.runtime());
  Diary diary;
  agent.add_tool(tool_spec("work"), diary.tool());
  expect_answered(bench, agent.run("Go.", bench.run_options()));
  EXPECT_EQ(diary.text, "a+a-b+b-");
}

// The second call is done first: the answers still come in the order of the calls.
TEST(RunDriver, results_keep_the_order_of_the_calls) {
  RunBench bench(kTwoCalls);
  Agent agent(bench.agent_options(), bench.runtime());
  agent.add_tool(tool_spec("work"), [&](const Json& arguments, ToolContext&) -> Result<Json> {
    const bool waits = arguments.value("name", "") == "a";
    if (waits) bench.seen().wait_for("call_finished");
    return arguments;
  });
  expect_answered(bench, agent.run("Go.", bench.run_options()));
  EXPECT_EQ(results_in(bench), (std::vector<std::string>{R"({"name":"a"})", R"({"name":"b"})"}));
  const std::vector<Json> finished = bench.seen().payloads("call_finished");
  EXPECT_EQ(finished.at(0)["call"], 1);
}

struct Failing {
  const char* name;
  ToolFunction tool;
  const char* told;
};

TEST(RunDriver, what_a_tool_does_wrong_is_a_result_that_the_model_reads) {
  const Failing cases[] = {
      {"throws",
       [](const Json&, ToolContext&) -> Result<Json> { throw std::runtime_error("no luck"); },
       "Error: the tool threw: no luck"},
      {"throws no exception", [](const Json&, ToolContext&) -> Result<Json> { throw 42; },
       "Error: the tool threw something that is no exception"},
      {"fails",
       [](const Json&, ToolContext&) -> Result<Json> {
         return Error{.code = ErrorCode::kToolFailed, .message = "no disk", .advice = "Mount it."};
       },
       "Error: no disk\nMount it."},
      {"gives bytes that are no text",
       [](const Json&, ToolContext&) -> Result<Json> { return Json("a\xff\x80z"); },
       "a\xEF\xBF\xBD\xEF\xBF\xBDz"},
      {"gives half a character",
       [](const Json&, ToolContext&) -> Result<Json> { return Json("\xE2\x82"); }, "\xEF\xBF\xBD"},
      {"gives nothing", [](const Json&, ToolContext&) -> Result<Json> { return Json(""); },
       "(no output)"},
      {"gives null", [](const Json&, ToolContext&) -> Result<Json> { return Json(); }, "null"},
      {"gives JSON with bytes that are no text",
       [](const Json&, ToolContext&) -> Result<Json> { return Json{{"key", "\xff"}}; },
       "{\"key\":\"\xEF\xBF\xBD\"}"},
  };
  for (const Failing& failing : cases) {
    SCOPED_TRACE(failing.name);
    RunBench bench(kOneWork, JournalMode::kMemory);
    Agent agent(bench.agent_options(), bench.runtime());
    agent.add_tool(tool_spec("work"), failing.tool);
    expect_answered(bench, agent.run("Go.", bench.run_options()));
    EXPECT_EQ(results_in(bench), std::vector<std::string>{failing.told});
  }
}

TEST(RunDriver, a_huge_output_goes_to_a_blob_that_can_be_read) {
  RunBench bench(R"(
[[reply]]
[[reply.call]]
name = "work"
[[reply]]
expect = ["read_output"]
[[reply.call]]
name = "read_output"
[reply.call.arguments]
output = "1.0"
offset = 1000000
[[reply]]
text = "Done."
)");
  AgentOptions options = bench.agent_options();
  options.tools = {"read_output"};
  Agent agent(std::move(options), bench.runtime());
  std::string output;
  for (int line = 0; output.size() < 5'000'000; ++line) output += std::to_string(line) + "\n";
  agent.add_tool(tool_spec("work"), [&](const Json&, ToolContext&) { return Json(output); });
  const RunResult result = agent.run("Go.", bench.run_options());
  expect_answered(bench, result);

  const Json finished = bench.seen().payloads("call_finished").at(0);
  EXPECT_EQ(finished["output_bytes"], output.size());
  const std::string hash = finished["output_blob"];
  EXPECT_EQ(bench.folder().read("state/blobs/" + hash.substr(0, 2) + "/" + hash), output);
  const std::string shown = results_in(bench, 2).at(0);
  EXPECT_LE(shown.size(), 40'000U);
  EXPECT_PRED2(holds, shown, "0\n1\n2\n");
  EXPECT_EQ(shown.substr(shown.size() - 10), output.substr(output.size() - 10));
  const std::string page = results_in(bench, 3).at(1);
  EXPECT_PRED2(holds, page, output.substr(1'000'000, 16 * 1024));
}

TEST(RunDriver, a_deadline_ends_a_call_and_the_run_goes_on) {
  RunBench bench(kOneWork);
  Agent agent(bench.agent_options(), bench.runtime());
  ToolSpec spec = tool_spec("work");
  spec.timeout_ms = 20;
  std::atomic<bool> stopped = false;
  agent.add_tool(spec, [&](const Json&, ToolContext& context) -> Result<Json> {
    Meeting stop;
    const std::stop_callback on_stop(context.stop, [&] { stop.arrive(); });
    stopped = stop.wait_for(1);
    return Json("too late");
  });
  expect_answered(bench, agent.run("Go.", bench.run_options()));
  EXPECT_PRED2(holds, results_in(bench).at(0), "Error: the tool did not answer within");
  EXPECT_EQ(bench.seen().payloads("call_finished").at(0)["status"], "timeout");
  bench.end_runtime();
  EXPECT_TRUE(stopped) << "the function was told";
}

TEST(RunDriver, a_tool_is_told_what_it_works_for) {
  RunBench bench(kTwoCalls);
  Agent agent(bench.agent_options(), bench.runtime());
  std::mutex mutex;
  std::vector<ToolContext> contexts;
  agent.add_tool(tool_spec("work"), [&](const Json&, ToolContext& context) -> Result<Json> {
    const std::lock_guard lock(mutex);
    contexts.push_back(context);
    return Json("ok");
  });
  const RunResult result = agent.run("Go.", bench.run_options());
  ASSERT_EQ(contexts.size(), 2U);
  for (const ToolContext& context : contexts) {
    EXPECT_EQ(context.run_id, result.run_id);
    EXPECT_EQ(context.step, 1);
    EXPECT_EQ(context.workspace, bench.workspace());
    EXPECT_GT(context.deadline_ms, 0);
    EXPECT_EQ(context.idempotency_key.size(), 32U);
  }
  EXPECT_NE(contexts[0].call, contexts[1].call);
  EXPECT_NE(contexts[0].idempotency_key, contexts[1].idempotency_key);
}

// --- Observers ---

TEST(RunDriver, observers_see_the_journal_in_order_and_without_gaps) {
  RunBench bench(kTwoCalls);
  Agent agent(bench.agent_options(), bench.runtime());
  agent.add_tool(tool_spec("work"), [](const Json&, ToolContext&) { return Json(1); });
  const RunResult result = agent.run("Go.", bench.run_options());
  expect_answered(bench, result);
  std::uint64_t last = 0;
  std::string seen;
  for (const SeenEvent& event : bench.seen().all()) {
    EXPECT_EQ(event.run_id, result.run_id);
    if (event.sequence == 0) continue;
    EXPECT_EQ(event.sequence, last + 1);
    last = event.sequence;
    seen += event.kind + " " + event.payload + "\n";
  }
  EXPECT_EQ(seen, bench.stored(result.run_id)) << "what is seen is what is stored";
  EXPECT_EQ(bench.seen().kinds(),
            "run_started message_added message_queued message_added request_sent "
            "model_replied call_assessed call_assessed call_authorized call_authorized "
            "call_intended call_intended call_finished call_finished request_sent model_replied "
            "run_ended");
}

TEST(RunDriver, deltas_come_between_a_request_and_its_reply) {
  RunBench bench(R"(
[[reply]]
reasoning = "Some thoughts about it."
text = "The answer, in a few pieces."
)");
  Agent agent(bench.agent_options(), bench.runtime());
  const RunResult result = agent.run("Go.", bench.run_options());
  std::string reasoning;
  std::string text;
  std::string last_kind;
  for (const SeenEvent& event : bench.seen().all()) {
    if (event.sequence > 0) {
      last_kind = event.kind;
      continue;
    }
    EXPECT_EQ(last_kind, "request_sent");
    EXPECT_TRUE(event.payload.empty());
    (event.kind == "reasoning_delta" ? reasoning : text) += event.text;
  }
  EXPECT_EQ(reasoning, "Some thoughts about it.");
  EXPECT_EQ(text, "The answer, in a few pieces.");
  EXPECT_EQ(result.text, text);
}

// What an observer was shown is durable: a reader of the database finds it there at once.
TEST(RunDriver, an_observer_that_throws_is_left_alone_and_the_run_goes_on) {
  // From the journal's first event, from a delta, from the very last event.
  for (const std::string kind : {"run_started", "text_delta", "run_ended"}) {
    SCOPED_TRACE(kind);
    RunBench bench(kOneWork);
    Agent agent(bench.agent_options(), bench.runtime());
    agent.add_tool(tool_spec("work"), [](const Json&, ToolContext&) { return Json("worked"); });
    RunOptions options = bench.run_options();
    std::string last;
    options.observer = [&](const Event& event) {
      last = event.kind;
      if (event.kind == kind) throw std::runtime_error("out of paper");
    };
    const RunResult result = agent.run("Go.", options);
    expect_answered(bench, result);
    EXPECT_EQ(last, kind) << "nothing after what it threw at";
    ASSERT_TRUE(result.observer_error.has_value());
    EXPECT_EQ(to_text(*result.observer_error),
              "the observer threw and was not called again: out of paper\n  at: run " +
                  result.run_id + ", event " + kind);
    EXPECT_PRED2(holds, bench.stored(result.run_id), "run_ended") << "the journal has all of it";
  }
}

TEST(RunDriver, what_an_observer_throws_is_bounded_and_text) {
  RunBench bench("[[reply]]\ntext = 'Done.'\n");
  Agent agent(bench.agent_options(), bench.runtime());
  struct Odd {};
  const std::pair<Observer, std::string> cases[] = {
      {[](const Event&) { throw Odd(); }, "something that is no exception"},
      {[](const Event&) { throw std::runtime_error("\xff" + std::string(9'999, 'x')); },
       "\xef\xbf\xbd" + std::string(511, 'x')},
  };
  for (const auto& [observer, words] : cases) {
    RunOptions options = bench.run_options({.steps = 1});
    options.observer = observer;
    const RunResult result = agent.run("Go.", options);
    ASSERT_TRUE(result.observer_error.has_value());
    EXPECT_EQ(result.observer_error->message,
              "the observer threw and was not called again: " + words);
  }
}

TEST(RunDriver, observers_see_only_what_is_durable) {
  RunBench bench(kOneWork);
  Agent agent(bench.agent_options(), bench.runtime());
  agent.add_tool(tool_spec("work"), [](const Json&, ToolContext&) { return Json(1); });
  Runtime reader({.state_directory = bench.state()});
  RunOptions options = bench.run_options();
  std::uint64_t missing = 0;
  options.observer = [&](const Event& event) {
    if (event.sequence == 0) return;
    std::uint64_t stored = 0;
    (void)reader.read_run(std::string(event.run_id),
                          [&](const Event& known) { stored = known.sequence; });
    if (stored < event.sequence) ++missing;
  };
  expect_answered(bench, agent.run("Go.", options));
  EXPECT_EQ(missing, 0U);
}

}  // namespace
}  // namespace perdure
