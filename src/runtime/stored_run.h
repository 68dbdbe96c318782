// A run as the journal has it, folded.
#pragma once

#include <cstdint>
#include <string>

#include <perdure/result.h>

#include "core/run.h"
#include "runtime/engine.h"

namespace perdure {

struct StoredRun {
  std::string run_id;
  Run state;
  std::uint64_t events = 0;
};

/// Reads and folds a run by its id, the beginning of its id, or "last". Errors: kNotFound; kCorrupt
/// with the event.
Result<StoredRun> load_run(Engine& engine, const std::string& name);

/// Takes the lease for writing. Errors: kLocked, also when another process has added events since
/// the run was read.
Status take_run(Engine& engine, const std::string& run_id, std::uint64_t events);

}  // namespace perdure
