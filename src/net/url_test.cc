#include "net/url.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure {
namespace {

TEST(Url, Parts) {
  struct Case {
    std::string text;
    std::string parts;  // scheme|host|port|path
  };
  const std::vector<Case> cases = {
      {"http://localhost:8080/v1", "http|localhost|8080|/v1"},
      {"https://api.moonshot.ai/v1", "https|api.moonshot.ai|443|/v1"},
      {"http://h", "http|h|80|"},
      {"http://h/", "http|h|80|"},
      {"http://h//", "http|h|80|"},
      {"HTTPS://API.Host/V1/", "https|api.host|443|/V1"},
      {"http://127.0.0.1:1/a/b/", "http|127.0.0.1|1|/a/b"},
      {"http://[::1]:8080/v1", "http|::1|8080|/v1"},
      {"http://[2001:DB8::1]", "http|2001:db8::1|80|"},
      {"http://my_host-1.local:65535", "http|my_host-1.local|65535|"},
      {"http://h/a%20b", "http|h|80|/a%20b"},
  };
  for (const Case& example : cases) {
    const Result<Url> url = parse_url(example.text);
    ASSERT_TRUE(url.ok()) << example.text << ": " << to_text(url.error());
    EXPECT_EQ(url->scheme + "|" + url->host + "|" + url->port + "|" + url->path, example.parts);
  }
}

TEST(Url, Mistakes) {
  struct Case {
    std::string text;
    std::string reason;
  };
  const std::vector<Case> cases = {
      {"", "it has no scheme"},
      {"localhost:8080/v1", "it has no scheme"},
      {"//host/v1", "it has no scheme"},
      {"ftp://h/v1", "only http and https"},
      {"file:///etc/passwd", "only http and https"},
      {"://h", "only http and https"},
      {"http://", "it names no host"},
      {"http:///v1", "it names no host"},
      {"http://:80/v1", "it names no host"},
      {"http://h\u00f6st/v1", "it names no host"},
      {"http://%68/v1", "it names no host"},
      {"http://[::1/v1", "a bracket is not closed"},
      {"http://[]/v1", "it names no host"},
      {"http://::1/v1", "it names no host"},
      {"http://h:/v1", "its port is no port"},
      {"http://h:0", "its port is no port"},
      {"http://h:65536", "its port is no port"},
      {"http://h:99999999999", "its port is no port"},
      {"http://h:-1", "its port is no port"},
      {"http://h:8o", "its port is no port"},
      {"http://[::1]8080", "its port is no port"},
      {"http://h/v1?key=1", "no '?' or '#'"},
      {"http://h#x", "no '?' or '#'"},
      {"http://h /v1", "a space or another character"},
      {"http://h/v1\n", "a space or another character"},
      {"http://h/v1\r\nX: y", "a space or another character"},
      {"http://h\\@evil/v1", "a space or another character"},
      {std::string("http://h\0.x", 11), "a space or another character"},
  };
  for (const Case& example : cases) {
    const Result<Url> url = parse_url(example.text);
    ASSERT_FALSE(url.ok()) << example.text;
    EXPECT_EQ(url.error().code, ErrorCode::kConfig);
    EXPECT_THAT(url.error().message, testing::StartsWith("not a usable URL: "));
    EXPECT_THAT(url.error().message, testing::HasSubstr(example.reason)) << example.text;
    EXPECT_EQ(url.error().context, example.text);
  }
}

TEST(Url, AKeyInItIsRefusedAndNotShown) {
  for (const std::string text : {"http://user:sk-secret@h/v1", "https://sk-secret@h", "http://@h",
                                 "http://a@b@sk-secret/"}) {
    const Result<Url> url = parse_url(text);
    ASSERT_FALSE(url.ok()) << text;
    EXPECT_THAT(to_text(url.error()), testing::HasSubstr("keys come from the environment"));
    EXPECT_THAT(to_text(url.error()), testing::Not(testing::HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace perdure
