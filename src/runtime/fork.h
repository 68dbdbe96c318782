// A new run that shares the beginning of another one: its events up to the end of a step, with what
// is to be otherwise, and what they used counted apart (run_forked). It goes on as any stored run.
#pragma once

#include <string>
#include <vector>

#include <perdure/runtime.h>

#include "runtime/engine.h"
#include "store/journal.h"

namespace perdure {

/// Stores it and returns its id. Errors: kInvalidArgument for a step or a call that is not there,
/// and where nothing follows the step; kNotFound, kCorrupt, kStore.
Result<std::string> fork_stored_run(Engine& engine, const std::string& parent,
                                    const std::vector<StoredEvent>& events,
                                    const ForkOptions& options);

}  // namespace perdure
