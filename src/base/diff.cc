#include "base/diff.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "base/utf8.h"

namespace perdure {
namespace {

using Index = std::ptrdiff_t;

// Lines [before_start, before_end) of the one text give way to lines [after_start, after_end) of
// the other.
struct Change {
  std::size_t before_start = 0;
  std::size_t before_end = 0;
  std::size_t after_start = 0;
  std::size_t after_end = 0;
};

// Reads a text line by line without a table of its lines: a text of 16 MiB may have 16 million of
// them.
class LineCursor {
 public:
  explicit LineCursor(std::string_view text) : rest_(text) {}

  // The next line with its line feed; empty at the end.
  std::string_view next() {
    const std::string_view line = rest_.substr(0, line_bytes());
    rest_.remove_prefix(line.size());
    ++line_;
    return line;
  }

  void skip_to(std::size_t line) {
    while (line_ < line) next();
  }

 private:
  std::size_t line_bytes() const {
    const std::size_t feed = rest_.find('\n');
    return feed == std::string_view::npos ? rest_.size() : feed + 1;
  }

  std::string_view rest_;
  std::size_t line_ = 0;
};

std::size_t count_lines(std::string_view text) {
  const auto feeds = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  return feeds + (text.empty() || text.back() == '\n' ? 0 : 1);
}

// Bytes of the whole lines that both texts begin with.
std::size_t common_head(std::string_view before, std::string_view after) {
  const std::size_t shorter = std::min(before.size(), after.size());
  const auto difference =
      std::mismatch(before.begin(), before.begin() + static_cast<Index>(shorter), after.begin());
  const auto equal = static_cast<std::size_t>(difference.first - before.begin());
  const std::size_t feed = before.substr(0, equal).rfind('\n');
  return feed == std::string_view::npos ? 0 : feed + 1;
}

// Bytes of the whole lines that both texts end with. Both texts begin at the start of a line.
std::size_t common_tail(std::string_view before, std::string_view after) {
  const auto starts_line = [](std::string_view text, std::size_t at) {
    return at == 0 || text[at - 1] == '\n';
  };
  const std::size_t shorter = std::min(before.size(), after.size());
  const auto difference =
      std::mismatch(before.rbegin(), before.rbegin() + static_cast<Index>(shorter), after.rbegin());
  const auto equal = static_cast<std::size_t>(difference.first - before.rbegin());
  const std::size_t start = before.size() - equal;
  if (starts_line(before, start) && starts_line(after, after.size() - equal)) return equal;
  const std::size_t feed = before.find('\n', start);
  return feed == std::string_view::npos ? 0 : before.size() - feed - 1;
}

// One number for each line of both texts, such that equal lines have equal numbers. Sorting by hash
// and then by content stays fast for texts that were made to collide; a hash table would not.
std::vector<std::uint32_t> number_lines(std::string_view before, std::string_view after) {
  struct Line {
    std::size_t hash;
    std::string_view text;
    std::uint32_t index;
  };
  std::vector<Line> lines;
  lines.reserve(count_lines(before) + count_lines(after));
  for (std::string_view text : {before, after}) {
    LineCursor cursor(text);
    for (std::string_view line = cursor.next(); !line.empty(); line = cursor.next()) {
      const auto index = static_cast<std::uint32_t>(lines.size());
      lines.push_back({std::hash<std::string_view>()(line), line, index});
    }
  }
  std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.text < b.text;
  });
  std::vector<std::uint32_t> numbers(lines.size());
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0 && lines[i].text != lines[i - 1].text) ++number;
    numbers[lines[i].index] = number;
  }
  return numbers;
}

