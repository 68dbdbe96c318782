// A stored run as a regression test that runs by itself: a script for `perdure mock` that says what
// the model said, an agent whose tools print what the tools printed, and what must come of it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <perdure/result.h>

#include "runtime/redaction.h"
#include "store/journal.h"

namespace perdure {

/// The files by their names, secrets taken out. Errors: kUnsupported with what of the run a script
/// cannot say; kCorrupt.
Result<std::map<std::string, std::string>> test_of_run(const std::string& run_id,
                                                       const std::vector<StoredEvent>& events,
                                                       const Redaction& redaction);

}  // namespace perdure
