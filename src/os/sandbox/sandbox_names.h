// The spelling of the box's options, in files and in the journal.
#pragma once

#include <perdure/sandbox.h>

#include "base/names.h"

namespace perdure {

inline constexpr NameTable<SandboxMode, 3> kSandboxModeNames = {{
    {SandboxMode::kReadOnly, "read-only"},
    {SandboxMode::kWorkspaceWrite, "workspace-write"},
    {SandboxMode::kFullAccess, "full-access"},
}};

inline constexpr NameTable<SandboxNetwork, 3> kSandboxNetworkNames = {{
    {SandboxNetwork::kOff, "off"},
    {SandboxNetwork::kLoopback, "loopback"},
    {SandboxNetwork::kOn, "on"},
}};

inline constexpr std::array<std::string_view, 4> kSandboxFeatures = {"namespaces", "proc",
                                                                     "landlock", "seccomp"};

}  // namespace perdure
