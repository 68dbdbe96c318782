// One connection of the scripted endpoint: reads requests, asks the endpoint what to answer, and
// carries out the plan. Requests of one connection are answered one after the other; while one is
// being answered nothing more is read. Lives on the thread of its loop.
#pragma once

#include <string>

#include "loop/loop.h"
#include "mock/endpoint.h"
#include "mock/http_request.h"
#include "mock/plan.h"
#include "os/descriptor.h"

namespace perdure::mock {

class Connection {
 public:
  /// `on_end` is the last thing that a connection does; it may destroy it.
  Connection(Loop& loop, Descriptor socket, Endpoint& endpoint, Task on_end);

 private:
  void on_ready(Readiness readiness);
  void on_timer();
  void settle();
  void receive();
  void pump();
  bool send();
  bool start_next_plan();
  void finish_plan();
  void linger();
  void end() { ended_ = true; }

  Loop& loop_;
  Descriptor socket_;
  Endpoint& endpoint_;
  Task on_end_;
  RequestReader reader_;
  std::string out_;  // not sent yet from sent_ on
  std::size_t sent_ = 0;
  ResponsePlan plan_;
  std::size_t step_ = 0;    // of the plan: the next one
  bool answering_ = false;  // a plan is being carried out
  bool waiting_ = false;    // for the delay of a step
  bool peer_closed_ = false;
  bool lingering_ = false;  // everything is sent; what still comes is thrown away
  bool ended_ = false;
  Timer timer_;
  Watch watch_;
};

}  // namespace perdure::mock
