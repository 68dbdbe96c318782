#include "tools/calculate.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "base/utf8.h"
#include "tools/arithmetic.h"
#include "tools/big_number.h"

namespace perdure {
namespace {

// What models write out of habit, and what to write instead.
struct Habit {
  std::string_view written;
  std::string_view advice;
};

constexpr std::array kHabits = {
    Habit{"^", "write ** for powers"},
    Habit{"\u00d7", "write * to multiply"},
    Habit{"\u00b7", "write * to multiply"},
    Habit{"\u00f7", "write / to divide"},
    Habit{"\u2212", "write - for minus"},
    Habit{"\u2013", "write - for minus"},
    Habit{"\u03c0", "write pi"},
    Habit{"\u221a", "write sqrt(...)"},
    Habit{"\u00b2", "write **2"},
    Habit{"\u00b3", "write **3"},
    Habit{"!", "there is no factorial"},
    Habit{"=", "there are no equations and comparisons"},
    Habit{"<", "there are no comparisons"},
    Habit{">", "there are no comparisons"},
    Habit{"[", "write ( and )"},
    Habit{"{", "write ( and )"},
    Habit{"$", "write numbers without units"},
    Habit{"\u20ac", "write numbers without units"},
    Habit{"log", "write ln, log10 or log2"},
    Habit{"pow", "write a ** b"},
    Habit{"mod", "write a % b"},
    Habit{"of", "15% of 80 is 15/100*80"},
    Habit{"math", "write functions alone, such as sqrt(2)"},
    Habit{"x", "write * to multiply; there are no variables"},
};

// Bytes of the first character of a text that is not empty.
std::size_t character_bytes(std::string_view text) {
  constexpr std::size_t kCharacterBytesMax = 4;
  std::size_t bytes = 1;
  while (bytes < std::min(text.size(), kCharacterBytesMax) &&
         (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) {
    ++bytes;
  }
  return bytes;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}

// Reads an expression from the left and calculates as it reads. One rule of the grammar is one
// function.
class Calculation {
 public:
  explicit Calculation(std::string_view text) : text_(text) {}

  Result<Number> run() {
    Result<Number> value = sum();
    if (!value.ok()) return value;
    skip_blanks();
    if (at_ < text_.size()) return expected("an operator (+ - * / // % **) or the end");
    return value;
  }

 private:
  using Rule = Result<Number> (Calculation::*)();

  struct Sign {
    std::string_view text;
    Operator operation;
  };

  Result<Number> sum() {
    static constexpr std::array kSigns = {Sign{"+", Operator::kAdd},
                                          Sign{"-", Operator::kSubtract}};
    return chain(kSigns, &Calculation::product);
  }

  Result<Number> product() {
    static constexpr std::array kSigns = {
        Sign{"//", Operator::kDivideDown}, Sign{"*", Operator::kMultiply},
        Sign{"/", Operator::kDivide}, Sign{"%", Operator::kRemainder}};
    return chain(kSigns, &Calculation::factor);
  }

  // Operands of one rule with operators of the same rank between them, from the left. Of two signs
  // that begin alike the longer one is first.
  Result<Number> chain(std::span<const Sign> signs, Rule operand) {
    Result<Number> left = (this->*operand)();
    while (left.ok()) {
      skip_blanks();
      const std::size_t start = at_;
      const auto sign =
          std::find_if(signs.begin(), signs.end(), [&](const Sign& s) { return take(s.text); });
      if (sign == signs.end()) return left;
      const Result<Number> right = (this->*operand)();
      if (!right.ok()) return right;
      left = located(start, operate(sign->operation, *left, *right));
    }
    return left;
  }

  Result<Number> factor() {
    if (take("+")) return deeper(&Calculation::factor);
    if (!take("-")) return power();
    Result<Number> value = deeper(&Calculation::factor);
    return value.ok() ? negated(*value) : value;
  }

  Result<Number> power() {
    Result<Number> base = primary();
    if (!base.ok()) return base;
    skip_blanks();
    const std::size_t start = at_;
    if (!take("**")) return base;
    const Result<Number> exponent = deeper(&Calculation::factor);
    if (!exponent.ok()) return exponent;
    return located(start, operate(Operator::kPower, *base, *exponent));
  }

  Result<Number> primary() {
    if (take("(")) {
      Result<Number> value = deeper(&Calculation::sum);
      if (value.ok() && !take(")")) return expected("an operator or ')'");
      return value;
    }
    skip_blanks();
    if (at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == '.')) return number();
    if (at_ < text_.size() && is_name(text_[at_])) return named();
    return expected("a number, a name or '('");
  }

  Result<Number> number() {
    const std::size_t start = at_;
    std::string digits = take_digits();
    if (digits.size() > 1 && digits[0] == '0') {
      return refused(start,
                     "a number does not begin with 0; it has no separators of thousands either");
    }
    std::int64_t exponent = 0;
    if (take_here(".")) {
      const std::string places = take_digits();
      digits += places;
      exponent = -static_cast<std::int64_t>(places.size());
    }
    if (digits.empty()) return refused(start, "expected a digit beside the '.'");
    // "2e" may be the beginning of 2e10; the constant e needs an operator before it anyway.
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      const std::size_t mark = at_++;
      const bool negative = take_here("-");
      if (!negative) take_here("+");
      const std::string written = take_digits();
      if (written.empty()) {
        at_ = mark;
        return expected("an operator (write 2*e for the constant e) or digits after the e of 1e10");
      }
      // Clearly beyond the limits, so that number_from() refuses it, but not so large that trying
      // it takes long.
      constexpr auto kLarge = static_cast<std::int64_t>(kNumberDigitsMax + kCalculateBytesMax);
      const std::int64_t size =
          std::min(BigInteger::from_digits(written).int64().value_or(kLarge), kLarge);
      exponent += negative ? -size : size;
    }
    const BigInteger mantissa = BigInteger::from_digits(digits);
    return located(start, number_from({mantissa, exponent}));
  }

