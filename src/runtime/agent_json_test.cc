#include "runtime/agent_json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "json/parse.h"
#include "os/sandbox/sandbox_names.h"
#include "tests/support/json.h"
#include "tests/support/result.h"

namespace perdure {
namespace {

using test::code_of;
using test::parse_json;

// Nothing in it has its default, so that a field that does not survive shows.
AgentOptions full_agent() {
  return {.name = "on-call",
          .model = "kimi-k3",
          .host = "vllm",
          .base_url = "http://127.0.0.1:9/v1",
          .key_file = "/keys/key",
          .fallback = {{.host = "sglang",
                        .model = "kimi-k2.5",
                        .base_url = "http://b/v1",
                        .key_file = "k"}},
          .fallback_after_ms = 1'009,
          .fallback_return_ms = 1'008,
          .instructions = "Look first. \"Quote\" é\n",
          .thinking = Thinking::kKeep,
          .tool_choice = {.mode = "required"},
          .sampling = {{"temperature", 0.6}},
          .tools = {"read_file", "calculate"},
          .formulas = {"moonshot/date:latest"},
          .commands = {{.spec = {.name = "health",
                                 .description = "Health of a service.",
                                 .parameters = {{"type", "object"}, {"required", {"service"}}},
                                 .effect = EffectClass::kRead,
                                 .timeout_ms = 9'000},
                        .argv = {"{agent_dir}/health", "--", "{service}"},
                        .input = CommandInput::kJson,
                        .directory = "/agents",
                        .environment = {"REGION"}}},
          .test_command = {"pytest", "-q"},
          .environment = {"CI"},
          .sandbox = {.mode = SandboxMode::kReadOnly,
                      .network = SandboxNetwork::kLoopback,
                      .read = {"/opt/tools"},
                      .write = {"/var/cache/tools"},
                      .accept_missing = {"proc"},
                      .processes_max = 99},
          .command_timeout_ms = 1'001,
          .test_timeout_ms = 1'002,
          .budget = {.steps = 1,
                     .input_tokens = 2,
                     .output_tokens = 3,
                     .reasoning_tokens = 4,
                     .usd = 0.1,
                     .wall_ms = 6},
          .policy = {{.tool = "write_*",
                      .effect = EffectClass::kDestructive,
                      .path = "src/**",
                      .action = PolicyAction::kDeny},
                     {.action = PolicyAction::kAllow}},
          .accept = {"make check"},
          .accept_rounds = 7,
          .output_tokens_max = 1'003,
          .attempts_max = 8,
          .parallel_calls_max = 9,
          .calls_max = 10,
          .timeouts = {.connect_ms = 1'004,
                       .first_byte_ms = 1'005,
                       .idle_ms = 1'006,
                       .request_ms = 1'007,
                       .retry_ms = 1'010},
          .limits = {.requests_at_once = 5, .requests_per_minute = 6, .tokens_per_minute = 7},
          .strict_prefix = true,
          .read_agents_md = false};
}

TEST(AgentJson, every_field_survives) {
  const std::string json = agent_to_json(full_agent());
  const Result<AgentOptions> read = agent_from_json(json);
  ASSERT_TRUE(read.ok()) << to_text(read.error());
  EXPECT_EQ(parse_json(agent_to_json(*read)), parse_json(json));
  EXPECT_EQ(read->name, "on-call");
  EXPECT_EQ(read->thinking, Thinking::kKeep);
  EXPECT_EQ(read->commands.at(0).spec.effect, EffectClass::kRead);
  EXPECT_EQ(read->policy.at(0).action, PolicyAction::kDeny);
  EXPECT_EQ(read->budget.usd, 0.1);
}

Json fallback_json(const FallbackEndpoint& endpoint) {
  const auto& [host, model, base_url, key_file] = endpoint;
  return {{"host", host}, {"model", model}, {"base_url", base_url}, {"key_file", key_file}};
}

Json limits_json(const EndpointLimits& limits) {
  const auto& [at_once, requests_per_minute, tokens_per_minute] = limits;
  return {{"requests_at_once", *at_once},
          {"requests_per_minute", *requests_per_minute},
          {"tokens_per_minute", *tokens_per_minute}};
}

Json sandbox_json(const SandboxOptions& sandbox) {
  const auto& [mode, network, read, write, accept_missing, processes_max] = sandbox;
  return {{"mode", name_in(kSandboxModeNames, mode)},
          {"network", name_in(kSandboxNetworkNames, network)},
          {"read", read},
          {"write", write},
          {"accept_missing", accept_missing},
          {"processes_max", processes_max}};
}

// A field that is added to one of these structs must be added to agent_json.cc too, and here: a
// resumed run has nothing but the JSON. The structured bindings below stop compiling when the
// number of fields changes; the comparison of each with its default shows that full_agent() sets
// it, and every_field_survives that the JSON keeps it.
TEST(AgentJson, no_field_is_forgotten) {
  const AgentOptions full = full_agent();
  const AgentOptions empty;
  const auto& [name, model, host, base_url, key_file, fallback, fallback_after_ms,
               fallback_return_ms, instructions, thinking, tool_choice, sampling, tools, formulas,
               commands, test_command, environment, sandbox, command_timeout_ms, test_timeout_ms,
               budget, policy, accept, accept_rounds, output_tokens_max, attempts_max,
               parallel_calls_max, calls_max, timeouts, limits, strict_prefix, read_agents_md] =
      full;
  EXPECT_NE(name, empty.name);
  const Json json = parse_json(agent_to_json(full));
  const Json defaults = parse_json(agent_to_json(empty));
  for (const auto& [key, value] : json.items())
    EXPECT_NE(value, defaults.value(key, Json())) << key;

  const auto& [connect_ms, first_byte_ms, idle_ms, request_ms, retry_ms] = timeouts;
  const auto& [steps, input_tokens, output_tokens, reasoning_tokens, usd, wall_ms] = budget;
  const auto& [mode] = tool_choice;
  const auto& [spec, argv, input, directory, passed_on] = commands.front();
  const auto& [spec_name, description, parameters, effect, timeout_ms] = spec;
  const auto& [rule_tool, rule_effect, rule_path, rule_action] = policy.front();
  const Json wanted = {{"name", name},
                       {"model", model},
                       {"host", host},
                       {"base_url", base_url},
                       {"key_file", key_file},
                       {"fallback", Json::array({fallback_json(fallback.front())})},
                       {"fallback_after_ms", fallback_after_ms},
                       {"fallback_return_ms", fallback_return_ms},
                       {"instructions", instructions},
                       {"thinking", to_string(thinking)},
                       {"tool_choice", mode},
                       {"sampling", sampling},
                       {"tools", tools},
                       {"formulas", formulas},
                       {"commands",
                        {{{"name", spec_name},
                          {"description", description},
                          {"parameters", parameters},
                          {"effect", to_string(effect)},
                          {"timeout_ms", timeout_ms},
                          {"argv", argv},
                          {"input", input == CommandInput::kJson ? "json" : "none"},
                          {"directory", directory},
                          {"environment", passed_on}}}},
                       {"test_command", test_command},
                       {"environment", environment},
                       {"sandbox", sandbox_json(sandbox)},
                       {"command_timeout_ms", command_timeout_ms},
                       {"test_timeout_ms", test_timeout_ms},
                       {"budget",
                        {{"steps", *steps},
                         {"input_tokens", *input_tokens},
                         {"output_tokens", *output_tokens},
                         {"reasoning_tokens", *reasoning_tokens},
                         {"usd", *usd},
                         {"wall_ms", *wall_ms}}},
                       {"limits", limits_json(limits)},
                       {"policy",
                        {{{"tool", rule_tool},
                          {"effect", to_string(*rule_effect)},
                          {"path", rule_path},
                          {"action", to_string(rule_action)}},
                         {{"tool", "*"}, {"action", "allow"}}}},
                       {"accept", accept},
                       {"accept_rounds", accept_rounds},
                       {"output_tokens_max", output_tokens_max},
                       {"attempts_max", attempts_max},
                       {"parallel_calls_max", parallel_calls_max},
                       {"calls_max", calls_max},
                       {"connect_ms", connect_ms},
                       {"first_byte_ms", first_byte_ms},
                       {"idle_ms", idle_ms},
                       {"request_ms", request_ms},
                       {"retry_ms", retry_ms},
                       {"strict_prefix", strict_prefix},
                       {"read_agents_md", read_agents_md}};
  EXPECT_EQ(json, wanted);
}

// Journals of older versions lack what was added later; it then has its default.
TEST(AgentJson, what_is_absent_has_its_default) {
  const Result<AgentOptions> read = agent_from_json("{}");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(parse_json(agent_to_json(*read)), parse_json(agent_to_json({})));
}

TEST(AgentJson, what_is_not_known_never_becomes_a_right) {
  const Result<AgentOptions> read =
      agent_from_json(R"({"policy":[{"tool":"x","action":"permit"}],)"
                      R"("commands":[{"name":"x","argv":["true"],"effect":"harmless"}]})");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->policy.at(0).action, PolicyAction::kDeny);
  EXPECT_EQ(read->commands.at(0).spec.effect, EffectClass::kDestructive);
  const Result<AgentOptions> boxed =
      agent_from_json(R"({"sandbox":{"mode":"roomy","network":"everything"}})");
  ASSERT_TRUE(boxed.ok());
  EXPECT_EQ(boxed->sandbox.mode, SandboxMode::kReadOnly);
  EXPECT_EQ(boxed->sandbox.network, SandboxNetwork::kOff);
}

TEST(AgentJson, damage_is_an_error) {
  for (const char* text :
       {"", "[]", "{", "5", R"({"name":5})", R"({"tools":"read_file"})",
        R"({"budget":{"steps":"ten"}})", R"({"budget":5})", R"({"commands":{"name":"x"}})",
        R"({"policy":[5]})", R"({"thinking":5})"}) {
    const Result<AgentOptions> read = agent_from_json(text);
    EXPECT_FALSE(read.ok()) << text;
  }
}

TEST(AgentJson, thinking_is_read_by_name) {
  for (const Thinking thinking :
       {Thinking::kDefault, Thinking::kOff, Thinking::kOn, Thinking::kKeep}) {
    EXPECT_EQ(*parse_thinking(to_string(thinking)), thinking);
  }
  EXPECT_EQ(code_of(parse_thinking("loud")), "invalid_argument");
  EXPECT_EQ(code_of(parse_thinking("")), "invalid_argument");
}

}  // namespace
}  // namespace perdure
