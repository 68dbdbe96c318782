// JSON of hosts that a parser refuses for what does not matter: made acceptable, so that a good
// reply is not asked for again. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace perdure {

/// Makes text that a JSON parser refused for its encoding acceptable: invalid UTF-8 and lone
/// surrogate escapes become U+FFFD (fault N47).
std::string repair_encoding(std::string_view json);

/// Puts null where a number stands that no machine holds (1e400, an integer of more than 64 bits)
/// or that is none (NaN, Infinity, -Infinity); text in strings stays as it is (fault N51). What
/// else is wrong with the text remains wrong.
std::string without_unreadable_numbers(std::string_view json);

}  // namespace perdure
