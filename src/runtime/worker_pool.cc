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

void WorkerPool::post(std::function<void()> work) {
  if (add(std::move(work))) wake();
}

bool WorkerPool::add(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(work));
  const bool all_busy = idle_ < static_cast<int>(queue_.size());
  if (all_busy && static_cast<int>(threads_.size()) < threads_max_ && !closing_) {
    threads_.emplace_back([this] { run(); });
  }
  return wants_wake();
}

void WorkerPool::wake() {
  changed_.notify_one();
}

// A wake costs more than a small piece of work: one thread is woken at a time, and wakes the next
// when it finds more than it can take.
bool WorkerPool::wants_wake() {
  if (waking_ || idle_ == 0 || queue_.empty()) return false;
  waking_ = true;
  return true;
}

void WorkerPool::run() {
  name_this_thread("perdure-work");
  std::unique_lock lock(mutex_);
  while (true) {
    while (!closing_ && queue_.empty()) {
      ++idle_;
      changed_.wait(lock);
      --idle_;
      waking_ = false;
    }
    if (queue_.empty()) return;
    const std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    const bool wakes = wants_wake();
    lock.unlock();
    if (wakes) wake();
    work();
    lock.lock();
  }
}

}  // namespace perdure
