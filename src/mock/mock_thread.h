// A MockServer on a thread and loop of its own, for tests and programs that have no loop or block
// theirs. Any thread may use it; destroying it stops the server and joins the thread.
#pragma once

#include <memory>
#include <string>

#include <perdure/result.h>

#include "mock/options.h"
#include "mock/script.h"

namespace perdure {

class MockThread {
 public:
  /// Errors: those of MockServer::start(). `options.log` is called on the thread of the server.
  static Result<std::unique_ptr<MockThread>> start(MockScript script, MockOptions options = {});
  ~MockThread();
  MockThread(const MockThread&) = delete;
  MockThread& operator=(const MockThread&) = delete;

  int port() const;
  std::string base_url() const;
  /// Waits for the server's thread: everything that was answered before is counted.
  MockStatistics statistics() const;

 private:
  struct Impl;

 public:
  /// For start(): nobody else can make an Impl.
  explicit MockThread(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure
