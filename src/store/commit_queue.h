// A thread that commits. Batches that arrive while a commit is under way are committed together by
// the next one: a thousand runs share one fsync without waiting for each other on purpose. A caller
// that has nothing else to do may commit by itself: two switches of threads cost more than the rest
// of a small commit.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "store/journal.h"

namespace perdure {

class CommitQueue {
 public:
  /// Called on the thread that committed; gives the batch back.
  using Done = std::function<void(const Status&, Batch)>;
  /// Makes the journal; runs on the committing thread, so that opening a database costs the caller
  /// no time.
  using Open = std::function<Result<std::unique_ptr<Journal>>()>;

  explicit CommitQueue(Open open);
  /// Commits what is queued, then ends the thread.
  ~CommitQueue();
  CommitQueue(const CommitQueue&) = delete;
  CommitQueue& operator=(const CommitQueue&) = delete;

  /// From any thread. Batches of one run are committed in the order of the calls.
  void append(Batch batch, Done done);
  /// The same, but commits on the calling thread when nobody uses the journal at this moment.
  void commit_or_append(Batch batch, Done done);
  /// Runs something else with the journal on its thread; an error when it could not be opened.
  void use(std::function<void(Result<Journal*>)> work);

 private:
  struct Item {
    Batch batch;
    Done done;
    std::function<void(Result<Journal*>)> work;  ///< Instead of a batch.
  };
  void run();
  void work_on(std::vector<Item>& items);
  void commit(std::vector<Item>& items, std::size_t first, std::size_t last);

  Open open_;
  std::unique_ptr<Journal> journal_;  // of the thread that set in_use_
  Status opened_;                     // the same
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Item> queue_;  // guarded by mutex_
  bool in_use_ =
      true;  // guarded by mutex_; a thread has the journal: at first the one that opens it
  bool closing_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace perdure
