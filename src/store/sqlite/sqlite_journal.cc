#include "store/sqlite/sqlite_journal.h"

#include <array>
#include <cstring>
#include <map>
#include <optional>

#include <unistd.h>

#include <fmt/format.h>

#include "base/check.h"
#include "core/event_names.h"
#include "os/clock.h"
#include "os/directories.h"
#include "os/random.h"
#include "store/chain.h"
#include "store/sqlite/database.h"
#include "store/state_folder.h"

namespace perdure {
namespace {

constexpr std::int64_t kSchemaVersion = 1;

// The write-ahead log is small and keeps its size: a commit into a log that grows must also write
// the log's inode, which costs as much again as the commit itself.
constexpr const char* kSettings = R"sql(
PRAGMA busy_timeout = 10000;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 512;
PRAGMA journal_size_limit = 4194304;
PRAGMA cache_size = -8000;
)sql";

constexpr const char* kSchema = R"sql(
CREATE TABLE runs (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  agent TEXT NOT NULL,
  task TEXT NOT NULL,
  model TEXT NOT NULL,
  workspace TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  outcome TEXT,
  steps INTEGER NOT NULL DEFAULT 0,
  usd REAL NOT NULL DEFAULT 0,
  input_tokens INTEGER NOT NULL DEFAULT 0,
  output_tokens INTEGER NOT NULL DEFAULT 0,
  end_sequence INTEGER NOT NULL DEFAULT 0,
  end_hash BLOB);
CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL,
  hash BLOB NOT NULL);
CREATE TABLE leases (
  run INTEGER PRIMARY KEY,
  writer TEXT NOT NULL,
  pid INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  since_ms INTEGER NOT NULL);
CREATE VIEW journal AS
  SELECT runs.id AS run, events.id & 4294967295 AS sequence, at_ms, kind, payload,
    hex(hash) AS hash
  FROM events JOIN runs ON runs.number = events.id >> 32;
PRAGMA user_version = 1;
)sql";

// The first tables of this version did not have these columns.
constexpr const char* kLaterColumns = R"sql(
ALTER TABLE runs ADD COLUMN input_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN output_tokens INTEGER NOT NULL DEFAULT 0;
)sql";

// The number of a run and the sequence of an event in one key, so that a run lies together in one
// tree and a commit touches no second one.
constexpr int kSequenceBits = 32;
constexpr std::int64_t key_of(std::int64_t run, std::uint64_t sequence) {
  return run << kSequenceBits | static_cast<std::int64_t>(sequence);
}
constexpr std::uint64_t kSequenceMax = (std::uint64_t{1} << kSequenceBits) - 1;

bool equal(std::string_view stored, const Sha256& hash) {
  return stored.size() == hash.size() && std::memcmp(stored.data(), hash.data(), hash.size()) == 0;
}

struct Chain {
  std::int64_t run = 0;
  std::uint64_t sequence = 0;
  Sha256 hash{};
  bool ended = false;  // The run has an outcome.
};

class SqliteJournal : public Journal {
 public:
  SqliteJournal(Database database, std::string directory)
      : database_(std::move(database)), directory_(std::move(directory)) {}

  ~SqliteJournal() override {
    // A process that ends in order leaves no lock behind; the lock of a dead one goes with its
    // lease.
    if (writer_lock_) ::unlink(lock_path(writer_).c_str());
  }

  Status prepare();
  Status open_run(const std::string& run_id) override;
  void close_run(const std::string& run_id) override;
  Status commit(std::span<const Batch> batches) override;
  Result<std::vector<StoredEvent>> read(const std::string& run_id) override;
  Result<std::vector<RunRow>> list(std::int64_t rows_max) override;
  Status remove(const std::string& run_id) override;
  Status compact() override;
  Result<std::string> find(const std::string& name) override;

