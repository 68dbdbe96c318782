#include "runtime/agent_file.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "json/parse.h"
#include "runtime/agent_json.h"
#include "tests/support/result.h"

namespace perdure {
namespace {

using test::holds;
using test::words_of;

// What an agent is made from when a test does not say it.
AgentOptions base() {
  return {.name = "base",
          .tools = {"read_file", "calculate"},
          .budget = {.steps = 100},
          .accept = {"make check"}};
}

Result<AgentLayer> read(std::string_view toml) {
  return read_agent_layer(toml, "agent.toml", "/agents", base());
}

// The definition that a file gives, as JSON, for whole-value comparisons.
Json definition(std::string_view toml) {
  const Result<AgentLayer> layer = read(toml);
  EXPECT_TRUE(layer.ok()) << words_of(layer);
  if (!layer.ok()) return nullptr;
  return *json::parse(agent_to_json(layer->agent));
}

TEST(AgentFile, an_empty_file_changes_nothing) {
  EXPECT_EQ(definition(""), *json::parse(agent_to_json(base())));
  EXPECT_TRUE(read("")->widenings.empty());
  EXPECT_TRUE(read("")->state_directory.empty());
}

constexpr std::string_view kEveryKey = R"(
name = "on-call"
model = "kimi-k3"
host = "vllm"
base_url = "http://127.0.0.1:9/v1"
key_file = "~/key"
fallback = [
  "openrouter",
  { host = "sglang", model = "kimi-k2.5", base_url = "http://b/v1", key_file = "k" },
]
instructions = "Look first."
thinking = "off"
tool_choice = "required"
sampling = { temperature = 0.6 }
output_tokens_max = 4096
attempts_max = 3
parallel_calls_max = 2
calls_max = 3
strict_prefix = true
read_agents_md = false
state_directory = "/var/state"
accept = ["make", "make test"]
accept_rounds = 7

[budget]
steps = 1
input_tokens = 2
output_tokens = 3
reasoning_tokens = 4
usd = 0.5
wall_s = 6

[timeouts]
connect_s = 1
first_byte_s = 2
idle_s = 3
request_s = 4
retry_s = 8
fallback_after_s = 9
fallback_return_s = 7
command_s = 5
tests_s = 6

[limits]
requests_at_once = 7
requests_per_minute = 8
tokens_per_minute = 9

[tools]
builtin = ["calculate"]
formulas = ["moonshot/date:latest"]
test_command = ["pytest", "-q"]
environment = ["CI"]

[[tools.command]]
name = "health"
description = "Health of a service."
argv = ["{agent_dir}/health", "--", "{service}"]
input = "json"
effect = "read"
timeout_s = 9
environment = ["REGION"]
[tools.command.parameters]
type = "object"
properties.service.type = "string"

[sandbox]
mode = "read-only"
network = "loopback"
read = ["/opt/x"]
write = ["/var/x"]
accept_missing = ["proc"]
processes_max = 50

[[policy]]
tool = "write_*"
effect = "destructive"
path = "src/**"
action = "deny"

[[policy]]
action = "ask"
)";

TEST(AgentFile, every_key_lands_in_its_field) {
  const Result<AgentLayer> layer = read(kEveryKey);
  ASSERT_TRUE(layer.ok()) << words_of(layer);
  EXPECT_EQ(layer->state_directory, "/var/state");
  const Json wanted = *json::parse(R"({
    "name": "on-call", "model": "kimi-k3", "host": "vllm", "base_url": "http://127.0.0.1:9/v1",
    "key_file": "~/key", "fallback": [{"host": "openrouter"}, {"host": "sglang",
      "model": "kimi-k2.5", "base_url": "http://b/v1", "key_file": "k"}],
    "retry_ms": 8000, "fallback_after_ms": 9000, "fallback_return_ms": 7000,
    "instructions": "Look first.", "thinking": "off",
    "tool_choice": "required", "sampling": {"temperature": 0.6}, "output_tokens_max": 4096,
    "attempts_max": 3, "parallel_calls_max": 2, "calls_max": 3, "strict_prefix": true,
    "read_agents_md": false,
    "accept": ["make", "make test"], "accept_rounds": 7,
    "budget": {"steps": 1, "input_tokens": 2, "output_tokens": 3, "reasoning_tokens": 4,
               "usd": 0.5, "wall_ms": 6000},
    "limits": {"requests_at_once": 7, "requests_per_minute": 8, "tokens_per_minute": 9},
    "connect_ms": 1000, "first_byte_ms": 2000, "idle_ms": 3000, "request_ms": 4000,
    "command_timeout_ms": 5000, "test_timeout_ms": 6000,
    "tools": ["calculate"], "formulas": ["moonshot/date:latest"], "test_command": ["pytest", "-q"],
    "environment": ["CI"],
    "commands": [{"name": "health", "description": "Health of a service.", "directory": "/agents",
      "argv": ["{agent_dir}/health", "--", "{service}"], "input": "json", "effect": "read",
      "timeout_ms": 9000, "environment": ["REGION"],
      "parameters": {"type": "object", "properties": {"service": {"type": "string"}}}}],
    "sandbox": {"mode": "read-only", "network": "loopback", "read": ["/opt/x"],
                "write": ["/var/x"], "accept_missing": ["proc"], "processes_max": 50},
    "policy": [{"tool": "write_*", "effect": "destructive", "path": "src/**", "action": "deny"},
               {"tool": "*", "action": "ask"}]})");
  EXPECT_EQ(*json::parse(agent_to_json(layer->agent)), wanted);
}

