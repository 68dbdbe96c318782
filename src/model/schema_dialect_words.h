// What the dialect cannot say as a keyword, said in words: {"format": "date-time"} is "Format:
// date-time." at the end of the description. Short, because every word is paid for in each request,
// and in one fixed form, because requests are cached by their bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/json.h>

namespace perdure::mfjs {

/// What happens to a keyword that the dialect has not.
struct DroppedKeyword {
  std::string keyword;
  std::string sentence;    ///< For the description. Empty when there is nothing to say.
  bool is_silent = false;  ///< Nothing is lost that a person may want to know: no note.
};

/// The keywords of one schema object (not of its subschemas) that are neither structure nor
/// annotations that stay: first those that are known, in the order in which they are said, then
/// those that nobody knows.
std::vector<DroppedKeyword> dropped_keywords(const Json& schema);

/// "A service" and "Format: uuid." are "A service. Format: uuid.". What is there already is not
/// said again.
std::string joined_description(std::string_view first, std::string_view second);

/// The value as JSON text, cut at some `bytes` with an ellipsis.
std::string brief(const Json& value, std::size_t bytes);

/// "Must be true.", "Must be one of: {"a":1}, {"a":2}.": for values that an enum of the dialect
/// cannot hold.
std::string values_sentence(const std::vector<Json>& values);

/// "Default: [].".
std::string default_sentence(const Json& value);

/// Whether every name matches a pattern of `patternProperties`, as generators write it for maps.
bool matches_all_names(std::string_view pattern);

/// Whether a title says more than the name of what it titles: generators write "User Id" for
/// user_id.
bool is_title_telling(std::string_view title, std::string_view name);

}  // namespace perdure::mfjs
