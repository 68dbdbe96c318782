// What should happen next. decide() looks at the state of a run and returns effects; the driver
// journals the intent of each, performs it, and feeds what came of it back as events. Pure: the
// same state gives the same effects.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "core/run.h"

namespace perdure {

/// An event that needs nothing from outside: a decision to write down.
struct Record {
  EventBody event;
};
/// Find out what a call would do (tools/); answered by CallAssessed.
struct AssessCall {
  std::int64_t call = 0;
};
/// Ask a person; ApprovalAsked, then ApprovalGiven.
struct AskApproval {
  std::int64_t call = 0;
};
/// Run a call; CallIntended, then CallFinished.
struct StartCall {
  std::int64_t call = 0;
  std::int64_t attempt = 1;
};
/// A call of a process that died: find out, or say that nobody knows; CallIntended or CallFinished.
struct ResolveDoubt {
  std::int64_t call = 0;
};
/// Ask the model; RequestSent, then ModelReplied or RequestFailed.
struct CallModel {
  RequestSent request;
};
/// RetryScheduled, then RetryDue after the delay.
struct WaitForRetry {
  RetryScheduled retry;
};
/// Run the acceptance commands; AcceptanceStarted, then AcceptanceFinished.
struct RunAcceptance {
  std::int64_t round = 1;
};
/// Parts of a request that it goes out without: tools by name, contents and media of messages.
struct RequestParts {
  std::set<std::string> tools;
  std::set<std::int64_t> messages;
  std::set<std::int64_t> media;
};
/// Change the requests of the run; RequestRepaired, with what only model/ knows filled in.
struct RepairRequest {
  RequestRepaired event;
};
/// Ask whether the host takes the request without some parts; TrialSent, then TrialAnswered.
struct TryRequest {
  TrialSent trial;
  RequestParts without;
};
/// The host refuses the request for good: put it where a person can look at it; RunEnded.
struct ReportRefusal {
  RunEnded end;
};
/// Stop what is under way; each of it then ends with its own event.
struct CancelWork {};

using Effect =
    std::variant<Record, AssessCall, AskApproval, StartCall, ResolveDoubt, CallModel, WaitForRetry,
                 RunAcceptance, RepairRequest, TryRequest, ReportRefusal, CancelWork>;

/// Longest wait that a host may ask for; for a longer one the run pauses instead (fault N01).
inline constexpr std::int64_t kRetryAfterMax_ms = 10 * 60 * 1000;

/// The effects that are due now; none while the run waits or has ended. All of them may go ahead at
/// once.
std::vector<Effect> decide(const Run& run);

}  // namespace perdure
