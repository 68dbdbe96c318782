// UTF-8: what leaves Perdure is always valid, whatever came in. Unicode tables come from utf8proc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace perdure {

bool is_valid_utf8(std::string_view text);

/// The text with each invalid sequence replaced by U+FFFD, as the WHATWG decoder replaces them (one
/// per maximal subpart). Valid text comes back unchanged.
std::string to_valid_utf8(std::string_view text);

/// The longest prefix of at most `bytes` bytes that does not cut a character.
std::string_view utf8_prefix(std::string_view text, std::size_t bytes);
/// The longest suffix of at most `bytes` bytes that does not cut a character.
std::string_view utf8_suffix(std::string_view text, std::size_t bytes);

/// Columns that the text takes in a terminal; control characters count as none.
std::size_t display_width(std::string_view text);
/// The longest prefix that fits into `columns` columns.
std::string_view display_prefix(std::string_view text, std::size_t columns);

/// The text on one line and harmless to a terminal: control characters (also C1, and the escape
/// character) become visible escapes such as \n and \x1b; bidirectional overrides and zero-width
/// characters become \u{202e}.
std::string printable(std::string_view text);
/// The same, but keeps line feeds and tabs.
std::string printable_lines(std::string_view text);

}  // namespace perdure
