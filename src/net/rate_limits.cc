#include "net/rate_limits.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <system_error>

#include "base/text.h"
#include "net/retry.h"

namespace perdure {
namespace {

constexpr double kMillisecondsMax = 1e12;  // 31 years: more than anybody waits

struct Unit {
  std::string_view name;
  double milliseconds;
};
constexpr std::array kUnits = {Unit{"d", 86'400'000.0}, Unit{"h", 3'600'000.0}, Unit{"m", 60'000.0},
                               Unit{"s", 1'000.0},      Unit{"ms", 1.0},        Unit{"us", 1e-3},
                               Unit{"\xC2\xB5s", 1e-3}, Unit{"ns", 1e-6}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The digits at `at`, exactly `count` of them.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  int number = 0;
  for (const char c : text.substr(at, count)) {
    if (!is_digit(c)) return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return number;
}

// Minutes east of UTC: "", "Z", "+02:00".
std::optional<int> zone_minutes(std::string_view zone) {
  if (zone.empty() || zone == "Z" || zone == "z") return 0;
  const std::optional<int> hours = digits(zone, 1, 2);
  const std::optional<int> minutes = digits(zone, zone.size() - 2, 2);
  const bool is_offset = (zone.size() == 6 && zone[3] == ':') || zone.size() == 5;
  if (!is_offset || (zone[0] != '+' && zone[0] != '-') || !hours || !minutes) return std::nullopt;
  const int sum = *hours * 60 + *minutes;
  return zone[0] == '-' ? -sum : sum;
}

// "2026-11-30T18:50:00.5Z" (RFC 3339) as milliseconds since 1970.
std::optional<std::int64_t> parse_iso_date(std::string_view text) {
  const auto year = digits(text, 0, 4);
  const auto month = digits(text, 5, 2);
  const auto day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2);
  const auto minute = digits(text, 14, 2);
  const auto second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const bool has_marks = text[4] == '-' && text[7] == '-' && text[13] == ':' && text[16] == ':' &&
                         (text[10] == 'T' || text[10] == 't' || text[10] == ' ');
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!has_marks || !date.ok()) return std::nullopt;
  std::size_t at = 19;
  std::int64_t milliseconds = 0;
  if (at < text.size() && text[at] == '.') {
    std::int64_t weight = 100;
    for (++at; at < text.size() && is_digit(text[at]); ++at, weight /= 10) {
      milliseconds += weight * (text[at] - '0');
    }
  }
  const std::optional<int> zone = zone_minutes(text.substr(at));
  if (!zone) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t minutes = (days * 24 + *hour) * 60 + *minute - *zone;
  return (minutes * 60 + *second) * 1000 + milliseconds;
}

std::optional<std::int64_t> ahead(std::int64_t wait_ms) {
  return wait_ms > 0 ? std::optional(wait_ms) : std::nullopt;
}

// A count; some hosts send "60;w=60" or "59.0".
std::optional<std::int64_t> parse_count(std::string_view value) {
  const std::string_view text = trim(value);
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || count < 0) return std::nullopt;
  return count;
}

enum class Part : std::uint8_t { kLimit, kRemaining, kReset };

struct Place {
  bool is_tokens;
  Part part;
};

// Which value a header carries, by its name.
std::optional<Place> place_of(std::string_view name) {
  constexpr std::string_view kCommon = "x-ratelimit-";
  constexpr std::string_view kAnthropic = "anthropic-ratelimit-";
  constexpr std::array<std::pair<std::string_view, Part>, 3> kParts = {
      {{"limit", Part::kLimit}, {"remaining", Part::kRemaining}, {"reset", Part::kReset}}};
  const bool is_common = name.starts_with(kCommon);
  if (!is_common && !name.starts_with(kAnthropic)) return std::nullopt;
  name.remove_prefix(is_common ? kCommon.size() : kAnthropic.size());
  for (const auto& [word, part] : kParts) {
    for (const std::string_view kind : {"requests", "tokens"}) {
      const std::string both = is_common ? std::string(word) + "-" + std::string(kind)
                                         : std::string(kind) + "-" + std::string(word);
      if (name == both) return Place{.is_tokens = kind == "tokens", .part = part};
    }
    if (is_common && name == word) return Place{.is_tokens = false, .part = part};
  }
  return std::nullopt;
}

// The number of a limit whose name ends at `at`: right behind it, or behind the word "limit" near
// by.
std::optional<std::int64_t> number_behind(std::string_view text, std::size_t at) {
  constexpr std::size_t kNear = 80;
  constexpr std::string_view kBetween = ":) =";
  const std::string_view rest = text.substr(at, kNear);
  const std::size_t word = rest.find("limit:");
  const std::size_t bare = rest.find("limit ");
  for (const std::size_t start : {word == std::string_view::npos ? word : word + 6, std::size_t{0},
                                  bare == std::string_view::npos ? bare : bare + 6}) {
    if (start == std::string_view::npos) continue;
    const std::size_t first = rest.find_first_not_of(kBetween, start);
    if (first == std::string_view::npos || (first == start && start == 0)) continue;
    const std::optional<std::int64_t> number = parse_count(rest.substr(first));
    if (number && *number > 0) return number;
  }
  return std::nullopt;
}

}  // namespace

NamedLimits limits_in_message(std::string_view message) {
  const std::string text = to_lower_ascii(message);
  const auto named = [&](std::string_view name) -> std::optional<std::int64_t> {
    const std::size_t at = text.find(name);
    return at == std::string::npos ? std::nullopt : number_behind(text, at + name.size());
  };
  return {.at_once = named("concurrency"),
          .requests_per_minute = named("rpm"),
          .tokens_per_minute = named("tpm")};
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
  double sum = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), number,
                                              std::chars_format::fixed);
    if (error == std::errc::invalid_argument || !(number >= 0)) return std::nullopt;
    if (error == std::errc::result_out_of_range) number = kMillisecondsMax;
    at = static_cast<std::size_t>(end - text.data());
    std::size_t unit_end = at;
    while (unit_end < text.size() && !is_digit(text[unit_end]) && text[unit_end] != '.') ++unit_end;
    const std::string_view name = trim(text.substr(at, unit_end - at));
    const auto* unit = std::find_if(kUnits.begin(), kUnits.end(),
                                    [&](const Unit& other) { return other.name == name; });
    if (unit == kUnits.end()) return std::nullopt;
    sum = std::min(kMillisecondsMax, sum + number * unit->milliseconds);
    at = unit_end;
  }
  if (text.empty()) return std::nullopt;
  return static_cast<std::int64_t>(std::ceil(sum));
}

