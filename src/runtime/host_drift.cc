#include "runtime/host_drift.h"

#include <fmt/format.h>

namespace perdure {

std::vector<HostDiffers> host_drift(const Run& run, const Endpoint& endpoint,
                                    const ReplyShape& shape) {
  std::vector<HostDiffers> events;
  for (HostDifference& difference : differences(endpoint.host, endpoint.wire_model, shape)) {
    if (run.host_differences.count(difference.fact) > 0) continue;
    std::string summary = fmt::format(
        "host differs from its profile '{}': {} was '{}' on {}, and is '{}' now; run `perdure "
        "probe {}` again",
        endpoint.host.id, difference.fact, difference.expected, endpoint.host.probed->date,
        difference.seen, endpoint.host.id);
    events.push_back({.fact = std::move(difference.fact),
                      .expected = std::move(difference.expected),
                      .seen = std::move(difference.seen),
                      .summary = std::move(summary)});
  }
  return events;
}

}  // namespace perdure
