// HTTP exchanges with a ByteServer, and everything that an observer was told of them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loop/loop.h"
#include "net/http_client.h"
#include "tests/support/byte_server.h"
#include "tests/support/environment.h"
#include "tests/support/result.h"

namespace perdure::test {

inline constexpr std::int64_t kTooLongMs = 30'000;

/// Everything that an observer was told.
struct Exchanged {
  std::optional<HttpHead> head;
  std::string body;
  int heads = 0;
  std::size_t pieces = 0;
  int ends = 0;
  Status status;

  /// "ok", or the code of the error; with "!" when it must not be tried again.
  std::string end() const {
    if (status.ok()) return "ok";
    return code_of(status) + (status.error().retry == Retry::kLater ? "" : "!");
  }
  /// The same, but "cut" for both codes of a connection that broke: which of them it is depends on
  /// how far curl had come, and whoever asked does the same about both.
  std::string end_or_cut() const {
    const std::string text = end();
    return text == "network" || text == "stream_cut" ? "cut" : text;
  }
  int http_status() const { return head ? head->status : 0; }
};

inline HttpBody body_of(std::string text) {
  return {.tail = std::move(text)};
}

class HttpExchangeTest : public testing::Test {
 protected:
  HttpRequest request_to(const std::string& url, std::string body = "{}") {
    return {.url = url, .headers = {"X-Test: yes"}, .body = body_of(std::move(body))};
  }

  /// Notes what comes; `then` is called at the end.
  HttpClient::Observer note_in(Exchanged& exchanged, Task then) {
    return {.head =
                [&exchanged](const HttpHead& head) {
                  exchanged.head = head;
                  ++exchanged.heads;
                },
            .body =
                [&exchanged](std::string_view bytes) {
                  exchanged.body += bytes;
                  ++exchanged.pieces;
                  return true;
                },
            .done =
                [&exchanged, then = std::move(then)](const Status& status) {
                  exchanged.status = status;
                  ++exchanged.ends;
                  then();
                }};
  }

  void run_bounded() {
    Timer guard = loop_.start_timer(kTooLongMs, [this] {
      ADD_FAILURE() << "what the test waits for did not happen";
      loop_.stop();
    });
    loop_.run();
  }

  Exchanged exchange(HttpRequest request) {
    Exchanged exchanged;
    const std::unique_ptr<HttpExchange> exchange =
        client_.start(std::move(request), note_in(exchanged, [this] { loop_.stop(); }));
    EXPECT_EQ(exchanged.ends, 0) << "never from within start()";
    run_bounded();
    EXPECT_EQ(exchanged.ends, 1);
    EXPECT_LE(exchanged.heads, 1);
    return exchanged;
  }

  /// The answer to one request of a server that plays this script.
  Exchanged exchange_with(ByteScript script) {
    const ByteServer server({std::move(script)});
    return exchange(request_to(server.url("/v1")));
  }

  // Developers may have a proxy; these tests are not meant for it.
  ScopedVariable http_proxy_{"http_proxy"};
  ScopedVariable https_proxy_{"https_proxy"};
  ScopedVariable all_proxy_{"all_proxy"};
  ScopedVariable all_proxy_in_capitals_{"ALL_PROXY"};
  ScopedVariable https_proxy_in_capitals_{"HTTPS_PROXY"};
  ScopedVariable no_proxy_{"no_proxy"};
  ScopedVariable no_proxy_in_capitals_{"NO_PROXY"};
  Loop loop_;
  HttpClient client_{loop_};
};

}  // namespace perdure::test
