// The arithmetic behind the `calculate` tool: a parser for expressions that a model writes, never
// an evaluation of code. Exact where that is possible, so 0.1+0.2 is 0.3 and 2**100 has all of its
// digits. Pure; any thread.
//
//   operators  + - * / // % ** and parentheses; a // b rounds down, a % b has the sign of b;
//              ** binds tighter than signs and from the right: -2**2 is -4, 2**3**2 is 512
//   numbers    12, 0.5, .5, 1.5e-3; no separators of thousands, no leading zeros
//   names      pi, e, sqrt abs min max round floor ceil ln log10 log2 exp sin cos tan (radians)
//
// Values are fractions, on the way as at the end below 10^2000, and above 10^-2000 or zero
// (tools/arithmetic.h). A fraction that needs more than 100 digits both above and below its line,
// roots that do not come out, and what the other functions give are kept to 50 significant digits
// instead. round() takes halves away from zero, and an optional number of decimal places.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <perdure/result.h>

namespace perdure {

/// Bytes of an expression.
inline constexpr std::size_t kCalculateBytesMax = 4096;
/// Parentheses, function calls, signs and powers inside of each other.
inline constexpr std::size_t kCalculateDepthMax = 100;
/// Significant digits that are shown of a decimal that does not end or is not exact.
inline constexpr std::size_t kCalculateShownDigits = 20;
/// Significant digits up to which an exact decimal is shown in full; one with more is rounded like
/// the others.
inline constexpr std::size_t kCalculateExactDigits = 100;

/// The value of the expression: an integer with all of its digits ("1180591620717411303424"), a
/// decimal ("0.3", "0.33333333333333333333"), or, where that would have many zeros, "1.5e-12".
///
/// Errors name the column, counted from 1 in characters, and what was expected there:
/// kInvalidArguments (not an expression), kToolFailed (no value: division by zero, the logarithm of
/// a negative number), kTooLarge (a limit). They come at once, also for 9**9**9**9.
Result<std::string> calculate(std::string_view expression);

}  // namespace perdure