 private:
  Result<Statement*> prepared(std::optional<Statement>& kept, const char* sql);
  Status create_schema_if_new();
  Status add_later_columns();
  Result<bool> has_later_columns();
  Status become_writer();
  Status append(const Batch& batch);
  Status create(const Batch& batch);
  Status finish(const Batch& batch, const Chain& chain);
  Status take_lease(std::int64_t run, const std::string& run_id);
  Status give_back_lease(std::int64_t run);
  Status forget_outcome(std::int64_t run);
  Status delete_rows(std::int64_t run);
  bool is_alive(const std::string& writer) const;
  Result<std::int64_t> number_of(const std::string& run_id);
  Error damaged(const std::string& run_id, std::uint64_t sequence, std::string_view how) const;
  Result<Chain> read_chain(const std::string& run_id, std::vector<StoredEvent>* events);
  std::string lock_path(const std::string& writer) const {
    return fmt::format("{}/writers/{}.lock", directory_, writer);
  }

  Database database_;
  std::string directory_;
  std::string writer_;
  std::optional<LockFile> writer_lock_;
  std::map<std::string, Chain> chains_;  // of the runs that this process writes
  Hasher hasher_;
  Statement begin_, commit_, rollback_, insert_event_;
  // Prepared when first used: compiling one costs more than running it.
  std::optional<Statement> number_of_, insert_run_, finish_run_, forget_outcome_;
  std::optional<Statement> select_lease_, insert_lease_, remove_lease_;
};

Status SqliteJournal::prepare() {
  if (Status status = database_.execute(kSettings); !status.ok()) return status;
  if (Status status = create_schema_if_new(); !status.ok()) return status;
  if (Status status = add_later_columns(); !status.ok()) return status;
  const auto make = [&](Statement& statement, const char* sql) -> Status {
    Result<Statement> prepared = database_.prepare(sql);
    if (!prepared.ok()) return prepared.error();
    statement = std::move(*prepared);
    return {};
  };
  Status status = make(begin_, "BEGIN IMMEDIATE");
  if (status.ok()) status = make(commit_, "COMMIT");
  if (status.ok()) status = make(rollback_, "ROLLBACK");
  if (status.ok()) status = make(insert_event_, "INSERT INTO events VALUES (?, ?, ?, ?, ?)");
  return status;
}

Result<Statement*> SqliteJournal::prepared(std::optional<Statement>& kept, const char* sql) {
  if (!kept) {
    Result<Statement> statement = database_.prepare(sql);
    if (!statement.ok()) return statement.error();
    kept = std::move(*statement);
  }
  return &*kept;
}

Status SqliteJournal::create_schema_if_new() {
  Result<Statement> version = database_.prepare("PRAGMA user_version");
  if (!version.ok()) return version.error();
  Result<bool> row = version->step();
  if (!row.ok()) return row.error();
  const std::int64_t found = *row ? version->integer(0) : 0;
  version->reset();
  if (found == kSchemaVersion) return {};
  if (found > kSchemaVersion) {
    return Error{.code = ErrorCode::kUnsupported,
                 .message = fmt::format("the journal has version {}, this program knows {}", found,
                                        kSchemaVersion),
                 .context = directory_,
                 .advice = "use the newer perdure that wrote it"};
  }
  if (Status status = database_.execute("BEGIN IMMEDIATE"); !status.ok()) return status;
  // Another process may have made the tables while this one waited for the lock.
  row = version->step();
  const bool made = row.ok() && *row && version->integer(0) == kSchemaVersion;
  version->reset();
  if (!made) {
    if (Status status = database_.execute(kSchema); !status.ok()) return status;
  }
  return database_.execute("COMMIT");
}

Result<bool> SqliteJournal::has_later_columns() {
  Result<Statement> select =
      database_.prepare("SELECT 1 FROM pragma_table_info('runs') WHERE name = 'output_tokens'");
  if (!select.ok()) return select.error();
  return select->step();
}

