#include "runtime/active_clock.h"

#include <gtest/gtest.h>

namespace perdure {
namespace {

// Until the clock of the machine has moved on.
void let_time_pass() {
  const std::int64_t now_ms = boot_time_ms();
  while (boot_time_ms() < now_ms + 3) {
  }
}

TEST(ActiveClock, goes_on_from_what_earlier_processes_used) {
  const ActiveClock clock(5'000);
  EXPECT_TRUE(clock.running());
  EXPECT_GE(clock.elapsed_ms(), 5'000);
  let_time_pass();
  EXPECT_GT(clock.elapsed_ms(), 5'000);
}

TEST(ActiveClock, stands_still_while_paused) {
  ActiveClock clock(5'000);
  let_time_pass();
  clock.pause();
  EXPECT_FALSE(clock.running());
  const std::int64_t spent_ms = clock.elapsed_ms();
  EXPECT_GT(spent_ms, 5'000);
  let_time_pass();
  EXPECT_EQ(clock.elapsed_ms(), spent_ms);
  clock.pause();
  EXPECT_EQ(clock.elapsed_ms(), spent_ms) << "pausing twice is pausing once";
  clock.go_on();
  let_time_pass();
  EXPECT_GT(clock.elapsed_ms(), spent_ms);
  EXPECT_TRUE(clock.running());
}

TEST(ActiveClock, going_on_twice_loses_nothing) {
  ActiveClock clock;
  let_time_pass();
  const std::int64_t spent_ms = clock.elapsed_ms();
  clock.go_on();
  EXPECT_GE(clock.elapsed_ms(), spent_ms);
}

}  // namespace
}  // namespace perdure
