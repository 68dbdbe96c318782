// The difference of two texts, line by line, in the unified format that `patch` and `git apply`
// read: what a person approves, what a tool reports, what an error about an edit shows. Pure; any
// thread.
//
//   std::string diff = unified_diff(before, after, "a/src/main.cc", "b/src/main.cc");
//
// The lines that differ are the fewest possible (E. Myers, "An O(ND) Difference Algorithm and Its
// Variations", 1986, in its linear-space form) as long as that is affordable. Work and memory are
// bounded: two texts that are both large and very different give one hunk that replaces everything
// between their first and their last difference. Such a diff is longer than it needs to be, but it
// is correct and applies like any other.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

namespace perdure {

/// Beyond this many lines between the first and the last difference (of both texts together), the
/// diff is one replacement. Bounds the memory to some 40 MB beside the texts and the result.
inline constexpr std::size_t kDiffLinesMax = 1'000'000;
/// Beyond this many comparisons of lines, what has not been compared yet is one replacement. Bounds
/// the time to a few tenths of a second.
inline constexpr std::size_t kDiffComparisonsMax = 64'000'000;

struct DiffOptions {
  /// Equal lines shown before and after each change.
  std::size_t context_lines = 3;
  /// Lines of the result, the two lines of names included. A longer diff is cut, ends with one more
  /// line that says how many lines were left out, and is then for reading only.
  std::size_t lines_max = std::numeric_limits<std::size_t>::max();
  /// Bytes of a line. A longer line is cut, around the first difference where it stands for another
  /// line, and says how long it is; the diff is then for reading only.
  std::size_t line_bytes_max = std::numeric_limits<std::size_t>::max();
  /// What the first line is numbered, when the texts are parts of something larger.
  std::size_t before_first_line = 1;
  std::size_t after_first_line = 1;
};

/// The unified diff that turns `before` into `after`; empty when they are equal. Any bytes are
/// allowed; only the line feed ends a line, and a last line without one is marked "\ No newline at
/// end of file". The names are written as they are ("a/x" and "b/x" for `git apply`, "/dev/null"
/// for a file that is not there), but quoted as git quotes them when they hold control characters,
/// quotes or backslashes.
std::string unified_diff(std::string_view before, std::string_view after,
                         std::string_view before_name, std::string_view after_name,
                         const DiffOptions& options = {});

struct DiffStat {
  std::size_t added = 0;    ///< Lines that only the second text has.
  std::size_t removed = 0;  ///< Lines that only the first text has.
};

/// The numbers of "+" and "-" lines that unified_diff() shows; a changed line is one of each.
DiffStat diff_stat(std::string_view before, std::string_view after);

}  // namespace perdure
