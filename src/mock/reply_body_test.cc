#include "mock/reply_body.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <perdure/json.h>

#include "base/utf8.h"
#include "tests/support/json.h"

namespace perdure::mock {
namespace {

const DueReply& reply() {
  static const DueReply reply{
      .number = 1,
      .reasoning = "Erst lesen, dann schreiben: \u00e4\u00f6\u00fc \U0001F600.",
      .text = "First line.\nSecond \"line\" with \\ and \u2603.",
      .finish = "tool_calls",
      .calls = {{.id = "functions.write:0",
                 .name = "write",
                 .arguments = R"({"text":"a\nb\\\"\u00e9\ud83d\ude00 \t ☃","path":"x/y"})"},
                {.id = "functions.read:1", .name = "read", .arguments = "{\"not\": json"},
                {.id = "", .name = "", .arguments = ""}}};
  return reply;
}

ReplyFrame frame_of(MockDialect dialect, std::size_t chunk_bytes = 0) {
  return {.traits = traits_of(dialect),
          .id = "chatcmpl-1",
          .model = "m",
          .tokens = {.prompt = 100, .cached = 40, .completion = 7},
          .chunk_bytes = chunk_bytes,
          .wants_usage = true};
}

std::string data_of(const std::string& event) {
  return event.substr(6, event.size() - 8);
}

// What a client puts together from a stream.
struct Folded {
  std::string reasoning;
  std::string text;
  std::vector<DueCall> calls;
  std::string finish;
  Json usage;
  std::size_t deltas = 0;
  bool done = false;
};

void fold_calls(const Json& delta, Folded& folded) {
  for (const Json& part : delta.value("tool_calls", Json::array())) {
    const std::size_t index = part["index"].get<std::size_t>();
    folded.calls.resize(std::max(folded.calls.size(), index + 1));
    DueCall& call = folded.calls[index];
    if (part.contains("id")) call.id = part["id"];
    if (part["function"].contains("name")) call.name = part["function"]["name"];
    call.arguments += part["function"]["arguments"].get<std::string>();
  }
}

Folded fold(const std::vector<std::string>& events, const std::string& reasoning_field) {
  Folded folded;
  for (const std::string& event : events) {
    EXPECT_TRUE(is_valid_utf8(event)) << event;
    EXPECT_TRUE(event.ends_with("\n\n")) << event;
    if (event.starts_with(":")) continue;
    EXPECT_FALSE(folded.done) << "nothing follows [DONE]";
    folded.done = event == "data: [DONE]\n\n";
    if (folded.done) continue;
    const Json chunk = test::parse_json(data_of(event));
    EXPECT_EQ(chunk["object"], "chat.completion.chunk");
    if (chunk.contains("usage") && chunk["choices"].empty()) folded.usage = chunk["usage"];
    for (const Json& choice : chunk["choices"]) {
      ++folded.deltas;
      const Json& delta = choice["delta"];
      folded.reasoning += delta.value(reasoning_field, "");
      folded.text += delta.value("content", "");
      fold_calls(delta, folded);
      if (choice["finish_reason"].is_string()) folded.finish = choice["finish_reason"];
    }
  }
  return folded;
}

void expect_is_reply(const Folded& folded) {
  EXPECT_EQ(folded.reasoning, reply().reasoning);
  EXPECT_EQ(folded.text, reply().text);
  EXPECT_EQ(folded.finish, "tool_calls");
  EXPECT_TRUE(folded.done);
  ASSERT_EQ(folded.calls.size(), reply().calls.size());
  for (std::size_t i = 0; i < folded.calls.size(); ++i) {
    EXPECT_EQ(folded.calls[i].id, reply().calls[i].id);
    EXPECT_EQ(folded.calls[i].name, reply().calls[i].name);
    EXPECT_EQ(folded.calls[i].arguments, reply().calls[i].arguments);
  }
}

TEST(ReplyBody, StreamsWhatTheReplySays) {
  for (const std::size_t chunk_bytes : {0U, 1U, 2U, 3U, 5U, 64U, 100'000U}) {
    const ReplyFrame frame = frame_of(MockDialect::kMoonshot, chunk_bytes);
    expect_is_reply(fold(stream_events(reply(), frame), "reasoning_content"));
  }
}

TEST(ReplyBody, StreamsInEveryDialect) {
  for (const MockDialect dialect :
       {MockDialect::kOpenRouter, MockDialect::kVllm, MockDialect::kGroq}) {
    const Folded folded = fold(stream_events(reply(), frame_of(dialect)), "reasoning");
    expect_is_reply(folded);
    EXPECT_EQ(folded.usage["prompt_tokens_details"]["cached_tokens"], 40);
  }
}

TEST(ReplyBody, BeginsWithTheRoleAndReportsUsageTwice) {
  const std::vector<std::string> events = stream_events(reply(), frame_of(MockDialect::kMoonshot));
  EXPECT_EQ(
      events[0],
      R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1768994256,)"
      R"("model":"m",)"
      R"("choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],)"
      R"("system_fingerprint":"fpv0_mock"})"
      "\n\n");
  const std::string usage =
      R"({"prompt_tokens":100,"completion_tokens":7,"total_tokens":107,"cached_tokens":40})";
  const std::string& finish = events[events.size() - 3];
  EXPECT_NE(
      finish.find(R"("choices":[{"index":0,"delta":{},"finish_reason":"tool_calls","usage":)" +
                  usage + "}]"),
      std::string::npos)
      << finish;
  const std::string& last = events[events.size() - 2];
  EXPECT_NE(last.find(R"("choices":[],"usage":)" + usage), std::string::npos) << last;
}

