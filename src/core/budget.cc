#include "core/budget.h"

#include <algorithm>
#include <cmath>

namespace perdure {
namespace {

RunEnded paused(std::string reason, std::string message) {
  return {.outcome = Outcome::kPaused, .reason = std::move(reason), .message = std::move(message)};
}

std::string of(std::int64_t used, std::int64_t cap) {
  return std::to_string(used) + " of " + std::to_string(cap);
}

// A cap on tokens that leaves too little for a reply.
std::string too_little(std::string_view kind, std::int64_t used, std::int64_t cap,
                       std::int64_t needed) {
  const std::string budget = "the budget of " + std::string(kind) + " tokens";
  if (used >= cap) return budget + " is used up: " + of(used, cap);
  return "too little is left of " + budget + ": " + of(cap - used, cap) + ", and a request needs " +
         std::to_string(needed);
}

}  // namespace

double usd_of(const ReplyUsage& usage, const Price& price) {
  const auto cost = [](std::int64_t tokens, double usd) {
    return static_cast<double>(tokens) * usd;
  };
  const std::int64_t fresh = usage.input_tokens - usage.cached_tokens;
  const std::int64_t written = std::min(usage.cache_write_tokens, fresh);
  return (cost(fresh - written, price.input) +
          cost(written, price.cache_write.value_or(price.input)) +
          cost(usage.cached_tokens, price.cached) + cost(usage.output_tokens, price.output)) /
         1e6;
}

std::variant<RequestSent, RunEnded> plan_request(const Run& run) {
  return plan_request(run, run.limits);
}

std::variant<RequestSent, RunEnded> plan_request(const Run& run, const RequestLimits& limits) {
  const Budget& budget = run.budget;
  const Usage usage = own_usage(run);
  if (budget.steps && usage.steps >= *budget.steps) {
    return paused("steps", "the budget of steps is used up: " + of(usage.steps, *budget.steps));
  }
  if (budget.wall_ms && usage.wall_ms >= *budget.wall_ms) {
    return paused("wall_time", "the budget of working time is used up: " +
                                   of(usage.wall_ms / 1000, *budget.wall_ms / 1000) + " seconds");
  }
  const std::int64_t input = estimate_prompt_tokens(run);
  if (budget.input_tokens && usage.input_tokens + input > *budget.input_tokens) {
    return paused("input_tokens", "the next request would pass the budget of input tokens: " +
                                      of(usage.input_tokens + input, *budget.input_tokens));
  }

  // Each limit lowers the cap of the reply; the one that lowers it below the useful minimum gives
  // the reason.
  std::int64_t cap = limits.output_tokens_max;
  const std::int64_t floor = std::min(kOutputTokensMin, cap);
  const std::int64_t window = limits.window_tokens - input - kWindowMarginTokens;
  cap = std::min(cap, window);
  if (cap < floor) {
    return paused("context_full", "the conversation has about " + std::to_string(input) +
                                      " tokens, too many for a window of " +
                                      std::to_string(limits.window_tokens));
  }
  if (budget.output_tokens) cap = std::min(cap, *budget.output_tokens - usage.output_tokens);
  if (cap < floor) {
    return paused("output_tokens",
                  too_little("output", usage.output_tokens, *budget.output_tokens, floor));
  }
  // Any output token may be a reasoning token.
  if (budget.reasoning_tokens)
    cap = std::min(cap, *budget.reasoning_tokens - usage.reasoning_tokens);
  if (cap < floor) {
    return paused("reasoning_tokens",
                  too_little("reasoning", usage.reasoning_tokens, *budget.reasoning_tokens, floor));
  }
  const std::optional<Price>& price = limits.price;
  // At worst, the host puts all of it into its cache.
  const double input_usd =
      price ? std::max(usd_of({.input_tokens = input}, *price),
                       usd_of({.input_tokens = input, .cache_write_tokens = input}, *price))
            : 0;
  if (budget.usd) {
    const double left = *budget.usd - usage.usd - input_usd;
    // Where replies are free, or have no price and the host says what it billed, what is left
    // decides alone.
    const double free = left < 0 ? 0 : static_cast<double>(cap);
    const double affordable =
        price && price->output > 0 ? std::floor(std::max(left, 0.0) * 1e6 / price->output) : free;
    cap = static_cast<std::int64_t>(std::min(static_cast<double>(cap), affordable));
  }
  if (cap < floor) {
    return paused("usd", "the next request could pass the budget of money: spent " +
                             std::to_string(usage.usd) + " of " + std::to_string(*budget.usd) +
                             " USD");
  }
  const double output_usd = price ? static_cast<double>(cap) * price->output / 1e6 : 0;
  return RequestSent{.step = run.usage.steps + 1,
                     .attempt = run.attempt + 1,
                     .output_tokens_max = cap,
                     .input_tokens_estimate = input,
                     .reserved_usd = input_usd + output_usd,
                     .messages = static_cast<std::int64_t>(run.transcript.size()),
                     .messages_hash = run.transcript.hash(),
                     .continues = !run.cut_reply.empty()};
}

}  // namespace perdure
