// Which tools a host means that names none: Moonshot refuses a schema with "At path
// 'properties.city': type is not defined". Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/chat_request.h"

namespace perdure {

/// The names of the tools whose parameters have what the words call a path.
std::vector<std::string> tools_with_path(std::string_view words,
                                         const std::vector<ToolDeclaration>& tools);

}  // namespace perdure
