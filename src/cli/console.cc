#include "cli/console.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include "base/check.h"
#include "tui/terminal.h"

namespace perdure::cli {
namespace {

// What a signal handler may touch: the one piece of global state of the program, and none of the
// library.
std::atomic<int> g_signals_seen = 0;
std::atomic<int> g_wake_descriptor = -1;

constexpr char kWakeByte = 0;

extern "C" void on_signal(int signal) {
  const int saved = errno;
  // The second one means now: the journal is made for that.
  if (g_signals_seen.fetch_add(1) > 0) ::_exit(128 + signal);
  const char byte = static_cast<char>(signal);
  [[maybe_unused]] const ssize_t written = ::write(g_wake_descriptor.load(), &byte, 1);
  errno = saved;
}

void handle(int signal) {
  struct sigaction action{};
  action.sa_handler = on_signal;
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

Console::Console() {
  Result<std::pair<Descriptor, Descriptor>> pipe = make_pipe();
  CHECK(pipe.ok(), "the program can open a pipe");
  wake_read_ = std::move(pipe->first);
  wake_write_ = std::move(pipe->second);
  CHECK(set_nonblocking(wake_read_.get()).ok() && set_nonblocking(wake_write_.get()).ok(),
        "a pipe can be polled");
  g_wake_descriptor = wake_write_.get();
  g_signals_seen = 0;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) handle(signal);
}

Console::~Console() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_DFL);
  g_wake_descriptor = -1;
}

int Console::reset() {
  int last = 0;
  (void)take_signal(last);
  const std::lock_guard lock(mutex_);
  for (const Message& message : messages_) {
    if (message.kind == Kind::kSignal) last = message.signal;
  }
  messages_.clear();
  g_signals_seen = 0;
  return last;
}

bool Console::has_signal() {
  const std::lock_guard lock(mutex_);
  return std::any_of(messages_.begin(), messages_.end(),
                     [](const Message& message) { return message.kind == Kind::kSignal; });
}

// Empties the pipe; true when a signal was among what woke us.
bool Console::take_signal(int& signal) {
  char byte = 0;
  bool found = false;
  while (::read(wake_read_.get(), &byte, 1) == 1) {
    if (byte == kWakeByte) continue;
    signal = static_cast<unsigned char>(byte);
    found = true;
  }
  return found;
}

Console::Message Console::wait(int timeout_ms) {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (!messages_.empty()) {
        Message message = std::move(messages_.front());
        messages_.pop_front();
        return message;
      }
    }
    pollfd wake{.fd = wake_read_.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wake, 1, timeout_ms);
    int signal = 0;
    if (take_signal(signal)) return {.kind = Kind::kSignal, .signal = signal};
    if (ready == 0) return {.kind = Kind::kTick};
  }
}

void Console::ask(Question question) {
  const std::lock_guard lock(mutex_);
  messages_.push_back({.kind = Kind::kQuestion, .question = std::move(question)});
  [[maybe_unused]] const ssize_t written = ::write(wake_write_.get(), &kWakeByte, 1);
}

void Console::finished() {
  const std::lock_guard lock(mutex_);
  messages_.push_back({.kind = Kind::kFinished});
  [[maybe_unused]] const ssize_t written = ::write(wake_write_.get(), &kWakeByte, 1);
}

std::optional<std::string> Console::read_line(const std::string& prompt) {
  const int input = keyboard();
  (void)::tcflush(input, TCIFLUSH);
  (void)write_all(STDERR_FILENO, prompt);
  std::string line;
  while (true) {
    pollfd waits[2] = {{.fd = input, .events = POLLIN, .revents = 0},
                       {.fd = wake_read_.get(), .events = POLLIN, .revents = 0}};
    if (::poll(waits, 2, -1) < 0 && errno != EINTR) return std::nullopt;
    int signal = 0;
    if (take_signal(signal)) {
      const std::lock_guard lock(mutex_);
      messages_.push_front({.kind = Kind::kSignal, .signal = signal});
      return std::nullopt;
    }
    if ((waits[0].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
    char c = 0;
    if (::read(input, &c, 1) != 1) return std::nullopt;
    if (c == '\n') return line;
    line += c;
  }
}

}  // namespace perdure::cli
