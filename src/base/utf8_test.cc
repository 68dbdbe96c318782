#include "base/utf8.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace perdure {
namespace {

constexpr std::string_view kMark = "\uFFFD";

std::string marks(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += kMark;
  return text;
}

// The bytes of a code point, also of one that must not be encoded; with more bytes than needed when
// `size` says so.
std::string encoded(std::uint32_t code_point, int size) {
  if (size == 1) return {static_cast<char>(code_point)};
  std::string bytes;
  for (int i = 0; i < size - 1; ++i) {
    bytes.insert(0, 1, static_cast<char>(0x80 | (code_point & 0x3F)));
    code_point >>= 6;
  }
  const unsigned lead = 0xFFU << static_cast<unsigned>(8 - size) & 0xFFU;
  return static_cast<char>(lead | code_point) + bytes;
}

TEST(Utf8, EveryCodePoint) {
  // Of the planes that have four bytes, one in 251 and the last.
  for (std::uint32_t c = 0; c <= 0x10FFFF; c += c < 0x10000 || c > 0x10FF00 ? 1 : 251) {
    const int size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    const std::string text = encoded(c, size);
    const bool is_surrogate = c >= 0xD800 && c <= 0xDFFF;
    const bool holds = is_valid_utf8(text) == !is_surrogate &&
                       to_valid_utf8(text) == (is_surrogate ? marks(3) : text);
    if (!holds) ADD_FAILURE() << "code point " << std::hex << c;
  }
}

TEST(Utf8, OverlongForms) {
  for (const std::uint32_t c : {0U, 1U, 0x2FU, 0x7FU, 0x80U, 0x7FFU, 0x800U, 0xFFFFU}) {
    const int shortest = c < 0x80 ? 1 : c < 0x800 ? 2 : 3;
    for (int size = shortest + 1; size <= 4; ++size) {
      EXPECT_FALSE(is_valid_utf8(encoded(c, size))) << c << " in " << size;
      EXPECT_EQ(to_valid_utf8(encoded(c, size)), marks(size)) << c << " in " << size;
    }
  }
}

// One mark for each maximal part of a sequence, as the WHATWG decoder has it (Unicode 15, table
// 3-8).
TEST(Utf8, InvalidSequences) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", ""},
      {"plain", "plain"},
      {"\x80", marks(1)},
      {"a\x80\xBF"
       "b",
       "a" + marks(2) + "b"},
      {"\xC3", marks(1)},
      {"\xC3(", marks(1) + "("},
      {"\xE2\x82", marks(1)},
      {"\xE2\x82"
       "A",
       marks(1) + "A"},
      {"\xF0\x9F\x98", marks(1)},
      {"\xF0\x9F\x98\xC3\xA9", marks(1) + "\u00e9"},
      {"\xF0\x80\x80\x41", marks(3) + "A"},
      {"\xF4\x91\x92\x93\xFF"
       "A\x80\xBF"
       "B",
       marks(5) + "A" + marks(2) + "B"},
      {"\xED\xA0\x80\xED\xB0\x80", marks(6)},
      {"\xF8\x88\x80\x80\x80", marks(5)},
      {"\xFE\xFF", marks(2)},
      {"\xC0\xAF", marks(2)},
      {std::string("a\0b", 3), std::string("a\0b", 3)},
  };
  for (const auto& [bytes, expected] : cases) {
    EXPECT_EQ(to_valid_utf8(bytes), expected) << testing::PrintToString(bytes);
    EXPECT_EQ(is_valid_utf8(bytes), bytes == expected) << testing::PrintToString(bytes);
  }
}

TEST(Utf8, PrefixAndSuffixCutNoCharacter) {
  const std::string text = "a\u00e9\u20ac\U0001F600z";  // characters of 1, 2, 3, 4 and 1 bytes
  const std::vector<std::size_t> prefixes = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
  const std::vector<std::size_t> suffixes = {0, 1, 1, 1, 1, 5, 5, 5, 8, 8, 10, 11, 11};
  for (std::size_t bytes = 0; bytes < prefixes.size(); ++bytes) {
    EXPECT_EQ(utf8_prefix(text, bytes), text.substr(0, prefixes[bytes])) << bytes;
    EXPECT_EQ(utf8_suffix(text, bytes), text.substr(text.size() - suffixes[bytes])) << bytes;
  }
}

// Whoever pages through bytes that are no text must get on.
TEST(Utf8, PrefixAndSuffixOfBytesThatAreNoTextAreNotEmpty) {
  const std::string bytes(100, '\x80');
  EXPECT_EQ(utf8_prefix(bytes, 10).size(), 10U);
  EXPECT_EQ(utf8_suffix(bytes, 10).size(), 10U);
  EXPECT_EQ(utf8_prefix(bytes, 2).size(), 2U);
  EXPECT_EQ(utf8_suffix("\x80\x80\x80", 2), "");
  EXPECT_EQ(utf8_prefix(bytes, 0), "");
  EXPECT_EQ(utf8_suffix(bytes, 0), "");
}

TEST(Utf8, DisplayWidth) {
  const std::vector<std::pair<std::string, std::size_t>> cases = {
      {"", 0},
      {"abc", 3},
      {"\u00e9", 1},
      {"e\u0301", 1},
      {"\u65e5\u672c", 4},
      {"\U0001F600", 2},
      {"\n\x1b\x7f", 0},
      {"\xff"
       "a",
       2},
      {"\u200b", 0},
  };
  for (const auto& [text, width] : cases) EXPECT_EQ(display_width(text), width) << text;
  EXPECT_EQ(display_prefix("\u65e5\u672c\u8a9e", 5), "\u65e5\u672c");
  EXPECT_EQ(display_prefix("\u65e5\u672c\u8a9e", 1), "");
  EXPECT_EQ(display_prefix("abc", 3), "abc");
  EXPECT_EQ(display_prefix("ae\u0301x", 2), "ae\u0301");
}

TEST(Utf8, PrintableIsHarmless) {
  struct Case {
    std::string text;
    std::string line;
    std::string lines;  // of printable_lines()
  };
  const std::vector<Case> cases = {
      {"plain \u00e9 \u65e5 \U0001F600", "plain \u00e9 \u65e5 \U0001F600",
       "plain \u00e9 \u65e5 \U0001F600"},
      {"a\nb\tc\rd", "a\\nb\\tc\\rd", "a\nb\tc\\rd"},
      {"\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07",
       "\\x1b[31mred\\x1b]0;title\\x07"},
      {std::string("\0\x7f", 2), "\\x00\\x7f", "\\x00\\x7f"},
      {"\u0080\u009b\u009f", "\\x80\\x9b\\x9f", "\\x80\\x9b\\x9f"},
      {"\x9b[0m\xff", "\\x9b[0m\\xff", "\\x9b[0m\\xff"},
      {"a\u202eb\u2066c", "a\\u{202e}b\\u{2066}c", "a\\u{202e}b\\u{2066}c"},
      {"a\u2028b\u2029c", "a\\u{2028}b\\u{2029}c", "a\\u{2028}b\\u{2029}c"},
      {"\uFEFF\u200b\U000E0041", "\\u{feff}\\u{200b}\\u{e0041}", "\\u{feff}\\u{200b}\\u{e0041}"},
  };
  for (const Case& example : cases) {
    EXPECT_EQ(printable(example.text), example.line);
    EXPECT_EQ(printable_lines(example.text), example.lines);
  }
}

}  // namespace
}  // namespace perdure
