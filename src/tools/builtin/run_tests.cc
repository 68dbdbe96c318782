#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "base/utf8.h"
#include "json/parse.h"
#include "tools/builtin/arguments.h"
#include "tools/builtin/builtin.h"

namespace perdure {
namespace {

struct Framework {
  const char* marker;  ///< A file that says which one it is.
  std::vector<std::string> command;
};

// Looked for in this order when the agent names no test command.
const std::vector<Framework>& frameworks() {
  static const std::vector<Framework> table = {
      {"pytest.ini", {"python3", "-m", "pytest", "-q"}},
      {"pyproject.toml", {"python3", "-m", "pytest", "-q"}},
      {"setup.cfg", {"python3", "-m", "pytest", "-q"}},
      {"Cargo.toml", {"cargo", "test"}},
      {"go.mod", {"go", "test", "./..."}},
      {"package.json", {"npm", "test", "--silent", "--"}},
      {"CTestTestfile.cmake", {"ctest", "--output-on-failure"}},
      {"Makefile", {"make", "test"}},
  };
  return table;
}

Result<std::vector<std::string>> test_command(const BuiltinOptions& options,
                                              const CallContext& context) {
  if (!options.test_command.empty()) return options.test_command;
  for (const Framework& framework : frameworks()) {
    if (context.files->exists(framework.marker)) return framework.command;
  }
  return Error{.code = ErrorCode::kNotFound,
               .message = "no test command is configured, and the workspace does not show one",
               .advice = "Run the tests with run_command."};
}

Result<std::vector<std::string>> full_command(const BuiltinOptions& options, const Json& arguments,
                                              const CallContext& context) {
  Result<std::vector<std::string>> command = test_command(options, context);
  if (!command.ok()) return command.error();
  for (const Json& argument : arguments.value("arguments", Json::array())) {
    command->push_back(argument.get<std::string>());
  }
  return command;
}

// Nobody is asked about a command that the operator named, so a model only says which tests: an
// option could make the runner load code or write anywhere (attacks A49, A50).
Status check_arguments(const BuiltinOptions& options, const Json& arguments) {
  if (options.test_command.empty()) return {};
  for (const Json& argument : arguments.value("arguments", Json::array())) {
    const std::string text = argument.get<std::string>();
    if (text.empty() || text[0] != '-') continue;
    return Error{.code = ErrorCode::kInvalidArguments,
                 .message = fmt::format("run_tests takes no options, and '{}' is one",
                                        printable(utf8_prefix(text, 100))),
                 .advice = "Name tests only, or use run_command."};
  }
  return {};
}

}  // namespace

Tool make_run_tests(const BuiltinOptions& options) {
  ProcessTool process;
  process.plan = [options](const Json& arguments,
                           const CallContext& context) -> Result<ProcessSpec> {
    Result<std::vector<std::string>> command = full_command(options, arguments, context);
    if (!command.ok()) return command.error();
    return ProcessSpec{.argv = std::move(*command),
                       .environment = command_environment(options.passed_on),
                       .timeout_ms = options.test_timeout_ms};
  };
  // A command that the operator named may run freely and again; one that was guessed is like any
  // other command.
  const EffectClass effect =
      options.test_command.empty() ? EffectClass::kDestructive : EffectClass::kIdempotent;
  return {.spec = {.name = "run_tests",
                   .description = "Run the project's tests.",
                   .parameters = json::literal(R"({"type":"object","properties":{
                       "arguments":{"type":"array","items":{"type":"string"},
                           "description":"For the test runner, like a test file"}},
                       "additionalProperties":false})"),
                   .effect = effect,
                   .timeout_ms = options.test_timeout_ms},
          .scope = [options](const Json& arguments, const std::string&) -> Result<CallScope> {
            if (Status status = check_arguments(options, arguments); !status.ok())
              return status.error();
            std::vector<std::string> shown = options.test_command;
            for (const Json& argument : arguments.value("arguments", Json::array())) {
              shown.push_back(argument.get<std::string>());
            }
            return CallScope{.exclusive = true, .summary = "run_tests " + shell_join(shown)};
          },
          .body = std::move(process),
          .preview =
              [options](const Json& arguments, const CallContext& context) {
                const Result<std::vector<std::string>> command =
                    full_command(options, arguments, context);
                return command.ok() ? shell_join(*command) : command.error().message;
              }};
}

}  // namespace perdure
