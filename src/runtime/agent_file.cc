#include "runtime/agent_file.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <perdure/config.h>

#include "base/text.h"
#include "base/tool_name.h"
#include "core/event_names.h"
#include "json/parse.h"
#include "json/toml.h"
#include "os/directories.h"
#include "os/sandbox/sandbox_names.h"
#include "runtime/formulas.h"
#include "runtime/option_ranges.h"
#include "tools/builtin/builtin.h"
#include "tools/command_tool.h"
#include "tools/host_function.h"
#include "tools/registry.h"

namespace perdure {
namespace {

// Reads one file over what held before, and notes what widens it.
class LayerReader {
 public:
  LayerReader(AgentLayer& layer, std::string directory)
      : layer_(layer), directory_(std::move(directory)) {}

  void read(TomlTable root) {
    read_endpoint(root);
    read_fallback(root);
    AgentOptions& agent = layer_.agent;
    if (auto name = root.string("name")) agent.name = *name;
    if (auto text = root.string("instructions")) agent.instructions = *text;
    constexpr std::array<std::string_view, 4> kThinking = {"default", "off", "on", "keep"};
    if (auto mode = root.choice("thinking", kThinking)) {
      for (const Thinking thinking :
           {Thinking::kDefault, Thinking::kOff, Thinking::kOn, Thinking::kKeep}) {
        if (to_string(thinking) == *mode) agent.thinking = thinking;
      }
    }
    if (auto choice = root.string("tool_choice")) agent.tool_choice.mode = *choice;
    if (auto sampling = root.json("sampling")) agent.sampling = std::move(*sampling);
    visit_limits(agent, [&](const char* key, std::int64_t& limit, OptionRange range) {
      lay_limit(root, key, integer(root, key, range), limit);
    });
    if (auto flag = root.boolean("strict_prefix")) {
      if (agent.strict_prefix && !*flag) widens(root, "strict_prefix");
      agent.strict_prefix = *flag;
    }
    if (auto flag = root.boolean("read_agents_md")) agent.read_agents_md = *flag;
    if (auto directory = root.string("state_directory")) {
      widens(root, "state_directory");
      layer_.state_directory = expand_home(*directory);
    }
    if (auto table = root.table("budget")) read_budget(*table);
    if (auto table = root.table("timeouts")) read_timeouts(*table);
    if (auto table = root.table("limits")) read_limits(*table);
    if (auto table = root.table("tools")) read_tools(*table);
    if (auto table = root.table("sandbox")) read_sandbox(*table);
    read_policy(root);
    read_acceptance(root);
  }

 private:
  void widens(const TomlTable& table, std::string_view key, std::string_view shown = {}) {
    layer_.widenings.push_back(
        {.key = std::string(shown.empty() ? key : shown), .place = table.place(key)});
  }

  static std::optional<std::int64_t> integer(TomlTable& table, const char* key, OptionRange range) {
    return table.integer(key, range.minimum, range.maximum);
  }

  // A file says seconds.
  static std::optional<std::int64_t> milliseconds(TomlTable& table, const char* key) {
    const std::optional<std::int64_t> seconds = integer(table, key, kSecondsRange);
    return seconds ? std::optional(*seconds * 1000) : std::nullopt;
  }

  void read_endpoint(TomlTable& root) {
    AgentOptions& agent = layer_.agent;
    const std::array<std::pair<const char*, std::string*>, 4> keys = {
        {{"model", &agent.model},
         {"host", &agent.host},
         {"base_url", &agent.base_url},
         {"key_file", &agent.key_file}}};
    for (const auto& [key, field] : keys) {
      if (auto text = root.string(key)) {
        if (*text != *field) widens(root, key);
        if (field == &agent.host) name_host(agent, *text);
        *field = *text;
      }
    }
  }

