// The event loop: watches descriptors, keeps timers, and takes work from other threads. libuv is
// inside (its loop, poll, timer and async handles, nothing else of it) and does not show.
//
// One thread runs a loop and owns everything made from it: timers and watches are made, used and
// destroyed on that thread. Only post() and stop() may be called from elsewhere. Nothing that runs
// on a loop may block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace perdure {

using Task = std::function<void()>;

/// A one-shot timer. Destroying it cancels it.
class Timer {
 public:
  Timer() = default;
  ~Timer();
  Timer(Timer&& other) noexcept;
  Timer& operator=(Timer&& other) noexcept;

  bool pending() const;
  void cancel();

 private:
  friend class Loop;
  struct Handle;
  Handle* handle_ = nullptr;
};

/// What a watched descriptor is ready for; also what a watch asks for.
struct Readiness {
  bool readable = false;
  bool writable = false;

  bool operator==(const Readiness&) const = default;
};

/// Calls back while a descriptor is ready. Destroying it ends the watch; the descriptor stays open.
class Watch {
 public:
  Watch() = default;
  ~Watch();
  Watch(Watch&& other) noexcept;
  Watch& operator=(Watch&& other) noexcept;

  bool active() const { return handle_ != nullptr; }
  /// Asks for something else from now on.
  void change(Readiness interest);
  void cancel();

 private:
  friend class Loop;
  struct Handle;
  Handle* handle_ = nullptr;
};

/// Posts to a loop that may be gone: for what outlives it, such as the answer of a person. Copies
/// are cheap; any thread may use them.
class Mailbox {
 public:
  Mailbox() = default;
  /// The task runs on the loop's thread, or never when the loop has ended.
  void post(Task task) const;

 private:
  friend class Loop;
  struct State;
  std::shared_ptr<State> state_;
};

class Loop {
 public:
  Loop();
  /// Ends the loop; all timers and watches must be gone.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs on the calling thread until stop(). Tasks posted before stop() are run.
  void run();
  /// From any thread.
  void stop();
  /// From any thread: the task runs on the loop's thread, in the order of posting.
  void post(Task task);
  /// From any thread.
  Mailbox mailbox() const;

  /// Milliseconds of CLOCK_MONOTONIC when this turn of the loop began: for what happens so often
  /// that asking the clock each time shows.
  std::int64_t now_ms() const;
  /// Runs once after the delay, never from within this call.
  Timer start_timer(std::int64_t delay_ms, Task task);
  /// Calls `ready` with what the descriptor is ready for; an error or hang-up shows as readable and
  /// writable.
  Watch watch(int descriptor, Readiness interest, std::function<void(Readiness)> ready);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure
