// Finds parts of JSON text without changing a byte of them. Only for text that a parser has already
// accepted; on other text the answers are empty, never out of bounds.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

namespace perdure::json {

/// The elements of an array, each exactly as it is written (without surrounding white space).
std::vector<std::string_view> element_slices(std::string_view array);

/// The members of an object as (key with its quotes, value), each exactly as it is written.
std::vector<std::pair<std::string_view, std::string_view>> member_slices(std::string_view object);

/// The value of the member whose key is written exactly so (no escapes), or empty.
std::string_view member_slice(std::string_view object, std::string_view key);

}  // namespace perdure::json
