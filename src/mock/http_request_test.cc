#include "mock/http_request.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace perdure::mock {
namespace {

constexpr std::string_view kPost =
    "POST /v1/chat/completions?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nX-A:  b "
    "\r\n\r\nbody";

TEST(HttpRequest, ReadsARequest) {
  RequestReader reader;
  reader.feed(kPost);
  const std::optional<ReceivedRequest> request = reader.take();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method, "POST");
  EXPECT_EQ(request->path, "/v1/chat/completions");
  EXPECT_EQ(request->body, "body");
  EXPECT_EQ(request->header("x-a"), "b");
  EXPECT_EQ(request->header("x-b"), std::nullopt);
  EXPECT_TRUE(request->keep_alive);
  EXPECT_TRUE(request->takes_chunks);
  EXPECT_FALSE(reader.take());
  EXPECT_FALSE(reader.failure());
}

TEST(HttpRequest, ReadsBytesOneByOne) {
  RequestReader reader;
  for (std::size_t i = 0; i < kPost.size(); ++i) {
    EXPECT_FALSE(reader.take()) << i;
    reader.feed(kPost.substr(i, 1));
  }
  const std::optional<ReceivedRequest> request = reader.take();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->body, "body");
}

TEST(HttpRequest, ReadsSeveralRequestsOfOneConnection) {
  RequestReader reader;
  reader.feed(std::string(kPost) + "\r\nGET /v1/models HTTP/1.1\n\n" + std::string(kPost));
  EXPECT_EQ(reader.take()->method, "POST");
  EXPECT_EQ(reader.take()->method, "GET");
  EXPECT_EQ(reader.take()->body, "body");
  EXPECT_FALSE(reader.take());
}

TEST(HttpRequest, ReadsChunkedBodies) {
  const std::string head = "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n";
  const std::string body = "4;name=value\r\nWiki\r\n5\r\npedia\r\n0\r\nTrailer: x\r\n\r\n";
  for (std::size_t cut = 0; cut <= body.size(); ++cut) {
    RequestReader reader;
    reader.feed(head + body.substr(0, cut));
    reader.feed(body.substr(cut));
    const std::optional<ReceivedRequest> request = reader.take();
    ASSERT_TRUE(request) << cut;
    EXPECT_EQ(request->body, "Wikipedia");
  }
}

TEST(HttpRequest, KnowsWhoWantsToStay) {
  const auto stays = [](const std::string& version, const std::string& header) {
    RequestReader reader;
    reader.feed("GET / HTTP/" + version + "\r\n" + header + "\r\n");
    return reader.take()->keep_alive;
  };
  EXPECT_TRUE(stays("1.1", ""));
  EXPECT_FALSE(stays("1.1", "Connection: Close\r\n"));
  EXPECT_FALSE(stays("1.1", "Connection: te, close\r\n"));
  EXPECT_FALSE(stays("1.0", ""));
  EXPECT_TRUE(stays("1.0", "Connection: keep-alive\r\n"));
}

TEST(HttpRequest, SaysWhenAClientWaitsToContinue) {
  const std::string head = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  RequestReader waits;
  waits.feed(head);
  EXPECT_TRUE(waits.take_continue_wish());
  EXPECT_FALSE(waits.take_continue_wish());
  waits.feed("ok");
  EXPECT_EQ(waits.take()->body, "ok");

  RequestReader too_large;
  too_large.feed("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 999999999999\r\n\r\n");
  EXPECT_FALSE(too_large.take_continue_wish());

  RequestReader does_not_wait;
  does_not_wait.feed(head + "ok");
  EXPECT_FALSE(does_not_wait.take_continue_wish());
}

TEST(HttpRequest, RefusesWhatIsNoRequest) {
  struct Case {
    std::string bytes;
    int status;
  };
  const Case cases[] = {
      {"\x16\x03\x01\x02\n", 400},
      {"GET /\r\n", 400},
      {"GET  / HTTP/1.1\r\n", 400},
      {"G(T / HTTP/1.1\r\n", 400},
      {"PRI * HTTP/2.0\r\n\r\n", 505},
      {"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nName : x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n: x\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nContent-Length:\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", 400},
      {"POST / HTTP/1.1\r\nContent-Length: 300000000\r\n\r\n", 413},
      {"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n11e1a300\r\n", 413},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 413},
      {"GET /" + std::string(70'000, 'a'), 431},
      {"GET / HTTP/1.1\r\nA: " + std::string(70'000, 'a'), 431},
      {std::string(70'000, '\n'), 431},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(70'000, 'a'), 431},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + std::string(70'000, 'a'),
       431},
  };
  for (const Case& row : cases) {
    RequestReader reader;
    reader.feed(row.bytes);
    ASSERT_TRUE(reader.failure()) << row.bytes.substr(0, 100);
    EXPECT_EQ(reader.failure()->status, row.status) << row.bytes.substr(0, 100);
    EXPECT_FALSE(reader.take());
    reader.feed(kPost);
    EXPECT_FALSE(reader.take()) << "nothing can be read after a failure";
  }
}

TEST(HttpRequest, TakesABodyUpToItsLimit) {
  const HttpLimits limits{.body_bytes_max = 8};
  RequestReader whole(limits);
  whole.feed("POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\n12345678");
  EXPECT_EQ(whole.take()->body, "12345678");
  RequestReader in_chunks(limits);
  in_chunks.feed("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n4\r\n");
  ASSERT_TRUE(in_chunks.failure());
  EXPECT_EQ(in_chunks.failure()->status, 413);
}

TEST(HttpRequest, SurvivesAnyBytes) {
  // Every byte at every place of a request that is good without it.
  for (std::size_t at = 0; at < kPost.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string bytes(kPost);
      bytes[at] = static_cast<char>(byte);
      RequestReader reader;
      reader.feed(bytes);
      reader.take();
    }
  }
}

}  // namespace
}  // namespace perdure::mock
