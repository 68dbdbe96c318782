#include "runtime/request_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "core/repair.h"

namespace perdure {

RequestText request_text(RunSetup& setup, const Run& run, std::int64_t output_tokens_max) {
  const Transcript& messages = *setup.histories.at_endpoint_in_use(run).messages;
  if (setup.repaired && run.repair.changes_requests())
    return setup.repaired->text(messages, output_tokens_max, run.turn_steps, run.cut_reply);
  return setup.requests[run.endpoint].text(messages, output_tokens_max, run.turn_steps,
                                           run.cut_reply);
}

// The strict form is made by the words that led to it, and stays as it was made.
Result<RepairedRequest> repaired_request(const RunSetup& setup, const Run& run,
                                         const RepairState& repair) {
  const std::string words = repair.left_out.empty() ? run.failure->error.message : "";
  const EndpointParts& endpoint = setup.parts->endpoints[run.endpoint];
  return RepairedRequest::make(endpoint.endpoint, endpoint.declarations,
                               request_options(setup.parts->options, setup.run_id, setup.media),
                               repair, words);
}

RepairState with_repair(const Run& run, const RequestRepaired& event) {
  RepairState repair = run.repair;
  repair.strict = event.kind == RepairKind::kStrict;
  if (event.kind == RepairKind::kTool) repair.tools.insert(event.tool);
  return repair;
}

void complete_repair(RequestRepaired& event, const RepairedRequest& made, RunSetup& setup,
                     const Run& run) {
  event.prefix = made.prefix();
  if (event.kind != RepairKind::kStrict) return;
  event.left_out = made.left_out();
  const bool drops_choice = std::find(event.left_out.begin(), event.left_out.end(),
                                      "tool_choice") != event.left_out.end();
  if (drops_choice) event.told_choice = setup.parts->options.tool_choice.mode;
  if (const auto first = made.first_change(*setup.histories.at_endpoint_in_use(run).messages)) {
    event.message = static_cast<std::int64_t>(*first);
    event.left_out.push_back(
        fmt::format("all but the plainest form of messages {} and on", *first));
  }
  event.summary = event.left_out.empty()
                      ? "nothing optional is left to leave out"
                      : "the request goes out once more without what is optional: " +
                            join(event.left_out, ", ");
}

Result<std::string> trial_record(RunSetup& setup, const Run& run, const RequestParts& without,
                                 RequestRecorder& recorder) {
  RepairState repair = run.repair;
  repair.tools.insert(without.tools.begin(), without.tools.end());
  Result<RepairedRequest> made = repaired_request(setup, run, repair);
  if (!made.ok()) return made.error();
  const Transcript messages =
      without_parts(*setup.histories.at_endpoint_in_use(run).messages, without);
  return recorder.record(made->text(messages, kTrialOutputTokens, run.turn_steps));
}

}  // namespace perdure
