// Numbers and equality as JSON Schema has them (core, section 4.2.2): by mathematical value,
// whatever the representation. 1 equals 1.0, and 9007199254740993 does not equal
// 9007199254740992.0.
#pragma once

#include <cstdint>
#include <optional>

#include <perdure/json.h>

namespace perdure::json_schema {

/// Holds every double and every 64-bit integer exactly.
using Number = long double;

/// `json` must be a number.
Number number_of(const Json& json);
/// Whether a number has no fraction: 1.0 is an integer.
bool is_integer(const Json& json);
/// A non-negative integer, at most SIZE_MAX; nothing for everything else.
std::optional<std::size_t> size_of(const Json& json);
/// Whether value is an integral multiple of divisor, both taken as the decimal numbers that they
/// were written as: 0.0075 is a multiple of 0.0001, although no double is. `divisor` must be
/// positive.
bool is_multiple(const Json& value, const Json& divisor);

/// Work that may still be done; equality of hostile values costs what they are long.
struct Work {
  std::uint64_t left = 0;
  bool exhausted = false;

  bool take(std::uint64_t steps) {
    if (left < steps) exhausted = true;
    left -= exhausted ? left : steps;
    return !exhausted;
  }
};

/// False, and `work` exhausted, when the values are too large or too deep to tell.
bool is_equal(const Json& a, const Json& b, Work& work);
/// Equal values have equal hashes. Looks only so deep into a value.
std::uint64_t hash_of(const Json& value, Work& work);

}  // namespace perdure::json_schema
