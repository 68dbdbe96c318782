#include "core/fallback.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "core/budget.h"
#include "core/decide.h"

namespace perdure {
namespace {

// A name may be missing for a moment, while its servers change; not for good (fault N20).
constexpr std::int64_t kNoSuchHostAttemptsMax = 3;
// The reason of a change that no failure has.
constexpr std::string_view kReturn = "return";

// Not for a person to repair, or not at this host: a quota is renewed, a name is found again.
bool may_recover(ErrorCode code) {
  return outcome_of(code) == Outcome::kEndpointTemporary || code == ErrorCode::kQuota ||
         code == ErrorCode::kNoSuchHost;
}

// Is the error one that another endpoint may not have? What a person must repair ends a run at its
// own endpoint; at a fallback it must not.
bool passes_on(const Run& run) {
  const ErrorCode code = run.failure->error.code;
  const bool at_fallback = run.endpoint != 0 || !run.given_up.empty();
  return may_recover(code) || (at_fallback && outcome_of(code) == Outcome::kEndpointPermanent);
}

bool has_cache_to_keep(const Run& run) {
  return run.strict_prefix && !run.prefix_sent.empty();
}

bool is_usable(const Run& run, std::size_t endpoint) {
  if (run.unusable.count(endpoint) > 0) return false;
  // A window that is too small, or a price that the budget does not allow.
  return std::holds_alternative<RequestSent>(plan_request(run, run.endpoints[endpoint].limits));
}

EndpointChanged change_to(const Run& run, std::size_t to) {
  return {.from = static_cast<std::int64_t>(run.endpoint),
          .to = static_cast<std::int64_t>(to),
          .from_name = name_of(run.endpoints[run.endpoint]),
          .to_name = name_of(run.endpoints[to])};
}

EndpointChanged change_by_failure(const Run& run, std::size_t to) {
  EndpointChanged changed = change_to(run, to);
  changed.reason = to_string(run.failure->error.code);
  changed.message = run.failure->error.message;
  return changed;
}

// The next one that the step has not asked yet.
std::optional<std::size_t> next_unasked(const Run& run) {
  for (std::size_t i = 1; i < run.endpoints.size(); ++i) {
    const std::size_t to = (run.endpoint + i) % run.endpoints.size();
    const bool asked =
        std::any_of(run.given_up.begin(), run.given_up.end(),
                    [&](const GivenUp& given_up) { return given_up.endpoint == to; });
    if (!asked && is_usable(run, to)) return to;
  }
  return std::nullopt;
}

// The first one that the step left although it might have answered later.
std::optional<std::size_t> left_early(const Run& run) {
  for (const GivenUp& given_up : run.given_up) {
    if (given_up.may_try_again && is_usable(run, given_up.endpoint)) return given_up.endpoint;
  }
  return std::nullopt;
}

// Where the run has more patience than this one endpoint deserves.
std::optional<std::size_t> alternative(const Run& run) {
  if (run.endpoints.size() < 2) return std::nullopt;
  if (run.tried_from) return run.tried_from;
  return has_cache_to_keep(run) ? std::nullopt : next_unasked(run);
}

void give_up_endpoint(Run& run, const EndpointChanged& event) {
  const bool by_failure = run.request == RequestState::kFailed;
  GivenUp given_up{.endpoint = run.endpoint, .may_try_again = !by_failure || may_retry(run)};
  if (run.failure) {
    given_up.failure = *run.failure;
  } else {
    given_up.failure.error = {
        .code = error_code_from(event.reason), .message = event.message, .retry = Retry::kLater};
  }
  const ErrorCode code = given_up.failure.error.code;
  if (outcome_of(code) == Outcome::kEndpointPermanent && !may_recover(code))
    run.unusable.insert(run.endpoint);
  run.given_up.push_back(std::move(given_up));
  const auto to = static_cast<std::size_t>(event.to);
  std::erase_if(run.given_up, [&](const GivenUp& other) { return other.endpoint == to; });
  run.tried_from.reset();
  run.forget_request();
}

void use_endpoint(Run& run, std::size_t endpoint) {
  run.endpoint = endpoint;
  const EndpointPlan& plan = run.endpoints[endpoint];
  run.limits = plan.limits;
  run.prefix = plan.prefix;
  const auto is_this = [&](const Issuer& issuer) {
    return issuer.host == plan.host && issuer.base_url == plan.base_url;
  };
  // Only who began a reply goes on with it.
  if (!plan.limits.continues || run.issuers.empty() || !is_this(run.issuers.back()))
    run.close_cut_reply();
  const std::size_t size = run.transcript.size();
  // An endpoint that was left before it said anything sent nothing.
  while (!run.issuers.empty() && run.issuers.back().first_message >= size) run.issuers.pop_back();
  if (!run.issuers.empty() && is_this(run.issuers.back())) return;
  run.issuers.push_back({.first_message = size, .host = plan.host, .base_url = plan.base_url});
}

}  // namespace

EndpointPlan plan_of(const RunStarted& event) {
  return {.model = event.model,
          .host = event.host,
          .base_url = event.base_url,
          .limits = event.limits,
          .prefix = event.prefix};
}

// Older journals name the endpoint of a resume by the parts of its prefix alone.
EndpointPlan plan_of(const RunResumed& event, const Run& run) {
  EndpointPlan plan = run.endpoints.front();
  plan.limits = event.limits;
  plan.prefix = event.prefix;
  if (!event.host.empty()) {
    plan.model = event.model;
    plan.host = event.host;
    plan.base_url = event.base_url;
    return plan;
  }
  for (const PrefixPart& part : event.prefix) {
    if (part.field != "base_url" || part.value == plan.base_url) continue;
    plan.base_url = part.value;
    plan.host.clear();
  }
  return plan;
}

std::string name_of(const EndpointPlan& endpoint) {
  return endpoint.model + " at " + (endpoint.host.empty() ? endpoint.base_url : endpoint.host);
}

Outcome outcome_of(ErrorCode code) {
  // A body that is too large for the host: the codes of tools end no run.
  if (code == ErrorCode::kTooLarge) return Outcome::kEndpointPermanent;
  switch (exit_status(code)) {
    case 3:
      return Outcome::kPaused;
    case 1:
      return Outcome::kFailed;
    case 75:
      return Outcome::kEndpointTemporary;
    default:
      return Outcome::kEndpointPermanent;
  }
}

std::int64_t attempts_allowed(const Run& run) {
  if (run.tried_from) return 1;
  const bool no_such_host = run.failure && run.failure->error.code == ErrorCode::kNoSuchHost;
  return no_such_host ? std::min(kNoSuchHostAttemptsMax, run.limits.attempts_max)
                      : run.limits.attempts_max;
}

std::optional<EndpointChanged> endpoint_after_failure(const Run& run) {
  if (run.endpoints.size() < 2) return std::nullopt;
  if (run.tried_from) return change_by_failure(run, *run.tried_from);
  if (!passes_on(run) || has_cache_to_keep(run)) return std::nullopt;
  std::optional<std::size_t> to = next_unasked(run);
  if (!to) to = left_early(run);
  return to ? std::optional(change_by_failure(run, *to)) : std::nullopt;
}

bool may_retry(const Run& run) {
  const RequestFailed& failure = *run.failure;
  return failure.error.retry == Retry::kLater && failure.delay_ms <= kRetryAfterMax_ms &&
         failure.attempt < attempts_allowed(run) &&
         run.waited_ms + failure.delay_ms <= run.limits.retry_ms;
}

std::optional<EndpointChanged> endpoint_instead_of_waiting(const Run& run, const Delay& delay) {
  const std::int64_t waits_ms =
      run.waited_ms + delay.waited_ms + std::max<std::int64_t>(0, delay.wait_ms);
  if (!delay.circuit_open && waits_ms <= run.fallback_after_ms) return std::nullopt;
  const std::optional<std::size_t> to = alternative(run);
  if (!to) return std::nullopt;
  if (run.failure) return change_by_failure(run, *to);
  EndpointChanged changed = change_to(run, *to);
  changed.reason = to_string(delay.circuit_open ? ErrorCode::kOverloaded : ErrorCode::kRateLimited);
  changed.message = delay.circuit_open
                        ? "the requests of other runs fail there"
                        : "its limit would hold the request for " + duration_text(waits_ms);
  return changed;
}

std::optional<std::int64_t> patience_left(const Run& run, const Delay& delay) {
  const std::int64_t left_ms = run.fallback_after_ms - run.waited_ms - delay.waited_ms;
  if (left_ms < 0 || !alternative(run)) return std::nullopt;
  return left_ms + 1;
}

std::optional<EndpointChanged> way_back(const Run& run) {
  const bool between_steps = run.request == RequestState::kNone && run.given_up.empty();
  if (run.endpoint == 0 || !between_steps || run.tried_from || has_cache_to_keep(run))
    return std::nullopt;
  if (run.usage.wall_ms - run.away_at_ms < run.return_ms || !is_usable(run, 0)) return std::nullopt;
  EndpointChanged changed = change_to(run, 0);
  changed.reason = kReturn;
  return changed;
}

RunEnded end_of_endpoints(const Run& run, RunEnded end) {
  if (run.given_up.empty()) {
    const bool kept = run.endpoints.size() > 1 && passes_on(run) && has_cache_to_keep(run);
    if (kept) end.message += "; strict_prefix keeps the run from going on at another endpoint";
    return end;
  }
  // What passes for one of them may let the run go on later: that is how it ends.
  std::string message;
  bool is_settled = end.outcome != Outcome::kEndpointPermanent;
  for (const GivenUp& given_up : run.given_up) {
    const Error& error = given_up.failure.error;
    message += name_of(run.endpoints[given_up.endpoint]) + ": " + error.message + "; ";
    if (is_settled || outcome_of(error.code) != Outcome::kEndpointTemporary) continue;
    is_settled = true;
    end.outcome = Outcome::kEndpointTemporary;
    end.reason = to_string(error.code);
  }
  end.message = message + name_of(run.endpoints[run.endpoint]) + ": " + end.message;
  return end;
}

Error error_of_end(const Run& run, Error last) {
  const std::string* base_url = &run.endpoints[run.endpoint].base_url;
  for (const GivenUp& given_up : run.given_up) {
    if (run.ended && to_string(last.code) == run.ended->reason) break;
    last = given_up.failure.error;
    base_url = &run.endpoints[given_up.endpoint].base_url;
  }
  if (last.context.empty()) last.context = *base_url;
  return last;
}

std::size_t endpoint_to_go_on_at(const Run& run, const std::vector<EndpointPlan>& next) {
  const auto same = [](const EndpointPlan& a, const EndpointPlan& b) {
    return a.model == b.model && a.host == b.host && a.base_url == b.base_url;
  };
  if (!same(run.endpoints.front(), next.front())) return 0;
  const EndpointPlan& used = run.endpoints[run.tried_from.value_or(run.endpoint)];
  const auto found = std::find_if(next.begin(), next.end(),
                                  [&](const EndpointPlan& plan) { return same(plan, used); });
  return found == next.end() ? 0 : static_cast<std::size_t>(found - next.begin());
}

void set_endpoints(Run& run, EndpointPlan own, const FallbackPlan& fallback, std::size_t in_use) {
  run.endpoints = {std::move(own)};
  run.endpoints.insert(run.endpoints.end(), fallback.endpoints.begin(), fallback.endpoints.end());
  run.fallback_after_ms = fallback.after_ms;
  run.return_ms = fallback.return_ms;
  run.strict_prefix = fallback.strict_prefix;
  run.tried_from.reset();
  run.given_up.clear();
  run.unusable.clear();
  use_endpoint(run, in_use);
}

bool may_change_endpoint(const Run& run, const EndpointChanged& event) {
  const auto count = static_cast<std::int64_t>(run.endpoints.size());
  const bool known = event.from == static_cast<std::int64_t>(run.endpoint) && event.to >= 0 &&
                     event.to < count && event.to != event.from;
  const bool is_free = run.calls.empty() && !run.accepting;
  if (event.reason == kReturn) {
    return known && event.to == 0 && is_free && !run.tried_from &&
           run.request == RequestState::kNone;
  }
  const bool asks = run.request == RequestState::kNone || run.request == RequestState::kDue;
  const bool in_line = asks && is_free && run.model_should_speak && !event.reason.empty();
  return known && (in_line || run.request == RequestState::kFailed);
}

void change_endpoint(Run& run, const EndpointChanged& event, std::int64_t active_ms) {
  const std::size_t from = run.endpoint;
  if (event.reason == kReturn) {
    run.tried_from = from;
  } else {
    give_up_endpoint(run, event);
  }
  if (from == 0) run.away_at_ms = std::max(run.usage.wall_ms, active_ms);
  run.prefix_announced = false;
  run.repair.leave_endpoint();
  use_endpoint(run, static_cast<std::size_t>(event.to));
}

}  // namespace perdure
