// The definition of an agent as JSON, as the journal keeps it: everything but keys and C++
// functions.
#pragma once

#include <string>
#include <string_view>

#include <perdure/agent.h>
#include <perdure/result.h>

namespace perdure {

std::string agent_to_json(const AgentOptions& options);
/// Errors: kCorrupt.
Result<AgentOptions> agent_from_json(std::string_view json);

/// `mode` is "default", "off", "on" or "keep". Errors: kInvalidArgument.
Result<Thinking> parse_thinking(std::string_view mode);

}  // namespace perdure
