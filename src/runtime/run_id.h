// Ids of runs: sortable by time, short enough to read out, unique without a registry.
#pragma once

#include <string>

namespace perdure {

/// "261120-143015-k3f9zq": UTC date and time, then six random characters.
std::string new_run_id();

}  // namespace perdure
