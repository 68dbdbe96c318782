#include "store/memory/memory_journal.h"

namespace perdure {
Status MemoryJournal::open_run(const std::string& run_id) {
  if (runs_.count(run_id) == 0) return no_such_run(run_id);
  runs_[run_id].row.writing = true;
  return {};
}

void MemoryJournal::close_run(const std::string& run_id) {
  runs_[run_id].row.writing = false;
}

Status MemoryJournal::commit(std::span<const Batch> batches) {
  for (const Batch& batch : batches) {
    Stored& run = runs_[batch.run_id];
    if (batch.created) run.row = *batch.created;
    if (batch.finished) {
      run.row.outcome = batch.finished->outcome;
      run.row.steps = batch.finished->steps;
      run.row.usd = batch.finished->usd;
    }
    for (const NewEvent& event : batch.events) {
      run.row.updated_ms = event.at_ms;
      run.events.push_back({.sequence = run.events.size() + 1,
                            .at_ms = event.at_ms,
                            .kind = event.kind,
                            .payload = event.payload});
    }
  }
  return {};
}

Result<std::vector<StoredEvent>> MemoryJournal::read(const std::string& run_id) {
  const auto found = runs_.find(run_id);
  if (found == runs_.end()) return no_such_run(run_id);
  return found->second.events;
}

Result<std::vector<RunRow>> MemoryJournal::list(std::int64_t rows_max) {
  std::vector<RunRow> rows;
  for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) {
    if (static_cast<std::int64_t>(rows.size()) >= rows_max) break;
    rows.push_back(run->second.row);
  }
  return rows;
}

Result<std::string> MemoryJournal::find(const std::string& name) {
  std::vector<std::string> ids;
  for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) ids.push_back(run->first);
  return match_run_id(ids, name);
}

}  // namespace perdure
