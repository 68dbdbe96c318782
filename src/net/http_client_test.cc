// What goes over the wire for a request, and the ways in which a caller may end one. What peers do
// to a connection is in tests/faults/.
#include "net/http_client.h"

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/http_exchange.h"

namespace perdure {
namespace {

using test::ByteScript;
using test::ByteServer;
using test::ByteStep;
using test::call;
using test::Exchanged;
using test::hold;
using test::http_answer;
using test::http_chunk;
using test::receive_bytes;
using test::receive_request;
using test::reset;
using test::send;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using HttpClientTest = test::HttpExchangeTest;

TEST_F(HttpClientTest, RequestAsItIsSent) {
  const ByteServer server({{receive_request(), send(http_answer("a", "X-One: 1\r\nx-ONE:  2 \r\n")),
                            receive_request(), send(http_answer("b"))}});
  HttpRequest request = request_to(server.url("/v1/chat"), "{\"a\":1}");
  request.headers.emplace_back("Authorization: Bearer key");
  const Exchanged posted = exchange(request);
  EXPECT_EQ(posted.end(), "ok");
  ASSERT_TRUE(posted.head.has_value());
  EXPECT_EQ(posted.head->header("x-one"), "1");
  EXPECT_EQ(posted.head->header("X-One"), "") << "names are in lower case";
  EXPECT_THAT(posted.head->headers, testing::Contains(testing::Pair("x-one", "2")));
  EXPECT_EQ(exchange({.url = server.url("/v1/models"), .post = false}).body, "b");
  EXPECT_EQ(server.connections(), 1U) << "kept alive";

  const std::vector<std::string> requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_THAT(requests[0], testing::StartsWith("POST /v1/chat HTTP/1.1\r\n"));
  for (const std::string& line :
       {"Host: 127.0.0.1:" + std::to_string(server.port()), std::string("X-Test: yes"),
        std::string("Authorization: Bearer key"), std::string("Content-Length: 7"),
        std::string("User-Agent: perdure/" PERDURE_VERSION)}) {
    EXPECT_THAT(requests[0], HasSubstr("\r\n" + line + "\r\n"));
  }
  EXPECT_THAT(requests[0], Not(HasSubstr("Expect:")));
  EXPECT_THAT(requests[0], testing::EndsWith("\r\n\r\n{\"a\":1}"));
  EXPECT_THAT(requests[1], testing::StartsWith("GET /v1/models HTTP/1.1\r\n"));
}

// Megabytes in thousands of parts.
TEST_F(HttpClientTest, BodyOfManyParts) {
  const auto parts = std::make_shared<std::deque<std::string>>();
  std::string whole = "head[";
  HttpRequest request;
  for (std::size_t i = 0; i < 3'000; ++i) {
    // Some are empty, some larger than any buffer.
    parts->push_back(std::string(i % 7 == 0       ? 0
                                 : i % 1'000 == 1 ? 700'000
                                                  : i,
                                 'a') +
                     std::to_string(i));
    whole += parts->back();
    request.body.middle.push_back(parts->back());
    request.body.middle_bytes += parts->back().size();
  }
  request.body.head = std::make_shared<const std::string>("head[");
  request.body.middle_owner = parts;
  request.body.tail = "]tail";
  whole += "]tail";
  ASSERT_EQ(request.body.size(), whole.size());
  ASSERT_GT(whole.size(), std::size_t{5} << 20);

  const ByteServer server({{receive_request(), send(http_answer("ok"))}});
  request.url = server.url();
  EXPECT_EQ(exchange(request).end(), "ok");
  const std::vector<std::string> requests = server.requests();
  ASSERT_EQ(requests.size(), 1U);
  const std::size_t body_at = requests[0].find("\r\n\r\n") + 4;
  EXPECT_THAT(requests[0].substr(0, body_at), Not(HasSubstr("Expect:"))) << "hosts ignore it";
  EXPECT_TRUE(requests[0].substr(body_at) == whole) << "the body is not what its parts are";
}

// The caller gives up between the beginning of the connection and its end.
TEST_F(HttpClientTest, DestroyedWhileItConnects) {
  const ByteServer silent({{hold()}});
  const ByteServer server({{receive_request(), send(http_answer("ok"))}});
  std::unique_ptr<HttpExchange> given_up;
  Timer timer;
  loop_.post([&] {
    given_up = client_.start(request_to(silent.url()), {});
    // After curl's own timer of the same time, in which it connects, and before the loop looks at
    // the new socket.
    timer = loop_.start_timer(0, [&] {
      given_up.reset();
      loop_.stop();
    });
  });
  run_bounded();
  EXPECT_EQ(exchange(request_to(server.url())).end(), "ok");
}

TEST_F(HttpClientTest, EmptyBody) {
  const ByteServer server({{receive_request(), send(http_answer("ok"))}});
  EXPECT_EQ(exchange(request_to(server.url(), "")).end(), "ok");
  EXPECT_THAT(server.requests(), ElementsAre(HasSubstr("Content-Length: 0")));
}

// A host that refuses a long request answers before it has read it.
TEST_F(HttpClientTest, AnswerBeforeTheEndOfTheUpload) {
  const ByteServer server({{receive_bytes(1'000),
                            send(http_answer("too long", "Connection: close\r\n", 413)), hold()}});
  const Exchanged exchanged = exchange(request_to(server.url(), std::string(8 << 20, 'x')));
  EXPECT_EQ(exchanged.http_status(), 413);
  EXPECT_EQ(exchanged.body, "too long");
}

TEST_F(HttpClientTest, BodyMayEndTheExchange_N28) {
  const ByteServer server({{receive_request(), send("HTTP/1.1 200 OK\r\n\r\n[DONE]"), hold(),
                            call([this] { loop_.post([this] { loop_.stop(); }); })}});
  Exchanged exchanged;
  HttpClient::Observer observer = note_in(exchanged, [] {});
  observer.body = [&](std::string_view bytes) {
    exchanged.body += bytes;
    return false;
  };
  const auto exchange = client_.start(request_to(server.url()), std::move(observer));
  run_bounded();  // until the server sees that the connection is closed
  EXPECT_EQ(exchanged.end(), "ok");
  EXPECT_EQ(exchanged.ends, 1);
  EXPECT_EQ(exchanged.body, "[DONE]");
}

TEST_F(HttpClientTest, DestroyedAtEachStage) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
  std::unique_ptr<HttpExchange> running;
  const ByteStep destroy = call([&] { loop_.post([&] { running.reset(); }); });
  const std::vector<std::pair<std::string, ByteScript>> stages = {
      {"connected", {destroy}},
      {"in the upload", {receive_bytes(10'000), destroy}},
      {"before the answer", {receive_request(), destroy}},
      {"in the headers", {receive_request(), send(head.substr(0, 20)), destroy}},
      {"after the headers", {receive_request(), send(head), destroy}},
      {"in the body", {receive_request(), send(head + "half"), destroy}},
  };
  for (const auto& [name, script] : stages) {
    SCOPED_TRACE(name);
    ByteScript whole = script;
    whole.push_back(hold());
    whole.push_back(call([&] { loop_.post([&] { loop_.stop(); }); }));
    const ByteServer server({whole});
    Exchanged exchanged;
    running = client_.start(request_to(server.url(), std::string(1 << 20, 'x')),
                            note_in(exchanged, [] {}));
    run_bounded();  // until the server sees that the connection is closed
    EXPECT_EQ(exchanged.ends, 0);
  }
}

TEST_F(HttpClientTest, DestroyedBeforeAnythingHappened) {
  Exchanged exchanged;
  client_.start(request_to("http://127.0.0.1:1/"), note_in(exchanged, [] {})).reset();
  loop_.post([&] { loop_.stop(); });
  run_bounded();
  EXPECT_EQ(exchanged.ends, 0);
}

TEST_F(HttpClientTest, TheEndMayStartTheNext) {
  const ByteServer server({{receive_request(), send(http_answer("1")), receive_request(),
                            send(http_answer("2")), receive_request(), send(http_answer("3"))}});
  Exchanged exchanged;
  std::unique_ptr<HttpExchange> running;
  std::function<void()> next = [&] {
    if (exchanged.ends == 3) return loop_.stop();
    running = client_.start(request_to(server.url()), note_in(exchanged, next));
  };
  next();
  run_bounded();
  EXPECT_EQ(exchanged.body, "123");
  EXPECT_EQ(exchanged.status.ok(), true);
  EXPECT_EQ(server.connections(), 1U);
}

TEST_F(HttpClientTest, ManyAtOnceKeepTheirConnections) {
  constexpr std::size_t kCount = 100;
  const std::string answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                             http_chunk("a") + http_chunk("b") + http_chunk("");
  const ByteServer server(
      {{receive_request(), send(answer, 7), receive_request(), send(answer, 7)}});
  for (const std::string round : {"first", "second"}) {
    std::vector<Exchanged> all(kCount);
    std::vector<std::unique_ptr<HttpExchange>> running;
    std::size_t ended = 0;
    for (std::size_t i = 0; i < kCount; ++i) {
      running.push_back(client_.start(request_to(server.url(), round + " " + std::to_string(i)),
                                      note_in(all[i], [&] {
                                        if (++ended == kCount) loop_.stop();
                                      })));
    }
    run_bounded();
    for (const Exchanged& exchanged : all) EXPECT_EQ(exchanged.end() + exchanged.body, "okab");
  }
  EXPECT_EQ(server.connections(), kCount);
  std::set<std::string> bodies;
  for (const std::string& request : server.requests()) {
    bodies.insert(request.substr(request.find("\r\n\r\n") + 4));
  }
  EXPECT_EQ(bodies.size(), 2 * kCount);
}

}  // namespace
}  // namespace perdure
