#include "runtime/option_ranges.h"

#include <cmath>
#include <string_view>

#include <fmt/format.h>

namespace perdure {
namespace {

constexpr std::string_view kNoCap = "leave a cap out for no limit";

// Keeps the first number that is out of range.
class RangeCheck {
 public:
  void number(std::string_view name, std::int64_t value, OptionRange range,
              std::string_view advice = {}) {
    if (value >= range.minimum && value <= range.maximum) return;
    refuse(fmt::format("'{}' must be between {} and {}, not {}", name, range.minimum, range.maximum,
                       value),
           advice);
  }
  void refuse(std::string message, std::string_view advice) {
    if (!status_.ok()) return;
    status_ = Error{.code = ErrorCode::kInvalidArgument,
                    .message = std::move(message),
                    .advice = std::string(advice)};
  }
  Status take() { return std::move(status_); }

 private:
  Status status_;
};

}  // namespace

Status check_ranges(const AgentOptions& agent) {
  RangeCheck check;
  visit_limits(agent, [&](const char* name, std::int64_t value, OptionRange range) {
    check.number(name, value, range);
  });
  visit_timeouts(agent, [&](const char*, const char* name, std::int64_t value) {
    check.number(name, value, kMillisecondsRange);
  });
  visit_endpoint_limits(agent, [&](const char*, const char* name,
                                   const std::optional<std::int64_t>& limit, OptionRange range) {
    if (limit) check.number(name, *limit, range, "leave a limit out for none");
  });
  check.number("sandbox.processes_max", agent.sandbox.processes_max, kProcessesRange);
  return check.take();
}

Status check_ranges(const Budget& budget) {
  RangeCheck check;
  visit_counted_caps(
      budget, [&](const char* name, const std::optional<std::int64_t>& cap, OptionRange range) {
        if (cap) check.number(std::string("budget.") + name, *cap, range, kNoCap);
      });
  if (budget.wall_ms) check.number("budget.wall_ms", *budget.wall_ms, kMillisecondsRange, kNoCap);
  // Nothing is ever more than a cap that is no number, so it would hold nothing back.
  if (budget.usd && (!std::isfinite(*budget.usd) || *budget.usd < kUsdMin)) {
    check.refuse(
        fmt::format("'budget.usd' must be a number of at least {}, not {}", kUsdMin, *budget.usd),
        kNoCap);
  }
  return check.take();
}

Status check_ranges(const ToolSpec& tool) {
  RangeCheck check;
  check.number("timeout_ms", tool.timeout_ms, kMillisecondsRange);
  Status status = check.take();
  if (status.ok()) return status;
  Error error = status.error();
  error.message = fmt::format("tool '{}': {}", tool.name, error.message);
  return error;
}

}  // namespace perdure
