#include "tools/indentation.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace perdure {
namespace {

// Fits the lines of `new_text`, given lines of the model and of the file.
std::string fitted(std::string_view old_text, std::string_view file_text,
                   std::string_view new_text) {
  const std::vector<std::string_view> old_lines = split_lines(old_text);
  const std::vector<std::string_view> file_lines = split_lines(file_text);
  const std::vector<std::string_view> new_lines = split_lines(new_text);
  const Indentation indentation(old_lines, file_lines, new_lines);
  std::string out;
  for (const std::string_view line : new_lines) out += indentation.fitted(line) + "\n";
  return out;
}

TEST(Indentation, LinesMoveAsTheFirstOneDoes) {
  EXPECT_EQ(fitted("a\n", "    a\n", "b\n  c\n"), "    b\n      c\n");
  EXPECT_EQ(fitted("      a\n", "  a\n", "      b\n        c\n    d\n"), "  b\n    c\nd\n");
}

TEST(Indentation, BlankLinesTellNothing) {
  EXPECT_EQ(fitted("\n   \na\n", "\n\n  a\n", "b\n"), "  b\n");
  EXPECT_EQ(fitted("\n", "\n", "  b\n"), "  b\n");
}

TEST(Indentation, DepthsFollowTheFile) {
  // Two spaces a level become four, also for levels that old_text does not have.
  EXPECT_EQ(fitted("if\n  a\n", "    if\n        a\n", "if\n  b\n    c\n"),
            "    if\n        b\n            c\n");
  // The first line need not be the outermost one.
  EXPECT_EQ(fitted("    a\n  end\n", "\t\ta\n\tend\n", "    b\n  end\nout\n"),
            "\t\tb\n\tend\nout\n");
}

TEST(Indentation, TheDeepestKnownDepthCounts) {
  EXPECT_EQ(fitted("a\n    b\n        c\n", "a\n  b\n      c\n", "        d\n"), "      d\n");
}

TEST(Indentation, StepsAreTheSmallestThatFit) {
  EXPECT_EQ(fitted("a\n        b\n", "\ta\n\t\t\tb\n", "    c\n"), "\t\tc\n");
}

TEST(Indentation, LinesToTheLeftLoseStepsOfTheFile) {
  EXPECT_EQ(fitted("    a\n", "\t\ta\n", "b\n"), "\tb\n");
}

TEST(Indentation, DepthsThatTheModelConfusedAreNotLearned) {
  EXPECT_EQ(fitted("a\n  b\n  c\n", "a\n      b\n  c\n", "  d\n"), "  d\n");
  EXPECT_EQ(fitted("a\nb\n", "  a\n      b\n", "d\n  e\n"), "  d\n    e\n");
}

TEST(Indentation, SpacesBecomeTabs) {
  EXPECT_EQ(fitted("    a\n        b\n", "\ta\n\t\tb\n", "    a\n        b\n            c\n"),
            "\ta\n\t\tb\n\t\t\tc\n");
  // From one depth alone: by the smallest step of the new lines.
  EXPECT_EQ(fitted("a\n", "\ta\n", "b\n  c\n    d\n"), "\tb\n\t\tc\n\t\t\td\n");
  // Spaces beyond whole levels stay.
  EXPECT_EQ(fitted("a\n    b\n", "\ta\n\t\tb\n", "      c\n"), "\t\t  c\n");
}

TEST(Indentation, AlignmentBehindTabsStays) {
  EXPECT_EQ(fitted("\ta\n", "\t\ta\n", "\tcall(b,\n\t    c)\n"), "\t\tcall(b,\n\t\t    c)\n");
  EXPECT_EQ(fitted("a\n", "\ta\n", "b\n\tc\n    d\n"), "\tb\n\t\tc\n\t    d\n");
}

TEST(Indentation, TabsBecomeSpaces) {
  EXPECT_EQ(fitted("\ta\n", "  a\n", "\tb\n\t\tc\n"), "  b\n    c\n");
  EXPECT_EQ(fitted("a\n", "  a\n", "b\n\tc\n"), "  b\n      c\n");
}

TEST(Indentation, OtherIndentationIsLeftAlone) {
  EXPECT_EQ(fitted("\ta\n", "\t\ta\n", "    b\n"), "    b\n");
}

}  // namespace
}  // namespace perdure
