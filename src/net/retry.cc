#include "net/retry.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>

#include "base/text.h"
#include "net/curl_library.h"
#include "net/rate_limits.h"

namespace perdure {
namespace {

// 31 years: more than anybody waits, and a product with 1,000 that fits.
constexpr double kSecondsMax = 1e9;

struct Number {
  double value = 0;
  std::size_t size = 0;  // in characters
};

// The number that the text begins with. One that is too large is kSecondsMax: a host that asks for
// far too long must not be taken for one that asks for nothing.
std::optional<Number> leading_number(std::string_view text) {
  Number number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number.value,
                                            std::chars_format::fixed);
  number.size = static_cast<std::size_t>(end - text.data());
  if (error == std::errc::result_out_of_range) number.value = kSecondsMax;
  if (number.size == 0 || !(number.value >= 0)) return std::nullopt;
  number.value = std::min(number.value, kSecondsMax);
  return number;
}

std::int64_t to_ms(const Number& seconds) {
  return static_cast<std::int64_t>(std::ceil(seconds.value * 1000));
}

// "Please try again in 2m59.56s.", as OpenAI and Groq write it.
std::optional<std::int64_t> duration_in_message(std::string_view message) {
  constexpr std::string_view kWords = "try again in ";
  const std::size_t at = message.find(kWords);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view word = message.substr(at + kWords.size());
  word = word.substr(0, word.find_first_of(" ,;"));
  while (word.ends_with('.')) word.remove_suffix(1);
  return parse_duration(word);
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
  // Other bits of the same number: whoever was sent away together does not come back together.
  const auto spread = static_cast<std::uint64_t>(backoff.base_ms) + 1;
  const auto extra = static_cast<std::int64_t>((random >> 32U) % spread);
  return std::max(error.retry_after_ms + extra, jitter);
}

std::optional<std::int64_t> parse_retry_after(std::string_view value, std::int64_t now_ms) {
  const std::string text(trim(value));
  if (text.empty()) return std::nullopt;
  if (text.find_first_not_of("0123456789.") == std::string::npos) {
    const std::optional<Number> seconds = leading_number(text);
    if (!seconds || seconds->size != text.size()) return std::nullopt;
    return to_ms(*seconds);
  }
  const std::time_t date = CurlLibrary::get().getdate(text.c_str(), nullptr);
  if (date < 0) return std::nullopt;
  return std::max<std::int64_t>(0, static_cast<std::int64_t>(date) * 1000 - now_ms);
}

std::optional<std::int64_t> retry_after_in_message(std::string_view message) {
  constexpr std::string_view kWords = "try again after ";
  const std::size_t at = message.find(kWords);
  if (at == std::string_view::npos) return duration_in_message(message);
  const std::string_view rest = message.substr(at + kWords.size());
  const std::optional<Number> number = leading_number(rest);
  if (!number || trim(rest.substr(number->size)).substr(0, 6) != "second") return std::nullopt;
  return to_ms(*number);
}

}  // namespace perdure
