#include "tools/big_number.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

#include "base/check.h"

namespace perdure {
namespace {

constexpr std::uint32_t kBase = 1'000'000'000;
constexpr std::size_t kLimbDigits = 9;

void drop_zeros(std::vector<std::uint32_t>& limbs) {
  while (!limbs.empty() && limbs.back() == 0) limbs.pop_back();
}

std::size_t size_of(std::int64_t exponent) {
  return static_cast<std::size_t>(exponent < 0 ? -exponent : exponent);
}

}  // namespace

BigInteger::BigInteger(std::int64_t value) : negative_(value < 0) {
  // Negated as unsigned: the smallest number has no positive counterpart.
  auto rest = static_cast<std::uint64_t>(value);
  if (negative_) rest = 0 - rest;
  for (; rest > 0; rest /= kBase) limbs_.push_back(static_cast<std::uint32_t>(rest % kBase));
}

BigInteger::BigInteger(Limbs limbs, bool negative) : limbs_(std::move(limbs)), negative_(negative) {
  drop_zeros(limbs_);
  if (limbs_.empty()) negative_ = false;
}

BigInteger BigInteger::from_digits(std::string_view digits) {
  Limbs limbs;
  while (!digits.empty()) {
    const std::size_t start = digits.size() - std::min(digits.size(), kLimbDigits);
    std::uint32_t limb = 0;
    for (const char digit : digits.substr(start)) {
      CHECK(digit >= '0' && digit <= '9', "the caller has looked at the digits");
      limb = limb * 10 + static_cast<std::uint32_t>(digit - '0');
    }
    limbs.push_back(limb);
    digits = digits.substr(0, start);
  }
  return {std::move(limbs), false};
}

BigInteger BigInteger::power_of_ten(std::size_t exponent) {
  Limbs limbs(exponent / kLimbDigits, 0);
  std::uint32_t highest = 1;
  for (std::size_t i = 0; i < exponent % kLimbDigits; ++i) highest *= 10;
  limbs.push_back(highest);
  return {std::move(limbs), false};
}

std::size_t BigInteger::digits() const {
  if (is_zero()) return 1;
  return (limbs_.size() - 1) * kLimbDigits + fmt::formatted_size("{}", limbs_.back());
}

double BigInteger::log10() const {
  CHECK(!is_zero(), "zero has no logarithm");
  double leading = 0;
  const std::size_t used = std::min<std::size_t>(limbs_.size(), 3);
  for (std::size_t i = 1; i <= used; ++i) leading = leading * kBase + limbs_[limbs_.size() - i];
  return std::log10(leading) + static_cast<double>((limbs_.size() - used) * kLimbDigits);
}

std::string BigInteger::text() const {
  if (is_zero()) return "0";
  std::string out = negative_ ? "-" : "";
  out += std::to_string(limbs_.back());
  for (std::size_t i = limbs_.size() - 1; i > 0; --i) out += fmt::format("{:09}", limbs_[i - 1]);
  return out;
}

std::optional<std::int64_t> BigInteger::int64() const {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  std::uint64_t value = 0;
  for (std::size_t i = limbs_.size(); i > 0; --i) {
    if (value > (kMax - limbs_[i - 1]) / kBase) return std::nullopt;
    value = value * kBase + limbs_[i - 1];
  }
  return negative_ ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
}

BigInteger BigInteger::operator-() const {
  return {limbs_, !negative_};
}

std::strong_ordering BigInteger::compare(const Limbs& a, const Limbs& b) {
  if (a.size() != b.size()) return a.size() <=> b.size();
  return std::lexicographical_compare_three_way(a.rbegin(), a.rend(), b.rbegin(), b.rend());
}

BigInteger::Limbs BigInteger::add(const Limbs& a, const Limbs& b) {
  const Limbs& longer = a.size() >= b.size() ? a : b;
  const Limbs& shorter = a.size() >= b.size() ? b : a;
  Limbs sum = longer;
  std::uint32_t carry = 0;
  for (std::size_t i = 0; i < sum.size() && (carry > 0 || i < shorter.size()); ++i) {
    sum[i] += (i < shorter.size() ? shorter[i] : 0) + carry;
    carry = sum[i] >= kBase ? 1 : 0;
    if (carry > 0) sum[i] -= kBase;
  }
  if (carry > 0) sum.push_back(carry);
  return sum;
}

// a - b, where a is not the smaller one.
BigInteger::Limbs BigInteger::subtract(const Limbs& a, const Limbs& b) {
  Limbs rest = a;
  std::uint32_t borrow = 0;
  for (std::size_t i = 0; i < rest.size() && (borrow > 0 || i < b.size()); ++i) {
    const std::uint32_t less = (i < b.size() ? b[i] : 0) + borrow;
    borrow = rest[i] < less ? 1 : 0;
    rest[i] = rest[i] + (borrow > 0 ? kBase : 0) - less;
  }
  return rest;
}

BigInteger::Limbs BigInteger::multiply(const Limbs& a, std::uint32_t b) {
  Limbs product(a.size() + 1);
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    carry += static_cast<std::uint64_t>(a[i]) * b;
    product[i] = static_cast<std::uint32_t>(carry % kBase);
    carry /= kBase;
  }
  product[a.size()] = static_cast<std::uint32_t>(carry);
  return product;
}

