// URI references as RFC 3986 resolves them, for $id and $ref. Text in, text out; nothing is ever
// fetched.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace perdure::json_schema {

/// Section 3.1: a letter, then letters, digits, '+', '-' and '.'.
bool is_scheme(std::string_view text);

/// Section 5.2: the reference seen from the base. A base that is not absolute is taken as it is.
std::string resolve_uri(std::string_view base, std::string_view reference);

/// The part before the first '#', and the part behind it (empty when there is none).
std::pair<std::string_view, std::string_view> split_fragment(std::string_view uri);

/// Percent-encoded bytes decoded; a '%' that no two hexadecimal digits follow stays.
std::string percent_decoded(std::string_view text);

}  // namespace perdure::json_schema
