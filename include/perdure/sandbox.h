// The box in which commands run: what they see of the machine, and what they may change
// (docs/sandbox.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace perdure {

enum class SandboxMode : std::uint8_t {
  kReadOnly,        ///< Nothing of the workspace can be changed.
  kWorkspaceWrite,  ///< The workspace can be changed, nothing else.
  kFullAccess,      ///< No box: commands may do what the user may.
};

enum class SandboxNetwork : std::uint8_t {
  kOff,       ///< No sockets of the internet families.
  kLoopback,  ///< 127.0.0.1 and ::1 of the box's own: for tests that start a server.
  kOn,        ///< The machine's network.
};

struct SandboxOptions {
  SandboxMode mode = SandboxMode::kFullAccess;
  SandboxNetwork network = SandboxNetwork::kOff;
  std::vector<std::string> read = {};   ///< Paths that commands may read besides the toolchain's.
  std::vector<std::string> write = {};  ///< Folders that commands may change besides the workspace.
  /// Features of the kernel that may be absent: "namespaces", "proc", "landlock", "seccomp". A run
  /// is refused where one is missing that is not named here.
  std::vector<std::string> accept_missing = {};
  std::int64_t processes_max = 1'024;  ///< At once, in the box of one command.
};

}  // namespace perdure
