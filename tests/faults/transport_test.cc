// What HttpClient makes of everything that a peer can do to a connection. Cases are named after the
// faults that endpoints and networks really show; each says what the caller learns.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <netdb.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http_client.h"
#include "tests/support/http_exchange.h"
#include "tests/support/run_bench.h"

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
using test::wait_ms;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using TransportFaults = test::HttpExchangeTest;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\n";
constexpr std::string_view kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

// --- one answer ---

struct AnswerCase {
  std::string name;
  std::string answer;  // then the connection ends
  std::string end;     // as Exchanged::end()
  int status = 200;    // 0: no head was given
  std::string body = {};
};

std::string many(int count, const std::string& line) {
  std::string text;
  for (int i = 0; i < count; ++i) text += line;
  return text;
}

std::vector<AnswerCase> answer_cases() {
  const std::string ok(kOk);
  const std::string chunked(kChunked);
  return {
      {"N15 no content type", ok + "Content-Length: 2\r\n\r\nhi", "ok", 200, "hi"},
      {"N16 no content", "HTTP/1.1 204 No Content\r\n\r\n", "ok", 204},
      {"N16 empty body", ok + "Content-Length: 0\r\n\r\n", "ok"},
      {"N16 head only", ok + "\r\n", "ok"},
      {"N17 interim answers",
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" +
           http_answer("hi"),
       "ok", 200, "hi"},
      {"N17 HTTP/1.0 ends with the connection", "HTTP/1.0 200 OK\r\n\r\nhi", "ok", 200, "hi"},
      {"N17 HTTP/1.1 ends with the connection", ok + "\r\nhi", "ok", 200, "hi"},
      {"bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", "ok", 200, "hi"},
      {"chunks", chunked + http_chunk("ab") + http_chunk("c") + http_chunk(""), "ok", 200, "abc"},
      {"chunks with extensions and trailers",
       chunked + "2;x=\"1\"\r\nab\r\n00;y\r\nX-Trailer: 1\r\n\r\n", "ok", 200, "ab"},
      {"chunk size in capitals", chunked + "A\r\n0123456789\r\n0\r\n\r\n", "ok", 200, "0123456789"},
      {"an error with a body", http_answer("no", "", 429), "ok", 429, "no"},
      {"N18 64 KiB of headers", ok + many(64, "X: " + std::string(1100, 'x') + "\r\n") + "\r\n",
       "bad_reply", 0},
      {"N18 one large header", ok + "X: " + std::string(80'000, 'x') + "\r\n\r\n", "bad_reply", 0},
      {"N18 10,000 headers", ok + many(10'000, "a:b\r\n") + "\r\n", "bad_reply", 0},
      {"N18 endless interim answers",
       many(4'000, "HTTP/1.1 102 Processing\r\n\r\n") + http_answer("hi"), "bad_reply", 0},
      {"N18 headers just within the limits",
       ok + many(900, "X: " + std::string(60, 'x') + "\r\n") + "Content-Length: 0\r\n\r\n", "ok"},
      {"N23 nothing", "", "network", 0},
      {"N23 end in the status line", "HTTP/1.1 20", "network", 0},
      {"N23 end in the headers", ok + "Content-Le", "stream_cut", 0},
      {"N23 no HTTP", "SSH-2.0-OpenSSH_9.2p1\r\n", "bad_reply", 0},
      {"N23 TLS instead of HTTP", std::string("\x15\x03\x01\x00\x02\x02\x46", 7), "bad_reply", 0},
      {"N23 no number for a status", "HTTP/1.1 OK\r\n\r\n", "bad_reply", 0},
      {"N23 a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", "bad_reply", 0},
      {"N23 an unknown version", "HTTP/9.9 200 OK\r\n\r\n", "bad_reply", 0},
      {"N23 switching protocols", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", "network", 0},
      {"N35 end in a chunk", chunked + "a\r\n01234", "stream_cut", 200, "01234"},
      {"N35 no last chunk", chunked + http_chunk("ab"), "stream_cut", 200, "ab"},
      {"N35 no end after the last chunk", chunked + http_chunk("ab") + "0\r\n", "stream_cut", 200,
       "ab"},
      {"N35 no size", chunked + "\r\nab\r\n", "stream_cut", 200},
      {"N35 no hexadecimal size", chunked + "zz\r\nab\r\n", "stream_cut", 200},
      {"N35 negative size", chunked + "-2\r\nab\r\n0\r\n\r\n", "stream_cut", 200},
      {"N35 size beyond 64 bits", chunked + "ffffffffffffffffff\r\nab\r\n", "stream_cut", 200},
      {"N35 size of 63 bits", chunked + "7fffffffffffffff\r\nab", "stream_cut", 200, "ab"},
      {"N35 more in the chunk than its size", chunked + "2\r\nabcd\r\n0\r\n\r\n", "stream_cut", 200,
       "ab"},
      {"N36 length too long", ok + "Content-Length: 9\r\n\r\nhi", "stream_cut", 200, "hi"},
      {"N36 length too short", ok + "Content-Length: 1\r\n\r\nhi", "ok", 200, "h"},
      {"N36 no number for a length", ok + "Content-Length: two\r\n\r\nhi", "bad_reply", 0},
      {"N36 negative length", ok + "Content-Length: -2\r\n\r\nhi", "bad_reply", 0},
      {"N36 two lengths", ok + "Content-Length: 2\r\nContent-Length: 1\r\n\r\nhi", "bad_reply", 0},
      {"N36 two lengths in one line", ok + "Content-Length: 2, 1\r\n\r\nhi", "bad_reply", 0},
      {"N36 the same length twice", ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", "ok",
       200, "hi"},
      {"N36 length and chunks",
       ok + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n" + http_chunk("ab") +
           http_chunk(""),
       "bad_reply", 0},
      {"N37 compression that was not asked for",
       ok + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x01", "ok", 200,
       "\x1f\x8b\x08\x01"},
  };
}

TEST_F(TransportFaults, Answers) {
  for (const AnswerCase& example : answer_cases()) {
    SCOPED_TRACE(example.name);
    for (const std::size_t piece_bytes : {0U, 1U}) {
      // 64 KiB byte by byte say nothing that the others do not.
      if (piece_bytes > 0 && example.answer.size() > 10'000) continue;
      const Exchanged exchanged =
          exchange_with({receive_request(), send(example.answer, piece_bytes)});
      EXPECT_EQ(exchanged.end(), example.end)
          << (exchanged.status.ok() ? "" : to_text(exchanged.status.error()));
      EXPECT_EQ(exchanged.http_status(), example.status);
      EXPECT_EQ(exchanged.body, example.body);
    }
  }
}

TEST_F(TransportFaults, RedirectsAreNotFollowed_N11) {
  const ByteServer other({{receive_request(), send(http_answer("stolen"))}});
  for (const int status : {301, 302, 303, 307, 308}) {
    const ByteServer server(
        {{receive_request(),
          send(http_answer("moved", "Location: " + other.url("/v1") + "\r\n", status))}});
    HttpRequest request = request_to(server.url("/v1"));
    request.headers.emplace_back("Authorization: Bearer key");
    const Exchanged exchanged = exchange(std::move(request));
    EXPECT_EQ(exchanged.end(), "ok");
    EXPECT_EQ(exchanged.http_status(), status);
    EXPECT_EQ(exchanged.body, "moved");
  }
  EXPECT_EQ(other.connections(), 0U);
}

// --- connections that end early ---

TEST_F(TransportFaults, Resets_N19_N23_N24) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
  struct Case {
    std::string name;
    ByteScript script;  // then comes the reset
    std::string body = {};
  };
  const std::vector<Case> cases = {
      {"N19 at once", {}},
      {"N19 in the request", {receive_bytes(10)}},
      {"N23 before the answer", {receive_request()}},
      {"N23 in the headers", {receive_request(), send("HTTP/1.1 200 OK\r\nX: "), wait_ms(20)}},
      {"N24 after the headers", {receive_request(), send(head), wait_ms(20)}},
      {"N24 in the body", {receive_request(), send(head + "half"), wait_ms(20)}, "half"},
      {"N24 without a length",
       {receive_request(), send("HTTP/1.1 200 OK\r\n\r\nhalf"), wait_ms(20)},
       "half"},
      {"N35 in a chunk",
       {receive_request(), send(std::string(kChunked) + "9\r\nhalf"), wait_ms(20)},
       "half"},
  };
  for (const Case& example : cases) {
    SCOPED_TRACE(example.name);
    ByteScript script = example.script;
    script.push_back(reset());
    const ByteServer server({script});
    const Exchanged exchanged = exchange(request_to(server.url(), std::string(100'000, 'r')));
    EXPECT_EQ(exchanged.end_or_cut(), "cut");
    EXPECT_EQ(exchanged.body, example.body);
    EXPECT_EQ(server.connections(), 1U) << "a fresh connection is not asked again from here";
  }
}

// More than one read takes: the bytes that arrived are given before the reset is reported.
TEST_F(TransportFaults, ResetBehindUnreadBytes_N24) {
  const std::string body(50'000, 'x');
  const ByteServer server(
      {{receive_request(), send("HTTP/1.1 200 OK\r\n\r\n"), send(body), reset()}});
  Exchanged exchanged;
  HttpClient::Observer observer = note_in(exchanged, [this] { loop_.stop(); });
  observer.head = [&](const HttpHead&) { EXPECT_TRUE(server.wait_for_ends(1)); };
  const auto exchange = client_.start(request_to(server.url()), std::move(observer));
  run_bounded();
  EXPECT_EQ(exchanged.end(), "stream_cut");
  EXPECT_EQ(exchanged.body.size(), body.size());
}

TEST_F(TransportFaults, NobodyListens_N19) {
  const test::ClosedPort port;
  const Exchanged exchanged =
      exchange(request_to("http://127.0.0.1:" + std::to_string(port.number()) + "/v1"));
  EXPECT_EQ(exchanged.end(), "network");
  EXPECT_THAT(to_text(exchanged.status.error()), HasSubstr(std::to_string(port.number())));
}

// A label of 64 characters is refused without asking a name server. What the resolver says when it
// is asked why decides whether it may pass; which answers there are is in
// src/net/name_check_test.cc.
TEST_F(TransportFaults, NoSuchName_N20) {
  const HttpRequest request = request_to("http://" + std::string(64, 'a') + ".invalid/");
  const Exchanged missing = exchange(request);
  EXPECT_EQ(missing.end(), "no_such_host");
  EXPECT_THAT(to_text(missing.status.error()), HasSubstr("there is no host 'aaaa"));
  HttpClient unsure(loop_, [](const std::string&) { return EAI_AGAIN; });
  Exchanged exchanged;
  const auto exchange = unsure.start(request, note_in(exchanged, [this] { loop_.stop(); }));
  run_bounded();
  EXPECT_EQ(exchanged.end(), "network");
  EXPECT_THAT(to_text(exchanged.status.error()), HasSubstr("resolve"));
}

// A resolver that does not answer in time says nothing; the one who asked goes on.
TEST_F(TransportFaults, ASilentResolver_N20) {
  test::Meeting over;
  HttpClient client(loop_, [&over](const std::string&) {
    over.wait_for(1);
    return EAI_NONAME;
  });
  Exchanged exchanged;
  const auto exchange = client.start(request_to("http://" + std::string(64, 'a') + ".invalid/"),
                                     note_in(exchanged, [this] { loop_.stop(); }));
  run_bounded();
  over.arrive();
  EXPECT_EQ(exchanged.end(), "network");
}

// --- deadlines ---

TEST_F(TransportFaults, Deadlines_N30_N31_N33) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
  ByteScript drip = {receive_request(), send(head)};
  for (int i = 0; i < 1'000; ++i) {
    drip.push_back(send("x"));
    drip.push_back(wait_ms(10));
  }
  struct Case {
    std::string name;
    ByteScript script;
    HttpTimeouts timeouts;
    std::string message;
    std::size_t request_bytes = 10;
  };
  const std::vector<Case> cases = {
      {"N30 no answer",
       {receive_request(), hold()},
       {.first_byte_ms = 60},
       "no reply came within 60 ms"},
      {"N30 only interim answers",
       {receive_request(), send("HTTP/1.1 100 Continue\r\n\r\n"), hold()},
       {.first_byte_ms = 60},
       "no reply came within 60 ms"},
      {"N30 only headers",
       {receive_request(), send(head), hold()},
       {.first_byte_ms = 60},
       "no reply came within 60 ms"},
      {"N30 nobody reads the request",
       {hold()},
       {.first_byte_ms = 60},
       "no reply came within 60 ms",
       32 << 20},
      {"N31 a stall",
       {receive_request(), send(head + "half"), hold()},
       {.idle_ms = 60},
       "no byte of the reply came within 60 ms"},
      {"N33 a drip", drip, {.total_ms = 300}, "the reply was not complete within 300 ms"},
  };
  for (const Case& example : cases) {
    SCOPED_TRACE(example.name);
    const ByteServer server({example.script});
    HttpRequest request = request_to(server.url(), std::string(example.request_bytes, 'r'));
    request.timeouts = example.timeouts;
    const Exchanged exchanged = exchange(std::move(request));
    ASSERT_EQ(exchanged.end(), "timeout");
    EXPECT_EQ(exchanged.status.error().message, example.message);
  }
}

// A slow reply is not a stalled one: each byte gives time anew.
TEST_F(TransportFaults, EachByteMovesTheIdleDeadline_N31) {
  ByteScript script = {receive_request(), send("HTTP/1.1 200 OK\r\n\r\n")};
  std::string body;
  for (int i = 0; i < 20; ++i) {
    script.push_back(wait_ms(100));
    script.push_back(send("x"));
    body += "x";
  }
  const ByteServer server({script});
  HttpRequest request = request_to(server.url());
  request.timeouts.first_byte_ms = 1'500;
  request.timeouts.idle_ms = 1'500;
  const Exchanged exchanged = exchange(std::move(request));
  EXPECT_EQ(exchanged.end(), "ok");
  EXPECT_EQ(exchanged.body, body);
}

// --- kept connections ---

TEST_F(TransportFaults, AStaleConnectionIsReplacedOnce_N38) {
  const std::string body(300'000, 'b');
  struct Case {
    std::string name;
    ByteScript first;   // the connection that is kept
    ByteScript second;  // the one that replaces it
    std::string end;
    std::size_t connections;
  };
  const ByteStep answer = send(http_answer("one"));
  const std::vector<Case> cases = {
      {"closed while it rested",
       {receive_request(), answer},
       {receive_request(), send(http_answer("two"))},
       "ok",
       2},
      {"closed when it is asked",
       {receive_request(), answer, receive_request()},
       {receive_request(), send(http_answer("two"))},
       "ok",
       2},
      {"reset when it is asked",
       {receive_request(), answer, receive_request(), reset()},
       {receive_request(), send(http_answer("two"))},
       "ok",
       2},
      {"reset in the upload",
       {receive_request(), answer, receive_bytes(1'000), reset()},
       {receive_request(), send(http_answer("two"))},
       "ok",
       2},
      // Once: what fails on a fresh connection is the business of whoever asked.
      {"closed, and so is the next",
       {receive_request(), answer, receive_request()},
       {receive_request()},
       "network",
       2},
      // Once there is an answer, the request may have been worked on.
      {"closed after the status line",
       {receive_request(), answer, receive_request(), send(std::string(kOk))},
       {receive_request(), send(http_answer("two"))},
       "stream_cut",
       1},
      {"closed by the answer",
       {receive_request(), send(http_answer("one", "Connection: close\r\n"))},
       {receive_request(), send(http_answer("two"))},
       "ok",
       2},
  };
  for (const Case& example : cases) {
    SCOPED_TRACE(example.name);
    const ByteServer server({example.first, example.second});
    EXPECT_EQ(exchange(request_to(server.url(), body)).end(), "ok");
    const Exchanged exchanged = exchange(request_to(server.url(), body));
    EXPECT_EQ(exchanged.end(), example.end);
    EXPECT_EQ(exchanged.body, example.end == "ok" ? "two" : "");
    EXPECT_EQ(server.connections(), example.connections);
    for (const std::string& request : server.requests()) {
      EXPECT_TRUE(request.ends_with("\r\n\r\n" + body)) << "a request was sent in part";
    }
  }
}

}  // namespace
}  // namespace perdure
