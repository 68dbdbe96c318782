// Runs the real `perdure` as a user would: arguments, environment and input in; exit status,
// standard output and standard error out. Every wait is bounded.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

namespace perdure {

struct ProgramResult {
  int exit_status = -1;  ///< 128 + signal when a signal ended it; -1 when it had to be killed.
  std::string output;
  std::string errors;
};

struct ProgramOptions {
  std::vector<std::string> arguments;
  std::string program;  ///< A path; empty for `perdure`.
  std::map<std::string, std::string> environment;  ///< Beside PATH, HOME and LANG.
  std::string directory = ".";
  std::string input;
  int timeout_ms = 60'000;
};

/// Runs it to its end.
ProgramResult run_program(const ProgramOptions& options);

/// A program that goes on while the test does something else.
class RunningProgram {
 public:
  explicit RunningProgram(const ProgramOptions& options);
  /// Kills it when it still runs.
  ~RunningProgram();
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  /// Waits until standard output or standard error holds the text; false when it ends or time runs
  /// out first.
  bool wait_for(const std::string& text, int timeout_ms = 30'000);
  ProgramResult wait(int timeout_ms = 60'000);

 private:
  bool read_some(int timeout_ms);

  pid_t pid_ = -1;
  int output_ = -1;
  int errors_ = -1;
  ProgramResult result_;
};

}  // namespace perdure
