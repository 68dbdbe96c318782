#include "runtime/stored_run.h"

#include <fmt/format.h>

namespace perdure {

Result<StoredRun> load_run(Engine& engine, const std::string& name) {
  using Events = std::pair<std::string, std::vector<StoredEvent>>;
  Result<Events> read = engine.with_journal<Events>([&](Journal& journal) -> Result<Events> {
    Result<std::string> id = journal.find(name);
    if (!id.ok()) return id.error();
    Result<std::vector<StoredEvent>> events = journal.read(*id);
    if (!events.ok()) return events.error();
    return Events(*id, std::move(*events));
  });
  if (!read.ok()) return read.error();
  StoredRun run{.run_id = read->first};
  for (const StoredEvent& stored : read->second) {
    const Result<RunEvent> event = decode(stored.kind, stored.payload);
    const Status applied = event.ok() ? apply(run.state, *event) : Status(event.error());
    if (!applied.ok()) {
      Error error = applied.error();
      error.context = fmt::format("run {}, event {}", run.run_id, stored.sequence);
      return error;
    }
    run.events = stored.sequence;
  }
  return run;
}

Status take_run(Engine& engine, const std::string& run_id, std::uint64_t events) {
  const Result<bool> taken = engine.with_journal<bool>([&](Journal& journal) -> Result<bool> {
    if (Status status = journal.open_run(run_id); !status.ok()) return status.error();
    const Result<std::vector<StoredEvent>> now = journal.read(run_id);
    if (!now.ok()) return now.error();
    if (now->size() == events) return true;
    journal.close_run(run_id);
    return Error{
        .code = ErrorCode::kLocked,
        .message = fmt::format("another process went on with run {} at the same moment", run_id),
        .advice = "try again"};
  });
  return taken.ok() ? Status() : Status(taken.error());
}

}  // namespace perdure