// The quotient; the remainder stays in `a`.
BigInteger::Limbs BigInteger::divide(Limbs& a, std::uint32_t b) {
  Limbs quotient(a.size());
  std::uint64_t rest = 0;
  for (std::size_t i = a.size(); i > 0; --i) {
    rest = rest * kBase + a[i - 1];
    quotient[i - 1] = static_cast<std::uint32_t>(rest / b);
    rest %= b;
  }
  a.assign(1, static_cast<std::uint32_t>(rest));
  return quotient;
}

// The quotient; the remainder stays in `a`. D. Knuth, The Art of Computer Programming, volume 2,
// section 4.3.1, algorithm D.
BigInteger::Limbs BigInteger::divide(Limbs& a, const Limbs& b) {
  CHECK(!b.empty(), "the callers look for a divisor of zero");
  if (compare(a, b) < 0) return {};
  if (b.size() == 1) return divide(a, b[0]);

  // Scaled so that the highest limb of the divisor is large, a guess from the highest limbs is
  // wrong by two at most.
  const std::uint32_t scale = kBase / (b.back() + 1);
  Limbs rest = multiply(a, scale);
  Limbs divisor = multiply(b, scale);
  drop_zeros(divisor);
  const std::size_t n = divisor.size();
  Limbs quotient(rest.size() - n);
  for (std::size_t j = quotient.size(); j-- > 0;) {
    const std::uint64_t top = static_cast<std::uint64_t>(rest[j + n]) * kBase + rest[j + n - 1];
    std::uint64_t guess = top / divisor[n - 1];
    std::uint64_t guess_rest = top % divisor[n - 1];
    while (guess_rest < kBase &&
           (guess >= kBase || guess * divisor[n - 2] > guess_rest * kBase + rest[j + n - 2])) {
      --guess;
      guess_rest += divisor[n - 1];
    }
    std::uint64_t carry = 0;
    std::uint32_t borrow = 0;
    for (std::size_t i = 0; i <= n; ++i) {
      carry += guess * (i < n ? divisor[i] : 0);
      const std::uint32_t less = static_cast<std::uint32_t>(carry % kBase) + borrow;
      carry /= kBase;
      borrow = rest[j + i] < less ? 1 : 0;
      rest[j + i] = rest[j + i] + (borrow > 0 ? kBase : 0) - less;
    }
    if (borrow > 0) {  // the guess was still one too high: add the divisor back
      --guess;
      std::uint32_t back = 0;
      for (std::size_t i = 0; i <= n; ++i) {
        rest[j + i] += (i < n ? divisor[i] : 0) + back;
        back = rest[j + i] >= kBase ? 1 : 0;
        if (back > 0) rest[j + i] -= kBase;
      }
    }
    quotient[j] = static_cast<std::uint32_t>(guess);
  }
  drop_zeros(rest);
  a = divide(rest, scale);
  return quotient;
}

BigInteger operator+(const BigInteger& a, const BigInteger& b) {
  if (a.negative_ == b.negative_) return {BigInteger::add(a.limbs_, b.limbs_), a.negative_};
  if (BigInteger::compare(a.limbs_, b.limbs_) < 0) {
    return {BigInteger::subtract(b.limbs_, a.limbs_), b.negative_};
  }
  return {BigInteger::subtract(a.limbs_, b.limbs_), a.negative_};
}

