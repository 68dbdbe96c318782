// When to ask again: the one place that knows waiting times.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <perdure/result.h>

namespace perdure {

struct Backoff {
  std::int64_t base_ms = 500;
  std::int64_t cap_ms = 32'000;
};

/// Waiting time before attempt `attempt` + 1: full jitter over base * 2^(attempt-1), capped, at
/// least a tenth of that range; an overloaded host gets four times the range. What the host asked
/// for is never undercut, and gets up to `base_ms` on top; a host that asks for less than the range
/// again and again is still given more and more time. `random` is any uniform 64-bit number.
std::int64_t retry_delay_ms(const Error& error, std::int64_t attempt, std::uint64_t random,
                            const Backoff& backoff = {});

/// Retry-After in both forms (RFC 9110 section 10.2.3): seconds, or a date, as milliseconds from
/// `now_ms` (milliseconds since 1970). A date in the past is 0.
std::optional<std::int64_t> parse_retry_after(std::string_view value, std::int64_t now_ms);

/// "please try again after 3 seconds", as Moonshot writes it into the message, and "try again in
/// 7.66s", as OpenAI and Groq do.
std::optional<std::int64_t> retry_after_in_message(std::string_view message);

}  // namespace perdure
