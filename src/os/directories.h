// Where a user's files are (XDG Base Directory Specification), and whole small files.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <perdure/result.h>

#include "os/descriptor.h"

namespace perdure {

/// $XDG_CONFIG_HOME/perdure, or ~/.config/perdure.
std::string config_directory();
/// $XDG_STATE_HOME/perdure, or ~/.local/state/perdure.
std::string state_directory();
/// The home directory without a trailing slash; empty when there is none.
std::string home_directory();
/// A leading "~/" replaced by the home directory.
std::string expand_home(std::string_view path);
/// Absolute and without symbolic links; the path unchanged when it does not exist.
std::string real_path(const std::string& path);

/// Makes the directory and its parents, mode 0700 for those that are new.
Status make_directories(const std::string& path);
Result<std::string> read_whole_file(const std::string& path, std::size_t bytes_max);
/// Replaces the file in one step, mode 0600.
Status replace_file(const std::string& path, std::string_view bytes);

/// Holds an exclusive lock on a file until destroyed, or until the process dies in any way.
class LockFile {
 public:
  /// Errors: kLocked when another process holds it.
  static Result<LockFile> acquire(const std::string& path);

 private:
  explicit LockFile(Descriptor file) : file_(std::move(file)) {}
  Descriptor file_;
};

}  // namespace perdure
