// JSON that hosts write and parsers refuse: what is made of it (faults N47, N51).
#include "model/repair.h"

#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace perdure {
namespace {

TEST(RepairEncoding, ReplacesWhatNoParserTakes) {
  const std::pair<std::string_view, std::string_view> kRows[] = {
      {R"("plain \n \\ \" é")", R"("plain \n \\ \" é")"},
      {R"("\ud83d\ude00")", R"("\ud83d\ude00")"},
      {R"("\uD83D\uDE00")", R"("\uD83D\uDE00")"},
      {R"("\ud83d")", "\"\uFFFD\""},
      {R"("\ude00\ud83d")", "\"\uFFFD\uFFFD\""},
      {R"("\ud83d\ud83d\ude00")", "\"\uFFFD\\ud83d\\ude00\""},
      {R"("\\ud83d")", R"("\\ud83d")"},
      {"\"\xF0\x9F\x98\"", "\"\uFFFD\""},
      {"\"\xC0\x80\"", "\"\uFFFD\uFFFD\""},
      {R"("\ud8)", R"("\ud8)"},
      {R"("\)", R"("\)"},
      {"", ""},
  };
  for (const auto& [text, repaired] : kRows) EXPECT_EQ(repair_encoding(text), repaired) << text;
}

TEST(UnreadableNumbers, BecomeNullAndNothingElseChanges) {
  const std::pair<std::string_view, std::string_view> kRows[] = {
      {R"({"a":1,"b":-0,"c":1.5e300,"d":"1e400 NaN"})",
       R"({"a":1,"b":-0,"c":1.5e300,"d":"1e400 NaN"})"},
      {R"({"a":1e400})", R"({"a":null})"},
      {R"([-1E+999,2])", R"([null,2])"},
      {R"([18446744073709551615,18446744073709551616])", R"([18446744073709551615,null])"},
      {R"([-9223372036854775808,-9223372036854775809])", R"([-9223372036854775808,null])"},
      {R"([NaN, Infinity ,-Infinity])", R"([null, null ,null])"},
      {R"({"NaN":"\"NaN","x":NaN})", R"({"NaN":"\"NaN","x":null})"},
      {R"([nan,Nan,NaNa,true,false,null])", R"([nan,Nan,NaNa,true,false,null])"},
      {R"("open NaN)", R"("open NaN)"},
      {R"("\)", R"("\)"},
      {"", ""},
  };
  for (const auto& [text, readable] : kRows)
    EXPECT_EQ(without_unreadable_numbers(text), readable) << text;
}

}  // namespace
}  // namespace perdure
