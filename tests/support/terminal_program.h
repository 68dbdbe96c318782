// The real `perdure` in a terminal of its own: keys in, the screen out. Every wait is bounded.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

#include "tests/support/terminal_screen.h"

namespace perdure::test {

struct TerminalOptions {
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;  ///< Beside PATH, LANG and TERM.
  std::string directory = ".";
  std::size_t columns = 100;
  std::string input_file;   ///< Standard input, instead of the terminal.
  std::string output_file;  ///< Standard output, instead of the terminal.
};

class TerminalProgram {
 public:
  explicit TerminalProgram(const TerminalOptions& options);
  /// Kills it when it still runs.
  ~TerminalProgram();
  TerminalProgram(const TerminalProgram&) = delete;
  TerminalProgram& operator=(const TerminalProgram&) = delete;

  /// As if it were typed: "y\r", "\x03" for Ctrl-C, "\x04" for Ctrl-D.
  void type(const std::string& keys);
  void signal(int number) const;
  /// The person makes the window narrower or wider.
  void resize(std::size_t columns);
  /// Takes the terminal away, as a connection that breaks.
  void hang_up();

  /// Waits until the screen shows the text; fails the test with the screen when it does not.
  bool wait_for(const std::string& text);
  /// Waits until this text, and nothing else, stands before the cursor in its row, and the program
  /// reads keys one by one: its line editor is ready.
  bool wait_for_prompt(const std::string& text);
  /// Waits for the end; 128 + signal when a signal ended it.
  int wait();

  std::string seen() const { return screen_.text(); }
  /// All bytes that came.
  const std::string& bytes() const { return bytes_; }

 private:
  bool read_some(int timeout_ms);
  bool wait_until(const std::string& text, const std::function<bool()>& there);

  pid_t pid_ = -1;
  int terminal_ = -1;
  bool ended_ = false;  // nothing will come any more
  std::string bytes_;
  TerminalScreen screen_;
};

}  // namespace perdure::test
