// Whole runs at a host that refuses the form of a request: a field, a schema, a message. What is
// optional is left out first, then what is guilty is found, left out, and told (fault rows N08 and
// N09).
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <perdure/agent.h>

#include "core/transcript.h"
#include "runtime/agent_json.h"
#include "runtime/agent_parts.h"
#include "runtime/run_driver.h"
#include "runtime/run_id.h"
#include "tests/support/json.h"
#include "tests/support/run_bench.h"

namespace perdure {
namespace {

using test::parse_json;
using test::RunBench;
using test::tool_spec;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kAnswer = "\n[[reply]]\ntext = \"Done.\"\n";
const std::string kCall = "\n[[reply]]\n[[reply.call]]\nname = 'look'\n";

// A host that refuses what holds this text, and takes the history as it comes otherwise.
std::string refusing(const std::string& text, const std::string& message) {
  return "check_prefix = false\n[[refuse]]\ncontaining = ['" + text + "']\nmessage = \"" + message +
         "\"\n";
}

class Repairs : public testing::Test {
 protected:
  static RunResult run(RunBench& bench, const std::vector<std::string>& tools,
                       const std::string& resumed = "", const AgentOptions* options = nullptr) {
    Agent agent(options != nullptr ? *options : bench.agent_options(), bench.runtime());
    for (const std::string& name : tools) {
      agent.add_tool(tool_spec(name),
                     [](const Json&, ToolContext&) -> Result<Json> { return Json("the poison"); });
    }
    if (!resumed.empty()) return agent.resume(resumed, "Once more.", bench.run_options());
    return agent.run("Go.", bench.run_options());
  }

  static std::string end_of(const RunBench& bench, const RunResult& result) {
    return std::string(to_string(result.outcome)) + " " + result.reason + " " +
           std::to_string(bench.statistics().requests) + " requests";
  }

