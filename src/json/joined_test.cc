#include "json/joined.h"

#include <gtest/gtest.h>

namespace perdure::json {
namespace {

TEST(Joined, has_the_members_of_both_and_the_texts_and_lists_that_join_one_behind_the_other) {
  const std::set<std::string, std::less<>> texts = {"content", "reasoning", "details"};
  EXPECT_EQ(
      joined(
          R"({"role":"assistant","reasoning":"R1 ","content":"A\n\"","id":"a"})",
          R"({"role":"assistant","content":"B\u00e9","reasoning":"R2","tool_calls":[1],"id":"b"})",
          texts),
      R"({"role":"assistant","reasoning":"R1 R2","content":"A\n\"B\u00e9","id":"a",)"
      R"("tool_calls":[1]})");
  EXPECT_EQ(joined(R"({"details":[{"a":1}]})", R"({"details":[2,"x"]})", texts),
            R"({"details":[{"a":1},2,"x"]})");
  EXPECT_EQ(joined(R"({"details":[]})", R"({"details":[2]})", texts), R"({"details":[2]})");
  EXPECT_EQ(joined(R"({"details":[1]})", R"({"details":[]})", texts), R"({"details":[1]})");
  EXPECT_EQ(joined(R"({"content":"A"})", R"({"content":null})", texts), R"({"content":"A"})");
  EXPECT_EQ(joined(R"({"content":"A"})", R"({"content":""})", texts), R"({"content":"A"})");
  EXPECT_EQ(joined("{}", R"({"content":"B"})", texts), R"({"content":"B"})");
  EXPECT_EQ(joined(R"({"content":"B"})", "", texts), R"({"content":"B"})");
  EXPECT_EQ(joined("{}", "{}", texts), "{}");
}

}  // namespace
}  // namespace perdure::json