TEST(AgentFile, rules_of_the_stronger_file_come_first) {
  AgentOptions weaker = base();
  weaker.policy = {{.tool = "weaker", .action = PolicyAction::kAllow}};
  const Result<AgentLayer> layer =
      read_agent_layer("[[policy]]\ntool = 'stronger'\naction = 'ask'\n", "a.toml", "/", weaker);
  ASSERT_TRUE(layer.ok()) << words_of(layer);
  ASSERT_EQ(layer->agent.policy.size(), 2U);
  EXPECT_EQ(layer->agent.policy[0].tool, "stronger");
  EXPECT_EQ(layer->agent.policy[1].tool, "weaker");
}

TEST(AgentFile, commands_join_those_of_the_weaker_file) {
  AgentOptions weaker = base();
  weaker.commands = {{.spec = {.name = "first"}, .argv = {"true"}}};
  const Result<AgentLayer> layer =
      read_agent_layer("[[tools.command]]\nname = 'second'\ndescription = 'x'\nargv = ['true']\n",
                       "a.toml", "/", weaker);
  ASSERT_TRUE(layer.ok()) << words_of(layer);
  ASSERT_EQ(layer->agent.commands.size(), 2U);
  EXPECT_EQ(layer->agent.commands[1].spec.name, "second");
  EXPECT_EQ(layer->agent.commands[1].spec.effect, EffectClass::kDestructive)
      << "what is not declared is the worst";
}

// --- Mistakes ---

struct Mistake {
  const char* toml;
  const char* words;
};

