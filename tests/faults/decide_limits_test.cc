// Limits of what decide() asks for: how often a host is asked that does not exist, and how many
// calls of one reply are run.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/decide.h"
#include "tests/support/core_runs.h"

namespace perdure {
namespace {

using test::call_of;
using test::TestRun;

// N20: a name may be missing for a moment, while its servers change.
TEST(Decide, AHostThatDoesNotExistIsAskedThreeTimes) {
  RunStarted definition = test::definition_of_test();
  definition.limits.attempts_max = 10;
  TestRun test(definition);
  for (int attempt = 1; attempt < 3; ++attempt) {
    test.request();
    test.fail(ErrorCode::kNoSuchHost, Retry::kLater, 700);
    EXPECT_EQ(test.next(), "wait 700");
    test.add(RetryScheduled{.delay_ms = 700}).add(RetryDue{});
  }
  test.request();
  test.fail(ErrorCode::kNoSuchHost).settle();
  ASSERT_TRUE(test.run().ended);
  EXPECT_EQ(test.run().ended->outcome, Outcome::kEndpointPermanent);
  EXPECT_EQ(test.run().ended->message, "it failed (3 attempts)");
}

// N01: what a host asks for again and again is bounded by time, too.
TEST(Decide, ARequestIsGivenUpWhenItsTimeIsUsedUp) {
  RunStarted definition = test::definition_of_test();
  definition.limits.attempts_max = 10;
  definition.limits.retry_ms = 100'000;
  TestRun test(definition);
  test.request();
  test.fail(ErrorCode::kRateLimited, Retry::kLater, 70'000);
  const auto first = std::get<WaitForRetry>(decide(test.run()).at(0)).retry;
  EXPECT_EQ(first.attempts_max, 10);
  EXPECT_EQ(first.left_ms, 100'000);
  test.add(first).add(RetryDue{}).request();
  test.fail(ErrorCode::kRateLimited, Retry::kLater, 20'000);
  const auto second = std::get<WaitForRetry>(decide(test.run()).at(0)).retry;
  EXPECT_EQ(second.left_ms, 30'000);
  test.add(second).add(RetryDue{}).request();
  test.fail(ErrorCode::kRateLimited, Retry::kLater, 10'001).settle();
  ASSERT_TRUE(test.run().ended);
  EXPECT_EQ(test.run().ended->outcome, Outcome::kEndpointTemporary);
  EXPECT_EQ(test.run().ended->message, "it failed (3 attempts, 1m 30s of waiting)");
}

// N74: each call is answered, those beyond the cap with why they were not run.
TEST(Decide, CallsBeyondTheCapAreAnsweredAndNotRun) {
  RunStarted definition = test::definition_of_test();
  definition.limits.calls_max = 2;
  TestRun test(definition);
  test.request();
  test.reply(test::calls_reply({call_of("a"), call_of("b"), call_of("c"), call_of("d")})).settle();
  ASSERT_EQ(test.run().calls.size(), 4U);
  EXPECT_EQ(test.next(), "assess 0\nassess 1");
  for (const std::size_t beyond : {2U, 3U}) {
    EXPECT_EQ(test.run().calls[beyond].stage, CallStage::kFinished);
    EXPECT_EQ(test.run().calls[beyond].status, CallStatus::kInvalid);
    EXPECT_THAT(test.run().calls[beyond].fragment,
                testing::HasSubstr("your reply has 4 calls, and only the first 2 of one reply"));
  }
}

}  // namespace
}  // namespace perdure
