#include "os/spawn.h"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/support/child_process.h"
#include "tests/support/run_process.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;
using test::run_process;
using test::shell;

std::string output_of(const std::string& command) {
  const test::ProcessRun run = run_process(shell(command));
  EXPECT_TRUE(run.started) << to_text(run.error);
  EXPECT_EQ(run.errors, "");
  return run.output;
}

TEST(Spawn, GivesTheEnvironmentThatIsNamedAndNothingElse) {
  ProcessSpec spec{.argv = {"/usr/bin/env"}, .environment = {"A=1", "B=two words", "C="}};
  EXPECT_EQ(run_process(spec).output, "A=1\nB=two words\nC=\n");
  spec.marker = "run-7/3.0";
  EXPECT_EQ(run_process(spec).output, "A=1\nB=two words\nC=\nPERDURE_CALL=run-7/3.0\n");
}

TEST(Spawn, PassesWordsAsTheyAre) {
  const ProcessSpec spec{
      .argv = {"/usr/bin/printf", "[%s]", "", "a b", "$HOME", "*", "-x", "\xff"}};
  EXPECT_EQ(run_process(spec).output, "[][a b][$HOME][*][-x][\xff]");
}

TEST(Spawn, RunsInTheDirectoryOfTheDescriptor) {
  const TemporaryDirectory place;
  const Descriptor directory(::open(place.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  ProcessSpec spec = shell("pwd -P");
  spec.directory = directory.get();
  EXPECT_EQ(run_process(spec).output, place.path() + "\n");
  const Descriptor file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  spec.directory = file.get();
  const test::ProcessRun run = run_process(spec);
  EXPECT_FALSE(run.started);
  EXPECT_EQ(run.error.message, "cannot run '/bin/sh': Not a directory (ENOTDIR)");
}

TEST(Spawn, ASessionAndAGroupOfItsOwnWithoutATerminal) {
  // Fields 5 to 7 of stat(5): group, session, terminal.
  EXPECT_EQ(output_of("set -- $(cat /proc/$$/stat); [ $5 = $$ ] && [ $6 = $$ ] && echo $7"), "0\n");
}

TEST(Spawn, OnlyTheStandardDescriptors) {
  // A descriptor that somebody in this process forgot to mark, low and high.
  const Descriptor low(::fcntl(STDERR_FILENO, F_DUPFD, 0));
  const Descriptor high(::fcntl(STDERR_FILENO, F_DUPFD, 900));
  ASSERT_TRUE(low.valid() && high.valid());
  // ls opens the folder itself as the next free one.
  EXPECT_EQ(output_of("ls /proc/self/fd"), "0\n1\n2\n3\n");
  EXPECT_EQ(output_of("readlink /proc/self/fd/0"), "/dev/null\n");
}

TEST(Spawn, WorksWhenTheStandardDescriptorsAreClosed) {
  test::ChildProcess child([](test::ChildProcess::Wire& wire) {
    for (const int descriptor : {0, 1, 2}) ::close(descriptor);
    const Result<SpawnedProcess> spawned = spawn(shell("cat; echo out; echo err >&2"));
    if (!spawned.ok()) return 1;
    wire.write(*read_to_end(spawned->output.get(), 100) + "," +
               *read_to_end(spawned->errors.get(), 100));
    return 0;
  });
  EXPECT_EQ(child.wire().read(), "out");
  EXPECT_EQ(child.wire().read(), ",err");
  EXPECT_EQ(child.wait(), 0);
}

TEST(Spawn, NoCoreDumpsAndNoNewRights) {
  EXPECT_EQ(output_of("ulimit -c; ulimit -Hc; grep NoNewPrivs /proc/self/status"),
            "0\n0\nNoNewPrivs:\t1\n");
}

TEST(Spawn, SignalsAreAsAProgramExpectsThem) {
  test::ChildProcess child([](test::ChildProcess::Wire& wire) {
    // What an embedder may have done to this process.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGTERM, SIG_IGN);
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    const test::ProcessRun run =
        run_process({.argv = {"/bin/grep", "-E", "SigBlk|SigIgn", "/proc/self/status"}});
    wire.write(run.output);
    return 0;
  });
  EXPECT_EQ(child.wire().read(), "SigBlk:\t0000000000000000");
  EXPECT_EQ(child.wire().read(), "SigIgn:\t0000000000000000");
}

TEST(Spawn, FindsProgramsByAbsoluteElementsOfPathOnly) {
  const TemporaryDirectory place;
  for (const char* folder : {"bin", "here"}) {
    place.write(std::string(folder) + "/tool", "#!/bin/sh\necho " + std::string(folder));
    fs::permissions(place.path() + "/" + folder + "/tool", fs::perms::owner_all);
  }
  place.write("plain/tool", "not executable");
  const std::string root = place.path();
  const Descriptor here(::open((root + "/here").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct Case {
    std::string path;
    const char* expected;
  };
  const Case cases[] = {
      {"PATH=" + root + "/bin", "bin\n"},
      {"PATH=:.:./here:" + root + "/none:" + root + "/bin", "bin\n"},
      {"PATH=" + root + "/plain:" + root + "/bin", "bin\n"},
      {"PATH=.", "cannot run 'tool': no such program in PATH"},
      {"PATH=", "cannot run 'tool': no such program in PATH"},
      {"NOPATH=" + root + "/bin", "cannot run 'tool': no such program in PATH"},
  };
  for (const Case& row : cases) {
    const test::ProcessRun run =
        run_process({.argv = {"tool"}, .environment = {row.path}, .directory = here.get()});
    EXPECT_EQ(run.output + run.error.message, row.expected) << row.path;
  }
  // With a slash it is the caller who says which.
  EXPECT_EQ(run_process({.argv = {"./tool"}, .directory = here.get()}).output, "here\n");
}

TEST(Spawn, SaysWhyItCannotRun) {
  const TemporaryDirectory place;
  place.write("text", "no program");
  fs::permissions(place.path() + "/text", fs::perms::owner_all);
  place.write("locked", "");
  fs::permissions(place.path() + "/locked", fs::perms::owner_read);
  struct Case {
    std::vector<std::string> argv;
    ErrorCode code;
    const char* reason;
  };
  const Case cases[] = {
      {{}, ErrorCode::kInvalidArgument, "there is no program to run"},
      {{""}, ErrorCode::kInvalidArgument, "there is no program to run"},
      {{"none"}, ErrorCode::kToolFailed, "no such program in PATH"},
      {{place.path() + "/none"}, ErrorCode::kToolFailed, "(ENOENT)"},
      {{place.path() + "/locked"}, ErrorCode::kToolFailed, "(EACCES)"},
      {{place.path() + "/text"}, ErrorCode::kToolFailed, "(ENOEXEC)"},
      {{place.path()}, ErrorCode::kToolFailed, "(EACCES)"},
      {{"/bin/echo", std::string(3 << 20, 'x')}, ErrorCode::kToolFailed, "(E2BIG)"},
      {{"/bin/echo", std::string("a\0b", 3)}, ErrorCode::kInvalidArgument, "NUL"},
  };
  for (const Case& row : cases) {
    const Result<SpawnedProcess> spawned = spawn({.argv = row.argv, .environment = {"PATH=/bin"}});
    ASSERT_FALSE(spawned.ok()) << row.reason;
    EXPECT_EQ(spawned.error().code, row.code) << row.reason;
    EXPECT_NE(spawned.error().message.find(row.reason), std::string::npos)
        << spawned.error().message;
  }
  // Nobody is left: not even a zombie.
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(Spawn, AWordOfTheEnvironmentWithANulIsRefused) {
  const Result<SpawnedProcess> spawned =
      spawn({.argv = {"/bin/echo"}, .environment = {std::string("A=1\0B=2", 7)}});
  ASSERT_FALSE(spawned.ok());
  EXPECT_EQ(spawned.error().code, ErrorCode::kInvalidArgument);
}

TEST(Spawn, AChildDoesNotOutliveItsRuntime) {
  test::ChildProcess runtime([](test::ChildProcess::Wire& wire) {
    const Result<SpawnedProcess> spawned =
        spawn(shell("trap '' TERM HUP; while :; do sleep 1; done"));
    if (!spawned.ok()) return 1;
    wire.write(std::to_string(spawned->pid));
    wire.read();
    return 0;
  });
  const int child = std::stoi(runtime.wire().read());
  EXPECT_TRUE(test::is_running(child));
  runtime.kill();
  EXPECT_TRUE(test::wait_until_gone(child));
}

}  // namespace
}  // namespace perdure
