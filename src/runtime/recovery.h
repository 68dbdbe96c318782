// What happens to a call whose process died while it ran (reliability: the call states). Leftover
// processes are dead by then. What only reads, or is the same twice, runs again; a file tool looks
// at the file; everything else is reported as in doubt, in words that the model can act on. Nothing
// is repeated on a guess.
#pragma once

#include <string>

#include <perdure/agent.h>

#include "core/run.h"
#include "tools/registry.h"

namespace perdure {

struct Resolution {
  bool run_again = false;
  ToolOutcome outcome;  ///< When it does not run again.
};

Resolution resolve_in_doubt(const CallState& call, const PreparedCall& prepared,
                            const CallContext& context);

/// An acceptance command as a call that a CallRunner can run.
PreparedCall prepare_acceptance(const std::string& command, const AgentOptions& options);

}  // namespace perdure
