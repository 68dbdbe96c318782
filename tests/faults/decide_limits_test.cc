// Limits of what decide() asks for: how often a host is asked that does not exist.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/decide.h"
#include "tests/support/core_runs.h"

namespace perdure {
namespace {

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

}  // namespace
}  // namespace perdure
