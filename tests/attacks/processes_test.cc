// Attacks on the runtime by the processes that a model starts with run_command, as far as they hold
// without a sandbox: floods, daemons, what ignores its end, and what a process could find of the
// runtime (A30 to A44, A51, A87).
#include <charconv>
#include <csignal>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fmt/format.h>

#include "core/policy.h"
#include "tests/attacks/file_attacks.h"
#include "tests/support/environment.h"
#include "tests/support/run_process.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;
using test::holds;
using test::ScopedVariable;

class ProcessAttacks : public test::FileAttacks {
 protected:
  ToolOutcome run(const std::string& command, int timeout_s = 60) {
    return call("run_command", {{"command", command}, {"timeout_s", timeout_s}});
  }
  // The process id that a command has written into a file of the workspace.
  int id_in(const std::string& name) const {
    const std::string text = bench_.read(name);
    int id = 0;
    std::from_chars(text.data(), text.data() + text.size(), id);
    EXPECT_GT(id, 0) << name;
    return id;
  }
};

TEST_F(ProcessAttacks, AFloodOfOutput_A30) {
  run("true");
  test::reset_memory_peak();
  const std::int64_t before = test::memory_peak_bytes();
  const ToolOutcome endless = run("yes", 1);
  EXPECT_EQ(endless.status, CallStatus::kTimeout);
  const ToolOutcome line = run("head -c 50000000 /dev/zero | tr '\\0' x");
  EXPECT_EQ(line.status, CallStatus::kOk);
  const ToolOutcome binary = run("head -c 50000000 /dev/zero");
  EXPECT_EQ(binary.status, CallStatus::kOk);
  EXPECT_LT(test::memory_peak_bytes() - before, test::memory_limit_bytes(24 << 20));
}

TEST_F(ProcessAttacks, ADaemonOutlivesItsCommand_A31) {
  const ToolOutcome outcome = run(
      "(setsid sh -c 'echo $$ > daemon; sleep 600 & echo $! > child; wait' </dev/null >/dev/null "
      "2>&1 &)\nwhile ! [ -s child ]; do sleep 0.01; done; echo started");
  EXPECT_PRED2(holds, outcome.text, "started\n");
  EXPECT_PRED2(holds, outcome.text, "left behind were killed");
  EXPECT_TRUE(test::wait_until_gone(id_in("daemon")));
  EXPECT_TRUE(test::wait_until_gone(id_in("child")));
}

TEST_F(ProcessAttacks, AGrandchildKeepsTheOutputOpen_A32) {
  const ToolOutcome outcome = run("sleep 600 & echo $! > child; echo done");
  EXPECT_EQ(outcome.status, CallStatus::kOk);
  EXPECT_EQ(outcome.text, "done\n[1 process that it left behind was killed]");
  EXPECT_TRUE(test::wait_until_gone(id_in("child")));
}

TEST_F(ProcessAttacks, NobodyOutstaysTheDeadline_A33) {
  const ToolOutcome outcome =
      run("trap '' TERM HUP INT; echo $$ > stubborn; (kill -STOP $$) & while :; do :; done", 1);
  EXPECT_EQ(outcome.status, CallStatus::kTimeout);
  EXPECT_TRUE(test::wait_until_gone(id_in("stubborn")));
}

TEST_F(ProcessAttacks, KeysOfTheRuntime_A87) {
  const ScopedVariable key("MOONSHOT_API_KEY", "canary-key");
  const ScopedVariable other("SOME_TOKEN", "canary-token");
  const ToolOutcome outcome = run("env; set; export; tr '\\0' '\\n' < /proc/self/environ");
  EXPECT_EQ(outcome.status, CallStatus::kOk);
  EXPECT_PRED2(holds, outcome.text, "PATH=");
  EXPECT_FALSE(holds(outcome.text, "canary")) << outcome.text;
}

TEST_F(ProcessAttacks, DescriptorsOfTheRuntime_A43) {
  // As if a library had opened it without thinking of children.
  const int secret = ::open(outside("secret").c_str(), O_RDWR);
  ASSERT_GT(secret, 2);
  const ToolOutcome outcome =
      run(fmt::format("ls /proc/$$/fd; cat /proc/$$/fd/{0}; cat <&{0}; echo x >&{0}", secret));
  ::close(secret);
  EXPECT_EQ(outcome.text.rfind("[exit status 2]\n0\n1\n2\n", 0), 0u) << outcome.text;
  EXPECT_FALSE(holds(outcome.text, "sings"));
}

TEST_F(ProcessAttacks, ACrashLeavesNoCore_A44) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_CORE, &before), 0);
  const rlimit unlimited{before.rlim_max, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_CORE, &unlimited), 0);
  const ToolOutcome outcome = run("ulimit -c; sh -c 'kill -SEGV $$'; echo $?; ls");
  ::setrlimit(RLIMIT_CORE, &before);
  EXPECT_PRED2(holds, outcome.text, "0\n");
  EXPECT_FALSE(holds(outcome.text, "core")) << outcome.text;
  EXPECT_EQ(outcome.text.rfind("0\n", 0), 0u) << outcome.text;
}

TEST_F(ProcessAttacks, TheEnvironmentOfOneCommandReachesNoOther_A51) {
  const std::string trap = bench_.path("trap.sh");
  bench_.write("trap.sh", "echo trapped > '" + outside("new") + "'\n");
  // What is set in the runtime does not reach a command...
  const ScopedVariable bash("BASH_ENV", trap);
  const ScopedVariable shell("ENV", trap);
  const ScopedVariable pager("PAGER", "sh " + trap);
  const ScopedVariable git_pager("GIT_EXTERNAL_DIFF", "sh " + trap);
  const ScopedVariable python("PYTHONSTARTUP", trap);
  // ... nor does what one command sets reach the next one.
  const std::string set = "export BASH_ENV='" + trap + "' POISON=1 PATH=/nowhere; alias ls=false";
  EXPECT_EQ(run(set + "; umask 0").status, CallStatus::kOk);
  const ToolOutcome outcome =
      run("bash -c true; echo \"[$POISON][$BASH_ENV][$ENV][$PAGER][$GIT_EXTERNAL_DIFF]\"; ls");
  EXPECT_EQ(outcome.text, "[][][][cat][]\ntrap.sh\n");
}

}  // namespace
}  // namespace perdure
