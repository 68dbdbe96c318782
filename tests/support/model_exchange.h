// Requests to a model through the real client, at endpoints that play byte scripts, and what came
// of each as text that a table can hold.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "model/model_client.h"
#include "tests/support/http_exchange.h"
#include "tests/support/replies.h"

namespace perdure::test {

/// The head of a stream whose end is that of the connection.
inline const std::string kStreamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

/// Everything that an observer of one request was told.
struct Asked {
  std::vector<ModelReplied> replies;
  std::vector<ModelFailure> failures;

  /// "FINISH: TEXT" and a line for each call, or "later CODE: MESSAGE" and "never CODE: MESSAGE"
  /// for what is and is not tried again. A wait that the host asked for stands behind the code.
  std::string end() const {
    if (replies.size() + failures.size() != 1) return "not one end";
    if (!replies.empty()) {
      const ModelReplied& reply = replies[0];
      return std::string(to_string(reply.finish)) + ": " + reply.text + calls_of(reply);
    }
    const Error& error = failures[0].error;
    const std::string wait =
        error.retry_after_ms < 0 ? "" : " after " + std::to_string(error.retry_after_ms) + " ms";
    return (error.retry == Retry::kLater ? "later " : "never ") +
           std::string(to_string(error.code)) + wait + ": " + error.message;
  }
};

class ModelExchangeTest : public HttpExchangeTest {
 protected:
  Asked ask_at(const std::string& url, const HttpTimeouts& timeouts = {}) {
    const Endpoint endpoint{.host = host_, .base_url = url, .key = key_};
    Asked asked;
    ModelClient::Observer observer;
    observer.replied = [&](ModelReplied reply) {
      asked.replies.push_back(std::move(reply));
      loop_.stop();
    };
    observer.failed = [&](ModelFailure failure) {
      asked.failures.push_back(std::move(failure));
      loop_.stop();
    };
    const std::unique_ptr<HttpExchange> exchange =
        models_.ask(endpoint, body_of("{}"), {}, timeouts, std::move(observer));
    run_bounded();
    return asked;
  }

  /// Asks an endpoint that plays this script.
  Asked ask(ByteScript script, const HttpTimeouts& timeouts = {}) {
    const ByteServer server({std::move(script)});
    return ask_at(server.url("/v1"), timeouts);
  }

  HostProfile host_;  ///< As whom the endpoints are asked.
  Secret key_;
  ModelClient models_{loop_, client_};
};

}  // namespace perdure::test
