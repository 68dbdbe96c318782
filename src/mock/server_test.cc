#include "mock/server.h"

#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "json/parse.h"
#include "mock/mock_thread.h"
#include "tests/support/json.h"
#include "tests/support/mock_requests.h"
#include "tests/support/raw_http.h"

namespace perdure {
namespace {

using mock::chat_of;
using mock::kHello;
using mock::script_of;
using test::get_request;
using test::post_request;
using test::RawClient;
using test::RawResponse;
using test::ResponseEnd;

constexpr std::string_view kPath = "/v1/chat/completions";
constexpr std::string_view kStream = R"("stream":true,"stream_options":{"include_usage":true},)";

std::unique_ptr<MockThread> serve(std::string_view script, MockOptions options = {}) {
  return MockThread::start(script_of(script), std::move(options)).value();
}

std::string request_for(std::string_view messages, std::string_view fields = kStream) {
  return post_request(kPath, chat_of(messages, fields));
}

// The assistant message that a client makes of an answer, streamed or not.
Json message_of(const RawResponse& response) {
  if (response.header("content-type").starts_with("application/json")) {
    return test::parse_json(response.body)["choices"][0]["message"];
  }
  Json message = {{"role", "assistant"}, {"content", ""}, {"reasoning_content", ""}};
  for (const std::string& event : response.events()) {
    if (event == "[DONE]") break;
    const Json chunk = test::parse_json(event);
    for (const Json& choice : chunk["choices"]) {
      const Json& delta = choice["delta"];
      for (const char* field : {"content", "reasoning_content"}) {
        message[field].get_ref<std::string&>() += delta.value(field, "");
      }
      for (const Json& part : delta.value("tool_calls", Json::array())) {
        Json& call = message["tool_calls"][part["index"].get<std::size_t>()];
        if (part.contains("id")) {
          call = {{"id", part["id"]}, {"type", "function"}, {"function", part["function"]}};
        } else {
          call["function"]["arguments"].get_ref<std::string&>() +=
              part["function"]["arguments"].get<std::string>();
        }
      }
    }
  }
  return message;
}

// An agent reduced to what the protocol demands: sends everything back, answers calls with fixed
// texts.
class TinyAgent {
 public:
  TinyAgent(int port, std::string task, std::string fields)
      : client_(port),
        messages_(json::dump(Json({{"role", "user"}, {"content", task}}))),
        fields_(std::move(fields)) {}

  // One step; what the model said.
  Json step() {
    client_.send(request_for(messages_, fields_));
    const RawResponse response = client_.read_response();
    EXPECT_EQ(response.status, 200) << response.raw;
    if (response.status != 200) return {};
    Json message = message_of(response);
    if (message["content"] == "") message.erase("content");
    if (message.value("reasoning_content", "").empty()) message.erase("reasoning_content");
    messages_ += "," + json::dump(message);
    for (const Json& call : message.value("tool_calls", Json::array())) {
      ++calls_;
      const Json answer = {{"role", "tool"},
                           {"tool_call_id", call["id"]},
                           {"content", "result of " + call["function"]["name"].get<std::string>()}};
      messages_ += "," + json::dump(answer);
    }
    return message;
  }

  // Steps until the model stops calling; its last text.
  std::string run() {
    for (steps_ = 1; steps_ < 1000; ++steps_) {
      const Json message = step();
      if (message.is_null()) return "failed";
      if (!message.contains("tool_calls")) return message.value("content", "");
    }
    return "endless";
  }

  int steps() const { return steps_; }
  int calls() const { return calls_; }

