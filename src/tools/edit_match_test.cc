#include "tools/edit_match.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "base/utf8.h"

namespace perdure {
namespace {

// The file after the edit, or the error in the way that a model reads it.
std::string after(std::string_view file, std::string_view old_text, std::string_view new_text,
                  EditPlaces places = EditPlaces::kOne) {
  const Result<EditedText> edited =
      apply_edit(file, {.old_text = old_text, .new_text = new_text, .places = places});
  return edited.ok() ? edited->text
                     : std::string(to_string(edited.error().code)) + ": " + to_text(edited.error());
}

ErrorCode code_of(std::string_view file, const Edit& edit) {
  const Result<EditedText> edited = apply_edit(file, edit);
  return edited.ok() ? ErrorCode::kInternal : edited.error().code;
}

std::string numbered_lines(int count) {
  std::string text;
  for (int i = 1; i <= count; ++i) text += fmt::format("value_{0} = compute({0})\n", i);
  return text;
}

TEST(EditMatch, ExactPlace) {
  const Result<EditedText> edited =
      apply_edit("a\nb = 1\nc\n", {.old_text = "b = 1", .new_text = "b = 2"});
  ASSERT_TRUE(edited.ok());
  EXPECT_EQ(edited->text, "a\nb = 2\nc\n");
  EXPECT_EQ(edited->match, EditMatch::kExact);
  EXPECT_EQ(edited->places, 1u);
  EXPECT_EQ(edited->lines, std::vector<std::size_t>{2});
}

TEST(EditMatch, ExactPlaceGoesBeforeOneWithOtherWhiteSpace) {
  EXPECT_EQ(after("  x = 1\nx = 1\n", "\nx = 1\n", "\nx = 2\n"), "  x = 1\nx = 2\n");
}

TEST(EditMatch, SeveralExactPlacesAreRefusedWithTheirLines) {
  EXPECT_EQ(
      after("x\ny\nx\nx x\n", "x", "z"),
      "invalid_arguments: old_text is in the file 4 times (lines 1, 3, 4); it must name one place\n"
      "  do: add the lines before or after the place that you mean to both texts, or ask to "
      "replace all places");
  EXPECT_EQ(code_of("aaa", {.old_text = "aa", .new_text = "b"}), ErrorCode::kInvalidArguments);
}

TEST(EditMatch, ManyPlacesAreNotAllListed) {
  const std::string text = after(std::string(1000, 'x'), "x", "z");
  EXPECT_NE(text.find("more than 10 times (lines 1, ...)"), std::string::npos) << text;
}

TEST(EditMatch, AllPlacesWithoutOverlaps) {
  const Result<EditedText> edited =
      apply_edit("x\naaa\nx x\n", {.old_text = "x", .new_text = "yy", .places = EditPlaces::kAll});
  ASSERT_TRUE(edited.ok());
  EXPECT_EQ(edited->text, "yy\naaa\nyy yy\n");
  EXPECT_EQ(edited->places, 3u);
  EXPECT_EQ(edited->lines, (std::vector<std::size_t>{1, 3, 3}));
  EXPECT_EQ(after("aaa", "aa", "b", EditPlaces::kAll), "ba");
}

TEST(EditMatch, LinesOfManyPlacesAreBounded) {
  const Result<EditedText> edited = apply_edit(
      std::string(500, '\n'), {.old_text = "\n", .new_text = "x\n", .places = EditPlaces::kAll});
  ASSERT_TRUE(edited.ok());
  EXPECT_EQ(edited->places, 500u);
  EXPECT_EQ(edited->lines.size(), kEditLinesMax);
}

TEST(EditMatch, LineEndingsOfTheFileAreKept) {
  // Within a line, over lines, and where the model wrote CRLF for a file with LF.
  EXPECT_EQ(after("a\r\nb\r\nc\r\n", "b", "x\ny"), "a\r\nx\r\ny\r\nc\r\n");
  EXPECT_EQ(after("a\r\nb\r\nc\r\n", "a\nb\n", "x\ny\n"), "x\r\ny\r\nc\r\n");
  EXPECT_EQ(after("a\nb\nc\n", "a\r\nb\r\n", "x\r\ny\r\n"), "x\ny\nc\n");
  const Result<EditedText> edited = apply_edit("a\r\nb\r\n", {.old_text = "a\nb", .new_text = "x"});
  ASSERT_TRUE(edited.ok());
  EXPECT_EQ(edited->match, EditMatch::kExact);
  // A model that wrote the carriage returns of the file may also take them away.
  EXPECT_EQ(after("a\r\nb\r\n", "a\r\n", "a\n"), "a\nb\r\n");
}

TEST(EditMatch, LineEndingsDoNotKeepFromReplacingAll) {
  EXPECT_EQ(after("a\nb\na\nb\n", "a\r\nb\r\n", "c\r\n", EditPlaces::kAll), "c\nc\n");
  EXPECT_EQ(after("a\r\nb\r\na\r\nb\r\n", "a\nb\n", "c\n", EditPlaces::kAll), "c\r\nc\r\n");
}

TEST(EditMatch, WhiteSpaceWithinAndAroundLinesIsTolerated) {
  const std::string_view file = "start\n    foo( a,   b )  \n\n    bar\nend\n";
  const Result<EditedText> edited =
      apply_edit(file, {.old_text = "foo( a, b )\n\t\nbar", .new_text = "foo(c)\nbar2"});
  ASSERT_TRUE(edited.ok()) << edited.error().message;
  EXPECT_EQ(edited->text, "start\n    foo(c)\n    bar2\nend\n");
  EXPECT_EQ(edited->match, EditMatch::kWhitespace);
  EXPECT_EQ(edited->places, 1u);
  EXPECT_EQ(edited->lines, std::vector<std::size_t>{2});
}

TEST(EditMatch, OnlyWholeLinesAreTolerated) {
  EXPECT_EQ(code_of("x = foo(a,  b)\n", {.old_text = "foo(a, b)", .new_text = "y"}),
            ErrorCode::kNotFound);
  EXPECT_EQ(code_of("foo (a)\n", {.old_text = " foo(a)", .new_text = "y"}), ErrorCode::kNotFound);
}

TEST(EditMatch, SeveralTolerantPlacesAreRefusedEvenForAll) {
  const std::string expected =
      "invalid_arguments: old_text is but for white space in the file 2 times (lines 1, 3); it "
      "must "
      "name one place\n"
      "  do: copy the text from the file with its white space, or add the lines before or after it";
  EXPECT_EQ(after("  a b\nx\n\ta b\n", "a  b", "z"), expected);
  EXPECT_EQ(after("  a b\nx\n\ta b\n", "a  b", "z", EditPlaces::kAll), expected);
}

TEST(EditMatch, IndentationIsShiftedToTheFile) {
  EXPECT_EQ(
      after("class A {\n    void f() {\n        g();\n    }\n};\n", "void f() {\n    g();\n}\n",
            "void f() {\n    if (x) {\n        h();\n    }\n}\n\nvoid k();\n"),
      "class A {\n    void f() {\n        if (x) {\n            h();\n        }\n    }\n\n"
      "    void k();\n};\n");
}

TEST(EditMatch, TabsOfTheFileAreKept) {
  EXPECT_EQ(after("def f():\n\tif x:\n\t\ty()\n", "    if x:\n        y()\n",
                  "    if x:\n        z()\n        if w:\n            v()\n"),
            "def f():\n\tif x:\n\t\tz()\n\t\tif w:\n\t\t\tv()\n");
}

TEST(EditMatch, LinesThatTheEditSharesStayAsTheFileHasThem) {
  EXPECT_EQ(after("  a   = 1  // one\n  b = 2\n  c   = 3\n", "a = 1 // one\nb = 2\nc = 3\n",
                  "a = 1 // one\nb = 4\nc = 3\n"),
            "  a   = 1  // one\n  b = 4\n  c   = 3\n");
}

TEST(EditMatch, ALineIsSharedOnce) {
  EXPECT_EQ(after(" x  1\n  x  1\n", "x 1\nx 1", "x 1"), " x  1\n");
  EXPECT_EQ(after(" x  1\n", "\tx 1", "\tx 1\n\tx 1"), " x  1\n x 1\n");
}

TEST(EditMatch, TolerantPlacesKeepLineEndings) {
  EXPECT_EQ(after("a\r\n  b\r\nc\r\n", "\tb", "\tx\n\ty"), "a\r\n  x\r\n  y\r\nc\r\n");
  EXPECT_EQ(after("a\n  b", "\tb\n", "\tx\n\ty\n"), "a\n  x\n  y");
  EXPECT_EQ(after("a\r\n  b", "\tb\n", "\tx\n\ty\n"), "a\r\n  x\r\n  y");
  EXPECT_EQ(after("a\n  b\nc\n", "\tb", "\tx\n"), "a\n  x\nc\n");
}

TEST(EditMatch, AnEmptyNewTextRemoves) {
  EXPECT_EQ(after("a\nb\nc\n", "b\n", ""), "a\nc\n");
  EXPECT_EQ(after("a\n  b\nc\n", "\tb", ""), "a\nc\n");
}

TEST(EditMatch, TheNearestPlaceIsShownAsADiff) {
  std::string file = numbered_lines(40);
  file += "int main() {\n    start(engine, 3);\n    wait();\n}\n";
  EXPECT_EQ(
      after(file, "int main() {\n  start(engine, 4);\n  wait();\n}\n", "x"),
      "not_found: old_text is not in the file; the nearest place is at line 41 ('-' is old_text, "
      "'+' is what the file has there; differences in white space alone are not shown):\n"
      "--- old_text\n+++ the file\t\n@@ -1,4 +41,4 @@\n"
      " int main() {\n"
      "-  start(engine, 4);\n"
      "+    start(engine, 3);\n"
      "     wait();\n"
      " }\n"
      "  do: copy the text to replace from the file as it is now");
}

TEST(EditMatch, TheNearestPlaceOfOneMisspelledLine) {
  const std::string text = after(numbered_lines(200), "value_77 = compote(77)", "x");
  EXPECT_NE(text.find("at line 77 "), std::string::npos) << text;
  EXPECT_NE(text.find("\n-value_77 = compote(77)\n+value_77 = compute(77)\n"), std::string::npos)
      << text;
}

TEST(EditMatch, TheNearestPlaceHasItsLinesAligned) {
  // Three windows of the file hold both lines that the file has; the diff is readable for the one
  // that begins with the first of them.
  const std::string file = "1111\n2222\nthe_first_line = 1\nthe_last = 2\n3333\n4444\n";
  const std::string text = after(file, "the_first_line = 1\n\n\nthe_last = 2\n", "x");
  EXPECT_NE(text.find("at line 3 "), std::string::npos) << text;
}

TEST(EditMatch, TheErrorIsShortForLongTexts) {
  std::string old_text;
  for (int i = 1; i <= 400; ++i) old_text += fmt::format("value_{0} = compote({0})\n", i);
  const std::string text = after(numbered_lines(400), old_text, "x");
  const std::vector<std::string_view> lines = split_lines(text);
  EXPECT_EQ(lines.size(), kEditNearestLinesMax + 2);  // the sentence before and the advice after
  EXPECT_NE(text.find("more lines of this diff]"), std::string::npos) << text;

  const std::string long_line = "prefix " + std::string(100'000, 'y');
  const std::string one_line = after(long_line + "1" + long_line, long_line + "2" + long_line, "x");
  EXPECT_LT(one_line.size(), 1500u);
  EXPECT_NE(one_line.find("y2prefix"), std::string::npos) << one_line;
  EXPECT_NE(one_line.find("y1prefix"), std::string::npos) << one_line;
}

TEST(EditMatch, TheErrorIsValidUtf8) {
  const std::string file = "the quick \xff brown fox jumps\n";
  EXPECT_TRUE(is_valid_utf8(after(file, "the quick \xfe brown fox jumps", "x")));
}

TEST(EditMatch, NothingSimilar) {
  EXPECT_EQ(after(numbered_lines(5), "zygomorphic flowers bloom\n", "x"),
            "not_found: old_text is not in the file, nor is anything similar\n"
            "  do: copy the text to replace from the file as it is now");
  // Some letters in common are not yet similar.
  EXPECT_NE(after(numbered_lines(5), "the value of nothing is computed here", "x")
                .find("anything similar"),
            std::string::npos);
  EXPECT_EQ(after("", "anything", "x"),
            "not_found: old_text is not in the file, nor is anything similar\n"
            "  do: copy the text to replace from the file as it is now");
}

TEST(EditMatch, AnEditThatWasMadeBeforeIsRecognised) {
  const std::string text = after("a\nreturn compute_total(orders);\n",
                                 "return compute_totl(order);", "return compute_total(orders);");
  EXPECT_NE(text.find("but new_text is there already, at line 2"), std::string::npos) << text;
  EXPECT_NE(text.find("+return compute_total(orders);"), std::string::npos) << text;
}

TEST(EditMatch, EditsThatAskForNothing) {
  EXPECT_NE(after("a", "", "b").find("invalid_arguments: old_text is empty"), std::string::npos);
  EXPECT_NE(after("a", "a", "a").find("invalid_arguments: old_text and new_text are the same"),
            std::string::npos);
  EXPECT_NE(after("a\nb\n", "a\r\nb\r\n", "a\nb\n").find("the edit would change nothing"),
            std::string::npos);
  EXPECT_NE(after("a\nb\n", "\t\n", "b").find("not_found: old_text is only white space"),
            std::string::npos);
}

TEST(EditMatch, Limits) {
  const std::string large(kEditFileBytesMax, 'x');
  const std::string long_text(kEditTextBytesMax + 1, 'y');
  EXPECT_EQ(code_of(large + "x", {.old_text = "a", .new_text = "b"}), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of("y", {.old_text = long_text, .new_text = "b"}), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of("y", {.old_text = "y", .new_text = long_text}), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of(large,
                    {.old_text = "x", .new_text = long_text.substr(1), .places = EditPlaces::kAll}),
            ErrorCode::kTooLarge);
  // Indentation of the file multiplies, too.
  const std::string deep = std::string(kEditFileBytesMax / 2, ' ') + "a\n";
  EXPECT_EQ(code_of(deep, {.old_text = "a\t", .new_text = "b\nb\nb\nb\n"}), ErrorCode::kTooLarge);
}

// The lines of a text without what does not count, each after a bar.
std::string normal(std::string_view text) {
  std::string out;
  for (const std::string_view line : split_lines(text)) {
    out += '|';
    std::string_view rest = trim(line);
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find_first_of(" \t\r"), rest.size());
      out += rest.substr(0, end);
      rest = trim(rest.substr(end));
      if (!rest.empty()) out += ' ';
    }
  }
  return out + '|';
}

TEST(EditMatch, RandomEditsReplaceWhatWasFound) {
  std::mt19937 random(5);
  const auto text = [&](std::size_t size_max) {
    std::string out;
    for (std::size_t i = random() % size_max; i > 0; --i) out += "ab \t\n\n"[random() % 6];
    return out;
  };
  std::size_t exact = 0;
  std::size_t tolerant = 0;
  for (int round = 0; round < 10'000; ++round) {
    const std::string file = text(24);
    const std::string old_text = text(7);
    const std::string new_text = text(7);
    const Result<EditedText> edited =
        apply_edit(file, {.old_text = old_text, .new_text = new_text});
    if (!edited.ok()) continue;
    if (edited->match == EditMatch::kExact) {
      ++exact;
      ASSERT_EQ(edited->text,
                std::string(file).replace(file.find(old_text), old_text.size(), new_text));
      continue;
    }
    ++tolerant;
    // Without white space, the lines are replaced like words.
    std::string expected = normal(file);
    const std::string old_lines = normal(old_text);
    const std::size_t at = expected.find(old_lines);
    ASSERT_NE(at, std::string::npos) << file << "---\n" << old_text;
    expected.replace(at, old_lines.size(), new_text.empty() ? "|" : normal(new_text));
    ASSERT_EQ(normal(edited->text), expected) << file << "---\n" << old_text << "---\n" << new_text;
  }
  EXPECT_GT(exact, 200u);
  EXPECT_GT(tolerant, 200u);
}

// Inputs that are quadratic for simple searches: this test takes minutes when one of them is used.
TEST(EditMatch, LargeInputsThatAlmostMatchEverywhere) {
  const std::string a_file(kEditFileBytesMax, 'a');
  const std::string a_text(kEditTextBytesMax / 2 - 1, 'a');
  EXPECT_EQ(code_of(a_file, {.old_text = a_text + "b" + a_text, .new_text = "x"}),
            ErrorCode::kNotFound);
  EXPECT_EQ(code_of(a_file, {.old_text = a_text, .new_text = "x"}), ErrorCode::kInvalidArguments);

  std::string line_file;
  while (line_file.size() + 8 < kEditFileBytesMax) line_file += " a\n";
  std::string line_text;
  while (line_text.size() + 8 < kEditTextBytesMax) line_text += "a\n";
  EXPECT_EQ(code_of(line_file, {.old_text = line_text + "b\n", .new_text = "x"}),
            ErrorCode::kNotFound);

  // A long line that stays first of what is compared while many short ones pass.
  const std::string mixed =
      std::string(8 * 1024 * 1024, 'z') + "\n" + line_file.substr(0, 4 * 1024 * 1024);
  EXPECT_EQ(code_of(mixed, {.old_text = line_text + "b\n", .new_text = "x"}), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace perdure
