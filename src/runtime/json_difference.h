// The first place where two JSON values differ, for a person.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <perdure/json.h>

namespace perdure {

struct JsonDifference {
  std::string path;  ///< "tools/3/function/description"; empty: the value itself.
  std::string was;   ///< Shortened: of a long text what stands around the first byte that differs.
  std::string now;
};

enum class ExtraMembers : unsigned char {
  kDiffer,
  kIgnored,  ///< Members that only `now` has: `was` was written by an older version.
};

/// Numbers are equal where they differ by rounding only.
std::optional<JsonDifference> first_difference(const Json& was, const Json& now,
                                               ExtraMembers extra = ExtraMembers::kDiffer);

/// Of two texts that differ.
JsonDifference text_difference(std::string_view was, std::string_view now);

}  // namespace perdure