  // A list of hosts and tables.
  void read_fallback(TomlTable& root) {
    const std::optional<Json> list = root.json("fallback");
    if (!list) return;
    if (!list->empty()) widens(root, "fallback");
    layer_.agent.fallback.clear();
    constexpr std::string_view kHow =
        R"(write fallback = ["openrouter", { host = "vllm", base_url = "http://gpu:8000/v1" }])";
    if (!list->is_array()) {
      return root.mistake("fallback", "'fallback' must be a list of hosts and tables",
                          std::string(kHow));
    }
    for (const Json& item : *list) {
      FallbackEndpoint endpoint;
      if (item.is_string()) endpoint.host = item.get<std::string>();
      const std::map<std::string, std::string*, std::less<>> keys = {
          {"host", &endpoint.host},
          {"model", &endpoint.model},
          {"base_url", &endpoint.base_url},
          {"key_file", &endpoint.key_file}};
      std::string wrong = item.is_string() || item.is_object() ? "" : json::dump(item);
      const Json members = item.is_object() ? item : Json::object();
      for (const auto& [key, value] : members.items()) {
        const auto known = keys.find(key);
        if (known == keys.end() || !value.is_string()) {
          wrong = "'" + key + "'";
        } else {
          *known->second = value.get<std::string>();
        }
      }
      const bool says_nothing =
          endpoint.host.empty() && endpoint.model.empty() && endpoint.base_url.empty();
      if (!wrong.empty() || says_nothing) {
        return root.mistake("fallback",
                            fmt::format("an endpoint of 'fallback' takes host, model, base_url and "
                                        "key_file as texts{}",
                                        wrong.empty() ? "" : ", not " + wrong),
                            std::string(kHow));
      }
      layer_.agent.fallback.push_back(std::move(endpoint));
    }
  }

  template <class Number>
  void lay_cap(TomlTable& table, const char* key, std::optional<Number> value,
               std::optional<Number>& cap, std::string_view folder = "budget.") {
    if (!value) return;
    if (cap && *value > *cap) widens(table, key, std::string(folder) + key);
    cap = value;
  }

  // A limit that always holds: a file may lower it.
  void lay_limit(TomlTable& table, const char* key, std::optional<std::int64_t> value,
                 std::int64_t& limit, std::string_view shown = {}) {
    if (!value) return;
    if (*value > limit) widens(table, key, shown);
    limit = *value;
  }

  void read_budget(TomlTable& table) {
    Budget& budget = layer_.agent.budget;
    visit_counted_caps(budget,
                       [&](const char* key, std::optional<std::int64_t>& cap, OptionRange range) {
                         lay_cap(table, key, integer(table, key, range), cap);
                       });
    lay_cap(table, "usd", table.number("usd", kUsdMin), budget.usd);
    lay_cap(table, "wall_s", milliseconds(table, "wall_s"), budget.wall_ms);
  }

  void read_timeouts(TomlTable& table) {
    visit_timeouts(layer_.agent, [&](const char* key, const char*, std::int64_t& limit) {
      lay_limit(table, key, milliseconds(table, key), limit, std::string("timeouts.") + key);
    });
  }

  void read_limits(TomlTable& table) {
    visit_endpoint_limits(layer_.agent, [&](const char* key, const char*,
                                            std::optional<std::int64_t>& limit, OptionRange range) {
      lay_cap(table, key, integer(table, key, range), limit, "limits.");
    });
  }

  void read_tools(TomlTable& table) {
    AgentOptions& agent = layer_.agent;
    if (auto names = table.strings("builtin")) {
      const std::vector<std::string> known = builtin_names();
      for (const std::string& name : *names) {
        const bool is_builtin = std::find(known.begin(), known.end(), name) != known.end();
        const Result<Tool> tool =
            is_host_function(name) ? make_host_function(name) : make_builtin(name, {});
        if (!is_builtin && !tool.ok())
          table.mistake("builtin", tool.error().message, tool.error().advice);
        if (std::count(names->begin(), names->end(), name) > 1)
          return table.mistake("builtin", fmt::format("'{}' is named twice", name));
        const bool had =
            std::find(agent.tools.begin(), agent.tools.end(), name) != agent.tools.end();
        if (!had) widens(table, "builtin", "tools.builtin");
      }
      agent.tools = *names;
    }
    if (auto uris = table.strings("formulas")) {
      for (const std::string& uri : *uris) {
        const Status status = check_formula(uri);
        if (!status.ok()) table.mistake("formulas", status.error().message, status.error().advice);
        if (std::find(agent.formulas.begin(), agent.formulas.end(), uri) == agent.formulas.end())
          widens(table, "formulas", "tools.formulas");
      }
      agent.formulas = *uris;
    }
    if (auto command = table.strings("test_command")) {
      widens(table, "test_command", "tools.test_command");
      agent.test_command = *command;
      if (command->empty()) table.mistake("test_command", "'test_command' is empty");
    }
    if (auto names = table.strings("environment")) {
      widens(table, "environment", "tools.environment");
      agent.environment = *names;
    }
    for (TomlTable& command : table.tables("command")) read_command(command);
  }

