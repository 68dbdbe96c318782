// `perdure mock`: an endpoint on this machine that says what a script says. It speaks HTTP/1.1 and
// chat completions from raw bytes, so that it can also send what a real server never would, and it
// refuses requests as strictly as the real host, so that a test without a key finds the mistakes
// that a key would find. docs/mock.md describes the script.
//
//   Result<MockScript> script = parse_mock_script(text, "script.toml");
//   Result<std::unique_ptr<MockServer>> server = MockServer::start(loop, *script, {});
//   agent.base_url = (*server)->base_url();
//
// Made, used and destroyed on the thread of its loop; destroying it ends all connections.
#pragma once

#include <memory>
#include <string>

#include <perdure/result.h>

#include "loop/loop.h"
#include "mock/options.h"
#include "mock/script.h"

namespace perdure {

class MockServer {
 public:
  /// Listens on 127.0.0.1. Errors: kNetwork for a port that cannot be had, kStore for a directory
  /// for records that cannot be made.
  static Result<std::unique_ptr<MockServer>> start(Loop& loop, MockScript script,
                                                   MockOptions options);
  ~MockServer();
  MockServer(const MockServer&) = delete;
  MockServer& operator=(const MockServer&) = delete;

  int port() const;
  /// "http://127.0.0.1:PORT/v1".
  std::string base_url() const;
  MockStatistics statistics() const;

 private:
  struct Impl;

 public:
  /// For start(): nobody else can make an Impl.
  explicit MockServer(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure
