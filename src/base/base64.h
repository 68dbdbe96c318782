// Base64 (RFC 4648, section 4), as data URIs have it: with padding, without line breaks.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace perdure {

std::string to_base64(std::string_view bytes);

/// Nothing for text that is not Base64, down to its padding.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace perdure
