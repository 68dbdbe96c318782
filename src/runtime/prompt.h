// The system prompt: the agent's instructions, what every agent must know of the runtime, and the
// workspace's own notes.
#pragma once

#include <string>

#include <perdure/agent.h>

#include "os/workspace.h"

namespace perdure {

/// Largest part of AGENTS.md that is read.
inline constexpr std::size_t kAgentsMdBytesMax = 32 * 1024;

/// `date` is "2026-11-20": the day alone, so that a prompt made twice on a day is the same.
std::string make_system_prompt(const AgentOptions& options, const Workspace& workspace,
                               const std::string& date);

}  // namespace perdure
