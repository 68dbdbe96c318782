#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "mock/checks.h"

namespace perdure::mock {
namespace {

constexpr std::array<std::string_view, 20> kFields = {
    "model",
    "messages",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "n",
    "presence_penalty",
    "frequency_penalty",
    "stop",
    "response_format",
    "tools",
    "tool_choice",
    "logprobs",
    "top_logprobs",
    "prediction",
    "prompt_cache_key",
    "reasoning_effort",
};
constexpr std::size_t kStopsMax = 5;
constexpr std::size_t kStopBytesMax = 32;

std::optional<Refusal> check_fields(const CheckScope& scope) {
  std::vector<std::string> known(kFields.begin(), kFields.end());
  known.insert(known.end(), scope.traits.fields.begin(), scope.traits.fields.end());
  for (const auto& [key, value] : scope.chat.root.members()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::optional<std::string> meant = nearest(key, known);
    return invalid_request(fmt::format("unknown field {}{}: the real host would ignore it silently",
                                       in_quotes(key),
                                       meant ? fmt::format(", did you mean '{}'?", *meant) : ""));
  }
  return std::nullopt;
}

struct FieldKind {
  std::string_view name;
  std::string_view wanted;
  bool (*accepts)(const json::Value&);
};
constexpr std::array kFieldKinds = {
    FieldKind{"stream", "true or false",
              [](const json::Value& v) { return v.boolean().has_value(); }},
    FieldKind{"stream_options", "an object", [](const json::Value& v) { return v.is_object(); }},
    FieldKind{"max_tokens", "a positive integer",
              [](const json::Value& v) { return v.integer_or(0) > 0; }},
    FieldKind{"max_completion_tokens", "a positive integer",
              [](const json::Value& v) { return v.integer_or(0) > 0; }},
    FieldKind{"temperature", "a number",
              [](const json::Value& v) { return v.number().has_value(); }},
    FieldKind{"top_p", "a number", [](const json::Value& v) { return v.number().has_value(); }},
    FieldKind{"presence_penalty", "a number",
              [](const json::Value& v) { return v.number().has_value(); }},
    FieldKind{"frequency_penalty", "a number",
              [](const json::Value& v) { return v.number().has_value(); }},
    FieldKind{"n", "an integer", [](const json::Value& v) { return v.integer().has_value(); }},
    FieldKind{"logprobs", "true or false",
              [](const json::Value& v) { return v.boolean().has_value(); }},
    FieldKind{"top_logprobs", "an integer between 0 and 20",
              [](const json::Value& v) { return v.integer_or(-1) >= 0 && v.integer_or(-1) <= 20; }},
    FieldKind{"response_format", "an object", [](const json::Value& v) { return v.is_object(); }},
    FieldKind{"tools", "an array", [](const json::Value& v) { return v.is_array(); }},
    FieldKind{"prompt_cache_key", "a string that is not empty",
              [](const json::Value& v) { return !v.string_or("").empty(); }},
    FieldKind{"reasoning_effort", "a string", [](const json::Value& v) { return v.is_string(); }},
    FieldKind{"thinking", "an object", [](const json::Value& v) { return v.is_object(); }},
};

std::optional<Refusal> check_kinds(const CheckScope& scope) {
  for (const FieldKind& field : kFieldKinds) {
    const json::Value value = scope.chat.root.get(field.name);
    if (!value || field.accepts(value)) continue;
    return invalid_request(fmt::format("{} must be {}", field.name, field.wanted));
  }
  return std::nullopt;
}

std::optional<Refusal> check_stream(const CheckScope& scope) {
  const json::Value options = scope.chat.root.get("stream_options");
  if (!options) return std::nullopt;
  if (!scope.chat.streams) {
    return invalid_request("stream_options is only allowed when stream is true");
  }
  for (const auto& [key, value] : options.members()) {
    if (key != "include_usage" || !value.boolean()) {
      return invalid_request(
          fmt::format("stream_options.{}: include_usage is its only field, as true or false", key));
    }
  }
  return std::nullopt;
}

std::optional<Refusal> check_stop(const CheckScope& scope) {
  const json::Value stop = scope.chat.root.get("stop");
  std::vector<json::Value> stops = stop.elements();
  if (stop.is_string()) stops = {stop};
  if (stop && !stop.is_string() && !stop.is_array()) {
    return invalid_request("stop must be a string or an array of strings");
  }
  if (stops.size() > kStopsMax) {
    return invalid_request(fmt::format("stop has {} strings, at most {}", stops.size(), kStopsMax));
  }
  for (const json::Value& text : stops) {
    const std::size_t bytes = text.string_or("").size();
    if (bytes == 0) return invalid_request("stop must hold strings that are not empty");
    if (bytes > kStopBytesMax) {
      return invalid_request(
          fmt::format("a string of stop has {} bytes, at most {}", bytes, kStopBytesMax));
    }
  }
  return std::nullopt;
}

std::optional<Refusal> check_response_format(const CheckScope& scope) {
  const json::Value format = scope.chat.root.get("response_format");
  if (!format) return std::nullopt;
  const std::string_view type = format.get("type").string_or("");
  if (type == "text" || type == "json_object") return std::nullopt;
  if (type != "json_schema") {
    return invalid_request("response_format.type must be one of text, json_object, json_schema");
  }
  if (format.get("json_schema").get("schema").is_object()) return std::nullopt;
  return invalid_request("response_format.json_schema.schema must be an object");
}

// The one value that a pinned parameter may have.
std::optional<Refusal> check_pinned(const CheckScope& scope, std::string_view field, double only) {
  const std::optional<double> value = scope.chat.root.get(field).number();
  if (!value || *value == only) return std::nullopt;
  return invalid_request(fmt::format("invalid {}: only {} is allowed for this model", field, only));
}

std::optional<Refusal> check_sampling(const CheckScope& scope) {
  if (auto refusal = check_pinned(scope, "n", 1)) return refusal;
  if (!scope.is_moonshot() || !scope.chat.rules->pinned_sampling) return std::nullopt;
  const double temperature = scope.chat.thinks ? 1 : 0.6;
  if (auto refusal = check_pinned(scope, "temperature", temperature)) return refusal;
  if (auto refusal = check_pinned(scope, "top_p", 0.95)) return refusal;
  if (auto refusal = check_pinned(scope, "presence_penalty", 0)) return refusal;
  return check_pinned(scope, "frequency_penalty", 0);
}

std::optional<Refusal> check_thinking_fields(const CheckScope& scope) {
  const json::Value thinking = scope.chat.root.get("thinking");
  for (const auto& [key, value] : thinking.members()) {
    if (key == "type" || key == "keep" || key == "effort") continue;
    return invalid_request(fmt::format("invalid thinking: unknown field {}", in_quotes(key)));
  }
  const std::string_view type = thinking.get("type").string_or("");
  if (type != "enabled" && type != "disabled") {
    return invalid_request("invalid thinking: type must be enabled or disabled");
  }
  const json::Value keep = thinking.get("keep");
  if (keep && keep.string_or("") != "all") {
    return invalid_request("invalid thinking: keep must be \"all\" or null");
  }
  return std::nullopt;
}

bool is_effort(std::string_view effort) {
  return effort == "low" || effort == "high" || effort == "max";
}

std::optional<Refusal> check_thinking(const CheckScope& scope) {
  const json::Value thinking = scope.chat.root.get("thinking");
  if (!scope.is_moonshot() || !thinking) return std::nullopt;
  if (auto refusal = check_thinking_fields(scope)) return refusal;
  const bool enabled = thinking.get("type").string_or("") == "enabled";
  const bool has_keep = thinking.get("keep").kind() != json::Kind::kAbsent;
  const json::Value effort = thinking.get("effort");
  const ThinkingRule rule = scope.chat.rules->thinking;
  if (rule == ThinkingRule::kFree) return std::nullopt;
  if (rule == ThinkingRule::kNone)
    return invalid_request("invalid thinking: this model does not think");
  const bool always = rule == ThinkingRule::kAlways || rule == ThinkingRule::kAlwaysEffort;
  const bool more = has_keep || effort;
  if (always && (!enabled || (rule == ThinkingRule::kAlways && more))) {
    return invalid_request("invalid thinking: only type=enabled is allowed for this model");
  }
  if (rule == ThinkingRule::kSwitchable && has_keep) {
    return invalid_request("invalid thinking: keep is not allowed for this model");
  }
  if (!effort) return std::nullopt;
  if (rule != ThinkingRule::kAlwaysEffort) {
    return invalid_request("invalid thinking: effort is not allowed for this model");
  }
  if (is_effort(effort.string_or(""))) return std::nullopt;
  return invalid_request("invalid thinking: effort must be one of low, high, max");
}

std::optional<Refusal> check_effort(const CheckScope& scope) {
  const json::Value effort = scope.chat.root.get("reasoning_effort");
  const ThinkingRule rule = scope.chat.rules->thinking;
  if (!scope.is_moonshot() || !effort || rule == ThinkingRule::kFree) return std::nullopt;
  if (rule == ThinkingRule::kAlwaysEffort) {
    if (is_effort(effort.string_or(""))) return std::nullopt;
    return invalid_request(fmt::format(
        "invalid reasoning_effort {}: this model takes low, high and max, and the real host "
        "ignores others silently",
        in_quotes(effort.string_or(""))));
  }
  if (scope.chat.root.get("thinking")) {
    return invalid_request("cannot specify both 'thinking' and 'reasoning_effort'");
  }
  return invalid_request(
      "invalid reasoning_effort: this model has none, and the real host ignores it silently");
}

}  // namespace

std::optional<Refusal> check_parameters(const CheckScope& scope) {
  for (const auto check : {check_fields, check_kinds, check_stream, check_stop,
                           check_response_format, check_sampling, check_thinking, check_effort}) {
    if (auto refusal = check(scope)) return refusal;
  }
  return std::nullopt;
}

std::optional<Refusal> check_window(const CheckScope& scope) {
  const std::int64_t window =
      scope.script.window_tokens > 0 ? scope.script.window_tokens : scope.chat.rules->window_tokens;
  if (window == 0) return std::nullopt;
  const json::Value& root = scope.chat.root;
  // The newer name wins when both are sent.
  const std::int64_t output =
      root.get("max_completion_tokens").integer_or(root.get("max_tokens").integer_or(0));
  const std::int64_t prompt = scope.chat.prompt_tokens;
  if (output <= window && prompt <= window - output) return std::nullopt;
  return invalid_request(fmt::format(
      "Your request exceeded model token limit: {} (requested: {}; about {} of the prompt, {} for "
      "the answer)",
      window, prompt + std::min(output, window), prompt, output));
}

}  // namespace perdure::mock
