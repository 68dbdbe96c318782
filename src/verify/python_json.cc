#include "verify/python_json.h"

#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "json/writer.h"

namespace perdure::verify {
namespace {

// The shortest digits that read back as the same double, as repr() lays them out: with an exponent
// below 1e-4 and from 1e16 on, and always with a point or an exponent.
void append_number(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += std::isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity";
    return;
  }
  const double size = std::abs(number);
  const bool with_exponent = size != 0 && (size < 1e-4 || size >= 1e16);
  std::array<char, 64> digits{};
  const auto [end, error] =
      std::to_chars(digits.data(), digits.data() + digits.size(), number,
                    with_exponent ? std::chars_format::scientific : std::chars_format::fixed);
  const std::string text(digits.data(), end);
  out += text;
  if (!with_exponent && text.find('.') == std::string::npos) out += ".0";
}

void append(std::string& out, const Json& value) {
  if (value.is_object()) {
    out += '{';
    const char* separator = "";
    // The members of Json are sorted by their bytes, which is the order of Python's code points.
    for (const auto& [key, member] : value.items()) {
      out += separator;
      json::append_string(out, key);
      out += ": ";
      append(out, member);
      separator = ", ";
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    const char* separator = "";
    for (const Json& element : value) {
      out += separator;
      append(out, element);
      separator = ", ";
    }
    out += ']';
  } else if (value.is_string()) {
    json::append_string(out, value.get_ref<const std::string&>());
  } else if (value.is_boolean()) {
    out += value.get<bool>() ? "true" : "false";
  } else if (value.is_number_unsigned()) {
    out += std::to_string(value.get<std::uint64_t>());
  } else if (value.is_number_integer()) {
    out += std::to_string(value.get<std::int64_t>());
  } else if (value.is_number()) {
    append_number(out, value.get<double>());
  } else {
    out += "null";
  }
}

}  // namespace

std::string python_json(const Json& value) {
  std::string out;
  append(out, value);
  return out;
}

}  // namespace perdure::verify