  Result<Number> named() {
    const std::size_t start = at_;
    while (at_ < text_.size() && is_name(text_[at_])) ++at_;
    const std::string_view name = text_.substr(start, at_ - start);
    if (name == "pi") return number_pi();
    if (name == "e") return number_e();
    for (const NumberFunction& function : number_functions()) {
      if (function.name == name) return call(function, start);
    }
    return unknown_name(name, start);
  }

  Result<Number> call(const NumberFunction& function, std::size_t start) {
    if (!take("(")) return expected(fmt::format("'(' after {}", function.name));
    std::vector<Number> arguments;
    do {
      Result<Number> argument = deeper(&Calculation::sum);
      if (!argument.ok()) return argument;
      arguments.push_back(*std::move(argument));
    } while (take(","));
    if (!take(")")) return expected("an operator, ',' or ')'");
    if (arguments.size() < function.arguments_min || arguments.size() > function.arguments_max) {
      return refused(
          start, fmt::format("{} takes {}, not {} arguments", function.name,
                             function.arguments_max == 1 ? "one argument" : "one or two arguments",
                             arguments.size()));
    }
    return located(start, function.call(arguments));
  }

  Result<Number> unknown_name(std::string_view name, std::size_t start) {
    const std::string shown(name.substr(0, kShownNameBytesMax));
    for (const Habit& habit : kHabits) {
      if (habit.written == name) {
        return refused(start, fmt::format("unknown name '{}'; {}", shown, habit.advice));
      }
    }
    std::vector<std::string> known = {"pi", "e"};
    for (const NumberFunction& function : number_functions()) known.emplace_back(function.name);
    const std::optional<std::string> meant = nearest(name, known);
    return refused(start,
                   meant ? fmt::format("unknown name '{}'; did you mean '{}'?", shown, *meant)
                         : fmt::format("unknown name '{}'; known are {}", shown, join(known, " ")));
  }

  // A rule inside of another one.
  Result<Number> deeper(Rule rule) {
    if (depth_ == kCalculateDepthMax) {
      return located(
          at_, Error{.code = ErrorCode::kTooLarge,
                     .message = fmt::format(
                         "more than {} parentheses, calls, signs and powers inside of each other",
                         kCalculateDepthMax)});
    }
    ++depth_;
    Result<Number> value = (this->*rule)();
    --depth_;
    return value;
  }

  void skip_blanks() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

  bool take(std::string_view token) {
    skip_blanks();
    return take_here(token);
  }

  // Without blanks before it: inside of a number.
  bool take_here(std::string_view token) {
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }

