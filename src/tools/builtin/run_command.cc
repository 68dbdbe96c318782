#include <algorithm>

#include "json/parse.h"
#include "tools/builtin/arguments.h"
#include "tools/builtin/builtin.h"

namespace perdure {
namespace {

constexpr std::int64_t kTimeoutMax_s = 3'600;

}  // namespace

Tool make_run_command(const BuiltinOptions& options) {
  ProcessTool process;
  process.plan = [options](const Json& arguments, const CallContext&) -> Result<ProcessSpec> {
    const std::int64_t timeout_s =
        integer_argument(arguments, "timeout_s", options.command_timeout_ms / 1000);
    return ProcessSpec{.argv = {"/bin/sh", "-c", text_argument(arguments, "command")},
                       .environment = command_environment(options.passed_on),
                       .timeout_ms = std::min(timeout_s, kTimeoutMax_s) * 1000};
  };
  return {
      .spec =
          {.name = "run_command",
           .description =
               "Run a shell command in the workspace. No input, no terminal; everything it starts "
               "ends with it.",
           .parameters = json::literal(R"({"type":"object","properties":{
                       "command":{"type":"string","minLength":1},
                       "timeout_s":{"type":"integer","minimum":1,"maximum":3600,
                           "description":"Default 120"}},
                       "required":["command"],"additionalProperties":false})"),
           .effect = EffectClass::kDestructive,
           .timeout_ms = kTimeoutMax_s * 1000},
      .scope = [](const Json& arguments, const std::string&) -> Result<CallScope> {
        return CallScope{.exclusive = true, .summary = text_argument(arguments, "command")};
      },
      .body = std::move(process),
      .preview = [](const Json& arguments,
                    const CallContext&) { return text_argument(arguments, "command"); }};
}

}  // namespace perdure