BigInteger operator-(const BigInteger& a, const BigInteger& b) {
  return a + -b;
}

BigInteger operator*(const BigInteger& a, const BigInteger& b) {
  BigInteger::Limbs product(a.limbs_.size() + b.limbs_.size(), 0);
  for (std::size_t i = 0; i < a.limbs_.size(); ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < b.limbs_.size(); ++j) {
      carry += product[i + j] + static_cast<std::uint64_t>(a.limbs_[i]) * b.limbs_[j];
      product[i + j] = static_cast<std::uint32_t>(carry % kBase);
      carry /= kBase;
    }
    product[i + b.limbs_.size()] = static_cast<std::uint32_t>(carry);
  }
  return {std::move(product), a.negative_ != b.negative_};
}

BigInteger operator/(const BigInteger& a, const BigInteger& b) {
  BigInteger::Limbs rest = a.limbs_;
  return {BigInteger::divide(rest, b.limbs_), a.negative_ != b.negative_};
}

BigInteger operator%(const BigInteger& a, const BigInteger& b) {
  BigInteger::Limbs rest = a.limbs_;
  BigInteger::divide(rest, b.limbs_);
  return {std::move(rest), a.negative_};
}

std::strong_ordering operator<=>(const BigInteger& a, const BigInteger& b) {
  if (a.negative_ != b.negative_) return b.negative_ <=> a.negative_;
  return a.negative_ ? BigInteger::compare(b.limbs_, a.limbs_)
                     : BigInteger::compare(a.limbs_, b.limbs_);
}

BigInteger absolute(const BigInteger& number) {
  return number.is_negative() ? -number : number;
}

BigInteger power(const BigInteger& base, std::uint64_t exponent) {
  BigInteger result = 1;
  BigInteger square = base;
  while (true) {
    if (exponent % 2 != 0) result = result * square;
    exponent /= 2;
    if (exponent == 0) return result;
    square = square * square;
  }
}

BigInteger square_root(const BigInteger& number) {
  CHECK(!number.is_negative(), "the callers look for negative numbers");
  if (number.is_zero()) return number;
  // Newton's method from above: it falls until it is there.
  BigInteger root = BigInteger::power_of_ten((number.digits() + 1) / 2);
  while (true) {
    BigInteger next = (root + number / root) / 2;
    if (next >= root) return root;
    root = std::move(next);
  }
}

BigInteger greatest_common_divisor(BigInteger a, BigInteger b) {
  a = absolute(a);
  b = absolute(b);
  while (!b.is_zero()) {
    BigInteger rest = a % b;
    a = std::move(b);
    b = std::move(rest);
  }
  return a;
}

BigInteger floor_of(const BigInteger& dividend, const BigInteger& divisor) {
  const BigInteger truncated = dividend / divisor;
  const bool below_zero = dividend.is_negative() != divisor.is_negative();
  return below_zero && truncated * divisor != dividend ? truncated - 1 : truncated;
}

Fraction::Fraction(BigInteger numerator, BigInteger denominator)
    : numerator_(std::move(numerator)), denominator_(std::move(denominator)) {
  CHECK(!denominator_.is_zero(), "the callers look for a divisor of zero");
  if (denominator_.is_negative()) {
    numerator_ = -numerator_;
    denominator_ = -denominator_;
  }
  if (denominator_ == 1) return;
  const BigInteger divisor = greatest_common_divisor(numerator_, denominator_);
  if (divisor == 1) return;
  numerator_ = numerator_ / divisor;
  denominator_ = denominator_ / divisor;
}

Fraction Fraction::operator-() const {
  Fraction result = *this;
  result.numerator_ = -result.numerator_;
  return result;
}

std::strong_ordering operator<=>(const Fraction& a, const Fraction& b) {
  return a.numerator_ * b.denominator_ <=> b.numerator_ * a.denominator_;
}

std::int64_t scientific_exponent(const BigInteger& numerator, const BigInteger& denominator) {
  CHECK(!numerator.is_zero() && !denominator.is_zero(), "zero has no exponent");
  const BigInteger above = absolute(numerator);
  const BigInteger below = absolute(denominator);
  const auto digits = static_cast<std::int64_t>(above.digits());
  const auto exponent = digits - static_cast<std::int64_t>(below.digits());
  const BigInteger scale = BigInteger::power_of_ten(size_of(exponent));
  const bool reached = exponent < 0 ? above * scale >= below : above >= below * scale;
  return reached ? exponent : exponent - 1;
}

