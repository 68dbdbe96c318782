#include "runtime/recovery.h"

#include <nlohmann/json.hpp>

#include "tools/builtin/builtin.h"

namespace perdure {

Resolution resolve_in_doubt(const CallState& call, const PreparedCall& prepared,
                            const CallContext& context) {
  if (prepared.tool == nullptr) {
    return {.outcome = {.status = CallStatus::kInDoubt,
                        .text = "In doubt: the run was interrupted after this call had started, "
                                "and its tool is not "
                                "there any more. Find out what it did before you go on."}};
  }
  if (prepared.assessment.effect <= EffectClass::kIdempotent) return {.run_again = true};
  if (prepared.tool->probe) {
    const Probe probe = prepared.tool->probe(*prepared.arguments, context);
    if (probe.verdict == ProbeVerdict::kNotDone) return {.run_again = true};
    if (probe.verdict == ProbeVerdict::kDone) return {.outcome = probe.outcome};
  }
  return {.outcome = {.status = CallStatus::kInDoubt,
                      .text = "In doubt: the run was interrupted after this call had started (" +
                              prepared.assessment.summary +
                              "). Whether it took effect, in whole or in part, is not known; what "
                              "it had started was "
                              "stopped. Verify before you repeat it. (It was attempt " +
                              std::to_string(call.attempt) + ".)"}};
}

PreparedCall prepare_acceptance(const std::string& command, const AgentOptions& options) {
  BuiltinOptions builtin{.passed_on = options.environment,
                         .command_timeout_ms = options.test_timeout_ms};
  auto tool = std::make_shared<const Tool>(make_run_command(builtin));
  PreparedCall call;
  call.arguments = std::make_shared<const Json>(Json{{"command", command}});
  call.owner = tool;
  call.tool = tool.get();
  return call;
}

}  // namespace perdure
