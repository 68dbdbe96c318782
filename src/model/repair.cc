#include "model/repair.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <system_error>

#include "base/utf8.h"

namespace perdure {
namespace {

// Behind the string that opens at `at`.
std::size_t end_of_string(std::string_view json, std::size_t at) {
  for (++at; at < json.size() && json[at] != '"'; ++at) {
    if (json[at] == '\\') ++at;
  }
  return std::min(json.size(), at + 1);
}

bool belongs_to_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '+' || c == '.';
}

template <class Number>
bool is_out_of_range(std::string_view word) {
  Number number{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc::result_out_of_range && end == word.data() + word.size();
}

bool is_unreadable_number(std::string_view word) {
  if (word == "NaN" || word == "Infinity" || word == "-Infinity") return true;
  const bool is_integer = word.find_first_not_of("-0123456789") == std::string_view::npos;
  if (is_integer && word.starts_with('-')) return is_out_of_range<std::int64_t>(word);
  return is_integer ? is_out_of_range<std::uint64_t>(word) : is_out_of_range<double>(word);
}

}  // namespace

std::string repair_encoding(std::string_view json) {
  const std::string valid = to_valid_utf8(json);
  std::string out;
  const auto is_surrogate = [&](std::size_t at, char low, char high) {
    if (at + 6 > valid.size() || valid[at] != '\\' || valid[at + 1] != 'u') return false;
    const char second = static_cast<char>(std::tolower(static_cast<unsigned char>(valid[at + 3])));
    return std::tolower(static_cast<unsigned char>(valid[at + 2])) == 'd' && second >= low &&
           second <= high;
  };
  for (std::size_t at = 0; at < valid.size();) {
    if (valid[at] != '\\') {
      out += valid[at++];
    } else if (is_surrogate(at, '8', 'b') && is_surrogate(at + 6, 'c', 'f')) {
      out += valid.substr(at, 12);
      at += 12;
    } else if (is_surrogate(at, '8', 'f')) {
      out += "\xEF\xBF\xBD";
      at += 6;
    } else {
      out += valid.substr(at, 2);
      at += 2;
    }
  }
  return out;
}

std::string without_unreadable_numbers(std::string_view json) {
  std::string out;
  for (std::size_t at = 0; at < json.size();) {
    std::size_t end = at + 1;
    std::string_view put;
    if (json[at] == '"') {
      end = end_of_string(json, at);
    } else if (belongs_to_word(json[at])) {
      while (end < json.size() && belongs_to_word(json[end])) ++end;
      if (is_unreadable_number(json.substr(at, end - at))) put = "null";
    }
    out += put.empty() ? json.substr(at, end - at) : put;
    at = end;
  }
  return out;
}

}  // namespace perdure
