// The ranges of an agent's numbers, in one place: an agent file and a C++ program are held to the
// same. A number outside would be sent to a host, or would leave a run waiting for ever.
#pragma once

#include <cstdint>

#include <perdure/agent.h>
#include <perdure/budget.h>
#include <perdure/result.h>

namespace perdure {

/// Both ends included.
struct OptionRange {
  std::int64_t minimum = 0;
  std::int64_t maximum = 0;
};

inline constexpr OptionRange kTokensRange{.minimum = 1, .maximum = 1'000'000'000'000};
/// Of a box at once: fewer are no shell that works.
inline constexpr OptionRange kProcessesRange{.minimum = 16, .maximum = 1'000'000};
inline constexpr OptionRange kStepsRange{.minimum = 1, .maximum = 1'000'000'000};
/// Of everything that waits, as files say it and as fields hold it.
inline constexpr OptionRange kSecondsRange{.minimum = 1, .maximum = 366LL * 24 * 3600};
inline constexpr OptionRange kMillisecondsRange{.minimum = 1,
                                                .maximum = kSecondsRange.maximum * 1000};
inline constexpr double kUsdMin = 0;

/// The limits that always hold: visit(name, field, range).
template <class Options, class Visit>
void visit_limits(Options& agent, const Visit& visit) {
  visit("output_tokens_max", agent.output_tokens_max, OptionRange{256, kTokensRange.maximum});
  visit("attempts_max", agent.attempts_max, OptionRange{1, 1000});
  visit("parallel_calls_max", agent.parallel_calls_max, OptionRange{1, 128});
  visit("calls_max", agent.calls_max, OptionRange{1, 10'000});
  visit("accept_rounds", agent.accept_rounds, OptionRange{1, 1000});
}

/// The times, seconds in a file and milliseconds in C++: visit(key of the file, name, field).
template <class Options, class Visit>
void visit_timeouts(Options& agent, const Visit& visit) {
  visit("connect_s", "timeouts.connect_ms", agent.timeouts.connect_ms);
  visit("first_byte_s", "timeouts.first_byte_ms", agent.timeouts.first_byte_ms);
  visit("idle_s", "timeouts.idle_ms", agent.timeouts.idle_ms);
  visit("request_s", "timeouts.request_ms", agent.timeouts.request_ms);
  visit("retry_s", "timeouts.retry_ms", agent.timeouts.retry_ms);
  visit("fallback_after_s", "fallback_after_ms", agent.fallback_after_ms);
  visit("fallback_return_s", "fallback_return_ms", agent.fallback_return_ms);
  visit("command_s", "command_timeout_ms", agent.command_timeout_ms);
  visit("tests_s", "test_timeout_ms", agent.test_timeout_ms);
}

/// What runs may ask of an endpoint together: visit(key of the file, name, field, range).
template <class Options, class Visit>
void visit_endpoint_limits(Options& agent, const Visit& visit) {
  constexpr OptionRange kRequestsRange{.minimum = 1, .maximum = 1'000'000};
  visit("requests_at_once", "limits.requests_at_once", agent.limits.requests_at_once,
        kRequestsRange);
  visit("requests_per_minute", "limits.requests_per_minute", agent.limits.requests_per_minute,
        kRequestsRange);
  visit("tokens_per_minute", "limits.tokens_per_minute", agent.limits.tokens_per_minute,
        kTokensRange);
}

/// The caps that count: visit(name, field, range). Money and time have units of their own.
template <class Caps, class Visit>
void visit_counted_caps(Caps& budget, const Visit& visit) {
  visit("steps", budget.steps, kStepsRange);
  visit("input_tokens", budget.input_tokens, kTokensRange);
  visit("output_tokens", budget.output_tokens, kTokensRange);
  visit("reasoning_tokens", budget.reasoning_tokens, kTokensRange);
}

/// Every number of an agent but its budget. Errors: kInvalidArgument with the option and its range.
Status check_ranges(const AgentOptions& agent);
/// Every cap of a budget. Errors: the same.
Status check_ranges(const Budget& budget);
/// How long calls of a tool may take. Errors: the same.
Status check_ranges(const ToolSpec& tool);

}  // namespace perdure
