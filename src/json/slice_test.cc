#include "json/slice.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(JsonSlice, ElementsAsTheyAreWritten) {
  EXPECT_THAT(json::element_slices("[]"), IsEmpty());
  EXPECT_THAT(json::element_slices(" [ \n] "), IsEmpty());
  EXPECT_THAT(json::element_slices(R"([1, -2.50e+1 ,"a,]\"b\\",null,true])"),
              ElementsAre("1", "-2.50e+1", R"("a,]\"b\\")", "null", "true"));
  EXPECT_THAT(json::element_slices("[ {\"a\" : [ 1 ]} ,\t[[ ],[{}]]\r\n]"),
              ElementsAre("{\"a\" : [ 1 ]}", "[[ ],[{}]]"));
  EXPECT_THAT(json::element_slices(R"([{"a":"}]["},["[{"]])"),
              ElementsAre(R"({"a":"}]["})", R"(["[{"])"));
}

TEST(JsonSlice, MembersAsTheyAreWritten) {
  EXPECT_THAT(json::member_slices("{}"), IsEmpty());
  EXPECT_THAT(
      json::member_slices(R"({ "a" : 1.0 ,"b":{"c":[ ]},"a":"x:,}" })"),
      ElementsAre(Pair("\"a\"", "1.0"), Pair("\"b\"", "{\"c\":[ ]}"), Pair("\"a\"", "\"x:,}\"")));
  EXPECT_EQ(json::member_slice(R"({"ab":1,"a":{"b":2},"b":3})", "a"), R"({"b":2})");
  EXPECT_EQ(json::member_slice(R"({"ab":1,"a":{"b":2},"b":3})", "b"), "3");
  EXPECT_EQ(json::member_slice(R"({"ab":1})", "a"), "");
  EXPECT_EQ(json::member_slice(R"({"a":""})", "a"), "\"\"");
}

// Slices point into the text: nothing is copied.
TEST(JsonSlice, PointIntoTheText) {
  const std::string text = R"([ "a" ])";
  const std::vector<std::string_view> slices = json::element_slices(text);
  ASSERT_EQ(slices.size(), 1U);
  EXPECT_EQ(slices[0].data(), text.data() + 2);
}

// Text that no parser has accepted gives some answer within the text, whatever it is.
TEST(JsonSlice, BadTextStaysInBounds) {
  const std::vector<std::string> seeds = {R"([1,"a\"",{"b":[true]}])",
                                          R"({"a":"x\\","b":{"c":[1,2]},"d":null})",
                                          "[[[[",
                                          "{\"a\"",
                                          "\"\\",
                                          "[\"\\",
                                          "{\"a\":\"\\",
                                          "]",
                                          "[1]]",
                                          "{,}",
                                          "[,]"};
  const auto check = [](const std::string& text) {
    const auto inside = [&](std::string_view slice) {
      return slice.empty() || (slice.data() >= text.data() &&
                               slice.data() + slice.size() <= text.data() + text.size());
    };
    for (const std::string_view slice : json::element_slices(text)) EXPECT_TRUE(inside(slice));
    for (const auto& [key, value] : json::member_slices(text)) {
      EXPECT_TRUE(inside(key) && inside(value));
    }
    json::member_slice(text, "a");
  };
  for (const std::string& seed : seeds) {
    for (std::size_t end = 0; end <= seed.size(); ++end) {
      check(seed.substr(0, end));
      for (const char c : {'"', '\\', '[', '}', ',', '\0'}) {
        std::string changed = seed;
        if (end < seed.size()) changed[end] = c;
        check(changed);
      }
    }
  }
}

}  // namespace
}  // namespace perdure
