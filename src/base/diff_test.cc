#include "base/diff.h"

#include <algorithm>
#include <random>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/text.h"

namespace perdure {
namespace {

std::string diff_of(std::string_view before, std::string_view after,
                    const DiffOptions& options = {}) {
  return unified_diff(before, after, "a/x", "b/x", options);
}

// A text of whole lines: "abc" is the three lines a, b and c.
std::string lines_of(std::string_view letters) {
  std::string text;
  for (const char letter : letters) text += {letter, '\n'};
  return text;
}

// The lines of a text with their line feeds.
std::vector<std::string> whole_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t bytes = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.emplace_back(text.substr(0, bytes));
    text.remove_prefix(bytes);
  }
  return lines;
}

// Applies a diff as strictly as `patch --fuzz=0` does: every position, count and line must be
// right. Gives the reason when they are not.
struct Patched {
  std::string text;
  std::string mistake;
};

class Patcher {
 public:
  Patcher(std::string_view before, std::string_view diff)
      : before_(whole_lines(before)), diff_(whole_lines(diff)) {}

  Patched apply() {
    if (diff_.empty()) return {take_before(before_.size()), mistake_};
    if (diff_.size() < 2 || diff_[0] != "--- a/x\n" || diff_[1] != "+++ b/x\n") fail("names");
    at_ = 2;
    while (at_ < diff_.size() && mistake_.empty()) hunk();
    out_ += take_before(before_.size());
    return {out_, mistake_};
  }

 private:
  struct Range {
    std::size_t start = 0;
    std::size_t count = 1;
  };

  static Range range(std::string_view text) {
    const std::vector<std::string_view> parts = split(text, ',');
    Range range{.start = std::stoul(std::string(parts[0]))};
    if (parts.size() == 2) range.count = std::stoul(std::string(parts[1]));
    // A range without lines names the line before it; others name their first line. Count from 0.
    if (range.count > 0) --range.start;
    return range;
  }

  void hunk() {
    const std::vector<std::string_view> words = split(trim(diff_[at_]), ' ');
    if (words.size() != 4 || words[0] != "@@" || words[3] != "@@") return fail("hunk header");
    const Range old_range = range(words[1].substr(1));
    const Range new_range = range(words[2].substr(1));
    ++at_;
    out_ += take_before(old_range.start);
    if (out_lines_ != new_range.start) return fail("start in the new text");
    std::size_t removed = 0;
    std::size_t added = 0;
    while (mistake_.empty() && (removed < old_range.count || added < new_range.count)) {
      if (at_ == diff_.size()) return fail("end of the diff inside a hunk");
      const char sign = diff_[at_][0];
      const std::string line = content();
      if (sign != '+') {
        if (read_ == before_.size() || before_[read_] != line) return fail("line of the old text");
        ++read_;
        ++removed;
      }
      if (sign != '-') {
        out_ += line;
        ++out_lines_;
        ++added;
      }
    }
    if (removed != old_range.count || added != new_range.count) fail("counts of lines");
  }

  // A line of a hunk as it stands in the text.
  std::string content() {
    std::string line = diff_[at_++].substr(1);
    if (at_ < diff_.size() && diff_[at_][0] == '\\') {
      line.pop_back();
      ++at_;
    }
    return line;
  }

  std::string take_before(std::size_t end) {
    std::string out;
    if (end > before_.size() || end < read_) fail("start in the old text");
    for (; read_ < end && mistake_.empty(); ++read_, ++out_lines_) out += before_[read_];
    return out;
  }

  void fail(std::string_view what) {
    if (mistake_.empty())
      mistake_ = fmt::format("wrong {} near line {} of the diff", what, at_ + 1);
  }

  std::vector<std::string> before_;
  std::vector<std::string> diff_;
  std::size_t at_ = 0;
  std::size_t read_ = 0;
  std::string out_;
  std::size_t out_lines_ = 0;
  std::string mistake_;
};

void expect_applies(const std::string& before, const std::string& after,
                    const DiffOptions& options = {}) {
  const std::string diff = diff_of(before, after, options);
  const Patched patched = Patcher(before, diff).apply();
  ASSERT_EQ(patched.mistake, "") << diff;
  ASSERT_EQ(patched.text, after) << diff;
}

// The fewest lines to remove and add, by the quadratic textbook method.
std::size_t fewest_changes(std::string_view before, std::string_view after) {
  const std::vector<std::string> a = whole_lines(before);
  const std::vector<std::string> b = whole_lines(after);
  std::vector<std::vector<std::size_t>> common(a.size() + 1,
                                               std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      common[i][j] = a[i - 1] == b[j - 1] ? common[i - 1][j - 1] + 1
                                          : std::max(common[i - 1][j], common[i][j - 1]);
    }
  }
  return a.size() + b.size() - 2 * common[a.size()][b.size()];
}

