#include "model/reply_shape.h"

#include <gtest/gtest.h>

#include "model/profile.h"
#include "model/reply_reader.h"
#include "tests/support/replies.h"

namespace perdure {
namespace {

TEST(ReplyShape, names_the_form_of_an_id) {
  EXPECT_EQ(form_of_id("functions.read:3", "read"), "functions.NAME:N");
  EXPECT_EQ(form_of_id("functions.read:3", "functions.read"), "functions.NAME:N");
  EXPECT_EQ(form_of_id("read:0", "read"), "NAME:N");
  EXPECT_EQ(form_of_id("write:0", "read"), "other");
  EXPECT_EQ(form_of_id("functions.read:x", "read"), "other");
  EXPECT_EQ(form_of_id("call_9a", "read"), "call_*");
  EXPECT_EQ(form_of_id("17", "read"), "number");
  EXPECT_EQ(form_of_id("", "read"), "none");
}

ReplyShape shape_of(const test::ReplyInput& input) {
  json::Reader json;
  const HostProfile host;
  ReplyReader reader(json, host, {}, nullptr);
  reader.take_head({.status = 200});
  reader.feed(input.body.empty() ? test::stream_of(input) : input.body);
  (void)reader.finish({}, 0);
  return reader.shape();
}

TEST(ReplyShape, says_where_things_stood_in_a_stream) {
  const ReplyShape shape =
      shape_of({.chunks = {test::delta(R"({"reasoning":"hm","reasoning_content":"hm"})"),
                           test::delta(R"({"tool_calls":[{"index":0,"id":"read:0","function":)"
                                       R"({"name":"read","arguments":"{}"}}]})"),
                           test::delta(R"({"tool_calls":[{"index":1,"id":"call_1","function":)"
                                       R"({"name":"read","arguments":"{}"}}]})"),
                           R"({"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls",)"
                           R"("usage":{"prompt_tokens":1}}]})",
                           R"({"choices":[],"usage":{"prompt_tokens":1}})"}});
  EXPECT_TRUE(shape.is_stream);
  EXPECT_TRUE(shape.has_end_marker);
  EXPECT_FALSE(shape.has_leak);
  EXPECT_EQ(shape.reasoning, "reasoning_content+reasoning");
  EXPECT_EQ(shape.call_ids, "mixed");
  EXPECT_EQ(shape.usage, "choice+top");
}

TEST(ReplyShape, says_it_of_a_whole_reply_and_of_a_leak) {
  const ReplyShape whole = shape_of(
      {.body = R"({"choices":[{"index":0,"message":{"content":"ok"},"finish_reason":"stop"}]})"});
  EXPECT_FALSE(whole.is_stream);
  EXPECT_EQ(whole.usage + whole.reasoning + whole.call_ids, "");
  const ReplyShape leak =
      shape_of({.chunks = {test::delta(R"({"content":"<|tool_call_begin|>functions.a:0)"
                                       R"(<|tool_call_argument_begin|>{}<|tool_call_end|>"})"),
                           test::delta("{}", "tool_calls")},
                .has_end_marker = false});
  EXPECT_TRUE(leak.has_leak);
  EXPECT_FALSE(leak.has_end_marker);
  EXPECT_EQ(leak.call_ids, "") << "as the host sent it: no call";
}

TEST(ReplyShape, tells_what_contradicts_the_profile) {
  HostProfile host;
  const ReplyShape shape{.reasoning = "reasoning", .call_ids = "NAME:N"};
  EXPECT_TRUE(differences(host, "m", shape).empty()) << "nothing was probed";
  host.probed = ProbedFacts{
      .model = "m", .call_ids = "functions.NAME:N", .reasoning = "reasoning", .usage = "top"};
  EXPECT_TRUE(differences(host, "another", shape).empty());
  const std::vector<HostDifference> found = differences(host, "m", shape);
  ASSERT_EQ(found.size(), 2);
  EXPECT_EQ(found[0].fact + " " + found[0].expected + " " + found[0].seen,
            "call_ids functions.NAME:N NAME:N");
  EXPECT_EQ(found[1].fact + " " + found[1].seen, "usage none");
  const std::vector<HostDifference> other =
      differences(host, "m", {.reasoning = "reasoning_content", .usage = "top"});
  ASSERT_EQ(other.size(), 1);
  EXPECT_EQ(other[0].fact + " " + other[0].expected + " " + other[0].seen,
            "reasoning reasoning reasoning_content");
  // A reply that neither thinks nor calls contradicts nothing by that.
  EXPECT_TRUE(differences(host, "m", {.usage = "top"}).empty());
}

}  // namespace
}  // namespace perdure
