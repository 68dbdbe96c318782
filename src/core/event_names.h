// The spelling of events and of the enums in their payloads. docs/events.md lists the same words.
#pragma once

#include <perdure/policy.h>
#include <perdure/run.h>

#include "base/names.h"
#include "core/event.h"

namespace perdure {

inline constexpr NameTable<Outcome, 9> kOutcomeNames = {{
    {Outcome::kDone, "done"},
    {Outcome::kFailed, "failed"},
    {Outcome::kPaused, "paused"},
    {Outcome::kEndpointTemporary, "endpoint_temporary"},
    {Outcome::kEndpointPermanent, "endpoint_permanent"},
    {Outcome::kStuck, "stuck"},
    {Outcome::kInterrupted, "interrupted"},
    {Outcome::kStoreFailed, "store_failed"},
    {Outcome::kInvalid, "invalid"},
}};

inline constexpr NameTable<EffectClass, 5> kEffectNames = {{
    {EffectClass::kPure, "pure"},
    {EffectClass::kRead, "read"},
    {EffectClass::kIdempotent, "idempotent"},
    {EffectClass::kAdditive, "additive"},
    {EffectClass::kDestructive, "destructive"},
}};

inline constexpr NameTable<PolicyAction, 3> kActionNames = {{
    {PolicyAction::kAllow, "allow"},
    {PolicyAction::kDeny, "deny"},
    {PolicyAction::kAsk, "ask"},
}};

inline constexpr NameTable<ApprovalAnswer, 3> kAnswerNames = {{
    {ApprovalAnswer::kYes, "yes"},
    {ApprovalAnswer::kNo, "no"},
    {ApprovalAnswer::kAlways, "always"},
}};

inline constexpr NameTable<CallStatus, 8> kCallStatusNames = {{
    {CallStatus::kOk, "ok"},
    {CallStatus::kError, "error"},
    {CallStatus::kInvalid, "invalid"},
    {CallStatus::kTruncated, "truncated"},
    {CallStatus::kDenied, "denied"},
    {CallStatus::kTimeout, "timeout"},
    {CallStatus::kCancelled, "cancelled"},
    {CallStatus::kInDoubt, "in_doubt"},
}};

inline constexpr NameTable<FinishReason, 5> kFinishNames = {{
    {FinishReason::kStop, "stop"},
    {FinishReason::kToolCalls, "tool_calls"},
    {FinishReason::kLength, "length"},
    {FinishReason::kContentFilter, "content_filter"},
    {FinishReason::kOther, "other"},
}};

inline constexpr NameTable<MessageOrigin, 3> kOriginNames = {{
    {MessageOrigin::kInstructions, "instructions"},
    {MessageOrigin::kUser, "user"},
    {MessageOrigin::kRuntime, "runtime"},
}};

inline constexpr NameTable<RepairKind, 4> kRepairNames = {{
    {RepairKind::kStrict, "strict"},
    {RepairKind::kTool, "tool"},
    {RepairKind::kMessage, "message"},
    {RepairKind::kMedia, "media"},
}};

inline constexpr NameTable<TrialOutcome, 3> kTrialNames = {{
    {TrialOutcome::kTaken, "taken"},
    {TrialOutcome::kRefused, "refused"},
    {TrialOutcome::kUnknown, "unknown"},
}};

inline constexpr NameTable<StopCause, 3> kStopNames = {{
    {StopCause::kInterrupt, "interrupt"},
    {StopCause::kPause, "pause"},
    {StopCause::kWallTime, "wall_time"},
}};

/// In the order of EventBody's alternatives.
inline constexpr std::array<std::string_view, std::variant_size_v<EventBody>> kEventKinds = {
    "run_started",     "message_queued",     "message_added",       "prefix_changed",
    "host_differs",    "request_sent",       "request_failed",      "retry_scheduled",
    "retry_due",       "endpoint_changed",   "model_replied",       "call_assessed",
    "call_authorized", "approval_asked",     "approval_given",      "call_intended",
    "call_finished",   "acceptance_started", "acceptance_finished", "stop_requested",
    "run_ended",       "run_resumed",        "request_repaired",    "trial_sent",
    "trial_answered",  "media_uploaded",     "media_omitted",       "run_forked"};

}  // namespace perdure
