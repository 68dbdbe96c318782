// The examples at a real llama.cpp server (started with --jinja, any model): what a small model
// makes of a task is its own affair, but every request must be one that the server takes, and every
// run must end in a way that is not the endpoint's. Runs with PERDURE_LLAMA_SERVER=URL, for example
// http://127.0.0.1:8080/v1; without it the tests are skipped, and ./dev test says so. What is
// peculiar to this server is tested without it in tests/faults/llama_server_test.cc.
#include <cstdlib>
#include <ostream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "tests/support/json.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

struct Example {
  const char* name;
  const char* workspace;  // copied from this folder below examples/; empty for a new one
  const char* task;       // the end of the command line
};

void PrintTo(const Example& example, std::ostream* out) {
  *out << example.name;
}

std::string server_url() {
  const char* url = std::getenv("PERDURE_LLAMA_SERVER");
  return url != nullptr ? url : "";
}

class LlamaServerExamples : public testing::TestWithParam<Example> {
 protected:
  ProgramResult run(const std::string& command) {
    const char* path = std::getenv("PATH");
    return run_program({.arguments = {"-euc", command},
                        .program = "/bin/sh",
                        .environment = {{"PATH", path != nullptr ? path : ""},
                                        {"XDG_CONFIG_HOME", folder_.path() + "/config"},
                                        {"XDG_STATE_HOME", folder_.path() + "/state"}},
                        .directory = PERDURE_SOURCE_DIR,
                        .timeout_ms = 900'000});
  }

  TemporaryDirectory folder_;
};

TEST_P(LlamaServerExamples, EndInAWayThatIsNotTheEndpoints) {
  if (server_url().empty()) GTEST_SKIP() << "set PERDURE_LLAMA_SERVER=URL to run this";
  const Example& example = GetParam();
  const std::string folder = std::string("examples/") + example.name;
  const std::string workspace = folder_.path() + "/work";
  const std::string program = shell_quote(PERDURE_PROGRAM);
  const std::string source = *example.workspace != '\0' ? folder + "/" + example.workspace : "";
  const std::string copy =
      source.empty() ? "mkdir " + workspace : "cp -r " + source + " " + workspace;
  const ProgramResult result =
      run(copy + " && " + program + " trust " + folder + " >/dev/null && exec " + program +
          " run --host llama-cpp --base-url " + shell_quote(server_url()) + " --agent " + folder +
          "/agent.toml --workspace " + workspace +
          " --max-steps 6 --timeout 10m --yes --output json " + example.task);
  ASSERT_TRUE(result.output.starts_with("{")) << result.output << result.errors;
  const Json record = test::parse_json(trim(result.output));
  EXPECT_THAT(record["outcome"].get<std::string>(),
              testing::AnyOf("done", "failed", "paused", "stuck"))
      << record["message"];
  EXPECT_GE(record["steps"], 1);
}

const Example kExamples[] = {
    {"two-tools", "receipts", "'What did the train tickets cost together?'"},
    {"incident", "",
     "'Checkout fails for many users since about 14:10 UTC. Find out why and act.'"},
    {"long-chain", "", "--task-file examples/long-chain/task.md"},
    {"refactor", "project", "--task-file examples/refactor/task.md"},
};
INSTANTIATE_TEST_SUITE_P(All, LlamaServerExamples, testing::ValuesIn(kExamples),
                         [](const auto& row) {
                           std::string name = row.param.name;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace perdure
