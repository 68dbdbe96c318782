// The order of what a commit queue does, seen by a journal that waits where a test says: no test
// here depends on how fast anything is.
#include "store/commit_queue.h"

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "store/memory/memory_journal.h"
#include "tests/support/batches.h"
#include "tests/support/result.h"

namespace perdure {
namespace {

using test::code_of;
using test::event_of;
using test::first_batch;
using test::next_batch;

// What happened to the journal, in words, and a gate that commits wait at.
class Record {
 public:
  void add(const std::string& what) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(what);
    changed_.notify_all();
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  void wait_for(std::size_t lines) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kLimit, [&] { return lines_.size() >= lines; }));
  }
  void close_gate() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }
  void open_gate() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass_gate() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kLimit, [&] { return open_; }));
  }

 private:
  static constexpr std::chrono::seconds kLimit{30};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
  bool open_ = true;
};

class GatedJournal : public MemoryJournal {
 public:
  explicit GatedJournal(Record& record) : record_(record) {}

  Status commit(std::span<const Batch> batches) override {
    std::string line = "commit";
    for (const Batch& batch : batches) line += " " + batch.events.front().kind;
    record_.add(line);
    record_.pass_gate();
    return MemoryJournal::commit(batches);
  }

 private:
  Record& record_;
};

CommitQueue::Open opener(Record& record) {
  return [&record]() -> Result<std::unique_ptr<Journal>> {
    record.pass_gate();
    record.add("open");
    return std::unique_ptr<Journal>(std::make_unique<GatedJournal>(record));
  };
}

CommitQueue::Done noted(Record& record, const std::string& name) {
  return [&record, name](const Status& status, const Batch& batch) {
    record.add(name + " " + code_of(status) + " " + batch.events.front().payload);
  };
}

CommitQueue::Done nothing() {
  return [](const Status&, const Batch&) {};
}

TEST(CommitQueue, gives_each_batch_back_when_it_is_durable) {
  Record record;
  {
    CommitQueue queue(opener(record));
    queue.append(first_batch("a", {event_of("one", "1")}), noted(record, "first"));
  }
  EXPECT_EQ(record.lines(), (std::vector<std::string>{"open", "commit one", "first ok 1"}));
}

// A thousand runs would wait for each other if all that wait went into one commit.
TEST(CommitQueue, commits_many_in_groups_of_which_the_first_is_told_before_the_last) {
  constexpr std::size_t kBatches = 300;
  Record record;
  {
    CommitQueue queue(opener(record));
    record.wait_for(1);
    record.close_gate();
    queue.append(first_batch("first", {event_of("x", "x")}), nothing());
    record.wait_for(2);
    for (std::size_t i = 0; i < kBatches; ++i) {
      const std::string name = std::to_string(i);
      queue.append(first_batch("run" + name, {event_of("e", name)}), noted(record, "told"));
    }
    record.open_gate();
  }
  std::vector<std::size_t> commits;
  const std::vector<std::string> lines = record.lines();
  for (std::size_t i = 2; i < lines.size(); ++i) {
    if (lines[i].substr(0, 6) == "commit") commits.push_back(i);
  }
  ASSERT_EQ(lines.size(), 2 + kBatches + commits.size());
  ASSERT_EQ(commits.size(), 3U);
  EXPECT_EQ(commits[0], 2U);
  EXPECT_EQ(lines[commits[1] - 1], "told ok 127");
  EXPECT_EQ(lines.back(), "told ok 299");
}

TEST(CommitQueue, commits_together_what_arrives_during_a_commit) {
  Record record;
  {
    CommitQueue queue(opener(record));
    record.wait_for(1);
    record.close_gate();
    queue.append(first_batch("a", {event_of("one", "1")}), nothing());
    record.wait_for(2);  // the first commit is under way
    queue.append(next_batch("a", {event_of("two", "2")}), nothing());
    queue.append(first_batch("b", {event_of("three", "3")}), nothing());
    queue.append(next_batch("a", {event_of("four", "4")}), nothing());
    record.open_gate();
  }
  EXPECT_EQ(record.lines(),
            (std::vector<std::string>{"open", "commit one", "commit two three four"}));
}

TEST(CommitQueue, other_work_keeps_its_place_between_batches) {
  Record record;
  {
    CommitQueue queue(opener(record));
    record.wait_for(1);
    record.close_gate();
    queue.append(first_batch("a", {event_of("one", "1")}), nothing());
    record.wait_for(2);
    queue.append(next_batch("a", {event_of("two", "2")}), nothing());
    queue.use([&](Result<Journal*> journal) {
      record.add("events " + std::to_string((*journal)->read("a")->size()));
    });
    queue.append(next_batch("a", {event_of("three", "3")}), nothing());
    record.open_gate();
  }
  EXPECT_EQ(record.lines(), (std::vector<std::string>{"open", "commit one", "commit two",
                                                      "events 2", "commit three"}));
}

