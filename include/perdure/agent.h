// An agent: a model, instructions, tools and rules, ready to work on tasks. Making one is cheap and
// never fails; what is wrong with it is said by the first run.
//
//   perdure::Agent agent({.model = "kimi-k2.6", .instructions = "You are an on-call assistant."});
//   agent.add_tool<HealthQuery>("get_service_health", "Health of one service.",
//                               perdure::EffectClass::kRead, read_health);
//   perdure::RunResult result = agent.run("Checkout users report failed orders.", {.budget =
//   {.steps = 40}});
//
// Every run is durable: its id is in the result, and resume() goes on with it in this process or
// another one, after a crash, a pause, or for a next turn. Tools are added before the first run. An
// agent may be used from several threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <perdure/budget.h>
#include <perdure/export.h>
#include <perdure/model.h>
#include <perdure/policy.h>
#include <perdure/run.h>
#include <perdure/sandbox.h>
#include <perdure/schema.h>
#include <perdure/tool.h>

namespace perdure {

class Runtime;

/// Limits of waiting for the endpoint, in milliseconds. Generous: models that think are silent for
/// minutes.
struct EndpointTimeouts {
  std::int64_t connect_ms = 15'000;
  std::int64_t first_byte_ms = 600'000;
  std::int64_t idle_ms = 300'000;
  std::int64_t request_ms = 3'600'000;
  std::int64_t retry_ms = 1'800'000;  ///< Of waiting for one answer, over all attempts.
};

/// An endpoint that a run goes on at when the one in use fails. What is empty is the agent's; but
/// one that names a host or an address has a key of its own.
struct FallbackEndpoint {
  std::string host = {};
  std::string model = {};
  std::string base_url = {};
  std::string key_file = {};
};

/// What an agent is. The same fields as an agent file (docs/agent.md).
struct AgentOptions {
  std::string name = "agent";
  std::string model = "kimi-k2.6";
  std::string host = {};      ///< A host profile; empty for the model's own.
  std::string base_url = {};  ///< Instead of the host's.
  std::string key_file = {};  ///< Instead of the environment.
  /// Tried in this order when the endpoint in use fails beyond its attempts, or lets a step wait
  /// for longer than `fallback_after_ms` (docs/agent.md).
  std::vector<FallbackEndpoint> fallback = {};
  std::int64_t fallback_after_ms = 60'000;
  std::int64_t fallback_return_ms =
      300'000;  ///< Working time until the agent's own is tried again.
  std::string instructions =
      {};  ///< The system prompt's first part; empty for the default agent's.
  Thinking thinking = Thinking::kDefault;
  ToolChoice tool_choice = {};
  /// Members of the request, where model and host take them: {{"temperature", 0.6}}.
  Json sampling = Json::object();
  /// Names of built-in tools, and of functions that the host runs itself: "$web_search".
  std::vector<std::string> tools = {};
  /// Formula tools of the host, by their URIs: "moonshot/web-search:latest" (docs/agent.md).
  std::vector<std::string> formulas = {};
  std::vector<CommandTool> commands = {};
  std::vector<std::string> test_command = {};  ///< Of run_tests.
  std::vector<std::string> environment =
      {};  ///< Variables that commands get beside the usual ones.
  /// The box of commands (docs/sandbox.md); none by default.
  SandboxOptions sandbox = {};
  std::int64_t command_timeout_ms = 120'000;
  std::int64_t test_timeout_ms = 600'000;
  Budget budget = {};
  std::vector<PolicyRule> policy = {};
  std::vector<std::string> accept =
      {};  ///< Shell commands that must succeed before an answer counts as done.
  std::int64_t accept_rounds = 3;  ///< How often a failed acceptance goes back to the model.
  std::int64_t output_tokens_max = 32'768;  ///< Of one reply.
  std::int64_t attempts_max = 10;           ///< Of one request.
  std::int64_t parallel_calls_max = 8;
  std::int64_t calls_max = 128;  ///< Of one reply; those beyond it are not run.
  EndpointTimeouts timeouts = {};
  EndpointLimits limits = {};
  /// A resume whose first request would not begin as the last one did is refused (docs/agent.md).
  bool strict_prefix = false;
  bool read_agents_md = true;  ///< AGENTS.md of the workspace joins the instructions.
};

namespace internal {
/// What a typed tool returns, as every tool returns it.
template <class T>
Result<Json> to_result(T value) {
  return Json(std::move(value));
}
template <class T>
Result<Json> to_result(Result<T> value) {
  if (!value.ok()) return value.error();
  return Json(std::move(*value));
}
/// Functions that have no use for the context need not take it.
template <class Function, class Arguments>
auto call_tool(const Function& function, const Arguments& arguments, ToolContext& context) {
  if constexpr (std::is_invocable_v<const Function&, const Arguments&, ToolContext&>) {
    return function(arguments, context);
  } else {
    return function(arguments);
  }
}
}  // namespace internal

/// A run under way. The run goes on when the handle is gone.
class PERDURE_EXPORT RunHandle {
 public:
  /// Empty when the run could not start; wait() says why.
  const std::string& id() const;
  /// Waits for the end. May be called from several threads and again.
  RunResult wait();
  /// A message for the model: it is told when the open exchange has closed.
  void say(std::string text);
  /// Stops when the open exchange has closed. The run can be resumed.
  void pause();
  /// Stops at once: the request is dropped, commands are ended. The run can be resumed.
  void cancel();