// Myers' algorithm in linear space: find a point in the middle of a shortest edit script by
// searching from both ends, then do the same on either side of it. Each half has half of the edits,
// so the recursion is shallow.
class Comparison {
 public:
  Comparison(std::span<const std::uint32_t> before, std::span<const std::uint32_t> after)
      : removed(before.size()), added(after.size()), before_(before), after_(after) {
    // The search from one end never takes more steps than half of all lines, nor than the budget
    // pays for: step d looks at up to d + 1 diagonals.
    Index affordable = 1;
    while (affordable * affordable < static_cast<Index>(kDiffComparisonsMax)) affordable *= 2;
    const auto lines = static_cast<Index>(before.size() + after.size());
    steps_max_ = std::min((lines + 1) / 2, affordable);
    forward_.resize(static_cast<std::size_t>(2 * steps_max_ + 3));
    backward_.resize(forward_.size());
    compare({0, static_cast<Index>(before.size()), 0, static_cast<Index>(after.size())});
  }

  std::vector<bool> removed;  // by line of `before`
  std::vector<bool> added;    // by line of `after`

 private:
  // Lines [left, right) of `before` against lines [top, bottom) of `after`.
  struct Box {
    Index left, right, top, bottom;
    Index width() const { return right - left; }
    Index height() const { return bottom - top; }
  };
  struct Point {
    Index x, y;
  };
  enum class Direction : std::uint8_t { kForward, kBackward };

  std::uint32_t before_at(Index i) const { return before_[static_cast<std::size_t>(i)]; }
  std::uint32_t after_at(Index i) const { return after_[static_cast<std::size_t>(i)]; }

  void compare(Box box) {
    while (true) {
      while (box.width() > 0 && box.height() > 0 && before_at(box.left) == after_at(box.top)) {
        ++box.left;
        ++box.top;
      }
      while (box.width() > 0 && box.height() > 0 &&
             before_at(box.right - 1) == after_at(box.bottom - 1)) {
        --box.right;
        --box.bottom;
      }
      std::optional<Point> middle;
      if (box.width() > 0 && box.height() > 0) middle = find_middle(box);
      if (!middle) {
        std::fill(removed.begin() + box.left, removed.begin() + box.right, true);
        std::fill(added.begin() + box.top, added.begin() + box.bottom, true);
        return;
      }
      compare({box.left, middle->x, box.top, middle->y});
      box.left = middle->x;
      box.top = middle->y;
    }
  }

  // A point strictly inside a shortest script of a box whose first lines differ and whose last
  // lines differ; nothing when the budget is used up.
  std::optional<Point> find_middle(const Box& box) {
    const Index delta = box.width() - box.height();
    const bool odd = delta % 2 != 0;
    reach(forward_, 1) = 0;
    reach(backward_, 1) = 0;
    for (Index steps = 0; steps <= steps_max_; ++steps) {
      for (const Direction direction : {Direction::kForward, Direction::kBackward}) {
        const bool forward = direction == Direction::kForward;
        // Diagonals that leave the box are not worth a look.
        const Index lowest = -(steps - 2 * std::max<Index>(0, steps - box.height()));
        const Index highest = steps - 2 * std::max<Index>(0, steps - box.width());
        for (Index k = lowest; k <= highest; k += 2) {
          const Index x = advance(box, direction, steps, k);
          if (comparisons_left_ < 0) return std::nullopt;
          // The two searches can only meet where the other one has been: for an odd number of edits
          // the forward search notices, one step ahead; for an even number the backward search
          // does.
          const Index other = delta - k;
          const Index other_steps = forward ? steps - 1 : steps;
          if (forward != odd || other < -other_steps || other > other_steps) continue;
          if (x + reach(forward ? backward_ : forward_, other) < box.width()) continue;
          if (forward) return Point{box.left + x, box.top + x - k};
          return Point{box.right - x, box.bottom - (x - k)};
        }
      }
    }
    return std::nullopt;
  }

  // How far along diagonal k one gets with `steps` edits. Backward, everything counts from the
  // other corner.
  Index advance(const Box& box, Direction direction, Index steps, Index k) {
    const bool forward = direction == Direction::kForward;
    std::vector<std::int32_t>& table = forward ? forward_ : backward_;
    const bool down = k == -steps || (k != steps && reach(table, k - 1) < reach(table, k + 1));
    Index x = down ? reach(table, k + 1) : reach(table, k - 1) + 1;
    Index y = x - k;
    const Index start = x;
    while (x < box.width() && y < box.height() &&
           (forward ? before_at(box.left + x) == after_at(box.top + y)
                    : before_at(box.right - 1 - x) == after_at(box.bottom - 1 - y))) {
      ++x;
      ++y;
    }
    comparisons_left_ -= x - start + 1;
    reach(table, k) = static_cast<std::int32_t>(x);
    return x;
  }

