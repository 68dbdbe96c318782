// A reply with more calls than anybody means (fault N74): those beyond the cap are not run, and
// each is answered, so that the history stays one that a strict host takes.
#include <atomic>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <perdure/agent.h>

#include "tests/support/json.h"
#include "tests/support/run_bench.h"

namespace perdure {
namespace {

using test::RunBench;
using testing::HasSubstr;

class FaultManyCalls : public testing::Test {
 protected:
  // A run whose first reply has this many calls of a tool that reads; the same twice when `same`.
  RunResult run(RunBench& bench, std::int64_t calls_max) {
    AgentOptions options = bench.agent_options();
    options.calls_max = calls_max;
    Agent agent(options, bench.runtime());
    agent.add_tool(test::tool_spec("look"), [this](const Json&, ToolContext&) -> Result<Json> {
      ++calls_run_;
      return Json("seen");
    });
    return agent.run("Go.", bench.run_options());
  }

  static std::string script(int calls) {
    std::string text = "[[reply]]\n";
    for (int i = 0; i < calls; ++i)
      text += "[[reply.call]]\nname = 'look'\narguments_text = '{}'\n";
    return text + "[[reply]]\ntext = 'Done.'\n";
  }

  // How many results the second request has, and how many of them are refusals.
  static std::pair<int, int> answers(const std::string& request) {
    std::pair<int, int> count;
    const Json body = test::parse_json(request);
    for (const Json& message : body["messages"]) {
      if (message["role"] != "tool") continue;
      ++count.first;
      if (message["content"].get<std::string>().starts_with("Not run: ")) ++count.second;
    }
    return count;
  }

  std::atomic<int> calls_run_ = 0;
};

TEST_F(FaultManyCalls, N74_BeyondTheCap) {
  RunBench bench(script(130));
  const RunResult result = run(bench, AgentOptions().calls_max);
  EXPECT_EQ(result.outcome, Outcome::kDone) << result.message;
  EXPECT_EQ(calls_run_, 128);
  EXPECT_EQ(bench.statistics().refused, 0) << "the strict endpoint took every request";
  EXPECT_EQ(answers(bench.request(2)), std::pair(130, 2));
  EXPECT_THAT(bench.request(2), HasSubstr("your reply has 130 calls, and only the first 128"));
}

TEST_F(FaultManyCalls, N74_ACapOfOnesOwn) {
  RunBench bench(script(3));
  const RunResult result = run(bench, 1);
  EXPECT_EQ(result.outcome, Outcome::kDone) << result.message;
  EXPECT_EQ(calls_run_, 1);
  EXPECT_EQ(answers(bench.request(2)), std::pair(3, 2));
}

// The same call twice is run twice: only a policy or the model knows whether that is meant.
TEST_F(FaultManyCalls, N74_EachOfSeveralIdenticalCallsIsAnswered) {
  RunBench bench(script(2));
  const RunResult result = run(bench, 128);
  EXPECT_EQ(result.outcome, Outcome::kDone) << result.message;
  EXPECT_EQ(calls_run_, 2);
  EXPECT_EQ(answers(bench.request(2)), std::pair(2, 0));
}

}  // namespace
}  // namespace perdure
