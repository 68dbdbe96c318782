#include "store/memory/memory_journal.h"

#include <algorithm>
#include <set>

namespace perdure {

Status MemoryJournal::open_run(const std::string& run_id) {
  const auto found = runs_.find(run_id);
  if (found == runs_.end()) return no_such_run(run_id);
  if (found->second.row.writing) return run_is_open(run_id);
  found->second.row.writing = true;
  return {};
}

void MemoryJournal::close_run(const std::string& run_id) {
  const auto found = runs_.find(run_id);
  if (found != runs_.end()) found->second.row.writing = false;
}

// All batches or none: what could fail is looked at before anything changes.
Status MemoryJournal::check(std::span<const Batch> batches) const {
  std::set<std::string> created;
  for (const Batch& batch : batches) {
    const auto found = runs_.find(batch.run_id);
    const bool is_new = found == runs_.end() && created.count(batch.run_id) == 0;
    if (batch.created && !is_new) {
      return Error{.code = ErrorCode::kStore,
                   .message = "there is a run " + batch.run_id + " already"};
    }
    if (batch.created) {
      created.insert(batch.run_id);
    } else if (is_new || (found != runs_.end() && !found->second.row.writing)) {
      return run_not_open(batch.run_id);
    }
  }
  return {};
}

void MemoryJournal::append(const Batch& batch) {
  Stored& run = runs_[batch.run_id];
  if (batch.created) {
    run.row = *batch.created;
    run.row.writing = true;
    order_.push_back(batch.run_id);
  }
  run.row.outcome.reset();
  for (const NewEvent& event : batch.events) {
    run.row.updated_ms = event.at_ms;
    run.events.push_back({.sequence = run.events.size() + 1,
                          .at_ms = event.at_ms,
                          .kind = event.kind,
                          .payload = event.payload});
  }
  if (batch.finished) {
    run.row.outcome = batch.finished->outcome;
    run.row.steps = batch.finished->steps;
    run.row.usd = batch.finished->usd;
    run.row.input_tokens = batch.finished->input_tokens;
    run.row.output_tokens = batch.finished->output_tokens;
    run.row.writing = false;
  }
}

Status MemoryJournal::commit(std::span<const Batch> batches) {
  if (Status status = check(batches); !status.ok()) return status;
  for (const Batch& batch : batches) append(batch);
  return {};
}

Result<std::vector<StoredEvent>> MemoryJournal::read(const std::string& run_id) {
  const auto found = runs_.find(run_id);
  if (found == runs_.end()) return no_such_run(run_id);
  return found->second.events;
}

Result<std::vector<RunRow>> MemoryJournal::list(std::int64_t rows_max) {
  std::vector<RunRow> rows;
  for (auto id = order_.rbegin(); id != order_.rend(); ++id) {
    if (static_cast<std::int64_t>(rows.size()) >= rows_max) break;
    const Stored& run = runs_.at(*id);
    rows.push_back(run.row);
    if (run.row.outcome) continue;
    rows.back().steps =
        std::count_if(run.events.begin(), run.events.end(),
                      [](const StoredEvent& event) { return event.kind == "model_replied"; });
  }
  return rows;
}

Status MemoryJournal::remove(const std::string& run_id) {
  const auto found = runs_.find(run_id);
  if (found == runs_.end()) return no_such_run(run_id);
  if (found->second.row.writing) return run_is_open(run_id);
  runs_.erase(found);
  std::erase(order_, run_id);
  return {};
}

Result<std::string> MemoryJournal::find(const std::string& name) {
  return match_run_id({order_.rbegin(), order_.rend()}, name);
}

}  // namespace perdure