Decimal rounded_quotient(const BigInteger& numerator, const BigInteger& denominator,
                         std::size_t significant_digits) {
  if (numerator.is_zero()) return {};
  const std::int64_t exponent = scientific_exponent(numerator, denominator) -
                                static_cast<std::int64_t>(significant_digits) + 1;
  const BigInteger scale = BigInteger::power_of_ten(size_of(exponent));
  BigInteger above = absolute(numerator);
  BigInteger below = absolute(denominator);
  if (exponent < 0) {
    above = above * scale;
  } else {
    below = below * scale;
  }
  const BigInteger mantissa = (above * 2 + below) / (below * 2);
  const bool negative = numerator.is_negative() != denominator.is_negative();
  return {negative ? -mantissa : mantissa, exponent};
}

std::optional<Decimal> exact_decimal(const Fraction& number) {
  // It ends when the denominator has no other factors than those of ten.
  BigInteger rest = number.denominator();
  std::size_t counts[2] = {0, 0};
  const std::int64_t factors[2] = {2, 5};
  for (std::size_t i = 0; i < 2; ++i) {
    while ((rest % factors[i]).is_zero()) {
      rest = rest / factors[i];
      ++counts[i];
    }
  }
  if (rest != 1) return std::nullopt;
  const std::size_t places = std::max(counts[0], counts[1]);
  return Decimal{number.numerator() * (BigInteger::power_of_ten(places) / number.denominator()),
                 -static_cast<std::int64_t>(places)};
}

Fraction to_fraction(const Decimal& decimal) {
  const BigInteger scale = BigInteger::power_of_ten(size_of(decimal.exponent));
  if (decimal.exponent >= 0) return decimal.mantissa * scale;
  return {decimal.mantissa, scale};
}