 private:
  RawClient client_;
  std::string messages_;
  std::string fields_;
  int steps_ = 0;
  int calls_ = 0;
};

TEST(MockServer, StreamsOverOneConnection) {
  const auto mock = serve("[[reply]]\nreasoning = 'hm'\ntext = 'hello \u2603'\n");
  RawClient client(mock->port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send(request_for(kHello)));
    const RawResponse response = client.read_response();
    EXPECT_EQ(response.status, 200) << response.raw;
    EXPECT_EQ(response.end, ResponseEnd::kComplete);
    EXPECT_EQ(response.header("content-type"), "text/event-stream; charset=utf-8");
    EXPECT_EQ(response.header("transfer-encoding"), "chunked");
    EXPECT_EQ(message_of(response)["content"], "hello \u2603");
    EXPECT_EQ(message_of(response)["reasoning_content"], "hm");
    EXPECT_EQ(response.events().back(), "[DONE]");
  }
  EXPECT_EQ(mock->statistics().connections, 1);
  EXPECT_EQ(mock->statistics().replies, 3);
}

TEST(MockServer, AnswersWithoutAStreamAndListsModels) {
  const auto mock = serve("model = 'kimi-k3'\n[[reply]]\ntext = 'hello'\n");
  RawClient client(mock->port());
  client.send(get_request("/v1/models"));
  EXPECT_EQ(test::parse_json(client.read_response().body)["data"][0]["id"], "kimi-k3");
  client.send(post_request(kPath, chat_of(kHello, "", "kimi-k3")));
  EXPECT_EQ(message_of(client.read_response())["content"], "hello");
  EXPECT_EQ(mock->base_url(), "http://127.0.0.1:" + std::to_string(mock->port()) + "/v1");
}

TEST(MockServer, AnswersPipelinedRequestsInOrder) {
  const auto mock = serve("[[reply]]\ntext = 'one'\n[[reply]]\ntext = 'two'\n");
  const std::string second =
      std::string(kHello) + R"(,{"role":"assistant","content":"one"},)" + std::string(kHello);
  RawClient client(mock->port());
  client.send(request_for(kHello) + request_for(second) + get_request("/nothing"));
  EXPECT_EQ(message_of(client.read_response())["content"], "one");
  EXPECT_EQ(message_of(client.read_response())["content"], "two");
  EXPECT_EQ(client.read_response().status, 404);
}

TEST(MockServer, TakesBodiesInChunksAndInPieces) {
  const auto mock = serve("[[reply]]\ntext = 'hello'\n");
  const std::string body = chat_of(kHello);
  RawClient client(mock->port());
  client.send("POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (const char byte : body) {
    client.send(std::string("1\r\n") + byte + "\r\n");
  }
  client.send("0\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 200);
}

TEST(MockServer, SaysContinueToAClientThatWaits) {
  const auto mock = serve("[[reply]]\ntext = 'hello'\n");
  const std::string body = chat_of(kHello);
  RawClient client(mock->port());
  client.send("POST /v1/chat/completions HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n");
  ASSERT_TRUE(client.wait_for("HTTP/1.1 100 Continue\r\n\r\n"));
  client.send(body);
  EXPECT_EQ(client.read_response().status, 200);
  EXPECT_EQ(client.continues(), 1);
}

TEST(MockServer, EndsTheConnectionWhenTheClientAsks) {
  const auto mock = serve("[[reply]]\ntext = 'hello'\n");
  RawClient closing(mock->port());
  closing.send(post_request(kPath, chat_of(kHello), "Connection: close\r\n"));
  EXPECT_EQ(closing.read_response().header("connection"), "close");
  EXPECT_TRUE(closing.ends());

  RawClient old(mock->port());
  const std::string body = chat_of(kHello, kStream);
  old.send("POST /v1/chat/completions HTTP/1.0\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body);
  const RawResponse response = old.read_response();
  EXPECT_EQ(response.end, ResponseEnd::kClosed);
  EXPECT_TRUE(response.whole);
  EXPECT_EQ(response.events().back(), "[DONE]");
}

TEST(MockServer, AnswersAClientThatHasFinishedSending) {
  const auto mock = serve("[[reply]]\ntext = 'hello'\n");
  RawClient client(mock->port());
  client.send(request_for(kHello));
  client.finish_sending();
  EXPECT_EQ(client.read_response().status, 200);
  EXPECT_TRUE(client.ends());
}

TEST(MockServer, AnswersGarbageAndGoesOn) {
  const auto mock = serve("[[reply]]\ntext = 'hello'\n");
  const std::pair<std::string, int> rows[] = {
      {"\x16\x03\x01\x02\n", 400},
      {"GET / HTTP/3\r\n\r\n", 505},
      {"POST / HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n", 413},
      {"GET /" + std::string(100'000, 'x'), 431},
  };
  for (const auto& [bytes, status] : rows) {
    RawClient client(mock->port());
    client.send(bytes);
    const RawResponse response = client.read_response();
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.header("connection"), "close");
  }
  RawClient(mock->port()).send("POST / HT");  // and gone
  RawClient client(mock->port());
  client.send(request_for(kHello));
  EXPECT_EQ(client.read_response().status, 200);
  EXPECT_EQ(mock->statistics().malformed, 4);
}

TEST(MockServer, GivesTheAnswerToAClientThatStillSends) {
  const auto mock = serve("[[reply]]\ntext = 'hello'\n");
  RawClient client(mock->port());
  const std::string head = "POST / HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n";
  EXPECT_TRUE(client.send(head + std::string(16 << 20, 'x'))) << "the server must take it";
  EXPECT_EQ(client.read_response().status, 413);
}

TEST(MockServer, SendsFaults) {
  const auto mock = serve(R"(
[[reply]]
text = "at last"
[[reply.fault]]
status = 429
retry_after = "1"
[[reply.fault]]
cut_after_bytes = 300
[[reply.fault]]
cut_after_bytes = 300
reset = true
[[reply.fault]]
close = true
[[reply.fault]]
reset = true
[[reply.fault]]
raw = "junk"
[[reply.fault]]
stall_ms = 20
)");
  const auto ask = [&] {
    RawClient client(mock->port());
    client.send(request_for(kHello));
    return client.read_response();
  };
  const RawResponse limited = ask();
  EXPECT_EQ(limited.status, 429);
  EXPECT_EQ(limited.header("retry-after"), "1");
  const RawResponse cut = ask();
  EXPECT_EQ(cut.body.size(), 300U);
  EXPECT_EQ(cut.end, ResponseEnd::kClosed);
  EXPECT_FALSE(cut.whole);
  EXPECT_EQ(ask().end, ResponseEnd::kReset);
  const RawResponse closed = ask();
  EXPECT_EQ(closed.end, ResponseEnd::kClosed);
  EXPECT_EQ(closed.raw, "");
  EXPECT_EQ(ask().end, ResponseEnd::kReset);
  EXPECT_EQ(ask().raw, "junk");
  EXPECT_TRUE(ask().whole);
  EXPECT_EQ(message_of(ask())["content"], "at last");
  EXPECT_EQ(mock->statistics().faults, 7);
}

TEST(MockServer, SendsChunksOneByOne) {
  const auto mock =
      serve("chunk_delay_ms = 2\ndelay_ms = 2\n[[reply]]\ntext = 'a text of several chunks'\n");
  RawClient client(mock->port());
  client.send(request_for(kHello));
  EXPECT_EQ(message_of(client.read_response())["content"], "a text of several chunks");
}

TEST(MockServer, SendsWhatDoesNotFitIntoASocket) {
  // More than the buffers of both sides hold, so that the server must wait for the client.
  const std::string text(4 << 20, 'x');
  const auto mock = serve("chunk_bytes = 4000\n[[reply]]\ntext = '" + text + "'\n");
  RawClient client(mock->port());
  client.send(request_for(kHello));
  const RawResponse response = client.read_response();
  EXPECT_EQ(message_of(response)["content"].get<std::string>().size(), text.size());
}

TEST(MockServer, ForgetsClientsThatLeaveInTheMiddle) {
  const auto mock =
      serve("[[reply]]\nrepeat = 2\ntext = '" + std::string(100'000, 'x') +
            "'\n[[reply.fault]]\nstall_ms = 60000\n[[reply.fault]]\ndelay_ms = 60000\n");
  for (int i = 0; i < 2; ++i) {
    RawClient client(mock->port());
    client.send(request_for(kHello));
    if (i == 0) {
      EXPECT_TRUE(client.wait_for("data:"));
    }
  }
  RawClient client(mock->port());
  client.send(get_request("/v1/models"));
  EXPECT_EQ(client.read_response().status, 200);
  // The end of the test destroys the server while both answers still wait.
}

TEST(MockServer, ServesConversationsInParallel) {
  const auto mock = serve(R"(
chunk_delay_ms = 1
[[reply]]
repeat = 5
reasoning = "step {n}"
[[reply.call]]
name = "look"
arguments_text = '{"n": {n}}'
[[reply]]
text = "done"
)");
  std::vector<std::future<std::string>> results;
  for (int i = 0; i < 8; ++i) {
    results.push_back(std::async(std::launch::async, [&, i] {
      TinyAgent agent(mock->port(), "task " + std::to_string(i), std::string(kStream));
      return agent.run();
    }));
  }
  for (std::future<std::string>& result : results) EXPECT_EQ(result.get(), "done");
  EXPECT_EQ(mock->statistics().replies, 8 * 6);
  EXPECT_EQ(mock->statistics().refused, 0);
}

TEST(MockServer, PlaysTheRefactoringExample) {
  const std::filesystem::path path =
      std::filesystem::path(__FILE__).parent_path() / "../../examples/refactor/script.toml";
  std::ifstream file(path);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  ASSERT_FALSE(text.empty()) << path;
  for (const std::string_view fields : {kStream, std::string_view()}) {
    const auto mock = serve(text);
    TinyAgent agent(mock->port(), "Split shop/orders.py",
                    R"("thinking":{"type":"enabled","keep":"all"},)" + std::string(fields));
    EXPECT_EQ(agent.run().substr(0, 36), "`shop/orders.py` is split into eight");
    EXPECT_EQ(agent.steps(), 15);
    EXPECT_EQ(mock->statistics().replies, 15);
    EXPECT_EQ(mock->statistics().refused, 0);
    EXPECT_GT(agent.calls(), 20);
  }
}

TEST(MockServer, SaysWhyItCannotStart) {
  const auto mock = serve("[[reply]]\ntext = 'x'\n");
  const auto error_of = [](MockOptions options) {
    const auto started =
        MockThread::start(script_of("[[reply]]\ntext = 'x'\n"), std::move(options));
    EXPECT_FALSE(started.ok());
    return started.ok() ? Error{} : started.error();
  };
  EXPECT_EQ(error_of({.port = mock->port()}).code, ErrorCode::kNetwork);
  EXPECT_EQ(error_of({.port = mock->port()}).context, "127.0.0.1:" + std::to_string(mock->port()));
  EXPECT_EQ(error_of({.port = 70'000}).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of({.record_directory = "/dev/null/x"}).code, ErrorCode::kStore);
}

}  // namespace
}  // namespace perdure
