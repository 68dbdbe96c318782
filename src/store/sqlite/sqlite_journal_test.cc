// What the SQLite store promises beyond the contract (store/journal_test.cc): damage is found and
// named, one process writes a run, a dead one's run can be taken over, and no failure of the disk
// tears a batch.
#include "store/sqlite/sqlite_journal.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <random>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "os/descriptor.h"
#include "store/sqlite/database.h"
#include "tests/support/batches.h"
#include "tests/support/child_process.h"
#include "tests/support/result.h"
#include "tests/support/small_disk.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;

using test::ChildProcess;
using test::commit_one;
using test::event_of;
using test::first_batch;
using test::holds;
using test::last_batch;
using test::next_batch;
using test::SmallDisk;
using test::text_of;
using test::words_of;

std::unique_ptr<Journal> open_journal(const std::string& directory) {
  Result<std::unique_ptr<Journal>> journal = open_sqlite_journal(directory);
  EXPECT_TRUE(journal.ok()) << to_text(journal.error());
  return journal.ok() ? std::move(*journal) : nullptr;
}

void run_sql(const std::string& directory, const std::string& sql) {
  Result<Database> database = Database::open(directory + "/perdure.db");
  ASSERT_TRUE(database.ok()) << to_text(database.error());
  const Status status = database->execute(sql.c_str());
  EXPECT_TRUE(status.ok()) << sql << "\n" << to_text(status.error());
}

std::int64_t number_from(const std::string& directory, const char* sql) {
  Result<Database> database = Database::open(directory + "/perdure.db");
  Result<Statement> select = database->prepare(sql);
  EXPECT_TRUE(select.ok() && *select->step()) << sql;
  return select->integer(0);
}

std::size_t files_in(const std::string& directory) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(directory)) ++count;
  return count;
}

// --- Damage ---

// Five events of run "a", ended; then one of "b".
void store_two_runs(const std::string& directory) {
  const std::unique_ptr<Journal> journal = open_journal(directory);
  ASSERT_TRUE(commit_one(*journal, first_batch("a", {event_of("one", "1"), event_of("two", "2"),
                                                     event_of("three", "3")}))
                  .ok());
  ASSERT_TRUE(
      commit_one(*journal, last_batch("a", {event_of("four", "4"), event_of("five", "5")})).ok());
  ASSERT_TRUE(commit_one(*journal, first_batch("b", {event_of("one", "6")})).ok());
}

struct Damage {
  const char* name;
  const char* sql;  ///< #N is the key of event N of run a, @N that of run b.
  const char* found;
};

std::string with_keys(std::string sql) {
  for (const auto& [sign, run] : {std::pair('#', 1LL), std::pair('@', 2LL)}) {
    for (std::size_t at = sql.find(sign); at != std::string::npos; at = sql.find(sign)) {
      sql.replace(at, 2, std::to_string((run << 32) + sql[at + 1] - '0'));
    }
  }
  return sql;
}

