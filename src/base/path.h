// Paths as text: what a path of the model means, before any file is touched. The kernel enforces
// confinement (os/workspace.h); this decides early, purely, and with an error that says what is
// wrong.
#pragma once

#include <string>
#include <string_view>

#include <perdure/result.h>

namespace perdure {

inline constexpr std::size_t kPathBytesMax = 4096;
inline constexpr std::size_t kPathNameBytesMax = 255;

/// The path relative to `root` ("." for the root itself), without ".", ".." and repeated slashes.
/// An absolute path must lie below `root`. Errors: kInvalidPath (empty, NUL byte, too long),
/// kPathEscape.
Result<std::string> relative_path(std::string_view root, std::string_view path);

/// "a/b" + "c" is "a/b/c"; "." + "c" is "c".
std::string join_path(std::string_view directory, std::string_view name);
/// "a/b/c" is "a/b"; "c" is ".".
std::string_view parent_path(std::string_view path);
std::string_view file_name(std::string_view path);

/// Whether a path without ".." is this folder or lies below it; both absolute, or both relative.
bool is_below(std::string_view path, std::string_view folder);

/// Whether writing this relative path could change how git behaves on the host: ".gitmodules", and
/// anything that is or lies below ".git", in every spelling that some file system takes for these.
/// Such paths are read-only to file tools.
bool is_protected_path(std::string_view path);

/// Matches a relative path against a pattern: "*" and "?" within one name, "**" over names,
/// "[a-z]", "[!a-z]", "{a,b}". A pattern without a slash matches the last name alone.
bool glob_match(std::string_view pattern, std::string_view path);

}  // namespace perdure
