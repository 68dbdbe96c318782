// Batches for the tests of journals.
#pragma once

#include <string>
#include <vector>

#include "store/journal.h"

namespace perdure::test {

inline NewEvent event_of(std::string kind, std::string payload, std::int64_t at_ms = 1'000) {
  return {.at_ms = at_ms, .kind = std::move(kind), .payload = std::move(payload)};
}

/// The first batch of a run, with these events.
inline Batch first_batch(const std::string& run_id, std::vector<NewEvent> events) {
  return {.run_id = run_id,
          .events = std::move(events),
          .created = RunRow{.run_id = run_id,
                            .agent = "default",
                            .task = "task of " + run_id,
                            .model = "kimi-k2.6",
                            .workspace = "/work",
                            .created_ms = 900}};
}

inline Batch next_batch(const std::string& run_id, std::vector<NewEvent> events) {
  return {.run_id = run_id, .events = std::move(events)};
}

inline Batch last_batch(const std::string& run_id, std::vector<NewEvent> events,
                        Outcome outcome = Outcome::kDone) {
  Batch batch = next_batch(run_id, std::move(events));
  batch.finished = RunRow{.run_id = run_id,
                          .outcome = outcome,
                          .steps = 7,
                          .usd = 0.25,
                          .input_tokens = 900,
                          .output_tokens = 80};
  return batch;
}

inline Status commit_one(Journal& journal, const Batch& batch) {
  return journal.commit(std::span(&batch, 1));
}

/// "1 run_started {}\n2 ..." of what the journal holds of a run, or the error.
inline std::string text_of(Journal& journal, const std::string& run_id) {
  const Result<std::vector<StoredEvent>> events = journal.read(run_id);
  if (!events.ok()) return to_text(events.error());
  std::string text;
  for (const StoredEvent& event : *events) {
    text += std::to_string(event.sequence) + " " + event.kind + " " + event.payload + "\n";
  }
  return text;
}

}  // namespace perdure::test
