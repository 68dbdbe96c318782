#include "base/path.h"

#include <optional>
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

// One name of a pattern against one name of a path. Braces are expanded before.
bool match_name(std::string_view pattern, std::string_view name) {
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_n = 0;
  while (n < name.size()) {
    bool matched = false;
    std::size_t next_p = p + 1;
    if (p < pattern.size()) {
      if (pattern[p] == '*') {
        star = p++;
        star_n = n;
        continue;
      }
      if (pattern[p] == '[') {
        const std::size_t close = pattern.find(']', p + 2);
        if (close != std::string_view::npos) {
          std::string_view set = pattern.substr(p + 1, close - p - 1);
          const bool negated = set[0] == '!' || set[0] == '^';
          if (negated) set.remove_prefix(1);
          bool in_set = false;
          for (std::size_t i = 0; i < set.size(); ++i) {
            const bool range = i + 2 < set.size() && set[i + 1] == '-';
            if (range ? (name[n] >= set[i] && name[n] <= set[i + 2]) : name[n] == set[i])
              in_set = true;
            if (range) i += 2;
          }
          matched = in_set != negated;
          next_p = close + 1;
        } else {
          matched = name[n] == '[';
        }
      } else {
        matched = pattern[p] == '?' || pattern[p] == name[n];
      }
    }
    if (matched) {
      p = next_p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_n;
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

bool is_protected_path(std::string_view path) {
  for (const std::string_view name : split(path, '/')) {
    if (to_lower_ascii(name) == ".git") return true;
  }
  return false;
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
