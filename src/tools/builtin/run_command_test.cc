// run_command, run_tests and calculate: what a model sees of a command, of the project's tests, and
// of a sum.
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/utf8.h"
#include "tests/support/tool_bench.h"

namespace perdure {
namespace {

using test::ToolBench;

TEST(RunCommand, AnswersWithOutputAndErrorsInTheOrderOfWriting) {
  ToolBench bench;
  std::string expected;
  for (int i = 0; i < 100; ++i) expected += fmt::format("out {}\nerr {}\n", i, i);
  EXPECT_EQ(bench.answer(
                "run_command",
                R"j({"command":"for i in $(seq 0 99); do echo out $i; echo err $i >&2; done"})j"),
            expected);
}

TEST(RunCommand, AnswersWithHowItEnded) {
  ToolBench bench;
  struct Case {
    const char* arguments;
    const char* answer;
  };
  const Case cases[] = {
      {R"({"command":"true"})", "(no output, exit status 0)"},
      {R"({"command":"echo why; exit 3"})", "error: [exit status 3]\nwhy\n"},
      {R"({"command":"kill -9 $$"})", "error: [ended by signal 9]\n"},
      {R"({"command":"cat"})", "(no output, exit status 0)"},  // nothing on its input
      {R"({"command":"printf 'caf\\351'"})", "caf\xef\xbf\xbd"},
      {R"({"command":"printf 'a\\0b' | tr '\\0' -"})", "a-b"},
  };
  for (const Case& row : cases) {
    EXPECT_EQ(bench.answer("run_command", row.arguments), row.answer) << row.arguments;
  }
}

TEST(RunCommand, RunsInTheWorkspace) {
  ToolBench bench;
  EXPECT_EQ(bench.answer("run_command", R"({"command":"pwd; echo x > made"})"),
            bench.path() + "\n");
  EXPECT_EQ(bench.read("made"), "x\n");
}

TEST(RunCommand, SaysWhatIsWrong) {
  ToolBench bench;
  const std::string unknown = bench.answer("run_command", R"({"command":"no_such_program_here"})");
  EXPECT_EQ(unknown.rfind("error: [exit status 127]\n", 0), 0u) << unknown;
  EXPECT_NE(unknown.find("no_such_program_here"), std::string::npos);
  EXPECT_EQ(bench.call("run_command", R"({"command":"echo a\u0000b"})").status, CallStatus::kError);
  for (const char* arguments :
       {"", "{}", R"({"command":""})", R"({"command":["ls"]})",
        R"({"command":"true","timeout_s":0})", R"({"command":"true","timeout_s":3601})"}) {
    EXPECT_EQ(bench.call("run_command", arguments).status, CallStatus::kInvalid) << arguments;
  }
}

TEST(RunCommand, EndsAtTheDeadlineOfTheCallOrOfTheAgent) {
  ToolBench bench({.command_timeout_ms = 1'000});
  for (const char* arguments : {R"({"command":"echo part; sleep 600","timeout_s":1})",
                                R"({"command":"echo part; sleep 600"})"}) {
    const std::string answer = bench.answer("run_command", arguments);
    EXPECT_EQ(answer.rfind("timeout: [stopped at its deadline after ", 0), 0u) << answer;
    EXPECT_NE(answer.find("]\npart\n"), std::string::npos) << answer;
  }
}

TEST(RunCommand, KeepsBeginningAndEndOfAHugeOutput) {
  ToolBench bench;
  const ToolOutcome outcome =
      bench.call("run_command",
                 R"({"command":"echo first; head -c 30000000 /dev/zero | tr '\\0' x; echo last"})");
  EXPECT_EQ(outcome.status, CallStatus::kOk);
  EXPECT_EQ(outcome.text.rfind("first\nxxx", 0), 0u) << outcome.text.substr(0, 100);
  EXPECT_EQ(outcome.text.substr(outcome.text.size() - 6), "xlast\n");
  EXPECT_LT(outcome.text.size(), 30'000'000u);
}

TEST(RunCommand, APersonIsShownTheWholeCommand) {
  ToolBench bench;
  EXPECT_EQ(bench.preview("run_command", R"({"command":"make\nrm -rf build"})"),
            "make\nrm -rf build");
  const Assessment call = bench.assess("run_command", R"({"command":"ls"})");
  EXPECT_EQ(call.effect, EffectClass::kDestructive);
  EXPECT_TRUE(call.exclusive);
}

// --- run_tests ---

TEST(RunTests, RunsTheCommandOfTheAgent) {
  ToolBench bench({.test_command = {"/bin/sh", "-c", "echo \"$0 $*\"; exit \"${1:-0}\"", "tests"}});
  EXPECT_EQ(bench.answer("run_tests", "{}"), "tests \n");
  EXPECT_EQ(bench.answer("run_tests", R"({"arguments":["0","a b"]})"), "tests 0 a b\n");
  EXPECT_EQ(bench.answer("run_tests", R"({"arguments":["1"]})"),
            "error: [exit status 1]\ntests 1\n");
  EXPECT_EQ(bench.assess("run_tests", "{}").effect, EffectClass::kIdempotent);
  EXPECT_EQ(bench.call("run_tests", R"({"arguments":"a"})").status, CallStatus::kInvalid);
}

TEST(RunTests, FindsTheCommandByTheFilesOfTheWorkspace) {
  struct Case {
    const char* marker;
    const char* command;
  };
  const Case cases[] = {
      {"pytest.ini", "python3 -m pytest -q a"},
      {"pyproject.toml", "python3 -m pytest -q a"},
      {"setup.cfg", "python3 -m pytest -q a"},
      {"Cargo.toml", "cargo test a"},
      {"go.mod", "go test ./... a"},
      {"package.json", "npm test --silent -- a"},
      {"CTestTestfile.cmake", "ctest --output-on-failure a"},
      {"Makefile", "make test a"},
  };
  for (const Case& row : cases) {
    ToolBench bench;
    bench.write(row.marker, "");
    EXPECT_EQ(bench.preview("run_tests", R"({"arguments":["a"]})"), row.command);
    EXPECT_EQ(bench.assess("run_tests", "{}").effect, EffectClass::kDestructive);
  }
}

TEST(RunTests, SaysThatThereIsNoCommand) {
  ToolBench bench;
  EXPECT_EQ(bench.answer("run_tests", "{}"),
            "error: Error: no test command is configured, and the workspace does not show one\n"
            "Run the tests with run_command.");
}

TEST(RunTests, EndsAtItsDeadline) {
  ToolBench bench({.test_command = {"sleep", "600"}, .test_timeout_ms = 300});
  EXPECT_EQ(bench.call("run_tests", "{}").status, CallStatus::kTimeout);
}

// --- calculate ---

TEST(CalculateTool, AnswersExactly) {
  ToolBench bench;
  struct Case {
    const char* arguments;
    const char* answer;
  };
  const Case cases[] = {
      {R"({"expression":"(1.2 + 3) * 4 ** 2"})", "67.2"},
      {R"({"expression":"0.1 + 0.2"})", "0.3"},
      {R"({"expression":"2 ** 100"})", "1267650600228229401496703205376"},
  };
  for (const Case& row : cases) {
    EXPECT_EQ(bench.answer("calculate", row.arguments), row.answer) << row.arguments;
  }
  EXPECT_EQ(bench.assess("calculate", R"({"expression":"1"})").effect, EffectClass::kPure);
}

TEST(CalculateTool, SaysWhatIsWrong) {
  ToolBench bench;
  for (const char* expression : {"1 +", "1 / 0", "import os", "9 ** 9 ** 9 ** 9", "x"}) {
    const std::string answer =
        bench.answer("calculate", fmt::format(R"({{"expression":"{}"}})", expression));
    EXPECT_EQ(answer.rfind("error: Error: ", 0), 0u) << expression << ": " << answer;
    EXPECT_LT(answer.size(), 400u) << expression;
  }
  for (const char* arguments : {"", "{}", R"({"expression":5})"}) {
    EXPECT_EQ(bench.call("calculate", arguments).status, CallStatus::kInvalid) << arguments;
  }
}

}  // namespace
}  // namespace perdure
