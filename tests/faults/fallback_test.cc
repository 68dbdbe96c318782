// Runs whose endpoint dies go on at another one and come back. Both endpoints are scripted and
// strict: each refuses a history in which an id, the name of the reasoning, a result or a byte of
// what it has seen before is not as it wants it, so that a run that is done was re-projected right.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <perdure/agent.h>

#include "mock/mock_thread.h"
#include "tests/support/byte_server.h"
#include "tests/support/json.h"
#include "tests/support/run_bench.h"

namespace perdure {
namespace {

using test::ClosedPort;
using test::RunBench;
using test::tool_spec;
using testing::ElementsAre;
using testing::HasSubstr;

// The same conversation as each endpoint knows it. The first one spells ids as Moonshot does, and
// never renames what others sent; the second one wants "functions.NAME:N" and `reasoning`.
std::string reply_of(int number, const std::string& id, const std::string& fault = "") {
  const std::string n = std::to_string(number);
  std::string text = "[[reply]]\nreasoning = 'Thought " + n + ".'\n";
  text += "[[reply.call]]\nname = 'look'\n";
  if (!id.empty()) text += "id = '" + id + "'\n";
  text += "arguments_text = '{\"n\":" + n + "}'\n";
  if (!fault.empty()) text += "[[reply.fault]]\n" + fault + "\n";
  return text;
}

const std::string kAnswer = "[[reply]]\ntext = 'Done.'\n";
// The delay: time passes there.
const std::string kVllm = "dialect = 'vllm'\ndelay_ms = 5\n";
constexpr const char* kBusy = "status = 503";

class FallbackRuns : public testing::Test {
 protected:
  std::unique_ptr<MockThread> start_second(const std::string& script) {
    Result<MockScript> parsed = parse_mock_script(script, "second.toml");
    EXPECT_TRUE(parsed.ok()) << to_text(parsed.error());
    return MockThread::start(std::move(parsed).value()).value();
  }

  // At the first endpoint, with vLLM's dialect at the second one.
  AgentOptions options(const RunBench& bench, const std::string& second) {
    AgentOptions agent = bench.agent_options();
    agent.attempts_max = 1;
    agent.fallback = {{.host = "vllm", .base_url = second}};
    return agent;
  }

  RunResult run(RunBench& bench, const AgentOptions& given, Budget budget = {}) {
    Agent agent(given, bench.runtime());
    add_look(agent);
    return agent.run("Go.", bench.run_options(std::move(budget)));
  }

  void add_look(Agent& agent) {
    agent.add_tool(tool_spec("look", EffectClass::kRead,
                             {{"type", "object"}, {"properties", {{"n", {{"type", "integer"}}}}}}),
                   [this](const Json& arguments, ToolContext&) -> Result<Json> {
                     if (on_call) on_call(arguments.value("n", 0));
                     return Json("found");
                   });
  }

  // "from>to reason" of each change.
  static std::vector<std::string> changes(RunBench& bench) {
    std::vector<std::string> list;
    for (const Json& event : bench.seen().payloads("endpoint_changed")) {
      list.push_back(std::to_string(event.value("from", -1)) + ">" +
                     std::to_string(event.value("to", -1)) + " " + event.value("reason", ""));
    }
    return list;
  }

