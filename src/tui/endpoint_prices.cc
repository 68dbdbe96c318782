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
}

double EndpointPrices::usd(double input_tokens, double cached_tokens, double output_tokens) const {
  return ((input_tokens - cached_tokens) * input_ + cached_tokens * cached_ +
          output_tokens * output_) /
         1e6;
}

}  // namespace perdure
