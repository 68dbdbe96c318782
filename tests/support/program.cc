#include "tests/support/program.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace perdure {
namespace {

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::vector<std::string> environment_of(const ProgramOptions& options) {
  std::map<std::string, std::string> all = {{"LANG", "C.UTF-8"}, {"TERM", "dumb"}};
  for (const char* name : {"PATH", "HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"}) {
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

}  // namespace

RunningProgram::RunningProgram(const ProgramOptions& options) {
  int output[2];
  int errors[2];
  int input[2];
  EXPECT_EQ(::pipe2(output, O_CLOEXEC) + ::pipe2(errors, O_CLOEXEC) + ::pipe2(input, O_CLOEXEC), 0);
  std::vector<std::string> argv = {options.program.empty() ? PERDURE_PROGRAM : options.program};
  argv.insert(argv.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> environment = environment_of(options);
  const std::vector<char*> argv_pointers = pointers(argv);
  const std::vector<char*> environment_pointers = pointers(environment);
  pid_ = ::fork();
  if (pid_ == 0) {
    if (::chdir(options.directory.c_str()) != 0) ::_exit(126);
    ::dup2(input[0], 0);
    ::dup2(output[1], 1);
    ::dup2(errors[1], 2);
    ::execve(argv[0].c_str(), argv_pointers.data(), environment_pointers.data());
    ::_exit(127);
  }
  ::close(input[0]);
  ::close(output[1]);
  ::close(errors[1]);
  // Inputs of tests fit into a pipe.
  EXPECT_EQ(::write(input[1], options.input.data(), options.input.size()),
            static_cast<ssize_t>(options.input.size()));
  ::close(input[1]);
  output_ = output[0];
  errors_ = errors[0];
}

RunningProgram::~RunningProgram() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (output_ >= 0) ::close(output_);
  if (errors_ >= 0) ::close(errors_);
}

void RunningProgram::signal(int number) const {
  ::kill(pid_, number);
}

// Reads what is there; false when both streams have ended or nothing came in time.
bool RunningProgram::read_some(int timeout_ms) {
  pollfd waits[2] = {{.fd = output_, .events = POLLIN, .revents = 0},
                     {.fd = errors_, .events = POLLIN, .revents = 0}};
  if (output_ < 0 && errors_ < 0) return false;
  const int ready = ::poll(waits, 2, timeout_ms);
  if (ready < 0) return errno == EINTR;
  if (ready == 0) return false;
  std::array<char, 65536> buffer;
  const auto take = [&](const pollfd& wait, int& descriptor, std::string& into) {
    if (wait.revents == 0) return;
    const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got > 0) {
      into.append(buffer.data(), static_cast<std::size_t>(got));
    } else {
      ::close(descriptor);
      descriptor = -1;
    }
  };
  take(waits[0], output_, result_.output);
  take(waits[1], errors_, result_.errors);
  return true;
}

bool RunningProgram::wait_for(const std::string& text, int timeout_ms) {
  const std::int64_t deadline = now_ms() + timeout_ms;
  while (true) {
    if (result_.output.find(text) != std::string::npos) return true;
    if (result_.errors.find(text) != std::string::npos) return true;
    const std::int64_t left = deadline - now_ms();
    if (left <= 0 || (output_ < 0 && errors_ < 0)) return false;
    read_some(static_cast<int>(left));
  }
}

ProgramResult RunningProgram::wait(int timeout_ms) {
  const std::int64_t deadline = now_ms() + timeout_ms;
  while (output_ >= 0 || errors_ >= 0) {
    const std::int64_t left = deadline - now_ms();
    if (left <= 0) break;
    read_some(static_cast<int>(left));
  }
  if (output_ >= 0 || errors_ >= 0) {
    ADD_FAILURE() << "the program did not end in time\n" << result_.output << result_.errors;
    ::kill(pid_, SIGKILL);
  }
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  if (WIFEXITED(status)) result_.exit_status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result_.exit_status = 128 + WTERMSIG(status);
  return result_;
}

ProgramResult run_program(const ProgramOptions& options) {
  RunningProgram program(options);
  return program.wait(options.timeout_ms);
}

}  // namespace perdure
