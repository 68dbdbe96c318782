// Runs a process of os/process.h on a loop of its own, for tests: everything that it wrote, and how
// it ended.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <perdure/result.h>

#include "loop/loop.h"
#include "os/process.h"

namespace perdure::test {

struct ProcessRun {
  bool started = false;
  Error error;  ///< When it did not start.
  ProcessExit exit;
  std::string output;
  std::string errors;
};

/// A shell command in the folder of the test, with nothing but PATH in its environment.
ProcessSpec shell(const std::string& command);

struct ProcessHooks {
  /// Called on the loop's thread when it runs, with the loop and the process.
  std::function<void(Loop&, Process&)> started;
  /// Called there when it has ended, before the loop goes.
  std::function<void()> ended;
  /// Instead of keeping the output.
  std::function<void(OutputStream, std::string_view)> output;
};

/// Runs it to its end. A process that does not end by itself in a minute fails the test.
ProcessRun run_process(const ProcessSpec& spec, const ProcessHooks& hooks = {});

/// Whether the process is there and no zombie.
bool is_running(int process_id);
/// Waits until it is not, at most `timeout_ms`; false when it still runs.
bool wait_until_gone(int process_id, std::int64_t timeout_ms = 10'000);
/// The ids of the processes that carry a marker in their environment.
std::vector<int> marked_processes(const std::string& marker);
/// The largest size that the memory of this process had so far, in bytes.
std::int64_t memory_peak_bytes();
/// A limit for it. Sanitizers keep for a while what was freed.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::int64_t memory_limit_bytes(std::int64_t bytes) {
  return 4 * bytes;
}
#else
constexpr std::int64_t memory_limit_bytes(std::int64_t bytes) {
  return bytes;
}
#endif
/// From here on memory_peak_bytes() counts anew.
void reset_memory_peak();

}  // namespace perdure::test