TEST(CommitQueue, a_failed_commit_is_told_to_all_that_were_in_it) {
  Record record;
  {
    CommitQueue queue(opener(record));
    record.wait_for(1);
    record.close_gate();
    queue.append(first_batch("a", {event_of("one", "1")}), noted(record, "a"));
    record.wait_for(2);
    queue.append(next_batch("a", {event_of("two", "2")}), noted(record, "a"));
    queue.append(next_batch("unknown", {event_of("three", "3")}), noted(record, "unknown"));
    record.open_gate();
  }
  EXPECT_EQ(record.lines(),
            (std::vector<std::string>{"open", "commit one", "a ok 1", "commit two three",
                                      "a store 2", "unknown store 3"}));
}

TEST(CommitQueue, a_journal_that_does_not_open_fails_everything_with_its_reason) {
  Record record;
  {
    CommitQueue queue([]() -> Result<std::unique_ptr<Journal>> {
      return Error{.code = ErrorCode::kCorrupt, .message = "no database"};
    });
    queue.append(first_batch("a", {event_of("one", "1")}), noted(record, "append"));
    queue.use([&](const Result<Journal*>& journal) { record.add("use " + code_of(journal)); });
    record.wait_for(2);
    queue.commit_or_append(first_batch("a", {event_of("two", "2")}), noted(record, "at once"));
  }
  EXPECT_EQ(record.lines(),
            (std::vector<std::string>{"append corrupt 1", "use corrupt", "at once corrupt 2"}));
}

TEST(CommitQueue, its_end_commits_what_is_queued) {
  Record record;
  record.close_gate();
  std::thread opens_later;
  {
    CommitQueue queue(opener(record));
    for (int i = 0; i < 100; ++i) {
      queue.append(first_batch("run" + std::to_string(i), {event_of("one", "x")}),
                   noted(record, "done"));
    }
    opens_later = std::thread([&] { record.open_gate(); });
  }
  opens_later.join();
  EXPECT_EQ(record.lines().size(), 102U) << "open, one commit, and each batch given back";
  EXPECT_EQ(record.lines().back(), "done ok x");
}

TEST(CommitQueue, an_idle_queue_lets_the_caller_commit) {
  Record record;
  CommitQueue queue(opener(record));
  std::promise<void> idle;
  queue.use([&](const Result<Journal*>&) { idle.set_value(); });
  idle.get_future().wait();
  // The queue is idle a moment after its work returned: until then it takes the batch itself.
  bool by_caller = false;
  for (int run = 0; run < 10'000 && !by_caller; ++run) {
    std::promise<std::thread::id> committed;
    queue.commit_or_append(first_batch("run" + std::to_string(run), {event_of("one", "1")}),
                           [&](const Status& status, const Batch&) {
                             EXPECT_TRUE(status.ok());
                             committed.set_value(std::this_thread::get_id());
                           });
    by_caller = committed.get_future().get() == std::this_thread::get_id();
  }
  EXPECT_TRUE(by_caller);
}

TEST(CommitQueue, a_busy_queue_takes_the_batch_of_the_caller) {
  Record record;
  {
    CommitQueue queue(opener(record));
    record.wait_for(1);
    record.close_gate();
    queue.append(first_batch("a", {event_of("one", "1")}), nothing());
    record.wait_for(2);
    queue.commit_or_append(next_batch("a", {event_of("two", "2")}), noted(record, "caller's"));
    EXPECT_EQ(record.lines().size(), 2U) << "the caller did not wait";
    record.open_gate();
  }
  EXPECT_EQ(record.lines().back(), "caller's ok 2");
}

// Batches of one run stay in order, whoever commits them.
TEST(CommitQueue, keeps_the_order_of_each_run) {
  Record record;
  CommitQueue queue(opener(record));
  constexpr int kBatches = 200;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&queue, thread] {
      const std::string run = "run" + std::to_string(thread);
      for (int i = 0; i < kBatches; ++i) {
        Batch batch = i == 0 ? first_batch(run, {}) : next_batch(run, {});
        batch.events.push_back(event_of("x", std::to_string(i)));
        if (i % 2 == 0) queue.append(std::move(batch), nothing());
        if (i % 2 != 0) queue.commit_or_append(std::move(batch), nothing());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::promise<void> checked;
  queue.use([&](Result<Journal*> journal) {
    for (int thread = 0; thread < 4; ++thread) {
      const Result<std::vector<StoredEvent>> events =
          (*journal)->read("run" + std::to_string(thread));
      EXPECT_EQ(events->size(), static_cast<std::size_t>(kBatches));
      for (const StoredEvent& event : *events) {
        EXPECT_EQ(event.payload, std::to_string(event.sequence - 1));
      }
    }
    checked.set_value();
  });
  checked.get_future().wait();
}

}  // namespace
}  // namespace perdure
