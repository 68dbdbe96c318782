// Asking an endpoint over a real connection: what is sent, that exactly one answer comes of it, and
// connections that end in ways that no server should choose. What an answer means is tested in
// reply_reader_test.cc.
#include "model/model_client.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/http_exchange.h"
#include "tests/support/replies.h"

namespace perdure {
namespace {

using test::delta;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kKey = "my-key-0123456789";

struct Answer {
  std::optional<ModelReplied> reply;
  std::optional<ModelFailure> failure;
  int answers = 0;
  std::string deltas;

  std::string text() const {
    if (reply) return reply->text;
    return failure ? std::string(to_string(failure->error.code)) + ": " + failure->error.message
                   : "nothing";
  }
};

class ModelClientTest : public test::HttpExchangeTest {
 protected:
  std::unique_ptr<HttpExchange> start(const test::ByteServer& server, Answer& answer) {
    endpoint_ = {.base_url = server.url("/v1"), .key = Secret(std::string(key_), "the test")};
    ModelClient::Observer observer{
        .deltas = {.reasoning = {},
                   .text = [&answer](std::string_view text) { answer.deltas += text; },
                   .arguments = {}},
        .replied =
            [this, &answer](ModelReplied reply) {
              answer.reply = std::move(reply);
              ++answer.answers;
              loop_.stop();
            },
        .failed =
            [this, &answer](ModelFailure failure) {
              answer.failure = std::move(failure);
              ++answer.answers;
              loop_.stop();
            }};
    return models_.ask(endpoint_, test::body_of(R"({"model":"m"})"), {}, {}, std::move(observer));
  }

  Answer ask(const test::ByteServer& server) {
    Answer answer;
    const std::unique_ptr<HttpExchange> exchange = start(server, answer);
    EXPECT_EQ(answer.answers, 0) << "never from within ask()";
    run_bounded();
    EXPECT_EQ(answer.answers, 1);
    return answer;
  }

  Answer ask(test::ByteStep step, test::ByteStep after = test::hold()) {
    const test::ByteServer server({{test::receive_request(), std::move(step), std::move(after)}});
    return ask(server);
  }

