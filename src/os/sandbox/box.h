// What the runtime and the helper of the box say to each other.
#pragma once

#include <cstdint>

namespace perdure {

/// Where making a box failed. The names of features that a kernel may lack are those of
/// sandbox.cc.
enum class BoxStage : std::uint8_t {
  kPlan,
  kNamespaces,
  kMounts,
  kProc,
  kLandlock,
  kRights,
  kSeccomp,
  kDirectory,
  kExec,
};

struct BoxFailure {
  int error;  ///< errno
  BoxStage stage;
  char what[240];  ///< The path or the call that failed, cut.
};

/// The words before a path, in the plan that the helper is given.
enum class BoxWord : std::uint8_t {
  kRead,    ///< Seen as it is outside, read-only.
  kWrite,   ///< Seen as it is outside.
  kDevice,  ///< A device node, or a folder of them.
  kEmpty,   ///< A folder of the box's own, empty at first, in memory.
  kLink,    ///< A symbolic link; a second word says where to.
  kHide,  ///< Covered. A second word says which file it must be ("DEVICE:INODE"); "-": any or none.
  kWorkspaceRead,   ///< The workspace, by its descriptor.
  kWorkspaceWrite,  ///< The same, with the right to write.
};

struct BoxWordName {
  const char* name;
  BoxWord word;
};

inline constexpr BoxWordName kBoxWordNames[] = {
    {"read", BoxWord::kRead},
    {"write", BoxWord::kWrite},
    {"device", BoxWord::kDevice},
    {"empty", BoxWord::kEmpty},
    {"link", BoxWord::kLink},
    {"hide", BoxWord::kHide},
    {"workspace-read", BoxWord::kWorkspaceRead},
    {"workspace-write", BoxWord::kWorkspaceWrite},
};

}  // namespace perdure
