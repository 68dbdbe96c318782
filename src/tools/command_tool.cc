#include "tools/command_tool.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "json/parse.h"

namespace perdure {
namespace {

constexpr std::string_view kAgentDirectory = "agent_dir";

struct Placeholder {
  std::size_t start = 0;
  std::size_t end = 0;  // behind the brace
  std::string name;
};

// The next "{name}" at or after `from`; a brace that is not followed by a name and a brace is text.
std::optional<Placeholder> find_placeholder(std::string_view text, std::size_t from) {
  constexpr std::string_view kNameCharacters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  for (std::size_t open = text.find('{', from); open != std::string_view::npos;
       open = text.find('{', open + 1)) {
    const std::size_t close = text.find_first_not_of(kNameCharacters, open + 1);
    if (close == std::string_view::npos || text[close] != '}' || close == open + 1) continue;
    return Placeholder{.start = open,
                       .end = close + 1,
                       .name = std::string(text.substr(open + 1, close - open - 1))};
  }
  return std::nullopt;
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : json::dump(value);
}

// Whether a program takes this element for an option although the template does not say so.
bool is_option(std::string_view element, const std::vector<std::string>& before) {
  const bool after_dashes = std::find(before.begin(), before.end(), "--") != before.end();
  return !after_dashes && element.substr(0, 1) == "-";
}

Status check_operand(const Json& value, std::string_view name,
                     const std::vector<std::string>& argv) {
  // A number may be negative: the schema says which it may be.
  if (!value.is_string() || !is_option(value.get<std::string>(), argv)) return {};
  return Error{.code = ErrorCode::kInvalidArguments,
               .message = fmt::format(
                   "'{}' must not begin with '-': the program would take it for an option", name)};
}

// An element of the template that is one placeholder and nothing else: becomes none, one or several
// elements.
Status append_whole(const Json& arguments, const std::string& name,
                    std::vector<std::string>& argv) {
  const auto found = arguments.find(name);
  if (found == arguments.end() || found->is_null()) return {};
  const std::vector<Json> values =
      found->is_array() ? found->get<std::vector<Json>>() : std::vector<Json>{*found};
  for (const Json& value : values) {
    if (Status status = check_operand(value, name, argv); !status.ok()) return status;
    argv.push_back(text_of(value));
  }
  return {};
}

std::string fill_element(const CommandTool& command, const std::string& element,
                         const Json& arguments) {
  std::string out;
  std::size_t at = 0;
  while (const std::optional<Placeholder> next = find_placeholder(element, at)) {
    out += element.substr(at, next->start - at);
    if (next->name == kAgentDirectory) {
      out += command.directory;
    } else if (const auto value = arguments.find(next->name); value != arguments.end()) {
      out += text_of(*value);
    }
    at = next->end;
  }
  return out + element.substr(at);
}

}  // namespace

Result<std::vector<std::string>> fill_argv(const CommandTool& command, const Json& arguments) {
  std::vector<std::string> argv;
  for (const std::string& element : command.argv) {
    const std::optional<Placeholder> first = find_placeholder(element, 0);
    const bool whole = first && first->start == 0 && first->end == element.size() &&
                       first->name != kAgentDirectory;
    if (whole) {
      if (Status status = append_whole(arguments, first->name, argv); !status.ok())
        return status.error();
    } else {
      std::string filled = fill_element(command, element, arguments);
      const bool starts_with_argument = first && first->start == 0;
      if (starts_with_argument) {
        const Status status = check_operand(filled, first->name, argv);
        if (!status.ok()) return status.error();
      }
      argv.push_back(std::move(filled));
    }
  }
  for (const std::string& element : argv) {
    if (element.find('\0') != std::string::npos) {
      return Error{.code = ErrorCode::kInvalidArguments,
                   .message = "an argument holds a NUL character"};
    }
  }
  return argv;
}

Result<Tool> make_command_tool(const CommandTool& command) {
  if (command.argv.empty() || command.argv[0].empty()) {
    return Error{.code = ErrorCode::kConfig,
                 .message = fmt::format("the command of tool '{}' is empty", command.spec.name)};
  }
  const std::optional<Placeholder> program = find_placeholder(command.argv[0], 0);
  if (program && program->name != kAgentDirectory) {
    return Error{
        .code = ErrorCode::kConfig,
        .message = fmt::format("the program of tool '{}' is {{{}}}: a model must not choose it",
                               command.spec.name, program->name),
        .advice = "name the program, or one tool for each"};
  }
  const Json properties = command.spec.parameters.value("properties", Json::object());
  std::vector<std::string> names;
  for (const auto& [name, schema] : properties.items()) names.push_back(name);
  for (const std::string& element : command.argv) {
    std::size_t at = 0;
    while (const std::optional<Placeholder> next = find_placeholder(element, at)) {
      at = next->end;
      if (next->name == kAgentDirectory || properties.contains(next->name)) continue;
      const std::optional<std::string> meant = nearest(next->name, names);
      return Error{
          .code = ErrorCode::kConfig,
          .message = fmt::format(
              "the command of tool '{}' uses {{{}}}, which is no property of its parameters",
              command.spec.name, next->name),
          .advice = meant ? fmt::format("did you mean {{{}}}?", *meant)
                          : "properties: " + join(names, ", ")};
    }
  }
  ProcessTool process{.merge_errors = false};
  process.plan = [command](const Json& arguments,
                           const CallContext& context) -> Result<ProcessSpec> {
    Result<std::vector<std::string>> argv = fill_argv(command, arguments);
    if (!argv.ok()) return argv.error();
    ProcessSpec plan{.argv = std::move(*argv),
                     .environment = command_environment(command.environment),
                     .timeout_ms = command.spec.timeout_ms};
    plan.environment.push_back("PERDURE_IDEMPOTENCY_KEY=" + context.idempotency_key);
    if (command.input == CommandInput::kJson) plan.input = json::dump(arguments) + "\n";
    return plan;
  };
  return Tool{.spec = command.spec,
              .body = std::move(process),
              .preview = [command](const Json& arguments, const CallContext&) {
                const Result<std::vector<std::string>> argv = fill_argv(command, arguments);
                if (!argv.ok()) return argv.error().message;
                std::string text = shell_join(*argv);
                if (command.input == CommandInput::kJson) text += "\n" + json::dump(arguments, 2);
                return text;
              }};
}

}  // namespace perdure
