#include "net/download.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/byte_server.h"
#include "tests/support/result.h"

namespace perdure {
namespace {

using test::ByteScript;
using test::ByteServer;
using test::http_answer;
using test::receive_request;
using test::send;
using testing::HasSubstr;

std::string download_from(const std::string& url, std::size_t bytes_max = 100) {
  const Result<std::string> file = download(url, bytes_max, {.first_byte_ms = 5'000});
  return file.ok() ? *file : test::code_of(file) + ": " + file.error().message;
}

TEST(Download, gets_a_file) {
  const ByteServer server({{receive_request(), send(http_answer("picture"))}});
  EXPECT_EQ(download_from(server.url("/a.png?size=2#here")), "picture");
  EXPECT_THAT(server.requests()[0], testing::StartsWith("GET /a.png?size=2 HTTP/1.1\r\n"));
}

TEST(Download, follows_redirects_but_not_for_ever) {
  const ByteServer server({{receive_request(), send(http_answer("", "Location: /b.png\r\n", 302))},
                           {receive_request(), send(http_answer("picture"))}});
  EXPECT_EQ(download_from(server.url("/a.png")), "picture");
  EXPECT_THAT(server.requests()[1], testing::StartsWith("GET /b.png HTTP/1.1\r\n"));
  const ByteServer circle({{receive_request(), send(http_answer("", "Location: /\r\n", 301))}});
  EXPECT_EQ(download_from(circle.url("/")), "not_found: it is redirected again and again");
  EXPECT_EQ(circle.connections(), 6U);
  const ByteServer elsewhere(
      {{receive_request(), send(http_answer("", "Location: file:///etc/passwd\r\n", 302))}});
  EXPECT_THAT(download_from(elsewhere.url("/")), HasSubstr("config: not an address"));
}

TEST(Download, is_bounded) {
  const ByteServer server({{receive_request(), send(http_answer(std::string(101, 'x')))}});
  EXPECT_EQ(download_from(server.url("/")), "too_large: it has more than 100 B");
  EXPECT_EQ(download_from(server.url("/"), 101), std::string(101, 'x'));
}

TEST(Download, says_what_went_wrong) {
  const ByteServer server({{receive_request(), send(http_answer("no", "", 404))}});
  EXPECT_EQ(download_from(server.url("/")), "not_found: HTTP 404");
  const test::ClosedPort closed;
  EXPECT_THAT(download_from("http://127.0.0.1:" + std::to_string(closed.number())),
              HasSubstr("network: "));
  for (const char* url : {"ftp://host/a", "http://", "a.png", "http://host/a b", "http://host/\n",
                          "http://user@host/a"}) {
    EXPECT_THAT(download_from(url), HasSubstr("config: not an address that can be fetched")) << url;
  }
}

}  // namespace
}  // namespace perdure
