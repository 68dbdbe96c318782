#include "os/spawn.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <iterator>
#include <optional>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/text.h"
#include "os/sandbox/sandbox.h"

namespace perdure {
namespace {

// Everything that the child needs, prepared before: between vfork and exec only system calls are
// allowed, because the child runs in its parent's memory.
struct Launch {
  const char* program;
  char* const* argv;
  char* const* environment;
  int directory;
  int input;
  int output;
  int errors;
  int report;  // errno of a failed exec is written here; closes on a good one
  pid_t parent;
  // In a box: the helper, which is run in the place of the program, and what it is given as 4
  // and 5.
  int helper;
  int filter;
};

constexpr int kReport = 3;
constexpr int kHelper = 6;

[[noreturn]] void fail_child(const Launch& launch) {
  const int error = errno;
  [[maybe_unused]] const ssize_t written = ::write(launch.report, &error, sizeof error);
  ::_exit(127);
}

[[noreturn]] void run_child(const Launch& launch) {
  struct sigaction defaults{};
  defaults.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &defaults, nullptr);
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != launch.parent) ::_exit(127);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  if (launch.directory >= 0 && ::fchdir(launch.directory) != 0) fail_child(launch);
  if (::dup2(launch.input, 0) < 0 || ::dup2(launch.output, 1) < 0 || ::dup2(launch.errors, 2) < 0) {
    fail_child(launch);
  }
  // The report moves to 3 so that everything above it can be closed.
  const bool is_boxed = launch.helper >= 0;
  if (launch.report != kReport && ::dup3(launch.report, kReport, is_boxed ? 0 : O_CLOEXEC) < 0) {
    fail_child(launch);
  }
  if (is_boxed && (::dup2(launch.filter, 4) < 0 || ::dup2(launch.directory, 5) < 0 ||
                   ::dup3(launch.helper, kHelper, O_CLOEXEC) < 0)) {
    fail_child(launch);
  }
  ::syscall(SYS_close_range, is_boxed ? kHelper + 1U : kReport + 1U, ~0U, 0U);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (is_boxed) {
    ::syscall(SYS_execveat, kHelper, "", launch.argv, launch.environment, AT_EMPTY_PATH);
  } else {
    ::execve(launch.program, launch.argv, launch.environment);
  }
  const int error = errno;
  [[maybe_unused]] const ssize_t written = ::write(kReport, &error, sizeof error);
  ::_exit(127);
}

// Its own function, never inlined: the frame of vfork's caller must outlive the child's use of it.
[[gnu::noinline]] pid_t vfork_child(const Launch& launch) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::vfork();
  if (pid == 0) run_child(launch);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return pid;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> list;
  list.reserve(strings.size() + 1);
  for (std::string& text : strings) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

// Descriptors given to the child must not be among those that the child is about to overwrite.
Result<Descriptor> above_standard(Descriptor descriptor) {
  if (descriptor.get() > kHelper) return descriptor;
  Descriptor moved(::fcntl(descriptor.get(), F_DUPFD_CLOEXEC, kHelper + 1));
  if (!moved.valid()) return system_error(ErrorCode::kInternal, "cannot move a descriptor", errno);
  return moved;
}

struct Pipes {
  Descriptor input_read, input_write, output_read, output_write, errors_read, errors_write,
      report_read, report_write;
};

Status open_pair(Descriptor& reading, Descriptor& writing) {
  Result<std::pair<Descriptor, Descriptor>> ends = make_pipe();
  if (!ends.ok()) return ends.error();
  Result<Descriptor> first = above_standard(std::move(ends->first));
  if (!first.ok()) return first.error();
  Result<Descriptor> second = above_standard(std::move(ends->second));
  if (!second.ok()) return second.error();
  reading = std::move(*first);
  writing = std::move(*second);
  return {};
}

Result<Pipes> open_pipes(const ProcessSpec& spec) {
  Pipes pipes;
  Status status = open_pair(pipes.output_read, pipes.output_write);
  if (status.ok() && !spec.one_stream) {
    status = open_pair(pipes.errors_read, pipes.errors_write);
  }
  if (status.ok()) status = open_pair(pipes.report_read, pipes.report_write);
  if (status.ok() && !spec.input.empty()) {
    status = open_pair(pipes.input_read, pipes.input_write);
  } else if (status.ok()) {
    Result<Descriptor> null = above_standard(Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
    if (null.ok() && !null->valid())
      status = system_error(ErrorCode::kInternal, "no /dev/null", errno);
    if (null.ok()) pipes.input_read = std::move(*null);
  }
  if (!status.ok()) return status.error();
  return pipes;
}

Error cannot_run(const std::string& program, int error) {
  return {.code = ErrorCode::kToolFailed,
          .message = fmt::format("cannot run '{}': {}", program, errno_text(error))};
}

// The helper's words, then the command.
std::vector<std::string> boxed(const Sandbox& sandbox, std::vector<std::string> command) {
  std::vector<std::string> words = {"perdure-box"};
  words.insert(words.end(), sandbox.words().begin(), sandbox.words().end());
  words.push_back("--");
  words.insert(words.end(), std::make_move_iterator(command.begin()),
               std::make_move_iterator(command.end()));
  return words;
}

// A NUL would end a word early: what runs would not be what was approved.
Status check_words(const ProcessSpec& spec) {
  for (const std::vector<std::string>* words : {&spec.argv, &spec.environment}) {
    for (const std::string& word : *words) {
      if (word.find('\0') == std::string::npos) continue;
      return Error{.code = ErrorCode::kInvalidArgument,
                   .message = "a word of the command holds a NUL character"};
    }
  }
  return {};
}

}  // namespace