  std::function<void(int)> on_call;
};

struct DeathRow {
  const char* name;
  const char* fault;  // of the second reply
  const char* reason;
};

class FaultFallback : public FallbackRuns, public testing::WithParamInterface<DeathRow> {};

const DeathRow kDeaths[] = {
    {"N03_quota", "status = 429\ntype = 'exceeded_current_quota_error'", "quota"},
    {"N01_a_wait_that_is_too_long", "status = 429\nretry_after = '86400'", "rate_limited"},
    {"N06_overloaded", kBusy, "overloaded"},
    {"N05_bad_gateway", "status = 502", "server"},
    {"N19_closed", "close = true\ntimes = 9", "network"},
    {"N25_cut", "cut_after_bytes = 60", "stream_cut"},
};
INSTANTIATE_TEST_SUITE_P(Deaths, FaultFallback, testing::ValuesIn(kDeaths),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_P(FaultFallback, IsTakenInTheMiddleOfAConversation) {
  RunBench bench(reply_of(1, "look:0") + reply_of(2, "look:1", GetParam().fault));
  const auto second =
      start_second(kVllm + reply_of(1, "") + reply_of(2, "") + reply_of(3, "") + kAnswer);
  const RunResult result = run(bench, options(bench, second->base_url()));
  EXPECT_EQ(to_string(result.outcome), "done") << result.message;
  EXPECT_EQ(result.text, "Done.");
  EXPECT_EQ(second->statistics().refused, 0);
  EXPECT_EQ(second->statistics().requests, 3);
  EXPECT_THAT(changes(bench), ElementsAre("0>1 " + std::string(GetParam().reason)));
  EXPECT_EQ(bench.seen().count("prefix_changed"), 1) << "the lost cache is told";
  // The journal has what the first host sent.
  EXPECT_THAT(bench.stored(result.run_id), HasSubstr(R"("id":"look:0")"));
}

TEST_F(FallbackRuns, N19_TakesOverWhereNobodyListens) {
  RunBench bench(kAnswer);
  const ClosedPort closed;
  AgentOptions agent = bench.agent_options();
  agent.base_url = "http://127.0.0.1:" + std::to_string(closed.number()) + "/v1";
  agent.attempts_max = 1;
  agent.fallback = {{.host = "mock", .base_url = bench.agent_options().base_url}};
  const RunResult result = run(bench, agent);
  EXPECT_EQ(to_string(result.outcome), "done") << result.message;
  EXPECT_THAT(changes(bench), ElementsAre("0>1 network"));
  EXPECT_EQ(bench.seen().count("prefix_changed"), 0) << "nothing was cached yet";
}

TEST_F(FallbackRuns, N06_TakesOverBeyondTheAttempts) {
  RunBench bench(kAnswer + "[[reply.fault]]\nstatus = 503\ntimes = 2\n");
  const auto second = start_second(kVllm + kAnswer);
  AgentOptions agent = options(bench, second->base_url());
  agent.attempts_max = 2;
  const RunResult result = run(bench, agent);
  EXPECT_EQ(to_string(result.outcome), "done") << result.message;
  EXPECT_EQ(bench.statistics().requests, 2);
  EXPECT_EQ(bench.seen().count("retry_scheduled"), 1);
}

TEST_F(FallbackRuns, N06_ComesBackWithOneRequestBetweenTwoSteps) {
  RunBench bench(reply_of(1, "look:0") + reply_of(2, "", kBusy) + reply_of(3, "look:9") + kAnswer);
  const auto second = start_second(kVllm + reply_of(1, "") + reply_of(2, ""));
  AgentOptions agent = options(bench, second->base_url());
  agent.fallback_return_ms = 1;
  const RunResult result = run(bench, agent);
  EXPECT_EQ(to_string(result.outcome), "done") << result.message;
  EXPECT_THAT(changes(bench), ElementsAre("0>1 overloaded", "1>0 return"));
  EXPECT_EQ(bench.statistics().refused, 0) << "byte by byte what it had, then what others sent";
  EXPECT_EQ(second->statistics().requests, 1);
  EXPECT_EQ(result.usage.steps, 4);
}

TEST_F(FallbackRuns, N06_ALateWayBackThatFailsLosesNoStep) {
  RunBench bench(reply_of(1, "look:0") + reply_of(2, "", kBusy) + reply_of(3, "", kBusy) +
                 reply_of(4, "look:9") + kAnswer);
  const auto second = start_second(kVllm + reply_of(1, "") + reply_of(2, "") + reply_of(3, ""));
  AgentOptions agent = options(bench, second->base_url());
  agent.fallback_return_ms = 1;
  const RunResult result = run(bench, agent);
  EXPECT_EQ(to_string(result.outcome), "done") << result.message;
  EXPECT_THAT(changes(bench),
              ElementsAre("0>1 overloaded", "1>0 return", "0>1 overloaded", "1>0 return"));
  EXPECT_EQ(bench.statistics().refused, 0);
  EXPECT_EQ(second->statistics().refused, 0) << "its history only grew";
  EXPECT_EQ(result.usage.steps, 5);
}

// A host that counts from 0 in each turn sends an id that another host's call has got there.
TEST_F(FallbackRuns, N62_AnIdThatAnEarlierCallHasThereIsReplaced) {
  RunBench bench(reply_of(1, "look:0") + reply_of(2, "", kBusy));
  const auto second =
      start_second(kVllm + reply_of(1, "") + reply_of(2, "functions.look:0") + kAnswer);
  const RunResult result = run(bench, options(bench, second->base_url()));
  EXPECT_EQ(to_string(result.outcome), "done") << result.message;
  EXPECT_EQ(second->statistics().refused, 0);
  EXPECT_THAT(bench.stored(result.run_id), HasSubstr(R"("id":"functions.look:1")"));
}

TEST_F(FallbackRuns, N10_OneThatRefusesTheKeyIsSkipped) {
  RunBench bench(reply_of(1, "look:0", kBusy));
  const auto locked = start_second(kVllm + "key = 'secret'\n" + kAnswer);
  const auto open = start_second(kVllm + kAnswer);
  AgentOptions agent = options(bench, locked->base_url());
  agent.fallback.push_back({.host = "sglang", .base_url = open->base_url()});
  const RunResult result = run(bench, agent);
  EXPECT_EQ(to_string(result.outcome), "done") << result.message;
  EXPECT_THAT(changes(bench), ElementsAre("0>1 overloaded", "1>2 key_rejected"));
}

// Its key file is read again as the agent's own is.
TEST_F(FallbackRuns, N10_OneWhoseKeyWasReplacedInItsFileGoesOn) {
  RunBench bench(reply_of(1, "look:0", kBusy));
  const auto second = start_second(kVllm + "key = 'sk-new'\n" + kAnswer);
  bench.folder().write("key", "sk-old\n");
  AgentOptions given = options(bench, second->base_url());
  given.fallback[0].key_file = bench.folder().path() + "/key";
  Agent agent(given, bench.runtime());
  RunOptions run_options = bench.run_options();
  int failures = 0;
  run_options.observer = [&](const Event& event) {
    failures += event.kind == "request_failed" ? 1 : 0;
    if (event.kind == "endpoint_changed") bench.folder().write("key", "sk-new\n");
  };
  const RunResult result = agent.run("Go.", run_options);
  EXPECT_EQ(to_string(result.outcome), "done") << result.message;
  EXPECT_EQ(failures, 2) << "the busy one, and the old key";
  EXPECT_EQ(second->statistics().requests, 2);
  EXPECT_THAT(bench.stored(result.run_id), HasSubstr("\"key_renewed\":true"));
}

TEST_F(FallbackRuns, N06_WhereAllFailTheRunEndsAsTheyDid) {
  RunBench bench(reply_of(1, "look:0", kBusy));
  const auto locked = start_second(kVllm + "key = 'secret'\n" + kAnswer);
  const RunResult result = run(bench, options(bench, locked->base_url()));
  EXPECT_EQ(to_string(result.outcome), "endpoint_temporary");
  EXPECT_EQ(result.reason, "overloaded");
  EXPECT_THAT(result.message, HasSubstr("kimi-k2.6 at mock: "));
  EXPECT_THAT(result.message, HasSubstr("; kimi-k2.6 at vllm: "));
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->code, ErrorCode::kOverloaded);
  EXPECT_EQ(result.error->context, bench.agent_options().base_url);
}

TEST_F(FallbackRuns, N06_WithAStrictPrefixTheCacheIsKeptAndTheRunEnds) {
  RunBench bench(reply_of(1, "look:0") + reply_of(2, "look:1", kBusy));
  const auto second = start_second(kVllm + kAnswer);
  AgentOptions agent = options(bench, second->base_url());
  agent.strict_prefix = true;
  const RunResult result = run(bench, agent);
  EXPECT_EQ(to_string(result.outcome), "endpoint_temporary");
  EXPECT_THAT(result.message, HasSubstr("strict_prefix keeps the run"));
  EXPECT_EQ(second->statistics().requests, 0);
}

// Another process goes on where the last one was, with the same history for the same host.
TEST_F(FallbackRuns, N06_SurvivesTheEndOfTheProcess) {
  RunBench bench(reply_of(1, "look:0") + reply_of(2, "", kBusy));
  const auto second =
      start_second(kVllm + reply_of(1, "") + reply_of(2, "") + reply_of(3, "") + kAnswer);
  const AgentOptions given = options(bench, second->base_url());
  std::string id;
  {
    Agent agent(given, bench.runtime());
    test::Meeting called;
    test::Meeting stopped;
    on_call = [&](int n) {
      if (n != 2) return;
      called.arrive();
      stopped.wait_for(1);
    };
    add_look(agent);
    RunHandle handle = agent.start("Go.", bench.run_options());
    const bool began = called.wait_for(1);
    handle.cancel();
    stopped.arrive();
    ASSERT_TRUE(began);
    id = handle.wait().run_id;
    on_call = nullptr;
  }
  const std::int64_t before = bench.statistics().requests;
  bench.start_runtime();
  Agent agent(given, bench.runtime());
  add_look(agent);
  const RunResult result = agent.resume(id, "", bench.run_options());
  EXPECT_EQ(to_string(result.outcome), "done") << result.message;
  EXPECT_EQ(bench.statistics().requests, before) << "the first endpoint was not asked again";
  EXPECT_EQ(second->statistics().refused, 0);
  EXPECT_THAT(changes(bench), ElementsAre("0>1 overloaded"));
}

// What a person chooses by --host: no failure at all, and the same re-projection.
TEST_F(FallbackRuns, AResumeAtAnotherHostReprojectsTheHistory) {
  RunBench bench(reply_of(1, "look:0") + kAnswer);
  const auto second = start_second(kVllm + reply_of(1, "") + kAnswer + "[[reply]]\ntext='More.'\n");
  const RunResult first = run(bench, bench.agent_options());
  ASSERT_EQ(to_string(first.outcome), "done") << first.message;
  AgentOptions elsewhere = bench.agent_options();
  elsewhere.host = "vllm";
  elsewhere.base_url = second->base_url();
  Agent agent(elsewhere, bench.runtime());
  add_look(agent);
  const RunResult result = agent.resume(first.run_id, "And?", bench.run_options());
  EXPECT_EQ(to_string(result.outcome), "done") << result.message;
  EXPECT_EQ(result.text, "More.");
  EXPECT_EQ(second->statistics().refused, 0);
}

TEST_F(FallbackRuns, TheMoneyOfEachEndpointIsCountedByItsPrice) {
  RunBench bench(reply_of(1, "look:0") + reply_of(2, "look:1", kBusy));
  const auto second = start_second(kVllm + reply_of(1, "") + kAnswer);
  AgentOptions agent = options(bench, second->base_url());
  const RunResult result = run(bench, agent, {.usd = 1});
  ASSERT_EQ(to_string(result.outcome), "done") << result.message;
  const std::vector<Json> replies = bench.seen().payloads("model_replied");
  ASSERT_EQ(replies.size(), 2U);
  // The first host has a price, the second one is on this machine and free.
  const Json usage = replies[0]["usage"];
  const double fresh = usage.value("input_tokens", 0.0) - usage.value("cached_tokens", 0.0);
  const double first = (fresh * 0.95 + usage.value("cached_tokens", 0.0) * 0.16 +
                        usage.value("output_tokens", 0.0) * 4) /
                       1e6;
  EXPECT_NEAR(result.usage.usd, first, 1e-9);
}

struct MistakeRow {
  const char* name;
  FallbackEndpoint fallback;
  Budget budget;
  const char* says;
};

class FallbackMistakes : public FallbackRuns, public testing::WithParamInterface<MistakeRow> {};

const MistakeRow kMistakes[] = {
    {"a_host_that_nobody_knows", {.host = "vlm"}, {}, "fallback 'vlm': no host is named 'vlm'"},
    {"a_missing_key", {.host = "openrouter"}, {}, "fallback 'openrouter': OpenRouter needs an API"},
    {"a_model_that_is_not_served",
     {.host = "runware", .model = "kimi-k3"},
     {},
     "fallback 'runware': host 'runware' is not known to serve 'kimi-k3'"},
    {"a_missing_price",
     {.model = "qwen", .base_url = "http://127.0.0.1:9/v1"},
     {.usd = 1},
     "fallback 'custom': the price of qwen is not known"},
};
INSTANTIATE_TEST_SUITE_P(Mistakes, FallbackMistakes, testing::ValuesIn(kMistakes),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_P(FallbackMistakes, AreToldBeforeTheFirstRequest) {
  RunBench bench(kAnswer);
  AgentOptions agent = bench.agent_options();
  agent.fallback = {GetParam().fallback};
  const RunResult result = run(bench, agent, GetParam().budget);
  EXPECT_EQ(to_string(result.outcome), "invalid");
  EXPECT_THAT(result.message, HasSubstr(GetParam().says));
  EXPECT_EQ(bench.statistics().requests, 0);
}

// A flag may choose what a file has as a fallback.
TEST_F(FallbackRuns, ThatIsTheEndpointItselfIsNoFallback) {
  RunBench bench(kAnswer);
  AgentOptions agent = bench.agent_options();
  agent.fallback = {{.host = agent.host, .base_url = agent.base_url}};
  const RunResult result = run(bench, agent);
  EXPECT_EQ(to_string(result.outcome), "done") << result.message;
  EXPECT_THAT(bench.stored(result.run_id), testing::Not(HasSubstr(R"("fallback":{)")));
}

// Another account of the same host, for the day on which the first one is empty.
TEST_F(FallbackRuns, ThatHasAnotherKeyIsAFallback) {
  RunBench bench(kAnswer);
  AgentOptions agent = bench.agent_options();
  const std::string file = bench.folder().path() + "/other";
  bench.folder().write("other", "sk-another\n");
  agent.fallback = {{.host = agent.host, .base_url = agent.base_url, .key_file = file}};
  const RunResult result = run(bench, agent);
  EXPECT_EQ(to_string(result.outcome), "done") << result.message;
  EXPECT_THAT(bench.stored(result.run_id), HasSubstr(R"("fallback":{)"));
}

}  // namespace
}  // namespace perdure
