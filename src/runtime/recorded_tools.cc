#include "runtime/recorded_tools.h"

#include <nlohmann/json.hpp>

#include "json/parse.h"
#include "json/slice.h"

namespace perdure {

std::vector<ToolDeclaration> recorded_tools(const std::vector<StoredEvent>& events,
                                            std::size_t from) {
  std::vector<ToolDeclaration> tools;
  for (std::size_t i = from; i < events.size(); ++i) {
    if (events[i].kind != "request_sent") continue;
    const Result<Json> payload = json::parse(events[i].payload);
    if (!payload.ok() || !payload->contains("body") || !(*payload)["body"].contains("head")) {
      continue;
    }
    const auto head = (*payload)["body"]["head"].get<std::string>() + "]}";
    for (const std::string_view item : json::element_slices(json::member_slice(head, "tools"))) {
      const std::string_view function = json::member_slice(item, "function");
      const std::string_view tool = function.empty() ? item : function;
      const char* const schema = function.empty() ? "input_schema" : "parameters";
      tools.push_back(
          {.name = json::text_of(json::member_slice(tool, "name")),
           .description = json::text_of(json::member_slice(tool, "description")),
           .parameters = std::string(json::member_slice(tool, schema)),
           .by_host = json::text_of(json::member_slice(item, "type")) == "builtin_function"});
    }
    break;
  }
  return tools;
}

}  // namespace perdure
