// Functions that the host runs itself, like Moonshot's $web_search: the model calls one, and its
// arguments go back as the result, byte for byte. The host then puts in what it has found.
#pragma once

#include <string>
#include <string_view>

#include <perdure/result.h>

#include "tools/tool.h"

namespace perdure {

/// "$web_search"
bool is_host_function(std::string_view name);

/// Errors: kConfig for a name that is none.
Result<Tool> make_host_function(const std::string& name);

}  // namespace perdure