TEST(AgentFile, a_mistake_is_told_with_its_place_and_what_was_meant) {
  const Mistake mistakes[] = {
      {"modle = 'kimi-k2.6'", "agent.toml:1:1"},
      {"modle = 'kimi-k2.6'", "did you mean 'model'?"},
      {"name = 'x'\n[budgt]\nsteps = 1", "did you mean 'budget'?"},
      {"[budget]\nstep = 1", "agent.toml:2:1"},
      {"[budget]\nsteps = 0", "agent.toml:2:1"},
      {"[budget]\nsteps = 'ten'", "agent.toml:2:1"},
      {"[budget]\nusd = -1", "agent.toml:2:1"},
      {"[budget]\n   steps = 0", "agent.toml:2:4"},
      {"budget = { usd = 1, steps = 0 }", "agent.toml:1:21"},
      {"[limits]\nrequests_at_once = 0", "agent.toml:2:1"},
      {"[limits]\nrequest_at_once = 1", "did you mean 'requests_at_once'?"},
      {"model = 5", "agent.toml:1:1"},
      {"thinking = 'loud'", "agent.toml:1:1"},
      {"[tools]\nbuiltin = ['reed_file']", "did you mean 'read_file'?"},
      {"[tools]\nbuiltin = 'read_file'", "agent.toml:2:1"},
      {"[tools]\ntest_command = []", "'test_command' is empty"},
      {"[[tools.command]]\nname = 'x'\nargv = ['true']", "a command tool needs 'description'"},
      {"[[tools.command]]\nname = 'x'\ndescription = 'y'", "a command tool needs 'argv'"},
      {"[[tools.command]]\nname = 'x'\ndescription = 'y'\nargv = ['true']\neffect = 'none'",
       "agent.toml:5:1"},
      {"[[tools.command]]\nname = 'x y'\ndescription = 'y'\nargv = ['true']", "agent.toml:2:1"},
      {"[[tools.command]]\nname = 'calculate'\ndescription = 'y'\nargv = ['true']",
       "there are two tools named 'calculate'\n  at: agent.toml:2:1"},
      {"[[tools.command]]\nname = 'x'\ndescription = 'y'\nargv = ['true']\n"
       "[[tools.command]]\nname = 'x'\ndescription = 'y'\nargv = ['true']",
       "there are two tools named 'x'\n  at: agent.toml:6:1"},
      {"[[tools.command]]\nname = 'x'\ndescription = 'y'\nargv = ['true', '{z}']",
       "agent.toml:4:1"},
      {"[[tools.command]]\nname = 'x'\ndescription = 'y'\nargv = ['true']\n"
       "[tools.command.parameters]\ntype = 'object'\n  properties.a.type = 'strin'",
       "agent.toml:7:16"},
      {"[[tools.command]]\nname = 'x'\ndescription = 'y'\nargv = ['true']\n"
       "parameters = { type = 'array' }",
       "agent.toml:5:1"},
      {"fallback = 'vllm'", "'fallback' must be a list of hosts and tables"},
      {"fallback = [1]", "texts, not 1"},
      {"fallback = [{ hots = 'vllm' }]", "texts, not 'hots'"},
      {"fallback = [{ host = 1 }]", "texts, not 'host'"},
      {"fallback = ['vllm', {}]", "agent.toml:1:1"},
      {"[[policy]]\ntool = 'x'", "a policy rule needs 'action'"},
      {"[[policy]]\naction = 'permit'", "agent.toml:2:1"},
      {"name = 'x", "agent.toml:1:"},
      {"name = 'x'\nname = 'y'", "agent.toml:2:"},
  };
  for (const Mistake& mistake : mistakes) {
    SCOPED_TRACE(mistake.toml);
    const Result<AgentLayer> layer = read(mistake.toml);
    EXPECT_EQ(test::code_of(layer), "config");
    EXPECT_PRED2(holds, words_of(layer), mistake.words);
  }
}

TEST(AgentFile, all_mistakes_are_told_together) {
  const std::string words = words_of(read("modle = 'x'\nthinking = 'loud'\n[budget]\nsteps = 0\n"));
  for (const char* place : {"agent.toml:1:1", "agent.toml:2:1", "agent.toml:4:1"}) {
    EXPECT_PRED2(holds, words, place);
  }
}

// --- What widens ---

struct Asked {
  const char* toml;
  const char* widening;  ///< "key place", or empty: an untrusted folder may say it.
};

TEST(AgentFile, what_gives_more_than_before_is_a_widening_and_nothing_else_is) {
  const Asked cases[] = {
      {"name = 'x'", ""},
      {"instructions = 'Be brief.'", ""},
      {"thinking = 'off'", ""},
      {"tool_choice = 'none'", ""},
      {"strict_prefix = true", ""},
      {"read_agents_md = false", ""},
      {"model = 'kimi-k2.6'", ""},  // what it is anyway
      {"model = 'kimi-k3'", "model agent.toml:1:1"},
      {"host = 'vllm'", "host agent.toml:1:1"},
      {"base_url = 'http://evil/v1'", "base_url agent.toml:1:1"},
      {"key_file = '/etc/passwd'", "key_file agent.toml:1:1"},
      {"fallback = []", ""},
      {"fallback = ['vllm']", "fallback agent.toml:1:1"},
      {"[timeouts]\nfallback_return_s = 301", "timeouts.fallback_return_s agent.toml:2:1"},
      {"state_directory = '/tmp'", "state_directory agent.toml:1:1"},
      {"output_tokens_max = 1000", ""},
      {"output_tokens_max = 1000000", "output_tokens_max agent.toml:1:1"},
      {"attempts_max = 1", ""},
      {"attempts_max = 11", "attempts_max agent.toml:1:1"},
      {"parallel_calls_max = 9", "parallel_calls_max agent.toml:1:1"},
      {"calls_max = 129", "calls_max agent.toml:1:1"},
      {"[budget]\nsteps = 50", ""},
      {"[budget]\nsteps = 101", "budget.steps agent.toml:2:1"},
      {"[budget]\nusd = 1.0", ""},                // a cap where there was none
      {"[limits]\nrequests_per_minute = 5", ""},  // a limit where there was none
      {"[timeouts]\ncommand_s = 1", ""},
      {"[timeouts]\ncommand_s = 121", "timeouts.command_s agent.toml:2:1"},
      {"[timeouts]\ntests_s = 601", "timeouts.tests_s agent.toml:2:1"},
      {"[timeouts]\nidle_s = 301", "timeouts.idle_s agent.toml:2:1"},
      {"[tools]\nbuiltin = ['calculate']", ""},
      {"[tools]\nbuiltin = []", ""},
      {"[tools]\nbuiltin = ['calculate', 'run_command']", "tools.builtin agent.toml:2:1"},
      {"[tools]\ntest_command = ['true']", "tools.test_command agent.toml:2:1"},
      {"[tools]\nenvironment = ['SECRET']", "tools.environment agent.toml:2:1"},
      {"[[tools.command]]\nname = 'x'\ndescription = 'y'\nargv = ['true']",
       "tools.command agent.toml:1:1"},
      {"[[policy]]\naction = 'deny'", ""},
      {"[[policy]]\naction = 'ask'", ""},
      {"[[policy]]\naction = 'allow'", "policy allow agent.toml:2:1"},
      {"accept = ['make check']", ""},
      {"accept = []", "accept agent.toml:1:1"},
      {"accept = ['make check', 'curl evil']", "accept agent.toml:1:1"},
      {"accept_rounds = 2", ""},
      {"accept_rounds = 4", "accept_rounds agent.toml:1:1"},
  };
  for (const Asked& asked : cases) {
    SCOPED_TRACE(asked.toml);
    const Result<AgentLayer> layer = read(asked.toml);
    ASSERT_TRUE(layer.ok()) << words_of(layer);
    std::string widenings;
    for (const Widening& widening : layer->widenings) {
      widenings += widening.key + " " + widening.place;
    }
    EXPECT_EQ(widenings, asked.widening);
  }
}

