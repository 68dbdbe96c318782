#include "tools/tool.h"

#include <algorithm>
#include <string>
#include <vector>

#include <unistd.h>

#include <gtest/gtest.h>

#include "base/text.h"
#include "tests/support/child_process.h"

namespace perdure {
namespace {

// The environment of a command whose runtime has these variables.
std::vector<std::string> environment_with(std::vector<std::string> variables,
                                          const std::vector<std::string>& passed_on = {}) {
  test::ChildProcess child([&](test::ChildProcess::Wire& wire) {
    std::vector<char*> list;
    for (std::string& variable : variables) list.push_back(variable.data());
    list.push_back(nullptr);
    environ = list.data();  // of this child alone
    for (const std::string& variable : command_environment(passed_on)) wire.write(variable);
    return 0;
  });
  std::vector<std::string> lines;
  for (std::string line = child.wire().read(); line != "(end)"; line = child.wire().read())
    lines.push_back(line);
  std::sort(lines.begin(), lines.end());
  return lines;
}

TEST(CommandEnvironment, IsAnAllowList) {
  const std::vector<std::string> expected = {
      "GIT_PAGER=cat", "GIT_TERMINAL_PROMPT=0",  "HOME=/home/ada", "LANG=C.UTF-8", "NO_COLOR=1",
      "PAGER=cat",     "PATH=/opt/bin:/usr/bin", "TERM=dumb"};
  EXPECT_EQ(
      environment_with(
          {"PATH=/opt/bin:/usr/bin", "HOME=/home/ada", "LANG=C.UTF-8", "TERM=xterm", "PAGER=less",
           // Keys...
           "MOONSHOT_API_KEY=sk-canary", "OPENROUTER_API_KEY=sk-canary",
           "AWS_SECRET_ACCESS_KEY=canary", "GITHUB_TOKEN=canary", "SSH_AUTH_SOCK=/tmp/canary",
           "PERDURE_KEY=canary", "http_proxy=http://user:canary@proxy",
           // ... and what makes a program do something else.
           "LD_PRELOAD=/tmp/canary.so", "LD_LIBRARY_PATH=/tmp/canary", "BASH_ENV=/tmp/canary",
           "ENV=/tmp/canary", "PYTHONSTARTUP=/tmp/canary", "GIT_SSH_COMMAND=canary",
           "GIT_DIR=/tmp/canary", "PERDURE_CALL=outer"}),
      expected);
}

TEST(CommandEnvironment, PassesOnWhatTheAgentNames) {
  const std::vector<std::string> environment =
      environment_with({"TEAM=blue", "STAGE=test", "OTHER=x"}, {"TEAM", "STAGE", "NOT_SET"});
  const auto has = [&](const char* variable) {
    return std::find(environment.begin(), environment.end(), variable) != environment.end();
  };
  EXPECT_TRUE(has("TEAM=blue"));
  EXPECT_TRUE(has("STAGE=test"));
  EXPECT_FALSE(has("OTHER=x"));
  for (const std::string& variable : environment)
    EXPECT_EQ(variable.find("NOT_SET"), std::string::npos);
}

TEST(CommandEnvironment, A54ThePathHasAbsoluteElementsOnly) {
  struct Case {
    const char* before;
    const char* after;
  };
  for (const Case& row : {Case{"PATH=:/a:.:b/bin:/c:", "PATH=/a:/c"},
                          Case{"PATH=node_modules/.bin:/usr/bin", "PATH=/usr/bin"},
                          Case{"PATH=.", "PATH=/usr/local/bin:/usr/bin:/bin"},
                          Case{"PATH=", "PATH=/usr/local/bin:/usr/bin:/bin"},
                          Case{"NO_PATH=1", "PATH=/usr/local/bin:/usr/bin:/bin"}}) {
    const std::vector<std::string> environment = environment_with({row.before});
    EXPECT_EQ(std::count(environment.begin(), environment.end(), row.after), 1) << row.before;
  }
}

TEST(Failure, SaysWhatWhereAndWhatToDo) {
  EXPECT_EQ(failure({.code = ErrorCode::kNotFound, .message = "no such thing"}).text,
            "Error: no such thing");
  const ToolOutcome outcome = failure({.code = ErrorCode::kNotFound,
                                       .message = "no such thing",
                                       .context = "here",
                                       .advice = "look elsewhere"});
  EXPECT_EQ(outcome.text, "Error: no such thing (here)\nlook elsewhere");
  EXPECT_EQ(outcome.status, CallStatus::kError);
  EXPECT_EQ(failure({.code = ErrorCode::kDeadline}).status, CallStatus::kTimeout);
}

TEST(ReadProcess, TellsTheModelHowACommandEnded) {
  struct Case {
    ProcessReport report;
    CallStatus status;
    const char* text;
  };
  const Case cases[] = {
      {{{.exit_code = 0}, "out\n", ""}, CallStatus::kOk, "out\n"},
      {{{.exit_code = 0}, "", ""}, CallStatus::kOk, "(no output, exit status 0)"},
      // What a tool says on standard error while it succeeds is not its answer.
      {{{.exit_code = 0}, "out\n", "warning\n"}, CallStatus::kOk, "out\n"},
      {{{.exit_code = 2}, "out\n", ""}, CallStatus::kError, "[exit status 2]\nout\n"},
      {{{.exit_code = 2}, "out", "why\n"}, CallStatus::kError, "[exit status 2]\nout\nwhy\n"},
      {{{.exit_code = 2}, "", "why\n"}, CallStatus::kError, "[exit status 2]\nwhy\n"},
      {{{.signal = 11}, "", ""}, CallStatus::kError, "[ended by signal 11]\n"},
      {{{.signal = 9, .timed_out = true, .duration_ms = 2'000}, "part", ""},
       CallStatus::kTimeout,
       "[stopped at its deadline after 2.0 s]\npart"},
      // Who ends well after the deadline was ended by it all the same.
      {{{.exit_code = 0, .timed_out = true, .duration_ms = 2'000}, "part", ""},
       CallStatus::kTimeout,
       "[stopped at its deadline after 2.0 s]\npart"},
      {{{.signal = 15, .stopped = true, .duration_ms = 50}, "", ""},
       CallStatus::kCancelled,
       "[stopped after 50 ms]\n"},
      // A server that was started in the background does not run: the model must know.
      {{{.exit_code = 0, .survivors = 1}, "started\n", ""},
       CallStatus::kOk,
       "started\n[1 process that it left behind was killed]"},
      {{{.exit_code = 0, .survivors = 2}, "", ""},
       CallStatus::kOk,
       "(no output, exit status 0)\n[2 processes that it left behind were killed]"},
      {{{.exit_code = 1, .survivors = 3}, "x", ""},
       CallStatus::kError,
       "[exit status 1] [3 processes that it left behind were killed]\nx"},
  };
  for (const Case& row : cases) {
    const ToolOutcome outcome = read_process(row.report);
    EXPECT_EQ(outcome.text, row.text);
    EXPECT_EQ(outcome.status, row.status) << row.text;
  }
}

}  // namespace
}  // namespace perdure
