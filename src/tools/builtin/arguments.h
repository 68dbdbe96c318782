// Reads arguments that the schema has already checked, and declares the scopes that most file tools
// share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include <nlohmann/json.hpp>

#include <perdure/json.h>

#include "base/path.h"
#include "tools/tool.h"

namespace perdure {

inline std::string text_argument(const Json& arguments, const char* name,
                                 const char* fallback = "") {
  return arguments.value(name, std::string(fallback));
}

/// A whole number. JSON Schema takes 1e300 and 2^64 for such, so that what does not fit becomes the
/// nearest number that does.
inline std::int64_t integer_argument(const Json& arguments, const char* name,
                                     std::int64_t fallback) {
  using Limits = std::numeric_limits<std::int64_t>;
  const auto found = arguments.find(name);
  if (found == arguments.end() || !found->is_number()) return fallback;
  if (found->is_number_unsigned()) {
    constexpr auto kMax = static_cast<std::uint64_t>(Limits::max());
    return static_cast<std::int64_t>(std::min(found->get<std::uint64_t>(), kMax));
  }
  if (found->is_number_float()) {
    const auto number = found->get<double>();
    if (number >= static_cast<double>(Limits::max())) return Limits::max();
    if (number <= static_cast<double>(Limits::min())) return Limits::min();
  }
  return found->get<std::int64_t>();
}

inline bool flag_argument(const Json& arguments, const char* name) {
  return arguments.value(name, false);
}

/// The path argument, relative and canonical; the workspace itself when there is none.
inline Result<std::string> path_argument(const Json& arguments, const std::string& workspace) {
  return relative_path(workspace, text_argument(arguments, "path", "."));
}

/// Reads the path argument.
inline Result<CallScope> reading_scope(const Json& arguments, const std::string& workspace) {
  Result<std::string> path = path_argument(arguments, workspace);
  if (!path.ok()) return path.error();
  return CallScope{.reads = {*path}};
}

/// Writes the path argument.
inline Result<CallScope> writing_scope(const Json& arguments, const std::string& workspace) {
  Result<std::string> path = path_argument(arguments, workspace);
  if (!path.ok()) return path.error();
  return CallScope{.writes = {*path}};
}

}  // namespace perdure