  std::string_view key_ = kKey;
  ModelClient models_{loop_, client_};
  Endpoint endpoint_;
};

std::string streamed(const test::ReplyInput& input) {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: "
         "chunked\r\n\r\n" +
         test::http_chunk(test::stream_of(input));
}

const test::ReplyInput kHello = {
    .chunks = {delta(R"({"content":"Hel"})"), delta(R"({"content":"lo"})", "stop")}};

TEST_F(ModelClientTest, SendsTheRequestWithTheKey) {
  const test::ByteServer server(
      {{test::receive_request(), test::send(test::http_answer(test::stream_of(kHello)))}});
  EXPECT_EQ(ask(server).text(), "Hello");
  ASSERT_EQ(server.requests().size(), 1U);
  const std::string request = server.requests()[0];
  EXPECT_THAT(request, StartsWith("POST /v1/chat/completions HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nAuthorization: Bearer my-key-0123456789\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nAccept: text/event-stream, application/json\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\n\r\n{\"model\":\"m\"}"));
}

TEST_F(ModelClientTest, SendsNoKeyWhereThereIsNone) {
  key_ = "";
  const test::ByteServer server(
      {{test::receive_request(), test::send(test::http_answer(test::stream_of(kHello)))}});
  EXPECT_EQ(ask(server).text(), "Hello");
  ASSERT_EQ(server.requests().size(), 1U);
  EXPECT_THAT(server.requests()[0], Not(HasSubstr("Authorization")));
}

TEST_F(ModelClientTest, TellsDeltasAndTimes) {
  const Answer answer = ask(test::send(streamed(kHello) + test::http_chunk("")));
  EXPECT_EQ(answer.deltas, "Hello");
  ASSERT_TRUE(answer.reply.has_value()) << answer.text();
  EXPECT_GE(answer.reply->first_byte_ms, 0);
  EXPECT_GE(answer.reply->duration_ms, answer.reply->first_byte_ms);
}

TEST_F(ModelClientTest, TellsTheTextOfAWholeBodyToo) {  // N13
  const Answer answer = ask(test::send(test::http_answer(
      R"({"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]})")));
  EXPECT_EQ(answer.text(), "Hello");
  EXPECT_EQ(answer.deltas, "Hello");
}

TEST_F(ModelClientTest, DoesNotWaitForAConnectionThatStaysOpen) {  // N28
  EXPECT_EQ(ask(test::send(streamed(kHello))).text(), "Hello");
}

TEST_F(ModelClientTest, EndsWithAnErrorOfTheStreamThoughTheConnectionStaysOpen) {  // N29
  const Answer answer = ask(test::send(
      streamed({.chunks = {delta(R"({"content":"Hel"})"), R"({"error":{"message":"boom"}})"},
                .has_end_marker = false})));
  EXPECT_EQ(answer.text(), "server: the host reports an error: boom");
  EXPECT_EQ(answer.failure->received_bytes, 3);
}

// Whatever the words: it is the status, or the object of an error, that says so.
TEST_F(ModelClientTest, TellsWhetherTheFormOfTheRequestWasRefused) {  // N08, N09
  struct Row {
    int status;
    const char* body;
    bool structural;
  };
  const Row rows[] = {
      {400, R"({"error":{"message":"HTTP 404"}})", true},
      {422, "{}", true},
      {405, R"({"error":{"message":"HTTP 400"}})", false},
      {418, R"({"error":{"message":"HTTP 400: tools[1]"}})", false},
      {400, R"({"error":{"message":"maximum context length is 9"}})", false},
      {401, R"({"error":{"message":"HTTP 400"}})", false},
      {500, R"({"error":{"message":"HTTP 400"}})", false},
      {200, R"({"error":{"message":"no such field","code":400}})", true},
      {200, R"({"error":{"message":"HTTP 400"}})", false},
  };
  for (const Row& row : rows) {
    const Answer answer = ask(test::send(test::http_answer(row.body, "", row.status)));
    ASSERT_TRUE(answer.failure) << row.body;
    EXPECT_EQ(answer.failure->structural, row.structural) << row.status << " " << row.body;
  }
}

TEST_F(ModelClientTest, TakesAReplyThatWasResetBehindItsEnd) {
  EXPECT_EQ(ask(test::send(streamed(kHello)), test::reset()).text(), "Hello");
}

TEST_F(ModelClientTest, DoesNotTakeAReplyThatWasCutBeforeItsEnd) {  // N24, N35
  test::ReplyInput cut = kHello;
  cut.has_end_marker = false;
  const Answer answer = ask(test::send(streamed(cut)), test::reset());
  ASSERT_TRUE(answer.failure.has_value()) << answer.text();
  EXPECT_EQ(answer.failure->error.retry, Retry::kLater);
  EXPECT_EQ(answer.failure->received_bytes, 5);
}

TEST_F(ModelClientTest, DoesNotRepeatTheKeyThatWasRefused) {
  const Answer answer = ask(test::send(test::http_answer(
      R"({"error":{"message":"no such key: my-key-0123456789"}})", "X-Trace-Id: t1\r\n", 401)));
  EXPECT_EQ(answer.text(), "key_rejected: HTTP 401: no such key: ***");
  EXPECT_EQ(answer.failure->error.context, "x-trace-id t1");
}

TEST_F(ModelClientTest, SaysNothingOnceTheExchangeIsDestroyed) {
  Answer answer;
  std::unique_ptr<HttpExchange> exchange;
  const test::ByteServer server({{test::receive_request(), test::call([&] {
                                    loop_.post([&] {
                                      exchange.reset();
                                      loop_.stop();
                                    });
                                  }),
                                  test::hold()}});
  exchange = start(server, answer);
  run_bounded();
  EXPECT_TRUE(server.wait_for_ends(1)) << "the connection is still open";
  EXPECT_EQ(answer.answers, 0);
}

}  // namespace
}  // namespace perdure
