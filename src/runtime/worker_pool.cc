#include "runtime/worker_pool.h"

#include <utility>

#include "os/thread_name.h"

namespace perdure {

WorkerPool::~WorkerPool() {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    threads.swap(threads_);
  }
  changed_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

// A wake costs more than a small piece of work: a thread that takes one wakes the next thread only
// when there is more to do.
void WorkerPool::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
    const bool all_busy = idle_ < static_cast<int>(queue_.size());
    if (all_busy && static_cast<int>(threads_.size()) < threads_max_ && !closing_) {
      threads_.emplace_back([this] { run(); });
    }
    if (queue_.size() > 1) return;
  }
  changed_.notify_one();
}

void WorkerPool::run() {
  name_this_thread("perdure-work");
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    changed_.wait(lock, [this] { return closing_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    const std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    const bool more = !queue_.empty();
    lock.unlock();
    if (more) changed_.notify_one();
    work();
    lock.lock();
  }
}

}  // namespace perdure