  std::int32_t& reach(std::vector<std::int32_t>& table, Index k) {
    return table[static_cast<std::size_t>(k + steps_max_ + 1)];
  }

  std::span<const std::uint32_t> before_;
  std::span<const std::uint32_t> after_;
  Index steps_max_ = 0;
  Index comparisons_left_ = static_cast<Index>(kDiffComparisonsMax);
  std::vector<std::int32_t> forward_;  // by diagonal: the farthest line of `before` reached
  std::vector<std::int32_t> backward_;
};

// What differs, from the top down. Lines count from 0.
std::vector<Change> find_changes(std::string_view before, std::string_view after) {
  if (before == after) return {};
  const std::size_t head = common_head(before, after);
  const std::size_t head_lines = count_lines(before.substr(0, head));
  before.remove_prefix(head);
  after.remove_prefix(head);
  const std::size_t tail = common_tail(before, after);
  before.remove_suffix(tail);
  after.remove_suffix(tail);

  const std::size_t before_lines = count_lines(before);
  const std::size_t after_lines = count_lines(after);
  if (before_lines + after_lines > kDiffLinesMax) {
    return {{head_lines, head_lines + before_lines, head_lines, head_lines + after_lines}};
  }
  const std::vector<std::uint32_t> numbers = number_lines(before, after);
  const std::span<const std::uint32_t> all(numbers);
  const Comparison comparison(all.first(before_lines), all.subspan(before_lines));

  std::vector<Change> changes;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < before_lines || j < after_lines) {
    Change change{.before_start = head_lines + i, .after_start = head_lines + j};
    while (i < before_lines && comparison.removed[i]) ++i;
    while (j < after_lines && comparison.added[j]) ++j;
    change.before_end = head_lines + i;
    change.after_end = head_lines + j;
    if (change.before_start < change.before_end || change.after_start < change.after_end) {
      changes.push_back(change);
    } else {
      ++i;
      ++j;
    }
  }
  return changes;
}

// A name for the "---" and "+++" lines. A name may hold a line feed, which would otherwise forge
// lines of the diff. After a name with a space comes a tab, as git and GNU diff write it, so that
// the name does not end at the space.
std::string header_name(std::string_view name) {
  const bool plain = std::none_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '"' || c == '\\';
  });
  if (plain) {
    return fmt::format("{}{}", name, name.find(' ') == std::string_view::npos ? "" : "\t");
  }
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      quoted += fmt::format("\\{:03o}", static_cast<unsigned>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

// "12,3", "12" for one line, "11,0" for none after line 11.
std::string range_text(std::size_t start, std::size_t count, std::size_t first_line) {
  if (count == 0) return fmt::format("{},0", start + first_line - 1);
  if (count == 1) return fmt::format("{}", start + first_line);
  return fmt::format("{},{}", start + first_line, count);
}

// A part of a long line: `bytes` of it, so that what follows the first `equal` bytes can be seen.
std::string clipped(std::string_view line, std::size_t bytes, std::size_t equal) {
  std::size_t start = equal > bytes / 2 ? equal - bytes / 4 : 0;
  while (start > 0 && (static_cast<unsigned char>(line[start]) & 0xC0) == 0x80) --start;
  const std::string_view shown = utf8_prefix(line.substr(start), bytes);
  return fmt::format("{}{}{} [{} bytes]", start > 0 ? "..." : "", shown,
                     start + shown.size() < line.size() ? "..." : "", line.size());
}

// The lines of a diff, within the limits of the options.
class DiffWriter {
 public:
  explicit DiffWriter(const DiffOptions& options) : options_(options) {}

  void header(std::string_view text) { add("", text); }

  // A line of a text, with its line feed unless it is a last line without one. `other` is the line
  // that it stands for or that stands for it, or empty.
  void line(std::string_view sign, std::string_view text, std::string_view other = {}) {
    const bool ended = !text.empty() && text.back() == '\n';
    if (ended) text.remove_suffix(1);
    if (text.size() > options_.line_bytes_max && lines_ < options_.lines_max) {
      const auto shorter = static_cast<Index>(std::min(text.size(), other.size()));
      const auto difference = std::mismatch(text.begin(), text.begin() + shorter, other.begin());
      const auto equal = static_cast<std::size_t>(difference.first - text.begin());
      add(sign, clipped(text, options_.line_bytes_max, std::min(equal, text.size() - 1)));
    } else {
      add(sign, text);
    }
    if (!ended) add("", "\\ No newline at end of file");
  }

  std::string finish() && {
    if (left_out_ > 0) {
      out_ += fmt::format("[{} more line{} of this diff]\n", left_out_, left_out_ == 1 ? "" : "s");
    }
    return std::move(out_);
  }

 private:
  void add(std::string_view sign, std::string_view text) {
    if (lines_ == options_.lines_max) {
      ++left_out_;
      return;
    }
    ++lines_;
    out_ += sign;
    out_ += text;
    out_ += '\n';
  }

  const DiffOptions& options_;
  std::size_t lines_ = 0;
  std::size_t left_out_ = 0;
  std::string out_;
};

}  // namespace

