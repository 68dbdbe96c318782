// Small text helpers: near words for error messages, trimming, splitting, quoting, numbers for
// people.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace perdure {

/// The candidate that was most likely meant, or nothing when none is close (at most a third of the
/// word differs).
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

std::string_view trim(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);
/// The lines of the text without their line feeds; a last line without one counts.
std::vector<std::string_view> split_lines(std::string_view text);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string to_lower_ascii(std::string_view text);

/// Quoted for a POSIX shell when needed: what a person can paste.
std::string shell_quote(std::string_view word);
std::string shell_join(std::span<const std::string> words);

/// "1,234,567".
std::string grouped(std::int64_t number);
/// "832 B", "12.4 KB", "3.1 MB" (decimal units).
std::string bytes_text(std::uint64_t bytes);
/// "999", "34.1k", "1.20M".
std::string short_count(std::int64_t count);
/// "850 ms", "12.3 s", "4m 05s", "3h 12m".
std::string duration_text(std::int64_t milliseconds);
/// "$0.0042", "$1.25": four digits below ten cents, two above.
std::string usd_text(double usd);

}  // namespace perdure
