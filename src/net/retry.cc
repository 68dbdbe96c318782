#include "net/retry.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>

#include "base/text.h"
#include "net/curl_library.h"

namespace perdure {
namespace {

std::optional<double> leading_number(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data() || !(number >= 0) || number > 1e9)
    return std::nullopt;
  return number;
}

}  // namespace

std::int64_t retry_delay_ms(const Error& error, std::int64_t attempt, std::uint64_t random,
                            const Backoff& backoff) {
  const int doublings = static_cast<int>(std::clamp<std::int64_t>(attempt - 1, 0, 20));
  const std::int64_t factor = error.code == ErrorCode::kOverloaded ? 4 : 1;
  const std::int64_t range = std::min(backoff.cap_ms, factor * backoff.base_ms << doublings);
  const std::int64_t least = range / 10;
  const auto width = static_cast<std::uint64_t>(std::max<std::int64_t>(1, range - least));
  const std::int64_t jitter = least + static_cast<std::int64_t>(random % width);
  if (error.retry_after_ms < 0) return jitter;
  return error.retry_after_ms + std::min(jitter, backoff.base_ms);
}

std::optional<std::int64_t> parse_retry_after(std::string_view value, std::int64_t now_ms) {
  const std::string text(trim(value));
  if (text.empty()) return std::nullopt;
  if (text.find_first_not_of("0123456789.") == std::string::npos) {
    const std::optional<double> seconds = leading_number(text);
    if (!seconds) return std::nullopt;
    return static_cast<std::int64_t>(std::ceil(*seconds * 1000));
  }
  const std::time_t date = CurlLibrary::get().getdate(text.c_str(), nullptr);
  if (date < 0) return std::nullopt;
  return std::max<std::int64_t>(0, static_cast<std::int64_t>(date) * 1000 - now_ms);
}

std::optional<std::int64_t> retry_after_in_message(std::string_view message) {
  constexpr std::string_view kWords = "try again after ";
  const std::size_t at = message.find(kWords);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = message.substr(at + kWords.size());
  const std::optional<double> number = leading_number(rest);
  const std::size_t unit = rest.find_first_not_of("0123456789. ");
  if (!number || unit == std::string_view::npos || rest.substr(unit, 6) != "second")
    return std::nullopt;
  return static_cast<std::int64_t>(std::ceil(*number * 1000));
}

}  // namespace perdure
