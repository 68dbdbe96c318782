// The directory tree that a run may touch, held by descriptor. Every path is opened by openat2
// beneath that descriptor (RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS), so that neither "..", nor a
// symbolic link, nor a race between a check and an open leads out of it; replacing the directory's
// name does not move it either. Linux 5.6 or newer.
//
// Paths are relative to the root (see base/path.h). Safe to use from several threads.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/result.h>

#include "os/descriptor.h"

namespace perdure {

struct FileContent {
  std::string bytes;
  std::string hash;  ///< SHA-256 in hexadecimal.
};

struct DirectoryEntry {
  std::string name;
  enum class Kind : std::uint8_t { kFile, kDirectory, kLink, kOther } kind = Kind::kOther;
  std::uint64_t size = 0;
};

/// What must be true of a file for a write to go ahead.
struct WriteCondition {
  enum class Kind : std::uint8_t { kAny, kAbsent, kUnchanged } kind = Kind::kAny;
  std::string hash = {};  ///< For kUnchanged: the hash that was read.
};

class Workspace {
 public:
  /// Opens the directory and pins it. `own_directories` are Perdure's: what lies in them is not
  /// written even when they lie in the workspace (attack A18). Errors: kWorkspace; kUnsupported
  /// when the kernel has no openat2.
  static Result<Workspace> open(const std::string& path,
                                const std::vector<std::string>& own_directories = {});

  /// The absolute path without symbolic links, at the time of opening.
  const std::string& path() const { return path_; }
  int descriptor() const { return root_.get(); }
  /// Errors: kWorkspace when files cannot be created in it.
  Status check_writable() const;

  /// Whether a path names something, following links beneath the root.
  bool exists(const std::string& path) const;
  /// A regular file's content. Errors: kNotFound, kPathEscape, kNotRegular, kTooLarge.
  Result<FileContent> read_file(const std::string& path, std::size_t bytes_max) const;
  /// Replaces or creates a file in one step (temporary file, fsync, rename), making missing
  /// directories. An existing file keeps its mode and, where this process may say so, its owner;
  /// other hard links to it keep the old content. A link at the end of the path is followed.
  /// Returns the hash of what was written. Errors: kFileChanged when the condition does not hold or
  /// the file changes meanwhile, kPathEscape, kNotRegular, kProtected (wherever links lead).
  Result<std::string> write_file(const std::string& path, std::string_view bytes,
                                 const WriteCondition& condition) const;
  /// The entries of a directory in the order of their names; links are not followed.
  Result<std::vector<DirectoryEntry>> list(const std::string& path) const;

 private:
  Workspace(Descriptor root, std::string path, std::vector<std::string> own_directories);
  Result<Descriptor> open_beneath(const std::string& path, int flags) const;
  Result<Descriptor> open_directory_for_writing(std::string_view path) const;
  Result<std::string> follow_link(const std::string& path) const;
  Result<std::string> place_of(const Descriptor& directory, const std::string& path) const;
  Status check_unprotected(std::string_view place, const std::string& path) const;
  bool in_git_directory(std::string_view place) const;

  Descriptor root_;
  std::string path_;
  std::vector<std::string> own_directories_;  // relative to the root
  std::unique_ptr<std::mutex> moving_;        // held while a new content takes its place
};

}  // namespace perdure
