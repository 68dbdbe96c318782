// What llama.cpp's server does that others do not, played by a scripted endpoint in the shapes that
// a real one was seen to send: whole runs and single requests through the real client. The examples
// at a real server are in tests/examples/llama_server_test.cc.
#include <atomic>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <perdure/agent.h>

#include "json/parse.h"
#include "json/writer.h"
#include "tests/support/json.h"
#include "tests/support/model_exchange.h"
#include "tests/support/run_bench.h"

namespace perdure {
namespace {

using test::ByteScript;
using test::ByteServer;
using test::delta;
using test::RunBench;
using testing::HasSubstr;

const std::string kHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

// The chunks of a call as this server sends them: its arguments in single characters.
std::vector<std::string> call_chunks(int index, const std::string& id,
                                     const std::string& arguments) {
  const std::string number = std::to_string(index);
  std::vector<std::string> chunks = {delta(R"({"tool_calls":[{"index":)" + number + R"(,"id":")" +
                                           id +
                                           R"(","type":"function","function":{"name":"look",)"
                                           R"("arguments":""}}]})")};
  for (const char c : arguments) {
    std::string piece;
    json::append_string(piece, {&c, 1});
    chunks.push_back(delta(R"({"tool_calls":[{"index":)" + number + R"(,"function":{"arguments":)" +
                           piece + "}}]}"));
  }
  return chunks;
}

ByteScript reply(const std::vector<std::vector<std::string>>& parts, const std::string& finish) {
  std::vector<std::string> chunks = {delta(R"({"role":"assistant","content":null})")};
  for (const std::vector<std::string>& part : parts)
    chunks.insert(chunks.end(), part.begin(), part.end());
  chunks.push_back(delta("{}", finish));
  chunks.emplace_back(R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4},)"
                      R"("timings":{"cache_n":0,"prompt_n":9,"predicted_n":4}})");
  return {test::receive_request(), test::send(kHead + test::stream_of({.chunks = chunks}))};
}

ByteScript answer() {
  return reply({{delta(R"({"content":"Done."})")}}, "stop");
}

class LlamaServerFaults : public testing::Test {
 protected:
  RunResult run(const ByteServer& server, const std::string& tool_choice = "auto") {
    AgentOptions options = bench_.agent_options();
    options.host = "llama-cpp";
    options.base_url = server.url("/v1");
    options.tool_choice.mode = tool_choice;
    Agent agent(options, bench_.runtime());
    const Json parameters =
        Json::parse(R"({"type":"object","properties":{"n":{"type":"integer"}}})");
    agent.add_tool(test::tool_spec("look", EffectClass::kRead, parameters),
                   [this](const Json&, ToolContext&) -> Result<Json> {
                     ++calls_run_;
                     return Json("seen");
                   });
    return agent.run("Go.", bench_.run_options());
  }

  static Json body_of_request(const std::string& request) {
    return test::parse_json(request.substr(request.find("\r\n\r\n") + 4));
  }

  RunBench bench_{"[[reply]]\ntext = 'unused'\n"};
  std::atomic<int> calls_run_ = 0;
};

TEST_F(LlamaServerFaults, N62_OneIdForTwoCallsOfAMessage) {
  const ByteServer server({reply({call_chunks(0, "functions.look:0", R"({"n":1})"),
                                  call_chunks(1, "functions.look:0", R"({"n":2})")},
                                 "tool_calls"),
                           answer()});
  const RunResult result = run(server);
  EXPECT_EQ(result.text, "Done.") << result.message;
  EXPECT_EQ(calls_run_, 2);
  ASSERT_EQ(server.requests().size(), 2U);
  std::multiset<std::string> called;
  std::multiset<std::string> answered;
  const Json body = body_of_request(server.requests()[1]);
  for (const Json& message : body["messages"]) {
    for (const Json& call : message.value("tool_calls", Json::array())) called.insert(call["id"]);
    if (message["role"] == "tool") answered.insert(message["tool_call_id"]);
  }
  EXPECT_EQ(called, answered);
  EXPECT_EQ(called, (std::multiset<std::string>{"functions.look:0", "functions.look:1"}));
}

