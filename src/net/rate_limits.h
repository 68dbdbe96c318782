// What hosts say of their limits in headers: how many requests and tokens a key has, how many are
// left, and when there will be more. OpenAI's names (x-ratelimit-remaining-tokens), which most
// hosts have taken over, Anthropic's (anthropic-ratelimit-tokens-remaining), and the short ones of
// OpenRouter and Together (x-ratelimit-remaining).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace perdure {

/// One limit; absent is what the host did not say.
struct RateLimit {
  std::optional<std::int64_t> limit;
  std::optional<std::int64_t> remaining;
  std::optional<std::int64_t> reset_ms;  ///< From now until there is more.
};

struct RateLimits {
  RateLimit requests;
  RateLimit tokens;
};

/// Headers with their names in lower case. `now_ms` is milliseconds since 1970, for dates.
RateLimits read_rate_limits(const std::vector<std::pair<std::string, std::string>>& headers,
                            std::int64_t now_ms);

/// How long to wait after a refusal that said no more than these headers (fault N02): until what is
/// used up is there again.
std::optional<std::int64_t> wait_for_reset(const RateLimits& limits);

/// Limits that a refusal names.
struct NamedLimits {
  std::optional<std::int64_t> at_once;
  std::optional<std::int64_t> requests_per_minute;
  std::optional<std::int64_t> tokens_per_minute;
};

/// As Moonshot and OpenAI write them: "reached organization max RPM: 3", "max organization
/// concurrency: 3", "TPM rate limit, current: 140586, limit: 128000", "(TPM): Limit 30000".
NamedLimits limits_in_message(std::string_view message);

/// The forms in which hosts send a reset, as milliseconds from `now_ms`: "12" and "1.5" (seconds),
/// "1700000000" and "1700000000000" (since 1970, in seconds and milliseconds), "500ms", "6m0s",
/// "2026-11-30T18:50:00Z", and the dates of Retry-After. A time that has passed is nothing.
std::optional<std::int64_t> parse_reset(std::string_view value, std::int64_t now_ms);

/// "500ms", "6m0s", "1d2h", "2m59.56s"; the whole text must be one.
std::optional<std::int64_t> parse_duration(std::string_view text);

}  // namespace perdure
