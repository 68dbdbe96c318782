#include "model/reply_shape.h"

#include <algorithm>
#include <cctype>

#include "base/tool_name.h"
#include "model/profile.h"
#include "model/tool_call_assembly.h"

namespace perdure {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0;
  });
}

}  // namespace

std::string joined(std::initializer_list<std::pair<std::string_view, bool>> names) {
  std::string list;
  for (const auto& [name, is_there] : names) {
    if (is_there) list.append(list.empty() ? "" : "+").append(name);
  }
  return list;
}

std::string_view form_of_id(std::string_view id, std::string_view name) {
  if (id.empty()) return "none";
  if (is_number(id)) return "number";
  const std::size_t colon = id.rfind(':');
  if (colon != std::string_view::npos && is_number(id.substr(colon + 1))) {
    const std::string_view head = id.substr(0, colon);
    if (head == "functions." + std::string(called_tool(name))) return "functions.NAME:N";
    if (head == called_tool(name)) return "NAME:N";
  }
  return id.starts_with("call_") ? "call_*" : "other";
}

std::string form_of_ids(const std::vector<AssembledCall>& calls) {
  std::string_view form;
  for (const AssembledCall& call : calls) {
    const std::string_view own = form_of_id(call.id, call.name);
    form = form.empty() || form == own ? own : "mixed";
  }
  return std::string(form);
}

std::vector<HostDifference> differences(const HostProfile& host, const std::string& wire_model,
                                        const ReplyShape& shape) {
  std::vector<HostDifference> found;
  if (!host.probed || host.probed->model != wire_model) return found;
  const auto compare = [&](const char* fact, const std::string& expected, const std::string& seen) {
    if (!expected.empty() && !seen.empty() && expected != seen)
      found.push_back({.fact = fact, .expected = expected, .seen = seen});
  };
  compare("call_ids", host.probed->call_ids, shape.call_ids);
  compare("reasoning", host.probed->reasoning, shape.reasoning);
  compare("usage", host.probed->usage, shape.usage.empty() ? "none" : shape.usage);
  return found;
}

}  // namespace perdure
