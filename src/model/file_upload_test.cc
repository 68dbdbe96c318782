#include "model/file_upload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/byte_server.h"
#include "tests/support/result.h"

namespace perdure {
namespace {

using test::ByteServer;
using test::http_answer;
using test::receive_request;
using test::send;
using testing::HasSubstr;

const std::string kFilm = "....ftypisom\r\n--....";

std::string upload_to(const ByteServer& server) {
  Loop loop;
  HttpClient http(loop);
  Endpoint endpoint{.base_url = server.url("/v1"), .key = Secret("sk-secret-key", "test")};
  endpoint.host.media.files_path = "/files";
  std::string text;
  std::unique_ptr<HttpExchange> exchange;
  loop.post([&] {
    exchange = upload_file(http, endpoint, {.blob = std::string(64, 'a'), .bytes = kFilm}, {},
                           [&](const Result<std::string>& url, int /*status*/) {
                             text =
                                 url.ok() ? *url : test::code_of(url) + ": " + url.error().message;
                             exchange.reset();
                             loop.stop();
                           });
  });
  loop.run();
  return text;
}

TEST(FileUpload, sends_a_form_and_gets_an_address) {
  const ByteServer server({{receive_request(), send(http_answer(R"({"id":"f-1","bytes":20})"))}});
  EXPECT_EQ(upload_to(server), "ms://f-1");
  const std::string boundary = "perdure-" + std::string(64, 'a');
  const std::string request = server.requests().at(0);
  EXPECT_THAT(request, testing::StartsWith("POST /v1/files HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nAuthorization: Bearer sk-secret-key\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nContent-Type: multipart/form-data; boundary=" + boundary));
  EXPECT_THAT(request,
              testing::EndsWith("\r\n\r\n--" + boundary +
                                "\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nvideo"
                                "\r\n--" +
                                boundary +
                                "\r\nContent-Disposition: form-data; name=\"file\"; "
                                "filename=\"aaaaaaaaaaaaaaaa.mp4\"\r\nContent-Type: video/mp4"
                                "\r\n\r\n" +
                                kFilm + "\r\n--" + boundary + "--\r\n"));
}

TEST(FileUpload, says_what_the_host_says) {
  const std::pair<std::string, std::string> kAnswers[] = {
      {http_answer(R"({"error":{"message":"file too large"}})", "", 400),
       "bad_request: HTTP 400: file too large"},
      {http_answer(R"({"error":{"message":"sk-secret-key is wrong"}})", "", 401),
       "key_rejected: HTTP 401: sk-*** is wrong"},
      {http_answer("{}"), "bad_reply: the host took a file and gave it no id"},
      {http_answer("no JSON"), "bad_reply: the host took a file and gave it no id"}};
  for (const auto& [answer, error] : kAnswers) {
    const ByteServer server({{receive_request(), send(answer)}});
    EXPECT_EQ(upload_to(server), error);
  }
}

}  // namespace
}  // namespace perdure
