#include "tools/output_limit.h"

#include <string>

#include <gtest/gtest.h>

#include "base/utf8.h"
#include "tests/support/run_process.h"

namespace perdure {
namespace {

std::string times_over(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(OutputBuffer, KeepsWhatFits) {
  OutputBuffer buffer;
  EXPECT_EQ(buffer.take(), "");
  for (const char* piece : {"a", "", "bc\n", "d"}) buffer.append(piece);
  EXPECT_EQ(buffer.total_bytes(), 5u);
  EXPECT_EQ(buffer.take(), "abc\nd");
}

TEST(OutputBuffer, KeepsBeginningAndEndOfWhatDoesNot) {
  // In pieces that never meet the limits, so that cuts fall inside of them.
  OutputBuffer buffer;
  std::string all;
  for (int i = 0; all.size() < kStoredHeadBytes + 3 * kStoredTailBytes; ++i) {
    const std::string line = std::to_string(i) + "\n";
    buffer.append(line);
    all += line;
  }
  const std::string kept = buffer.take();
  EXPECT_EQ(kept.substr(0, kStoredHeadBytes), all.substr(0, kStoredHeadBytes));
  EXPECT_EQ(kept.substr(kept.size() - kStoredTailBytes), all.substr(all.size() - kStoredTailBytes));
  const std::size_t missing = all.size() - kStoredHeadBytes - kStoredTailBytes;
  std::string digits;
  for (const char c :
       kept.substr(kStoredHeadBytes, kept.size() - kStoredHeadBytes - kStoredTailBytes)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  EXPECT_EQ(digits, std::to_string(missing)) << "the line says how much is missing";
}

TEST(OutputBuffer, ExactlyWhatFitsIsWhole) {
  const std::string exact(kStoredHeadBytes + kStoredTailBytes, 'x');
  for (const std::size_t more : {0u, 1u}) {
    OutputBuffer buffer;
    buffer.append(exact);
    buffer.append(std::string(more, 'y'));
    const std::string kept = buffer.take();
    EXPECT_EQ(kept == exact, more == 0);
    EXPECT_EQ(kept.find("[1 bytes were not kept]") != std::string::npos, more == 1);
  }
}

TEST(OutputBuffer, A30MemoryDoesNotDependOnTheOutput) {
  const std::string piece(64 * 1024, 'x');
  OutputBuffer buffer;
  test::reset_memory_peak();
  const std::int64_t before = test::memory_peak_bytes();
  for (int i = 0; i < 8'000; ++i) buffer.append(piece);  // 500 MB
  const std::string kept = buffer.take();
  EXPECT_LT(test::memory_peak_bytes() - before, test::memory_limit_bytes(8 << 20));
  EXPECT_EQ(buffer.total_bytes(), 8'000u * piece.size());
  EXPECT_LT(kept.size(), kStoredHeadBytes + kStoredTailBytes + 100);
}

TEST(ShownPart, AShortTextIsItself) {
  EXPECT_EQ(shown_part("", 10, "1.0"), "");
  EXPECT_EQ(shown_part("0123456789", 10, "1.0"), "0123456789");
}

TEST(ShownPart, ALongTextIsHeadAndTailAndAWordOnTheRest) {
  const std::string text = times_over("line of text\n", 100) + "the error\n";
  const std::string shown = shown_part(text, 200, "12.3");
  // Two fifths for the head, three for the tail, cut at line ends.
  const std::string head = times_over("line of text\n", 6);
  const std::string tail = times_over("line of text\n", 8) + "the error\n";
  EXPECT_EQ(shown, head +
                       "\n... [1,118 of 1,310 bytes are not shown; read_output "
                       "{\"output\":\"12.3\",\"offset\":78} shows more] ...\n" +
                       tail);
}

TEST(ShownPart, NeverCutsACharacterAndNeverLosesCount) {
  const std::string text =
      times_over("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 200);  // 2, 3 and 4 bytes
  for (std::size_t bytes_max = 1; bytes_max < 300; ++bytes_max) {
    const std::string shown = shown_part(text, bytes_max, "1.0");
    EXPECT_TRUE(is_valid_utf8(shown)) << bytes_max;
    EXPECT_LE(shown.size(), bytes_max + 120) << bytes_max;
  }
}

TEST(ShownPart, ALineWithoutEndIsCutAllTheSame) {
  const std::string shown = shown_part(std::string(10'000, 'x'), 1'000, "1.0");
  EXPECT_EQ(shown.substr(0, 401), std::string(400, 'x') + "\n");
  EXPECT_EQ(shown.substr(shown.size() - 601), "\n" + std::string(600, 'x'));
}

}  // namespace
}  // namespace perdure
