// What every journal promises, whatever keeps it: the same tests against each store.
#include "store/journal.h"

#include <functional>
#include <memory>

#include <gtest/gtest.h>

#include "store/memory/memory_journal.h"
#include "store/sqlite/sqlite_journal.h"
#include "tests/support/batches.h"
#include "tests/support/result.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

using test::code_of;
using test::commit_one;
using test::event_of;
using test::first_batch;
using test::last_batch;
using test::next_batch;
using test::text_of;

struct Store {
  std::string name;
  std::function<std::unique_ptr<Journal>(const std::string& directory)> open;
};

class JournalContract : public testing::TestWithParam<Store> {
 protected:
  JournalContract() : journal_(GetParam().open(directory_.path())) {}

  void commit(const Batch& batch) {
    const Status status = commit_one(*journal_, batch);
    EXPECT_TRUE(status.ok()) << to_text(status.error());
  }
  std::string code_of_commit(const Batch& batch) { return code_of(commit_one(*journal_, batch)); }
  RunRow row_of(const std::string& run_id) {
    const Result<std::vector<RunRow>> rows = journal_->list(100);
    EXPECT_TRUE(rows.ok());
    for (const RunRow& row : *rows) {
      if (row.run_id == run_id) return row;
    }
    ADD_FAILURE() << "no row of " << run_id;
    return {};
  }
  std::string text_of(const std::string& run_id) { return test::text_of(*journal_, run_id); }
  // What find() answers: an id, or the message.
  std::string found(const std::string& name) {
    const Result<std::string> id = journal_->find(name);
    if (id.ok()) return *id;
    EXPECT_EQ(id.error().code, ErrorCode::kNotFound);
    return id.error().message;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Journal> journal_;
};

void PrintTo(const Store& store, std::ostream* out) {
  *out << store.name;
}

TEST_P(JournalContract, knows_nothing_at_first) {
  ASSERT_TRUE(journal_->list(10).ok());
  EXPECT_TRUE(journal_->list(10)->empty());
  EXPECT_EQ(found("last"), "there is no run 'last'");
  EXPECT_EQ(code_of(journal_->read("a")), "not_found");
  EXPECT_EQ(code_of(journal_->open_run("a")), "not_found");
  journal_->close_run("a");
  EXPECT_TRUE(journal_->list(10)->empty()) << "closing an unknown run makes none";
  EXPECT_EQ(code_of(journal_->read("a")), "not_found");
}

TEST_P(JournalContract, gives_back_what_it_was_given) {
  const std::string bytes("zero \0 é \xE2\x82\xAC \" \\ \n end", 22);
  commit(first_batch("a", {event_of("run_started", "{}", 1'500), event_of("odd", bytes, -3)}));
  commit(next_batch("a", {event_of("empty", "", 2'000)}));
  const std::vector<StoredEvent> events = *journal_->read("a");
  ASSERT_EQ(events.size(), 3U);
  for (std::size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].sequence, i + 1);
  EXPECT_EQ(events[0].at_ms, 1'500);
  EXPECT_EQ(events[1].at_ms, -3);
  EXPECT_EQ(events[1].kind, "odd");
  EXPECT_EQ(events[1].payload, bytes);
  EXPECT_EQ(events[2].payload, "");
}

TEST_P(JournalContract, commits_batches_of_several_runs_together) {
  const std::vector<Batch> batches = {
      first_batch("a", {event_of("one", "1")}), first_batch("b", {event_of("one", "2")}),
      next_batch("a", {event_of("two", "3")}), last_batch("b", {event_of("two", "4")})};
  ASSERT_TRUE(journal_->commit(batches).ok());
  EXPECT_EQ(text_of("a"), "1 one 1\n2 two 3\n");
  EXPECT_EQ(text_of("b"), "1 one 2\n2 two 4\n");
}

TEST_P(JournalContract, commits_all_batches_or_none) {
  commit(first_batch("a", {event_of("one", "1")}));
  const std::vector<Batch> batches = {next_batch("a", {event_of("two", "2")}),
                                      first_batch("b", {event_of("one", "3")}),
                                      next_batch("unknown", {event_of("one", "4")})};
  EXPECT_EQ(code_of(journal_->commit(batches)), "store");
  EXPECT_EQ(text_of("a"), "1 one 1\n");
  EXPECT_EQ(code_of(journal_->read("b")), "not_found");
  EXPECT_EQ(journal_->list(10)->size(), 1U);
  // The run goes on where the store is.
  journal_->close_run("a");
  ASSERT_TRUE(journal_->open_run("a").ok());
  commit(next_batch("a", {event_of("two", "5")}));
  EXPECT_EQ(text_of("a"), "1 one 1\n2 two 5\n");
}

TEST_P(JournalContract, makes_a_run_once) {
  commit(first_batch("a", {event_of("one", "1")}));
  EXPECT_EQ(code_of_commit(first_batch("a", {event_of("one", "2")})), "store");
  EXPECT_EQ(text_of("a"), "1 one 1\n");
}

TEST_P(JournalContract, appends_only_to_open_runs) {
  EXPECT_EQ(code_of_commit(next_batch("a", {event_of("one", "1")})), "store");
  EXPECT_EQ(code_of(journal_->read("a")), "not_found");
  commit(first_batch("a", {event_of("one", "1")}));
  journal_->close_run("a");
  EXPECT_EQ(code_of_commit(next_batch("a", {event_of("two", "2")})), "store");
  ASSERT_TRUE(journal_->open_run("a").ok());
  commit(last_batch("a", {event_of("two", "3")}));
  EXPECT_EQ(code_of_commit(next_batch("a", {event_of("three", "4")})), "store")
      << "the end of a run gives the lease back";
  EXPECT_EQ(text_of("a"), "1 one 1\n2 two 3\n");
}

TEST_P(JournalContract, does_not_open_a_run_twice) {
  commit(first_batch("a", {event_of("one", "1")}));
  EXPECT_EQ(code_of(journal_->open_run("a")), "locked");
  journal_->close_run("a");
  ASSERT_TRUE(journal_->open_run("a").ok());
  EXPECT_EQ(code_of(journal_->open_run("a")), "locked");
  commit(next_batch("a", {event_of("two", "2")}));
  EXPECT_EQ(text_of("a"), "1 one 1\n2 two 2\n");
}

TEST_P(JournalContract, rows_follow_the_run) {
  commit(first_batch("a", {event_of("run_started", "{}", 1'000)}));
  RunRow row = row_of("a");
  EXPECT_EQ(row.agent, "default");
  EXPECT_EQ(row.task, "task of a");
  EXPECT_EQ(row.model, "kimi-k2.6");
  EXPECT_EQ(row.workspace, "/work");
  EXPECT_EQ(row.created_ms, 900);
  EXPECT_EQ(row.updated_ms, 1'000);
  EXPECT_FALSE(row.outcome.has_value());
  EXPECT_TRUE(row.writing);
  EXPECT_EQ(row.steps, 0);

  commit(next_batch("a", {event_of("model_replied", "{}", 1'200), event_of("x", "{}", 1'300),
                          event_of("model_replied", "{}", 1'400)}));
  row = row_of("a");
  EXPECT_EQ(row.steps, 2) << "while it runs, its events say how far it is";
  EXPECT_EQ(row.updated_ms, 1'400);

  commit(last_batch("a", {event_of("run_ended", "{}", 1'500)}, Outcome::kPaused));
  row = row_of("a");
  EXPECT_EQ(row.outcome, Outcome::kPaused);
  EXPECT_EQ(row.steps, 7);
  EXPECT_EQ(row.usd, 0.25);
  EXPECT_EQ(row.input_tokens, 900);
  EXPECT_EQ(row.output_tokens, 80);
  EXPECT_EQ(row.updated_ms, 1'500);
  EXPECT_FALSE(row.writing);
}

TEST_P(JournalContract, a_run_that_goes_on_has_no_outcome) {
  commit(first_batch("a", {event_of("one", "1")}));
  commit(last_batch("a", {event_of("two", "2")}));
  ASSERT_TRUE(journal_->open_run("a").ok());
  EXPECT_TRUE(row_of("a").writing);
  EXPECT_EQ(row_of("a").outcome, Outcome::kDone) << "nothing has happened yet";
  journal_->close_run("a");
  EXPECT_EQ(row_of("a").outcome, Outcome::kDone);
  EXPECT_FALSE(row_of("a").writing);
  ASSERT_TRUE(journal_->open_run("a").ok());
  commit(next_batch("a", {event_of("run_resumed", "3")}));
  EXPECT_FALSE(row_of("a").outcome.has_value());
  commit(last_batch("a", {event_of("four", "4")}, Outcome::kFailed));
  EXPECT_EQ(row_of("a").outcome, Outcome::kFailed);
}

TEST_P(JournalContract, lists_the_newest_first) {
  for (const char* id : {"m", "z", "a"}) commit(first_batch(id, {event_of("one", "1")}));
  std::string order;
  const Result<std::vector<RunRow>> rows = journal_->list(10);
  for (const RunRow& row : *rows) order += row.run_id;
  EXPECT_EQ(order, "azm") << "by when they were made, not by their ids";
  EXPECT_EQ(journal_->list(2)->size(), 2U);
  EXPECT_EQ(journal_->list(2)->front().run_id, "a");
  EXPECT_EQ(found("last"), "a");
}

TEST_P(JournalContract, finds_runs_by_name) {
  for (const char* id : {"251120-a", "251120-ab", "251121-c"}) {
    commit(first_batch(id, {event_of("one", "1")}));
  }
  EXPECT_EQ(found("251121-c"), "251121-c");
  EXPECT_EQ(found("251121"), "251121-c");
  EXPECT_EQ(found("last"), "251121-c");
  EXPECT_EQ(found("251120-a"), "251120-a") << "a whole id is not ambiguous";
  EXPECT_EQ(found("251120"), "several runs begin with '251120': 251120-ab, 251120-a");
  EXPECT_EQ(found("nothing"), "there is no run 'nothing'");
  EXPECT_EQ(found(""), "there is no run ''");
  EXPECT_EQ(found("%"), "there is no run '%'");
}

TEST_P(JournalContract, shows_at_most_five_candidates) {
  for (char letter = 'a'; letter <= 'h'; ++letter) {
    commit(first_batch(std::string("run-") + letter, {event_of("one", "1")}));
  }
  EXPECT_EQ(found("run"), "several runs begin with 'run': run-h, run-g, run-f, run-e, run-d");
}

std::vector<Store> stores() {
  return {{"sqlite",
           [](const std::string& directory) {
             Result<std::unique_ptr<Journal>> journal = open_sqlite_journal(directory);
             EXPECT_TRUE(journal.ok()) << to_text(journal.error());
             return std::move(*journal);
           }},
          {"memory", [](const std::string&) { return std::make_unique<MemoryJournal>(); }}};
}

INSTANTIATE_TEST_SUITE_P(Stores, JournalContract, testing::ValuesIn(stores()),
                         [](const auto& store) { return store.param.name; });

}  // namespace
}  // namespace perdure
