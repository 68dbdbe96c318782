#include "base/text.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Text, NearestWord) {
  const std::vector<std::string> names = {"model",      "host", "max_steps", "read_file",
                                          "write_file", "id",   "kimi-k2.6"};
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"modle", "model"},  // neighbours swapped are one mistake
      {"mdel", "model"},
      {"models", "model"},
      {"MODEL", "model"},
      {"hots", "host"},
      {"maxsteps", "max_steps"},
      {"max-steps", "max_steps"},
      {"readfile", "read_file"},
      {"wirte_flie", "write_file"},
      {"kimi-k2.5", "kimi-k2.6"},
      {"ia", "id"},
      {"", ""},
      {"x", ""},
      {"hxyt", ""},
      {"temperature", ""},
      {"mo", ""},
      {std::string(65, 'm'), ""},
  };
  for (const auto& [word, meant] : cases) {
    EXPECT_EQ(nearest(word, names).value_or(""), meant) << word;
  }
  EXPECT_EQ(nearest("model", {}), std::nullopt);
  const std::vector<std::string> both = {"cat", "car"};
  EXPECT_EQ(nearest("car", both), "car");
}

TEST(Text, Trim) {
  EXPECT_EQ(trim(" \t\r\n\f\va b \n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim("\u00a0x"), "\u00a0x");
}

TEST(Text, SplitAndJoin) {
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_THAT(split("a", ','), ElementsAre("a"));
  EXPECT_THAT(split(",a,,b,", ','), ElementsAre("", "a", "", "b", ""));
  EXPECT_THAT(split_lines(""), IsEmpty());
  EXPECT_THAT(split_lines("\n"), ElementsAre(""));
  EXPECT_THAT(split_lines("a\n\nb"), ElementsAre("a", "", "b"));
  EXPECT_THAT(split_lines("a\nb\n"), ElementsAre("a", "b"));
  EXPECT_EQ(join({}, ", "), "");
  EXPECT_EQ(join(std::vector<std::string>{"a", "", "b"}, ", "), "a, , b");
  EXPECT_EQ(to_lower_ascii("ABZ[\u00c9"), "abz[\u00c9");
}

TEST(Text, ShellQuote) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "''"},
      {"plain-1.2/x:y=z,@%+_", "plain-1.2/x:y=z,@%+_"},
      {"a b", "'a b'"},
      {"it's", R"('it'\''s')"},
      {"$HOME", "'$HOME'"},
      {"`x`", "'`x`'"},
      {"~", "'~'"},
      {"*", "'*'"},
      {"a\nb", "'a\nb'"},
      {"\\", R"('\')"},
      {"\u00e9", "'\u00e9'"},
      {"!", "'!'"},
  };
  for (const auto& [word, quoted] : cases) EXPECT_EQ(shell_quote(word), quoted);
  EXPECT_EQ(shell_join(std::vector<std::string>{"rm", "-f", "a b"}), "rm -f 'a b'");
  EXPECT_EQ(shell_join({}), "");
}

TEST(Text, Numbers) {
  const std::vector<std::pair<std::int64_t, std::string>> counts = {
      {0, "0"},
      {999, "999"},
      {1000, "1,000"},
      {-999, "-999"},
      {-1000, "-1,000"},
      {1234567, "1,234,567"},
      {std::numeric_limits<std::int64_t>::max(), "9,223,372,036,854,775,807"},
      {std::numeric_limits<std::int64_t>::min(), "-9,223,372,036,854,775,808"},
  };
  for (const auto& [number, text] : counts) EXPECT_EQ(grouped(number), text);

  const std::vector<std::pair<std::uint64_t, std::string>> sizes = {
      {0, "0 B"},
      {999, "999 B"},
      {1000, "1.0 KB"},
      {12'400, "12.4 KB"},
      {999'949, "999.9 KB"},
      {999'950, "1.0 MB"},
      {3'100'000, "3.1 MB"},
      {999'950'000, "1.0 GB"},
      {2'500'000'000, "2.5 GB"},
  };
  for (const auto& [bytes, text] : sizes) EXPECT_EQ(bytes_text(bytes), text);

  const std::vector<std::pair<std::int64_t, std::string>> durations = {
      {0, "0 ms"},           {850, "850 ms"},        {999, "999 ms"},
      {1000, "1.0 s"},       {12'300, "12.3 s"},     {59'949, "59.9 s"},
      {59'950, "1m 00s"},    {245'000, "4m 05s"},    {3'599'499, "59m 59s"},
      {3'599'500, "1h 00m"}, {11'520'000, "3h 12m"}, {360'000'000, "100h 00m"},
  };
  for (const auto& [ms, text] : durations) EXPECT_EQ(duration_text(ms), text) << ms;

  const std::vector<std::pair<double, std::string>> prices = {
      {0, "$0.00"},   {0.0042, "$0.0042"}, {0.0999, "$0.0999"},
      {0.1, "$0.10"}, {1.25, "$1.25"},     {123.456, "$123.46"},
  };
  for (const auto& [usd, text] : prices) EXPECT_EQ(usd_text(usd), text);
}

}  // namespace
}  // namespace perdure
