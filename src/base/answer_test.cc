// What of a message counts as its answer: what people read, and what an empty reply lacks.
#include "base/answer.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/support/json.h"

namespace perdure {
namespace {

TEST(AnswerOf, LeavesOutThinkingThatStandsInTheContent_N70) {
  const std::pair<const char*, const char*> kMessages[] = {
      {R"({"content":"Hi"})", "Hi"},
      {R"({"content":"<think>Hm.</think>\n\nHi"})", "Hi"},
      {R"({"content":"<think>Hm.</think>"})", ""},
      {R"({"content":"Write <think>a</think>"})", "Write <think>a</think>"},
      {R"({"content":[{"type":"text","text":"<think>a</"},{"type":"text","text":"think>b"}]})",
       "b"},
      // Where reasoning stands apart, such marks are text.
      {R"({"reasoning_content":"Hm.","content":"<think>a</think>b"})", "<think>a</think>b"},
      {R"({"reasoning":"Hm.","content":"<think>a</think>b"})", "<think>a</think>b"},
      {R"({"reasoning_details":[{"text":"Hm."}],"content":"<think>a</think>b"})",
       "<think>a</think>b"},
      // A placeholder is no reasoning.
      {R"({"reasoning_content":" ","content":"<think>a</think>b"})", "b"},
      {R"({"content":null})", ""},
      {"{}", ""},
  };
  for (const auto& [message, answer] : kMessages)
    EXPECT_EQ(answer_of(test::parse_json(message)), answer) << message;
}

TEST(ReasoningOf, IsWhatTheAnswerLeavesOut_N70) {
  const std::pair<const char*, const char*> kMessages[] = {
      {R"({"content":"Hi"})", ""},
      {R"({"content":"<think>Hm.</think>\n\nHi"})", "Hm."},
      {R"({"content":"<think>Hm."})", "Hm."},
      {R"({"content":"Write <think>a</think>"})", ""},
      {R"({"reasoning_content":" Hm.\n","content":"<think>a</think>b"})", " Hm.\n"},
      {R"({"reasoning":"Hm.","content":"Hi"})", "Hm."},
      {R"({"reasoning_content":" ","reasoning":"Hm.","content":"Hi"})", "Hm."},
      {R"({"reasoning_content":" ","content":"<think>a</think>b"})", "a"},
      {R"({"reasoning_details":[{"text":"Hm. "},{"summary":"So."}],"content":"<think>a"})",
       "Hm. So."},
      {R"({"reasoning_details":[{"data":"c2VjcmV0"}],"content":"<think>a</think>b"})", ""},
      {R"({"reasoning_details":[],"content":"<think>a</think>b"})", "a"},
      {"{}", ""},
  };
  for (const auto& [message, reasoning] : kMessages)
    EXPECT_EQ(reasoning_of(test::parse_json(message)), reasoning) << message;
}

}  // namespace
}  // namespace perdure