  // What was changed, one a line.
  static std::string repairs(const test::SeenEvents& seen) {
    std::string text;
    for (const Json& event : seen.payloads("request_repaired")) {
      text += event["repair"].get<std::string>() + event.value("tool", "") + " " +
              std::to_string(event["message"].get<int>()) + "\n";
    }
    return text;
  }
};

TEST_F(Repairs, N09_AFieldThatTheHostDoesNotKnowIsLeftOutForGood) {
  RunBench bench(refusing("\"stream_options\"", "Unrecognized argument: stream_options") + kCall +
                 kAnswer + kAnswer);
  const RunResult result = run(bench, {"look"});
  EXPECT_EQ(end_of(bench, result), "done done 3 requests") << result.message;
  EXPECT_EQ(repairs(bench.seen()), "strict -1\n");
  ASSERT_GE(bench.seen().count("request_repaired"), 1);
  EXPECT_THAT(bench.seen().payloads("request_repaired")[0]["summary"].get<std::string>(),
              HasSubstr("stream_options"));
  EXPECT_THAT(bench.request(2),
              AllOf(Not(HasSubstr("stream_options")), Not(HasSubstr("prompt_cache_key"))));
  // The journal knows: another process does not ask for it again.
  bench.start_runtime();
  EXPECT_EQ(end_of(bench, run(bench, {"look"}, result.run_id)), "done done 4 requests");
  EXPECT_THAT(bench.request(4), Not(HasSubstr("stream_options")));
  EXPECT_EQ(bench.seen().count("trial_sent"), 0);
}

TEST_F(Repairs, N09_AHostThatKnowsOnlyTheOlderCapOfAReply) {
  RunBench bench(
      refusing("\"max_completion_tokens\"", "use max_tokens instead of max_completion_tokens") +
      kAnswer + kAnswer);
  const RunResult result = run(bench, {});
  EXPECT_EQ(end_of(bench, result), "done done 2 requests") << result.message;
  EXPECT_THAT(bench.request(2), HasSubstr("\"max_tokens\":"));
  EXPECT_EQ(end_of(bench, run(bench, {}, result.run_id)), "done done 3 requests");
}

TEST_F(Repairs, N09_TheSchemaOfOneToolIsFoundByTrials) {
  RunBench bench(refusing("\"name\":\"bad\"", "no such thing") + kAnswer);
  const RunResult result = run(bench, {"alpha", "bad", "gamma"});
  EXPECT_EQ(end_of(bench, result), "done done 6 requests") << result.message;
  EXPECT_EQ(repairs(bench.seen()), "strict -1\ntoolbad -1\n");
  for (const int trial : {3, 4, 5})
    EXPECT_EQ(parse_json(bench.request(trial))["max_completion_tokens"], 16);
  EXPECT_THAT(bench.request(3), Not(HasSubstr("\"tools\"")));
  // The rest is as it was, and the model knows.
  EXPECT_THAT(bench.request(6),
              AllOf(HasSubstr("\"name\":\"alpha\""), HasSubstr("\"name\":\"gamma\""),
                    Not(HasSubstr("\"name\":\"bad\"")), HasSubstr("stream_options"),
                    HasSubstr("tool 'bad' is not declared any more")));
  EXPECT_EQ(bench.seen().count("trial_sent"), 3);
  // Two of three trials were answered, and the answer: each counts.
  const std::vector<Json> trials = bench.seen().payloads("trial_answered");
  std::int64_t tokens = bench.seen().payloads("model_replied")[0]["usage"]["input_tokens"];
  for (const Json& trial : trials) tokens += trial["usage"]["input_tokens"].get<std::int64_t>();
  EXPECT_EQ(result.usage.input_tokens, tokens);
  EXPECT_EQ(result.usage.steps, 1);
}

TEST_F(Repairs, N09_AToolThatTheHostNamesIsTriedFirst) {
  for (const std::string message : {"Invalid schema for function 'bad'", "tools[5].function"}) {
    RunBench bench(refusing("\"name\":\"bad\"", message) + kAnswer);
    const RunResult result = run(bench, {"one", "two", "three", "four", "five", "bad", "six"});
    EXPECT_EQ(end_of(bench, result), "done done 4 requests") << result.message;
    EXPECT_EQ(repairs(bench.seen()), "strict -1\ntoolbad -1\n");
  }
}

// Moonshot names no tool, only where in its schema.
TEST_F(Repairs, N09_AToolWhoseSchemaHasThePathThatTheHostNamesIsTriedFirst) {
  RunBench bench(refusing("\"odd\":", "At path 'properties.odd': type is not defined") + kAnswer);
  Agent agent(bench.agent_options(), bench.runtime());
  for (const std::string name : {"one", "two", "three", "four", "bad", "six", "seven"}) {
    const Json properties = {{name == "bad" ? "odd" : "even", {{"type", "string"}}}};
    agent.add_tool(
        tool_spec(name, EffectClass::kRead, {{"type", "object"}, {"properties", properties}}),
        [](const Json&, ToolContext&) -> Result<Json> { return Json("x"); });
  }
  const RunResult result = agent.run("Go.", bench.run_options());
  EXPECT_EQ(end_of(bench, result), "done done 4 requests") << result.message;
  EXPECT_EQ(repairs(bench.seen()), "strict -1\ntoolbad -1\n");
}

// What is gone stays gone, and a model that calls it all the same is told so.
TEST_F(Repairs, N09_AToolThatIsGoneIsNotRun) {
  RunBench bench(refusing("\"description\":\"For a test.\"", "function look is bad") + kCall +
                 kAnswer);
  const RunResult result = run(bench, {"look"});
  EXPECT_EQ(end_of(bench, result), "done done 5 requests") << result.message;
  EXPECT_EQ(bench.seen().count("call_intended"), 0);
  EXPECT_THAT(bench.request(5), HasSubstr("is not available any more"));
}

// A choice that forces it would be refused, too: it goes, and another one stays.
TEST_F(Repairs, N09_AForcedChoiceOfAToolThatIsGoneGoesWithIt) {
  for (const std::string forced : {"bad", "alpha", "required"}) {
    RunBench bench(
        refusing("\"name\":\"bad\"", "no such thing") +
        (forced == "bad" ? kAnswer : "\n[[reply]]\n[[reply.call]]\nname = 'alpha'\n" + kAnswer));
    AgentOptions options = bench.agent_options();
    options.thinking = Thinking::kOff;
    options.tool_choice = {forced};
    const RunResult result = run(bench, {"alpha", "bad"}, "", &options);
    EXPECT_EQ(to_string(result.outcome), "done") << forced << ": " << result.message;
    EXPECT_EQ(repairs(bench.seen()), "strict -1\ntoolbad -1\n");
    std::string last;  // the first request without the tool that is no trial
    for (int i = 1; i <= bench.statistics().requests && last.empty(); ++i) {
      const std::string body = bench.request(i);
      if (body.find("is not declared any more") != std::string::npos) last = body;
    }
    EXPECT_EQ(parse_json(last).contains("tool_choice"), forced != "bad") << last;
  }
}

TEST_F(Repairs, N09_TheContentOfOneMessageIsReplaced) {
  RunBench bench(refusing("the poison", "cannot read it") + kCall + kAnswer + kAnswer);
  const RunResult result = run(bench, {"look"});
  EXPECT_EQ(end_of(bench, result), "done done 6 requests") << result.message;
  EXPECT_EQ(repairs(bench.seen()), "strict -1\nmessage 3\n");
  EXPECT_THAT(bench.request(6),
              AllOf(Not(HasSubstr("poison")), HasSubstr("This content was left out"),
                    HasSubstr("the result of call functions.look:0")));
  EXPECT_EQ(bench.statistics().refused, 3) << "calls and results stay paired";
  EXPECT_THAT(bench.stored(result.run_id), HasSubstr("the poison"));
  // That thinking was left out for a while costs its cache; the message was never in it.
  ASSERT_EQ(bench.seen().count("prefix_changed"), 1);
  EXPECT_EQ(bench.seen().payloads("prefix_changed")[0]["field"], "thinking");
  bench.start_runtime();
  EXPECT_EQ(end_of(bench, run(bench, {"look"}, result.run_id)), "done done 7 requests");
}

TEST_F(Repairs, N09_WhatItCostsIsAnnounced) {
  RunBench bench(
      "check_prefix = false\n[[refuse]]\ncontaining = ['stream_options', "
      "'\"role\":\"tool\"']\n" +
      kCall + kAnswer);
  const RunResult result = run(bench, {"look"});
  EXPECT_EQ(end_of(bench, result), "done done 3 requests") << result.message;
  EXPECT_THAT(bench.seen().kinds(),
              HasSubstr("request_failed request_repaired prefix_changed request_sent"));
  ASSERT_GE(bench.seen().count("prefix_changed"), 1);
  EXPECT_GT(bench.seen().payloads("prefix_changed")[0]["tokens"], 0);
}

TEST_F(Repairs, N08_ARefusalThatNothingHelpsAgainstLeavesTheRequest) {
  RunBench bench("key = 'sk-secret'\n[[refuse]]\nlacking = ['never there']\nmessage = 'No.'\n" +
                 kAnswer);
  bench.folder().write("key", "sk-secret");
  AgentOptions options = bench.agent_options();
  options.key_file = bench.folder().path() + "/key";
  const RunResult result = run(bench, {"look"}, "", &options);
  EXPECT_EQ(end_of(bench, result), "endpoint_permanent bad_request 4 requests");
  const std::string file = "state/refused/" + result.run_id + "-1.json";
  EXPECT_THAT(result.message,
              AllOf(HasSubstr("HTTP 400: No."), HasSubstr("stream_options"),
                    HasSubstr("in 2 trials"), HasSubstr(bench.folder().path() + "/" + file)));
  EXPECT_EQ(parse_json(bench.folder().read(file)), parse_json(bench.request(2)));
  EXPECT_THAT(bench.folder().read(file), Not(HasSubstr("sk-secret")));
}

// A run without its task would only cost money.
TEST_F(Repairs, N09_ATaskThatTheHostRefusesEndsTheRun) {
  RunBench bench(refusing("\"content\":\"Go.\"", "not this") + kAnswer);
  const RunResult result = run(bench, {});
  EXPECT_EQ(end_of(bench, result), "endpoint_permanent bad_request 4 requests");
  EXPECT_THAT(result.message, HasSubstr("message 1 (a message of the user)"));
}

// A history that no code of Perdure makes: it never leaves.
TEST_F(Repairs, N08_AHistoryThatIsWrongIsNeverSent) {
  RunBench bench(kAnswer);
  Engine& engine = engine_of(bench.runtime());
  const auto parts = make_agent_parts(engine, bench.agent_options(), {});
  ASSERT_TRUE(parts.ok());
  const std::string run_id = new_run_id();
  RunSetup setup{.run_id = run_id,
                 .parts = *parts,
                 .requests = make_requests(**parts, run_id, nullptr).value(),
                 .workspace = engine.open_workspace(bench.workspace()).value()};
  setup.histories = make_histories(**parts, setup.requests);
  std::promise<RunResult> done;
  engine.loop().post([&] {
    const auto driver = std::make_shared<RunDriver>(
        engine, setup, [&](const RunResult& result) { done.set_value(result); });
    engine.add(driver);
    driver->begin({RunStarted{.agent = agent_to_json(bench.agent_options()),
                              .limits = {.window_tokens = 100'000}},
                   MessageAdded{.origin = MessageOrigin::kInstructions,
                                .fragment = result_fragment("an orphan", "ok")},
                   MessageQueued{.text = "Go."}});
  });
  const RunResult result = done.get_future().get();
  EXPECT_EQ(end_of(bench, result), "failed internal 0 requests");
  EXPECT_THAT(result.message, AllOf(HasSubstr("message 0 of its history answers call 'an orphan'"),
                                    HasSubstr("/refused/" + setup.run_id + "-1.json")));
  EXPECT_THAT(bench.folder().read("state/refused/" + setup.run_id + "-1.json"),
              HasSubstr("an orphan"));
}

// A trial that is told to wait for long pauses the run as a request does.
TEST_F(Repairs, N01_ATrialThatIsToldToWaitForLongSaysWhenToGoOn) {
  RunBench bench(refusing("\"name\":\"bad\"", "no such thing") +
                 "\n[[reply]]\ntext = 'Done.'\n[[reply.fault]]\nstatus = 429\n"
                 "retry_after = '86400'\n");
  const RunResult result = run(bench, {"alpha", "bad", "gamma"});
  EXPECT_EQ(end_of(bench, result), "paused rate_limited 3 requests") << result.message;
  EXPECT_THAT(result.message,
              AllOf(HasSubstr("the host asks to wait 24h 00m"), HasSubstr("go on after 2"),
                    HasSubstr("with: perdure resume " + result.run_id)));
}

// A host that is busy for a moment does not end the search.
TEST_F(Repairs, N09_ATrialThatMeetsABusyHostIsAskedAgain) {
  RunBench bench(refusing("\"name\":\"bad\"", "no such thing") +
                 "\n[[reply]]\ntext = 'Done.'\n[[reply.fault]]\nstatus = 503\n");
  const RunResult result = run(bench, {"alpha", "bad", "gamma"});
  EXPECT_EQ(std::string(to_string(result.outcome)), "done") << result.message;
  EXPECT_EQ(repairs(bench.seen()), "strict -1\ntoolbad -1\n");
  EXPECT_EQ(bench.seen().payloads("trial_answered")[0]["outcome"], "unknown");
  const std::vector<Json> trials = bench.seen().payloads("trial_sent");
  ASSERT_EQ(trials.size(), 4U);
  EXPECT_EQ(trials[1]["without"], trials[0]["without"]);
}

TEST_F(Repairs, N10_AKeyThatIsRefusedIsNoStructure) {
  RunBench bench("[[refuse]]\nlacking = ['never there']\nstatus = 401\n" + kAnswer);
  EXPECT_EQ(end_of(bench, run(bench, {"look"})), "endpoint_permanent key_rejected 1 requests");
}

}  // namespace
}  // namespace perdure
