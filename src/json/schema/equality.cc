#include "json/schema/equality.h"

#include <array>
#include <cfloat>
#include <charconv>
#include <cmath>
#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace perdure::json_schema {
namespace {

static_assert(LDBL_MANT_DIG >= 64, "Number must hold 64-bit integers exactly");

constexpr std::size_t kEqualityDepthMax = 1'024;
constexpr std::size_t kHashDepthMax = 8;

// digits * 10^exponent, without trailing zeros in the digits.
struct Decimal {
  std::uint64_t digits = 0;
  int exponent = 0;
};

Decimal without_zeros(Decimal decimal) {
  while (decimal.digits != 0 && decimal.digits % 10 == 0) {
    decimal.digits /= 10;
    ++decimal.exponent;
  }
  return decimal;
}

// The shortest decimal that reads back as the same double: at most 17 digits.
Decimal decimal_of(double number) {
  std::array<char, 40> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::fabs(number),
                                 std::chars_format::scientific);
  Decimal decimal;
  bool after_point = false;
  for (const char* at = buffer.data(); at != end.ptr; ++at) {
    if (*at == '.') {
      after_point = true;
    } else if (*at == 'e') {
      int exponent = 0;
      if (*++at == '+') ++at;
      std::from_chars(at, end.ptr, exponent);
      decimal.exponent += exponent;
      break;
    } else {
      decimal.digits = decimal.digits * 10 + static_cast<std::uint64_t>(*at - '0');
      if (after_point) --decimal.exponent;
    }
  }
  return without_zeros(decimal);
}

Decimal decimal_of(const Json& json) {
  if (json.is_number_float()) return decimal_of(json.get<double>());
  if (json.is_number_unsigned()) return without_zeros({.digits = json.get<std::uint64_t>()});
  const auto number = json.get<std::int64_t>();
  const auto bits = static_cast<std::uint64_t>(number);
  return without_zeros({.digits = number < 0 ? 0 - bits : bits});
}

__extension__ using Wide = unsigned __int128;

// digits * 10^power modulo a 64-bit number.
std::uint64_t scaled_modulo(std::uint64_t digits, int power, std::uint64_t modulus) {
  Wide result = digits % modulus;
  Wide square = 10 % modulus;
  for (int left = power; left > 0; left /= 2) {
    if (left % 2 == 1) result = result * square % modulus;
    square = square * square % modulus;
  }
  return static_cast<std::uint64_t>(result);
}

bool is_equal_at(const Json& a, const Json& b, std::size_t depth, Work& work) {
  if (a.is_number() && b.is_number()) return number_of(a) == number_of(b);
  if (a.type() != b.type()) return false;
  if (a.is_string()) {
    const auto& x = a.get_ref<const std::string&>();
    const auto& y = b.get_ref<const std::string&>();
    return x.size() == y.size() && work.take(x.size() / 64) && x == y;
  }
  if (!a.is_structured()) return a == b;
  if (a.size() != b.size()) return false;
  if (!work.take(depth < kEqualityDepthMax ? a.size() : UINT64_MAX)) return false;
  if (a.is_array()) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!is_equal_at(a[i], b[i], depth + 1, work)) return false;
    }
    return true;
  }
  // Members are sorted by key, so that equal objects have them in the same order.
  for (auto x = a.begin(), y = b.begin(); x != a.end(); ++x, ++y) {
    if (x.key() != y.key() || !is_equal_at(*x, *y, depth + 1, work)) return false;
  }
  return true;
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  return (hash ^ value) * 0x9E3779B97F4A7C15U + (hash >> 29);
}

std::uint64_t hash_at(const Json& value, std::size_t depth, Work& work) {
  if (value.is_number()) return mix(1, std::hash<double>()(value.get<double>()));
  if (value.is_string()) {
    const std::string_view text = value.get_ref<const std::string&>();
    work.take(text.size() / 64);
    return mix(2, std::hash<std::string_view>()(text));
  }
  if (value.is_boolean()) return mix(3, value.get<bool>() ? 1 : 0);
  if (!value.is_structured()) return mix(4, 0);
  std::uint64_t hash = mix(value.is_array() ? 5 : 6, value.size());
  if (depth >= kHashDepthMax || !work.take(value.size())) return hash;
  for (auto child = value.begin(); child != value.end(); ++child) {
    if (value.is_object()) hash = mix(hash, std::hash<std::string_view>()(child.key()));
    hash = mix(hash, hash_at(*child, depth + 1, work));
  }
  return hash;
}

}  // namespace

Number number_of(const Json& json) {
  if (json.is_number_float()) return static_cast<Number>(json.get<double>());
  if (json.is_number_unsigned()) return static_cast<Number>(json.get<std::uint64_t>());
  return static_cast<Number>(json.get<std::int64_t>());
}

bool is_integer(const Json& json) {
  if (json.is_number_integer()) return true;
  if (!json.is_number_float()) return false;
  const auto number = json.get<double>();
  return std::isfinite(number) && std::trunc(number) == number;
}

std::optional<std::size_t> size_of(const Json& json) {
  if (!is_integer(json)) return std::nullopt;
  const Number number = number_of(json);
  if (number < 0) return std::nullopt;
  if (number >= static_cast<Number>(SIZE_MAX)) return SIZE_MAX;
  return static_cast<std::size_t>(number);
}

bool is_multiple(const Json& value, const Json& divisor) {
  if (value.is_number_float() && !std::isfinite(value.get<double>())) return false;
  const Decimal dividend = decimal_of(value);
  const Decimal unit = decimal_of(divisor);
  if (dividend.digits == 0 || unit.digits == 0) return dividend.digits == 0;
  const int power = dividend.exponent - unit.exponent;
  if (power >= 0) return scaled_modulo(dividend.digits, power, unit.digits) == 0;
  // A fraction of the unit's last digit remains, since the dividend's digits do not end in a zero.
  return false;
}

bool is_equal(const Json& a, const Json& b, Work& work) {
  return is_equal_at(a, b, 0, work);
}

std::uint64_t hash_of(const Json& value, Work& work) {
  return hash_at(value, 0, work);
}

}  // namespace perdure::json_schema
