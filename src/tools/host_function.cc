#include "tools/host_function.h"

#include <limits>

#include <nlohmann/json.hpp>

#include "base/tool_name.h"

namespace perdure {

bool is_host_function(std::string_view name) {
  return name.starts_with('$');
}

Result<Tool> make_host_function(const std::string& name) {
  const std::string_view rest = std::string_view(name).substr(is_host_function(name) ? 1 : 0);
  if (Status status = check_tool_name(rest); !status.ok()) return status.error();
  Tool tool{.spec = {.name = name,
                     .description = "Run by the host itself.",
                     .effect = EffectClass::kRead}};
  tool.by_host = true;
  // It touches nothing here.
  tool.scope = [](const Json& /*arguments*/, const std::string& /*workspace*/) {
    return Result<CallScope>(CallScope{});
  };
  tool.body = [](const Json& /*arguments*/, CallContext& context) -> ToolOutcome {
    return {.text = context.arguments, .shown_bytes_max = std::numeric_limits<std::size_t>::max()};
  };
  return tool;
}

}  // namespace perdure
