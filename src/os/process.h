// Child processes, supervised by the loop: no thread waits for them.
//
// A child gets its own session (no terminal, its own process group), /dev/null or the given text as
// standard input, only descriptors 0 to 2, no core dumps, and the environment that is named and
// nothing else. It ends with its deadline (SIGTERM to the group, a grace, SIGKILL), with stop(),
// and with the thread that started it. When the leader has ended, whatever it left behind is
// killed: the group, and every process that carries its marker in its environment, so that a daemon
// that escaped the group by setsid does not survive (attacks A31-A33).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/result.h>

#include "loop/loop.h"

namespace perdure {

class Sandbox;

enum class OutputStream : std::uint8_t { kStandard, kError };

struct ProcessSpec {
  std::vector<std::string>
      argv;  ///< argv[0] without a slash is looked up in the PATH of `environment`.
  std::vector<std::string> environment;  ///< "NAME=value".
  int directory = -1;  ///< Where it runs: a directory descriptor, borrowed during start().
  std::string input;   ///< Standard input; /dev/null when empty.
  std::shared_ptr<const Sandbox> sandbox = {};  ///< The box to run in; its root holds `directory`.
  bool one_stream = false;  ///< Standard error is standard output, so that their order is kept.
  std::string marker;       ///< Value of PERDURE_CALL in its environment; unique for this process.
  std::int64_t timeout_ms = 120'000;
  std::int64_t grace_ms = 2'000;  ///< Between SIGTERM and SIGKILL.
};

struct ProcessExit {
  int exit_code = -1;  ///< -1 when ended by a signal.
  int signal = 0;      ///< The signal that ended it, or 0.
  bool timed_out = false;
  bool stopped = false;       ///< stop() was called.
  std::size_t survivors = 0;  ///< Processes that it left behind and that were killed.
  std::int64_t duration_ms = 0;
};

class Process {
 public:
  struct Observer {
    std::function<void(OutputStream, std::string_view)> output;
    std::function<void(const ProcessExit&)> exit;  ///< Once, after the last output.
  };

  /// Starts the process. Errors: kToolFailed when there is no such program or it cannot run.
  /// Callbacks come on the loop's thread. Destroying the object kills the process tree without a
  /// callback.
  static Result<std::unique_ptr<Process>> start(Loop& loop, const ProcessSpec& spec,
                                                Observer observer);
  ~Process();

  /// Ends the process early: SIGTERM, grace, SIGKILL. `exit` is still called.
  void stop();

 private:
  struct Impl;

 public:
  /// For start(), through std::make_unique.
  explicit Process(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

/// Kills every process of this user whose environment holds PERDURE_CALL=<marker>, or a marker that
/// starts with it and a "/", waits until they have ended (a second at most for each), and returns
/// how many there were. Only processes younger than `older` are looked at when it is positive and
/// process ids have not wrapped. Used after a command, and on the leftovers of a run whose runtime
/// died.
std::size_t kill_marked_processes(std::string_view marker, int older = 0);

}  // namespace perdure
