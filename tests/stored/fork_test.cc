// A run that is forked: the history of another one up to a step, then a way of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <perdure/runtime.h>

#include "tests/support/json.h"
#include "tests/support/program.h"
#include "tests/support/result.h"
#include "tests/support/run_bench.h"

namespace perdure {
namespace {

using test::code_of;
using test::parse_json;
using test::RunBench;
using test::tool_spec;
using test::words_of;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kForkedScript = R"(
[[reply]]
reasoning = "First."
[[reply.call]]
name = "look"
[reply.call.arguments]
n = 1
[[reply]]
reasoning = "Second."
[[reply.call]]
name = "look"
[reply.call.arguments]
n = 2
[[reply]]
text = "Seen."
[[reply]]
text = "Again."
)";

// The messages of a request, as they were sent.
std::string messages_of(const std::string& request) {
  const std::string key = "\"messages\":[";
  const std::size_t begin = request.find(key) + key.size();
  return request.substr(begin, request.rfind("],\"max") - begin);
}

class ForkTest : public testing::Test {
 protected:
  void SetUp() override {
    Agent agent = this->agent(options());
    run_ = agent.run("Look twice.", bench_.run_options());
    ASSERT_EQ(run_.text, "Seen.") << run_.message;
    ASSERT_EQ(bench_.statistics().requests, 3);
  }

  AgentOptions options() const {
    AgentOptions options = bench_.agent_options();
    options.instructions = "Be brief.";
    return options;
  }
  Agent agent(const AgentOptions& options) {
    Agent agent(options, bench_.runtime());
    agent.add_tool(tool_spec("look", EffectClass::kRead,
                             {{"type", "object"}, {"properties", {{"n", {{"type", "integer"}}}}}}),
                   [](const Json&, ToolContext&) -> Result<Json> { return Json("something"); });
    return agent;
  }
  Result<std::string> fork(const ForkOptions& options) {
    return bench_.runtime().fork_run(run_.run_id, options);
  }
  RunResult go_on(const std::string& run_id, Budget budget = {}) {
    return agent(options()).resume(run_id, "", bench_.run_options(std::move(budget)));
  }
  ProgramResult program(std::vector<std::string> words) {
    words.insert(words.end(), {"--state", bench_.state()});
    return run_program({.arguments = std::move(words)});
  }

