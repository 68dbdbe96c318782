#include "tools/arithmetic.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace perdure {
namespace {

Number exact(Fraction value) {
  return {std::move(value)};
}

// 10^exponent + 1 and its like have nothing in common with each other.
Fraction power_of_ten_plus(std::size_t exponent, std::int64_t more) {
  return BigInteger::power_of_ten(exponent) + more;
}

ErrorCode code_of(const Result<Number>& result) {
  return result.ok() ? ErrorCode::kInternal : result.error().code;
}

Result<Number> call(std::string_view name, std::initializer_list<Number> arguments) {
  const auto functions = number_functions();
  const auto function =
      std::find_if(functions.begin(), functions.end(),
                   [&](const NumberFunction& candidate) { return candidate.name == name; });
  return function->call({arguments.begin(), arguments.size()});
}

TEST(Arithmetic, FractionsStayExactWhileTheyAreShort) {
  const Result<Number> third = operate(Operator::kDivide, exact(1), exact(3));
  ASSERT_TRUE(third.ok());
  EXPECT_TRUE(third->exact);
  EXPECT_EQ(third->value, Fraction(1, 3));

  const Result<Number> longest =
      operate(Operator::kDivide, exact(power_of_ten_plus(99, 1)), exact(power_of_ten_plus(150, 3)));
  ASSERT_TRUE(longest.ok());
  EXPECT_TRUE(longest->exact);
  const Result<Number> rounded = operate(Operator::kDivide, exact(power_of_ten_plus(100, 1)),
                                         exact(power_of_ten_plus(150, 3)));
  ASSERT_TRUE(rounded.ok());
  EXPECT_FALSE(rounded->exact);
  EXPECT_EQ(rounded->value, Fraction(1, BigInteger::power_of_ten(50)));
}

TEST(Arithmetic, LongNumbersThatDivideStayExact) {
  const Fraction factor = power_of_ten_plus(500, 7);
  const Fraction other = power_of_ten_plus(600, 9);
  const Result<Number> product = operate(Operator::kMultiply, exact(factor), exact(other));
  ASSERT_TRUE(product.ok());
  const Result<Number> quotient = operate(Operator::kDivide, *product, exact(other));
  ASSERT_TRUE(quotient.ok());
  EXPECT_TRUE(quotient->exact);
  EXPECT_EQ(quotient->value, factor);
}

TEST(Arithmetic, WhatIsApproximateStaysSo) {
  const Result<Number> sum = operate(Operator::kAdd, number_pi(), exact(1));
  ASSERT_TRUE(sum.ok());
  EXPECT_FALSE(sum->exact);
  const Result<Number> root = call("sqrt", {exact(Fraction(4, 9))});
  ASSERT_TRUE(root.ok());
  EXPECT_TRUE(root->exact);
  EXPECT_FALSE(call("sqrt", {exact(2)})->exact);
  EXPECT_FALSE(
      operate(Operator::kPower, exact(2), *operate(Operator::kMultiply, number_pi(), exact(0)))
          ->exact);
}

TEST(Arithmetic, LimitsOfTheResult) {
  const Number largest = exact(BigInteger::power_of_ten(kNumberDigitsMax) - 1);
  EXPECT_EQ(code_of(operate(Operator::kAdd, largest, exact(1))), ErrorCode::kTooLarge);
  EXPECT_TRUE(operate(Operator::kSubtract, largest, exact(1)).ok());
  const Number smallest = exact(Fraction(1, BigInteger::power_of_ten(kNumberDigitsMax)));
  EXPECT_TRUE(operate(Operator::kMultiply, smallest, exact(1)).ok());
  EXPECT_EQ(code_of(operate(Operator::kDivide, smallest, exact(2))), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of(number_from({1, static_cast<std::int64_t>(kNumberDigitsMax)})),
            ErrorCode::kTooLarge);
  EXPECT_TRUE(number_from({1, static_cast<std::int64_t>(kNumberDigitsMax) - 1}).ok());
}

TEST(Arithmetic, UndefinedResults) {
  for (const Operator operation :
       {Operator::kDivide, Operator::kDivideDown, Operator::kRemainder}) {
    EXPECT_EQ(code_of(operate(operation, exact(1), exact(0))), ErrorCode::kToolFailed);
  }
  EXPECT_EQ(code_of(operate(Operator::kPower, exact(0), exact(-1))), ErrorCode::kToolFailed);
  EXPECT_EQ(code_of(operate(Operator::kPower, exact(-2), exact(Fraction(1, 2)))),
            ErrorCode::kToolFailed);
  EXPECT_EQ(code_of(call("ln", {exact(-1)})), ErrorCode::kToolFailed);
}

TEST(Arithmetic, RoundingTrustsNotTheLastDigits) {
  // Just below 3, as the logarithm of 1000 might come out.
  const Number almost = {
      Fraction(BigInteger::power_of_ten(48) * 3 - 1, BigInteger::power_of_ten(48)), false};
  EXPECT_EQ(call("floor", {almost})->value, Fraction(3));
  EXPECT_EQ(call("floor", {exact(almost.value)})->value, Fraction(2));
  EXPECT_EQ(operate(Operator::kDivideDown, almost, exact(1))->value, Fraction(3));
}

}  // namespace
}  // namespace perdure
