// What the calculator can do with numbers (tools/calculate.h): operators and functions that stay
// within limits and say why there is no result. A number is exact as long as that is of use; what
// is approximate is kept to kRealDigits. Pure values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <perdure/result.h>

#include "tools/big_number.h"

namespace perdure {

/// Every number is below 10^kNumberDigitsMax, and above 10^-kNumberDigitsMax or zero.
inline constexpr std::size_t kNumberDigitsMax = 2000;
/// A fraction with more digits than this both above and below its line becomes approximate.
inline constexpr std::size_t kFractionDigitsMax = 100;

struct Number {
  Fraction value;
  bool exact = true;
};

enum class Operator : std::uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kDivideDown,  ///< The largest integer that is not above the quotient.
  kRemainder,   ///< What kDivideDown leaves: it has the sign of the divisor.
  kPower,
};

/// A number as it is written. Errors: kTooLarge.
Result<Number> number_from(const Decimal& decimal);
Number number_pi();
Number number_e();
Number negated(const Number& number);
/// Errors: kTooLarge (beyond the limits), kToolFailed (not defined, such as a division by zero).
Result<Number> operate(Operator operation, const Number& a, const Number& b);

struct NumberFunction {
  std::string_view name;
  std::size_t arguments_min;
  std::size_t arguments_max;
  /// Errors as of operate(). The number of arguments must be right.
  Result<Number> (*call)(std::span<const Number> arguments);
};

/// sqrt abs min max round floor ceil ln log10 log2 exp sin cos tan.
std::span<const NumberFunction> number_functions();

}  // namespace perdure
