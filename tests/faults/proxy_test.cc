// Proxies as curl has them: by http_proxy, https_proxy and no_proxy. What a proxy sees, and what it
// means when it refuses (fault N40).
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/http_exchange.h"

namespace perdure {
namespace {

using test::ByteScript;
using test::ByteServer;
using test::Exchanged;
using test::http_answer;
using test::receive_bytes;
using test::receive_request;
using test::reset;
using test::ScopedVariable;
using test::send;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Names of hosts that are for the proxy to resolve.
constexpr const char* kUrl = "http://model.invalid/v1/chat";
constexpr const char* kSecureUrl = "https://model.invalid/v1/chat";

using ProxyFaults = test::HttpExchangeTest;

TEST_F(ProxyFaults, HttpGoesThroughTheProxy) {
  const ByteServer proxy({{receive_request(), send(http_answer("by proxy"))}});
  const ScopedVariable variable("http_proxy",
                                "http://user:pass@127.0.0.1:" + std::to_string(proxy.port()));
  EXPECT_EQ(exchange(request_to(kUrl, "{\"a\":1}")).body, "by proxy");
  ASSERT_EQ(proxy.requests().size(), 1U);
  EXPECT_THAT(proxy.requests()[0],
              testing::StartsWith("POST http://model.invalid/v1/chat HTTP/1.1\r\n"));
  EXPECT_THAT(proxy.requests()[0], HasSubstr("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"));
  EXPECT_THAT(proxy.requests()[0], testing::EndsWith("{\"a\":1}"));
}

TEST_F(ProxyFaults, WhatNeedsNoProxyIsAskedDirectly) {
  const ByteServer proxy({{receive_request(), send(http_answer("by proxy"))}});
  const ByteServer server({{receive_request(), send(http_answer("direct"))}});
  const ScopedVariable variable("http_proxy", proxy.url());
  {
    const ScopedVariable exception("no_proxy", "example.org,127.0.0.1");
    EXPECT_EQ(exchange(request_to(server.url())).body, "direct");
  }
  EXPECT_EQ(exchange(request_to(server.url())).body, "by proxy");
}

TEST_F(ProxyFaults, AProxyThatIsNotThere_N19) {
  const test::ClosedPort port;
  const ScopedVariable variable("http_proxy", "http://127.0.0.1:" + std::to_string(port.number()));
  EXPECT_EQ(exchange(request_to(kUrl)).end(), "network");
}

TEST_F(ProxyFaults, AnswersOfTheProxyItself_N40) {
  const ByteServer proxy({{receive_request(), send(http_answer("who are you?", "", 407))}});
  const ScopedVariable variable("http_proxy", proxy.url());
  const Exchanged exchanged = exchange(request_to(kUrl));
  EXPECT_EQ(exchanged.end(), "ok");
  EXPECT_EQ(exchanged.http_status(), 407) << "over plain HTTP it cannot be told from the host's";
}

TEST_F(ProxyFaults, Tunnels_N40_N22) {
  struct Case {
    std::string name;
    ByteScript script;
    std::string end;
  };
  const auto tunnel = [](std::string answer) -> ByteScript {
    return {receive_request(), send(std::move(answer))};
  };
  const std::string open = "HTTP/1.1 200 Connection established\r\n\r\n";
  const std::vector<Case> cases = {
      {"a password is wanted", tunnel(http_answer("", "Proxy-Authenticate: Basic\r\n", 407)),
       "config!"},
      {"the host is forbidden", tunnel(http_answer("no", "", 403)), "config!"},
      {"the host cannot be reached", tunnel(http_answer("sorry", "", 502)), "cut"},
      {"the proxy is busy", tunnel(http_answer("", "", 503)), "cut"},
      {"no answer", tunnel(""), "cut"},
      {"half an answer", tunnel("HTTP/1.1 200 Conn"), "cut"},
      {"reset", {receive_request(), reset()}, "cut"},
      {"cut in the handshake", {receive_request(), send(open), receive_bytes(5)}, "cut"},
      {"no TLS behind it",
       {receive_request(), send(open), receive_bytes(5), send("HTTP/1.1 400\r\n\r\n")},
       "tls!"},
  };
  for (const Case& example : cases) {
    SCOPED_TRACE(example.name);
    const ByteServer proxy({example.script});
    const ScopedVariable variable("https_proxy", proxy.url());
    HttpRequest request = request_to(kSecureUrl);
    request.headers.emplace_back("Authorization: Bearer secret");
    const Exchanged exchanged = exchange(std::move(request));
    EXPECT_EQ(exchanged.end_or_cut(), example.end) << to_text(exchanged.status.error());
    EXPECT_EQ(exchanged.http_status(), 0) << "the proxy's answer is not the host's";
    EXPECT_THAT(proxy.requests(), ElementsAre(testing::AllOf(
                                      testing::StartsWith("CONNECT model.invalid:443 HTTP/1.1\r\n"),
                                      Not(HasSubstr("secret")), Not(HasSubstr("X-Test")))));
  }
}

}  // namespace
}  // namespace perdure
