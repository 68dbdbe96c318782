#include <algorithm>
#include <array>
#include <string>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "base/tool_name.h"
#include "mock/checks.h"

namespace perdure::mock {
namespace {

constexpr std::size_t kToolsMax = 128;
bool is_name(std::string_view name) {
  return is_tool_name(name, kToolNameBytesMax);
}

std::optional<Refusal> check_keys(const json::Value& object, std::string_view where,
                                  std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : object.members()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    return invalid_request(fmt::format("{} has the unknown field {}", where, in_quotes(key)));
  }
  return std::nullopt;
}

// The tools of one request, wherever they are declared: names are unique over all of them.
class ToolCheck {
 public:
  explicit ToolCheck(bool is_moonshot) : is_moonshot_(is_moonshot) {}

  std::optional<Refusal> add(const json::Value& tools, std::string_view place) {
    const std::vector<json::Value> list = tools.elements();
    count_ += list.size();
    if (count_ > kToolsMax) {
      return invalid_request(fmt::format("{} tools, at most {} are allowed", count_, kToolsMax));
    }
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (auto refusal = add_tool(list[i], fmt::format("{}[{}]", place, i))) return refusal;
    }
    return std::nullopt;
  }

  bool has(std::string_view name) const { return names_.count(name) > 0; }
  bool empty() const { return count_ == 0; }

 private:
  std::optional<Refusal> add_tool(const json::Value& tool, const std::string& where) {
    if (auto refusal = check_keys(tool, where, {"type", "function"})) return refusal;
    const std::string_view type = tool.get("type").string_or("");
    const bool builtin = type == "builtin_function";
    if (type != "function" && !builtin) {
      return invalid_request(fmt::format("{}.type must be function or builtin_function", where));
    }
    if (builtin && !is_moonshot_) {
      return invalid_request(fmt::format("{}.type must be function", where));
    }
    const json::Value function = tool.get("function");
    const std::string_view name = function.get("name").string_or("");
    if (auto refusal = check_keys(function, where + ".function",
                                  {"name", "description", "parameters", "strict"})) {
      return refusal;
    }
    const bool good = builtin ? name.starts_with('$') && is_name(name.substr(1)) : is_name(name);
    if (!good) {
      return invalid_request(fmt::format(
          "function name is invalid, must start with a letter and can contain letters, numbers, "
          "underscores, and dashes ({}.function.name is {})",
          where, in_quotes(name)));
    }
    if (!names_.insert(name).second) {
      return invalid_request(fmt::format("function name {} is duplicated ({})", name, where));
    }
    return builtin ? std::nullopt : check_function(function, where, name);
  }

  std::optional<Refusal> check_function(const json::Value& function, const std::string& where,
                                        std::string_view name) {
    const json::Value description = function.get("description");
    if (description && !description.is_string()) {
      return invalid_request(fmt::format("{}.function.description must be a string", where));
    }
    const json::Value strict = function.get("strict");
    if (strict && !strict.boolean()) {
      return invalid_request(fmt::format("{}.function.strict must be true or false", where));
    }
    const json::Value parameters = function.get("parameters");
    if (!parameters || !is_moonshot_ || strict.boolean() == false) return std::nullopt;
    return check_tool_schema(parameters, fmt::format("{}, function {}", where, name));
  }

  bool is_moonshot_;
  std::size_t count_ = 0;
  std::unordered_set<std::string_view> names_;
};

std::optional<Refusal> check_choice_name(const json::Value& choice, const ToolCheck& tools) {
  const std::string_view name = choice.get("function").get("name").string_or("");
  if (choice.get("type").string_or("") != "function" || name.empty()) {
    return invalid_request(
        "tool_choice must be auto, none, required or "
        "{\"type\":\"function\",\"function\":{\"name\":...}}");
  }
  if (tools.has(name)) return std::nullopt;
  return invalid_request(
      fmt::format("tool_choice names the function {}, which is not in tools", in_quotes(name)));
}

std::optional<Refusal> check_choice(const CheckScope& scope, const ToolCheck& tools) {
  const json::Value choice = scope.chat.root.get("tool_choice");
  if (!choice) return std::nullopt;
  const std::string_view mode = choice.string_or("");
  if (mode == "auto" || mode == "none") return std::nullopt;
  if (choice.is_string() && mode != "required") {
    return invalid_request(
        fmt::format("tool_choice {} is unknown: auto, none and required are", in_quotes(mode)));
  }
  const bool named = mode != "required";
  if (named) {
    if (auto refusal = check_choice_name(choice, tools)) return refusal;
  } else if (tools.empty()) {
    return invalid_request("tool_choice 'required' needs tools");
  }
  const ForcedChoiceRule rule =
      scope.is_moonshot() ? scope.chat.rules->forced_choice : ForcedChoiceRule::kAlways;
  const bool thinking_forbids = rule == ForcedChoiceRule::kNever ||
                                (rule == ForcedChoiceRule::kThinkingOff && scope.chat.thinks);
  if (thinking_forbids) {
    return invalid_request(fmt::format("tool_choice '{}' is incompatible with thinking enabled",
                                       named ? "specified" : "required"));
  }
  if (named && rule == ForcedChoiceRule::kRequiredOnly) {
    return invalid_request(
        "tool_choice 'specified' is not supported by this model: use 'required'");
  }
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> check_tools(const CheckScope& scope) {
  ToolCheck tools(scope.is_moonshot());
  if (auto refusal = tools.add(scope.chat.root.get("tools"), "tools")) return refusal;
  for (std::size_t i = 0; i < scope.chat.messages.size(); ++i) {
    const ChatMessage& message = scope.chat.messages[i];
    if (message.role != "system") continue;
    const std::string place = fmt::format("messages[{}].tools", i);
    if (auto refusal = tools.add(message.value.get("tools"), place)) return refusal;
  }
  return check_choice(scope, tools);
}

}  // namespace perdure::mock
