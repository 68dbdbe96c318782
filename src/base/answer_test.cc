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

}  // namespace
}  // namespace perdure