  // Only what makes the box smaller may come from a folder that is not trusted.
  void read_sandbox(TomlTable& table) {
    SandboxOptions& sandbox = layer_.agent.sandbox;
    if (const auto mode = choice_in(table, "mode", kSandboxModeNames)) {
      if (*mode > sandbox.mode) widens(table, "mode", "sandbox.mode");
      sandbox.mode = *mode;
    }
    if (const auto network = choice_in(table, "network", kSandboxNetworkNames)) {
      if (*network > sandbox.network) widens(table, "network", "sandbox.network");
      sandbox.network = *network;
    }
    const std::array<std::pair<const char*, std::vector<std::string>*>, 3> lists = {
        {{"read", &sandbox.read},
         {"write", &sandbox.write},
         {"accept_missing", &sandbox.accept_missing}}};
    for (const auto& [key, list] : lists) {
      const std::optional<std::vector<std::string>> given = table.strings(key);
      if (!given) continue;
      for (const std::string& entry : *given) {
        if (std::find(list->begin(), list->end(), entry) == list->end())
          widens(table, key, fmt::format("sandbox.{}", key));
        if (list == &sandbox.accept_missing) check_feature(table, entry);
      }
      *list = *given;
    }
    lay_limit(table, "processes_max", integer(table, "processes_max", kProcessesRange),
              sandbox.processes_max);
  }

  static void check_feature(TomlTable& table, const std::string& name) {
    if (std::find(kSandboxFeatures.begin(), kSandboxFeatures.end(), name) !=
        kSandboxFeatures.end()) {
      return;
    }
    table.mistake("accept_missing", fmt::format("no feature of the sandbox is named '{}'", name),
                  "they are namespaces, proc, landlock and seccomp");
  }

  template <class Enum, std::size_t size>
  static std::optional<Enum> choice_in(TomlTable& table, const char* key,
                                       const NameTable<Enum, size>& names) {
    std::array<std::string_view, size> known;
    for (std::size_t i = 0; i < size; ++i) known[i] = names[i].second;
    const std::optional<std::string> name = table.choice(key, known);
    return name ? value_in(names, *name) : std::nullopt;
  }

  void read_command(TomlTable& table) {
    CommandTool command{.directory = directory_};
    command.spec.name = required(table, "name");
    command.spec.description = required(table, "description");
    if (auto parameters = table.json("parameters")) command.spec.parameters = *parameters;
    check_parameter_words(table, command.spec.parameters);
    std::array<std::string_view, kEffectNames.size()> effects;
    for (std::size_t i = 0; i < effects.size(); ++i) effects[i] = kEffectNames[i].second;
    if (auto effect = table.choice("effect", effects)) {
      command.spec.effect = value_in(kEffectNames, *effect).value_or(EffectClass::kDestructive);
    }
    if (auto limit = milliseconds(table, "timeout_s")) command.spec.timeout_ms = *limit;
    command.argv = table.strings("argv").value_or(std::vector<std::string>{});
    if (command.argv.empty())
      table.mistake("argv", "a command tool needs 'argv': the program and its arguments");
    constexpr std::array<std::string_view, 2> kInputs = {"none", "json"};
    command.input =
        table.choice("input", kInputs) == "json" ? CommandInput::kJson : CommandInput::kNone;
    command.environment = table.strings("environment").value_or(std::vector<std::string>{});
    widens(table, "", "tools.command");
    check_command(table, command);
    layer_.agent.commands.push_back(std::move(command));
  }

  // A line of TOML belongs to the table whose header stands before it, and a JSON Schema has no
  // word that is unknown: these would have no effect, and nobody would say so.
  static void check_parameter_words(TomlTable& table, const Json& parameters) {
    constexpr std::array<const char*, 9> kWordsOfOthers = {
        "argv",  "effect", "timeout_s",    "environment", "input",
        "model", "host",   "instructions", "accept"};
    for (const char* word : kWordsOfOthers) {
      if (!parameters.is_object() || !parameters.contains(word)) continue;
      mistake_in(
          table, fmt::format("parameters/{}", word),
          fmt::format("'{}' is no word of a JSON Schema", word),
          "put it above the line [tools.command.parameters]: what stands below belongs to it");
    }
  }

