#include "tools/arithmetic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace perdure {
namespace {

constexpr auto kExponentMax = static_cast<std::int64_t>(kNumberDigitsMax);
// What is left of an approximate number when it is rounded to an integer: 2.999...9 (fifty digits)
// counts as 3.
constexpr std::size_t kTrustedDigits = 40;

Error no_value(std::string message) {
  return {.code = ErrorCode::kToolFailed, .message = std::move(message)};
}

Error beyond_limit(bool too_large) {
  return {.code = ErrorCode::kTooLarge,
          .message = too_large
                         ? fmt::format("the number has more than {} digits", grouped(kExponentMax))
                         : fmt::format("the number is closer to zero than 10**-{}", kExponentMax),
          .advice = "use smaller numbers, or calculate with logarithms: ln(a**b) is b*ln(a)"};
}

// The value numerator / denominator within the limits, rounded when its exact form is too long to
// be of use.
Result<Number> settle(const BigInteger& numerator, const BigInteger& denominator, bool exact) {
  if (numerator.is_zero()) return Number{0, exact};
  const auto digits = static_cast<std::int64_t>(numerator.digits()) -
                      static_cast<std::int64_t>(denominator.digits());
  if (std::abs(digits) >= kExponentMax - 1) {
    const std::int64_t exponent = scientific_exponent(numerator, denominator);
    if (exponent >= kExponentMax) return beyond_limit(true);
    if (exponent < -kExponentMax) return beyond_limit(false);
  }
  if (exact) {
    if ((numerator % denominator).is_zero()) return Number{numerator / denominator};
    // Lowest terms of two long numbers take long to find, and are seldom short.
    const auto shorter = [](const BigInteger& a, const BigInteger& b) {
      return std::min(a.digits(), b.digits());
    };
    if (shorter(numerator, denominator) <= 4 * kFractionDigitsMax) {
      Fraction fraction(numerator, denominator);
      if (shorter(fraction.numerator(), fraction.denominator()) <= kFractionDigitsMax) {
        return Number{std::move(fraction)};
      }
    }
  }
  return Number{to_fraction(rounded_quotient(numerator, denominator, kRealDigits)), false};
}

Result<Number> settle(const Fraction& number, bool exact) {
  return settle(number.numerator(), number.denominator(), exact);
}

Result<Number> approximate(const std::optional<Fraction>& number, bool too_large) {
  return number ? settle(*number, false) : beyond_limit(too_large);
}

// The number to round to an integer: an approximate one without the digits that cannot be trusted.
Fraction trusted(const Number& number) {
  if (number.exact) return number.value;
  return to_fraction(
      rounded_quotient(number.value.numerator(), number.value.denominator(), kTrustedDigits));
}

Result<Number> add(const Number& a, const Number& b) {
  const Fraction& x = a.value;
  const Fraction& y = b.value;
  return settle(x.numerator() * y.denominator() + y.numerator() * x.denominator(),
                x.denominator() * y.denominator(), a.exact && b.exact);
}

Result<Number> multiply(const Number& a, const Number& b) {
  return settle(a.value.numerator() * b.value.numerator(),
                a.value.denominator() * b.value.denominator(), a.exact && b.exact);
}

Result<Number> divide(const Number& a, const Number& b) {
  if (b.value.is_zero()) return no_value("division by zero");
  return settle(a.value.numerator() * b.value.denominator(),
                a.value.denominator() * b.value.numerator(), a.exact && b.exact);
}

Result<Number> divide_down(const Number& a, const Number& b) {
  if (b.value.is_zero()) return no_value("division by zero");
  if (a.exact && b.exact) {  // not by way of divide(), which may round
    return settle(floor_of(a.value.numerator() * b.value.denominator(),
                           a.value.denominator() * b.value.numerator()),
                  1, true);
  }
  Result<Number> quotient = divide(a, b);
  if (!quotient.ok()) return quotient;
  return Number{trusted(*quotient).floor()};
}

Result<Number> remainder(const Number& a, const Number& b) {
  const Result<Number> quotient = divide_down(a, b);
  if (!quotient.ok()) return quotient;
  const Result<Number> whole = multiply(*quotient, b);
  return whole.ok() ? add(a, negated(*whole)) : whole;
}

Result<Number> square_root_of(const Number& a) {
  if (a.value.is_negative()) return no_value("the square root of a negative number is not real");
  const Fraction root = real_square_root(a.value);
  const bool came_out = root.numerator() * root.numerator() == a.value.numerator() &&
                        root.denominator() * root.denominator() == a.value.denominator();
  return settle(root, a.exact && came_out);
}

// An integer power by multiplication; nothing when the fraction would be too long for that.
std::optional<Result<Number>> integer_power(const Fraction& base, std::int64_t exponent,
                                            bool exact) {
  const BigInteger& above = base.numerator();
  const BigInteger& below = base.denominator();
  const std::uint64_t times = exponent < 0 ? 0 - static_cast<std::uint64_t>(exponent)
                                           : static_cast<std::uint64_t>(exponent);
  const double digits = std::max(above.log10(), below.log10()) * static_cast<double>(times);
  if (digits > static_cast<double>(kNumberDigitsMax) + 1) return std::nullopt;
  BigInteger numerator = power(above, times);
  BigInteger denominator = power(below, times);
  if (exponent < 0) std::swap(numerator, denominator);
  return settle(numerator, denominator, exact);
}

Result<Number> raise(const Number& base, const Number& exponent) {
  const bool exact = base.exact && exponent.exact;
  const bool whole = exponent.value.is_integer();
  const BigInteger size(absolute(base.value.numerator()));
  if (exponent.value.is_zero()) return Number{1, exact};
  if (base.value.is_zero()) {
    if (exponent.value.is_negative()) {
      return no_value("division by zero: zero has no negative power");
    }
    return Number{0, exact};
  }
  if (base.value.is_negative() && !whole) {
    return no_value("a negative number has no real power that is not an integer");
  }
  if (exponent.value == Fraction(1, 2)) return square_root_of(base);
  const bool negative = base.value.is_negative() && exponent.value.numerator().is_odd();
  const bool is_one = size == base.value.denominator();
  if (is_one) return Number{negative ? -1 : 1, exact};

  if (whole) {
    const std::optional<std::int64_t> times = exponent.value.numerator().int64();
    std::optional<Result<Number>> result;
    if (times) result = integer_power(base.value, *times, exact);
    if (result) return *std::move(result);
  }
  const bool large = (size > base.value.denominator()) != exponent.value.is_negative();
  if (scientific_exponent(exponent.value.numerator(), exponent.value.denominator()) >=
      kRealArgumentExponentMax) {
    return beyond_limit(large);
  }
  Result<Number> result =
      approximate(real_power(Fraction(size, base.value.denominator()), exponent.value), large);
  return result.ok() && negative ? negated(*result) : result;
}

Result<Number> call_sqrt(std::span<const Number> a) {
  return square_root_of(a[0]);
}

Result<Number> call_abs(std::span<const Number> a) {
  return a[0].value.is_negative() ? negated(a[0]) : a[0];
}

bool is_less(const Number& a, const Number& b) {
  return a.value < b.value;
}

Result<Number> call_min(std::span<const Number> a) {
  return *std::min_element(a.begin(), a.end(), is_less);
}

Result<Number> call_max(std::span<const Number> a) {
  return *std::max_element(a.begin(), a.end(), is_less);
}

Result<Number> call_floor(std::span<const Number> a) {
  return Number{trusted(a[0]).floor()};
}

Result<Number> call_ceil(std::span<const Number> a) {
  return Number{-trusted(negated(a[0])).floor()};
}

Result<Number> call_round(std::span<const Number> a) {
  std::int64_t places = 0;
  if (a.size() == 2) {
    const std::optional<std::int64_t> wanted = a[1].value.numerator().int64();
    if (!a[1].value.is_integer() || !wanted || std::abs(*wanted) > kExponentMax) {
      return no_value(fmt::format(
          "the number of places of round() must be an integer from -{0} to {0}", kExponentMax));
    }
    places = *wanted;
  }
  const BigInteger scale = BigInteger::power_of_ten(static_cast<std::size_t>(std::abs(places)));
  const Fraction number = trusted(a[0]);
  BigInteger above = absolute(number.numerator());
  BigInteger below = number.denominator();
  (places < 0 ? below : above) = (places < 0 ? below : above) * scale;
  const BigInteger rounded = (above * 2 + below) / (below * 2);
  const BigInteger result = number.is_negative() ? -rounded : rounded;
  return places < 0 ? settle(result * scale, 1, true) : settle(result, scale, true);
}

// ln(a), or ln(a) / ln(base).
Result<Number> logarithm(const Number& a, std::int64_t base) {
  if (a.value <= Fraction(0)) return no_value("only numbers above zero have a logarithm");
  const Fraction natural = real_logarithm(a.value);
  if (base == 0) return settle(natural, false);
  const Fraction scale = real_logarithm(base);
  Result<Number> result = divide({natural, false}, {scale, false});
  // Both are rounded, so the logarithm of a power of the base may be off in its last digit.
  return result.ok() ? settle(trusted(*result), false) : result;
}

Result<Number> call_ln(std::span<const Number> a) {
  return logarithm(a[0], 0);
}

Result<Number> call_log10(std::span<const Number> a) {
  return logarithm(a[0], 10);
}

Result<Number> call_log2(std::span<const Number> a) {
  return logarithm(a[0], 2);
}

Result<Number> call_exp(std::span<const Number> a) {
  return approximate(real_exponential(a[0].value), !a[0].value.is_negative());
}

// A sine or cosine. At the zeros of an approximate angle such as pi only noise would be left; it is
// zero.
Result<Number> wave(const Number& angle, Fraction (*function)(const Fraction&)) {
  constexpr std::int64_t kNoiseDigits = 45;
  constexpr std::int64_t kApproximateExponentMax =
      20;  // more leaves too few digits behind the point
  const Fraction& number = angle.value;
  const std::int64_t exponent =
      number.is_zero() ? 0 : scientific_exponent(number.numerator(), number.denominator());
  const std::int64_t exponent_max =
      angle.exact ? kRealArgumentExponentMax : kApproximateExponentMax;
  if (exponent >= exponent_max) {
    return no_value(fmt::format("the angle must be below 10**{}", exponent_max));
  }
  const Fraction result = function(number);
  if (!angle.exact && exponent >= 0 && !result.is_zero() &&
      scientific_exponent(result.numerator(), result.denominator()) < exponent - kNoiseDigits) {
    return Number{0, false};
  }
  return settle(result, false);
}

Result<Number> call_sin(std::span<const Number> a) {
  return wave(a[0], real_sine);
}

Result<Number> call_cos(std::span<const Number> a) {
  return wave(a[0], real_cosine);
}

Result<Number> call_tan(std::span<const Number> a) {
  const Result<Number> sine = wave(a[0], real_sine);
  if (!sine.ok()) return sine;
  const Result<Number> cosine = wave(a[0], real_cosine);
  if (!cosine.ok()) return cosine;
  if (cosine->value.is_zero()) return no_value("the tangent of a right angle is not defined");
  return divide(*sine, *cosine);
}

constexpr std::size_t kAnyCount = static_cast<std::size_t>(-1);
constexpr std::array kFunctions = {
    NumberFunction{"sqrt", 1, 1, call_sqrt},       NumberFunction{"abs", 1, 1, call_abs},
    NumberFunction{"min", 1, kAnyCount, call_min}, NumberFunction{"max", 1, kAnyCount, call_max},
    NumberFunction{"round", 1, 2, call_round},     NumberFunction{"floor", 1, 1, call_floor},
    NumberFunction{"ceil", 1, 1, call_ceil},       NumberFunction{"ln", 1, 1, call_ln},
    NumberFunction{"log10", 1, 1, call_log10},     NumberFunction{"log2", 1, 1, call_log2},
    NumberFunction{"exp", 1, 1, call_exp},         NumberFunction{"sin", 1, 1, call_sin},
    NumberFunction{"cos", 1, 1, call_cos},         NumberFunction{"tan", 1, 1, call_tan},
};

}  // namespace

Result<Number> number_from(const Decimal& decimal) {
  return settle(to_fraction(decimal), true);
}

Number number_pi() {
  return {real_pi(), false};
}

Number number_e() {
  return {real_exponential(1).value_or(Fraction()), false};
}

Number negated(const Number& number) {
  return {-number.value, number.exact};
}

Result<Number> operate(Operator operation, const Number& a, const Number& b) {
  switch (operation) {
    case Operator::kAdd:
      return add(a, b);
    case Operator::kSubtract:
      return add(a, negated(b));
    case Operator::kMultiply:
      return multiply(a, b);
    case Operator::kDivide:
      return divide(a, b);
    case Operator::kDivideDown:
      return divide_down(a, b);
    case Operator::kRemainder:
      return remainder(a, b);
    case Operator::kPower:
      return raise(a, b);
  }
  return no_value("unknown operator");
}

std::span<const NumberFunction> number_functions() {
  return kFunctions;
}

}  // namespace perdure
