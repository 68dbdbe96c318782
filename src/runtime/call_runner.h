// Runs one call: a function on a worker, or a process under the loop. Knows deadlines and stopping;
// knows nothing of journals and runs.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "loop/loop.h"
#include "os/process.h"
#include "runtime/worker_pool.h"
#include "tools/output_limit.h"
#include "tools/registry.h"

namespace perdure {

/// What came of a call, with the time it took.
struct CallResult {
  ToolOutcome outcome;
  std::int64_t duration_ms = 0;
};

class CallRunner {
 public:
  using Done = std::function<void(CallResult)>;

  /// Starts the call. `done` comes once, from the loop, never from within the constructor.
  /// Destroying the runner ends a process, and leaves a function on its worker, whose result is
  /// then ignored.
  CallRunner(Loop& loop, WorkerPool& workers, PreparedCall call, CallContext context,
             std::string marker, Done done);
  ~CallRunner();

  /// Ends the call early; `done` follows with what there is.
  void stop();

 private:
  struct Shared;
  void start_function(const ToolBody& body);
  void start_process(const ProcessTool& tool);
  void process_ended(const ProcessExit& exit);
  void finish(ToolOutcome outcome);

  Loop& loop_;
  WorkerPool& workers_;
  PreparedCall call_;
  CallContext context_;
  std::string marker_;
  Done done_;
  std::int64_t started_ms_;
  std::stop_source stop_;
  std::shared_ptr<Shared> shared_;  // tells a worker that nobody waits any more
  std::unique_ptr<Process> process_;
  OutputBuffer output_;
  OutputBuffer errors_;
  Timer timer_;
};

}  // namespace perdure
