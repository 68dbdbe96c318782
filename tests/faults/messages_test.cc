// The rows of the fault table for a host that speaks Anthropic's messages dialect, one request
// through the real client each: what a caller learns is one line, as in rows_test.cc.
#include "tests/support/messages.h"

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/model_exchange.h"

namespace perdure {
namespace {

using test::arguments_delta;
using test::Asked;
using test::block_start;
using test::ByteScript;
using test::ByteServer;
using test::ByteStep;
using test::call_start;
using test::hold;
using test::http_answer;
using test::kMessageStart;
using test::kMessageStop;
using test::kPing;
using test::kStreamHead;
using test::message_end;
using test::message_stream;
using test::receive_request;
using test::reset;
using test::send;
using test::text_delta;
using test::text_start;
using test::thinking_delta;
using test::thinking_start;
using test::usage_of;
using test::wait_ms;
using testing::HasSubstr;
using testing::StartsWith;

struct Row {
  std::string name;
  ByteScript answer;  // behind the request
  std::string end;    // what Asked::end() begins with
};

void PrintTo(const Row& row, std::ostream* out) {
  *out << row.name;
}

const std::string kCut = "later stream_cut: the reply ended before it was complete";
const std::string kOneCall = "tool_calls: c1 f {\"a\":1}\n";
const std::string kError =
    R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})";

std::string error_body(const std::string& type, const std::string& message) {
  return R"({"type":"error","error":{"type":")" + type + R"(","message":")" + message + R"("}})";
}

ByteStep status(int number, const std::string& body, const std::string& headers = "") {
  return send(http_answer(body, headers, number));
}

// message_start and these events, closed properly behind them.
ByteStep stream(std::vector<std::string> events) {
  events.insert(events.begin(), kMessageStart);
  return send(kStreamHead + message_stream(events));
}

// The same with an end behind it.
ByteStep whole(std::vector<std::string> events, const std::string& stop_reason = "tool_use") {
  events.push_back(message_end(stop_reason));
  events.push_back(kMessageStop);
  return stream(std::move(events));
}

// A stream that breaks after these events, when the client has read them.
ByteScript broken(std::vector<std::string> events) {
  return {stream(std::move(events)), wait_ms(20), reset()};
}

std::vector<std::string> call(int index, const std::string& id, const std::string& name,
                              const std::vector<std::string>& arguments) {
  std::vector<std::string> events = {call_start(index, id, name)};
  for (const std::string& piece : arguments) events.push_back(arguments_delta(index, piece));
  return events;
}

