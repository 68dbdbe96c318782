#include "tools/calculate.h"

#include <iterator>
#include <random>

#include <gtest/gtest.h>

namespace perdure {
namespace {

// The value, or the error as a model reads it.
std::string value_of(std::string_view expression) {
  const Result<std::string> value = calculate(expression);
  return value.ok() ? *value
                    : std::string(to_string(value.error().code)) + ": " + value.error().message;
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

struct Calculation {
  std::string_view expression;
  std::string_view expected;
};

void expect_all(std::initializer_list<Calculation> cases) {
  for (const Calculation& row : cases)
    EXPECT_EQ(value_of(row.expression), row.expected) << row.expression;
}

TEST(Calculate, Exact) {
  expect_all({{"0.1+0.2", "0.3"},
              {"1", "1"},
              {" ( 1 +\t2 )\n* 3 ", "9"},
              {"1-2-3", "-4"},
              {"2+3*4", "14"},
              {"100/8/5", "2.5"},
              {"1-1", "0"},
              {"-0", "0"},
              {"-0.0*5", "0"},
              {"2**100", "1267650600228229401496703205376"},
              {"123456789012345678901234567890*987654321098765432109876543210",
               "121932631137021795226185032733622923332237463801111263526900"},
              {"1/3*3", "1"},
              {"1/3+1/6", "0.5"},
              {"1.005*100", "100.5"},
              {"0.5e3", "500"},
              {"1.5E-3", "0.0015"},
              {"2e+2", "200"},
              {".5+5.", "5.5"},
              {"1/2**40", "9.094947017729282379150390625e-13"},
              {"1e-10", "0.0000000001"},
              {"1e-11*1.5", "1.5e-11"},
              {"10**30+0.5", "1000000000000000000000000000000.5"},
              {"99999999999999999999/3", "33333333333333333333"}});
}

TEST(Calculate, Rounded) {
  expect_all({{"1/3", "0.33333333333333333333"},
              {"2/3", "0.66666666666666666667"},
              {"-2/3", "-0.66666666666666666667"},
              {"200/3", "66.666666666666666667"},
              {"10**25/3", "3.3333333333333333333e24"},
              {"1/3*10**-15", "3.3333333333333333333e-16"},
              {"1/7", "0.14285714285714285714"},
              {"1/2**150", "7.0064923216240853546e-46"},
              {"1.05**1000", "1.546318920731927239e21"},
              {"1.0005**3650", "6.1999665819367920673"},
              {"1/3**500", "2.750252956203138018e-239"}});
}

TEST(Calculate, Operators) {
  expect_all(
      {{"-2**2", "-4"},
       {"(-2)**2", "4"},
       {"2**3**2", "512"},
       {"2**-1", "0.5"},
       {"-2**-2", "-0.25"},
       {"--3", "3"},
       {"2*-3", "-6"},
       {"+-+4", "-4"},
       {"0**0", "1"},
       {"(-1)**1000000000000000000001", "-1"},
       {"(2/3)**3*27", "8"},
       {"1**10**200", "1"},
       {"(-1.0005)**3651", "-6.2030665652277604634"},
       {"7//2", "3"},
       {"-7//2", "-4"},
       {"7//-2", "-4"},
       {"-7//-2", "3"},
       {"7.5//2", "3"},
       {"7%3", "1"},
       {"-7%3", "2"},
       {"7%-3", "-2"},
       {"6%-3", "0"},
       {"5.5%2", "1.5"},
       {"0.3%0.1", "0"},
       {"2*7%4", "2"},
       {"(10**300+1)%(10**150+7)", "50"},
       {"10**300//(10**150+1)",
        "999999999999999999999999999999999999999999999999999999999"
        "999999999999999999999999999999999999999999999999999999999999999999999999999999999999"
        "999999999"}});
}

TEST(Calculate, Functions) {
  expect_all({{"sqrt(0)", "0"},
              {"0**0.5", "0"},
              {"(10**60+2*10**30+1)**0.5", "1000000000000000000000000000001"},
              {"2**log2(2**200)", "1.6069380442589902755e60"},
              {"sqrt(16)", "4"},
              {"sqrt(2.25)", "1.5"},
              {"sqrt(2)", "1.4142135623730950488"},
              {"sqrt(2)**2", "2"},
              {"sqrt(2)*sqrt(2)", "2"},
              {"8**(1/3)", "2"},
              {"floor(8**(1/3))", "2"},
              {"4**-0.5", "0.5"},
              {"2**0.5", "1.4142135623730950488"},
              {"2**1.5", "2.8284271247461900976"},
              {"abs(-3.5)", "3.5"},
              {"min(3, 1, 2)", "1"},
              {"max(3, 10/3, pi)", "3.3333333333333333333"},
              {"min(7)", "7"},
              {"floor(-1.5)", "-2"},
              {"ceil(-1.5)", "-1"},
              {"ceil(1.2)", "2"},
              {"floor(5)", "5"},
              {"round(2.5)", "3"},
              {"round(-2.5)", "-3"},
              {"round(2.4999)", "2"},
              {"round(2.675, 2)", "2.68"},
              {"round(1234, -2)", "1200"},
              {"round(pi, 4)", "3.1416"},
              {"ln(1)", "0"},
              {"ln(e)", "1"},
              {"ln(2)", "0.69314718055994530942"},
              {"ln(10**1000)", "2302.585092994045684"},
              {"ln(1+1e-30)", "1e-30"},
              {"ln(0.8)", "-0.22314355131420975577"},
              {"floor(log10(1000))", "3"},
              {"log10(10**-300)", "-300"},
              {"log2(2**500)", "500"},
              {"floor(log2(8))", "3"},
              {"(-1)**log10(10**-999)", "-1"},
              {"exp(0)", "1"},
              {"exp(1)", "2.7182818284590452354"},
              {"exp(-100)", "3.720075976020835963e-44"},
              {"exp(ln(5))", "5"},
              {"e", "2.7182818284590452354"},
              {"pi", "3.1415926535897932385"},
              {"sin(0)", "0"},
              {"sin(pi)", "0"},
              {"sin(pi/6)", "0.5"},
              {"cos(pi/2)", "0"},
              {"cos(pi)", "-1"},
              {"cos(1)", "0.5403023058681397174"},
              {"sin(1)", "0.84147098480789650665"},
              {"sin(-4)", "0.75680249530792825137"},
              {"sin(10**22)", "-0.85220084976718880177"},
              {"sin(1e-40)", "1e-40"},
              {"tan(pi/4)", "1"},
              {"tan(2)", "-2.1850398632615189916"}});
}

TEST(Calculate, Mistakes) {
  expect_all({
      {"", "invalid_arguments: column 1: expected a number, a name or '(', found the end"},
      {"1 +", "invalid_arguments: column 4: expected a number, a name or '(', found the end"},
      {"(1+2", "invalid_arguments: column 5: expected an operator or ')', found the end"},
      {"1+2)",
       "invalid_arguments: column 4: expected an operator (+ - * / // % **) or the end, found "
       "')'"},
      {"()", "invalid_arguments: column 2: expected a number, a name or '(', found ')'"},
      {"2^3",
       "invalid_arguments: column 2: expected an operator (+ - * / // % **) or the end, found "
       "'^'; "
       "write ** for powers"},
      {"\u03c0*2",
       "invalid_arguments: column 1: expected a number, a name or '(', found '\u03c0'; write pi"},
      {"2\u00d73",
       "invalid_arguments: column 2: expected an operator (+ - * / // % **) or the end, found "
       "'\u00d7'; write * to multiply"},
      {"\u00e4+1", "invalid_arguments: column 1: expected a number, a name or '(', found '\u00e4'"},
      {"(2 \u2212 3)",
       "invalid_arguments: column 4: expected an operator or ')', found '\u2212'; write - for "
       "minus"},
      {"'\u00e9' + 1", "invalid_arguments: column 1: expected a number, a name or '(', found '''"},
      {"2(3)",
       "invalid_arguments: column 2: expected an operator (+ - * / // % **) or the end, found "
       "'('"},
      {"2 pi",
       "invalid_arguments: column 3: expected an operator (+ - * / // % **) or the end, found "
       "'pi'"},
      {"3 x 4",
       "invalid_arguments: column 3: expected an operator (+ - * / // % **) or the end, found "
       "'x'; "
       "write * to multiply; there are no variables"},
      {"1,000",
       "invalid_arguments: column 2: expected an operator (+ - * / // % **) or the end, found "
       "','; "
       "write numbers without separators of thousands"},
      {"1_000",
       "invalid_arguments: column 2: expected an operator (+ - * / // % **) or the end, found "
       "'_000'; "
       "write numbers without separators of thousands"},
      {"1 000",
       "invalid_arguments: column 3: expected an operator (+ - * / // % **) or the end, found "
       "'000'; "
       "write numbers without separators of thousands"},
      {"1 .5",
       "invalid_arguments: column 3: expected an operator (+ - * / // % **) or the end, found "
       "'.'"},
      {"max(1,000)",
       "invalid_arguments: column 7: a number does not begin with 0; it has no separators of "
       "thousands either"},
      {".", "invalid_arguments: column 1: expected a digit beside the '.'"},
      {"2e",
       "invalid_arguments: column 2: expected an operator (write 2*e for the constant e) or "
       "digits after "
       "the e of 1e10, found 'e'"},
      {"15%",
       "invalid_arguments: column 4: expected a number, a name or '(', found the end; % is the "
       "remainder; "
       "for 15 percent write 15/100"},
      {"80 * 15% + 1 of 3",
       "invalid_arguments: column 14: expected an operator (+ - * / // % **) or the end, "
       "found 'of'; 15% of 80 is 15/100*80"},
  });
}

TEST(Calculate, NamesAndArguments) {
  expect_all(
      {{"sqr(4)", "invalid_arguments: column 1: unknown name 'sqr'; did you mean 'sqrt'?"},
       {"1+SQRT(4)", "invalid_arguments: column 3: unknown name 'SQRT'; did you mean 'sqrt'?"},
       {"log(4)", "invalid_arguments: column 1: unknown name 'log'; write ln, log10 or log2"},
       {"__import__('os')",
        "invalid_arguments: column 1: unknown name '__import__'; known are pi e sqrt abs min "
        "max round floor ceil ln log10 log2 exp sin cos tan"},
       {"sqrt 4", "invalid_arguments: column 6: expected '(' after sqrt, found '4'"},
       {"sqrt()", "invalid_arguments: column 6: expected a number, a name or '(', found ')'"},
       {"sqrt(1", "invalid_arguments: column 7: expected an operator, ',' or ')', found the end"},
       {"2*sqrt(1, 2)", "invalid_arguments: column 3: sqrt takes one argument, not 2 arguments"},
       {"round(1, 2, 3)",
        "invalid_arguments: column 1: round takes one or two arguments, not 3 arguments"},
       {"pi(2)",
        "invalid_arguments: column 3: expected an operator (+ - * / // % **) or the end, found "
        "'('"}});
}

TEST(Calculate, NoValue) {
  expect_all(
      {{"1 + 1/0", "tool_failed: column 6: division by zero"},
       {"1//0.0", "tool_failed: column 2: division by zero"},
       {"5%(2-2)", "tool_failed: column 2: division by zero"},
       {"0**-1", "tool_failed: column 2: division by zero: zero has no negative power"},
       {"1+sqrt(-1)", "tool_failed: column 3: the square root of a negative number is not real"},
       {"(-8)**(1/3)",
        "tool_failed: column 5: a negative number has no real power that is not an integer"},
       {"ln(0)", "tool_failed: column 1: only numbers above zero have a logarithm"},
       {"tan(pi/2)", "tool_failed: column 1: the tangent of a right angle is not defined"},
       {"sin(10**100)", "tool_failed: column 1: the angle must be below 10**100"},
       {"sin(pi*10**20)", "tool_failed: column 1: the angle must be below 10**20"},
       {"round(1, 0.5)",
        "tool_failed: column 1: the number of places of round() must be an integer from -2000 to "
        "2000"}});
}

// Fault S7: expressions that are short and would take for ever, or too much of the stack or of
// memory.
TEST(Calculate, Limits) {
  expect_all(
      {{"9**9**9**9", "too_large: column 5: the number has more than 2,000 digits"},
       {"9**9**9", "too_large: column 2: the number has more than 2,000 digits"},
       {"2**(10**1000)", "too_large: column 2: the number has more than 2,000 digits"},
       {"2**-(10**1000)", "too_large: column 2: the number is closer to zero than 10**-2000"},
       {"0.5**10**9", "too_large: column 4: the number is closer to zero than 10**-2000"},
       {"1.5**(10**90)", "too_large: column 4: the number has more than 2,000 digits"},
       {"pi**-(10**90)", "too_large: column 3: the number is closer to zero than 10**-2000"},
       {"10**1999*10", "too_large: column 9: the number has more than 2,000 digits"},
       {"10**-2000/10", "too_large: column 10: the number is closer to zero than 10**-2000"},
       {"exp(10**9)", "too_large: column 1: the number has more than 2,000 digits"},
       {"exp(-5000)", "too_large: column 1: the number is closer to zero than 10**-2000"},
       {"1e2000", "too_large: column 1: the number has more than 2,000 digits"},
       {"1e99999999999999999999", "too_large: column 1: the number has more than 2,000 digits"},
       {"1e-99999999999999999999",
        "too_large: column 1: the number is closer to zero than 10**-2000"},
       {"0e99999999999999999999", "0"}});
}

TEST(Calculate, TheLargestNumbersHaveAllOfTheirDigits) {
  EXPECT_EQ(value_of("10**1999"), "1" + std::string(1999, '0'));
  EXPECT_EQ(value_of(std::string(2000, '9') + "-1"), std::string(1999, '9') + "8");
  EXPECT_EQ(value_of(std::string(2001, '9')),
            "too_large: column 1: the number has more than 2,000 digits");
}

TEST(Calculate, NestingIsBounded) {
  const std::size_t most = kCalculateDepthMax;
  EXPECT_EQ(value_of(repeated("(", most) + "1" + repeated(")", most)), "1");
  const std::string message =
      "more than 100 parentheses, calls, signs and powers inside of each other";
  EXPECT_EQ(value_of(repeated("(", 4000)), "too_large: column 102: " + message);
  EXPECT_EQ(value_of(repeated("-", 4000)), "too_large: column 102: " + message);
  EXPECT_EQ(value_of(repeated("1**", 1300) + "1"), "too_large: column 304: " + message);
  EXPECT_EQ(value_of(repeated("abs(", 1000)), "too_large: column 405: " + message);
  EXPECT_EQ(value_of(repeated("1+", 2000) + "1"), "2001");
}

TEST(Calculate, LengthIsBounded) {
  EXPECT_EQ(value_of(std::string(kCalculateBytesMax, ' ')),
            "invalid_arguments: column 4097: expected a number, a name or '(', found the end");
  EXPECT_EQ(value_of(std::string(kCalculateBytesMax + 1, ' ')),
            "too_large: the expression has more than 4096 bytes");
}

TEST(Calculate, AnyBytesGiveAnError) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text = {'1', static_cast<char>(byte)};
    const Result<std::string> value = calculate(text);
    if (!value.ok()) {
      EXPECT_EQ(value.error().message.find("column "), 0u) << byte;
    }
  }
  EXPECT_EQ(value_of("1\xff"),
            "invalid_arguments: column 2: expected an operator (+ - * / // % **) or the end, found "
            "'\uFFFD'");
}

// A failed CHECK ends the process, so no expression may get to one.
TEST(Calculate, RandomExpressionsGiveAValueOrAnError) {
  static constexpr std::string_view kParts[] = {
      "0",    "1",    "2",    "0.5",  "3",     "1e1999", "1e-2000", "10**99", "pi",
      "e",    "7/3",  "(",    ")",    "(",     ")",      ",",       "+",      "-",
      "*",    "/",    "//",   "%",    "**",    "sqrt(",  "floor(",  "ceil(",  "ln(",
      "exp(", "sin(", "cos(", "tan(", "log2(", "min(",   "round(",  "abs(",   "log10("};
  static constexpr std::string_view kOperators[] = {"+", "-", "*", "/", "//", "%", "**", ","};
  std::mt19937 random(11);
  for (int round = 0; round < 1'000; ++round) {
    std::string expression;
    std::size_t open = 0;
    for (std::size_t i = random() % 8; i > 0; --i) {
      // An operand inside of some functions, and an operator; at times anything.
      if (random() % 16 == 0) expression += kParts[random() % std::size(kParts)];
      for (std::size_t j = random() % 3; j > 0; --j, ++open)
        expression += kParts[23 + random() % 13];
      expression += kParts[random() % 11];
      for (; open > 0 && random() % 2 == 0; --open) expression += ')';
      if (i > 1) expression += kOperators[random() % std::size(kOperators)];
    }
    expression += std::string(open, ')');
    const Result<std::string> value = calculate(expression);
    EXPECT_FALSE(value.ok() ? value->empty() : value.error().message.empty()) << expression;
  }
}

// Long expressions of what is slowest. Each took minutes with a naive implementation of what it is
// about.
TEST(Calculate, ExpensiveExpressionsEndSoon) {
  for (const std::string_view part :
       {"1/7**2300+1/3**4000+", "sin(10**99+1)+", "sqrt(10**1999+1)+", "ln(1+1e-1990)+",
        "1.1**0.1+", "9**2000-9**2000+", "tan(1e-1900)+", "1/2**6600+"}) {
    const Result<std::string> value =
        calculate(repeated(part, kCalculateBytesMax / part.size() - 1) + "1");
    EXPECT_TRUE(value.ok()) << part << ": " << value.error().message;
  }
}

}  // namespace
}  // namespace perdure
