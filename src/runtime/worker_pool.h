// Threads for tools that block. They are made when they are needed, up to a maximum, and wait for
// work after that.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace perdure {

class WorkerPool {
 public:
  explicit WorkerPool(int threads_max) : threads_max_(threads_max) {}
  /// Runs what is queued, then ends the threads.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// From any thread.
  void post(std::function<void()> work);
  /// The same, but true when wake() must follow: who adds much at a time wakes once for all of it.
  bool add(std::function<void()> work);
  void wake();

 private:
  void run();
  bool wants_wake();

  const int threads_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_
  std::vector<std::thread> threads_;         // guarded by mutex_
  int idle_ = 0;                             // guarded by mutex_
  bool waking_ = false;   // guarded by mutex_; an idle thread is on its way to the queue
  bool closing_ = false;  // guarded by mutex_
};

}  // namespace perdure
