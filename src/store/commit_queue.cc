#include "store/commit_queue.h"

#include <utility>

#include "os/thread_name.h"

namespace perdure {
namespace {

// Of the batches that one transaction takes. With all that wait in one, a thousand runs would wait
// for each other: while some commit, the others can go on.
constexpr std::size_t kGroupMax = 128;

}  // namespace

CommitQueue::CommitQueue(Open open) : open_(std::move(open)), thread_([this] { run(); }) {}

CommitQueue::~CommitQueue() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void CommitQueue::append(Batch batch, Done done) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back({.batch = std::move(batch), .done = std::move(done)});
  }
  changed_.notify_one();
}

void CommitQueue::commit_or_append(Batch batch, Done done) {
  std::vector<Item> items;
  items.push_back({.batch = std::move(batch), .done = std::move(done)});
  {
    const std::lock_guard lock(mutex_);
    if (in_use_ || !queue_.empty()) {
      queue_.push_back(std::move(items.front()));
      changed_.notify_one();
      return;
    }
    in_use_ = true;
  }
  commit(items, 0, items.size());
  const std::lock_guard lock(mutex_);
  in_use_ = false;
  if (!queue_.empty() || closing_) changed_.notify_one();
}

void CommitQueue::use(std::function<void(Result<Journal*>)> work) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back({.work = std::move(work)});
  }
  changed_.notify_one();
}

void CommitQueue::run() {
  name_this_thread("perdure-journal");
  Result<std::unique_ptr<Journal>> journal = open_();
  if (journal.ok()) {
    journal_ = std::move(*journal);
  } else {
    opened_ = journal.error();
  }
  std::unique_lock lock(mutex_);
  while (true) {
    in_use_ = false;
    changed_.wait(lock, [this] { return !in_use_ && (closing_ || !queue_.empty()); });
    if (queue_.empty()) return;
    std::vector<Item> items;
    items.swap(queue_);
    in_use_ = true;
    lock.unlock();
    work_on(items);
    lock.lock();
  }
}

// Neighbouring batches go into one transaction; other work keeps its place between them.
void CommitQueue::work_on(std::vector<Item>& items) {
  for (std::size_t first = 0; first < items.size();) {
    if (items[first].work) {
      items[first].work(opened_.ok() ? Result<Journal*>(journal_.get()) : opened_.error());
      ++first;
      continue;
    }
    std::size_t last = first;
    while (last < items.size() && !items[last].work && last - first < kGroupMax) ++last;
    commit(items, first, last);
    first = last;
  }
}

void CommitQueue::commit(std::vector<Item>& items, std::size_t first, std::size_t last) {
  std::vector<Batch> batches;
  batches.reserve(last - first);
  for (std::size_t i = first; i < last; ++i) batches.push_back(std::move(items[i].batch));
  const Status status = opened_.ok() ? journal_->commit(batches) : opened_;
  for (std::size_t i = first; i < last; ++i) items[i].done(status, std::move(batches[i - first]));
}

}  // namespace perdure
