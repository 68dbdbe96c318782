#include "net/rate_limits.h"

#include <gtest/gtest.h>

namespace perdure {
namespace {

constexpr std::int64_t kMoment = 1'700'000'000'000;  // 2023-11-14T22:13:20Z

using Wait = std::optional<std::int64_t>;

TEST(RateLimits, ResetInAllFormsThatHostsSend_N02) {
  const std::vector<std::pair<std::string, Wait>> cases = {
      {"12", 12'000},
      {" 1.5 ", 1'500},
      {"500ms", 500},
      {"12ms", 12},
      {"1s", 1'000},
      {"6m0s", 360'000},
      {"2m59.56s", 179'560},
      {"1h30m", 5'400'000},
      {"1d2h", 93'600'000},
      {"800us", 1},
      {"800\xC2\xB5s", 1},
      {"99999999999999999999d", 1'000'000'000'000},
      {"1700000007", 7'000},
      {"1700000007500", 7'500},
      {"2023-11-14T22:13:27Z", 7'000},
      {"2023-11-14T22:13:27.250Z", 7'250},
      {"2023-11-14T23:13:27+01:00", 7'000},
      {"2023-11-14 21:43:27-0030", 7'000},
      {"Tue, 14 Nov 2023 22:13:27 GMT", 7'000},
      // What has passed says nothing.
      {"0", std::nullopt},
      {"0s", std::nullopt},
      {"1699999999", std::nullopt},
      {"946684800", std::nullopt},
      {"86400", 86'400'000},
      {"2023-11-14T22:13:20Z", std::nullopt},
      {"Fri, 31 Dec 1999 23:59:59 GMT", std::nullopt},
      {"", std::nullopt},
      {"soon", std::nullopt},
      {"-3s", std::nullopt},
      {"s", std::nullopt},
      {"3 weeks", std::nullopt},
      {"6m0", std::nullopt},
      {"2023-13-14T22:13:27Z", std::nullopt},
      {"2023-11-14T22:13:27 later", std::nullopt},
      {"2023-11-14T", std::nullopt},
      {"2023-11-14T22:13:27+1", std::nullopt},
  };
  for (const auto& [value, wait] : cases) EXPECT_EQ(parse_reset(value, kMoment), wait) << value;
}

TEST(RateLimits, AreReadUnderAllNames) {
  const RateLimits common = read_rate_limits({{"x-ratelimit-limit-requests", "60"},
                                              {"x-ratelimit-remaining-requests", "59"},
                                              {"x-ratelimit-reset-requests", "1s"},
                                              {"x-ratelimit-limit-tokens", "150000"},
                                              {"x-ratelimit-remaining-tokens", "149984"},
                                              {"x-ratelimit-reset-tokens", "6m0s"}},
                                             kMoment);
  EXPECT_EQ(common.requests.limit, 60);
  EXPECT_EQ(common.requests.remaining, 59);
  EXPECT_EQ(common.requests.reset_ms, 1'000);
  EXPECT_EQ(common.tokens.limit, 150'000);
  EXPECT_EQ(common.tokens.remaining, 149'984);
  EXPECT_EQ(common.tokens.reset_ms, 360'000);
  const RateLimits anthropic =
      read_rate_limits({{"anthropic-ratelimit-requests-remaining", "0"},
                        {"anthropic-ratelimit-tokens-reset", "2023-11-14T22:13:27Z"}},
                       kMoment);
  EXPECT_EQ(anthropic.requests.remaining, 0);
  EXPECT_EQ(anthropic.tokens.reset_ms, 7'000);
  const RateLimits brief = read_rate_limits(
      {{"x-ratelimit-limit", "20"}, {"x-ratelimit-reset", "1700000007000"}}, kMoment);
  EXPECT_EQ(brief.requests.limit, 20);
  EXPECT_EQ(brief.requests.reset_ms, 7'000);
  const RateLimits none = read_rate_limits({{"x-ratelimit-", "1"},
                                            {"x-ratelimit-remaining-requests", "many"},
                                            {"x-ratelimit-limit-requests", "-1"},
                                            {"anthropic-ratelimit-remaining", "1"},
                                            {"retry-after", "7"}},
                                           kMoment);
  for (const RateLimit& limit : {none.requests, none.tokens}) {
    EXPECT_FALSE(limit.limit || limit.remaining || limit.reset_ms);
  }
}

TEST(RateLimits, TheWaitIsForWhatIsUsedUp_N02) {
  const RateLimit used{.remaining = 0, .reset_ms = 7'000};
  const RateLimit left{.remaining = 5, .reset_ms = 90'000};
  const RateLimit unknown{.reset_ms = 20'000};
  struct Case {
    RateLimits limits;
    Wait wait;
  };
  const std::vector<Case> cases = {
      {{.requests = used, .tokens = left}, 7'000},
      {{.requests = left, .tokens = used}, 7'000},
      {{.requests = used, .tokens = unknown}, 20'000},
      {{.requests = unknown, .tokens = {}}, 20'000},
      // A request may need more tokens than are left.
      {{.requests = unknown, .tokens = left}, 20'000},
      {{.requests = left, .tokens = left}, 90'000},
      {{.requests = left, .tokens = {}}, std::nullopt},
      {{.requests = {.remaining = 0}, .tokens = {}}, std::nullopt},
      {{}, std::nullopt},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(wait_for_reset(cases[i].limits), cases[i].wait) << i;
  }
}

TEST(RateLimits, NamedInTheMessage_N04) {
  struct Case {
    const char* message;
    Wait at_once;
    Wait requests;
    Wait tokens;
  };
  const Case cases[] = {
      {"Your account org-1<ak-2> request reached organization max RPM: 3, please try again after 1 "
       "seconds",
       std::nullopt, 3, std::nullopt},
      {"request reached max organization concurrency: 50, please try again after 1 seconds", 50,
       std::nullopt, std::nullopt},
      {"request reached organization TPM rate limit, current: 140586, limit: 128000", std::nullopt,
       std::nullopt, 128'000},
      {"Rate limit reached for m on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000.",
       std::nullopt, std::nullopt, 30'000},
      {"max RPM: 0", std::nullopt, std::nullopt, std::nullopt},
      {"max RPM: many", std::nullopt, std::nullopt, std::nullopt},
      {"concurrency", std::nullopt, std::nullopt, std::nullopt},
      {"", std::nullopt, std::nullopt, std::nullopt},
  };
  for (const Case& row : cases) {
    const NamedLimits named = limits_in_message(row.message);
    EXPECT_EQ(named.at_once, row.at_once) << row.message;
    EXPECT_EQ(named.requests_per_minute, row.requests) << row.message;
    EXPECT_EQ(named.tokens_per_minute, row.tokens) << row.message;
  }
}

}  // namespace
}  // namespace perdure