Status SqliteJournal::add_later_columns() {
  Result<bool> there = has_later_columns();
  if (!there.ok()) return there.error();
  if (*there) return {};
  if (Status status = database_.execute("BEGIN IMMEDIATE"); !status.ok()) return status;
  there = has_later_columns();  // another process may have added them meanwhile
  if (there.ok() && !*there) {
    if (Status status = database_.execute(kLaterColumns); !status.ok()) return status;
  }
  return database_.execute("COMMIT");
}

// The writer's lock lives as long as this process: the kernel drops it in every kind of death, and
// that is the proof that a lease may be taken over.
Status SqliteJournal::become_writer() {
  if (writer_lock_) return {};
  if (Status status = make_directories(directory_ + "/writers"); !status.ok()) return status;
  writer_ = fmt::format("{}-{}", ::getpid(), random_text(8));
  Result<LockFile> lock = LockFile::acquire(lock_path(writer_));
  if (!lock.ok()) return lock.error();
  writer_lock_ = std::move(*lock);
  return {};
}

bool SqliteJournal::is_alive(const std::string& writer) const {
  const std::string path = lock_path(writer);
  if (::access(path.c_str(), F_OK) != 0) return false;
  const Result<LockFile> lock = LockFile::acquire(path);
  if (!lock.ok()) return true;
  ::unlink(path.c_str());
  return false;
}

Status SqliteJournal::take_lease(std::int64_t run, const std::string& run_id) {
  if (Status status = become_writer(); !status.ok()) return status;
  const Result<Statement*> prepared_select =
      prepared(select_lease_, "SELECT writer, pid, epoch, since_ms FROM leases WHERE run = ?");
  if (!prepared_select.ok()) return prepared_select.error();
  Statement& select = **prepared_select;
  const Result<bool> row = select.bind(run).step();
  if (!row.ok()) return row.error();
  const bool is_taken = *row;
  const std::string holder = is_taken ? select.text(0) : "";
  const std::int64_t pid = is_taken ? select.integer(1) : 0;
  const std::int64_t epoch = is_taken ? select.integer(2) + 1 : 1;
  const std::int64_t since_ms = is_taken ? select.integer(3) : 0;
  select.reset();
  if (is_taken && holder != writer_ && is_alive(holder)) {
    return Error{.code = ErrorCode::kLocked,
                 .message = fmt::format("run {} is being written by process {} since {}", run_id,
                                        pid, iso_time(since_ms)),
                 .advice = "wait for that process, or stop it, then try again"};
  }
  const Result<Statement*> insert =
      prepared(insert_lease_, "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?)");
  if (!insert.ok()) return insert.error();
  return (*insert)
      ->bind(run)
      .bind(writer_)
      .bind(std::int64_t{::getpid()})
      .bind(epoch)
      .bind(wall_time_ms())
      .run();
}

Result<std::int64_t> SqliteJournal::number_of(const std::string& run_id) {
  const Result<Statement*> select = prepared(number_of_, "SELECT number FROM runs WHERE id = ?");
  if (!select.ok()) return select.error();
  const Result<bool> row = (*select)->bind(run_id).step();
  if (!row.ok()) return row.error();
  if (!*row) return no_such_run(run_id);
  const std::int64_t number = (*select)->integer(0);
  (*select)->reset();
  return number;
}

Status SqliteJournal::open_run(const std::string& run_id) {
  if (chains_.count(run_id) > 0) return run_is_open(run_id);
  Result<Chain> chain = read_chain(run_id, nullptr);
  if (!chain.ok()) return chain.error();
  if (Status status = begin_.run(); !status.ok()) return status;
  Status status = take_lease(chain->run, run_id);
  if (status.ok()) status = commit_.run();
  if (!status.ok()) {
    (void)rollback_.run();
    return status;
  }
  // Read again under the lease: another process may have finished writing between the two.
  chain = read_chain(run_id, nullptr);
  if (!chain.ok()) return chain.error();
  chains_[run_id] = *chain;
  return {};
}

