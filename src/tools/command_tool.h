// Makes a tool of a program (perdure/tool.h, CommandTool): checks the template and fills it with
// the arguments of a call.
#pragma once

#include <string>
#include <vector>

#include <perdure/result.h>
#include <perdure/tool.h>

#include "tools/tool.h"

namespace perdure {

/// Errors: kConfig for an empty argv, a program that the model would choose, or a placeholder that
/// the schema has no property for.
Result<Tool> make_command_tool(const CommandTool& command);

/// The argument list for these arguments. A text that begins with "-" where the program would take
/// it for an option is refused (attack A49), unless "--" stands before it.
Result<std::vector<std::string>> fill_argv(const CommandTool& command, const Json& arguments);

}  // namespace perdure
