// Endpoints that are slow, silent or only seem alive: what a request to a model makes of it, over a
// real connection (faults N13, N30 to N33, N48). What an answer means is tested in
// src/model/reply_reader_test.cc.
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/reply_reader.h"
#include "tests/support/model_exchange.h"

namespace perdure {
namespace {

using test::ByteScript;
using test::ByteServer;
using test::delta;
using test::hold;
using test::http_answer;
using test::receive_request;
using test::send;
using test::wait_ms;

class EndpointFaults : public test::ModelExchangeTest {
 protected:
  // The text of the reply, or the error as "code: message", with "!" when it is not tried again.
  std::string ask(ByteScript script, const HttpTimeouts& timeouts = {}) {
    const test::Asked asked = ModelExchangeTest::ask(std::move(script), timeouts);
    if (asked.replies.size() + asked.failures.size() != 1) return asked.end();
    if (!asked.replies.empty()) return asked.replies[0].text;
    const Error& error = asked.failures[0].error;
    return std::string(to_string(error.code)) + (error.retry == Retry::kLater ? ": " : "!: ") +
           error.message;
  }
};

const std::string& kHead = test::kStreamHead;
const test::ReplyInput kHello = {
    .chunks = {delta(R"({"content":"Hello, "})"), delta(R"({"content":"w\u00f6rld"})", "stop")}};

ByteScript repeated(ByteScript script, const std::string& bytes) {
  for (int i = 0; i < 2'000; ++i) {
    script.push_back(send(bytes));
    script.push_back(wait_ms(5));
  }
  return script;
}

TEST_F(EndpointFaults, OneByteForEachWrite) {
  const std::string stream = test::stream_of(kHello);
  EXPECT_EQ(ask({receive_request(), send(kHead + stream, 1)}), "Hello, w\u00f6rld");
  std::string crlf;
  for (const char c : stream) crlf += c == '\n' ? "\r\n" : std::string(1, c);
  EXPECT_EQ(ask({receive_request(), send(kHead + "\xEF\xBB\xBF" + crlf, 1)}), "Hello, w\u00f6rld");
}

TEST_F(EndpointFaults, PaddingBeforeAWholeBody_N13) {
  const std::string body =
      R"({"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]})";
  EXPECT_EQ(ask({receive_request(), send("HTTP/1.1 200 OK\r\n\r\n"), send("\n   \n"), wait_ms(5),
                 send(" \r\n\n"), wait_ms(5), send(body, 7)}),
            "Hello");
}

TEST_F(EndpointFaults, CommentsBeforeAndBetween_N44) {
  ByteScript script = {receive_request(), send(kHead + ": waiting\n\n")};
  for (const char c : test::stream_of(kHello)) {
    script.push_back(send({c}));
    if (c == '\n') script.push_back(send(": OPENROUTER PROCESSING\n"));
  }
  EXPECT_EQ(ask(script), "Hello, w\u00f6rld");
}

TEST_F(EndpointFaults, Silence_N30_N31) {
  EXPECT_EQ(ask({receive_request(), hold()}, {.first_byte_ms = 60}),
            "timeout: no reply came within 60 ms");
  // The transport and the reader of the reply look at the same time; either may be the first.
  EXPECT_THAT(ask({receive_request(), send(kHead + "data: " + kHello.chunks[0] + "\n\n"), hold()},
                  {.idle_ms = 60}),
              testing::AnyOf("timeout: no byte of the reply came within 60 ms",
                             "timeout: nothing of the reply came within 60 ms"));
}

TEST_F(EndpointFaults, SignsOfLifeAreNoReply_N32) {
  const std::string piece = "data: " + kHello.chunks[0] + "\n\n";
  const std::string empty = "data: " + delta(R"({"role":"assistant","content":""})") + "\n\n";
  struct Case {
    std::string name;
    std::string before;
    std::string sign;
    HttpTimeouts timeouts;
  };
  const std::vector<Case> cases = {
      {"comments", "", ": ping\n\n", {.first_byte_ms = 200}},
      {"blank lines", "", "\n", {.first_byte_ms = 200}},
      {"spaces", "", " ", {.first_byte_ms = 200}},
      {"empty deltas", "", empty, {.first_byte_ms = 200}},
      {"comments behind a piece", piece, ": ping\n\n", {.idle_ms = 200}},
      {"empty deltas behind a piece", piece, empty, {.idle_ms = 200}},
  };
  for (const Case& example : cases) {
    EXPECT_EQ(ask(repeated({receive_request(), send(kHead + example.before)}, example.sign),
                  example.timeouts),
              "timeout: nothing of the reply came within 200 ms")
        << example.name;
  }
}

// Each piece gives time anew, and while there are signs of life the first one may take long.
TEST_F(EndpointFaults, ASlowReplyIsNoSilence_N32) {
  ByteScript script = {receive_request(), send(kHead)};
  for (int i = 0; i < 10; ++i) {
    script.push_back(send(": ping\n\n"));
    script.push_back(wait_ms(50));
  }
  for (int i = 0; i < 25; ++i) {
    script.push_back(send("data: " + delta(R"({"content":"x"})") + "\n\n"));
    script.push_back(wait_ms(50));
  }
  script.push_back(send("data: " + delta("{}", "stop") + "\n\ndata: [DONE]\n\n"));
  EXPECT_EQ(ask(script, {.first_byte_ms = 10'000, .idle_ms = 1'000}), std::string(25, 'x'));
}

TEST_F(EndpointFaults, ADrip_N33) {
  const std::string piece = "data: " + delta(R"({"content":"x"})") + "\n\n";
  EXPECT_EQ(ask(repeated({receive_request(), send(kHead)}, piece), {.total_ms = 300}),
            "timeout: the reply was not complete within 300 ms");
}

// What a host sends without end is given up at a limit. (That the transport ends then is tested in
// src/net/http_client_test.cc; a megabyte more or less costs nothing here.)
TEST(EndpointLimits, OfOneEventAndOfOneBody_N48) {
  struct Case {
    std::string name;
    int status;
    std::string start;
    std::size_t megabytes;  // that are taken
    std::string end;
  };
  const std::vector<Case> cases = {
      {"an event", 200, "data: ", 32,
       "bad_reply: an event of the stream has more than 33554432 bytes"},
      {"a comment", 200, ": ", 32,
       "bad_reply: an event of the stream has more than 33554432 bytes"},
      {"a body", 200, "{\"", 64, ""},
      {"the body of an error", 500, "{\"", 1, "server: "},
  };
  const std::string megabyte(1 << 20, 'x');
  for (const Case& example : cases) {
    json::Reader json;
    const HostProfile host;
    ReplyReader reader(json, host, {}, nullptr);
    reader.take_head({.status = example.status});
    EXPECT_TRUE(reader.feed(example.start));
    std::size_t taken = 1;
    while (taken < 100 && reader.feed(megabyte)) ++taken;
    EXPECT_EQ(taken, example.megabytes) << example.name;
    if (example.end.empty()) continue;  // to look at all of it takes seconds
    const Result<ModelReplied> reply = reader.finish({}, 0);
    ASSERT_FALSE(reply.ok()) << example.name;
    EXPECT_EQ(reply.error().retry, Retry::kLater) << example.name;
    EXPECT_THAT(std::string(to_string(reply.error().code)) + ": " + reply.error().message,
                testing::StartsWith(example.end));
  }
}

}  // namespace
}  // namespace perdure
