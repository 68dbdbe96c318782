// Numbers as large and as exact as the calculator needs (tools/calculate.h): integers of any size,
// fractions, their rounding to decimals, and real functions to fifty digits, which is far more than
// is ever shown. Schoolbook algorithms on digits of base 10^9: numbers have a few thousand decimal
// digits at most, and reading, writing and rounding them is what happens most. Pure values; callers
// bound the sizes and look for undefined cases before they call.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace perdure {

class BigInteger {
 public:
  BigInteger() = default;
  BigInteger(std::int64_t value);  // NOLINT: conversion
  /// The number that these decimal digits write; there must be nothing but digits.
  static BigInteger from_digits(std::string_view digits);
  static BigInteger power_of_ten(std::size_t exponent);

  bool is_zero() const { return limbs_.empty(); }
  bool is_negative() const { return negative_; }
  bool is_odd() const { return !is_zero() && limbs_[0] % 2 != 0; }
  /// Decimal digits without the sign; 1 for zero.
  std::size_t digits() const;
  /// The common logarithm of the absolute value to about 15 digits; only for numbers other than
  /// zero.
  double log10() const;
  std::string text() const;
  /// Nothing when it does not fit.
  std::optional<std::int64_t> int64() const;

  BigInteger operator-() const;
  friend BigInteger operator+(const BigInteger& a, const BigInteger& b);
  friend BigInteger operator-(const BigInteger& a, const BigInteger& b);
  friend BigInteger operator*(const BigInteger& a, const BigInteger& b);
  /// Truncated towards zero, as integers of C++. The divisor must not be zero.
  friend BigInteger operator/(const BigInteger& a, const BigInteger& b);
  /// With the sign of the dividend, as integers of C++. The divisor must not be zero.
  friend BigInteger operator%(const BigInteger& a, const BigInteger& b);
  friend bool operator==(const BigInteger& a, const BigInteger& b) = default;
  friend std::strong_ordering operator<=>(const BigInteger& a, const BigInteger& b);

 private:
  using Limbs = std::vector<std::uint32_t>;

  BigInteger(Limbs limbs, bool negative);
  static std::strong_ordering compare(const Limbs& a, const Limbs& b);
  static Limbs add(const Limbs& a, const Limbs& b);
  static Limbs subtract(const Limbs& a, const Limbs& b);
  static Limbs multiply(const Limbs& a, std::uint32_t b);
  static Limbs divide(Limbs& a, std::uint32_t b);
  static Limbs divide(Limbs& a, const Limbs& b);

  Limbs limbs_;  // base 10^9, the lowest first, the highest not zero; none for zero
  bool negative_ = false;
};

BigInteger absolute(const BigInteger& number);
/// The base multiplied with itself; 1 for the exponent 0.
BigInteger power(const BigInteger& base, std::uint64_t exponent);
/// The largest integer whose square is not above `number`, which must not be negative.
BigInteger square_root(const BigInteger& number);
/// Of absolute values; gcd(0, b) is b.
BigInteger greatest_common_divisor(BigInteger a, BigInteger b);

/// The largest integer that is not above the quotient. The divisor must not be zero.
BigInteger floor_of(const BigInteger& dividend, const BigInteger& divisor);

/// A rational number in lowest terms with a denominator above zero.
class Fraction {
 public:
  Fraction(std::int64_t value = 0) : numerator_(value) {}       // NOLINT: conversion
  Fraction(BigInteger value) : numerator_(std::move(value)) {}  // NOLINT: conversion
  /// The denominator must not be zero.
  Fraction(BigInteger numerator, BigInteger denominator);

  const BigInteger& numerator() const { return numerator_; }
  const BigInteger& denominator() const { return denominator_; }
  bool is_zero() const { return numerator_.is_zero(); }
  bool is_negative() const { return numerator_.is_negative(); }
  bool is_integer() const { return denominator_ == 1; }
  /// The largest integer that is not above it.
  BigInteger floor() const { return floor_of(numerator_, denominator_); }

  Fraction operator-() const;
  friend bool operator==(const Fraction& a, const Fraction& b) = default;
  friend std::strong_ordering operator<=>(const Fraction& a, const Fraction& b);

 private:
  BigInteger numerator_;
  BigInteger denominator_ = 1;
};

/// mantissa * 10^exponent.
struct Decimal {
  BigInteger mantissa;
  std::int64_t exponent = 0;
};

/// The exponent of ten of numerator / denominator in scientific notation: 2 for 123, -1 for 0.5.
/// Neither may be zero.
std::int64_t scientific_exponent(const BigInteger& numerator, const BigInteger& denominator);
/// The quotient to so many significant digits, halves away from zero. The denominator must not be
/// zero.
Decimal rounded_quotient(const BigInteger& numerator, const BigInteger& denominator,
                         std::size_t significant_digits);
/// The number as a decimal if it has one that ends.
std::optional<Decimal> exact_decimal(const Fraction& number);
Fraction to_fraction(const Decimal& decimal);

/// Significant digits of the real functions. The last one may be wrong.
inline constexpr std::size_t kRealDigits = 50;
/// Real functions take arguments below 10^kRealArgumentExponentMax: more takes ever more digits of
/// pi or of logarithms.
inline constexpr std::int64_t kRealArgumentExponentMax = 100;
/// Powers beyond 10^kRealResultExponentMax, or as close to zero, are not computed.
inline constexpr std::int64_t kRealResultExponentMax = 2100;

Fraction real_pi();
/// Of a number that is not negative. Exact when the root is a fraction.
Fraction real_square_root(const Fraction& number);
/// Of a number above zero.
Fraction real_logarithm(const Fraction& number);
/// e to the power of the number; nothing when the result is beyond the limits.
std::optional<Fraction> real_exponential(const Fraction& number);
/// The base, which is above zero, to any power; nothing when the result is beyond the limits.
std::optional<Fraction> real_power(const Fraction& base, const Fraction& exponent);
/// Of an angle in radians.
Fraction real_sine(const Fraction& angle);
Fraction real_cosine(const Fraction& angle);

}  // namespace perdure
