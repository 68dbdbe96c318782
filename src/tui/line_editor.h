// Reads lines with editing and history, by libedit; plain lines where standard input is no
// terminal. Used on one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace perdure {

class LineEditor {
 public:
  /// `history_file` is read now and written after each line; empty for none. Bytes to read from
  /// `wake_descriptor` are a signal: a handler cannot end a read that has not begun yet, but a byte
  /// in a pipe waits. They are left there.
  LineEditor(std::string history_file, int wake_descriptor);
  ~LineEditor();

  /// A line without its line feed, or in a terminal the lines of a text that was pasted; nothing at
  /// the end of input. A signal (Ctrl-C) gives an empty line. The prompt goes to standard error.
  std::optional<std::string> read(const std::string& prompt);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure
