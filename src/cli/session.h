// One run from the point of view of the program: starts it, shows it, asks the person, and waits
// for its end. Shared by run, resume and chat.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include <perdure/agent.h>
#include <perdure/runtime.h>

#include "cli/arguments.h"
#include "cli/console.h"
#include "tui/run_view.h"
#include "tui/screen.h"

namespace perdure::cli {

/// What the same person in the same place needs to say again to go on with a run: flags with a
/// space before each.
struct Again {
  std::string yes = {};
  std::string state = {};
};

class Session {
 public:
  Session(const Arguments& arguments, RuntimeOptions options);

  Runtime& runtime() { return runtime_; }
  Screen& screen() { return screen_; }

  /// Reads what a stored run has used so far and what it is about, before it goes on.
  void recall(const std::string& run_id);
  /// Says before a chat, in a terminal, what it goes on with and how it ends.
  void greet(std::string_view how_to_end);
  /// Starts a run by `start` and stays with it to its end.
  RunResult follow(const std::function<RunHandle(RunOptions)>& start, RunOptions options);
  /// Prints what remains to be said: the answer or the record on standard output, on standard error
  /// the costs and how to go on. Gives the exit status.
  int conclude(const RunResult& result);
  /// The line that says how to go on with the chat.
  void say_how_to_go_on(const std::string& run_id);
  /// The last signal since the end of a run, or 0; forgotten by asking.
  int take_signal() { return console_.reset(); }
  /// Has bytes to read when a signal waits.
  int wake_descriptor() const { return console_.wake_descriptor(); }

 private:
  Again again() const;
  void conclude_text(const RunResult& result);
  void say_command(std::string hint);
  void observe(const Event& event);
  void answer(Question& question);

  const Arguments& arguments_;
  Terminal terminal_;
  Screen screen_;
  std::string state_directory_;
  Runtime runtime_;
  Console console_;
  RunView view_;
  std::string recalled_;  // the run of recall()
  std::atomic<bool> reader_gone_ = false;
};

/// " --state DIR" when the same person in the same place would not find the state without it.
std::string state_flag(const std::string& state_directory);
/// Where the journal is, for commands that read no other configuration.
Result<std::string> state_folder_of(const Arguments& arguments);
/// The same for commands that need a journal that is there. Errors: kNotFound.
Result<std::string> journal_folder_of(const Arguments& arguments);
/// An error whose advice ends in a command ("with: perdure ..."), so that it finds this state;
/// empty for the usual one.
Error with_state(Error error, const std::string& state_directory);

/// How to go on with a run, as a line that a person can paste.
std::string resume_hint(const RunResult& result, std::string_view command, const Again& again);

/// Configuration from the files, with the flags over it.
Result<AgentOptions> agent_from_arguments(const Arguments& arguments, std::string* state_directory);
/// The flags that concern the endpoint, over an agent's options. Errors: kInvalidArgument.
Status lay_flags(AgentOptions& agent, const RunArguments& run);

}  // namespace perdure::cli
