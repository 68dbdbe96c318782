// Numbers that no machine holds, keys twice, nesting without end (fault N51), through the real
// client: beside a reply they do not spoil it, in the arguments of a call they stay as they came.
#include <ostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/writer.h"
#include "tests/support/model_exchange.h"

namespace perdure {
namespace {

using test::Asked;
using test::delta;
using test::receive_request;
using test::send;
using testing::StartsWith;

class FaultNumbers : public test::ModelExchangeTest {
 protected:
  Asked ask_stream(const std::vector<std::string>& chunks) {
    return ask({receive_request(), send(test::kStreamHead + test::stream_of({.chunks = chunks}))});
  }
};

TEST_F(FaultNumbers, N51_BesideAReply) {
  const std::string values[] = {"1e400",
                                "-1e400",
                                "9223372036854775808",
                                "NaN",
                                "Infinity",
                                "-Infinity",
                                "-0",
                                "1E-999",
                                "123456789012345678901234567890",
                                "18446744073709551616"};
  for (const std::string& value : values) {
    const Asked asked = ask_stream(
        {R"({"created":)" + value + R"(,"choices":[{"index":0,"logprobs":{"content":[{"logprob":)" +
             value + R"(}]},"delta":{"content":"1e400 NaN"}}]})",
         delta("{}", "stop")});
    EXPECT_EQ(asked.end(), "stop: 1e400 NaN") << value;
    ASSERT_EQ(asked.replies.size(), 1U);
    EXPECT_EQ(test::edits_of(asked.replies[0]), "") << value;
  }
}

TEST_F(FaultNumbers, N51_BesideAWholeBody) {
  const Asked asked =
      ask({receive_request(),
           send(test::http_answer(
               R"({"created":1e400,"choices":[{"index":0,"message":{"content":"Hi"},)"
               R"("finish_reason":"stop","logprobs":NaN}]})"))});
  EXPECT_EQ(asked.end(), "stop: Hi");
}

TEST_F(FaultNumbers, N51_WhatIsNoNumberStaysAMistake) {
  for (const char* value : {"01", "1e", "nan", "+1", "--1", "0x10", "1e400x"}) {
    const Asked asked = ask_stream({R"({"created":)" + std::string(value) +
                                        R"(,"choices":[{"index":0,"delta":{"content":"Hi"}}]})",
                                    delta("{}", "stop")});
    EXPECT_THAT(asked.end(), StartsWith("later bad_reply")) << value;
  }
}

// As a string and as the object that some hosts make of it.
TEST_F(FaultNumbers, N51_InTheArgumentsOfACall) {
  const std::string arguments[] = {
      R"({"a":1e400,"b":9223372036854775808,"c":-0,"d":1.10,"e":1E5})",
      R"({"a": 123456789012345678901234567890 , "a": 2})",
      R"({"a":NaN})",
      R"({"a":[18446744073709551615,-9223372036854775809]})",
  };
  for (const std::string& text : arguments) {
    std::string as_string;
    json::append_string(as_string, text);
    for (const std::string& written : {as_string, text}) {
      const Asked asked = ask_stream(
          {delta(R"({"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":)" +
                     written + "}}]}",
                 "tool_calls")});
      EXPECT_EQ(asked.end(), "tool_calls: c1 f " + text + "\n") << written;
    }
  }
}

TEST_F(FaultNumbers, N51_ArgumentsOfAWholeBody) {
  const Asked asked =
      ask({receive_request(),
           send(test::http_answer(
               R"({"choices":[{"index":1},{"index":0,"finish_reason":"tool_calls","message":)"
               R"({"tool_calls":[{"id":"c1","function":{"name":"f","arguments":{"a":1}}},)"
               R"({"id":"c2","function":{"name":"g","arguments":{"b": 1.0e1}}}]}}]})"))});
  EXPECT_EQ(asked.end(), "tool_calls: c1 f {\"a\":1}\nc2 g {\"b\": 1.0e1}\n");
}

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

TEST_F(FaultNumbers, N51_NestingWithoutEnd) {
  const Asked chunk = ask_stream({R"({"x":)" + nested(100'000) + "}", delta("{}", "stop")});
  EXPECT_THAT(chunk.end(), StartsWith("later bad_reply"));
  // In a string it is text: the call is kept as it came, and goes back with an empty object.
  const std::string deep = R"({"a":)" + nested(100'000) + "}";
  const Asked call = ask_stream(
      {delta(R"({"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{\"a\":)" +
                 nested(100'000) + R"(}"}}]})",
             "tool_calls")});
  ASSERT_EQ(call.replies.size(), 1U) << call.end();
  EXPECT_EQ(call.replies[0].calls[0].arguments, deep);
  EXPECT_THAT(call.replies[0].fragment, testing::HasSubstr(R"("arguments":"{}")"));
  const Asked object = ask_stream({delta(
      R"({"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":)" + deep + "}}]}",
      "tool_calls")});
  EXPECT_THAT(object.end(), StartsWith("later bad_reply"));
}

// Of a key that stands twice the first counts beside the reply; in arguments both stay.
TEST_F(FaultNumbers, N51_KeysTwice) {
  const Asked asked = ask_stream(
      {R"({"choices":[{"index":0,"delta":{"content":"one","content":"two"}}],"choices":[]})",
       delta("{}", "stop")});
  EXPECT_EQ(asked.end(), "stop: one");
}

}  // namespace
}  // namespace perdure
