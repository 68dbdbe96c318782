#include "model/tool_call_assembly.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "json/parse.h"
#include "json/writer.h"

namespace perdure {
namespace {

// An index may come as a number or as a string of digits.
std::optional<std::int64_t> read_index(const json::Value& value) {
  if (const std::optional<std::int64_t> index = value.integer()) return index;
  const std::optional<std::string_view> text = value.string();
  if (!text) return std::nullopt;
  std::int64_t index = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), index);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return index;
}

bool is_complete(const AssembledCall& call) {
  return !call.arguments.empty() && json::parse(call.arguments).ok();
}

}  // namespace

void keep_extra(std::vector<std::pair<std::string, std::string>>& extras, std::string_view key,
                const json::Value& value) {
  if (value.is_nothing()) return;
  const auto found = std::find_if(extras.begin(), extras.end(),
                                  [&](const auto& extra) { return extra.first == key; });
  std::string text = value.text();
  if (found == extras.end()) {
    extras.emplace_back(key, std::move(text));
    return;
  }
  const bool both_strings =
      value.is_string() && !found->second.empty() && found->second.front() == '"';
  if (!both_strings) {
    found->second = std::move(text);
  } else if (found->second != text) {
    found->second.pop_back();
    found->second += text.substr(1);
  }
}

// Which call a fragment belongs to:
// - an id that is known, at the same index or without one, continues its call;
// - a known index continues its call, unless the fragment names a function and that call is already
// whole: then the host
//   numbers wrongly (two calls at index 0) and a new call begins;
// - without id and index, a fragment with a name begins a call, one without continues the last.
AssembledCall& ToolCallAssembly::find_slot(std::optional<std::int64_t> index, std::string_view id,
                                           std::string_view name) {
  const auto last_where = [&](auto matches) {
    const auto found = std::find_if(calls_.rbegin(), calls_.rend(), matches);
    return found == calls_.rend() ? nullptr : &*found;
  };
  AssembledCall* slot = nullptr;
  if (!id.empty()) {
    slot = last_where([&](const AssembledCall& call) {
      const bool same_place = !index || !call.index || *call.index == *index;
      return call.id == id && (same_place || name.empty());
    });
    if (slot != nullptr && (name.empty() || slot->name.empty() || !is_complete(*slot)))
      return *slot;
  }
  if (index) {
    slot = last_where([&](const AssembledCall& call) { return call.index == index; });
    if (slot != nullptr) {
      const bool begins_another = !name.empty() && !slot->name.empty() && !id.empty() &&
                                  slot->id != id && is_complete(*slot);
      if (!begins_another) return *slot;
    }
  } else if (id.empty() && !calls_.empty()) {
    AssembledCall& current = calls_.back();
    if (name.empty() || current.name.empty() || !is_complete(current)) return current;
  }
  calls_.push_back({.index = index});
  return calls_.back();
}

std::string_view ToolCallAssembly::add(const json::Value& fragment) {
  const json::Value function = fragment.get("function");
  const std::string_view id = fragment.get("id").string_or("");
  AssembledCall& call =
      find_slot(read_index(fragment.get("index")), id, function.get("name").string_or(""));
  if (call.id.empty()) call.id = id;
  for (const auto& [key, value] : fragment.members()) {
    if (key != "index" && key != "id" && key != "type" && key != "function") {
      keep_extra(call.extras, key, value);
    }
  }
  return add_function(call, function);
}

std::string_view ToolCallAssembly::add_function_call(const json::Value& function) {
  return add_function(find_slot(0, "", function.get("name").string_or("")), function);
}

std::string_view ToolCallAssembly::add_function(AssembledCall& call, const json::Value& function) {
  const std::string_view name = function.get("name").string_or("");
  if (call.name.empty()) {
    call.name = name;
  } else if (name != call.name && call.arguments.empty()) {
    call.name +=
        name;  // a name in pieces; repeated ones are equal, later ones come after arguments
  }
  const json::Value arguments = function.get("arguments");
  std::string_view added = arguments.string_or("");
  if (arguments.is_object()) {
    object_arguments_ = arguments.text();
    added = object_arguments_;
  }
  call.arguments += added;
  return added;
}

}  // namespace perdure