  RunBench bench_{kForkedScript};
  RunResult run_;
};

TEST_F(ForkTest, SharesTheHistoryToTheByteAndCountsItsOwnSteps) {
  const Result<std::string> forked = fork({.step = 1});
  ASSERT_TRUE(forked.ok()) << words_of(forked);
  const RunResult result = go_on(*forked);
  EXPECT_EQ(result.text, "Seen.") << result.message;
  EXPECT_EQ(result.run_id, *forked);
  EXPECT_EQ(messages_of(bench_.request(4)), messages_of(bench_.request(2)));
  EXPECT_EQ(messages_of(bench_.request(5)), messages_of(bench_.request(3)));
  EXPECT_EQ(result.usage.steps, 2) << "the first one is its parent's";
  EXPECT_EQ(result.usage.calls, 1);
  EXPECT_LT(result.usage.input_tokens, run_.usage.input_tokens);
  EXPECT_EQ(bench_.statistics().refused, 0);
  const Result<Usage> parent = bench_.runtime().usage_of(run_.run_id);
  ASSERT_TRUE(parent.ok());
  EXPECT_EQ(parent->steps, 3) << "the parent is as it was";
}

TEST_F(ForkTest, HasABudgetOfItsOwn) {
  const Result<std::string> forked = fork({.step = 1, .budget = {.steps = 1}});
  ASSERT_TRUE(forked.ok()) << words_of(forked);
  const RunResult paused = go_on(*forked);
  EXPECT_EQ(paused.outcome, Outcome::kPaused);
  EXPECT_EQ(paused.message, "the budget of steps is used up: 1 of 1");
  EXPECT_EQ(paused.usage.steps, 1);
  const RunResult done = go_on(*forked, {.steps = 2});
  EXPECT_EQ(done.outcome, Outcome::kDone) << done.message;
  EXPECT_EQ(done.usage.steps, 2);
}

TEST_F(ForkTest, TellsTheModelAnotherResult) {
  const Result<std::string> forked =
      fork({.step = 2, .results = {{.call = 0, .text = "nothing at all"}}});
  ASSERT_TRUE(forked.ok()) << words_of(forked);
  EXPECT_EQ(go_on(*forked).outcome, Outcome::kDone);
  const Json messages = parse_json(bench_.request(4))["messages"];
  EXPECT_EQ(messages[3]["content"], "something") << "the result of the step before";
  EXPECT_EQ(messages[5]["content"], "nothing at all");
}

TEST_F(ForkTest, HasOtherInstructionsFromTheBeginning) {
  AgentOptions terse = options();
  terse.instructions = "Be terse.";
  const Result<std::string> forked = fork({.step = 1, .agent = terse});
  ASSERT_TRUE(forked.ok()) << words_of(forked);
  EXPECT_EQ(agent(terse).resume(*forked, "", bench_.run_options()).outcome, Outcome::kDone);
  EXPECT_THAT(bench_.request(4), AllOf(HasSubstr("Be terse."), Not(HasSubstr("Be brief."))));
  EXPECT_THAT(bench_.stored(*forked), HasSubstr(R"("changes":["instructions"])"));
}

TEST_F(ForkTest, AMessageOpensTheNextTurnOrIsTheTask) {
  const Result<std::string> turn = fork({.step = 3, .message = "Once more?"});
  ASSERT_TRUE(turn.ok()) << words_of(turn);
  EXPECT_EQ(go_on(*turn).text, "Again.");
  const Result<std::string> task = fork({.step = 0, .message = "Look elsewhere."});
  ASSERT_TRUE(task.ok()) << words_of(task);
  EXPECT_EQ(go_on(*task).text, "Seen.");
  EXPECT_THAT(bench_.request(5),
              AllOf(HasSubstr("Look elsewhere."), Not(HasSubstr("Look twice."))));
}

TEST_F(ForkTest, WhatIsNotThereIsRefusedAndNothingIsStored) {
  const Result<std::string> beyond = fork({.step = 4});
  EXPECT_EQ(code_of(beyond), "invalid_argument");
  EXPECT_THAT(words_of(beyond), AllOf(HasSubstr("has no finished step 4"), HasSubstr("to 3")));
  EXPECT_THAT(words_of(fork({.step = 3})), HasSubstr("is an answer: nothing follows it"));
  EXPECT_THAT(words_of(fork({.step = 1, .results = {{.call = 1}}})),
              HasSubstr("step 1 of run " + run_.run_id + " has no call 1"));
  EXPECT_EQ(code_of(bench_.runtime().fork_run("nothing", {})), "not_found");
  EXPECT_EQ(bench_.runtime().runs()->size(), 1U);
}

TEST_F(ForkTest, AForkOfAForkNamesItsOwnParent) {
  const Result<std::string> first = fork({.step = 1});
  ASSERT_TRUE(first.ok()) << words_of(first);
  EXPECT_EQ(go_on(*first).outcome, Outcome::kDone);
  const Result<std::string> second = bench_.runtime().fork_run(*first, {.step = 2});
  ASSERT_TRUE(second.ok()) << words_of(second);
  EXPECT_EQ(go_on(*second).usage.steps, 1);
  EXPECT_EQ(bench_.runtime().runs()->front().parent, *first);
}

TEST_F(ForkTest, TheProgramForksAndSaysWhereFrom) {
  const ProgramResult made =
      program({"fork", "last", "--at", "1", "--result", "0=gone", "--no-run"});
  EXPECT_EQ(made.exit_status, 0) << made.errors;
  EXPECT_THAT(made.output, HasSubstr("from " + run_.run_id + " at step 1; to go on: perdure "));
  const ProgramResult runs = program({"runs", "--json"});
  EXPECT_EQ(parse_json(runs.output)[0]["parent"], run_.run_id) << runs.output;
  EXPECT_EQ(parse_json(runs.output)[0]["state"], "interrupted");
  EXPECT_EQ(parse_json(runs.output)[0]["steps"], 0) << "of its own";
  EXPECT_THAT(program({"runs"}).output, HasSubstr("(fork of " + run_.run_id + ") Look twice."));
  EXPECT_THAT(
      program({"show", "last"}).output,
      HasSubstr("— forked from " + run_.run_id + " at step 1: result of call 0 of step 1 —"));
  const ProgramResult went = program({"fork", run_.run_id, "--at", "3", "Once more?"});
  EXPECT_EQ(went.exit_status, 0) << went.errors;
  EXPECT_EQ(went.output, "Again.\n");
  EXPECT_THAT(went.errors, AllOf(HasSubstr("files are as they are now"), HasSubstr("1 step")));
}

TEST_F(ForkTest, TheProgramRefusesWhatItCannotFork) {
  const ProgramResult beyond = program({"fork", "last", "--at", "9"});
  EXPECT_EQ(beyond.exit_status, 2);
  EXPECT_THAT(beyond.errors, HasSubstr("has no finished step 9"));
  const ProgramResult unread = program({"fork", "last", "--at", "1", "--result", "first=gone"});
  EXPECT_EQ(unread.exit_status, 2);
  EXPECT_THAT(unread.errors, HasSubstr("--result: takes CALL=TEXT, not 'first=gone'"));
  const ProgramResult no_step = program({"fork", "last"});
  EXPECT_EQ(no_step.exit_status, 2);
  EXPECT_THAT(no_step.errors, HasSubstr("--at"));
}

}  // namespace
}  // namespace perdure
