// Lines of a result file, byte for byte, and what is read back from them.
#include "verify/result_line.h"

#include <gtest/gtest.h>

#include "tests/support/result.h"

namespace perdure::verify {
namespace {

using test::holds;

const ResultHead kHead{
    .data_index = 7,
    .request =
        R"({"messages":[{}],"tools":[{"function":{"name":"f","parameters":{"required":["a"]}}}]})",
    .hash = "0123",
    .model = "k2",
    .now_ms = 1'700'000'000'123,
    .duration_ms = 45,
    .attempts = 2};

StoredResult read(std::string_view line) {
  json::Reader reader;
  const Result<StoredResult> result = read_result(reader, line);
  EXPECT_TRUE(result.ok()) << test::words_of(result) << line;
  return result.ok() ? *result : StoredResult{};
}

TEST(ResultLine, OfAnAnswer) {
  const WrittenResult written = answered_line(
      kHead, {.id = "cmpl-1",
              .finish_reason = "stop",
              .content = "Hi \"you\"",
              .reasoning = R"(,"reasoning_content":"Hm.")",
              .usage = ReplyUsage{.input_tokens = 5, .cached_tokens = 4, .output_tokens = 2}});
  EXPECT_EQ(
      written.line,
      R"({"data_index":7,"request":{"messages":[{}],"tools":[{"function":{"name":"f",)"
      R"("parameters":{"required":["a"]}}}]},)"
      R"("extra_body":{},"response":{"id":"cmpl-1","object":"chat.completion",)"
      R"("created":1700000000,"model":"k2",)"
      R"("choices":[{"index":0,"message":{"role":"assistant","content":"Hi \"you\"",)"
      R"("reasoning_content":"Hm.",)"
      R"("tool_calls":null},"finish_reason":"stop"}],)"
      R"("usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7,"cached_tokens":4}},)"
      R"("status":"success","finish_reason":"stop","tool_calls_valid":null,)"
      R"("last_run_at":"2023-11-14T22:13:20.123Z","duration_ms":45,"attempts":2,"hash":"0123"})");
  const StoredResult stored = read(written.line);
  EXPECT_EQ(stored.data_index, 7);
  EXPECT_EQ(stored.hash, "0123");
  EXPECT_EQ(stored.extra_body, "");
  EXPECT_TRUE(stored.outcome.is_success);
  EXPECT_EQ(stored.outcome.finish_reason, "stop");
  EXPECT_EQ(stored.outcome.prompt_tokens, 5);
  EXPECT_EQ(stored.outcome.completion_tokens, 2);
}

TEST(ResultLine, OfCalls) {
  const HostReply good{.finish_reason = "tool_calls",
                       .calls = {{.id = "f:0", .name = "f", .arguments = R"({"a":1})"}}};
  const WrittenResult written = answered_line(kHead, good);
  EXPECT_PRED2(holds, written.line,
               R"("tool_calls":[{"id":"f:0","type":"function","function":{"name":"f",)"
               R"("arguments":"{\"a\":1}"}}]},"finish_reason":"tool_calls"}],"usage":null},)"
               R"("status":"success","finish_reason":"tool_calls","tool_calls_valid":true,"last)");
  EXPECT_TRUE(written.outcome.calls_valid);
  EXPECT_TRUE(read(written.line).outcome.calls_valid);
}

TEST(ResultLine, OfCallsThatDoNotFitSaysWhy) {
  const HostReply wrong{.finish_reason = "tool_calls",
                        .calls = {{.id = "f:0", .name = "f", .arguments = "{}"}}};
  const WrittenResult written = answered_line(kHead, wrong);
  EXPECT_PRED2(holds, written.line, R"("tool_calls_valid":false,"tool_calls_problems":["f: )");
  EXPECT_FALSE(written.outcome.calls_valid);
  EXPECT_FALSE(read(written.line).outcome.calls_valid);
  const WrittenResult none = answered_line(kHead, {.finish_reason = "tool_calls"});
  EXPECT_PRED2(holds, none.line, R"("tool_calls_valid":false,"tool_calls_problems":["the reply )");
}

// What was called and not announced is not judged: the host says that it is no call.
TEST(ResultLine, JudgesOnlyCallsThatWereAnnounced) {
  const WrittenResult written =
      answered_line(kHead, {.finish_reason = "stop", .calls = {{.name = "g", .arguments = "{}"}}});
  EXPECT_PRED2(holds, written.line, R"("tool_calls_valid":null,"last_run_at")");
  EXPECT_FALSE(written.outcome.calls_valid);
}

TEST(ResultLine, OfAFailure) {
  ResultHead head = kHead;
  head.request = "{}";
  head.extra_body = R"({"b":1,"a":2})";
  const WrittenResult written =
      failed_line(head, {.code = ErrorCode::kServer, .message = "HTTP 500", .context = "http://x"});
  EXPECT_EQ(
      written.line,
      R"({"data_index":7,"request":{},"extra_body":{"b":1,"a":2},)"
      R"("response":{"error_type":"server",)"
      R"("error_message":"HTTP 500","error":"HTTP 500\n  at: http://x"},"status":"failed",)"
      R"("finish_reason":null,"tool_calls_valid":null,"last_run_at":"2023-11-14T22:13:20.123Z",)"
      R"("duration_ms":45,"attempts":2,"hash":"0123"})");
  const StoredResult stored = read(written.line);
  EXPECT_FALSE(stored.outcome.is_success);
  EXPECT_EQ(stored.outcome.error_type, "server");
  EXPECT_EQ(stored.outcome.finish_reason, "");
  EXPECT_EQ(stored.extra_body, R"({"a":2,"b":1})") << "in one way of writing";
}

// Written by the format's own program.
TEST(ResultLine, OfAnotherProgramIsRead) {
  const StoredResult stored =
      read(R"({"data_index": 3, "request": {"messages": []}, "response": {"choices": [],)"
           R"( "usage": null}, )"
           R"("status": "success", "finish_reason": "tool_calls", "tool_calls_valid": true, )"
           R"("last_run_at": "2025-11-15T10:00:00", "duration_ms": 1234, "hash": "ab"})");
  EXPECT_EQ(stored.data_index, 3);
  EXPECT_TRUE(stored.outcome.calls_valid);
  EXPECT_EQ(stored.outcome.prompt_tokens, 0);
}

TEST(ResultLine, ThatIsNoneIsRefused) {
  json::Reader reader;
  for (const char* line :
       {"", "x", "[]", R"({"messages":[]})", R"({"data_index":0,"status":"success"})",
        R"({"data_index":1})", R"({"data_index":1,"status":"ok"})", R"({"data_index":1,"sta)"}) {
    EXPECT_EQ(test::code_of(read_result(reader, line)), "invalid_argument") << line;
  }
}

}  // namespace
}  // namespace perdure::verify
