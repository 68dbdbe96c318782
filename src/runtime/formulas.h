// Formula tools of Moonshot: the host says which functions a formula has, the model calls them like
// any other, and each call is run there as a fiber. What comes back may be encrypted: then only the
// host's models can read it, and it goes to them as it came.
#pragma once

#include <string>
#include <vector>

#include <perdure/result.h>

#include "model/catalog.h"
#include "tools/tool.h"

namespace perdure {

/// Whether this is the URI of a formula: "moonshot/web-search:latest". Errors: kConfig.
Status check_formula(const std::string& uri);

/// Its tools. Waits for the host: not from the loop's thread. Errors: kConfig, kUnsupported for a
/// host without formulas, those of the transport and of the host.
Result<std::vector<Tool>> load_formula(const Endpoint& endpoint, const std::string& uri);

}  // namespace perdure
