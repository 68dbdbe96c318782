// read_file and read_output: what a model sees of a file, and of an output that was cut.
#include <filesystem>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "tests/support/run_process.h"
#include "tests/support/tool_bench.h"
#include "tools/output_limit.h"

namespace perdure {
namespace {

using test::ToolBench;

std::string numbered(int lines) {
  std::string text;
  for (int i = 1; i <= lines; ++i) text += fmt::format("line {}\n", i);
  return text;
}

TEST(ReadFile, AWholeFileIsShownAsItIs) {
  ToolBench bench;
  bench.write("a.txt", "one\ntwo");
  EXPECT_EQ(bench.answer("read_file", R"({"path":"a.txt"})"), "one\ntwo");
  EXPECT_EQ(bench.answer("read_file", R"({"path":"./x/../a.txt"})"), "one\ntwo");
  EXPECT_EQ(bench.answer("read_file", fmt::format(R"({{"path":"{}"}})", bench.path("a.txt"))),
            "one\ntwo");
  EXPECT_EQ(bench.known_hashes["a.txt"], to_hex(sha256("one\ntwo")));
}

TEST(ReadFile, PartsSayWhichTheyAre) {
  ToolBench bench;
  bench.write("ten", numbered(10));
  bench.write("open", "a\nb\nc");
  struct Case {
    const char* arguments;
    const char* expected;
  };
  const Case cases[] = {
      {R"({"path":"ten","first_line":9})", "[lines 9 to 10 of 10]\nline 9\nline 10\n"},
      {R"({"path":"ten","first_line":2,"lines":1})", "[lines 2 to 2 of 10]\nline 2\n"},
      {R"({"path":"ten","lines":2})", "[lines 1 to 2 of 10]\nline 1\nline 2\n"},
      {R"({"path":"ten","first_line":11})", "error: Error: 'ten' has 10 lines"},
      {R"({"path":"open","first_line":3})", "[lines 3 to 3 of 3]\nc"},
      {R"({"path":"open","lines":100})", "a\nb\nc"},
      // JSON Schema takes a number without a fraction for an integer.
      {R"({"path":"ten","first_line":1e1,"lines":1.0})", "[lines 10 to 10 of 10]\nline 10\n"},
  };
  for (const Case& row : cases) {
    EXPECT_EQ(bench.answer("read_file", row.arguments), row.expected) << row.arguments;
  }
}

TEST(ReadFile, NumbersBeyondAllBoundsDoNoHarm) {
  ToolBench bench;
  bench.write("ten", numbered(10));
  for (const char* number : {"1e300", "18446744073709551615", "9223372036854775807", "1e18"}) {
    EXPECT_EQ(bench.answer("read_file", fmt::format(R"({{"path":"ten","first_line":{}}})", number)),
              "error: Error: 'ten' has 10 lines")
        << number;
    EXPECT_EQ(bench.answer("read_file", fmt::format(R"({{"path":"ten","lines":{}}})", number)),
              numbered(10))
        << number;
  }
  for (const char* number : {"0", "-1", "-1e300", "1.5"}) {
    const std::string arguments = fmt::format(R"({{"path":"ten","first_line":{}}})", number);
    EXPECT_EQ(bench.call("read_file", arguments).status, CallStatus::kInvalid) << number;
  }
}

TEST(ReadFile, AnEmptyFileIsSaidToBeEmpty) {
  ToolBench bench;
  bench.write("empty", "");
  EXPECT_EQ(bench.answer("read_file", R"({"path":"empty"})"), "(empty file)");
  EXPECT_EQ(bench.answer("read_file", R"({"path":"empty","first_line":7})"), "(empty file)");
}

TEST(ReadFile, AtMostAThousandLines) {
  ToolBench bench;
  bench.write("many", numbered(2'500));
  const std::string first = bench.answer("read_file", R"({"path":"many","lines":2000})");
  EXPECT_EQ(first.rfind("[lines 1 to 1000 of 2500]\nline 1\n", 0), 0u);
  EXPECT_EQ(first.substr(first.size() - 10), "line 1000\n");
  const std::string last = bench.answer("read_file", R"({"path":"many","first_line":2001})");
  EXPECT_EQ(last.rfind("[lines 2001 to 2500 of 2500]\nline 2001\n", 0), 0u);
}

TEST(ReadFile, AtMostSixtyFourKilobytes) {
  ToolBench bench;
  const std::string line(10'000, 'x');
  std::string text;
  for (int i = 0; i < 20; ++i) text += line + "\n";
  bench.write("wide", text);
  // Six lines fit, a seventh would not.
  const std::string page = bench.answer("read_file", R"({"path":"wide"})");
  EXPECT_EQ(page.substr(0, 24), "[lines 1 to 6 of 20]\nxxx");
  EXPECT_EQ(page.size(), 21u + 6 * 10'001u);
}

TEST(ReadFile, ALineLongerThanAPageIsCutAndSaysSo) {
  ToolBench bench;
  // A character of two bytes across the cut.
  bench.write("long",
              std::string(65'535, 'x') + "\xc3\xa4" + std::string(100'000, 'y') + "\nend\n");
  const std::string page = bench.answer("read_file", R"({"path":"long"})");
  EXPECT_EQ(page.rfind("[lines 1 to 1 of 2]\nxxx", 0), 0u);
  EXPECT_EQ(page.substr(page.size() - 41), "xx\n[line 1 goes on: it has 165,538 bytes]");
  EXPECT_EQ(bench.answer("read_file", R"({"path":"long","first_line":2})"),
            "[lines 2 to 2 of 2]\nend\n");
}

TEST(ReadFile, BinaryFilesAreNamedNotShown) {
  ToolBench bench;
  bench.write("image", std::string("\x89PNG\r\n\0\0\0", 9));
  EXPECT_EQ(bench.answer("read_file", R"({"path":"image"})"),
            "error: Error: 'image' is a binary file of 9 B");
}

TEST(ReadFile, InvalidUtf8IsReplacedNotRefused) {
  ToolBench bench;
  bench.write("latin", "caf\xe9 \xff\n");
  EXPECT_EQ(bench.answer("read_file", R"({"path":"latin"})"), "caf\xef\xbf\xbd \xef\xbf\xbd\n");
  bench.write("bad", std::string(70'000, '\xff') + "\n");
  EXPECT_TRUE(is_valid_utf8(bench.answer("read_file", R"({"path":"bad"})")));
}

TEST(ReadFile, AFileOfManyLinesCostsNoMoreMemoryThanItsBytes) {
  ToolBench bench;
  bench.write("lines", std::string(16 << 20, '\n'));
  const std::string arguments = R"({"path":"lines","first_line":16777216})";
  EXPECT_EQ(bench.answer("read_file", arguments), "[lines 16777216 to 16777216 of 16777216]\n\n");
  test::reset_memory_peak();
  const std::int64_t before = test::memory_peak_bytes();
  bench.answer("read_file", arguments);
  EXPECT_LT(test::memory_peak_bytes() - before, test::memory_limit_bytes(64 << 20));
}

TEST(ReadFile, WhatIsNoFileIsSaid) {
  ToolBench bench;
  bench.write("folder/x", "");
  EXPECT_EQ(
      bench.answer("read_file", R"({"path":"folder"})"),
      "error: Error: 'folder' is a directory, not a regular file\nuse list_files to look into "
      "a directory");
  EXPECT_EQ(bench.answer("read_file", R"({"path":"none"})"), "error: Error: 'none' does not exist");
  std::filesystem::resize_file((bench.write("big", ""), bench.path("big")), (16 << 20) + 1);
  EXPECT_EQ(bench.answer("read_file", R"({"path":"big"})"),
            "error: Error: 'big': larger than the limit of 16777216 bytes");
}

// --- read_output ---

class ReadOutput : public testing::Test {
 protected:
  void store(const std::string& id, const std::string& text) {
    bench_.stored_outputs[id] = {.blob = *bench_.blobs().put(text),
                                 .bytes = static_cast<std::int64_t>(text.size())};
  }
  ToolBench bench_;
};

TEST_F(ReadOutput, PagesFromWhereTheCutOutputSays) {
  std::string text;
  for (int i = 0; text.size() < 40'000; ++i) text += fmt::format("row {}\n", i);
  store("3.1", text);
  std::string together;
  for (std::size_t offset = 0; offset < text.size();) {
    const std::string answer =
        bench_.answer("read_output", fmt::format(R"({{"output":"3.1","offset":{}}})", offset));
    const std::size_t end = answer.find("]\n");
    ASSERT_NE(end, std::string::npos) << answer;
    const std::string page = answer.substr(end + 2);
    EXPECT_EQ(answer.substr(0, end),
              fmt::format("[bytes {} to {} of {}", offset, offset + page.size(), text.size()));
    EXPECT_LE(page.size(), 16u * 1024);
    together += page;
    offset += page.size();
  }
  EXPECT_EQ(together, text);
}

TEST_F(ReadOutput, PagesEndBetweenCharacters) {
  std::string text = "x";
  for (int i = 0; i < 6'000; ++i) text += "\xe2\x82\xac";  // 16,384 is in the middle of one
  store("1.0", text);
  const std::string first = bench_.answer("read_output", R"({"output":"1.0"})");
  EXPECT_EQ(first.rfind("[bytes 0 to 16384 of 18001]\n", 0), 0u) << first.substr(0, 40);
  EXPECT_EQ(first.find("\xef\xbf\xbd"), std::string::npos);
  const std::string inside = bench_.answer("read_output", R"({"output":"1.0","offset":1})");
  EXPECT_EQ(inside.rfind("[bytes 1 to 16384 of 18001]\n", 0), 0u) << inside.substr(0, 40);
  EXPECT_EQ(inside.find("\xef\xbf\xbd"), std::string::npos);
}

TEST_F(ReadOutput, SaysWhatThereIs) {
  EXPECT_EQ(bench_.answer("read_output", R"({"output":"1.0"})"),
            "error: Error: there is no stored output '1.0'\nNo output was cut so far.");
  store("3.1", "text");
  store("4.0", "text");
  EXPECT_EQ(bench_.answer("read_output", R"({"output":"1.0"})"),
            "error: Error: there is no stored output '1.0'\nStored: 3.1, 4.0");
  for (const char* offset : {"4", "5", "1e300", "18446744073709551615"}) {
    EXPECT_EQ(
        bench_.answer("read_output", fmt::format(R"({{"output":"3.1","offset":{}}})", offset)),
        "error: Error: the output has 4 bytes")
        << offset;
  }
}

TEST_F(ReadOutput, AnIdIsNeverAPath) {
  bench_.around().write("secret", "canary");
  for (const char* id : {"../secret", "/etc/passwd", "../../secret"}) {
    EXPECT_EQ(bench_.call("read_output", fmt::format(R"({{"output":"{}"}})", id)).status,
              CallStatus::kError);
  }
}

TEST_F(ReadOutput, GoesOnWhereAShownPartEnds) {
  std::string text;
  for (int i = 0; text.size() < 100'000; ++i) text += fmt::format("row {}\n", i);
  store("2.0", text);
  const std::string shown = shown_part(text, kShownBytesMax, "2.0");
  const std::size_t call = shown.find("read_output ");
  ASSERT_NE(call, std::string::npos);
  const std::size_t start = call + 12;
  const std::string arguments = shown.substr(start, shown.find('}', start) - start + 1);
  const std::string answer = bench_.answer("read_output", arguments);
  const std::string page = answer.substr(answer.find("]\n") + 2);
  EXPECT_EQ(shown.substr(0, shown.find("\n... [")) + page,
            text.substr(0, shown.find("\n... [") + page.size()));
}

}  // namespace
}  // namespace perdure