std::string unified_diff(std::string_view before, std::string_view after,
                         std::string_view before_name, std::string_view after_name,
                         const DiffOptions& options) {
  const std::vector<Change> changes = find_changes(before, after);
  if (changes.empty()) return {};
  const std::size_t before_lines = count_lines(before);
  const std::size_t context = std::min(options.context_lines, before_lines);

  DiffWriter writer(options);
  writer.header("--- " + header_name(before_name));
  writer.header("+++ " + header_name(after_name));
  LineCursor before_cursor(before);
  LineCursor after_cursor(after);
  for (std::size_t first = 0; first < changes.size();) {
    // Changes whose context would touch share a hunk.
    std::size_t last = first;
    while (last + 1 < changes.size() &&
           changes[last + 1].before_start - changes[last].before_end <= 2 * context) {
      ++last;
    }
    const std::size_t lead = std::min(context, changes[first].before_start);
    const std::size_t trail = std::min(context, before_lines - changes[last].before_end);
    const std::size_t before_start = changes[first].before_start - lead;
    const std::size_t after_start = changes[first].after_start - lead;
    const std::size_t before_end = changes[last].before_end + trail;
    const std::size_t after_end = changes[last].after_end + trail;
    writer.header(
        fmt::format("@@ -{} +{} @@",
                    range_text(before_start, before_end - before_start, options.before_first_line),
                    range_text(after_start, after_end - after_start, options.after_first_line)));

    before_cursor.skip_to(before_start);
    std::size_t line = before_start;
    for (; first <= last; ++first) {
      const Change& change = changes[first];
      for (; line < change.before_start; ++line) writer.line(" ", before_cursor.next());
      after_cursor.skip_to(change.after_start);
      LineCursor old_lines = before_cursor;
      LineCursor new_lines = after_cursor;
      const std::size_t removed = change.before_end - change.before_start;
      const std::size_t added = change.after_end - change.after_start;
      for (std::size_t i = 0; i < removed; ++i) {
        writer.line("-", before_cursor.next(), i < added ? new_lines.next() : "");
      }
      for (std::size_t i = 0; i < added; ++i) {
        writer.line("+", after_cursor.next(), i < removed ? old_lines.next() : "");
      }
      line = change.before_end;
    }
    for (; line < before_end; ++line) writer.line(" ", before_cursor.next());
  }
  return std::move(writer).finish();
}

DiffStat diff_stat(std::string_view before, std::string_view after) {
  DiffStat stat;
  for (const Change& change : find_changes(before, after)) {
    stat.added += change.after_end - change.after_start;
    stat.removed += change.before_end - change.before_start;
  }
  return stat;
}

}  // namespace perdure
