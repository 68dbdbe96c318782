#include "tools/registry.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/text.h"
#include "base/tool_name.h"
#include "base/utf8.h"
#include "json/parse.h"

namespace perdure {
namespace {

constexpr std::size_t kSummaryBytesMax = 200;
constexpr std::size_t kViolationsMax = 5;

Error invalid_arguments(std::string message, std::string advice = {}) {
  return {.code = ErrorCode::kInvalidArguments,
          .message = std::move(message),
          .advice = std::move(advice)};
}

bool has_required_fields(const Json& schema) {
  const auto required = schema.find("required");
  return required != schema.end() && required->is_array() && !required->empty();
}

// Fault N66: an empty text stands for {}, and arguments that were encoded twice are decoded once
// more, only where nothing can go wrong by it. Anything else that is no object is refused, never
// repaired.
Result<Json> read_arguments(const ToolCall& call, const Tool& tool) {
  const bool is_harmless = tool.spec.effect <= EffectClass::kRead;
  if (trim(call.arguments).empty()) {
    if (is_harmless && !has_required_fields(tool.spec.parameters)) return Json::object();
    return invalid_arguments("the call has no arguments", "Send the arguments as a JSON object.");
  }
  Result<Json> parsed = json::parse(call.arguments);
  if (parsed.ok() && parsed->is_string()) {
    if (!is_harmless) {
      return invalid_arguments("the arguments must be a JSON object, not string",
                               "Send the object itself, not its text inside of a string.");
    }
    parsed = json::parse(parsed->get<std::string>());
  }
  if (!parsed.ok()) {
    const std::string shown =
        printable(to_valid_utf8(utf8_prefix(call.arguments, kSummaryBytesMax)));
    return invalid_arguments(
        fmt::format("the arguments are {} ({})", parsed.error().message, parsed.error().context),
        "You sent: " + shown + "\nSend the call again with complete, valid JSON.");
  }
  if (!parsed->is_object()) {
    return invalid_arguments(
        fmt::format("the arguments must be a JSON object, not {}", parsed->type_name()));
  }
  return parsed;
}

Status check_schema(const Tool& tool, const Json& arguments) {
  const std::vector<Violation> violations = tool.schema->validate(arguments, kViolationsMax);
  if (violations.empty()) return {};
  std::string message = fmt::format("the arguments do not fit the schema of {}:", tool.spec.name);
  for (const Violation& violation : violations) {
    message += "\n- ";
    if (!violation.path.empty()) message += violation.path + ": ";
    message += violation.message;
  }
  return invalid_arguments(std::move(message));
}

Error unknown_tool(const std::string& name, const std::vector<std::shared_ptr<const Tool>>& tools) {
  std::vector<std::string> names;
  for (const auto& tool : tools) names.push_back(tool->spec.name);
  const std::optional<std::string> meant = nearest(name, names);
  return {.code = ErrorCode::kUnknownTool,
          .message = fmt::format("there is no tool named '{}'", name),
          .advice = (meant ? fmt::format("Did you mean '{}'? ", *meant) : "") +
                    "The tools are: " + join(names, ", ") + "."};
}

std::string call_hash(const std::string& name, std::string_view arguments) {
  Hasher hasher;
  hasher.update(name);
  hasher.update(std::string_view("\0", 1));
  hasher.update(arguments);
  return to_hex(hasher.finish());
}

}  // namespace

Status Registry::add(Tool tool) {
  const std::string& name = tool.spec.name;
  const std::string_view plain = std::string_view(name).substr(tool.by_host ? 1 : 0);
  if (Status status = check_tool_name(plain); !status.ok()) return status;
  if (find(name) != nullptr) {
    return Error{.code = ErrorCode::kConfig,
                 .message = fmt::format("there are two tools named '{}'", name),
                 .advice = "give one of them another name"};
  }
  const Json& parameters = tool.spec.parameters;
  if (!parameters.is_object() || parameters.value("type", Json("object")) != Json("object")) {
    return Error{.code = ErrorCode::kConfig,
                 .message = fmt::format(
                     "the parameters of tool '{}' must be a schema of type object", name)};
  }
  Result<Schema> schema = Schema::compile(parameters);
  if (!schema.ok()) {
    return Error{.code = ErrorCode::kConfig,
                 .message = fmt::format("the parameters of tool '{}' are not a JSON Schema: {}",
                                        name, schema.error().message),
                 .context = schema.error().context};
  }
  tool.schema = std::make_shared<const Schema>(std::move(*schema));
  tools_.push_back(std::make_shared<const Tool>(std::move(tool)));
  return {};
}

const Tool* Registry::find(std::string_view name) const {
  for (const auto& tool : tools_) {
    if (tool->spec.name == name) return tool.get();
  }
  return nullptr;
}

PreparedCall Registry::prepare(const ToolCall& call, const std::string& workspace) const {
  PreparedCall prepared;
  Assessment& assessment = prepared.assessment;
  const std::string shown_arguments =
      printable(to_valid_utf8(utf8_prefix(call.arguments, kSummaryBytesMax)));
  assessment.summary = fmt::format("{} {}", call.name, shown_arguments);
  assessment.hash = call_hash(call.name, call.arguments);
  const Tool* tool = find(call.name);
  if (tool == nullptr) {
    assessment.problem = unknown_tool(call.name, tools_);
    return prepared;
  }
  assessment.effect = tool->spec.effect;
  const Result<Json> arguments = read_arguments(call, *tool);
  if (!arguments.ok()) {
    assessment.problem = arguments.error();
    return prepared;
  }
  assessment.hash = call_hash(call.name, json::dump(*arguments));
  if (Status status = check_schema(*tool, *arguments); !status.ok()) {
    assessment.problem = status.error();
    return prepared;
  }
  CallScope scope;
  if (tool->scope) {
    Result<CallScope> declared = tool->scope(*arguments, workspace);
    if (!declared.ok()) {
      assessment.problem = declared.error();
      return prepared;
    }
    scope = std::move(*declared);
  } else {
    // Nothing is known of what it touches: what reads may read anything, and what may change the
    // world waits for its neighbours.
    if (tool->spec.effect == EffectClass::kRead) scope.reads = {"."};
    scope.exclusive = tool->spec.effect >= EffectClass::kIdempotent;
  }
  if (!scope.summary.empty()) assessment.summary = scope.summary;
  // What is written says more to a person than the beginning of its content.
  if (scope.summary.empty() && !scope.writes.empty())
    assessment.summary = fmt::format("{} {}", call.name, printable(join(scope.writes, " ")));
  assessment.reads = std::move(scope.reads);
  assessment.writes = std::move(scope.writes);
  assessment.exclusive = scope.exclusive;
  prepared.tool = tool;
  prepared.arguments = std::make_shared<const Json>(std::move(*arguments));
  return prepared;
}

}  // namespace perdure
