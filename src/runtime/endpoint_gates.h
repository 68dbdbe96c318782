// The gates of all endpoints that the runs of a process ask (model/endpoint_gate.h), with a clock
// and a timer. A run enters, waits without a thread until it is admitted, and tells what came of
// its request. On the loop's thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/fallback.h"
#include "loop/loop.h"
#include "model/catalog.h"
#include "model/endpoint_gate.h"
#include "net/http_client.h"

namespace perdure {

class EndpointLine;

/// One request's place at an endpoint: in line, then under way. Destroying it gives the place up.
class GatePass {
 public:
  struct Observer {
    /// Once, from the loop, when a request that had to wait may go. It may find the pass gone.
    std::function<void()> admitted;
    /// For a person: why it waits, and how many are before it. Again when that is half as many,
    /// and when the endpoint begins to fail.
    std::function<void(const std::string&)> waits;
  };

  GatePass(std::shared_ptr<EndpointLine> line, Observer observer);
  ~GatePass();
  GatePass(const GatePass&) = delete;
  GatePass& operator=(const GatePass&) = delete;

  /// Known when enter() returns: where nothing is in the way, nothing waits.
  bool admitted() const { return admitted_; }
  /// What stands before a request that was not admitted.
  Delay delay() const;
  void answered(const HttpHead& head);
  void begun();
  /// How long the run has to wait before it tries again. The pass is used up.
  std::int64_t failed(const Error& error, std::int64_t attempt);

 private:
  friend class EndpointLine;

  std::shared_ptr<EndpointLine> line_;
  Observer observer_;
  EndpointGate::Ticket ticket_ = 0;
  bool admitted_ = false;
  std::size_t told_before_ = 0;
  bool told_failing_ = false;
  std::int64_t joined_ms_ = 0;
};

class EndpointGates {
 public:
  explicit EndpointGates(Loop& loop) : loop_(loop) {}

  /// Asks for a place at the endpoint. When the pass is not admitted, `waits` was called.
  std::unique_ptr<GatePass> enter(const Endpoint& endpoint, const EndpointGate::Demand& demand,
                                  GatePass::Observer observer);
  /// Ends what waits for time to pass; before the loop goes.
  void clear() { lines_.clear(); }

 private:
  const std::shared_ptr<EndpointLine>& line_of(const Endpoint& endpoint);

  Loop& loop_;
  std::map<std::string, std::shared_ptr<EndpointLine>> lines_;  // by address and key
};

}  // namespace perdure