std::vector<std::string> both(std::vector<std::string> first,
                              const std::vector<std::string>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

std::vector<Row> status_rows() {
  return {
      {"N01_rate",
       {status(429, error_body("rate_limit_error", "slower"), "Retry-After: 7\r\n")},
       "later rate_limited after 7000 ms: HTTP 429: slower"},
      {"N03_quota", {status(400, error_body("billing_error", "pay first"))}, "never quota"},
      {"N06_overloaded", {status(529, kError)}, "later overloaded: HTTP 529: Overloaded"},
      {"N07_context",
       {status(400, error_body("invalid_request_error", "prompt is too long: 9 > 8"))},
       "never context_full"},
      {"N07_size", {status(413, error_body("request_too_large", "too large"))}, "never too_large"},
      {"N08_history",
       {status(400, error_body("invalid_request_error", "roles must alternate"))},
       "never bad_request: HTTP 400: roles must alternate"},
      {"N10_key",
       {status(401, error_body("authentication_error", "invalid x-api-key"))},
       "never key_rejected"},
      {"N10_model",
       {status(404, error_body("not_found_error", "model: x"))},
       "never model_not_found"},
      {"N14_an_error_with_status_200",
       {send(http_answer(kError))},
       "later overloaded: the host reports an error: Overloaded"},
  };
}

const std::vector<std::string> kWholeCall = call(0, "c1", "f", {R"({\"a\")", ":1}"});
const std::vector<std::string> kHalfCall = call(0, "c1", "f", {R"({\"a\")"});
const std::vector<std::string> kHello = {text_start(0), text_delta(0, "Hello")};

std::vector<Row> stream_rows() {
  return {
      {"N24_before_the_first_piece", broken({}), "later stream_cut: Recv failure"},
      {"N24_in_the_text", broken(kHello), "later stream_cut: Recv failure"},
      {"N24_in_the_thinking", broken({thinking_start(0), thinking_delta(0, "Hm")}),
       "later stream_cut: Recv failure"},
      {"N24_in_the_arguments", broken(kHalfCall), "later stream_cut: Recv failure"},
      {"N24_behind_a_whole_call", broken(kWholeCall), "later stream_cut: Recv failure"},
      {"N24_behind_the_stop_reason", broken(both(kWholeCall, {message_end("tool_use")})),
       "later stream_cut: Recv failure"},
      {"N25_an_end_in_the_text", {stream(kHello)}, kCut},
      {"N25_an_end_behind_a_whole_call", {stream(kWholeCall)}, kCut},
      {"N26_no_message_stop", {stream(both(kWholeCall, {message_end("tool_use")}))}, kOneCall},
      {"N28_open_behind_message_stop", {whole(kWholeCall), hold()}, kOneCall},
      {"N29_open_behind_an_error",
       {stream(both(kHello, {kError})), hold()},
       "later overloaded: the host reports an error: Overloaded"},
      {"N55_an_unknown_stop_reason", {whole(kHello, "weary")}, "other: Hello"},
      {"N57_calls_that_are_missing", {whole(kHello)}, "later calls_missing"},
      {"N58_cut_in_the_arguments", {whole(kHalfCall, "max_tokens")}, "length: c1 f {\"a\"\n"},
  };
}

std::vector<Row> call_rows() {
  return {
      {"N62_one_id_for_two_calls",
       {whole(both(call(0, "c1", "f", {"{}"}), call(1, "c1", "g", {"{}"})))},
       "tool_calls: c1 f {}\ng_1 g {}\n"},
      {"N64_interleaved",
       {whole({call_start(0, "c1", "f"), call_start(1, "c2", "g"), arguments_delta(1, "{"),
               arguments_delta(0, R"({\"a\")"), arguments_delta(1, "}"),
               arguments_delta(0, ":1}")})},
       kOneCall + "c2 g {}\n"},
      {"N65_a_prefix", {whole(call(0, "c1", "functions.f", {R"({\"a\":1})"}))}, kOneCall},
      {"N65_a_call_that_begins_twice",
       {whole(both({call_start(0, "c1", "f")}, kWholeCall))},
       kOneCall},
      {"N66_an_object",
       {whole({block_start(0, R"({"type":"tool_use","id":"c1","name":"f","input":{"a":1}})")})},
       kOneCall},
      {"N66_null",
       {whole({block_start(0, R"({"type":"tool_use","id":"c1","name":"f","input":null})")})},
       "tool_calls: c1 f \n"},
      {"N66_encoded_twice",
       {whole(call(0, "c1", "f", {R"(\"{\\\"a\\\":1}\")"}))},
       "tool_calls: c1 f \"{\\\"a\\\":1}\"\n"},
      {"N67_one_brace_too_many",
       {whole(call(0, "c1", "f", {R"({\"a\":1}})"}))},
       "tool_calls: c1 f {\"a\":1}}\n"},
      {"N68_another_type",
       {whole(call(0, "c1", "f", {R"({\"a\":\"1\"})"}))},
       "tool_calls: c1 f {\"a\":\"1\"}\n"},
  };
}

std::vector<Row> other_rows() {
  return {
      {"N71_null",
       {whole({block_start(0, R"({"type":"text","text":null})"), text_delta(0, "Hello")},
              "end_turn")},
       "stop: Hello"},
      {"N71_content_as_text",
       {send(http_answer(R"({"type":"message","content":"Hello","stop_reason":"end_turn"})"))},
       "stop: Hello"},
      {"N72_an_error_that_may_pass",
       {stream(both(kHello, {error_body("api_error", "boom")}))},
       "later server: the host reports an error: boom"},
      {"N72_a_rate",
       {stream(both(kHello, {error_body("rate_limit_error", "slower")}))},
       "later rate_limited"},
      {"N72_an_error_for_good",
       {stream(
           both(kWholeCall, {message_end("tool_use"), error_body("invalid_request_error", "no")}))},
       "never bad_request: the host reports an error: no"},
      {"N72_a_key", {stream({error_body("authentication_error", "no")})}, "never key_rejected"},
  };
}

class MessagesRows : public test::ModelExchangeTest, public testing::WithParamInterface<Row> {
 protected:
  MessagesRows() {
    host_ = {.id = "messages", .dialect = Dialect::kAnthropic, .path = "/v1/messages"};
  }
};

TEST_P(MessagesRows, EndAsTheTableSays) {
  ByteScript script = {receive_request()};
  script.insert(script.end(), GetParam().answer.begin(), GetParam().answer.end());
  const Asked asked = ask(std::move(script));
  if (GetParam().end.starts_with("later ") || GetParam().end.starts_with("never ")) {
    EXPECT_THAT(asked.end(), StartsWith(GetParam().end));
  } else {
    EXPECT_EQ(asked.end(), GetParam().end);
  }
}

std::string name_of(const testing::TestParamInfo<Row>& row) {
  return row.param.name;
}
INSTANTIATE_TEST_SUITE_P(Status, MessagesRows, testing::ValuesIn(status_rows()), name_of);
INSTANTIATE_TEST_SUITE_P(Streams, MessagesRows, testing::ValuesIn(stream_rows()), name_of);
INSTANTIATE_TEST_SUITE_P(Calls, MessagesRows, testing::ValuesIn(call_rows()), name_of);
INSTANTIATE_TEST_SUITE_P(Others, MessagesRows, testing::ValuesIn(other_rows()), name_of);

class MessagesFaults : public MessagesRows {};

// Pings are a sign of the connection, not of the reply.
TEST_F(MessagesFaults, N32_PingsAreNoProgress) {
  ByteScript script = {receive_request(), stream({text_start(0), text_delta(0, "Hel")})};
  for (int i = 0; i < 200; ++i) {
    script.push_back(send(message_stream({kPing})));
    script.push_back(wait_ms(20));
  }
  const Asked asked = ask(std::move(script), {.first_byte_ms = 3'000, .idle_ms = 300});
  EXPECT_THAT(asked.end(), StartsWith("later timeout: nothing of the reply came within 300 ms"));
}

// Cut at every byte: the reply is whole or asked for again, and no call is in what was cut.
TEST_F(MessagesFaults, N52_CutAtEveryByte) {
  const std::string body =
      message_stream(both(both({kMessageStart}, call(0, "c1", "f", {R"({\"a\")", ":1}"})),
                          {message_end("tool_use"), kMessageStop}));
  const std::size_t said_its_end = body.find(R"("stop_reason":"tool_use")");
  std::vector<ByteScript> scripts;
  for (std::size_t at = 0; at <= body.size(); ++at)
    scripts.push_back({receive_request(), send(kStreamHead + body.substr(0, at))});
  const std::size_t count = scripts.size();
  const ByteServer server(std::move(scripts));
  std::size_t whole_replies = 0;
  for (std::size_t at = 0; at < count; ++at) {
    const Asked asked = ask_at(server.url());
    if (asked.replies.empty()) {
      EXPECT_THAT(asked.end(), StartsWith("later ")) << "cut at " << at;
      continue;
    }
    ++whole_replies;
    EXPECT_GT(at, said_its_end);
    EXPECT_EQ(asked.end(), kOneCall) << "cut at " << at;
  }
  EXPECT_GE(whole_replies, 1U);
}

TEST_F(MessagesFaults, N54_UsageIsThatOfTheLastEvent) {
  const Asked asked =
      ask({receive_request(), whole({text_start(0), text_delta(0, "Hello")}, "end_turn")});
  ASSERT_EQ(asked.replies.size(), 1U) << asked.end();
  EXPECT_EQ(usage_of(asked.replies[0]), "128/64 in, 20/0 out, 8 kept");
}

TEST_F(MessagesFaults, AreAskedInTheHeadersOfTheirProfile) {
  key_ = Secret("the-key", "test");
  host_.headers = {{"anthropic-beta", "more"}};
  for (const KeyHeader header : {KeyHeader::kXApiKey, KeyHeader::kBearer}) {
    host_.key_header = header;
    const ByteServer server(
        {{receive_request(), whole({text_start(0), text_delta(0, "Hi")}, "end_turn")}});
    EXPECT_EQ(ask_at(server.url()).end(), "stop: Hi");
    ASSERT_EQ(server.requests().size(), 1U);
    const std::string request = server.requests()[0];
    EXPECT_THAT(request, StartsWith("POST /v1/messages HTTP/1.1\r\n"));
    EXPECT_THAT(request, HasSubstr("anthropic-version: 2023-06-01\r\n"));
    EXPECT_THAT(request, HasSubstr("anthropic-beta: more\r\n"));
    const bool is_bearer = header == KeyHeader::kBearer;
    EXPECT_EQ(request.find("Authorization: Bearer the-key\r\n") != std::string::npos, is_bearer);
    EXPECT_EQ(request.find("x-api-key: the-key\r\n") != std::string::npos, !is_bearer);
  }
}

}  // namespace
}  // namespace perdure
