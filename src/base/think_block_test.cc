// Thinking that stands in the content of a reply (fault N70): what is thinking and what the answer,
// wherever the content is cut.
#include "base/think_block.h"

#include <ostream>
#include <string>

#include <gtest/gtest.h>

namespace perdure {
namespace {

struct Row {
  const char* name;
  std::string content;
  std::string reasoning;
  std::string text;
};

void PrintTo(const Row& row, std::ostream* out) {
  *out << row.name;
}

class ThinkBlockTable : public testing::TestWithParam<Row> {};

std::string split_at(const std::string& content, std::size_t cut) {
  ThinkBlock block;
  std::string reasoning;
  std::string text;
  for (const std::string& part : {content.substr(0, cut), content}) {
    const ThinkBlock::Piece piece = block.release(part, ThinkBlock::More::kMayCome);
    reasoning += piece.reasoning;
    text += piece.text;
  }
  const ThinkBlock::Piece rest = block.release(content, ThinkBlock::More::kNone);
  return reasoning + std::string(rest.reasoning) + "|" + text + std::string(rest.text);
}

TEST_P(ThinkBlockTable, IsTheSameAtEverySplit) {
  const Row& row = GetParam();
  for (std::size_t cut = 0; cut <= row.content.size(); ++cut) {
    EXPECT_EQ(split_at(row.content, cut), row.reasoning + "|" + row.text) << "at " << cut;
  }
  ThinkBlock block;
  std::string reasoning;
  for (std::size_t size = 0; size <= row.content.size(); ++size) {
    reasoning += block.release(row.content.substr(0, size), ThinkBlock::More::kMayCome).reasoning;
  }
  EXPECT_TRUE(row.reasoning.starts_with(reasoning)) << reasoning;
}

const Row kRows[] = {
    {"thinking_and_an_answer", "<think>Hm.</think>Hello", "Hm.", "Hello"},
    {"white_space_around", "\n<think>\nHm.\n</think>\n\nHello\n", "\nHm.\n", "Hello\n"},
    {"empty", "<think></think>Hello", "", "Hello"},
    {"an_older_mark", "\u25c1think\u25b7Hm.\u25c1/think\u25b7Hello", "Hm.", "Hello"},
    {"never_closed", "<think>Hm. </thin", "Hm. </thin", ""},
    {"thinking_alone", "<think>Hm.</think>\n", "Hm.", ""},
    {"later_in_the_text", "Write `<think>` and `</think>`.", "", "Write `<think>` and `</think>`."},
    {"in_a_code_block", "```\n<think>a</think>\n```", "", "```\n<think>a</think>\n```"},
    {"again_in_the_answer", "<think>a</think>b <think>c</think> d", "a", "b <think>c</think> d"},
    {"a_mark_that_is_none", "<thinker>a</think>", "", "<thinker>a</think>"},
    {"a_beginning_that_is_none", "<thin", "", "<thin"},
    {"the_other_mark_does_not_end_it", "<think>a\u25c1/think\u25b7b</think>c",
     "a\u25c1/think\u25b7b", "c"},
    {"marks_of_its_end_that_are_none", "<think>a </th </thi</think>b", "a </th </thi", "b"},
    {"white_space", " \n", "", " \n"},
    {"nothing", "", "", ""},
};
INSTANTIATE_TEST_SUITE_P(N70, ThinkBlockTable, testing::ValuesIn(kRows),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(ThinkBlock, IsNotLookedForWhereReasoningComesApart_N70) {
  ThinkBlock block = ThinkBlock::none();
  const ThinkBlock::Piece piece = block.release("<think>a</think>b", ThinkBlock::More::kNone);
  EXPECT_EQ(piece.reasoning, "");
  EXPECT_EQ(piece.text, "<think>a</think>b");
}

}  // namespace
}  // namespace perdure
