// A stored run in the formats in which evaluation harnesses and viewers read trajectories. Pure.
#pragma once

#include <string>
#include <vector>

#include <perdure/json.h>
#include <perdure/result.h>

#include "store/journal.h"

namespace perdure {

/// Agent Trajectory Interchange Format 1.7. A note of the runtime is a message of the user with
/// {"origin":"runtime"} in `extra`; arguments that are no JSON object are {"_raw":TEXT}.
/// Errors: kCorrupt for an event that cannot be read.
Result<Json> atif_of(const std::string& run_id, const std::vector<StoredEvent>& events);

/// mini-SWE-agent 1.1: the messages as the model sees them, the answer as the submission.
/// Errors: kCorrupt.
Result<Json> mini_swe_of(const std::vector<StoredEvent>& events);

}  // namespace perdure