 private:
  friend class Agent;
  struct Impl;
  explicit RunHandle(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

class PERDURE_EXPORT Agent {
 public:
  /// With a runtime of its own (default options), made at the first run.
  explicit Agent(AgentOptions options);
  /// Shares a runtime; many agents and runs may. The runtime must outlive the agent.
  Agent(AgentOptions options, Runtime& runtime);
  ~Agent();
  Agent(Agent&&) noexcept;
  Agent& operator=(Agent&&) noexcept;

  const AgentOptions& options() const;

  /// Adds a tool. A bad name, a second tool of this name, or parameters that are no JSON Schema are
  /// reported by check() and by every run.
  Agent& add_tool(ToolSpec spec, ToolFunction function);

  /// A typed tool: `Arguments` is read by nlohmann's from_json; `function` takes (const Arguments&,
  /// ToolContext&) or the arguments alone, and returns anything that nlohmann's to_json writes, or
  /// a Result of it.
  template <class Arguments, class Function>
  Agent& add_tool(ToolSpec spec, Function function) {
    return add_tool(
        std::move(spec),
        [function = std::move(function)](const Json& json, ToolContext& context) -> Result<Json> {
          std::optional<Arguments> arguments;
          try {
            arguments = json.get<Arguments>();
          } catch (const Json::exception& error) {
            return Error{
                .code = ErrorCode::kInvalidArguments,
                .message = std::string("the arguments do not fit the tool: ") + error.what()};
          }
          return internal::to_result(internal::call_tool(function, *arguments, context));
        });
  }

  /// The same with the schema that `Arguments` is: each member is required, none is described
  /// (schema::of).
  template <class Arguments, class Function>
  Agent& add_tool(std::string name, std::string description, EffectClass effect,
                  Function function) {
    return add_tool<Arguments>({.name = std::move(name),
                                .description = std::move(description),
                                .parameters = schema::of<Arguments>(),
                                .effect = effect},
                               std::move(function));
  }

  /// The first mistake in the tools that were added. Errors: kConfig.
  Status check() const;

  /// Runs a task to its end.
  RunResult run(std::string task, RunOptions options = {});
  RunHandle start(std::string task, RunOptions options = {});
  /// Goes on with a run: with the step that was interrupted, or with `message` as the next turn.
  /// The workspace and the budget are the run's own; caps in `options.budget` replace them. The
  /// rules are those of `options.policy` and of the agent, and what the run was denied before.
  RunResult resume(const std::string& run_id, std::string message = {}, RunOptions options = {});
  RunHandle start_resume(const std::string& run_id, std::string message = {},
                         RunOptions options = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure
