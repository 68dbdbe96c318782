// What a run makes of the box: what it covers, what it shows, and that no run begins without it.
#include <gtest/gtest.h>

#include "os/sandbox/sandbox.h"
#include "os/workspace.h"
#include "tests/support/result.h"
#include "tests/support/run_bench.h"

namespace perdure {
namespace {

using test::holds;
using test::RunBench;

class BoxedRuns : public testing::Test {
 protected:
  void SetUp() override {
    const Result<Workspace> folder = Workspace::open(bench_.workspace());
    ASSERT_TRUE(folder.ok()) << test::words_of(folder);
    const auto box = Sandbox::make({.mode = SandboxMode::kWorkspaceWrite}, bench_.workspace(), {});
    ASSERT_TRUE(box.ok()) << test::words_of(box);
    const Status status = (*box)->check(folder->descriptor());
    if (status.ok()) return;
    ASSERT_EQ(status.error().code, ErrorCode::kUnsupported) << to_text(status.error());
    GTEST_SKIP() << to_text(status.error());
  }

  AgentOptions agent() const {
    AgentOptions options = bench_.agent_options();
    options.tools = {"run_command"};
    options.policy = {{.tool = "*", .action = PolicyAction::kAllow}};
    options.sandbox.mode = SandboxMode::kWorkspaceWrite;
    return options;
  }

  RunBench bench_{R"(
[[reply]]
[[reply.call]]
name = "run_command"
arguments = { command = "cat key; echo ended" }
[[reply.call]]
name = "helper"
arguments = {}
[[reply]]
text = "Done."
)"};
};

TEST_F(BoxedRuns, KeyFilesAreCoveredAndTheFoldersOfToolsAreShown_A76) {
  bench_.folder().write("workspace/key", "sk-canary\n");
  bench_.folder().write("agents/helper.sh", "echo helped\n");
  AgentOptions options = agent();
  options.key_file = bench_.workspace() + "/key";
  options.commands = {{.spec = {.name = "helper", .description = "Helps."},
                       .argv = {"sh", "{agent_dir}/helper.sh"},
                       .directory = bench_.folder().path() + "/agents"}};
  Agent agent(options, bench_.runtime());
  const RunResult result = agent.run("Go.", bench_.run_options());
  ASSERT_EQ(result.text, "Done.") << result.message;
  EXPECT_PRED2(holds, bench_.request(2), "ended");
  EXPECT_PRED2(holds, bench_.request(2), "helped");
  EXPECT_EQ(bench_.request(2).find("sk-canary"), std::string::npos);
}

TEST_F(BoxedRuns, a_box_that_cannot_be_made_ends_the_run_before_it_begins) {
  AgentOptions options = agent();
  options.sandbox.read.assign(600, "/usr");  // more than the helper takes
  Agent agent(options, bench_.runtime());
  const RunResult result = agent.run("Go.", bench_.run_options());
  EXPECT_EQ(result.outcome, Outcome::kInvalid);
  EXPECT_PRED2(holds, result.message, "cannot make the box");
  EXPECT_EQ(bench_.statistics().requests, 0);
}

}  // namespace
}  // namespace perdure
