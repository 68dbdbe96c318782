// A stored run becomes a regression test that passes by itself, and fails when something changes.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <perdure/runtime.h>

#include "tests/support/program.h"
#include "tests/support/result.h"
#include "tests/support/run_bench.h"

namespace perdure {
namespace {

using test::code_of;
using test::RunBench;
using test::tool_spec;
using test::words_of;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

namespace fs = std::filesystem;

// Calls that work, fail, and cannot be read; a reply that is cut, and one that failed at first.
constexpr std::string_view kTestifiedScript = R"(
[[reply]]
reasoning = "I look \\ \"twice\"."
text = "Looking."
[[reply.call]]
name = "look"
arguments = { where = "here" }
[[reply.call]]
name = "look"
arguments = { where = "there" }
[[reply.call]]
name = "look"
arguments_text = "{broken"
[[reply]]
text = "I have "
finish = "length"
[[reply.fault]]
status = 503
retry_after = "0"
[[reply]]
text = "seen it."
[[reply]]
text = "Again."
)";

const std::string kPassword = "hunter2hunter2";

class TestifyTest : public testing::Test {
 protected:
  void SetUp() override {
    Agent agent = this->agent();
    run_ = agent.run("Look, \"please\".\nTwice.", bench_.run_options());
    ASSERT_EQ(run_.outcome, Outcome::kDone) << run_.message;
    run_ = agent.resume(run_.run_id, "Again?", bench_.run_options());
    ASSERT_EQ(run_.text, "Again.") << run_.message;
  }

  Agent agent() {
    AgentOptions options = bench_.agent_options();
    options.instructions = "Be brief. Log in with password=" + kPassword + " first.";
    Agent agent(options, bench_.runtime());
    agent.add_tool(
        tool_spec("look", EffectClass::kRead,
                  {{"type", "object"}, {"properties", {{"where", {{"type", "string"}}}}}}),
        [](const Json& arguments, ToolContext&) -> Result<Json> {
          if (arguments.value("where", "") == "there")
            return Error{.code = ErrorCode::kToolFailed, .message = "nothing is there"};
          return Json("'quoted' $HOME \"text\" and password: " + kPassword + "\nsecond line");
        });
    return agent;
  }

  std::string folder() const { return bench_.folder().path() + "/test"; }
  ProgramResult testify(std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"testify",      "last",  "--state",
                                      bench_.state(), "--out", folder()};
    words.insert(words.end(), more.begin(), more.end());
    return run_program({.arguments = words});
  }
  ProgramResult run_test() const {
    return run_program({.arguments = {folder() + "/run.sh"},
                        .program = "/bin/sh",
                        .environment = {{"PERDURE", PERDURE_PROGRAM}}});
  }

  RunBench bench_{kTestifiedScript};
  RunResult run_;
};

TEST_F(TestifyTest, TheTestPassesByItself) {
  const ProgramResult made = testify();
  ASSERT_EQ(made.exit_status, 0) << made.errors;
  EXPECT_THAT(made.output, HasSubstr("to run the test: sh " + folder() + "/run.sh"));
  const ProgramResult passed = run_test();
  EXPECT_EQ(passed.exit_status, 0) << passed.output << passed.errors;
  EXPECT_EQ(passed.output, "passed: 4 requests\n");
}

struct ChangedTest {
  const char* name;
  const char* file;
  const char* before;
  const char* after;
  const char* says;
};

const ChangedTest kChangedTests[] = {
    {"AResult", "results/1.0", "'quoted'", "quoted", "turn 1 ended with exit status"},
    {"AnAnswer", "answer-2.txt", "Again.", "Never.", "the answer of turn 2 is another one"},
    {"TheScript", "script.toml", "[[reply]]\ntext = \"seen it.\"\n", "", "turn 1"},
    {"TheTools", "agent.toml", "name = \"look\"", "name = \"see\"", "turn 1 ended"},
};

class ChangedTestify : public TestifyTest, public testing::WithParamInterface<ChangedTest> {};
INSTANTIATE_TEST_SUITE_P(Files, ChangedTestify, testing::ValuesIn(kChangedTests),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_P(ChangedTestify, FailsAndSaysWhat) {
  const ChangedTest& row = GetParam();
  ASSERT_EQ(testify().exit_status, 0);
  const std::string name = std::string("test/") + row.file;
  std::string text = bench_.folder().read(name);
  const std::size_t at = text.find(row.before);
  ASSERT_NE(at, std::string::npos) << text;
  text.replace(at, std::string(row.before).size(), row.after);
  bench_.folder().write(name, text);
  const ProgramResult failed = run_test();
  EXPECT_EQ(failed.exit_status, 1) << failed.output;
  EXPECT_THAT(failed.errors, AllOf(HasSubstr("FAILED: "), HasSubstr(row.says)));
}

TEST_F(TestifyTest, NoSecretIsInIt) {
  const auto files = bench_.runtime().testify_run(run_.run_id);
  ASSERT_TRUE(files.ok()) << words_of(files);
  for (const auto& [name, text] : *files) EXPECT_THAT(text, Not(HasSubstr(kPassword))) << name;
  EXPECT_THAT(files->at("results/1.0"), HasSubstr("password: [secret]\n"));
  EXPECT_THAT(files->at("agent.toml"), HasSubstr("password=[secret] first."));
}

TEST_F(TestifyTest, ARunThatUsedUpItsStepsDoesSoAgain) {
  const RunResult paused = agent().run("Look.", bench_.run_options({.steps = 1}));
  ASSERT_EQ(paused.reason, "steps");
  ASSERT_EQ(testify().exit_status, 0);
  const ProgramResult passed = run_test();
  EXPECT_EQ(passed.exit_status, 0) << passed.output << passed.errors;
  EXPECT_EQ(passed.output, "passed: 1 requests\n");
}

TEST_F(TestifyTest, WhatAScriptCannotSayIsAnError) {
  AgentOptions options = bench_.agent_options();
  options.accept = {"true"};
  Agent checked(options, bench_.runtime());
  checked.add_tool(tool_spec("look"),
                   [](const Json&, ToolContext&) -> Result<Json> { return Json("x"); });
  const RunResult run = checked.run("Look.", bench_.run_options());
  ASSERT_EQ(run.outcome, Outcome::kDone) << run.message;
  const auto files = bench_.runtime().testify_run(run.run_id);
  EXPECT_EQ(code_of(files), "unsupported");
  EXPECT_THAT(words_of(files), HasSubstr("acceptance commands checked its answer"));
  EXPECT_EQ(code_of(bench_.runtime().testify_run("nothing")), "not_found");
}

TEST_F(TestifyTest, AFolderThatHoldsSomethingIsLeftAlone) {
  fs::create_directories(folder());
  bench_.folder().write("test/mine.txt", "x");
  const ProgramResult refused = testify();
  EXPECT_EQ(refused.exit_status, 2);
  EXPECT_THAT(refused.errors, HasSubstr("is there already, and not empty"));
  EXPECT_FALSE(fs::exists(folder() + "/run.sh"));
}

}  // namespace
}  // namespace perdure
