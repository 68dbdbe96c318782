// Walks a directory tree of the workspace: in the order of names, never through links, bounded in
// entries and depth. Version control and what .gitignore names are left out unless asked for.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "os/workspace.h"

namespace perdure {

inline constexpr std::size_t kWalkEntriesMax = 200'000;
inline constexpr std::size_t kWalkDepthMax = 64;

struct WalkOptions {
  std::size_t depth_max = kWalkDepthMax;
  bool include_ignored = false;
};

struct WalkEntry {
  std::string path;  ///< Relative to the workspace.
  DirectoryEntry::Kind kind = DirectoryEntry::Kind::kOther;
  std::uint64_t size = 0;
  std::size_t depth = 0;  ///< 1 for what is directly in the start.
};

/// Calls `visit` for each entry until it returns false. Errors: `start` is no directory. True when
/// everything was seen.
Result<bool> walk(const Workspace& files, const std::string& start, const WalkOptions& options,
                  const std::function<bool(const WalkEntry&)>& visit);

}  // namespace perdure
