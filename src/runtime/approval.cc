#include "runtime/approval.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "json/parse.h"

namespace perdure {

ApprovalRequest make_approval_request(const std::string& run_id, const Run& run, std::size_t index,
                                      const PreparedCall& call, const CallContext& context) {
  const Assessment& assessment = call.assessment;
  ApprovalRequest request{.run_id = run_id,
                          .step = run.step,
                          .call = static_cast<std::int64_t>(index),
                          .tool = run.calls[index].call.name,
                          .effect = assessment.effect,
                          .summary = assessment.summary,
                          .paths = assessment.writes,
                          .hash = assessment.hash};
  if (call.tool != nullptr && call.tool->preview) {
    request.detail = call.tool->preview(*call.arguments, context);
  } else if (call.arguments != nullptr) {
    request.detail = json::dump(*call.arguments, 2);
  }
  return request;
}

bool waiting_for_person(const Run& run) {
  if (run.ended || run.request == RequestState::kInFlight) return false;
  bool asked = false;
  for (const CallState& call : run.calls) {
    if (call.stage == CallStage::kRunning) return false;
    asked = asked || call.stage == CallStage::kAsking;
  }
  return asked;
}

}  // namespace perdure