TEST(Diff, EqualTextsHaveNone) {
  EXPECT_EQ(diff_of("", ""), "");
  EXPECT_EQ(diff_of("a\nb", "a\nb"), "");
}

TEST(Diff, OneChangedLineWithThreeLinesOfContext) {
  EXPECT_EQ(diff_of(lines_of("abcdefghi"), lines_of("abcdXfghi")),
            "--- a/x\n+++ b/x\n"
            "@@ -2,7 +2,7 @@\n"
            " b\n c\n d\n-e\n+X\n f\n g\n h\n");
}

TEST(Diff, ANewFileAndARemovedOne) {
  EXPECT_EQ(unified_diff("", "a\nb\n", "/dev/null", "b/x"),
            "--- /dev/null\n+++ b/x\n@@ -0,0 +1,2 @@\n+a\n+b\n");
  EXPECT_EQ(unified_diff("a\n", "", "a/x", "/dev/null"),
            "--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n");
}

TEST(Diff, WithoutContextAnInsertionNamesTheLineBefore) {
  EXPECT_EQ(diff_of(lines_of("ab"), lines_of("aXb"), {.context_lines = 0}),
            "--- a/x\n+++ b/x\n@@ -1,0 +2 @@\n+X\n");
}

TEST(Diff, ALastLineWithoutLineFeedIsMarked) {
  EXPECT_EQ(diff_of("a\nb", "a\nb\n"),
            "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n");
  EXPECT_EQ(diff_of("a\nb\n", "a\nb"),
            "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n+b\n\\ No newline at end of file\n");
  EXPECT_EQ(diff_of("a\nb", "X\nb"),
            "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\n+X\n b\n\\ No newline at end of file\n");
}

TEST(Diff, ChangesWhoseContextTouchesShareAHunk) {
  const auto hunks = [](std::string_view before, std::string_view after) {
    const std::string diff = diff_of(lines_of(before), lines_of(after));
    return std::count(diff.begin(), diff.end(), '@') / 4;
  };
  EXPECT_EQ(hunks("a123456b", "X123456Y"), 1);
  EXPECT_EQ(hunks("a1234567b", "X1234567Y"), 2);
}

TEST(Diff, CarriageReturnsAreBytesOfTheLine) {
  EXPECT_EQ(diff_of("a\r\n", "a\n"), "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\r\n+a\n");
}

TEST(Diff, NamesCannotForgeLines) {
  EXPECT_EQ(unified_diff("a\n", "b\n", "a/x\n+++ b/etc", "b/two words"),
            "--- \"a/x\\012+++ b/etc\"\n+++ b/two words\t\n@@ -1 +1 @@\n-a\n+b\n");
  EXPECT_EQ(unified_diff("a\n", "b\n", "q\"\\", "tab\t"),
            "--- \"q\\\"\\\\\"\n+++ \"tab\\011\"\n@@ -1 +1 @@\n-a\n+b\n");
}

TEST(Diff, ALongDiffIsCutAndSaysSo) {
  EXPECT_EQ(diff_of("", lines_of("abcd"), {.lines_max = 5}),
            "--- a/x\n+++ b/x\n@@ -0,0 +1,4 @@\n+a\n+b\n[2 more lines of this diff]\n");
  EXPECT_EQ(diff_of("", lines_of("abc"), {.lines_max = 5}),
            "--- a/x\n+++ b/x\n@@ -0,0 +1,3 @@\n+a\n+b\n[1 more line of this diff]\n");
  EXPECT_EQ(diff_of("", lines_of("ab"), {.lines_max = 5}),
            "--- a/x\n+++ b/x\n@@ -0,0 +1,2 @@\n+a\n+b\n");
}

TEST(Diff, LongLinesAreCutWhereTheyDiffer) {
  const std::string same(100, 's');
  EXPECT_EQ(diff_of(same + "1" + same + "\n", same + "2" + same + "\n", {.line_bytes_max = 8}),
            "--- a/x\n+++ b/x\n@@ -1 +1 @@\n"
            "-...ss1sssss... [201 bytes]\n+...ss2sssss... [201 bytes]\n");
  EXPECT_EQ(diff_of("", "0123456789\n", {.line_bytes_max = 8}),
            "--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+01234567... [10 bytes]\n");
  std::string euros;
  for (int i = 0; i < 34; ++i) euros += "\u20ac";
  EXPECT_EQ(diff_of(euros + "1\n", euros + "2\n", {.line_bytes_max = 8}),
            "--- a/x\n+++ b/x\n@@ -1 +1 @@\n"
            "-...\u20ac1 [103 bytes]\n+...\u20ac2 [103 bytes]\n");
  // Never inside a character: each of these has two bytes.
  EXPECT_EQ(diff_of("", "\u00e4\u00e4\u00e4\n", {.line_bytes_max = 3}),
            "--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+\u00e4... [6 bytes]\n");
}