Result<std::string> find_program(const ProcessSpec& spec) {
  if (spec.argv.empty() || spec.argv[0].empty()) {
    return Error{.code = ErrorCode::kInvalidArgument, .message = "there is no program to run"};
  }
  const std::string& name = spec.argv[0];
  if (name.find('/') != std::string::npos) return name;
  for (const std::string& variable : spec.environment) {
    if (variable.rfind("PATH=", 0) != 0) continue;
    for (const std::string_view directory : split(std::string_view(variable).substr(5), ':')) {
      if (directory.empty() || directory[0] != '/') continue;
      std::string candidate = fmt::format("{}/{}", directory, name);
      if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    }
  }
  return Error{.code = ErrorCode::kToolFailed,
               .message = fmt::format("cannot run '{}': no such program in PATH", name)};
}

namespace {

// What the child said before it ended, or nothing when the program runs.
std::optional<Error> read_report(int report, const std::string& program) {
  BoxFailure failure{};
  std::size_t length = 0;
  while (length < sizeof failure) {
    const ssize_t bytes =
        ::read(report, reinterpret_cast<char*>(&failure) + length, sizeof failure - length);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes <= 0) break;
    length += static_cast<std::size_t>(bytes);
  }
  if (length == 0) return std::nullopt;
  if (length == sizeof failure) return box_error(failure, program);
  return cannot_run(program, failure.error);  // its first member, and all that spawn itself writes
}

}  // namespace

Result<SpawnedProcess> spawn(const ProcessSpec& spec) {
  if (Status status = check_words(spec); !status.ok()) return status.error();
  const Result<std::string> program = find_program(spec);
  if (!program.ok()) return program.error();
  Result<Pipes> pipes = open_pipes(spec);
  if (!pipes.ok()) return pipes.error();

  std::vector<std::string> argv = spec.argv;
  Descriptor directory;
  if (spec.sandbox != nullptr) {
    argv[0] = *program;
    argv = boxed(*spec.sandbox, std::move(argv));
    directory = Descriptor(::fcntl(spec.directory, F_DUPFD_CLOEXEC, kHelper + 1));
    if (!directory.valid()) return cannot_run(spec.argv[0], errno);
  }
  std::vector<std::string> environment = spec.environment;
  if (!spec.marker.empty()) environment.push_back("PERDURE_CALL=" + spec.marker);
  const std::vector<char*> argv_pointers = pointers(argv);
  const std::vector<char*> environment_pointers = pointers(environment);
  const Launch launch{.program = program->c_str(),
                      .argv = argv_pointers.data(),
                      .environment = environment_pointers.data(),
                      .directory = directory.valid() ? directory.get() : spec.directory,
                      .input = pipes->input_read.get(),
                      .output = pipes->output_write.get(),
                      .errors = (spec.one_stream ? pipes->output_write : pipes->errors_write).get(),
                      .report = pipes->report_write.get(),
                      .parent = ::getpid(),
                      .helper = spec.sandbox != nullptr ? spec.sandbox->helper() : -1,
                      .filter = spec.sandbox != nullptr ? spec.sandbox->filter() : -1};
  const pid_t pid = vfork_child(launch);
  if (pid < 0) return cannot_run(spec.argv[0], errno);

  pipes->report_write.reset();
  if (const std::optional<Error> error = read_report(pipes->report_read.get(), spec.argv[0])) {
    ::waitpid(pid, nullptr, 0);
    return *error;
  }
  SpawnedProcess spawned;
  spawned.pid = pid;
  spawned.pidfd = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!spawned.pidfd.valid()) {
    const int reason = errno;
    ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return cannot_run(spec.argv[0], reason);
  }
  spawned.output = std::move(pipes->output_read);
  spawned.errors = std::move(pipes->errors_read);
  spawned.input = std::move(pipes->input_write);
  return spawned;
}

}  // namespace perdure