  std::string take_digits() {
    const std::size_t start = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    return std::string(text_.substr(start, at_ - start));
  }

  // A name, the digits of a number, or one character; empty at the end.
  std::string_view token_at(std::size_t at) const {
    const std::string_view rest = text_.substr(at);
    std::size_t bytes = 0;
    while (bytes < rest.size() && bytes < kShownNameBytesMax && is_name(rest[bytes])) ++bytes;
    if (bytes == 0 && !rest.empty()) bytes = character_bytes(rest);
    return rest.substr(0, bytes);
  }

  // The error for what stands at this place instead of what should.
  Error expected(std::string_view what) {
    const std::string_view before = trim(text_.substr(0, at_));
    skip_blanks();
    const std::string_view token = token_at(at_);
    const std::string found =
        token.empty() ? "the end" : fmt::format("'{}'", printable(to_valid_utf8(token)));
    std::string_view advice;
    for (const Habit& habit : kHabits) {
      if (token == habit.written) advice = habit.advice;
    }
    const bool separator =
        !token.empty() && (token[0] == ',' || token[0] == '_' || is_digit(token[0]));
    if (separator && !before.empty() && is_digit(before.back())) {
      advice = "write numbers without separators of thousands";
    }
    if (!before.empty() && before.back() == '%') {
      advice = "% is the remainder; for 15 percent write 15/100";
    }
    return refused(at_, fmt::format("expected {}, found {}{}{}", what, found,
                                    advice.empty() ? "" : "; ", advice));
  }

  Error refused(std::size_t at, std::string message) const {
    return located(at, Error{.code = ErrorCode::kInvalidArguments, .message = std::move(message)})
        .error();
  }

  // An error with the column where it comes from.
  Result<Number> located(std::size_t at, Result<Number> value) const {
    if (value.ok()) return value;
    // Bytes are characters here: the first character with more of them is a mistake.
    Error error = value.error();
    error.message = fmt::format("column {}: {}", at + 1, error.message);
    return error;
  }

  static constexpr std::size_t kShownNameBytesMax = 40;

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
};

// As a decimal, or in scientific notation where that would have many zeros.
std::string decimal_text(const Decimal& decimal, std::int64_t plain_exponent_max) {
  constexpr std::int64_t kPlainExponentMin = -10;
  if (decimal.mantissa.is_zero()) return "0";
  std::string digits = absolute(decimal.mantissa).text();
  std::int64_t exponent = decimal.exponent + static_cast<std::int64_t>(digits.size()) - 1;
  digits.erase(digits.find_last_not_of('0') + 1);
  const std::string sign = decimal.mantissa.is_negative() ? "-" : "";
  if (exponent < kPlainExponentMin || exponent > plain_exponent_max) {
    if (digits.size() > 1) digits.insert(1, 1, '.');
    return fmt::format("{}{}e{}", sign, digits, exponent);
  }
  if (exponent < 0) {
    const std::string zeros(static_cast<std::size_t>(-exponent - 1), '0');
    return fmt::format("{}0.{}{}", sign, zeros, digits);
  }
  const auto whole_digits = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole_digits) digits.resize(whole_digits, '0');
  if (digits.size() == whole_digits) return sign + digits;
  return sign + digits.insert(whole_digits, 1, '.');
}

std::string number_text(const Number& number) {
  const Fraction& value = number.value;
  if (number.exact) {
    if (value.is_integer()) return value.numerator().text();
    const std::optional<Decimal> decimal = exact_decimal(value);
    if (decimal && decimal->mantissa.digits() <= kCalculateExactDigits) {
      return decimal_text(*decimal, static_cast<std::int64_t>(kNumberDigitsMax));
    }
  }
  return decimal_text(
      rounded_quotient(value.numerator(), value.denominator(), kCalculateShownDigits),
      static_cast<std::int64_t>(kCalculateShownDigits));
}

}  // namespace

Result<std::string> calculate(std::string_view expression) {
  if (expression.size() > kCalculateBytesMax) {
    return Error{
        .code = ErrorCode::kTooLarge,
        .message = fmt::format("the expression has more than {} bytes", kCalculateBytesMax),
        .advice = "calculate it in parts"};
  }
  const Result<Number> value = Calculation(expression).run();
  if (!value.ok()) return value.error();
  return number_text(*value);
}

}  // namespace perdure