// A run that goes on has no outcome yet.
Status SqliteJournal::forget_outcome(std::int64_t run) {
  const Result<Statement*> update =
      prepared(forget_outcome_, "UPDATE runs SET outcome = NULL WHERE number = ?");
  if (!update.ok()) return update.error();
  return (*update)->bind(run).run();
}

void SqliteJournal::close_run(const std::string& run_id) {
  const auto chain = chains_.find(run_id);
  if (chain == chains_.end()) return;
  // A lease that stays behind is harmless: it ends with this process.
  (void)give_back_lease(chain->second.run);
  chains_.erase(chain);
}

Status SqliteJournal::create(const Batch& batch) {
  const RunRow& row = *batch.created;
  const Result<Statement*> insert = prepared(
      insert_run_,
      "INSERT INTO runs (id, agent, task, model, workspace, created_ms) VALUES (?, ?, ?, ?, ?, ?)");
  if (!insert.ok()) return insert.error();
  Status status = (*insert)
                      ->bind(row.run_id)
                      .bind(row.agent)
                      .bind(row.task)
                      .bind(row.model)
                      .bind(row.workspace)
                      .bind(row.created_ms)
                      .run();
  if (!status.ok()) return status;
  const Result<std::int64_t> number = number_of(row.run_id);
  if (!number.ok()) return number.error();
  chains_[row.run_id] = {.run = *number};
  return take_lease(*number, row.run_id);
}

// The end of the chain is written down with the outcome: without it a run whose last events are
// gone would look like one that never had them.
Status SqliteJournal::finish(const Batch& batch, const Chain& chain) {
  const Result<Statement*> prepared_update = prepared(
      finish_run_,
      "UPDATE runs SET outcome = ?, steps = ?, usd = ?, input_tokens = ?, output_tokens = ?, "
      "end_sequence = ?, end_hash = ? WHERE number = ?");
  if (!prepared_update.ok()) return prepared_update.error();
  Statement& update = **prepared_update;
  const RunRow& row = *batch.finished;
  if (row.outcome) {
    update.bind(to_string(*row.outcome));
  } else {
    update.bind_null();
  }
  const Status status = update.bind(row.steps)
                            .bind(row.usd)
                            .bind(row.input_tokens)
                            .bind(row.output_tokens)
                            .bind(static_cast<std::int64_t>(chain.sequence))
                            .bind_blob(chain.hash.data(), chain.hash.size())
                            .bind(chain.run)
                            .run();
  return status.ok() ? give_back_lease(chain.run) : status;
}

Status SqliteJournal::give_back_lease(std::int64_t run) {
  const Result<Statement*> remove =
      prepared(remove_lease_, "DELETE FROM leases WHERE run = ? AND writer = ?");
  if (!remove.ok()) return remove.error();
  return (*remove)->bind(run).bind(writer_).run();
}

Status SqliteJournal::append(const Batch& batch) {
  if (batch.created) {
    if (Status status = create(batch); !status.ok()) return status;
  }
  const auto found = chains_.find(batch.run_id);
  if (found == chains_.end()) return run_not_open(batch.run_id);
  Chain& chain = found->second;
  if (chain.ended) {
    if (Status status = forget_outcome(chain.run); !status.ok()) return status;
    chain.ended = false;
  }
  for (const NewEvent& event : batch.events) {
    ++chain.sequence;
    chain.hash =
        chain_hash(hasher_, chain.hash, chain.sequence, event.at_ms, event.kind, event.payload);
    CHECK(chain.sequence <= kSequenceMax, "a run ends long before its sequence does");
    const Status status = insert_event_.bind(key_of(chain.run, chain.sequence))
                              .bind(event.at_ms)
                              .bind(event.kind)
                              .bind(event.payload)
                              .bind_blob(chain.hash.data(), chain.hash.size())
                              .run();
    if (!status.ok()) return status;
  }
  return batch.finished ? finish(batch, chain) : Status();
}