std::optional<std::int64_t> parse_reset(std::string_view value, std::int64_t now_ms) {
  // 1973 in seconds since 1970: as a wait it would be three years.
  constexpr std::int64_t kFirstDate_s = 100'000'000;
  const std::string_view text = trim(value);
  if (const std::optional<std::int64_t> date = parse_iso_date(text)) return ahead(*date - now_ms);
  if (const std::optional<std::int64_t> duration = parse_duration(text)) return ahead(*duration);
  const std::optional<std::int64_t> wait = parse_retry_after(text, now_ms);
  // Only digits: seconds, or a point in time in one of two units.
  if (text.find_first_not_of("0123456789.") == std::string_view::npos && wait) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return ahead(*wait);
    if (number >= kFirstDate_s * 1000) return ahead(number - now_ms);
    if (number >= kFirstDate_s) return ahead(number * 1000 - now_ms);
  }
  return wait ? ahead(*wait) : std::nullopt;
}

RateLimits read_rate_limits(const std::vector<std::pair<std::string, std::string>>& headers,
                            std::int64_t now_ms) {
  RateLimits limits;
  for (const auto& [name, value] : headers) {
    const std::optional<Place> place = place_of(name);
    if (!place) continue;
    RateLimit& limit = place->is_tokens ? limits.tokens : limits.requests;
    if (place->part == Part::kReset) {
      limit.reset_ms = parse_reset(value, now_ms);
    } else {
      (place->part == Part::kLimit ? limit.limit : limit.remaining) = parse_count(value);
    }
  }
  return limits;
}

std::optional<std::int64_t> wait_for_reset(const RateLimits& limits) {
  std::optional<std::int64_t> wait;
  for (const RateLimit* limit : {&limits.requests, &limits.tokens}) {
    if (limit->reset_ms && limit->remaining.value_or(0) == 0) {
      wait = std::max(wait.value_or(0), *limit->reset_ms);
    }
  }
  // Some tokens are left, but not as many as the request needs.
  return wait ? wait : limits.tokens.reset_ms;
}

}  // namespace perdure
