#include "model/named_tools.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "json/parse.h"

namespace perdure {
namespace {

// What stands in quotes behind "at path": "properties.city.anyOf.0".
std::vector<std::string_view> named_path(std::string_view words) {
  constexpr std::string_view kWords = "at path ";
  const std::size_t at = to_lower_ascii(words).find(kWords);
  if (at == std::string::npos || at + kWords.size() == words.size()) return {};
  const char quote = words[at + kWords.size()];
  const std::string_view rest = words.substr(at + kWords.size() + 1);
  const std::size_t end = rest.find(quote);
  const bool is_quoted = quote == '\'' || quote == '"' || quote == '`';
  if (!is_quoted || end == std::string_view::npos || end == 0) return {};
  return split(rest.substr(0, end), '.');
}

bool has_path(const Json& schema, const std::vector<std::string_view>& path) {
  const Json* at = &schema;
  for (const std::string_view step : path) {
    const std::string key(step);
    if (at->is_object() && at->contains(key)) {
      at = &(*at)[key];
    } else if (at->is_array() && key.size() == 1 && key[0] >= '0' &&
               static_cast<std::size_t>(key[0] - '0') < at->size()) {
      at = &(*at)[static_cast<std::size_t>(key[0] - '0')];
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

std::vector<std::string> tools_with_path(std::string_view words,
                                         const std::vector<ToolDeclaration>& tools) {
  const std::vector<std::string_view> path = named_path(words);
  std::vector<std::string> names;
  for (const ToolDeclaration& tool : tools) {
    if (path.empty()) break;
    const Result<Json> schema = json::parse(tool.parameters);
    if (schema.ok() && has_path(*schema, path)) names.push_back(tool.name);
  }
  return names;
}

}  // namespace perdure