Status SqliteJournal::commit(std::span<const Batch> batches) {
  if (Status status = begin_.run(); !status.ok()) return status;
  Status status;
  for (const Batch& batch : batches) {
    if (status.ok()) status = append(batch);
  }
  if (status.ok()) status = commit_.run();
  for (const Batch& batch : batches) {
    if (status.ok() && batch.finished) chains_.erase(batch.run_id);
  }
  if (status.ok()) return status;
  // The chains in memory are now ahead of the store. Every run concerned stops, so nobody appends
  // to them.
  (void)rollback_.run();
  for (const Batch& batch : batches) chains_.erase(batch.run_id);
  return status;
}

Error SqliteJournal::damaged(const std::string& run_id, std::uint64_t sequence,
                             std::string_view how) const {
  return {.code = ErrorCode::kCorrupt,
          .message = fmt::format("run {} is damaged at event {}: {}", run_id, sequence, how),
          .context = directory_ + "/perdure.db",
          .advice = "nothing was changed; restore the file from a copy"};
}

// Every row carries the end that was written down, so that both are of one moment while another
// process writes.
Result<Chain> SqliteJournal::read_chain(const std::string& run_id,
                                        std::vector<StoredEvent>* events) {
  Result<Statement> select = database_.prepare(R"sql(
    SELECT number, outcome IS NOT NULL, end_sequence, end_hash, events.id & 4294967295,
      at_ms, kind, payload, hash
    FROM runs LEFT JOIN events
      ON events.id BETWEEN number << 32 AND (number << 32) + 4294967295
    WHERE runs.id = ? ORDER BY events.id)sql");
  if (!select.ok()) return select.error();
  select->bind(run_id);
  Chain chain;
  std::uint64_t end = 0;
  while (true) {
    const Result<bool> row = select->step();
    if (!row.ok()) return row.error();
    if (!*row) break;
    chain.run = select->integer(0);
    chain.ended = select->integer(1) != 0;
    end = static_cast<std::uint64_t>(select->integer(2));
    if (select->is_null(4)) break;
    StoredEvent event{.sequence = static_cast<std::uint64_t>(select->integer(4)),
                      .at_ms = select->integer(5),
                      .kind = select->text(6),
                      .payload = select->text(7)};
    if (chain.ended && chain.sequence == end)
      return damaged(run_id, end + 1, "it is behind the end");
    ++chain.sequence;
    if (event.sequence != chain.sequence) return damaged(run_id, chain.sequence, "it is missing");
    chain.hash =
        chain_hash(hasher_, chain.hash, chain.sequence, event.at_ms, event.kind, event.payload);
    const bool fits = equal(select->text(8), chain.hash) &&
                      (chain.sequence != end || equal(select->text(3), chain.hash));
    if (!fits) return damaged(run_id, chain.sequence, "its hash does not fit");
    if (events != nullptr) events->push_back(std::move(event));
  }
  if (chain.run == 0) return no_such_run(run_id);
  if (chain.sequence < end) return damaged(run_id, chain.sequence + 1, "it is missing");
  return chain;
}

Result<std::vector<StoredEvent>> SqliteJournal::read(const std::string& run_id) {
  std::vector<StoredEvent> events;
  const Result<Chain> chain = read_chain(run_id, &events);
  if (!chain.ok()) return chain.error();
  return events;
}

