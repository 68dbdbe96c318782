// Attacks on the box from within: each is a shell command that does what a model under the control
// of an attacker would do, and what must come of it (A28 to A48, A63, A64, A72, A87, A90). They run
// as whoever runs the tests, and, where that is root, as an ordinary user too.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "os/directories.h"
#include "os/sandbox/sandbox.h"
#include "os/workspace.h"
#include "tests/support/byte_server.h"
#include "tests/support/result.h"
#include "tests/support/run_process.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;
using test::holds;

void write(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

std::string read(const std::string& path) {
  const Result<std::string> text = read_whole_file(path, 1 << 16);
  return text.ok() ? *text : to_text(text.error());
}

class BoxAttacks : public testing::Test {
 protected:
  BoxAttacks() : root_(real_path(folder_.path())) {
    fs::create_directory(workspace());
    fs::create_directory(outside());
    write(outside() + "/canary", "untouched\n");
  }

  // In a container that refuses its own name spaces there is no box: `perdure doctor` says so, and
  // so do these tests.
  void SetUp() override {
    const Descriptor folder(::open(workspace().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const Status status = box()->check(folder.get());
    if (status.ok()) return;
    ASSERT_EQ(status.error().code, ErrorCode::kUnsupported) << to_text(status.error());
    GTEST_SKIP() << to_text(status.error());
  }

  std::string workspace() const { return root_ + "/work"; }
  std::string outside() const { return root_ + "/outside"; }

  std::shared_ptr<const Sandbox> box(SandboxOptions options = {},
                                     const std::vector<std::string>& hidden = {}) const {
    if (options.mode == SandboxMode::kFullAccess) options.mode = SandboxMode::kWorkspaceWrite;
    Result<std::shared_ptr<const Sandbox>> made =
        Sandbox::make(options, workspace(), hidden, left_out_);
    EXPECT_TRUE(made.ok()) << to_text(made.error());
    return made.ok() ? *made : nullptr;
  }

  // Runs a command in the box; both streams together.
  test::ProcessRun run(const std::string& command, const SandboxOptions& options = {},
                       const std::vector<std::string>& hidden = {}) const {
    return run_in(box(options, hidden), command);
  }
  test::ProcessRun run_in(std::shared_ptr<const Sandbox> box, const std::string& command) const {
    const Descriptor folder(::open(workspace().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ProcessSpec spec = test::shell(command);
    spec.directory = folder.get();
    spec.sandbox = std::move(box);
    spec.one_stream = true;
    return test::run_process(spec);
  }
  std::string output_of(const std::string& command, const SandboxOptions& options = {}) const {
    const test::ProcessRun ended = run(command, options);
    EXPECT_TRUE(ended.started) << to_text(ended.error);
    return ended.output;
  }
  // What a call by its number gives: "errno N" or "done".
  std::string call(const std::string& arguments) const {
    return output_of(
        "python3 -c 'import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "print(\"done\" if libc.syscall(" +
        arguments + ") >= 0 else os.strerror(ctypes.get_errno()))' 2>&1");
  }

  TemporaryDirectory folder_;
  std::string root_;
  std::vector<std::string> left_out_;  // layers
};

// --- What the box is for ---

TEST_F(BoxAttacks, ordinary_work_is_done) {
  EXPECT_EQ(output_of("pwd; echo text > file && cat file; echo x > /tmp/x && cat /tmp/x; "
                      "git init -q . && git status --short; python3 -c 'print(6 * 7)'; id -u; "
                      "echo a | sort | wc -l; ls / | head -1; : > /dev/null; sleep 0.01 & wait"),
            workspace() + "\ntext\nx\n?? file\n42\n" + std::to_string(::getuid()) + "\n1\nbin\n");
  EXPECT_EQ(read(workspace() + "/file"), "text\n") << "the workspace is the real one";
}

TEST_F(BoxAttacks, a_command_ends_as_it_would_outside) {
  EXPECT_EQ(run("exit 7").exit.exit_code, 7);
  EXPECT_EQ(run("kill -SEGV $$").exit.signal, SIGSEGV);
  EXPECT_EQ(run("kill -KILL $$").exit.signal, SIGKILL);
  EXPECT_EQ(run("kill -TERM $$").exit.signal, SIGTERM);
}

TEST_F(BoxAttacks, a_program_that_is_not_in_the_box_is_named) {
  write(outside() + "/tool", "#!/bin/sh\necho ran\n");
  ASSERT_EQ(::chmod((outside() + "/tool").c_str(), 0755), 0);
  ProcessSpec spec{.argv = {outside() + "/tool"}};
  const Descriptor folder(::open(workspace().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  spec.directory = folder.get();
  spec.sandbox = box();
  const test::ProcessRun absent = test::run_process(spec);
  EXPECT_FALSE(absent.started);
  EXPECT_PRED2(holds, absent.error.message, "/tool': No such file or directory");
  EXPECT_PRED2(holds, absent.error.advice, "'read' of [sandbox]");
  spec.sandbox = box({.read = {outside()}});
  EXPECT_EQ(test::run_process(spec).output, "ran\n");
}

TEST_F(BoxAttacks, a_program_is_found_by_the_path) {
  const Descriptor folder(::open(workspace().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ProcessSpec spec{.argv = {"echo", "found"}, .environment = {"PATH=/usr/bin:/bin"}};
  spec.directory = folder.get();
  spec.sandbox = box();
  EXPECT_EQ(test::run_process(spec).output, "found\n");
}

TEST_F(BoxAttacks, the_deadline_ends_everything_in_it) {
  const Descriptor folder(::open(workspace().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ProcessSpec spec = test::shell("trap '' TERM; setsid sleep 600 & sleep 600");
  spec.directory = folder.get();
  spec.sandbox = box();
  spec.marker = fmt::format("box-{}", root_);
  spec.timeout_ms = 200;
  spec.grace_ms = 100;
  const test::ProcessRun ended = test::run_process(spec);
  EXPECT_TRUE(ended.exit.timed_out);
  EXPECT_TRUE(test::marked_processes(spec.marker).empty());
}

// --- Files ---

TEST_F(BoxAttacks, what_is_outside_does_not_exist) {
  for (const std::string& command : std::vector<std::string>{
           "cat " + outside() + "/canary", "ls " + outside(), "cat /etc/shadow", "ls /home",
           "ls /sys", "cat /var/log/dpkg.log"}) {
    EXPECT_PRED2(holds, output_of(command + " 2>&1"), "No such file or directory") << command;
  }
}

TEST_F(BoxAttacks, ChangingWhatIsOutside_A45) {
  const SandboxOptions options{.read = {outside()}};
  ASSERT_EQ(output_of("cat ../outside/canary", options), "untouched\n");
  for (const std::string command :
       {"touch ../outside/new", "chmod 777 ../outside/canary", "mv ../outside/canary ../outside/x",
        "ln ../outside/canary here", "touch -d 2001-01-01 ../outside/canary",
        "rm -f ../outside/canary", "mkdir ../outside/folder", "echo x >> ../outside/canary"}) {
    EXPECT_NE(run(command, options).exit.exit_code, 0) << command;
  }
  EXPECT_EQ(read(outside() + "/canary"), "untouched\n");
  EXPECT_FALSE(fs::exists(outside() + "/new"));
  // The system's own files are only asked about: where the box fails, they must not be harmed.
  EXPECT_EQ(output_of("for f in / /usr /usr/bin/env /etc/passwd /tmp; do test -w $f && "
                      "echo $f; done; echo asked"),
            "/tmp\nasked\n");
}

TEST_F(BoxAttacks, ReadOnlyMeansReadOnly) {
  const SandboxOptions options{.mode = SandboxMode::kReadOnly};
  write(workspace() + "/file", "old\n");
  EXPECT_EQ(output_of("cat file; echo new > file; rm file; touch another; echo ok > /tmp/x && cat "
                      "/tmp/x",
                      options)
                .substr(0, 4),
            "old\n");
  EXPECT_EQ(read(workspace() + "/file"), "old\n");
  EXPECT_FALSE(fs::exists(workspace() + "/another"));
}

TEST_F(BoxAttacks, TheRuntimesOwnFilesAreCovered_A18) {
  fs::create_directory(workspace() + "/state");
  write(workspace() + "/state/journal", "secret\n");
  write(workspace() + "/key", "sk-secret\n");
  const std::vector<std::string> hidden = {workspace() + "/state", workspace() + "/key"};
  const test::ProcessRun ended =
      run("cat state/journal key; ls state; chmod 700 state; touch state/x; rm -rf state; "
          "mv state other; rm -f key; echo x > key",
          {}, hidden);
  EXPECT_EQ(ended.output.find("secret"), std::string::npos) << ended.output;
  EXPECT_EQ(read(workspace() + "/state/journal"), "secret\n");
  EXPECT_EQ(read(workspace() + "/key"), "sk-secret\n");
}

// To move what is covered, together with its folder, uncovers it for no later command.
TEST_F(BoxAttacks, ACoverIsNotLeftBehind_A18) {
  fs::create_directories(workspace() + "/home/state");
  write(workspace() + "/home/state/journal", "secret\n");
  const std::vector<std::string> hidden = {workspace() + "/home/state"};
  const std::shared_ptr<const Sandbox> box = this->box({}, hidden);
  EXPECT_TRUE(run_in(box, "mv home moved").started);
  const test::ProcessRun later = run_in(box, "cat moved/state/journal");
  EXPECT_FALSE(later.started) << later.output;
  EXPECT_PRED2(holds, later.error.message, "/home/state");
}

// What may be written is the folder that was named, also when a command puts a link on the way to
// it.
TEST_F(BoxAttacks, TheWayToAWritableFolderBecomesALink_A05) {
  fs::create_directories(root_ + "/cache/way/outside");
  const SandboxOptions options{.write = {root_ + "/cache", root_ + "/cache/way/outside"}};
  const std::shared_ptr<const Sandbox> box = this->box(options);
  ASSERT_TRUE(run_in(box, "echo x > ../cache/way/outside/file").started);
  EXPECT_EQ(read(root_ + "/cache/way/outside/file"), "x\n");
  fs::rename(root_ + "/cache/way", root_ + "/cache/old");
  fs::create_directory_symlink("..", root_ + "/cache/way");  // so it leads to the canary
  EXPECT_FALSE(run_in(box, "echo x > ../outside/canary").started);
  EXPECT_EQ(read(outside() + "/canary"), "untouched\n");
}

TEST_F(BoxAttacks, the_number_of_processes_is_limited) {
  EXPECT_EQ(output_of("python3 -c 'import resource as r; print(r.getrlimit(r.RLIMIT_NPROC)[1])'",
                      {.processes_max = 64}),
            "64\n");
}

TEST_F(BoxAttacks, AnotherRunsFolderAndMemory_A90) {
  EXPECT_PRED2(holds, output_of("echo mine > /tmp/left; ls /tmp"), "left");
  EXPECT_EQ(output_of("ls /dev/shm /run"), "/dev/shm:\n\n/run:\n");
  EXPECT_EQ(output_of("ls -A /tmp"), fs::path(root_).filename().string() + "\n")
      << "the way to the workspace, and nothing else";
}

TEST_F(BoxAttacks, TheWorkspaceIsExchangedBeforeTheCommand_A12) {
  const Descriptor folder(::open(workspace().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ProcessSpec spec = test::shell("echo x > canary");
  spec.directory = folder.get();
  spec.sandbox = box();
  fs::rename(workspace(), root_ + "/moved");
  fs::create_directory_symlink(outside(), workspace());
  EXPECT_FALSE(test::run_process(spec).started) << "by a link";
  fs::remove(workspace());
  fs::create_directory(workspace());
  EXPECT_FALSE(test::run_process(spec).started) << "by another folder";
  EXPECT_FALSE(fs::exists(workspace() + "/canary"));
  EXPECT_EQ(read(outside() + "/canary"), "untouched\n");
}

// --- Processes and the kernel ---

TEST_F(BoxAttacks, ForkBomb_A28) {
  if (::getuid() == 0) GTEST_SKIP() << "the kernel does not count the processes of root";
  const SandboxOptions options{.processes_max = 64};
  const test::ProcessRun ended =
      run("i=0; while [ $i -lt 300 ]; do sleep 30 & i=$((i+1)); done 2>&1; echo survived", options);
  EXPECT_PRED2(holds, ended.output, "fork");
  EXPECT_EQ(ended.output.find("survived"), std::string::npos) << "the shell cannot go on";
  EXPECT_TRUE(ended.started);
}

TEST_F(BoxAttacks, OtherProcesses_A34_A35) {
  const std::string self = std::to_string(::getpid());
  EXPECT_PRED2(holds, output_of("cat /proc/" + self + "/environ"), "No such file");
  EXPECT_PRED2(holds, output_of("kill -0 " + self), "No such process");
  EXPECT_PRED2(holds, output_of("cat /proc/1/mem"), "Permission denied");
  EXPECT_EQ(output_of("ls -d /proc/[0-9]* | wc -l | tr -d ' '").size(), 2U) << "a digit";
}

TEST_F(BoxAttacks, SetuidPrograms_A36) {
  EXPECT_EQ(output_of("grep -E '^(NoNewPrivs|CapEff|CapPrm|CapBnd|CapAmb)' /proc/self/status | tr "
                      "-d '\\t\\n'"),
            "CapPrm:0000000000000000CapEff:0000000000000000CapBnd:0000000000000000CapAmb:"
            "0000000000000000NoNewPrivs:1");
  EXPECT_EQ(output_of("cp /bin/sh shell && chmod 4755 shell; stat -c %a shell"),
            "chmod: changing permissions of 'shell': Operation not permitted\n755\n");
}

TEST_F(BoxAttacks, every_name_space_is_its_own) {
  for (const std::string name : {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"}) {
    const std::string inside = output_of("readlink /proc/self/ns/" + name);
    EXPECT_EQ(inside.substr(0, name.size() + 2), name + ":[");
    EXPECT_NE(inside, fs::read_symlink("/proc/self/ns/" + name).string() + "\n");
  }
}

TEST_F(BoxAttacks, NameSpacesAndMounts_A37) {
  EXPECT_PRED2(holds, output_of("unshare -U true"), "unshare failed: Operation not permitted");
  EXPECT_PRED2(holds, output_of("unshare -m true"), "unshare failed");
  EXPECT_NE(run("mkdir -p here && mount -t tmpfs none here").exit.exit_code, 0);
  EXPECT_NE(run("exec mount --bind . here").exit.exit_code, 0);
  EXPECT_NE(run("chroot / true").exit.exit_code, 0);
  EXPECT_NE(run("nsenter -t 1 -m true").exit.exit_code, 0);
  EXPECT_EQ(call("56, 0x10000000 | 17, 0, 0, 0, 0"), "Operation not permitted\n") << "clone";
  EXPECT_EQ(call("435, 0, 0"), "Function not implemented\n") << "clone3";
}

#ifdef __x86_64__
TEST_F(BoxAttacks, DangerousCalls_A38_A39_A48) {
  struct Row {
    const char* name;
    const char* arguments;
  };
  for (const Row& row : std::vector<Row>{{"io_uring_setup", "425, 8, 0"},
                                         {"bpf", "321, 0, 0, 0"},
                                         {"perf_event_open", "298, 0, 0, 0, 0, 0"},
                                         {"userfaultfd", "323, 0"},
                                         {"keyctl", "250, 0, 0"},
                                         {"add_key", "248, 0, 0, 0, 0, 0"},
                                         {"kexec_load", "246, 0, 0, 0, 0"},
                                         {"init_module", "175, 0, 0, 0"},
                                         {"open_by_handle_at", "304, 0, 0, 0"},
                                         {"process_vm_readv", "310, 1, 0, 0, 0, 0, 0"},
                                         {"ptrace", "101, 0, 0, 0, 0"},
                                         {"settimeofday", "164, 0, 0"},
                                         {"clock_settime", "227, 0, 0"},
                                         {"sethostname", "170, 0, -1"},
                                         {"reboot", "169, 0, 0, 0"},
                                         {"pidfd_getfd", "438, 1, 0, 0"}}) {
    EXPECT_EQ(call(row.arguments), "Operation not permitted\n") << row.name;
  }
  EXPECT_NE(run("test -w /proc/sys/kernel/core_pattern").exit.exit_code, 0);
  EXPECT_PRED2(holds,
               output_of("python3 -c 'import resource as r; r.setrlimit(r.RLIMIT_NPROC, (-1, -1))' "
                         "2>&1 | tail -1"),
               "not allowed to raise");
}

TEST_F(BoxAttacks, AnotherTableOfCalls_A40) {
  EXPECT_EQ(run("exec python3 -c 'import ctypes\nctypes.CDLL(None).syscall(0x40000000 + 39)'")
                .exit.signal,
            SIGSYS);
}
#endif

TEST_F(BoxAttacks, TypingForTheOperator_A41) {
  EXPECT_PRED2(holds, output_of("python3 -c 'import fcntl\nfcntl.ioctl(0, 0x5412, b\"x\")' 2>&1"),
               "Operation not permitted");
  EXPECT_PRED2(holds, output_of(": < /dev/tty"), "No such file");
}

TEST_F(BoxAttacks, ProgramsThatAreNoFiles_A42) {
  EXPECT_PRED2(holds,
               output_of("python3 -c 'import os\nf = os.memfd_create(\"x\")\n"
                         "os.write(f, open(\"/bin/cat\", \"rb\").read())\n"
                         "os.execve(f, [\"cat\", \"" +
                         outside() + "/canary\"], {})' 2>&1"),
               "No such file");
}

// --- Network ---

TEST_F(BoxAttacks, Sockets_A63_A64) {
  const std::string try_all =
      "python3 -c 'import socket\n"
      "for f, t in ((2, 1), (2, 2), (10, 1), (2, 3), (17, 3), (40, 1), (16, 3), (38, 5)):\n"
      "  try: socket.socket(f, t); print(\"open\", f, t)\n"
      "  except OSError as e: print(e.strerror)' | sort | uniq -c | tr -s ' '";
  EXPECT_EQ(output_of(try_all), " 8 Operation not permitted\n");
  EXPECT_PRED2(holds, output_of("getent hosts example.com; echo $?"), "2");
}

TEST_F(BoxAttacks, TheLoopbackIsTheBoxesOwn) {
  auto [listener, port] = test::bind_to_loopback();
  ASSERT_EQ(::listen(listener.get(), 4), 0);
  const std::string connect = fmt::format(
      "python3 -c 'import socket\n"
      "try: socket.create_connection((\"127.0.0.1\", {})); print(\"connected\")\n"
      "except OSError as e: print(e.strerror)'",
      port);
  EXPECT_EQ(output_of(connect, {.network = SandboxNetwork::kLoopback}), "Connection refused\n");
  EXPECT_EQ(output_of(connect, {.network = SandboxNetwork::kOn}), "connected\n");
  EXPECT_EQ(output_of("python3 -c 'import socket\n"
                      "s = socket.create_server((\"127.0.0.1\", 0))\n"
                      "c = socket.create_connection(s.getsockname()); print(\"served\")'",
                      {.network = SandboxNetwork::kLoopback}),
            "served\n");
}

TEST_F(BoxAttacks, SocketsOfTheMachine_A72) {
  EXPECT_EQ(output_of("find / -xdev -type s 2>/dev/null | head -3"), "");
  const std::string abstract = fmt::format(
      "python3 -c 'import socket\ns = socket.socket(socket.AF_UNIX)\n"
      "s.connect(\"\\0{}\")' 2>&1 | tail -1",
      root_);
  const Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  root_.copy(address.sun_path + 1, sizeof address.sun_path - 2);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + root_.size());
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(listener.get(), 4), 0);
  EXPECT_PRED2(holds, output_of(abstract), "Error");
}

// --- Descriptors and environment ---

TEST_F(BoxAttacks, InheritedDescriptors_A43) {
  EXPECT_EQ(output_of("ls /proc/self/fd | tr '\\n' ' '"), "0 1 2 3 ") << "3 is the folder ls reads";
}

TEST_F(BoxAttacks, TheEnvironment_A87) {
  EXPECT_EQ(output_of("env | grep -v '^\\(PWD\\|OLDPWD\\|SHLVL\\|_\\)=' | sort"),
            "PATH=/usr/local/bin:/usr/bin:/bin\n");
}

// --- What the box needs, and who may make one ---

TEST_F(BoxAttacks, the_box_is_tried_before_a_run) {
  const Descriptor folder(::open(workspace().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const Status status = box()->check(folder.get());
  EXPECT_TRUE(status.ok()) << to_text(status.error());
}

TEST_F(BoxAttacks, a_mistake_in_its_options_is_named) {
  constexpr SandboxMode kMode = SandboxMode::kWorkspaceWrite;
  EXPECT_PRED2(
      holds, Sandbox::make({.mode = kMode, .read = {"/missing"}}, workspace(), {}).error().message,
      "'/missing'");
  EXPECT_PRED2(
      holds,
      Sandbox::make({.mode = kMode, .accept_missing = {"magic"}}, workspace(), {}).error().advice,
      "namespaces, proc, landlock and seccomp");
  EXPECT_PRED2(holds, Sandbox::make({.mode = kMode}, "/", {}).error().message, "the whole machine");
  EXPECT_EQ(*Sandbox::make({.mode = SandboxMode::kFullAccess}, "/", {}), nullptr);
}

// Each layer alone still holds what it is for.
TEST_F(BoxAttacks, without_name_spaces_the_other_layers_hold) {
  left_out_ = {"namespaces"};
  EXPECT_PRED2(holds, output_of("cat " + outside() + "/canary"), "Permission denied");
  EXPECT_PRED2(holds, output_of("echo x > " + outside() + "/canary"), "Permission denied");
  const SandboxOptions readable{.read = {outside()}};
  EXPECT_EQ(output_of("cat " + outside() + "/canary", readable), "untouched\n");
  EXPECT_PRED2(holds, output_of("echo x > " + outside() + "/canary", readable),
               "Permission denied");
  EXPECT_PRED2(holds, output_of("echo x > file && cat file"), "x");
  EXPECT_PRED2(holds, output_of("python3 -c 'import socket; socket.socket()' 2>&1"),
               "Operation not permitted");
  EXPECT_EQ(read(outside() + "/canary"), "untouched\n");
}

// What may be missing is used where it is there.
TEST_F(BoxAttacks, what_is_accepted_as_missing_still_holds) {
  const SandboxOptions options{.accept_missing = {"namespaces", "proc", "landlock", "seccomp"}};
  EXPECT_PRED2(holds, output_of("cat " + outside() + "/canary", options), "No such file");
  EXPECT_PRED2(holds, output_of("unshare -U true", options), "Operation not permitted");
}

TEST_F(BoxAttacks, without_its_own_proc_the_machines_is_only_read) {
  left_out_ = {"proc"};
  EXPECT_NE(run("test -w /proc/sys/kernel/core_pattern").exit.exit_code, 0);
  EXPECT_EQ(output_of("readlink /proc/self/exe > /dev/null && echo there"), "there\n");
}

TEST_F(BoxAttacks, without_landlock_the_other_layers_hold) {
  left_out_ = {"landlock"};
  EXPECT_PRED2(holds, output_of("cat " + outside() + "/canary"), "No such file");
  EXPECT_PRED2(holds, output_of("touch ../outside/new", {.read = {outside()}}),
               "Read-only file system");
}

TEST_F(BoxAttacks, without_a_filter_the_other_layers_hold) {
  left_out_ = {"seccomp"};
  EXPECT_PRED2(holds, output_of("unshare -U true"), "No space left on device");
  EXPECT_PRED2(holds,
               output_of("python3 -c 'import socket\ns = socket.socket()\ns.settimeout(5)\n"
                         "s.connect((\"192.0.2.1\", 80))' 2>&1 | tail -1"),
               "Error");
}

// --- The same as an ordinary user ---

// Runs some of these tests in a process of another user. False where that user cannot reach them.
bool pass_as_user(const std::string& with, const std::string& filter) {
  const std::string self = fs::read_symlink("/proc/self/exe").string();
  const std::string user = with + " setpriv --reuid=12345 --regid=12345 --clear-groups ";
  if (test::run_process(test::shell(user + "test -x " + self)).exit.exit_code != 0) return false;
  const test::ProcessRun ended = test::run_process(
      test::shell(user + self + " --gtest_brief=1 --gtest_filter='" + filter + "' 2>&1"));
  EXPECT_EQ(ended.exit.exit_code, 0) << ended.output;
  EXPECT_PRED2(holds, ended.output, "PASSED");
  return true;
}

TEST(BoxModes, root_tests_as_a_user_too) {
  if (::geteuid() != 0) GTEST_SKIP() << "these tests run as a user already";
  if (!pass_as_user("", "BoxAttacks.*")) GTEST_SKIP() << "another user cannot reach them";
}

TEST(BoxModes, a_user_with_a_lower_limit_of_processes_has_a_box) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become a user with other limits";
  if (!pass_as_user("prlimit --nproc=400:400", "BoxAttacks.ordinary_work_is_done"))
    GTEST_SKIP() << "another user cannot reach them";
}

}  // namespace
}  // namespace perdure