namespace {

// Real functions work on integers that count units of 1 / one, where one is a power of ten with
// some digits more than the result shall have. Each operation loses less than a unit.
constexpr std::size_t kGuardDigits = 25;

BigInteger unit_digits(std::int64_t more) {
  return BigInteger::power_of_ten(kRealDigits + kGuardDigits +
                                  static_cast<std::size_t>(std::max<std::int64_t>(0, more)));
}

BigInteger in_units(const Fraction& number, const BigInteger& one) {
  return number.numerator() * one / number.denominator();
}

Fraction rounded(const BigInteger& units, const BigInteger& one) {
  return to_fraction(rounded_quotient(units, one, kRealDigits));
}

// Exponent of ten of a number that may be zero.
std::int64_t exponent_of(const Fraction& number) {
  return number.is_zero() ? 0 : scientific_exponent(number.numerator(), number.denominator());
}

// z + z^3/3 + z^5/5 + ..., which is artanh(z); with a negative `sign` every other term is
// subtracted: arctan(z).
BigInteger inverse_tangent(const BigInteger& z, std::int64_t sign, const BigInteger& one) {
  const BigInteger square = z * z / one * sign;
  BigInteger power = z;
  BigInteger sum = z;
  for (std::int64_t k = 3; !power.is_zero(); k += 2) {
    power = power * square / one;
    sum = sum + power / k;
  }
  return sum;
}

// Machin's formula: pi/4 = 4 arctan(1/5) - arctan(1/239).
BigInteger pi_units(const BigInteger& one) {
  return (inverse_tangent(one / 5, -1, one) * 4 - inverse_tangent(one / 239, -1, one)) * 4;
}

BigInteger ln_two(const BigInteger& one) {
  return inverse_tangent(one / 3, 1, one) * 2;
}

// 10 = 2^3 * 5/4, and ln(5/4) = 2 artanh(1/9).
BigInteger ln_ten(const BigInteger& one) {
  return ln_two(one) * 3 + inverse_tangent(one / 9, 1, one) * 2;
}

BigInteger ln_units(const Fraction& number, const BigInteger& one) {
  // number = 10^tens * 2^twos * rest with a rest near 1, where the series is short.
  const std::int64_t tens = exponent_of(number);
  const BigInteger scale = BigInteger::power_of_ten(size_of(tens));
  BigInteger rest = tens < 0 ? number.numerator() * scale * one / number.denominator()
                             : number.numerator() * one / (number.denominator() * scale);
  std::int64_t twos = 0;
  for (; rest * 2 > one * 3; rest = rest / 2) ++twos;
  BigInteger sum = inverse_tangent((rest - one) * one / (rest + one), 1, one) * 2;
  if (twos != 0) sum = sum + ln_two(one) * twos;
  if (tens != 0) sum = sum + ln_ten(one) * tens;
  return sum;
}

// How many digits of a logarithm are zeros behind the point, because the number is near one.
std::int64_t zeros_of_logarithm(const Fraction& number) {
  const BigInteger difference = number.numerator() - number.denominator();
  return difference.is_zero() ? 0 : -scientific_exponent(difference, number.denominator());
}

// e to the power of units / one.
std::optional<Fraction> exponential(const BigInteger& units, const BigInteger& one) {
  const BigInteger ten = ln_ten(one);
  const std::optional<std::int64_t> tens = (units / ten).int64();
  if (!tens || std::abs(*tens) > kRealResultExponentMax) return std::nullopt;
  const BigInteger rest = units - ten * *tens;
  BigInteger term = one;
  BigInteger sum = one;
  for (std::int64_t k = 1; !term.is_zero(); ++k) {
    term = term * rest / one / k;
    sum = sum + term;
  }
  Decimal result = rounded_quotient(sum, one, kRealDigits);
  result.exponent += *tens;
  return to_fraction(result);
}

// first - first * z^2/(k(k+1)) + first * z^4/(k(k+1)(k+2)(k+3)) - ...
BigInteger alternating_series(const BigInteger& first, const BigInteger& z, std::int64_t k,
                              const BigInteger& one) {
  const BigInteger square = z * z / one;
  BigInteger term = first;
  BigInteger sum = first;
  for (; !term.is_zero(); k += 2) {
    term = -(term * square / one / (k * (k + 1)));
    sum = sum + term;
  }
  return sum;
}

// The sine of the angle plus some quarters of a circle.
Fraction sine_after_quarters(const Fraction& angle, std::int64_t quarters) {
  const std::int64_t exponent = exponent_of(angle);
  CHECK(exponent <= kRealArgumentExponentMax, "the callers look for large angles");
  const BigInteger one = unit_digits(std::abs(exponent));
  BigInteger rest = in_units(angle, one);
  if (exponent >= 0) {  // an angle below one needs no reduction
    const BigInteger half_pi = pi_units(one) / 2;
    const BigInteger turns = rest / half_pi;
    rest = rest - turns * half_pi;
    quarters += (turns % 4).int64().value_or(0);
  }
  const std::int64_t quadrant = (quarters % 4 + 4) % 4;
  const bool is_sine = quadrant % 2 == 0;
  const BigInteger result =
      is_sine ? alternating_series(rest, rest, 2, one) : alternating_series(one, rest, 1, one);
  return rounded(quadrant >= 2 ? -result : result, one);
}

}  // namespace

Fraction real_pi() {
  const BigInteger one = unit_digits(0);
  return rounded(pi_units(one), one);
}

Fraction real_square_root(const Fraction& number) {
  const BigInteger above = square_root(number.numerator());
  const BigInteger below = square_root(number.denominator());
  if (above * above == number.numerator() && below * below == number.denominator()) {
    return {above, below};
  }
  const BigInteger one = unit_digits(-exponent_of(number));
  return rounded(square_root(number.numerator() * one * one / number.denominator()), one);
}

Fraction real_logarithm(const Fraction& number) {
  const BigInteger one = unit_digits(zeros_of_logarithm(number));
  return rounded(ln_units(number, one), one);
}

std::optional<Fraction> real_exponential(const Fraction& number) {
  if (exponent_of(number) > 4) return std::nullopt;
  const BigInteger one = unit_digits(0);
  return exponential(in_units(number, one), one);
}

std::optional<Fraction> real_power(const Fraction& base, const Fraction& exponent) {
  const std::int64_t digits = exponent_of(exponent);
  CHECK(digits <= kRealArgumentExponentMax, "the callers look for large exponents");
  const BigInteger one = unit_digits(digits);
  return exponential(ln_units(base, one) * exponent.numerator() / exponent.denominator(), one);
}

Fraction real_sine(const Fraction& angle) {
  return sine_after_quarters(angle, 0);
}

Fraction real_cosine(const Fraction& angle) {
  return sine_after_quarters(angle, 1);
}

}  // namespace perdure