const Damage kDamages[] = {
    {"payload", "UPDATE events SET payload = '9' WHERE id = #2", "event 2: its hash does not fit"},
    {"kind", "UPDATE events SET kind = 'six' WHERE id = #3", "event 3: its hash does not fit"},
    {"time", "UPDATE events SET at_ms = at_ms + 1 WHERE id = #1", "event 1: its hash does not fit"},
    {"hash", "UPDATE events SET hash = zeroblob(32) WHERE id = #4",
     "event 4: its hash does not fit"},
    {"short hash", "UPDATE events SET hash = x'00' WHERE id = #4",
     "event 4: its hash does not fit"},
    {"border moved between kind and payload",
     "UPDATE events SET kind = 'thre', payload = 'e3' WHERE id = #3",
     "event 3: its hash does not fit"},
    {"first deleted", "DELETE FROM events WHERE id = #1", "event 1: it is missing"},
    {"one deleted", "DELETE FROM events WHERE id = #3", "event 3: it is missing"},
    {"one deleted, the others moved up",
     "DELETE FROM events WHERE id = #3; UPDATE events SET id = #3 WHERE id = #4;"
     "UPDATE events SET id = #4 WHERE id = #5",
     "event 3: its hash does not fit"},
    {"last deleted", "DELETE FROM events WHERE id = #5", "event 5: it is missing"},
    {"cut after the second", "DELETE FROM events WHERE id BETWEEN #3 AND #9",
     "event 3: it is missing"},
    {"all deleted", "DELETE FROM events WHERE id BETWEEN #1 AND #9", "event 1: it is missing"},
    {"two swapped",
     "UPDATE events SET id = #9 WHERE id = #2; UPDATE events SET id = #2 WHERE id = #3;"
     "UPDATE events SET id = #3 WHERE id = #9",
     "event 2: its hash does not fit"},
    {"one inserted",
     "UPDATE events SET id = #6 WHERE id = #5; UPDATE events SET id = #5 WHERE id = #4;"
     "INSERT INTO events SELECT #4, at_ms, kind, payload, hash FROM events WHERE id = #3",
     "event 4: its hash does not fit"},
    {"one duplicated at the end",
     "INSERT INTO events SELECT #6, at_ms, kind, payload, hash FROM events WHERE id = #5",
     "event 6: it is behind the end"},
    {"one of another run",
     "DELETE FROM events WHERE id = #5; UPDATE events SET id = #5 WHERE id = @1",
     "event 5: its hash does not fit"},
    {"an event before the first",
     "INSERT INTO events SELECT #0, at_ms, kind, payload, hash FROM events WHERE id = #1",
     "event 1: it is missing"},
    {"the end that was written down", "UPDATE runs SET end_hash = zeroblob(32) WHERE id = 'a'",
     "event 5: its hash does not fit"},
};

class SqliteDamage : public testing::TestWithParam<Damage> {};

TEST_P(SqliteDamage, is_found) {
  const TemporaryDirectory directory;
  store_two_runs(directory.path());
  run_sql(directory.path(), with_keys(GetParam().sql));
  const std::unique_ptr<Journal> journal = open_journal(directory.path());
  const std::string wanted = std::string("run a is damaged at ") + GetParam().found;

  const Result<std::vector<StoredEvent>> events = journal->read("a");
  ASSERT_FALSE(events.ok());
  EXPECT_EQ(events.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(events.error().message, wanted);
  EXPECT_EQ(events.error().context, directory.path() + "/perdure.db");
  const Status opened = journal->open_run("a");
  ASSERT_FALSE(opened.ok()) << "nothing is added to a damaged run";
  EXPECT_EQ(opened.error().message, wanted);
  EXPECT_FALSE(commit_one(*journal, next_batch("a", {event_of("more", "7")})).ok());

  if (std::string_view(GetParam().name) == "one of another run") return;
  EXPECT_EQ(text_of(*journal, "b"), "1 one 6\n") << "the other runs are well";
  EXPECT_EQ(journal->list(10)->size(), 2U);
}

std::string damage_name(const testing::TestParamInfo<Damage>& damage) {
  std::string name = damage.param.name;
  for (char& letter : name) letter = letter == ' ' || letter == ',' ? '_' : letter;
  return name;
}

INSTANTIATE_TEST_SUITE_P(Rows, SqliteDamage, testing::ValuesIn(kDamages), damage_name);

void PrintTo(const Damage& damage, std::ostream* out) {
  *out << damage.name;
}

TEST(SqliteJournal, finds_what_a_resumed_run_lost_of_its_earlier_end) {
  const TemporaryDirectory directory;
  store_two_runs(directory.path());
  {
    const std::unique_ptr<Journal> journal = open_journal(directory.path());
    ASSERT_TRUE(journal->open_run("a").ok());
    ASSERT_TRUE(commit_one(*journal, next_batch("a", {event_of("six", "6")})).ok());
    EXPECT_TRUE(journal->read("a").ok());
  }
  run_sql(directory.path(), with_keys("DELETE FROM events WHERE id BETWEEN #4 AND #9"));
  const std::unique_ptr<Journal> journal = open_journal(directory.path());
  EXPECT_PRED2(holds, words_of(journal->read("a")), "run a is damaged at event 4: it is missing");
}

// Whatever byte of the file changes: a run is read as it was, or not at all.
TEST(SqliteJournal, a_changed_byte_is_never_read_as_a_different_run) {
  const TemporaryDirectory directory;
  store_two_runs(directory.path());
  run_sql(directory.path(), "PRAGMA wal_checkpoint(TRUNCATE)");
  const std::string whole = directory.read("perdure.db");
  const std::string runs[] = {text_of(*open_journal(directory.path()), "a"),
                              text_of(*open_journal(directory.path()), "b")};
  const char* value = std::getenv("PERDURE_LONG");
  const int changes = value != nullptr && *value == '1' ? 5'000 : 150;
  std::mt19937 random(20'261'120);
  int refused = 0;
  for (int change = 0; change < changes; ++change) {
    std::string bytes = whole;
    const std::size_t at = random() % bytes.size();
    const int kind = change % 4;
    if (kind < 2) bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8)));
    if (kind == 2) bytes.resize(at);
    if (kind == 3) bytes.replace(at / 4'096 * 4'096, 4'096, std::string(4'096, '\0'));
    SCOPED_TRACE("kind " + std::to_string(kind) + " at byte " + std::to_string(at));
    const TemporaryDirectory copy;
    copy.write("perdure.db", bytes);
    const Result<std::unique_ptr<Journal>> journal = open_sqlite_journal(copy.path());
    for (int run = 0; journal.ok() && run < 2; ++run) {
      const Result<std::vector<StoredEvent>> events = (*journal)->read(run == 0 ? "a" : "b");
      refused += events.ok() ? 0 : 1;
      if (events.ok()) {
        EXPECT_EQ(text_of(**journal, run == 0 ? "a" : "b"), runs[run]);
      }
    }
    refused += journal.ok() ? 0 : 1;
  }
  EXPECT_GT(refused, 0);
}

