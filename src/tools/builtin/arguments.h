// Reads arguments that the schema has already checked, and declares the scopes that most file tools
// share.
#pragma once

#include <cstdint>
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

inline std::int64_t integer_argument(const Json& arguments, const char* name,
                                     std::int64_t fallback) {
  const auto found = arguments.find(name);
  return found == arguments.end() || !found->is_number() ? fallback : found->get<std::int64_t>();
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
