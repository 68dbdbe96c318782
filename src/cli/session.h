// One run from the point of view of the program: starts it, shows it, asks the person, and waits
// for its end. Shared by run, resume and chat.
#pragma once

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

class Session {
 public:
  Session(const Arguments& arguments, RuntimeOptions options);

  Runtime& runtime() { return runtime_; }
  Screen& screen() { return screen_; }

  /// Starts a run by `start` and stays with it to its end.
  RunResult follow(const std::function<RunHandle(RunOptions)>& start, RunOptions options);
  /// Prints what remains to be said: the answer or the record on standard output, on standard error
  /// the costs and how to go on. Gives the exit status.
  int conclude(const RunResult& result);

 private:
  void observe(const Event& event);
  void answer(Question& question);

  const Arguments& arguments_;
  Terminal terminal_;
  Screen screen_;
  Runtime runtime_;
  Console console_;
  std::unique_ptr<RunView> view_;
  bool reader_gone_ = false;
};

/// Configuration from the files, with the flags over it.
Result<AgentOptions> agent_from_arguments(const Arguments& arguments, std::string* state_directory);
/// The flags that concern the endpoint, over an agent's options. Errors: kInvalidArgument.
Status lay_flags(AgentOptions& agent, const RunArguments& run);

}  // namespace perdure::cli
