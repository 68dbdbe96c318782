#include "tests/support/terminal_program.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <pty.h>

namespace perdure::test {
namespace {

constexpr std::int64_t kPatience_ms = 30'000;
constexpr unsigned short kRows = 50;

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::vector<std::string> environment_of(const TerminalOptions& options) {
  std::map<std::string, std::string> all = {{"LANG", "C.UTF-8"}, {"TERM", "xterm-256color"}};
  for (const char* name : {"PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name)) all[name] = value;
  }
  for (const auto& [name, value] : options.environment) all[name] = value;
  std::vector<std::string> list;
  for (const auto& [name, value] : all) list.push_back(name + "=" + value);
  return list;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (std::string& text : strings) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

void redirect(const std::string& file, int flags, int descriptor) {
  if (file.empty()) return;
  const int opened = ::open(file.c_str(), flags, 0600);
  if (opened < 0 || ::dup2(opened, descriptor) < 0) ::_exit(125);
  ::close(opened);
}

}  // namespace

TerminalProgram::TerminalProgram(const TerminalOptions& options) : screen_(options.columns) {
  std::vector<std::string> argv = {PERDURE_PROGRAM};
  argv.insert(argv.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> environment = environment_of(options);
  const std::vector<char*> argv_pointers = pointers(argv);
  const std::vector<char*> environment_pointers = pointers(environment);
  winsize size{};
  size.ws_row = kRows;
  size.ws_col = static_cast<unsigned short>(options.columns);
  pid_ = ::forkpty(&terminal_, nullptr, nullptr, &size);
  if (pid_ == 0) {
    redirect(options.input_file, O_RDONLY, 0);
    redirect(options.output_file, O_WRONLY | O_CREAT | O_TRUNC, 1);
    if (::chdir(options.directory.c_str()) != 0) ::_exit(126);
    ::execve(argv[0].c_str(), argv_pointers.data(), environment_pointers.data());
    ::_exit(127);
  }
  EXPECT_GT(pid_, 0);
  ::fcntl(terminal_, F_SETFD, FD_CLOEXEC);
}

TerminalProgram::~TerminalProgram() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (terminal_ >= 0) ::close(terminal_);
}

void TerminalProgram::type(const std::string& keys) {
  EXPECT_EQ(::write(terminal_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
}

void TerminalProgram::signal(int number) const {
  ::kill(pid_, number);
}

void TerminalProgram::resize(std::size_t columns) {
  winsize size{};
  size.ws_row = kRows;
  size.ws_col = static_cast<unsigned short>(columns);
  EXPECT_EQ(::ioctl(terminal_, TIOCSWINSZ, &size), 0);
  screen_.resize(columns);
}

void TerminalProgram::hang_up() {
  ::close(terminal_);
  terminal_ = -1;
}

// False when nothing came in time or the program has gone.
bool TerminalProgram::read_some(int timeout_ms) {
  pollfd wait{.fd = terminal_, .events = POLLIN, .revents = 0};
  if (::poll(&wait, 1, timeout_ms) <= 0) return false;
  std::array<char, 65536> buffer;
  const ssize_t got = ::read(terminal_, buffer.data(), buffer.size());
  ended_ = got <= 0;  // EIO: nobody has the terminal open any more
  if (ended_) return false;
  const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
  bytes_ += bytes;
  screen_.feed(bytes);
  return true;
}

bool TerminalProgram::wait_for(const std::string& text) {
  return wait_until(text, [&] { return seen().find(text) != std::string::npos; });
}

bool TerminalProgram::wait_for_prompt(const std::string& text) {
  // The editor shows its prompt a moment before it takes the keyboard over.
  return wait_until(text, [&] {
    termios mode{};
    return screen_.before_cursor() == text && ::tcgetattr(terminal_, &mode) == 0 &&
           (mode.c_lflag & static_cast<tcflag_t>(ICANON)) == 0;
  });
}

bool TerminalProgram::wait_until(const std::string& text, const std::function<bool()>& there) {
  const std::int64_t deadline = now_ms() + kPatience_ms;
  while (!there()) {
    // A change of the terminal's mode brings no bytes, so the wait is short.
    constexpr int kWait_ms = 20;
    if (read_some(kWait_ms) || (now_ms() < deadline && !ended_)) continue;
    ADD_FAILURE() << "'" << text << "' never came; the screen is:\n" << seen();
    return false;
  }
  return true;
}

int TerminalProgram::wait() {
  const std::int64_t deadline = now_ms() + kPatience_ms;
  while (terminal_ >= 0 && now_ms() < deadline &&
         read_some(static_cast<int>(deadline - now_ms()))) {
  }
  int status = 0;
  pid_t ended = ::waitpid(pid_, &status, WNOHANG);
  // Without a terminal there is nothing to wait on but the process itself.
  while (ended == 0 && now_ms() < deadline) {
    const int process = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    pollfd wait{.fd = process, .events = POLLIN, .revents = 0};
    ::poll(&wait, 1, static_cast<int>(deadline - now_ms()));
    ::close(process);
    ended = ::waitpid(pid_, &status, WNOHANG);
  }
  if (ended == 0) {
    ADD_FAILURE() << "the program did not end; the screen is:\n" << seen();
    return -1;
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace perdure::test
