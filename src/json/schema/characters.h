// Classes of ASCII characters that the formats of the specification speak of: a char or a
// code point is one of them.
#pragma once

namespace perdure::json_schema {

constexpr bool is_digit(auto c) {
  return c >= '0' && c <= '9';
}

constexpr bool is_hex_digit(auto c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

constexpr bool is_letter(auto c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace perdure::json_schema
