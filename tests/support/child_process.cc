#include "tests/support/child_process.h"

#include <array>
#include <csignal>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace perdure::test {

void ChildProcess::Wire::write(std::string_view line) {
  EXPECT_TRUE(write_all(socket_.get(), std::string(line) + "\n").ok()) << line;
}

std::string ChildProcess::Wire::read() {
  constexpr int kTimeoutMs = 30'000;
  while (true) {
    if (const std::size_t end = received_.find('\n'); end != std::string::npos) {
      const std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      return line;
    }
    pollfd ready{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, kTimeoutMs) <= 0) return "(silence)";
    std::array<char, 4096> buffer;
    const ssize_t got = ::read(socket_.get(), buffer.data(), buffer.size());
    if (got <= 0) return "(end)";
    received_.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

ChildProcess::ChildProcess(const std::function<int(Wire& wire)>& body) : wire_(Descriptor()) {
  int ends[2] = {-1, -1};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  Descriptor ours(ends[0]);
  Descriptor childs(ends[1]);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ours.reset();
    Wire wire(std::move(childs));
    const int status = body(wire);
    // Neither the test's destructors nor its report.
    ::_exit(testing::Test::HasFailure() ? 99 : status);
  }
  EXPECT_GT(pid_, 0);
  wire_ = Wire(std::move(ours));
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) kill();
}

void ChildProcess::kill() {
  ::kill(pid_, SIGKILL);
  wait();
}

int ChildProcess::wait() {
  int status = 0;
  EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace perdure::test
