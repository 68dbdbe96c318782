// Nothing is sent that could break a cap: every cap below, at and over its limit, with the reason
// that the run gives.
#include "core/budget.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/core_runs.h"

namespace perdure {
namespace {

// A run of which `used` is spent, whose next prompt is estimated at exactly 1,000 tokens.
Run run_of(const Budget& budget, const Usage& used = {},
           const RequestLimits& limits = {
               .window_tokens = 100'000,
               .output_tokens_max = 8'000,
           }) {
  Run run;
  run.started = true;
  run.budget = budget;
  run.limits = limits;
  run.usage = used;
  run.prompt_tokens_known = 1'000;
  return run;
}

// "8000" for a request with that cap, "paused usd" for a run that pauses instead.
std::string plan(const Run& run) {
  const std::variant<RequestSent, RunEnded> planned = plan_request(run);
  if (const auto* request = std::get_if<RequestSent>(&planned)) {
    return std::to_string(request->output_tokens_max);
  }
  const auto& ended = std::get<RunEnded>(planned);
  return std::string(to_string(ended.outcome)) + " " + ended.reason;
}

std::string message(const Run& run) {
  const std::variant<RequestSent, RunEnded> planned = plan_request(run);
  const auto* ended = std::get_if<RunEnded>(&planned);
  return ended != nullptr ? ended->message : "sent";
}

TEST(Budget, EveryCapBelowAtAndOver) {
  struct Case {
    const char* what;
    Budget budget;
    Usage used;
    const char* plan;
  };
  const std::vector<Case> cases = {
      {"no budget", {}, {.steps = 1'000'000}, "8000"},
      {"steps: one is left", {.steps = 10}, {.steps = 9}, "8000"},
      {"steps: none is left", {.steps = 10}, {.steps = 10}, "paused steps"},
      {"steps: over", {.steps = 10}, {.steps = 11}, "paused steps"},
      {"steps: none at all", {.steps = 0}, {}, "paused steps"},
      {"wall: time is left", {.wall_ms = 1'000}, {.wall_ms = 999}, "8000"},
      {"wall: none is left", {.wall_ms = 1'000}, {.wall_ms = 1'000}, "paused wall_time"},
      {"input: the prompt fits", {.input_tokens = 5'000}, {.input_tokens = 4'000}, "8000"},
      {"input: one too many",
       {.input_tokens = 5'000},
       {.input_tokens = 4'001},
       "paused input_tokens"},
      {"output: enough is left", {.output_tokens = 20'000}, {.output_tokens = 12'000}, "8000"},
      {"output: the reply is lowered",
       {.output_tokens = 20'000},
       {.output_tokens = 15'000},
       "5000"},
      {"output: the least that is sent",
       {.output_tokens = 4'048},
       {.output_tokens = 2'000},
       "2048"},
      {"output: less than that",
       {.output_tokens = 4'047},
       {.output_tokens = 2'000},
       "paused output_tokens"},
      {"output: over", {.output_tokens = 10}, {.output_tokens = 20}, "paused output_tokens"},
      {"reasoning: the reply is lowered",
       {.reasoning_tokens = 9'000},
       {.reasoning_tokens = 6'000},
       "3000"},
      {"reasoning: the least", {.reasoning_tokens = 2'048}, {}, "2048"},
      {"reasoning: less", {.reasoning_tokens = 2'047}, {}, "paused reasoning_tokens"},
      {"the lowest of two decides",
       {.output_tokens = 6'000, .reasoning_tokens = 5'000},
       {},
       "5000"},
  };
  for (const Case& row : cases) {
    EXPECT_EQ(plan(run_of(row.budget, row.used)), row.plan) << row.what;
  }
}

TEST(Budget, MoneyIsReservedForTheWorstCase) {
  // 1,000 input tokens cost 0.001 USD, 1,000 output tokens 0.004 USD; a cached price is hoped for
  // by nobody.
  RequestLimits limits = {.window_tokens = 100'000,
                          .output_tokens_max = 8'000,
                          .price = Price{.input = 1, .cached = 0.1, .output = 4}};
  struct Case {
    const char* what;
    std::optional<double> cap;
    double spent;
    const char* plan;
  };
  const std::vector<Case> cases = {
      {"no cap", std::nullopt, 1e9, "8000"},
      {"all of it fits", 1.033 + 1e-9, 1.0, "8000"},
      {"the reply is lowered", 1.025 + 1e-9, 1.0, "6000"},
      {"the least", 1.0 + 0.001 + 2'048 * 4e-6 + 1e-9, 1.0, "2048"},
      {"less than the least", 1.0 + 0.001 + 2'047 * 4e-6 + 1e-9, 1.0, "paused usd"},
      {"not even the prompt", 1.0005, 1.0, "paused usd"},
      {"over", 1.0, 2.0, "paused usd"},
      {"nothing at all", 0.0, 0.0, "paused usd"},
  };
  for (const Case& row : cases) {
    const perdure::Run run = run_of({.usd = row.cap}, {.usd = row.spent}, limits);
    EXPECT_EQ(plan(run), row.plan) << row.what;
    const auto planned = plan_request(run);
    const auto* request = std::get_if<RequestSent>(&planned);
    if (request == nullptr || !row.cap) continue;
    EXPECT_NEAR(request->reserved_usd,
                0.001 + static_cast<double>(request->output_tokens_max) * 4e-6, 1e-12);
    EXPECT_LE(row.spent + request->reserved_usd, *row.cap + 1e-12) << row.what;
  }
}

TEST(Budget, WhatIsPutIntoTheCacheHasAPriceOfItsOwn) {
  const ReplyUsage usage = {
      .input_tokens = 1'000, .cached_tokens = 400, .cache_write_tokens = 500, .output_tokens = 10};
  Price price = {.input = 1, .cached = 0.25, .output = 4};
  EXPECT_NEAR(usd_of(usage, price), (100 + 500 + 400 * 0.25 + 40) / 1e6, 1e-12);
  price.cache_write = 2;
  EXPECT_NEAR(usd_of(usage, price), (100 + 500 * 2 + 400 * 0.25 + 40) / 1e6, 1e-12);
}

TEST(Budget, MoneyIsReservedForAllOfThePromptInTheCache) {
  for (const double cache_write : {0.5, 2.0}) {
    const RequestLimits limits = {
        .window_tokens = 100'000,
        .output_tokens_max = 8'000,
        .price = Price{.input = 1, .cached = 0.1, .output = 4, .cache_write = cache_write}};
    const auto planned = plan_request(run_of({}, {}, limits));
    const auto& request = std::get<RequestSent>(planned);
    EXPECT_NEAR(request.reserved_usd, 0.001 * std::max(1.0, cache_write) + 8'000 * 4e-6, 1e-12);
  }
}

TEST(Budget, MoneyWithoutAnOutputPrice) {
  RequestLimits limits = {.window_tokens = 100'000, .output_tokens_max = 8'000};
  // Without a price nothing is reserved, but what the host says it billed still counts.
  EXPECT_EQ(plan(run_of({.usd = 1.0}, {.usd = 0.5}, limits)), "8000");
  EXPECT_EQ(plan(run_of({.usd = 1.0}, {.usd = 1.5}, limits)), "paused usd");
  // A free model costs nothing, also on a budget of nothing.
  limits.price = Price{};
  EXPECT_EQ(plan(run_of({.usd = 0.0}, {}, limits)), "8000");
  // Only the prompt costs.
  limits.price = Price{.input = 1};
  EXPECT_EQ(plan(run_of({.usd = 1.0}, {.usd = 0.9985}, limits)), "8000");
  EXPECT_EQ(plan(run_of({.usd = 1.0}, {.usd = 0.9995}, limits)), "paused usd");
}

TEST(Budget, TheWindowLowersTheReplyAndIsFullAtLast) {
  struct Case {
    std::int64_t window;
    std::int64_t output_max;
    const char* plan;
  };
  // A prompt of 1,000 tokens and a margin of 1,024.
  const std::vector<Case> cases = {
      {100'000, 32'768, "32768"},
      {34'792, 32'768, "32768"},
      {34'791, 32'768, "32767"},
      {2'024 + 2'048, 32'768, "2048"},
      {2'024 + 2'047, 32'768, "paused context_full"},
      {0, 32'768, "paused context_full"},
      // A smaller configured cap lowers the least that is worth a request.
      {2'024 + 2'047, 2'047, "2047"},
      {2'024 + 100, 100, "100"},
      {2'024 + 99, 100, "paused context_full"},
  };
  for (const Case& row : cases) {
    const RequestLimits limits = {.window_tokens = row.window, .output_tokens_max = row.output_max};
    EXPECT_EQ(plan(run_of({}, {}, limits)), row.plan) << row.window << " " << row.output_max;
  }
}

TEST(Budget, TheFirstCapThatIsReachedIsNamed) {
  const Budget all = {.steps = 1,
                      .input_tokens = 1,
                      .output_tokens = 1,
                      .reasoning_tokens = 1,
                      .usd = 0.0,
                      .wall_ms = 1};
  const RequestLimits limits = {
      .window_tokens = 1, .output_tokens_max = 8'000, .price = Price{.input = 1, .output = 1}};
  const std::vector<std::pair<std::function<void(perdure::Run&)>, const char*>> lifts = {
      {[](perdure::Run&) {}, "paused steps"},
      {[](perdure::Run& run) { run.budget.steps.reset(); }, "paused wall_time"},
      {[](perdure::Run& run) { run.budget.wall_ms.reset(); }, "paused input_tokens"},
      {[](perdure::Run& run) { run.budget.input_tokens.reset(); }, "paused context_full"},
      {[](perdure::Run& run) { run.limits.window_tokens = 100'000; }, "paused output_tokens"},
      {[](perdure::Run& run) { run.budget.output_tokens.reset(); }, "paused reasoning_tokens"},
      {[](perdure::Run& run) { run.budget.reasoning_tokens.reset(); }, "paused usd"},
      {[](perdure::Run& run) { run.budget.usd.reset(); }, "8000"},
  };
  perdure::Run run = run_of(all, {.steps = 1, .wall_ms = 1}, limits);
  for (const auto& [lift, expected] : lifts) {
    lift(run);
    EXPECT_EQ(plan(run), expected);
  }
}

TEST(Budget, ReasonsAreSentences) {
  EXPECT_EQ(message(run_of({.steps = 40}, {.steps = 40})),
            "the budget of steps is used up: 40 of 40");
  EXPECT_EQ(message(run_of({.wall_ms = 90'000}, {.wall_ms = 95'500})),
            "the budget of working time is used up: 95 of 90 seconds");
  EXPECT_EQ(message(run_of({.input_tokens = 1'500}, {.input_tokens = 1'000})),
            "the next request would pass the budget of input tokens: 2000 of 1500");
  EXPECT_EQ(message(run_of({.output_tokens = 900}, {.output_tokens = 800})),
            "too little is left of the budget of output tokens: 100 of 900, and a request needs "
            "2048");
  EXPECT_EQ(message(run_of({.output_tokens = 900}, {.output_tokens = 900})),
            "the budget of output tokens is used up: 900 of 900");
  EXPECT_EQ(message(run_of({.reasoning_tokens = 900}, {.reasoning_tokens = 800})),
            "too little is left of the budget of reasoning tokens: 100 of 900, and a request needs "
            "2048");
  EXPECT_EQ(message(run_of({.reasoning_tokens = 900}, {.reasoning_tokens = 950})),
            "the budget of reasoning tokens is used up: 950 of 900");
  EXPECT_EQ(message(run_of({.usd = 0.5}, {.usd = 0.75})),
            "the next request could pass the budget of money: spent 0.750000 of 0.500000 USD");
  EXPECT_EQ(message(run_of({}, {}, {.window_tokens = 2'000})),
            "the conversation has about 1000 tokens, too many for a window of 2000");
}

TEST(Budget, RequestsAreNumberedByStepAndAttempt) {
  perdure::Run run = run_of({}, {.steps = 7});
  run.attempt = 2;
  const RequestSent request = std::get<RequestSent>(plan_request(run));
  EXPECT_EQ(request.step, 8);
  EXPECT_EQ(request.attempt, 3);
  EXPECT_EQ(request.input_tokens_estimate, 1'000);
  EXPECT_EQ(request.reserved_usd, 0.0);
}

}  // namespace
}  // namespace perdure