TEST(ReplyBody, LeavesTheUsageChunkOutUnlessAsked) {
  ReplyFrame frame = frame_of(MockDialect::kMoonshot);
  const std::size_t with = stream_events(reply(), frame).size();
  frame.wants_usage = false;
  const std::vector<std::string> events = stream_events(reply(), frame);
  EXPECT_EQ(events.size() + 1, with);
  EXPECT_NE(events[events.size() - 2].find("finish_reason\":\"tool_calls\",\"usage\""),
            std::string::npos);
}

TEST(ReplyBody, CutsArgumentsInsideOfEscapes) {
  bool behind_backslash = false;
  bool between_surrogates = false;
  for (const std::string& event : stream_events(reply(), frame_of(MockDialect::kMoonshot))) {
    // A backslash of the arguments, escaped in the chunk, in front of the end of the string.
    behind_backslash |= event.find("\\\\\"}}]") != std::string::npos;
    between_surrogates |= event.find(R"("arguments":"ud83d\\"})") != std::string::npos;
  }
  EXPECT_TRUE(behind_backslash);
  EXPECT_TRUE(between_surrogates);
}

TEST(ReplyBody, CutsTextAsTheScriptSays) {
  const DueReply ten{.text = "0123456789", .finish = "stop"};
  const std::size_t fixed = 2;  // role and finish
  EXPECT_EQ(fold(stream_events(ten, frame_of(MockDialect::kMoonshot, 3)), "").deltas, fixed + 4);
  EXPECT_EQ(fold(stream_events(ten, frame_of(MockDialect::kMoonshot, 10)), "").deltas, fixed + 1);
  EXPECT_EQ(fold(stream_events(ten, frame_of(MockDialect::kMoonshot, 0)), "").deltas, fixed + 1);
}

TEST(ReplyBody, SendsCallsOfGroqWhole) {
  std::size_t with_calls = 0;
  for (const std::string& event : stream_events(reply(), frame_of(MockDialect::kGroq))) {
    with_calls += event.find("\"tool_calls\":[") != std::string::npos ? 1 : 0;
    if (event.find("x_groq") != std::string::npos) {
      const Json chunk = test::parse_json(data_of(event));
      EXPECT_EQ(chunk["usage"], chunk["x_groq"]["usage"]);
      EXPECT_EQ(chunk["choices"][0]["finish_reason"], "tool_calls");
    }
  }
  EXPECT_EQ(with_calls, reply().calls.size());
}

TEST(ReplyBody, SendsCommentsAndDetailsOfOpenRouter) {
  const std::vector<std::string> events =
      stream_events(reply(), frame_of(MockDialect::kOpenRouter));
  EXPECT_EQ(events[0], ": OPENROUTER PROCESSING\n\n");
  std::string details;
  for (const std::string& event : events) {
    if (event.find("reasoning_details") == std::string::npos) continue;
    const Json delta = test::parse_json(data_of(event))["choices"][0]["delta"];
    EXPECT_EQ(delta["reasoning"], delta["reasoning_details"][0]["text"]);
    details += delta["reasoning_details"][0]["text"].get<std::string>();
  }
  EXPECT_EQ(details, reply().reasoning);
}

TEST(ReplyBody, WritesACompletion) {
  for (const MockDialect dialect : {MockDialect::kMoonshot, MockDialect::kOpenRouter}) {
    const ReplyFrame frame = frame_of(dialect);
    const Json body = test::parse_json(completion_body(reply(), frame));
    EXPECT_EQ(body["object"], "chat.completion");
    const Json& message = body["choices"][0]["message"];
    EXPECT_EQ(message[std::string(frame.traits.reasoning_field)], reply().reasoning);
    EXPECT_EQ(message["content"], reply().text);
    EXPECT_EQ(message["tool_calls"][0]["function"]["arguments"], reply().calls[0].arguments);
    EXPECT_EQ(body["choices"][0]["finish_reason"], "tool_calls");
    EXPECT_EQ(body["usage"]["total_tokens"], 107);
  }
  EXPECT_TRUE(completion_body(reply(), frame_of(MockDialect::kOpenRouter)).starts_with("\n"));
}

TEST(ReplyBody, ReportsErrorsAsEachDialectDoes) {
  EXPECT_EQ(error_event("gone", frame_of(MockDialect::kMoonshot)),
            "data: {\"error\":{\"message\":\"gone\",\"type\":\"server_error\"}}\n\n");
  const Json chunk =
      test::parse_json(data_of(error_event("gone", frame_of(MockDialect::kOpenRouter))));
  EXPECT_EQ(chunk["error"]["message"], "gone");
  EXPECT_EQ(chunk["choices"][0]["finish_reason"], "error");
}

}  // namespace
}  // namespace perdure::mock
