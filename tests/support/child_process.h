// A forked child of the test, for what must happen in another process: a second writer, a death
// with everything open, a limit or a user id that the test itself must not get. Fork it before the
// test opens a journal: SQLite must not be carried over a fork. Every wait is bounded.
//
//   ChildProcess child([&](ChildProcess::Wire& wire) {
//     ...
//     wire.write("ready");
//     wire.read();            // until the test says something
//     return 0;
//   });
//   ASSERT_EQ(child.wire().read(), "ready");
//   child.kill();
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "os/descriptor.h"

namespace perdure::test {

class ChildProcess {
 public:
  /// Lines between test and child.
  class Wire {
   public:
    explicit Wire(Descriptor socket) : socket_(std::move(socket)) {}
    void write(std::string_view line);
    /// The next line; "(end)" when the other side is gone, "(silence)" when it takes too long.
    std::string read();

   private:
    Descriptor socket_;
    std::string received_;
  };

  /// Forks; the child runs `body`, and what that returns is its exit status.
  explicit ChildProcess(const std::function<int(Wire& wire)>& body);
  /// Kills it when it still runs.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  Wire& wire() { return wire_; }
  pid_t pid() const { return pid_; }
  /// As `kill -9`; returns when it is gone.
  void kill();
  /// Its exit status, or 128 + signal.
  int wait();

 private:
  pid_t pid_ = -1;
  Wire wire_;
};

}  // namespace perdure::test
