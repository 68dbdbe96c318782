#include "base/path.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "base/utf8.h"

namespace perdure {
namespace {

Error invalid(std::string_view path, std::string why) {
  return {.code = ErrorCode::kInvalidPath,
          .message = std::move(why),
          .context = printable(utf8_prefix(path, 200))};
}

Error escape(std::string_view root, std::string_view path) {
  return {.code = ErrorCode::kPathEscape,
          .message = fmt::format("path_escape: '{}' is outside the workspace",
                                 printable(utf8_prefix(path, 200))),
          .context = std::string(root),
          .advice = "use a path relative to the workspace"};
}

// The character at a position: a byte and the continuation bytes after it, at most three.
std::string_view character_at(std::string_view text, std::size_t at) {
  std::size_t bytes = 1;
  while (bytes < 4 && at + bytes < text.size() &&
         (static_cast<unsigned char>(text[at + bytes]) & 0xC0) == 0x80) {
    ++bytes;
  }
  return text.substr(at, bytes);
}

// What is between the brackets of "[a-z]" or "[!a-z]". Bytes of UTF-8 have the order of its
// characters.
bool in_set(std::string_view set, std::string_view character) {
  const bool negated = set[0] == '!' || set[0] == '^';
  bool found = false;
  for (std::size_t at = negated ? 1 : 0; at < set.size();) {
    const std::string_view low = character_at(set, at);
    at += low.size();
    std::string_view high = low;
    if (at + 1 < set.size() && set[at] == '-') {
      high = character_at(set, at + 1);
      at += 1 + high.size();
    }
    if (character >= low && character <= high) found = true;
  }
  return found != negated;
}

// How many bytes of the pattern match this character; 0 when they do not. Stars are no business of
// this.
std::size_t match_character(std::string_view pattern, std::string_view character) {
  if (pattern.empty()) return 0;
  if (pattern[0] == '?') return 1;
  // A closing bracket that comes first is a member of the set.
  const std::size_t first = pattern.substr(0, 2) == "[!" || pattern.substr(0, 2) == "[^" ? 2 : 1;
  const std::size_t close =
      pattern[0] == '[' ? pattern.find(']', first + 1) : std::string_view::npos;
  if (close != std::string_view::npos) {
    return in_set(pattern.substr(1, close - 1), character) ? close + 1 : 0;
  }
  return pattern.substr(0, character.size()) == character ? character.size() : 0;
}

// One name of a pattern against one name of a path. Braces are expanded before.
bool match_name(std::string_view pattern, std::string_view name) {
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_n = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_n = n;
      continue;
    }
    const std::string_view character = character_at(name, n);
    if (const std::size_t bytes = match_character(pattern.substr(p), character)) {
      p += bytes;
      n += character.size();
    } else if (star != std::string_view::npos) {
      p = star + 1;
      star_n += character_at(name, star_n).size();
      n = star_n;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool match_names(std::span<const std::string_view> pattern,
                 std::span<const std::string_view> path) {
  // reachable[j]: the pattern names so far match the first j names of the path.
  std::vector<bool> reachable(path.size() + 1, false);
  reachable[0] = true;
  for (const std::string_view name : pattern) {
    std::vector<bool> next(path.size() + 1, false);
    for (std::size_t j = 0; j <= path.size(); ++j) {
      if (name == "**") {
        next[j] = reachable[j] || (j > 0 && next[j - 1]);
      } else if (j > 0 && reachable[j - 1]) {
        next[j] = match_name(name, path[j - 1]);
      }
    }
    reachable = std::move(next);
  }
  return reachable[path.size()];
}

// "{a,b}c" becomes "ac" and "bc". At most 64 results: a pattern is written by a model.
std::vector<std::string> expand_braces(std::string_view pattern) {
  constexpr std::size_t kResultsMax = 64;
  std::vector<std::string> done;
  std::vector<std::string> open = {std::string(pattern)};
  while (!open.empty() && done.size() + open.size() <= kResultsMax) {
    const std::string text = std::move(open.back());
    open.pop_back();
    const std::size_t start = text.find('{');
    const std::size_t end = start == std::string::npos ? start : text.find('}', start);
    if (end == std::string::npos) {
      done.push_back(text);
      continue;
    }
    const std::string_view choices = std::string_view(text).substr(start + 1, end - start - 1);
    for (const std::string_view choice : split(choices, ',')) {
      open.push_back(text.substr(0, start) + std::string(choice) + text.substr(end + 1));
    }
  }
  return done;
}

// Without the characters that HFS+ does not see in a name (git's is_hfs_dotgit).
std::string without_invisible(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kRanges = {
      {{"\u200c", "\u200f"}, {"\u202a", "\u202e"}, {"\u206a", "\u206f"}, {"\ufeff", "\ufeff"}}};
  std::string out;
  for (std::size_t at = 0; at < name.size(); ++at) {
    const std::string_view three = name.substr(at, 3);
    const bool invisible = std::any_of(kRanges.begin(), kRanges.end(), [&](const auto& range) {
      return three.size() == 3 && three >= range.first && three <= range.second;
    });
    if (invisible) {
      at += 2;
    } else {
      out += name[at];
    }
  }
  return out;
}

// Whether some file system takes this name for ".git" or ".gitmodules": those that ignore case, the
// characters that HFS+ ignores, and what NTFS makes of dots and blanks at the end, of streams
// (".git::$INDEX_ALLOCATION") and of short names ("GIT~1"), as git itself refuses them.
bool is_protected_name(std::string_view name) {
  std::string plain = to_lower_ascii(without_invisible(name));
  plain = plain.substr(0, plain.find(':'));
  while (!plain.empty() && (plain.back() == '.' || plain.back() == ' ')) plain.pop_back();
  if (plain == ".git" || plain == ".gitmodules") return true;
  const std::size_t tilde = plain.find('~');
  if (tilde == std::string::npos || tilde + 1 == plain.size()) return false;
  const std::string stem = plain.substr(0, tilde);
  return (stem == "git" || stem == "gitmod") &&
         plain.find_first_not_of("0123456789", tilde + 1) == std::string::npos;
}

}  // namespace

Result<std::string> relative_path(std::string_view root, std::string_view path) {
  if (path.empty()) return invalid(path, "the path is empty");
  if (path.size() > kPathBytesMax) {
    return invalid(path, fmt::format("the path has more than {} bytes", kPathBytesMax));
  }
  if (path.find('\0') != std::string_view::npos) return invalid(path, "the path has a NUL byte");
  std::string_view rest = path;
  if (path[0] == '/') {
    const bool below = path.substr(0, root.size()) == root &&
                       (path.size() == root.size() || root == "/" || path[root.size()] == '/');
    if (!below) return escape(root, path);
    rest.remove_prefix(root.size());
  }
  std::vector<std::string_view> names;
  for (const std::string_view name : split(rest, '/')) {
    if (name.empty() || name == ".") continue;
    if (name.size() > kPathNameBytesMax) {
      return invalid(path,
                     fmt::format("a name in the path has more than {} bytes", kPathNameBytesMax));
    }
    if (name != "..") {
      names.push_back(name);
    } else if (names.empty()) {
      return escape(root, path);
    } else {
      names.pop_back();
    }
  }
  if (names.empty()) return std::string(".");
  std::string out;
  for (const std::string_view name : names) {
    if (!out.empty()) out += '/';
    out += name;
  }
  return out;
}

std::string join_path(std::string_view directory, std::string_view name) {
  if (directory.empty() || directory == ".") return std::string(name);
  if (directory.back() == '/') return fmt::format("{}{}", directory, name);
  return fmt::format("{}/{}", directory, name);
}

std::string_view parent_path(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return slash == 0 ? std::string_view("/") : path.substr(0, slash);
}

std::string_view file_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool is_below(std::string_view path, std::string_view folder) {
  while (folder.size() > 1 && folder.back() == '/') folder.remove_suffix(1);
  return path == folder || folder == "/" ||
         (path.substr(0, folder.size()) == folder && path.size() > folder.size() &&
          path[folder.size()] == '/');
}

bool is_protected_path(std::string_view path) {
  const std::vector<std::string_view> names = split(path, '/');
  return std::any_of(names.begin(), names.end(), is_protected_name);
}

bool glob_match(std::string_view pattern, std::string_view path) {
  const bool name_only = pattern.find('/') == std::string_view::npos && pattern != "**";
  const std::string_view subject = name_only ? file_name(path) : path;
  const std::vector<std::string_view> names = split(subject, '/');
  for (const std::string& expanded : expand_braces(pattern)) {
    std::string_view text = expanded;
    if (text.substr(0, 2) == "./") text.remove_prefix(2);
    if (match_names(split(text, '/'), names)) return true;
  }
  return false;
}

}  // namespace perdure
