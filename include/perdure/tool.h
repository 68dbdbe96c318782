// Tools: what a model can call. A tool has a name, a description for the model, a JSON Schema of
// its arguments, and an effect class that tells the runtime what may happen to the world. The
// function is ordinary blocking C++; it runs on a worker thread with a deadline and a stop token.
//
//   perdure::ToolSpec spec{.name = "get_service_health",
//                          .description = "Current health of one service.",
//                          .parameters = schema::object().required("service", schema::string()),
//                          .effect = perdure::EffectClass::kRead};
//
// A result or an error both go to the model; write messages that it can act on. Register tools with
// Agent::add_tool.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <perdure/export.h>
#include <perdure/json.h>
#include <perdure/policy.h>
#include <perdure/result.h>

namespace perdure {

struct ToolSpec {
  std::string name;              ///< ^[a-zA-Z_][a-zA-Z0-9_-]{0,63}$
  std::string description = {};  ///< For the model: what it does, what comes back.
  Json parameters =
      Json{{"type", "object"}};  ///< JSON Schema (2020-12, or draft-07 with $schema) of an object.
  EffectClass effect = EffectClass::kDestructive;
  std::int64_t timeout_ms = 120'000;
};

/// What a tool gets beside its arguments. Valid during the call.
struct ToolContext {
  std::string run_id;
  std::int64_t step = 0;
  std::int64_t call = 0;        ///< Index of the call in its step.
  std::string idempotency_key;  ///< The same when the runtime repeats this call after a crash; new
                                ///< for a new call.
  std::string workspace;        ///< Absolute path of the run's workspace.
  std::int64_t deadline_ms =
      0;                 ///< CLOCK_MONOTONIC milliseconds at which the call counts as failed.
  std::stop_token stop;  ///< Set when the deadline passes or the run is stopped.
};

/// What a command tool gets on its standard input.
enum class CommandInput : std::uint8_t {
  kNone,  ///< /dev/null.
  kJson,  ///< The arguments as one JSON object.
};

/// A tool that is a program: an operator gives it to the model without writing C++. The arguments
/// go into the program's argument list one by one, never through a shell, or as JSON to its
/// standard input.
struct CommandTool {
  ToolSpec spec;
  /// "{name}" stands for an argument of that name, "{agent_dir}" for `directory`. An element that
  /// is only a placeholder disappears when the argument is absent, and becomes several elements for
  /// an array. A text that begins with "-" is refused where the program would take it for an
  /// option: before a "--".
  std::vector<std::string> argv;
  CommandInput input = CommandInput::kNone;
  std::string directory = {};  ///< The folder of the agent file.
  std::vector<std::string> environment =
      {};  ///< Names of variables that are passed on to it beside the usual ones.
};

/// Arguments in, value out. A JSON string is given to the model as its text, everything else as
/// JSON.
using ToolFunction = std::function<Result<Json>(const Json& arguments, ToolContext& context)>;

}  // namespace perdure
