// Where the events of runs are kept. A journal is opened for writing by one process per run at a
// time; what commit() has returned for is durable. The seam between the runtime and its stores:
// sqlite/ by default, memory/ for tests and for runs that nobody wants to keep.
//
// Implementations are used from one thread at a time; CommitQueue gives them one of their own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/result.h>
#include <perdure/run.h>

namespace perdure {

struct NewEvent {
  std::int64_t at_ms = 0;  ///< CLOCK_REALTIME; for people.
  std::string kind;
  std::string payload;  ///< JSON.
};

struct StoredEvent {
  std::uint64_t sequence = 0;  ///< From 1, without gaps.
  std::int64_t at_ms = 0;
  std::string kind;
  std::string payload;
};

/// One line of `perdure runs`. What the events say, repeated for fast listing.
struct RunRow {
  std::string run_id;
  std::string agent;
  std::string task;
  std::string model;
  std::string workspace;
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  std::optional<Outcome> outcome;  ///< Absent while it runs, or since its process died.
  bool writing = false;            ///< A living process holds its lease.
  std::int64_t steps = 0;
  double usd = 0;
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  std::string parent = {};  ///< Of a fork: run_started has it.
};

/// Events of one run, to be stored together or not at all.
struct Batch {
  std::string run_id;
  std::vector<NewEvent> events;
  std::optional<RunRow> created;   ///< With the first batch of a run.
  std::optional<RunRow> finished;  ///< With a run_ended: the outcome and what was used are
                                   ///< taken, and the lease is given back.
};

class Journal {
 public:
  virtual ~Journal() = default;

  /// Takes the lease of a stored run, so that this process may append to it.
  /// Errors: kLocked with who holds it, be it this process; kNotFound; kCorrupt.
  virtual Status open_run(const std::string& run_id) = 0;
  /// Gives the lease back.
  virtual void close_run(const std::string& run_id) = 0;
  /// All batches or none. Errors: kStore, kStoreFull, kLocked; after one, nothing may be assumed
  /// about the store and the runs concerned must stop.
  virtual Status commit(std::span<const Batch> batches) = 0;
  /// All events, their chain verified. Errors: kNotFound, kCorrupt with the sequence that is
  /// damaged.
  virtual Result<std::vector<StoredEvent>> read(const std::string& run_id) = 0;
  /// The newest first.
  virtual Result<std::vector<RunRow>> list(std::int64_t rows_max) = 0;
  /// Takes a run away, damaged or not. Errors: kLocked while a living process writes it; kNotFound.
  virtual Status remove(const std::string& run_id) = 0;
  /// Gives the room of runs that were removed back to the file system. Errors: kStore, also while
  /// another process uses the journal; nothing is lost then.
  virtual Status compact() = 0;
  /// The full id of the run that this names: an id, its unambiguous beginning, or "last".
  /// Errors: kNotFound with the candidates.
  virtual Result<std::string> find(const std::string& name) = 0;
};

/// kLocked for a run that this process writes already.
Error run_is_open(const std::string& run_id);
/// kStore for a batch whose run this process does not write.
Error run_not_open(const std::string& run_id);
/// kNotFound for a run of this name.
Error no_such_run(const std::string& name);
/// The id among `ids` (the newest first) that `name` means: what find() of every store does.
Result<std::string> match_run_id(const std::vector<std::string>& ids, const std::string& name);

}  // namespace perdure
