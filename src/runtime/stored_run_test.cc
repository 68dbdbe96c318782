#include "runtime/stored_run.h"

#include <gtest/gtest.h>

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
using test::holds;
using test::words_of;

class StoredRunTest : public testing::Test {
 protected:
  // A run with the given events behind its first one.
  void store(std::vector<NewEvent> events) {
    const RunEvent started{.body = RunStarted{.agent = "{}", .task = "Go."}};
    events.insert(events.begin(), event_of("run_started", encode(started)));
    const Result<std::unique_ptr<Journal>> journal = open_sqlite_journal(folder_.path());
    ASSERT_TRUE(journal.ok());
    ASSERT_TRUE(commit_one(**journal, first_batch("run-1", std::move(events))).ok());
  }
  RuntimeOptions options() const { return {.state_directory = folder_.path()}; }

  TemporaryDirectory folder_;
};

TEST_F(StoredRunTest, is_the_fold_of_its_events) {
  store({event_of("message_queued", encode({.body = MessageQueued{.text = "Go."}}))});
  Engine engine(options());
  const Result<StoredRun> run = load_run(engine, "last");
  ASSERT_TRUE(run.ok()) << words_of(run);
  EXPECT_EQ(run->run_id, "run-1");
  EXPECT_EQ(run->events, 2U);
  EXPECT_EQ(run->state.definition.task, "Go.");
  EXPECT_EQ(run->state.queue.size(), 1U);
}

// An event of a kind that this version does not know may mean anything: it is refused, not skipped.
TEST_F(StoredRunTest, what_cannot_be_read_is_refused_with_its_event) {
  const NewEvent cases[] = {
      event_of("moon_landed", "{}"),
      event_of("message_queued", "no JSON"),
      event_of("message_queued", R"({"text":5})"),
      event_of("call_finished", encode({.body = CallFinished{.call = 7}})),
      event_of("run_started", encode({.body = RunStarted{.agent = "{}"}})),
  };
  for (const NewEvent& event : cases) {
    SCOPED_TRACE(event.kind + " " + event.payload);
    const TemporaryDirectory folder;
    {
      const Result<std::unique_ptr<Journal>> journal = open_sqlite_journal(folder.path());
      const RunEvent started{.body = RunStarted{.agent = "{}"}};
      ASSERT_TRUE(
          commit_one(**journal,
                     first_batch("run-1", {event_of("run_started", encode(started)), event}))
              .ok());
    }
    Engine engine({.state_directory = folder.path()});
    const Result<StoredRun> run = load_run(engine, "run-1");
    EXPECT_EQ(code_of(run), "corrupt");
    EXPECT_PRED2(holds, words_of(run), "run run-1, event 2");
  }
}

// Between reading a run and taking it another process may have gone on with it.
TEST_F(StoredRunTest, is_taken_only_as_it_was_read) {
  store({});
  Engine engine(options());
  EXPECT_EQ(code_of(take_run(engine, "run-1", 7)), "locked");
  EXPECT_EQ(code_of(take_run(engine, "run-1", 1)), "ok") << "the lease was given back";
  EXPECT_EQ(code_of(take_run(engine, "nothing", 1)), "not_found");
}

}  // namespace
}  // namespace perdure
