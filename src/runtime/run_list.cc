#include "runtime/run_list.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/path.h"
#include "base/text.h"
#include "core/event_names.h"
#include "json/slice.h"
#include "json/writer.h"
#include "os/clock.h"
#include "store/archive.h"

namespace perdure {
namespace {

constexpr std::int64_t kAllRuns = 1'000'000'000;
// What a process stored and did not name yet: much longer than it takes.
constexpr std::int64_t kSweepAge_ms = 60 * 60 * 1000;

RunSummary summary_of(const RunRow& row) {
  return {.run_id = row.run_id,
          .agent = row.agent,
          .task = row.task,
          .model = row.model,
          .workspace = row.workspace,
          .created_ms = row.created_ms,
          .updated_ms = row.updated_ms,
          .outcome = row.outcome,
          .running = row.writing,
          .steps = row.steps,
          .usd = row.usd,
          .input_tokens = row.input_tokens,
          .output_tokens = row.output_tokens,
          .parent = row.parent};
}

// Of what was said and printed, not of how the agent was made.
bool is_said(const StoredEvent& event) {
  if (event.kind == "message_added")
    return json::member_slice(event.payload, "origin") != "\"instructions\"";
  return event.kind == "message_queued" || event.kind == "model_replied" ||
         event.kind == "call_finished";
}

bool says(Journal& journal, const RunRow& row, const std::string& needle) {
  if (to_lower_ascii(row.task).find(needle) != std::string::npos) return true;
  const std::string quoted = json::quoted(needle);
  const std::string_view inside = std::string_view(quoted).substr(1, quoted.size() - 2);
  // One that is damaged says nothing.
  const Result<std::vector<StoredEvent>> events = journal.read(row.run_id);
  return events.ok() && std::any_of(events->begin(), events->end(), [&](const StoredEvent& event) {
           return is_said(event) && to_lower_ascii(event.payload).find(inside) != std::string::npos;
         });
}

Status check_states(const std::vector<std::string>& states) {
  for (const std::string& state : states) {
    if (state == "running" || state == "died" || value_in(kOutcomeNames, state)) continue;
    std::vector<std::string> names{"running", "died"};
    for (const auto& [outcome, name] : kOutcomeNames) {
      if (outcome != Outcome::kInvalid && outcome != Outcome::kStoreFailed)
        names.emplace_back(name);
    }
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = fmt::format("no run is in a state '{}'", state),
                 .advice = "states: " + join(names, ", ")};
  }
  return {};
}

bool is_one_of(const std::vector<std::string>& names, const std::string& name) {
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

bool fits(const RunRow& row, const RunFilter& filter) {
  return is_one_of(filter.states, state_of(summary_of(row))) &&
         (filter.model.empty() || row.model == filter.model) &&
         (filter.workspace.empty() || is_below(row.workspace, filter.workspace)) &&
         row.created_ms >= filter.since_ms &&
         (filter.until_ms == 0 || row.created_ms < filter.until_ms);
}

// Nobody goes on with it, unless with a new turn.
bool is_over(const RunSummary& run) {
  constexpr Outcome kOver[] = {Outcome::kDone, Outcome::kFailed, Outcome::kStuck,
                               Outcome::kEndpointPermanent};
  return run.outcome &&
         std::find(std::begin(kOver), std::end(kOver), *run.outcome) != std::end(kOver);
}

// `newer` runs come before it in the list.
bool may_go(const RunSummary& run, std::int64_t newer, const Retention& retention) {
  const std::vector<std::string>& named = retention.run_ids;
  if (std::find(named.begin(), named.end(), run.run_id) != named.end()) return true;
  const bool by_age = retention.older_than_ms > 0;
  if (!by_age && !retention.keep) return false;
  if (by_age && run.updated_ms > wall_time_ms() - retention.older_than_ms) return false;
  if (retention.keep && newer < *retention.keep) return false;
  if (run.running) return false;
  return retention.states.empty() ? is_over(run) : is_one_of(retention.states, state_of(run));
}

Result<std::set<std::string>> named_outputs(Journal& journal, const std::set<std::string>& gone) {
  std::set<std::string> named;
  const Result<std::vector<RunRow>> rows = journal.list(kAllRuns);
  if (!rows.ok()) return rows.error();
  for (const RunRow& row : *rows) {
    if (gone.count(row.run_id) > 0) continue;
    const Result<std::vector<StoredEvent>> events = journal.read(row.run_id);
    if (!events.ok()) {
      Error error = events.error();
      error.advice =
          "what it names is not known, so no output was removed; repair the journal, or "
          "name the run to take it away: perdure gc " +
          row.run_id;
      return error;
    }
    for (std::string& name : outputs_of(*events)) named.insert(std::move(name));
  }
  return named;
}

}  // namespace

std::string state_of(const RunSummary& run) {
  if (run.outcome) return std::string(to_string(*run.outcome));
  return run.running ? "running" : "died";
}

Result<std::vector<RunSummary>> list_runs(Engine& engine, const RunFilter& filter) {
  if (Status status = check_states(filter.states); !status.ok()) return status.error();
  using Runs = std::vector<RunSummary>;
  return engine.with_journal<Runs>([&](Journal& journal) -> Result<Runs> {
    const bool narrows = !filter.text.empty() || !filter.states.empty() || !filter.model.empty() ||
                         !filter.workspace.empty() || filter.since_ms > 0 || filter.until_ms > 0 ||
                         !filter.before.empty();
    std::string before;
    if (!filter.before.empty()) {
      Result<std::string> found = journal.find(filter.before);
      if (!found.ok()) return found.error();
      before = std::move(*found);
    }
    const Result<std::vector<RunRow>> rows = journal.list(narrows ? kAllRuns : filter.rows_max);
    if (!rows.ok()) return rows.error();
    const std::string needle = to_lower_ascii(filter.text);
    Runs runs;
    bool is_older = before.empty();
    for (const RunRow& row : *rows) {
      if (static_cast<std::int64_t>(runs.size()) >= filter.rows_max) break;
      const bool fitting = is_older && fits(row, filter);
      if (row.run_id == before) is_older = true;
      if (fitting && (needle.empty() || says(journal, row, needle)))
        runs.push_back(summary_of(row));
    }
    return runs;
  });
}

Result<Collected> collect_runs(Engine& engine, const Retention& retention) {
  if (Status status = check_states(retention.states); !status.ok()) return status.error();
  return engine.with_journal<Collected>([&](Journal& journal) -> Result<Collected> {
    const Result<std::vector<RunRow>> rows = journal.list(kAllRuns);
    if (!rows.ok()) return rows.error();
    Collected collected;
    std::int64_t newer = 0;
    for (const RunRow& row : *rows) {
      const RunSummary run = summary_of(row);
      if (!may_go(run, newer++, retention)) continue;
      if (run.running) {
        return Error{.code = ErrorCode::kLocked,
                     .message = "run " + run.run_id + " is being written; no run was removed",
                     .advice = "wait for its process, or stop it"};
      }
      collected.runs.push_back(run);
    }
    std::set<std::string> gone;
    for (const RunSummary& run : collected.runs) {
      if (!retention.dry_run) {
        if (Status status = journal.remove(run.run_id); !status.ok()) return status.error();
      }
      gone.insert(run.run_id);
    }
    const Result<std::set<std::string>> named = named_outputs(journal, gone);
    if (!named.ok()) return named.error();
    const Result<Blobs::Swept> swept = engine.blobs().sweep(
        *named, kSweepAge_ms, retention.dry_run ? Blobs::Sweep::kLook : Blobs::Sweep::kRemove);
    if (!swept.ok()) return swept.error();
    collected.outputs = swept->blobs;
    collected.output_bytes = swept->bytes;
    if (retention.dry_run || collected.runs.empty()) return collected;
    const Status compacted = journal.compact();
    if (!compacted.ok()) collected.compact_error = compacted.error().message;
    return collected;
  });
}

}  // namespace perdure
