// The next request of a run as text, and what the journal keeps of it: enough to tell later, to the
// byte, whether another one is the same, and where it is not. Shared by the driver, which sends it,
// and by replay, which compares it. On one thread for a run.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include <perdure/result.h>

#include "core/decide.h"
#include "core/run.h"
#include "model/chat_request.h"
#include "runtime/repaired_request.h"
#include "runtime/run_driver.h"

namespace perdure {

/// At the endpoint in use, as its repairs left it. Valid until the next call.
RequestText request_text(RunSetup& setup, const Run& run, std::int64_t output_tokens_max);

/// How requests are made with these repairs at the endpoint in use.
Result<RepairedRequest> repaired_request(const RunSetup& setup, const Run& run,
                                         const RepairState& repair);
/// The repairs with the one that is about to be recorded.
RepairState with_repair(const Run& run, const RequestRepaired& event);
/// Fills in what the repaired request says of itself.
void complete_repair(RequestRepaired& event, const RepairedRequest& made, RunSetup& setup,
                     const Run& run);

/// The small request of a trial, for its journal entry. Errors: those of RepairedRequest::make().
Result<std::string> trial_record(RunSetup& setup, const Run& run, const RequestParts& without,
                                 RequestRecorder& recorder);

}  // namespace perdure
