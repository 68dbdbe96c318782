// The main thread's inbox: what happens elsewhere (a signal, a question about a call, the end of a
// run) arrives as one queue that the main thread waits on, so that it alone talks with the person.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include <perdure/policy.h>
#include <perdure/run.h>

#include "os/descriptor.h"

namespace perdure::cli {

/// A call that waits for an answer.
struct Question {
  ApprovalRequest request;
  std::function<void(ApprovalAnswer)> answer;
};

class Console {
 public:
  /// Catches SIGINT, SIGTERM and SIGHUP: the first is a message, the second ends the process at
  /// once. One object at a time.
  Console();
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  enum class Kind : std::uint8_t { kSignal, kQuestion, kFinished, kTick };
  struct Message {
    Kind kind = Kind::kTick;
    int signal = 0;
    std::optional<Question> question;
  };
  /// Waits for the next message; a tick comes when nothing else does for `timeout_ms`.
  Message wait(int timeout_ms);

  /// From any thread.
  void ask(Question question);
  void finished();

  /// A line from the keyboard, with its prompt on standard error; nothing at the end of input or
  /// when a signal comes, which stays to be waited for. What was typed before the question is
  /// thrown away: it was meant for something else.
  std::optional<std::string> read_line(const std::string& prompt);
  /// Whether a signal waits.
  bool has_signal();
  /// Has bytes to read when a signal waits.
  int wake_descriptor() const { return wake_read_.get(); }
  /// Forgets what has come and makes the next signal the first again; gives the last one that came,
  /// or 0.
  int reset();

 private:
  bool take_signal(int& signal);

  Descriptor wake_read_;
  Descriptor wake_write_;
  std::mutex mutex_;
  std::deque<Message> messages_;  // guarded by mutex_
};

}  // namespace perdure::cli
