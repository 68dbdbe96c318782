#include "runtime/agent_json.h"

#include <nlohmann/json.hpp>

#include "core/event_names.h"
#include "json/parse.h"
#include "os/sandbox/sandbox_names.h"
#include "runtime/option_ranges.h"

namespace perdure {
namespace {

template <class T>
void put_cap(Json& json, const char* key, const std::optional<T>& cap) {
  if (cap) json[key] = *cap;
}

template <class T>
void get(const Json& json, const char* key, T& value) {
  if (const auto found = json.find(key); found != json.end()) value = found->get<T>();
}

template <class T>
void get_cap(const Json& json, const char* key, std::optional<T>& cap) {
  if (const auto found = json.find(key); found != json.end()) cap = found->get<T>();
}

Json budget_to_json(const Budget& budget) {
  Json json = Json::object();
  put_cap(json, "steps", budget.steps);
  put_cap(json, "input_tokens", budget.input_tokens);
  put_cap(json, "output_tokens", budget.output_tokens);
  put_cap(json, "reasoning_tokens", budget.reasoning_tokens);
  put_cap(json, "usd", budget.usd);
  put_cap(json, "wall_ms", budget.wall_ms);
  return json;
}

Budget budget_from_json(const Json& json) {
  Budget budget;
  get_cap(json, "steps", budget.steps);
  get_cap(json, "input_tokens", budget.input_tokens);
  get_cap(json, "output_tokens", budget.output_tokens);
  get_cap(json, "reasoning_tokens", budget.reasoning_tokens);
  get_cap(json, "usd", budget.usd);
  get_cap(json, "wall_ms", budget.wall_ms);
  return budget;
}

Json command_to_json(const CommandTool& command) {
  return {{"name", command.spec.name},
          {"description", command.spec.description},
          {"parameters", command.spec.parameters},
          {"effect", to_string(command.spec.effect)},
          {"timeout_ms", command.spec.timeout_ms},
          {"argv", command.argv},
          {"input", command.input == CommandInput::kJson ? "json" : "none"},
          {"directory", command.directory},
          {"environment", command.environment}};
}

CommandTool command_from_json(const Json& json) {
  CommandTool command;
  get(json, "name", command.spec.name);
  get(json, "description", command.spec.description);
  get(json, "parameters", command.spec.parameters);
  command.spec.effect =
      value_in(kEffectNames, json.value("effect", "")).value_or(EffectClass::kDestructive);
  get(json, "timeout_ms", command.spec.timeout_ms);
  get(json, "argv", command.argv);
  command.input = json.value("input", "") == "json" ? CommandInput::kJson : CommandInput::kNone;
  get(json, "directory", command.directory);
  get(json, "environment", command.environment);
  return command;
}

Json fallback_to_json(const FallbackEndpoint& endpoint) {
  Json json = Json::object();
  for (const auto& [key, text] :
       {std::pair("host", &endpoint.host), std::pair("model", &endpoint.model),
        std::pair("base_url", &endpoint.base_url), std::pair("key_file", &endpoint.key_file)}) {
    if (!text->empty()) json[key] = *text;
  }
  return json;
}

FallbackEndpoint fallback_from_json(const Json& json) {
  FallbackEndpoint endpoint;
  get(json, "host", endpoint.host);
  get(json, "model", endpoint.model);
  get(json, "base_url", endpoint.base_url);
  get(json, "key_file", endpoint.key_file);
  return endpoint;
}

Json rule_to_json(const PolicyRule& rule) {
  Json json = {{"tool", rule.tool}, {"action", to_string(rule.action)}};
  if (rule.effect) json["effect"] = to_string(*rule.effect);
  if (!rule.path.empty()) json["path"] = rule.path;
  return json;
}

PolicyRule rule_from_json(const Json& json) {
  PolicyRule rule;
  get(json, "tool", rule.tool);
  get(json, "path", rule.path);
  if (json.contains("effect")) rule.effect = value_in(kEffectNames, json.value("effect", ""));
  // An action that is not known must never become a permission.
  rule.action = value_in(kActionNames, json.value("action", "")).value_or(PolicyAction::kDeny);
  return rule;
}

Json sandbox_to_json(const SandboxOptions& sandbox) {
  return {{"mode", name_in(kSandboxModeNames, sandbox.mode)},
          {"network", name_in(kSandboxNetworkNames, sandbox.network)},
          {"read", sandbox.read},
          {"write", sandbox.write},
          {"accept_missing", sandbox.accept_missing},
          {"processes_max", sandbox.processes_max}};
}

// A run that was stored before there was a box ran without one. A word that is not known must never
// open the box.
SandboxOptions sandbox_from_json(const Json& json) {
  SandboxOptions sandbox;
  if (json.contains("mode")) {
    sandbox.mode =
        value_in(kSandboxModeNames, json.value("mode", "")).value_or(SandboxMode::kReadOnly);
  }
  sandbox.network =
      value_in(kSandboxNetworkNames, json.value("network", "")).value_or(SandboxNetwork::kOff);
  get(json, "read", sandbox.read);
  get(json, "write", sandbox.write);
  get(json, "accept_missing", sandbox.accept_missing);
  get(json, "processes_max", sandbox.processes_max);
  return sandbox;
}

// The members that are plain values: one list, read in both directions.
template <class Options, class Visit>
void visit_members(Options& options, const Visit& visit) {
  visit("name", options.name);
  visit("model", options.model);
  visit("host", options.host);
  visit("base_url", options.base_url);
  visit("key_file", options.key_file);
  visit("instructions", options.instructions);
  visit("tool_choice", options.tool_choice.mode);
  visit("sampling", options.sampling);
  visit("tools", options.tools);
  visit("formulas", options.formulas);
  visit("test_command", options.test_command);
  visit("environment", options.environment);
  visit("command_timeout_ms", options.command_timeout_ms);
  visit("test_timeout_ms", options.test_timeout_ms);
  visit("accept", options.accept);
  visit("accept_rounds", options.accept_rounds);
  visit("output_tokens_max", options.output_tokens_max);
  visit("attempts_max", options.attempts_max);
  visit("parallel_calls_max", options.parallel_calls_max);
  visit("calls_max", options.calls_max);
  visit("connect_ms", options.timeouts.connect_ms);
  visit("first_byte_ms", options.timeouts.first_byte_ms);
  visit("idle_ms", options.timeouts.idle_ms);
  visit("request_ms", options.timeouts.request_ms);
  visit("retry_ms", options.timeouts.retry_ms);
  visit("fallback_after_ms", options.fallback_after_ms);
  visit("fallback_return_ms", options.fallback_return_ms);
  visit("strict_prefix", options.strict_prefix);
  visit("read_agents_md", options.read_agents_md);
}

}  // namespace

Result<Thinking> parse_thinking(std::string_view mode) {
  for (const Thinking thinking :
       {Thinking::kDefault, Thinking::kOff, Thinking::kOn, Thinking::kKeep}) {
    if (to_string(thinking) == mode) return thinking;
  }
  return Error{.code = ErrorCode::kInvalidArgument,
               .message = "thinking is off, on, keep or default, not '" + std::string(mode) + "'"};
}

std::string agent_to_json(const AgentOptions& options) {
  Json json = Json::object();
  visit_members(options, [&](const char* key, const auto& value) { json[key] = value; });
  json["thinking"] = to_string(options.thinking);
  json["budget"] = budget_to_json(options.budget);
  json["sandbox"] = sandbox_to_json(options.sandbox);
  Json limits = Json::object();
  visit_endpoint_limits(options, [&](const char* key, const char*, const auto& limit, OptionRange) {
    put_cap(limits, key, limit);
  });
  if (!limits.empty()) json["limits"] = std::move(limits);
  for (const FallbackEndpoint& endpoint : options.fallback)
    json["fallback"].push_back(fallback_to_json(endpoint));
  json["commands"] = Json::array();
  for (const CommandTool& command : options.commands)
    json["commands"].push_back(command_to_json(command));
  json["policy"] = Json::array();
  for (const PolicyRule& rule : options.policy) json["policy"].push_back(rule_to_json(rule));
  return json::dump(json);
}

Result<AgentOptions> agent_from_json(std::string_view text) {
  const Result<Json> parsed = json::parse(text);
  if (!parsed.ok()) return parsed.error();
  try {
    const Json& json = *parsed;
    AgentOptions options;
    visit_members(options, [&](const char* key, auto& value) { get(json, key, value); });
    const Result<Thinking> thinking = parse_thinking(json.value("thinking", "default"));
    if (thinking.ok()) options.thinking = *thinking;
    options.budget = budget_from_json(json.value("budget", Json::object_t()));
    options.sandbox = sandbox_from_json(json.value("sandbox", Json::object()));
    const Json limits = json.value("limits", Json::object());
    visit_endpoint_limits(options, [&](const char* key, const char*, auto& limit, OptionRange) {
      get_cap(limits, key, limit);
    });
    for (const Json& endpoint : json.value("fallback", Json::array()))
      options.fallback.push_back(fallback_from_json(endpoint));
    for (const Json& command : json.value("commands", Json::array())) {
      options.commands.push_back(command_from_json(command));
    }
    for (const Json& rule : json.value("policy", Json::array()))
      options.policy.push_back(rule_from_json(rule));
    return options;
  } catch (const Json::exception& error) {
    return Error{.code = ErrorCode::kCorrupt,
                 .message = std::string("the stored definition of the agent cannot be read: ") +
                            error.what()};
  }
}

}  // namespace perdure