// --- The file ---

TEST(SqliteJournal, opens_what_it_made) {
  const TemporaryDirectory directory;
  store_two_runs(directory.path());
  const std::unique_ptr<Journal> journal = open_journal(directory.path());
  EXPECT_EQ(text_of(*journal, "a"), "1 one 1\n2 two 2\n3 three 3\n4 four 4\n5 five 5\n");
}

TEST(SqliteJournal, makes_its_folders_and_keeps_the_file_to_its_owner) {
  const TemporaryDirectory directory;
  const std::string state = directory.path() + "/deep/state";
  {
    const std::unique_ptr<Journal> journal = open_journal(state);
    ASSERT_TRUE(commit_one(*journal, first_batch("a", {event_of("one", "1")})).ok());
    for (const char* file : {"", "/perdure.db", "/perdure.db-wal", "/perdure.db-shm"}) {
      struct stat status{};
      ASSERT_EQ(::stat((state + file).c_str(), &status), 0) << file;
      EXPECT_EQ(status.st_mode & 0077U, 0U) << file;
    }
  }
  EXPECT_EQ(files_in(state + "/writers"), 0U) << "a process that ended in order leaves no lock";
}

TEST(SqliteJournal, shows_events_as_a_view_to_people) {
  const TemporaryDirectory directory;
  store_two_runs(directory.path());
  EXPECT_EQ(number_from(directory.path(),
                        "SELECT count(*) FROM journal WHERE run = 'a' AND length(hash) = 64"),
            5);
  EXPECT_EQ(number_from(directory.path(),
                        "SELECT sequence FROM journal WHERE run = 'a' AND kind = 'four'"),
            4);
}

