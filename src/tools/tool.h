// A tool as the runtime knows it: what the model is told, what a call would touch, and how it runs.
// A tool runs either as a function on a worker thread, or as a process that the loop supervises;
// both end in a ToolOutcome for the model.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <perdure/json.h>
#include <perdure/result.h>
#include <perdure/tool.h>

#include "core/event.h"
#include "core/run.h"
#include "json/schema/schema.h"
#include "os/process.h"
#include "os/workspace.h"
#include "store/blobs.h"

namespace perdure {

/// Shown to the model of one output; the rest goes to a blob that read_output pages through.
inline constexpr std::size_t kShownBytesMax = 32 * 1024;

/// What a call would touch, found out without running it.
struct CallScope {
  std::vector<std::string> reads;  ///< Paths relative to the workspace.
  std::vector<std::string> writes;
  bool exclusive = false;  ///< May touch anything.
  std::string summary;     ///< One line for people; empty for "name arguments".
};

/// What a call of a built-in tool sees beside its arguments.
struct CallContext : ToolContext {
  const Workspace* files = nullptr;
  const Blobs* blobs = nullptr;
  std::shared_ptr<const Sandbox> sandbox;  ///< Of processes; absent where they run without a box.
  /// Content hashes as the model last knew them, for the paths of the call's scope.
  std::map<std::string, std::string> known_hashes;
  /// What read_output can page through, by "step.call".
  std::map<std::string, StoredOutput> stored_outputs;
  /// The text of the arguments as it came, for functions of the host.
  std::string arguments;
};

/// What came of a call.
struct ToolOutcome {
  CallStatus status = CallStatus::kOk;
  std::string text;
  std::vector<FileTouch> files;
  std::size_t shown_bytes_max = kShownBytesMax;  ///< More for tools that page by themselves.
};

/// An outcome that says what went wrong, with the advice if there is one.
ToolOutcome failure(const Error& error);

using ToolBody = std::function<ToolOutcome(const Json& arguments, CallContext& context)>;

/// What a process left, for a ProcessTool to make words of.
struct ProcessReport {
  ProcessExit exit;
  std::string output;  ///< Standard output; with standard error in between when they were merged.
  std::string errors;
};

/// A tool that is a process.
struct ProcessTool {
  bool merge_errors = true;  ///< Standard error joins standard output, in the order of writing.
  /// Errors become the outcome. `directory` is set by the caller.
  std::function<Result<ProcessSpec>(const Json& arguments, const CallContext& context)> plan;
  /// Empty: exit status and output as they are.
  std::function<ToolOutcome(ProcessReport report)> read;
};

/// What a look at the world says about a call whose process died while it ran.
enum class ProbeVerdict : std::uint8_t { kDone, kNotDone, kUnknown };

struct Probe {
  ProbeVerdict verdict = ProbeVerdict::kUnknown;
  ToolOutcome outcome;  ///< For kDone.
};

struct Tool {
  ToolSpec spec;
  std::shared_ptr<const Schema> schema;  ///< Compiled from spec.parameters by the registry.
  /// Errors: a path that is no path, or leads out of the workspace. Empty: nothing is declared.
  std::function<Result<CallScope>(const Json& arguments, const std::string& workspace)> scope;
  std::variant<ToolBody, ProcessTool> body;
  bool by_host = false;  ///< The host runs it (tools/host_function.h).
  /// The exact change or command, for the person who is asked. Empty: the arguments are shown.
  std::function<std::string(const Json& arguments, const CallContext& context)> preview;
  /// Empty: nothing can be found out.
  std::function<Probe(const Json& arguments, const CallContext& context)> probe;
};

/// Exit status and output, for the model: what a command tool without a reader of its own answers.
ToolOutcome read_process(ProcessReport report);

/// The environment of a command: a short allow-list of this process's variables, and what the agent
/// passes on by name. Keys are never in it.
std::vector<std::string> command_environment(const std::vector<std::string>& passed_on);

}  // namespace perdure
