#include "net/retry.h"

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace perdure {
namespace {

// The least and the greatest of many draws.
struct Range {
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  std::int64_t greatest = -1;
};

Range drawn(const Error& error, std::int64_t attempt, const Backoff& backoff = {}) {
  std::mt19937_64 random(static_cast<std::uint64_t>(attempt));
  Range range;
  for (int i = 0; i < 20'000; ++i) {
    const std::int64_t delay = retry_delay_ms(error, attempt, random(), backoff);
    range.least = std::min(range.least, delay);
    range.greatest = std::max(range.greatest, delay);
  }
  return range;
}

TEST(Retry, FullJitterOverADoublingRange_N02_N05) {
  struct Case {
    ErrorCode code;
    std::int64_t attempt;
    std::int64_t range_ms;
  };
  const std::vector<Case> cases = {
      {ErrorCode::kServer, 1, 500},
      {ErrorCode::kRateLimited, 2, 1'000},
      {ErrorCode::kNetwork, 3, 2'000},
      {ErrorCode::kStreamCut, 6, 16'000},
      {ErrorCode::kTimeout, 7, 32'000},
      {ErrorCode::kServer, 8, 32'000},  // the cap
      {ErrorCode::kServer, 1'000'000, 32'000},
      {ErrorCode::kServer, std::numeric_limits<std::int64_t>::max(), 32'000},
      {ErrorCode::kServer, 0, 500},
      {ErrorCode::kServer, -5, 500},
      {ErrorCode::kOverloaded, 1, 2'000},  // four times the range (N06)
      {ErrorCode::kOverloaded, 4, 16'000},
      {ErrorCode::kOverloaded, 6, 32'000},
      {ErrorCode::kOverloaded, 100, 32'000},
  };
  for (const Case& example : cases) {
    const Range range = drawn({.code = example.code}, example.attempt);
    const std::string name =
        std::string(to_string(example.code)) + " attempt " + std::to_string(example.attempt);
    EXPECT_GE(range.least, example.range_ms / 10) << name;
    EXPECT_LT(range.greatest, example.range_ms) << name;
    // The draws fill the range: runs that failed together do not come back together.
    EXPECT_LT(range.least, example.range_ms * 11 / 100) << name;
    EXPECT_GT(range.greatest, example.range_ms * 99 / 100) << name;
  }
}

TEST(Retry, ExtremeRandomNumbersAndRanges) {
  for (const std::uint64_t random : {std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max()}) {
    const std::int64_t delay = retry_delay_ms({.code = ErrorCode::kServer}, 1, random);
    EXPECT_GE(delay, 50);
    EXPECT_LT(delay, 500);
    EXPECT_EQ(retry_delay_ms({.code = ErrorCode::kServer}, 1, random, {.base_ms = 0}), 0);
    EXPECT_LE(retry_delay_ms({.code = ErrorCode::kServer}, 9, random, {.base_ms = 1, .cap_ms = 1}),
              1);
  }
}

TEST(Retry, WhatTheHostAskedForIsTheLeast_N01) {
  struct Case {
    std::int64_t asked_ms;
    std::int64_t attempt;
    std::int64_t least_ms;
    std::int64_t greatest_ms;
  };
  const std::vector<Case> cases = {
      {7'000, 1, 7'000, 7'500},
      {86'400'000, 3, 86'400'000, 86'400'500},
      {86'400'000, 10, 86'400'000, 86'400'500},
      {1'000'000'000'000, 3, 1'000'000'000'000, 1'000'000'000'500},
      // A host that keeps asking for little is given more time all the same.
      {0, 1, 50, 500},
      {0, 7, 3'200, 32'000},
      {7'000, 9, 7'000, 32'000},
  };
  for (const Case& example : cases) {
    const Range range = drawn({.code = ErrorCode::kRateLimited, .retry_after_ms = example.asked_ms},
                              example.attempt);
    EXPECT_GE(range.least, example.least_ms) << example.asked_ms;
    EXPECT_LE(range.greatest, example.greatest_ms) << example.asked_ms;
    EXPECT_GT(range.greatest, range.least + 300) << example.asked_ms << ": with jitter on top";
  }
}

TEST(Retry, RetryAfterHeader_N01) {
  constexpr std::int64_t kNow = 1'700'000'000'000;  // Tue, 14 Nov 2023 22:13:20 GMT
  const std::vector<std::pair<std::string, std::optional<std::int64_t>>> cases = {
      {"7", 7'000},
      {" 7 ", 7'000},
      {"0", 0},
      {"1.5", 1'500},
      {"0.0001", 1},
      {"86400", 86'400'000},
      {"000007", 7'000},
      // Whoever asks for far too long must not get a quick retry.
      {"99999999999999999999", 1'000'000'000'000},
      {std::string(400, '9'), 1'000'000'000'000},
      {"Tue, 14 Nov 2023 22:13:27 GMT", 7'000},
      {"Tuesday, 14-Nov-23 22:13:27 GMT", 7'000},
      {"Tue Nov 14 22:13:27 2023", 7'000},
      {"Tue, 14 Nov 2023 22:13:20 GMT", 0},
      {"Fri, 31 Dec 1999 23:59:59 GMT", 0},
      {"Fri, 31 Dec 9999 23:59:59 GMT", 253'402'300'799'000 - kNow},
      {"", std::nullopt},
      {" ", std::nullopt},
      {"-1", std::nullopt},
      {"soon", std::nullopt},
      {"7s", std::nullopt},
      {"1..2", std::nullopt},
      {".", std::nullopt},
      {"1e3", std::nullopt},
      {"nan", std::nullopt},
      {"inf", std::nullopt},
      {"0x10", std::nullopt},
  };
  for (const auto& [value, wait] : cases) EXPECT_EQ(parse_retry_after(value, kNow), wait) << value;
}

// The words are those of Moonshot's rate limits.
TEST(Retry, WaitInTheMessage_N01) {
  const std::vector<std::pair<std::string, std::optional<std::int64_t>>> cases = {
      {"Your account org-1<ak-2> request reached max organization concurrency: 3, please try "
       "again after 1 seconds",
       1'000},
      {"request reached max request limit: 20, please try again after 3 seconds", 3'000},
      {"try again after 0.5 second.", 500},
      {"try again after 2seconds", 2'000},
      {"try again after 99999999999999999999 seconds", 1'000'000'000'000},
      {"Please try again in 7.66s. Visit https://host/limits", 7'660},
      {"Please try again in 6m0s.", 360'000},
      {"Please try again in 12ms", 12},
      {"try again in a moment", std::nullopt},
      {"try again in 5 minutes", std::nullopt},
      {"try again after 2 minutes", std::nullopt},
      {"try again after 2", std::nullopt},
      {"try again after -2 seconds", std::nullopt},
      {"try again after a few seconds", std::nullopt},
      {"try again after ", std::nullopt},
      {"try again later", std::nullopt},
      {"", std::nullopt},
  };
  for (const auto& [message, wait] : cases) {
    EXPECT_EQ(retry_after_in_message(message), wait) << message;
  }
}

}  // namespace
}  // namespace perdure