// The tables of version 1 had no columns for tokens at first.
TEST(SqliteJournal, adds_the_columns_that_an_older_database_lacks) {
  const TemporaryDirectory directory;
  store_two_runs(directory.path());
  run_sql(directory.path(),
          "ALTER TABLE runs DROP COLUMN input_tokens; ALTER TABLE runs DROP COLUMN output_tokens");
  const std::unique_ptr<Journal> journal = open_journal(directory.path());
  const Result<std::vector<RunRow>> rows = journal->list(10);
  ASSERT_TRUE(rows.ok()) << words_of(rows);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ(rows->back().input_tokens, 0);
  EXPECT_EQ(text_of(*journal, "b"), "1 one 6\n");
  ASSERT_TRUE(journal->open_run("b").ok());
  EXPECT_TRUE(commit_one(*journal, last_batch("b", {event_of("two", "7")})).ok());
}

TEST(SqliteJournal, refuses_what_a_newer_version_wrote) {
  const TemporaryDirectory directory;
  store_two_runs(directory.path());
  run_sql(directory.path(), "PRAGMA user_version = 99");
  const Result<std::unique_ptr<Journal>> journal = open_sqlite_journal(directory.path());
  ASSERT_FALSE(journal.ok());
  EXPECT_EQ(journal.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(journal.error().message.find("version 99"), std::string::npos);
  EXPECT_NE(journal.error().advice.find("newer perdure"), std::string::npos);
  EXPECT_EQ(number_from(directory.path(), "SELECT count(*) FROM events"), 6);
}

TEST(SqliteJournal, refuses_a_file_that_is_no_database) {
  const TemporaryDirectory directory;
  const std::string text(8'192, 'x');
  directory.write("perdure.db", text);
  const Result<std::unique_ptr<Journal>> journal = open_sqlite_journal(directory.path());
  ASSERT_FALSE(journal.ok());
  EXPECT_EQ(journal.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(journal.error().context, directory.path() + "/perdure.db");
  EXPECT_EQ(directory.read("perdure.db"), text) << "and leaves it as it is";
}

TEST(SqliteJournal, says_when_the_folder_cannot_be_made) {
  const TemporaryDirectory directory;
  directory.write("file", "x");
  const Result<std::unique_ptr<Journal>> journal =
      open_sqlite_journal(directory.path() + "/file/state");
  ASSERT_FALSE(journal.ok());
  EXPECT_EQ(journal.error().code, ErrorCode::kStore);
  EXPECT_NE(journal.error().context.find("/file"), std::string::npos);
}

// Root may write everywhere: the child gives its rights up.
TEST(SqliteJournal, says_when_the_journal_may_not_be_opened) {
  const TemporaryDirectory directory;
  store_two_runs(directory.path());
  constexpr uid_t kNobody = 65'534;
  if (::geteuid() == 0) {
    for (const auto& entry : fs::recursive_directory_iterator(directory.path())) {
      ASSERT_EQ(::chown(entry.path().c_str(), kNobody, kNobody), 0);
    }
    ASSERT_EQ(::chown(directory.path().c_str(), kNobody, kNobody), 0);
  }
  fs::permissions(directory.path() + "/perdure.db", fs::perms::none);
  fs::permissions(directory.path(), fs::perms(0555));
  ChildProcess child([&](ChildProcess::Wire& wire) {
    if (::geteuid() == 0 && ::setresuid(kNobody, kNobody, kNobody) != 0) return 1;
    const Result<std::unique_ptr<Journal>> journal = open_sqlite_journal(directory.path());
    if (journal.ok()) return 2;
    wire.write(std::string(to_string(journal.error().code)));
    wire.write(journal.error().advice);
    return 0;
  });
  EXPECT_EQ(child.wire().read(), "store");
  EXPECT_EQ(child.wire().read(),
            "check the permissions of the state folder, or choose another with --state");
  EXPECT_EQ(child.wait(), 0);
  fs::permissions(directory.path(), fs::perms(0700));
}

// --- One writer ---

// Opens or makes run "a", says so, and holds it until it is told to end.
int hold_run(const std::string& directory, ChildProcess::Wire& wire) {
  const std::unique_ptr<Journal> journal = open_journal(directory);
  if (!commit_one(*journal, first_batch("a", {event_of("one", "1")})).ok()) return 1;
  wire.write("writing");
  return wire.read() == "finish" && commit_one(*journal, last_batch("a", {})).ok() ? 0 : 2;
}

TEST(SqliteJournal, refuses_a_second_writer_and_says_who_the_first_is) {
  const TemporaryDirectory directory;
  ChildProcess holder([&](ChildProcess::Wire& wire) { return hold_run(directory.path(), wire); });
  ASSERT_EQ(holder.wire().read(), "writing");
  const std::unique_ptr<Journal> journal = open_journal(directory.path());
  EXPECT_TRUE(journal->list(1)->front().writing);
  const Status second = journal->open_run("a");
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kLocked);
  EXPECT_NE(second.error().message.find("run a is being written by process " +
                                        std::to_string(holder.pid()) + " since 20"),
            std::string::npos)
      << second.error().message;
  EXPECT_NE(second.error().advice.find("wait for that process"), std::string::npos);
  EXPECT_FALSE(commit_one(*journal, next_batch("a", {event_of("two", "2")})).ok());
  EXPECT_EQ(text_of(*journal, "a"), "1 one 1\n") << "but it may read";

  holder.wire().write("finish");
  EXPECT_EQ(holder.wait(), 0);
  EXPECT_EQ(number_from(directory.path(), "SELECT count(*) FROM leases"), 0)
      << "the lease is given back at the end";
  EXPECT_TRUE(journal->open_run("a").ok());
}

TEST(SqliteJournal, a_living_process_without_its_lease_is_no_obstacle) {
  const TemporaryDirectory directory;
  ChildProcess other([&](ChildProcess::Wire& wire) {
    const std::unique_ptr<Journal> journal = open_journal(directory.path());
    if (!commit_one(*journal, first_batch("a", {event_of("one", "1")})).ok()) return 1;
    journal->close_run("a");
    wire.write("closed");
    wire.read();
    return 0;
  });
  ASSERT_EQ(other.wire().read(), "closed");
  EXPECT_TRUE(open_journal(directory.path())->open_run("a").ok());
}

TEST(SqliteJournal, takes_over_from_a_dead_process) {
  const TemporaryDirectory directory;
  ChildProcess holder([&](ChildProcess::Wire& wire) { return hold_run(directory.path(), wire); });
  ASSERT_EQ(holder.wire().read(), "writing");
  holder.kill();
  const std::unique_ptr<Journal> journal = open_journal(directory.path());
  EXPECT_EQ(number_from(directory.path(), "SELECT epoch FROM leases"), 1);
  EXPECT_FALSE(journal->list(1)->front().writing);
  const Status taken = journal->open_run("a");
  ASSERT_TRUE(taken.ok()) << to_text(taken.error());
  EXPECT_EQ(number_from(directory.path(), "SELECT epoch FROM leases"), 2);
  ASSERT_TRUE(commit_one(*journal, next_batch("a", {event_of("two", "2")})).ok());
  EXPECT_EQ(text_of(*journal, "a"), "1 one 1\n2 two 2\n");
  EXPECT_EQ(files_in(directory.path() + "/writers"), 1U) << "the lock of the dead one is gone";
}

// --- The disk ---

constexpr int kEventsPerBatch = 3;

// Commits batches until one fails; tells of each that came back well, then of the failure.
int commit_until_it_fails(const std::string& directory, ChildProcess::Wire& wire) {
  const std::unique_ptr<Journal> journal = open_journal(directory);
  if (!commit_one(*journal, first_batch("a", {event_of("run_started", "{}")})).ok()) return 1;
  const std::string payload(4'000, 'x');
  for (int batch = 0; batch < 10'000; ++batch) {
    const Status status =
        commit_one(*journal, next_batch("a", std::vector(kEventsPerBatch, event_of("x", payload))));
    if (!status.ok()) {
      wire.write(std::to_string(batch));
      wire.write(std::string(to_string(status.error().code)));
      wire.write(status.error().advice);
      return commit_one(*journal, next_batch("a", {event_of("x", "y")})).ok() ? 2 : 0;
    }
  }
  return 3;
}

// What was acknowledged is there, and no half of a batch.
void expect_whole_batches(const std::string& directory, int acknowledged) {
  const std::unique_ptr<Journal> journal = open_journal(directory);
  const Result<std::vector<StoredEvent>> events = journal->read("a");
  ASSERT_TRUE(events.ok()) << to_text(events.error());
  EXPECT_GT(acknowledged, 0);
  EXPECT_GE(events->size(), static_cast<std::size_t>(1 + acknowledged * kEventsPerBatch));
  EXPECT_EQ((events->size() - 1) % kEventsPerBatch, 0U);
  ASSERT_TRUE(journal->open_run("a").ok());
  EXPECT_TRUE(commit_one(*journal, next_batch("a", {event_of("more", "1")})).ok());
}

TEST(SqliteJournal, tears_no_batch_when_the_disk_is_full) {
  const SmallDisk disk(512 * 1024);
  if (!disk.mounted()) GTEST_SKIP() << disk.why_not();
  ChildProcess child([&](ChildProcess::Wire& wire) {
    return commit_until_it_fails(disk.path() + "/state", wire);
  });
  const int acknowledged = std::stoi(child.wire().read());
  EXPECT_EQ(child.wire().read(), "store_full");
  EXPECT_EQ(child.wire().read(), "free some space, then go on with 'perdure resume'");
  EXPECT_EQ(child.wait(), 0);
  // More room, as after the advice.
  const TemporaryDirectory copy;
  fs::copy(disk.path() + "/state", copy.path(), fs::copy_options::recursive);
  expect_whole_batches(copy.path(), acknowledged);
}

TEST(SqliteJournal, tears_no_batch_when_a_file_may_not_grow) {
  const TemporaryDirectory directory;
  ChildProcess child([&](ChildProcess::Wire& wire) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 256 * 1024, .rlim_max = RLIM_INFINITY};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 4;
    return commit_until_it_fails(directory.path(), wire);
  });
  const int acknowledged = std::stoi(child.wire().read());
  EXPECT_EQ(child.wire().read(), "store");
  child.wire().read();
  EXPECT_EQ(child.wait(), 0);
  expect_whole_batches(directory.path(), acknowledged);
}

// A torn tail: what a power cut leaves of the write-ahead log.
TEST(SqliteJournal, a_cut_log_loses_whole_commits_at_most) {
  const TemporaryDirectory directory;
  ChildProcess holder([&](ChildProcess::Wire& wire) {
    const std::unique_ptr<Journal> journal = open_journal(directory.path());
    if (!commit_one(*journal, first_batch("a", {event_of("run_started", "{}")})).ok()) return 1;
    for (int i = 0; i < 20; ++i) {
      if (!commit_one(*journal, next_batch("a", std::vector(kEventsPerBatch, event_of("x", "y"))))
               .ok()) {
        return 2;
      }
    }
    wire.write("written");
    wire.read();
    return 0;
  });
  ASSERT_EQ(holder.wire().read(), "written");
  holder.kill();
  const auto log_bytes = fs::file_size(directory.path() + "/perdure.db-wal");
  std::size_t shortest = 61;
  for (const std::uintmax_t cut : {1U, 24U, 4'095U, 4'120U, 9'000U, 20'000U}) {
    const TemporaryDirectory copy;
    fs::copy(directory.path(), copy.path(), fs::copy_options::recursive);
    fs::resize_file(copy.path() + "/perdure.db-wal", log_bytes - cut);
    const std::unique_ptr<Journal> journal = open_journal(copy.path());
    const Result<std::vector<StoredEvent>> events = journal->read("a");
    ASSERT_TRUE(events.ok()) << cut << ": " << to_text(events.error());
    EXPECT_EQ((events->size() - 1) % kEventsPerBatch, 0U) << cut;
    EXPECT_LE(events->size(), shortest) << cut;
    shortest = events->size();
  }
  EXPECT_LT(shortest, 61U) << "the cuts did reach committed events";
}

}  // namespace
}  // namespace perdure
