// The stored runs: those that somebody looks for, and those that nobody needs any more.
#pragma once

#include <vector>

#include <perdure/runtime.h>

#include "runtime/engine.h"

namespace perdure {

/// The newest first. Errors: kInvalidArgument for a state that is none; kNotFound for `before`.
Result<std::vector<RunSummary>> list_runs(Engine& engine, const RunFilter& filter);

/// As Runtime::collect().
Result<Collected> collect_runs(Engine& engine, const Retention& retention);

}  // namespace perdure
