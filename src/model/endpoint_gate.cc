#include "model/endpoint_gate.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/decide.h"
#include "net/retry.h"

namespace perdure {
namespace {

constexpr std::int64_t kMinute_ms = 60 * 1000;
// Not a time: the request can go when another one has ended or begun.
constexpr std::int64_t kWhenAnotherEnds = -1;
// More than any host serves one key at once.
constexpr double kWindowMax = 100'000;

// Does the endpoint itself seem to be down?
bool is_outage(ErrorCode code) {
  return code == ErrorCode::kOverloaded || code == ErrorCode::kServer ||
         code == ErrorCode::kNetwork || code == ErrorCode::kTimeout;
}

// Does the host ask to slow down?
bool is_refusal(const Error& error) {
  return error.code == ErrorCode::kRateLimited || error.retry_after_ms > 0;
}

}  // namespace

EndpointGate::Ticket EndpointGate::join(const Demand& demand) {
  const EndpointLimits& limits = demand.limits;
  counts_minutes_ = counts_minutes_ || limits.requests_per_minute || limits.tokens_per_minute;
  line_.emplace_hint(line_.end(), ++last_ticket_, demand);
  return last_ticket_;
}

std::optional<EndpointGate::Ticket> EndpointGate::admit(std::int64_t now_ms) {
  if (line_.empty()) return std::nullopt;
  renew(requests_, now_ms);
  renew(tokens_, now_ms);
  const auto first = line_.begin();
  if (opens_at(first->second, now_ms) != now_ms) return std::nullopt;
  const Ticket ticket = first->first;
  if (closed_until_ms_ > now_ms) has_insisted_ = true;
  count(first->second, now_ms);
  under_way_[ticket] = {.epoch = epoch_};
  ++knocking_;
  line_.erase(first);
  return ticket;
}

void EndpointGate::count(const Demand& demand, std::int64_t now_ms) {
  --requests_.left;
  tokens_.left -= demand.input_tokens;
  if (!counts_minutes_) return;
  while (!minute_.empty() && minute_.front().at_ms <= now_ms - kMinute_ms) minute_.pop_front();
  minute_.push_back({.at_ms = now_ms, .tokens = demand.tokens});
}

// --- What came of requests ---

std::optional<EndpointGate::UnderWay> EndpointGate::take(Ticket ticket) {
  const auto found = under_way_.find(ticket);
  if (found == under_way_.end()) return std::nullopt;
  const UnderWay taken = found->second;
  under_way_.erase(found);
  if (taken.epoch == epoch_ && !taken.begun) --knocking_;
  return taken;
}

void EndpointGate::leave(Ticket ticket) {
  if (!take(ticket)) line_.erase(ticket);
}

void EndpointGate::begun(Ticket ticket, std::int64_t now_ms) {
  const auto found = under_way_.find(ticket);
  if (found == under_way_.end() || found->second.begun) return;
  found->second.begun = true;
  // What went out before the gate was closed says nothing about now.
  if (found->second.epoch != epoch_) return;
  --knocking_;
  recover(now_ms);
}

// The host takes requests: more may knock at the same time, at first twice as many each time.
void EndpointGate::recover(std::int64_t now_ms) {
  setbacks_ = 0;
  has_insisted_ = false;
  closed_until_ms_ = std::min(closed_until_ms_, now_ms);
  why_ = Why::kLimit;
  if (window_ <= 0) return;
  window_ += window_ < threshold_ ? 1 : 1 / window_;
  if (window_ > kWindowMax || now_ms - refused_ms_ > kCalm_ms) window_ = 0;
}

std::int64_t EndpointGate::failed(Ticket ticket, const Error& error, std::int64_t attempt,
                                  std::uint64_t random, std::int64_t now_ms) {
  const std::int64_t own_ms = retry_delay_ms(error, attempt, random);
  const std::int64_t knocked = std::max<std::int64_t>(1, knocking_);
  const std::optional<UnderWay> request = take(ticket);
  const bool is_current = request && request->epoch == epoch_;
  if (error.retry != Retry::kLater) {
    // An answer all the same: the endpoint is there.
    if (is_current && !request->begun && !is_outage(error.code)) recover(now_ms);
    return own_ms;
  }
  if (error.code == ErrorCode::kRateLimited) learn_from(error.message, now_ms);
  const bool refuses = is_refusal(error);
  if (!is_current) {
    // Sent before the gate was closed: only what the host asks for outright is news.
    if (error.retry_after_ms > 0 && own_ms <= kRetryAfterMax_ms) {
      closed_until_ms_ = std::max(closed_until_ms_, now_ms + own_ms);
    }
  } else if (refuses || is_outage(error.code)) {
    ++setbacks_;
    // By the attempts of all runs, which for a lone run are its own.
    const std::int64_t level = std::max(attempt, setbacks_);
    const std::int64_t shared_ms = retry_delay_ms(error, level, random);
    if (refuses) {
      threshold_ = std::max(1.0, static_cast<double>(knocked) / 2);
      close(now_ms + shared_ms, Why::kLimit, now_ms);
    } else if (setbacks_ >= kBreakerFailures) {
      threshold_ = kWindowMax;
      close(now_ms + shared_ms, Why::kFailing, now_ms);
    }
  }
  if (own_ms > kRetryAfterMax_ms) return own_ms;
  return std::max(own_ms, closed_until_ms_ - now_ms);
}

// A wait that ends a run with a pause holds nobody else: each run asks, one after the other, and
// pauses by what it is told itself (fault N01).
void EndpointGate::close(std::int64_t until_ms, Why why, std::int64_t now_ms) {
  if (until_ms - now_ms <= kRetryAfterMax_ms) {
    closed_until_ms_ = std::max(closed_until_ms_, until_ms);
  }
  why_ = why;
  window_ = 1;
  refused_ms_ = now_ms;
  ++epoch_;
  knocking_ = 0;
}

// --- Limits ---

void EndpointGate::learn_from(std::string_view message, std::int64_t now_ms) {
  const NamedLimits named = limits_in_message(message);
  const std::int64_t until_ms = now_ms + kLearnedFor_ms;
  if (named.at_once) at_once_ = {.value = *named.at_once, .until_ms = until_ms};
  if (named.requests_per_minute) {
    requests_per_minute_ = {.value = *named.requests_per_minute, .until_ms = until_ms};
    counts_minutes_ = true;
  }
  if (named.tokens_per_minute) {
    tokens_per_minute_ = {.value = *named.tokens_per_minute, .until_ms = until_ms};
    counts_minutes_ = true;
  }
}

void EndpointGate::learn(const RateLimits& limits, std::int64_t now_ms) {
  allow(requests_, limits.requests, now_ms);
  allow(tokens_, limits.tokens, now_ms);
}

void EndpointGate::allow(Allowance& allowance, const RateLimit& limit, std::int64_t now_ms) {
  if (!limit.remaining || !limit.reset_ms) return;
  const std::int64_t length_ms = std::min(*limit.reset_ms, kHeaderHoldMax_ms);
  allowance = {.left = *limit.remaining,
               .until_ms = now_ms + length_ms,
               .length_ms = length_ms,
               .limit = limit.limit};
}

// After a reset there is as much as the limit says, and no more before the next answer tells.
void EndpointGate::renew(Allowance& allowance, std::int64_t now_ms) {
  if (allowance.until_ms > now_ms || allowance.length_ms == 0) return;
  if (!allowance.limit || *allowance.limit < 1) {
    allowance = {};
    return;
  }
  allowance.left = *allowance.limit;
  allowance.until_ms = now_ms + allowance.length_ms;
}

std::optional<std::int64_t> EndpointGate::smaller(std::optional<std::int64_t> configured,
                                                  const Learned& learned, std::int64_t now_ms) {
  if (learned.until_ms <= now_ms) return configured;
  return configured ? std::min(*configured, learned.value) : learned.value;
}

// When a request may go, as far as time alone decides; `now_ms` is at once.
std::int64_t EndpointGate::opens_at(const Demand& demand, std::int64_t now_ms) const {
  const bool is_probe = demand.insists && !has_insisted_;
  if (closed_until_ms_ > now_ms && !is_probe) return closed_until_ms_;
  if (window_ > 0 && knocking_ >= static_cast<std::int64_t>(window_)) return kWhenAnotherEnds;
  const std::optional<std::int64_t> at_once =
      smaller(demand.limits.requests_at_once, at_once_, now_ms);
  if (at_once && static_cast<std::int64_t>(under_way_.size()) >= *at_once) return kWhenAnotherEnds;
  std::int64_t at_ms = now_ms;
  if (requests_.until_ms > now_ms && requests_.left < 1) at_ms = requests_.until_ms;
  const std::int64_t tokens_max =
      std::max<std::int64_t>(0, tokens_.limit.value_or(std::numeric_limits<std::int64_t>::max()));
  if (tokens_.until_ms > now_ms && tokens_.left < std::min(demand.input_tokens, tokens_max)) {
    at_ms = std::max(at_ms, tokens_.until_ms);
  }
  if (!counts_minutes_) return at_ms;
  return std::max(
      at_ms,
      minute_opens_at(smaller(demand.limits.requests_per_minute, requests_per_minute_, now_ms),
                      smaller(demand.limits.tokens_per_minute, tokens_per_minute_, now_ms),
                      demand.tokens, now_ms));
}

// When enough of the last minute's requests are a minute old.
std::int64_t EndpointGate::minute_opens_at(std::optional<std::int64_t> requests,
                                           std::optional<std::int64_t> tokens, std::int64_t need,
                                           std::int64_t now_ms) const {
  auto sent = static_cast<std::int64_t>(minute_.size());
  std::int64_t sum = 0;
  for (const Admission& admission : minute_) sum += admission.tokens;
  std::int64_t at_ms = now_ms;
  for (const Admission& admission : minute_) {
    const std::int64_t free_ms = admission.at_ms + kMinute_ms;
    const bool too_many = requests && sent >= *requests;
    // One request alone always goes, or it would wait for ever.
    const bool too_much = tokens && sum + need > *tokens;
    if (free_ms > now_ms) {
      if (!too_many && !too_much) break;
      at_ms = free_ms;
    }
    --sent;
    sum -= admission.tokens;
  }
  return at_ms;
}

// --- Questions ---

std::optional<std::int64_t> EndpointGate::next_ms(std::int64_t now_ms) const {
  if (line_.empty()) return std::nullopt;
  const std::int64_t at_ms = opens_at(line_.begin()->second, now_ms);
  if (at_ms == kWhenAnotherEnds) return std::nullopt;
  return at_ms - now_ms;
}

EndpointGate::Wait EndpointGate::wait_of(Ticket ticket, std::int64_t now_ms) const {
  const auto place = line_.find(ticket);
  const auto before = static_cast<std::size_t>(std::distance(line_.begin(), place));
  return {.why = why_, .before = before, .wait_ms = next_ms(now_ms).value_or(-1)};
}

}  // namespace perdure
