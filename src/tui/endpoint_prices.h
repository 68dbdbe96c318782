// What the endpoints of a run cost, as its events say: the one in use, and those to fall back on.
// Values of one thread.
#pragma once

#include <cstddef>
#include <vector>

#include <nlohmann/json.hpp>

#include <perdure/json.h>

namespace perdure {

class EndpointPrices {
 public:
  /// Of run_started or run_resumed.
  void take(const Json& payload);
  /// From here on the endpoint with this number is in use.
  void use(std::size_t endpoint);

  /// Whether the endpoint in use has a price.
  bool known() const { return known_; }
  /// What the tokens of an event's `usage` cost there, in USD.
  double usd(const Json& usage) const;

 private:
  std::vector<Json> limits_;  // of each endpoint
  bool known_ = false;
  double input_ = 0;  // USD for one million tokens
  double cached_ = 0;
  double output_ = 0;
  double cache_write_ = 0;
};

}  // namespace perdure