TEST(Diff, PartsOfAFileKeepTheirLineNumbers) {
  EXPECT_EQ(diff_of("a\n", "b\n", {.before_first_line = 7, .after_first_line = 41}),
            "--- a/x\n+++ b/x\n@@ -7 +41 @@\n-a\n+b\n");
}

TEST(Diff, StatCountsLines) {
  EXPECT_EQ(diff_stat("a\n", "a\n").added, 0u);
  const DiffStat stat = diff_stat(lines_of("abcd"), lines_of("aXYd"));
  EXPECT_EQ(stat.added, 2u);
  EXPECT_EQ(stat.removed, 2u);
  EXPECT_EQ(diff_stat("", "a").added, 1u);
}

TEST(Diff, RandomTextsApplyAndAreShortest) {
  std::mt19937 random(20240607);
  for (int round = 0; round < 20'000; ++round) {
    const auto text = [&] {
      std::string letters;
      const std::size_t size = random() % 12;
      // Few different lines, some of them empty, so that there is much to confuse.
      for (std::size_t i = 0; i < size; ++i) letters += "ab\nc"[random() % 4];
      std::string out = random() % 4 == 0 ? letters : lines_of(letters);
      if (random() % 3 == 0 && !out.empty() && out.back() == '\n') out.pop_back();
      return out;
    };
    const std::string before = text();
    const std::string after = text();
    ASSERT_NO_FATAL_FAILURE(expect_applies(before, after, {.context_lines = random() % 4}));
    const DiffStat stat = diff_stat(before, after);
    ASSERT_EQ(stat.added + stat.removed, fewest_changes(before, after)) << diff_of(before, after);
  }
}

TEST(Diff, LargeTextsWithScatteredEditsAreShortest) {
  std::mt19937 random(7);
  std::string before;
  std::string after;
  std::size_t changed = 0;
  for (int line = 0; line < 100'000; ++line) {
    const std::string text = fmt::format("line {}\n", line);
    before += text;
    if (random() % 1000 == 0) {
      after += fmt::format("new {}\n", line);
      ++changed;
    } else {
      after += text;
    }
  }
  const DiffStat stat = diff_stat(before, after);
  EXPECT_EQ(stat.added, changed);
  EXPECT_EQ(stat.removed, changed);
  expect_applies(before, after);
}

TEST(Diff, WhatCostsTooManyComparisonsIsOneReplacement) {
  // Two random sequences of a few lines have no cheap shortest script.
  std::mt19937 random(8);
  std::string before = "head\n";
  std::string after = "head\n";
  for (int line = 0; line < 60'000; ++line) {
    before += fmt::format("{}\n", random() % 50'000);
    after += fmt::format("{}\n", random() % 50'000);
  }
  before += "tail\n";
  after += "tail\n";
  expect_applies(before, after);
  EXPECT_EQ(diff_stat(before, after).removed, 60'000u);
  EXPECT_EQ(diff_stat(before, after).added, 60'000u);
}

TEST(Diff, EqualLinesCountAsComparisons) {
  // Few edits, but each of the ways to make them runs along many equal lines.
  constexpr std::size_t kBlocks = 8'000;
  constexpr std::size_t kEqualLines = 50;
  std::string before;
  std::string after;
  for (std::size_t block = 0; block < kBlocks; ++block) {
    before += std::string(kEqualLines, '\n') + fmt::format("before {}\n", block);
    after += std::string(kEqualLines, '\n') + fmt::format("after {}\n", block);
  }
  EXPECT_EQ(diff_stat(before, after).removed, kBlocks * (kEqualLines + 1) - kEqualLines);
}

TEST(Diff, TooManyLinesAreOneReplacement) {
  std::string before = "head\n1\n";
  std::string after = "head\n2\n";
  const std::string middle(kDiffLinesMax / 2, '\n');
  before += middle + "3\ntail";
  after += middle + "4\ntail";
  const DiffStat stat = diff_stat(before, after);
  EXPECT_EQ(stat.removed, kDiffLinesMax / 2 + 2);
  EXPECT_EQ(stat.added, kDiffLinesMax / 2 + 2);
  expect_applies(before, after);
}

}  // namespace
}  // namespace perdure
