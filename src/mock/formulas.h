// Formula tools of the scripted endpoint: two of Moonshot's, which answer with what they were
// asked.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mock/chat.h"
#include "mock/http_request.h"

namespace perdure::mock {

/// "/formulas/URI/tools" and "/formulas/URI/fibers".
bool is_formula_path(std::string_view resource);

/// The body of the answer, or why it is refused.
std::optional<Refusal> answer_formula(std::string_view resource, const ReceivedRequest& request,
                                      std::string& answer);

}  // namespace perdure::mock
