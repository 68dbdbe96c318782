#include "tools/big_number.h"

#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace perdure {
namespace {

BigInteger integer(std::string_view text) {
  if (text[0] == '-') return -BigInteger::from_digits(text.substr(1));
  return BigInteger::from_digits(text);
}

// The number with as many digits as a real function promises, as "d.ddd" times a power of ten.
std::string digits_of(const Fraction& number) {
  const Decimal decimal =
      rounded_quotient(number.numerator(), number.denominator(), kRealDigits - 1);
  return decimal.mantissa.text() + "e" + std::to_string(decimal.exponent);
}

// Numbers of several limbs whose limbs are at the edges, where carries and guesses go wrong.
class EdgeNumbers {
 public:
  BigInteger next() {
    static constexpr std::string_view kLimbs[] = {
        "000000000", "000000001", "499999999", "500000000", "999999998", "999999999", "123456789"};
    std::string digits;
    for (std::size_t i = random_() % 7; i > 0; --i) digits += kLimbs[random_() % std::size(kLimbs)];
    const BigInteger number = BigInteger::from_digits(digits);
    return random_() % 2 == 0 ? number : -number;
  }

 private:
  std::mt19937 random_{99};
};

TEST(BigInteger, TextAndSmallNumbers) {
  EXPECT_EQ(BigInteger().text(), "0");
  EXPECT_EQ(integer("000").text(), "0");
  EXPECT_EQ(BigInteger(-42).text(), "-42");
  EXPECT_EQ(integer("1000000000000000000000000007").text(), "1000000000000000000000000007");
  constexpr std::int64_t kSmallest = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(BigInteger(kSmallest).text(), "-9223372036854775808");
  EXPECT_EQ(integer("9223372036854775807").int64(), kLargest);
  EXPECT_EQ(integer("9223372036854775808").int64(), std::nullopt);
  EXPECT_EQ(integer("-9223372036854775807").int64(), -kLargest);
  EXPECT_EQ(BigInteger::power_of_ten(20).text(), "100000000000000000000");
  EXPECT_EQ(BigInteger::power_of_ten(0).text(), "1");
}

TEST(BigInteger, DigitsAndLogarithm) {
  EXPECT_EQ(BigInteger().digits(), 1u);
  EXPECT_EQ(integer("999999999").digits(), 9u);
  EXPECT_EQ(integer("-1000000000").digits(), 10u);
  EXPECT_NEAR(integer("1000000000000000000000000000000").log10(), 30.0, 1e-12);
  EXPECT_NEAR(BigInteger(2).log10(), 0.30102999566398120, 1e-14);
}

TEST(BigInteger, Order) {
  EXPECT_LT(integer("-1000000000"), integer("-999999999"));
  EXPECT_LT(integer("-1"), BigInteger());
  EXPECT_LT(BigInteger(), BigInteger(1));
  EXPECT_LT(integer("1000000001"), integer("2000000000"));
  EXPECT_EQ(BigInteger(5) - BigInteger(5), -BigInteger());
}

TEST(BigInteger, ArithmeticAgreesWithTheMachine) {
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    const auto small = [&] {
      const auto bits = static_cast<int>(random() % 31);
      return static_cast<std::int64_t>(random() >> bits) -
             static_cast<std::int64_t>(random() >> bits);
    };
    const std::int64_t a = small();
    const std::int64_t b = small();
    EXPECT_EQ((BigInteger(a) + BigInteger(b)).int64(), a + b);
    EXPECT_EQ((BigInteger(a) - BigInteger(b)).int64(), a - b);
    EXPECT_EQ((BigInteger(a % 1'000'000'000) * BigInteger(b)).int64(), a % 1'000'000'000 * b);
    EXPECT_EQ(BigInteger(a) < BigInteger(b), a < b);
    if (b == 0) continue;
    EXPECT_EQ((BigInteger(a) / BigInteger(b)).int64(), a / b);
    EXPECT_EQ((BigInteger(a) % BigInteger(b)).int64(), a % b);
  }
}

TEST(BigInteger, DivisionIsTheInverseOfMultiplication) {
  EdgeNumbers numbers;
  for (int round = 0; round < 20'000; ++round) {
    const BigInteger a = numbers.next();
    const BigInteger b = numbers.next();
    const BigInteger c = numbers.next();
    ASSERT_EQ((a + b) * c, a * c + b * c) << a.text() << " " << b.text() << " " << c.text();
    ASSERT_EQ(a - b + b, a) << a.text() << " " << b.text();
    if (b.is_zero()) continue;
    const BigInteger rest = a % b;
    ASSERT_EQ(a / b * b + rest, a) << a.text() << " " << b.text();
    ASSERT_LT(absolute(rest), absolute(b)) << a.text() << " " << b.text();
    ASSERT_EQ(rest.is_negative() && !a.is_negative(), false) << a.text() << " " << b.text();
    ASSERT_EQ(a * b / b, a) << a.text() << " " << b.text();
    const BigInteger floor = floor_of(a, b);
    ASSERT_TRUE(b.is_negative() ? floor * b >= a && (floor + 1) * b < a
                                : floor * b <= a && (floor + 1) * b > a)
        << a.text() << " " << b.text();
  }
}

TEST(BigInteger, PowersRootsAndDivisors) {
  EXPECT_EQ(power(3, 0), 1);
  EXPECT_EQ(power(-3, 41).text(), "-36472996377170786403");
  EXPECT_EQ(square_root(BigInteger()), 0);
  EXPECT_EQ(greatest_common_divisor(0, -6), 6);
  EXPECT_EQ(greatest_common_divisor(power(6, 50), power(10, 40)), power(2, 40));
  EdgeNumbers numbers;
  for (int round = 0; round < 2'000; ++round) {
    const BigInteger number = absolute(numbers.next());
    const BigInteger root = square_root(number);
    ASSERT_LE(root * root, number) << number.text();
    ASSERT_GT((root + 1) * (root + 1), number) << number.text();
    ASSERT_EQ(square_root(number * number), number);
  }
}

TEST(Fraction, LowestTermsAndOrder) {
  const Fraction half(-3, -6);
  EXPECT_EQ(half.numerator(), 1);
  EXPECT_EQ(half.denominator(), 2);
  EXPECT_EQ(Fraction(4, -6), -Fraction(2, 3));
  EXPECT_TRUE(Fraction(6, 3).is_integer());
  EXPECT_EQ(Fraction(0, 7), Fraction(0));
  EXPECT_LT(Fraction(-1, 2), Fraction(-1, 3));
  EXPECT_LT(Fraction(1, 3), Fraction(1, 2));
  EXPECT_EQ(Fraction(-1, 2).floor(), -1);
  EXPECT_EQ(Fraction(7, 2).floor(), 3);
}

TEST(Decimal, ScientificExponent) {
  EXPECT_EQ(scientific_exponent(123, 1), 2);
  EXPECT_EQ(scientific_exponent(-1, 2), -1);
  EXPECT_EQ(scientific_exponent(1, 10), -1);
  EXPECT_EQ(scientific_exponent(999, 1000), -1);
  EXPECT_EQ(scientific_exponent(1000, 1000), 0);
  EXPECT_EQ(scientific_exponent(1, 3000), -4);
}

TEST(Decimal, RoundingTakesHalvesAwayFromZero) {
  const auto rounded = [](std::int64_t numerator, std::int64_t denominator, std::size_t digits) {
    return to_fraction(rounded_quotient(numerator, denominator, digits));
  };
  EXPECT_EQ(rounded(125, 100, 2), Fraction(13, 10));
  EXPECT_EQ(rounded(-125, 100, 2), Fraction(-13, 10));
  EXPECT_EQ(rounded(1249, 1000, 2), Fraction(12, 10));
  EXPECT_EQ(rounded(123456, 1, 2), Fraction(120000));
  EXPECT_EQ(rounded(999, 1, 2), Fraction(1000));
  EXPECT_EQ(rounded(2, 3, 3), Fraction(667, 1000));
  EXPECT_EQ(rounded(0, 3, 3), Fraction(0));
}

TEST(Decimal, OnlySomeFractionsEnd) {
  const std::optional<Decimal> eighth = exact_decimal(Fraction(-1, 8));
  ASSERT_TRUE(eighth.has_value());
  EXPECT_EQ(eighth->mantissa, -125);
  EXPECT_EQ(eighth->exponent, -3);
  EXPECT_EQ(exact_decimal(Fraction(3, 20))->mantissa, 15);
  EXPECT_EQ(exact_decimal(Fraction(7))->exponent, 0);
  EXPECT_EQ(exact_decimal(Fraction(1, 6)).has_value(), false);
}

TEST(RealFunctions, KnownDigits) {
  EXPECT_EQ(digits_of(real_pi()), "3141592653589793238462643383279502884197169399375e-48");
  EXPECT_EQ(digits_of(*real_exponential(1)),
            "2718281828459045235360287471352662497757247093700e-48");
  EXPECT_EQ(digits_of(real_square_root(2)),
            "1414213562373095048801688724209698078569671875377e-48");
  EXPECT_EQ(digits_of(real_logarithm(2)), "6931471805599453094172321214581765680755001343603e-49");
  EXPECT_EQ(digits_of(real_logarithm(10)), "2302585092994045684017991454684364207601101488629e-48");
  EXPECT_EQ(digits_of(real_sine(1)), "8414709848078965066525023216302989996225630607984e-49");
  EXPECT_EQ(digits_of(real_cosine(1)), "5403023058681397174009366074429766037323104206179e-49");
  EXPECT_EQ(digits_of(*real_power(2, Fraction(1, 3))),
            "1259921049894873164767210607278228350570251464702e-48");
}

TEST(RealFunctions, RootsThatComeOutAreExact) {
  EXPECT_EQ(real_square_root(Fraction(9, 4)), Fraction(3, 2));
  EXPECT_EQ(real_square_root(0), Fraction(0));
  EXPECT_EQ(real_square_root(BigInteger::power_of_ten(1000)),
            Fraction(BigInteger::power_of_ten(500)));
}

TEST(RealFunctions, SmallAndLargeArgumentsKeepTheirDigits) {
  const Fraction tiny(1, BigInteger::power_of_ten(60) * 3);
  EXPECT_EQ(digits_of(real_sine(tiny)), digits_of(tiny));
  const BigInteger large = BigInteger::power_of_ten(90);
  const Fraction above_one(large + 1, large);
  EXPECT_EQ(real_logarithm(above_one), Fraction(1, large));
  EXPECT_EQ(digits_of(*real_power(above_one, large)), digits_of(*real_exponential(1)));
  EXPECT_EQ(digits_of(real_sine(BigInteger::power_of_ten(22))),
            "-8522008497671888017727058937530293682617621504100e-49");
  EXPECT_EQ(digits_of(real_sine(BigInteger::power_of_ten(99))),
            "-2725116019343659650277062796705162910462696964876e-49");
}

TEST(RealFunctions, ResultsBeyondTheLimitsAreNotComputed) {
  EXPECT_EQ(real_exponential(1'000'000'000).has_value(), false);
  EXPECT_EQ(real_exponential(-6000).has_value(), false);
  EXPECT_EQ(real_power(2, 10'000).has_value(), false);
  EXPECT_EQ(real_power(Fraction(1, 2), BigInteger::power_of_ten(99)).has_value(), false);
}

}  // namespace
}  // namespace perdure
