// The question that a person is asked about a call.
#pragma once

#include <cstddef>
#include <string>

#include <perdure/policy.h>

#include "core/run.h"
#include "os/workspace.h"
#include "tools/registry.h"

namespace perdure {

/// The question about one call of the step under way, with the exact command or change.
ApprovalRequest make_approval_request(const std::string& run_id, const Run& run, std::size_t index,
                                      const PreparedCall& call, const CallContext& context);

/// Whether nothing goes on until a person answers: then the run's time stands still.
bool waiting_for_person(const Run& run);

}  // namespace perdure
