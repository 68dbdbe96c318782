// Which endpoint a run uses. One that fails beyond its attempts, or that lets a run wait for longer
// than it has patience, is left for the next one, so that the run goes on instead of ending or
// waiting; after a while of work elsewhere the run's own is tried again, with one request, between
// two steps. Pure: what is decided is an EndpointChanged, which apply()
// folds with the functions below.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/run.h"

namespace perdure {

/// The run's own endpoint, as these events name it.
EndpointPlan plan_of(const RunStarted& event);
EndpointPlan plan_of(const RunResumed& event, const Run& run);

/// "kimi-k2.6 at moonshot".
std::string name_of(const EndpointPlan& endpoint);

/// How the run would end by this error alone.
Outcome outcome_of(ErrorCode code);

/// Attempts that one request has at the endpoint in use.
std::int64_t attempts_allowed(const Run& run);

/// Whether the request that failed may go out once more at this endpoint: it may pass, and there
/// is an attempt and time for it.
bool may_retry(const Run& run);

/// What stands before the next attempt of a request at the endpoint in use.
struct Delay {
  bool circuit_open = false;   ///< Requests of all runs fail there.
  std::int64_t waited_ms = 0;  ///< In line.
  std::int64_t wait_ms = -1;   ///< From now on; -1 when that is not known.
};

/// Where the request goes instead of waiting for so long, or nothing where it waits: another
/// endpoint has not been asked in this step.
std::optional<EndpointChanged> endpoint_instead_of_waiting(const Run& run, const Delay& delay);

/// How much longer a request waits in line before that is to be decided again; nothing when time
/// changes nothing.
std::optional<std::int64_t> patience_left(const Run& run, const Delay& delay);

/// Where the request that failed goes instead, or nothing where the run ends: no other endpoint is
/// left for this step, or another one would not help.
std::optional<EndpointChanged> endpoint_after_failure(const Run& run);

/// The way back to the run's own endpoint, when it is time for it. Only between two steps.
std::optional<EndpointChanged> way_back(const Run& run);

/// The end by the last failure, told together with those of the endpoints before.
RunEnded end_of_endpoints(const Run& run, RunEnded end);

/// Of several endpoints that failed, the error of the one that the end speaks of, with its address.
Error error_of_end(const Run& run, Error last);

/// The one of `next` (the run's own first) at which a stored run goes on: the one that it used,
/// unless somebody named another own endpoint for it.
std::size_t endpoint_to_go_on_at(const Run& run, const std::vector<EndpointPlan>& next);

// For apply().
void set_endpoints(Run& run, EndpointPlan own, const FallbackPlan& fallback, std::size_t in_use);
bool may_change_endpoint(const Run& run, const EndpointChanged& event);
void change_endpoint(Run& run, const EndpointChanged& event, std::int64_t active_ms);

}  // namespace perdure
