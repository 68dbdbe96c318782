#include "tui/endpoint_prices.h"

namespace perdure {

void EndpointPrices::take(const Json& payload) {
  limits_.assign(1, payload.value("limits", Json::object()));
  const Json fallback = payload.value("fallback", Json::object());
  for (const Json& endpoint : fallback.value("endpoints", Json::array()))
    limits_.push_back(endpoint.value("limits", Json::object()));
  use(payload.value("endpoint", std::size_t{0}));
}

void EndpointPrices::use(std::size_t endpoint) {
  const Json limits = endpoint < limits_.size() ? limits_[endpoint] : Json::object();
  const Json price = limits.value("price", Json::object());
  known_ = !price.empty();
  input_ = price.value("input", 0.0);
  cached_ = price.value("cached", 0.0);
  output_ = price.value("output", 0.0);
  cache_write_ = price.value("cache_write", input_);
}

double EndpointPrices::usd(const Json& usage) const {
  const double cached = usage.value("cached_tokens", 0.0);
  const double written = usage.value("cache_write_tokens", 0.0);
  const double fresh = usage.value("input_tokens", 0.0) - cached - written;
  return (fresh * input_ + written * cache_write_ + cached * cached_ +
          usage.value("output_tokens", 0.0) * output_) /
         1e6;
}

}  // namespace perdure