  // What the run would refuse is said here, where the file and the line are known.
  void check_command(TomlTable& table, const CommandTool& command) {
    const std::string& name = command.spec.name;
    if (name.empty() || command.argv.empty()) return;
    if (const Status named = check_tool_name(name); !named.ok()) {
      return table.mistake("name", named.error().message, named.error().advice);
    }
    const AgentOptions& agent = layer_.agent;
    const bool taken =
        std::find(agent.tools.begin(), agent.tools.end(), name) != agent.tools.end() ||
        std::any_of(agent.commands.begin(), agent.commands.end(),
                    [&](const CommandTool& other) { return other.spec.name == name; });
    if (taken) {
      return table.mistake("name", fmt::format("there are two tools named '{}'", name),
                           "give one of them another name");
    }
    Result<Tool> tool = make_command_tool(command);
    if (!tool.ok()) return table.mistake("argv", tool.error().message, tool.error().advice);
    const Status added = Registry().add(std::move(*tool));
    if (!added.ok()) mistake_in(table, "parameters" + added.error().context, added.error().message);
  }

  // A mistake at a JSON pointer below a table, told at the deepest key of the file that is known.
  static void mistake_in(TomlTable table, const std::string& pointer, const std::string& message,
                         const std::string& advice = {}) {
    std::string key;
    for (const std::string_view part : split(pointer, '/')) {
      if (!key.empty()) {
        std::optional<TomlTable> inner = table.table(key);
        if (!inner || !inner->has(part)) break;
        table = *inner;
      }
      key = part;
    }
    table.mistake(key, message, advice);
  }

  void read_policy(TomlTable& root) {
    std::vector<PolicyRule> rules;
    for (TomlTable& table : root.tables("policy")) {
      PolicyRule rule{.tool = table.string("tool").value_or("*")};
      constexpr std::array<std::string_view, 3> kActions = {"allow", "deny", "ask"};
      const std::optional<std::string> action = table.choice("action", kActions);
      if (!action && !table.has("action"))
        table.mistake("", "a policy rule needs 'action': allow, deny or ask");
      rule.action = value_in(kActionNames, action.value_or("deny")).value_or(PolicyAction::kDeny);
      std::array<std::string_view, kEffectNames.size()> effects;
      for (std::size_t i = 0; i < effects.size(); ++i) effects[i] = kEffectNames[i].second;
      if (auto effect = table.choice("effect", effects))
        rule.effect = value_in(kEffectNames, *effect);
      rule.path = table.string("path").value_or("");
      if (rule.action == PolicyAction::kAllow) widens(table, "action", "policy allow");
      rules.push_back(std::move(rule));
    }
    // The rules of the stronger file are asked first; a deny of any file wins.
    std::vector<PolicyRule>& policy = layer_.agent.policy;
    policy.insert(policy.begin(), rules.begin(), rules.end());
  }

  void read_acceptance(TomlTable& root) {
    if (auto commands = root.strings("accept")) {
      // To leave out what another file demands is as much as to run a command.
      if (*commands != layer_.agent.accept) widens(root, "accept");
      layer_.agent.accept = *commands;
    }
  }

  static std::string required(TomlTable& table, std::string_view key) {
    std::optional<std::string> text = table.string(key);
    if (!text && !table.has(key)) table.mistake("", fmt::format("a command tool needs '{}'", key));
    return text.value_or("");
  }

  AgentLayer& layer_;
  std::string directory_;
};

Error merged(const std::vector<Error>& mistakes) {
  Error error = mistakes.front();
  for (std::size_t i = 1; i < mistakes.size(); ++i) {
    error.advice += fmt::format("{}also: {} at {}", error.advice.empty() ? "" : "\n  ",
                                mistakes[i].message, mistakes[i].context);
  }
  return error;
}

}  // namespace

Result<AgentLayer> read_agent_layer(std::string_view toml, const std::string& file,
                                    const std::string& directory, const AgentOptions& base) {
  Result<TomlDocument> document = TomlDocument::parse(toml, file);
  if (!document.ok()) return document.error();
  AgentLayer layer{.agent = base};
  LayerReader(layer, directory).read(document->root());
  const std::vector<Error> mistakes = document->finish();
  if (!mistakes.empty()) return merged(mistakes);
  return layer;
}

}  // namespace perdure
