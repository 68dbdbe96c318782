// What a tool may be called. Hosts check names in every request, so a bad one must not get that
// far.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <perdure/result.h>

namespace perdure {

/// The longest name of a tool, in characters.
inline constexpr std::size_t kToolNameMax = 64;

/// What some hosts take, in bytes: histories hold what models made up.
inline constexpr std::size_t kToolNameBytesMax = 256;

/// Letters, digits, '_' and '-', first a letter or '_', at most so many.
bool is_tool_name(std::string_view name, std::size_t bytes_max);

/// Whether every host takes the name: ^[a-zA-Z_][a-zA-Z0-9_-]{0,63}$. Hosts differ, and this is
/// what they share. Errors: kConfig that says which character is wrong.
Status check_tool_name(std::string_view name);

/// The tool that a call means by a name: Kimi models write "functions.NAME" when they confuse the
/// name with the id.
std::string_view called_tool(std::string_view name);

/// A name that every host takes, as like the one that was written as can be.
std::string legal_tool_name(std::string_view written);

}  // namespace perdure