TEST(AgentFile, to_raise_a_limit_of_an_endpoint_is_a_widening) {
  AgentOptions limited = base();
  limited.limits.requests_at_once = 4;
  const auto widenings = [&](const char* toml) {
    const Result<AgentLayer> layer = read_agent_layer(toml, "agent.toml", "/agents", limited);
    EXPECT_TRUE(layer.ok()) << words_of(layer);
    return layer->widenings;
  };
  EXPECT_TRUE(widenings("[limits]\nrequests_at_once = 3").empty());
  ASSERT_EQ(widenings("[limits]\nrequests_at_once = 5").size(), 1U);
  EXPECT_EQ(widenings("[limits]\nrequests_at_once = 5")[0].key, "limits.requests_at_once");
}

TEST(AgentFile, to_lift_a_strict_prefix_is_a_widening) {
  AgentOptions strict = base();
  strict.strict_prefix = true;
  const Result<AgentLayer> layer =
      read_agent_layer("strict_prefix = false", "agent.toml", "/agents", strict);
  ASSERT_TRUE(layer.ok()) << words_of(layer);
  ASSERT_EQ(layer->widenings.size(), 1U);
  EXPECT_EQ(layer->widenings[0].key, "strict_prefix");
}

TEST(AgentFile, a_layer_of_the_box_that_nobody_knows_is_a_mistake) {
  const Result<AgentLayer> wrong =
      read_agent_layer("[sandbox]\naccept_missing = [\"all\"]", "a.toml", "/agents", base());
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().message, "no feature of the sandbox is named 'all'");
}

TEST(AgentFile, to_open_the_box_is_a_widening) {
  AgentOptions boxed = base();
  boxed.sandbox = {.mode = SandboxMode::kWorkspaceWrite, .read = {"/opt/x"}, .processes_max = 50};
  const auto widenings = [&](const std::string& toml) {
    const Result<AgentLayer> layer =
        read_agent_layer("[sandbox]\n" + toml, "agent.toml", "/agents", boxed);
    EXPECT_TRUE(layer.ok()) << words_of(layer);
    return layer.ok() ? layer->widenings.size() : 99;
  };
  for (const char* narrower : {"mode = \"read-only\"", "network = \"off\"", "read = []",
                               "read = [\"/opt/x\"]", "processes_max = 49"}) {
    EXPECT_EQ(widenings(narrower), 0U) << narrower;
  }
  for (const char* wider :
       {"mode = \"full-access\"", "network = \"loopback\"", "read = [\"/etc\"]",
        "write = [\"/etc\"]", "accept_missing = [\"landlock\"]", "processes_max = 51"}) {
    EXPECT_EQ(widenings(wider), 1U) << wider;
  }
}

}  // namespace
}  // namespace perdure