// Arguments in the history that are no JSON would be answered with HTTP 500, which looks as if it
// passed: echo and retry would never end.
TEST_F(LlamaServerFaults, N09_MalformedArgumentsDoNotGoBack) {
  const std::string malformed = R"({"n": 1, )";
  const ByteServer server(
      {reply({call_chunks(0, "functions.look:0", malformed)}, "tool_calls"), answer()});
  const RunResult result = run(server);
  EXPECT_EQ(result.text, "Done.") << result.message;
  EXPECT_EQ(calls_run_, 0);
  ASSERT_EQ(server.requests().size(), 2U);
  int calls = 0;
  const Json body = body_of_request(server.requests()[1]);
  for (const Json& message : body["messages"]) {
    for (const Json& call : message.value("tool_calls", Json::array())) {
      ++calls;
      const Result<Json> arguments =
          json::parse(call["function"]["arguments"].get_ref<const std::string&>());
      EXPECT_TRUE(arguments.ok() && arguments->is_object());
    }
  }
  EXPECT_EQ(calls, 1);
  const std::vector<Json> replies = bench_.seen().payloads("model_replied");
  ASSERT_FALSE(replies.empty());
  EXPECT_EQ(replies[0].at("edits").at(0).at("original"), malformed) << "the record has what came";
}

// What it says of such a history all the same is an error of its own, with its words.
TEST_F(LlamaServerFaults, N09_WhatItSaysOfMalformedArguments) {
  const std::string body = R"({"error":{"code":500,"message":"Failed to parse tool call arguments )"
                           R"(as JSON: unexpected end of input","type":"server_error"}})";
  const ByteServer server(
      {{test::receive_request(), test::send(test::http_answer(body, "Connection: close\r\n", 500))},
       answer()});
  const RunResult result = run(server);
  EXPECT_EQ(result.text, "Done.") << result.message;
  const std::vector<Json> failures = bench_.seen().payloads("request_failed");
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_THAT(failures[0].at("message").get<std::string>(),
              HasSubstr("Failed to parse tool call arguments"));
}

// A named choice would be read as auto without a word.
TEST_F(LlamaServerFaults, ANamedToolChoiceIsNotSent) {
  const ByteServer server({answer()});
  const RunResult result = run(server, "look");
  if (server.connections() == 0) {
    EXPECT_THAT(result.message, HasSubstr("does not take a named tool choice"));
    return;
  }
  const Json body = body_of_request(server.requests().at(0));
  EXPECT_EQ(body["tool_choice"], "required");
  EXPECT_EQ(body["tools"].size(), 1U);
}

TEST_F(LlamaServerFaults, ARequiredToolChoiceIsSent) {
  const ByteServer server(
      {reply({call_chunks(0, "functions.look:0", "{}")}, "tool_calls"), answer()});
  EXPECT_EQ(run(server, "required").text, "Done.");
  EXPECT_EQ(body_of_request(server.requests().at(0))["tool_choice"], "required");
}

// While its slots are busy it sends no header: that is waiting for the first byte, however short
// the silence between two pieces may be.
class LlamaServerWait : public test::ModelExchangeTest {};

TEST_F(LlamaServerWait, N30_NoHeaderWhileTheSlotsAreBusy) {
  ByteScript script = answer();
  script.insert(script.begin() + 1, test::wait_ms(500));
  EXPECT_EQ(ask(script, {.first_byte_ms = 20'000, .idle_ms = 250}).end(), "stop: Done.");
  EXPECT_EQ(ask(script, {.first_byte_ms = 100, .idle_ms = 20'000}).end(),
            "later timeout: no reply came within 100 ms");
}

}  // namespace
}  // namespace perdure