Result<std::vector<RunRow>> SqliteJournal::list(std::int64_t rows_max) {
  Result<Statement> select = database_.prepare(R"sql(
    SELECT runs.id, agent, task, model, workspace, created_ms, outcome, steps, usd,
      (SELECT at_ms FROM events WHERE events.id BETWEEN number << 32 AND (number << 32) + 4294967295
        ORDER BY events.id DESC LIMIT 1),
      CASE WHEN outcome IS NOT NULL THEN steps ELSE
        (SELECT count(*) FROM events WHERE events.id BETWEEN number << 32 AND
          (number << 32) + 4294967295 AND kind = 'model_replied') END,
      (SELECT writer FROM leases WHERE leases.run = runs.number), input_tokens, output_tokens,
      (SELECT json_extract(payload, '$.parent') FROM events WHERE events.id = (number << 32) + 1
        AND json_valid(payload))
    FROM runs ORDER BY number DESC LIMIT ?)sql");
  if (!select.ok()) return select.error();
  select->bind(rows_max);
  std::vector<RunRow> rows;
  while (true) {
    const Result<bool> more = select->step();
    if (!more.ok()) return more.error();
    if (!*more) return rows;
    RunRow row{.run_id = select->text(0),
               .agent = select->text(1),
               .task = select->text(2),
               .model = select->text(3),
               .workspace = select->text(4),
               .created_ms = select->integer(5),
               .updated_ms = select->integer(9),
               .steps = select->integer(10),
               .usd = select->number(8),
               .input_tokens = select->integer(12),
               .output_tokens = select->integer(13),
               .parent = select->text(14)};
    if (!select->is_null(6)) row.outcome = value_in(kOutcomeNames, select->text(6));
    row.writing = !select->is_null(11) && is_alive(select->text(11));
    rows.push_back(std::move(row));
  }
}

// The lease is taken first, so that nobody begins to write the run meanwhile.
Status SqliteJournal::remove(const std::string& run_id) {
  if (chains_.count(run_id) > 0) return run_is_open(run_id);
  if (Status status = begin_.run(); !status.ok()) return status;
  const Result<std::int64_t> run = number_of(run_id);
  Status status = run.ok() ? take_lease(*run, run_id) : Status(run.error());
  if (status.ok()) status = delete_rows(*run);
  if (status.ok()) status = commit_.run();
  if (!status.ok()) (void)rollback_.run();
  return status;
}

Status SqliteJournal::delete_rows(std::int64_t run) {
  for (const char* sql :
       {"DELETE FROM events WHERE id BETWEEN ?1 << 32 AND (?1 << 32) + 4294967295",
        "DELETE FROM leases WHERE run = ?1", "DELETE FROM runs WHERE number = ?1"}) {
    Result<Statement> statement = database_.prepare(sql);
    if (!statement.ok()) return statement.error();
    if (Status status = statement->bind(run).run(); !status.ok()) return status;
  }
  return {};
}

Status SqliteJournal::compact() {
  return database_.execute("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);");
}

Result<std::string> SqliteJournal::find(const std::string& name) {
  Result<Statement> select = database_.prepare("SELECT id FROM runs ORDER BY number DESC");
  if (!select.ok()) return select.error();
  std::vector<std::string> ids;
  while (true) {
    const Result<bool> row = select->step();
    if (!row.ok()) return row.error();
    if (!*row) return match_run_id(ids, name);
    ids.push_back(select->text(0));
  }
}

// SQLite makes the log before its index and removes it after it, and takes a log that is missing
// for one that was empty: the last commits would be gone, and what they did would be done again.
Status check_log(const std::string& directory) {
  const auto exists = [&](const char* name) {
    return ::access((directory + name).c_str(), F_OK) == 0;
  };
  if (!exists("/perdure.db-shm") || !exists("/perdure.db") || exists("/perdure.db-wal")) return {};
  return Error{
      .code = ErrorCode::kCorrupt,
      .message = "the journal is damaged: its log is missing, and with it the last commits",
      .context = directory + "/perdure.db-wal",
      .advice =
          "restore it from a copy; without one, see what the last steps did, then "
          "remove perdure.db-shm to go on with what perdure.db holds"};
}

}  // namespace

Result<std::unique_ptr<Journal>> open_sqlite_journal(const std::string& directory) {
  if (Status status = prepare_state_folder(directory); !status.ok()) return status.error();
  if (Status status = check_log(directory); !status.ok()) return status.error();
  Result<Database> database = Database::open(directory + "/perdure.db");
  if (!database.ok()) return database.error();
  auto journal = std::make_unique<SqliteJournal>(std::move(*database), directory);
  if (Status status = journal->prepare(); !status.ok()) return status.error();
  return std::unique_ptr<Journal>(std::move(journal));
}

}  // namespace perdure
