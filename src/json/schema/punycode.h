// Punycode (RFC 3492): the ASCII form of a label of a host name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace perdure::json_schema {

/// The code points that the ASCII text (behind "xn--") stands for; nothing when it is none, or
/// longer than a label.
std::optional<std::u32string> punycode_decoded(std::string_view text);
/// The ASCII text behind "xn--"; nothing when the label is too long to matter.
std::optional<std::string> punycode_encoded(std::u32string_view label);

}  // namespace perdure::json_schema
