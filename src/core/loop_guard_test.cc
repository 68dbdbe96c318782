#include "core/loop_guard.h"

#include <array>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace perdure {
namespace {

// One letter for what a step did.
LoopGuard guard_after(std::string_view steps) {
  LoopGuard guard;
  for (const char step : steps) guard.add(std::string(1, step));
  return guard;
}

std::string times(std::string_view cycle, int count) {
  std::string steps;
  for (int i = 0; i < count; ++i) steps += cycle;
  return steps;
}

TEST(LoopGuard, CountsTheCycleAtTheEnd) {
  struct Case {
    std::string steps;
    std::int64_t repetitions;
    std::int64_t period;
  };
  const std::array<Case, 25> cases = {{
      {"", 1, 1},
      {"a", 1, 1},
      {"ab", 1, 1},
      {"aa", 2, 1},
      {"baaa", 3, 1},
      {"aaab", 1, 1},
      {"aaaaaaaa", 8, 1},
      {"abab", 2, 2},
      {"aba", 1, 1},
      {"ababab", 3, 2},
      {"xababab", 3, 2},
      {"abababa", 3, 2},
      {"abcabc", 2, 3},
      {"abcabca", 2, 3},
      {"abcdabcd", 2, 4},
      {"abcdabcdabcdabcd", 4, 4},
      // The shortest cycle that repeats most is named.
      {"abaab", 1, 1},
      {"aabaab", 2, 3},
      {"abaabbb", 3, 1},
      {"abbabb", 2, 1},
      // Longer cycles than four steps are work, as far as anybody can tell.
      {"abcdeabcde", 1, 1},
      {times("abcde", 8), 1, 1},
      // Work ends a loop, whatever it was.
      {times("a", 30) + "b", 1, 1},
      {times("ab", 15) + "c", 1, 1},
      {times("ab", 15) + "cab", 1, 1},
  }};
  for (const Case& row : cases) {
    const LoopGuard guard = guard_after(row.steps);
    EXPECT_EQ(guard.repetitions(), row.repetitions) << row.steps;
    EXPECT_EQ(guard.period(), row.period) << row.steps;
  }
}

// Every cycle of up to four steps reaches both thresholds, at the step that closes the repetition,
// and stays bounded however long it goes on.
TEST(LoopGuard, ReachesItsThresholdsInEveryPeriod) {
  for (const std::string cycle : {"a", "ab", "abc", "abcd", "aab", "aabb"}) {
    const auto period = static_cast<std::int64_t>(cycle.size());
    LoopGuard guard = guard_after("xyz");
    for (std::int64_t step = 1; step <= 12 * period; ++step) {
      guard.add(std::string(1, cycle[static_cast<std::size_t>((step - 1) % period)]));
      const bool whole = step % period == 0;
      const std::int64_t count = step / period;
      if (!whole || count < 3) continue;  // "bb" at the end of "aabb" is a cycle too
      EXPECT_EQ(guard.period(), period) << cycle << " after " << step;
      if (count <= LoopGuard::kStopAt) {
        EXPECT_EQ(guard.repetitions(), count) << cycle << " after " << step;
      } else {
        EXPECT_GE(guard.repetitions(), LoopGuard::kStopAt) << cycle << " after " << step;
      }
    }
  }
}

TEST(LoopGuard, ComparesWholeFingerprints) {
  LoopGuard guard;
  for (int i = 0; i < 8; ++i) guard.add("the same long text, then " + std::to_string(i));
  EXPECT_EQ(guard.repetitions(), 1);
}

}  // namespace
}  // namespace perdure
