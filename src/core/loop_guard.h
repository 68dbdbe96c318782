// Notices that a model repeats itself: the same calls with the same results, in a row or in a cycle
// of up to four steps (fault N75). Calls that get new results are work, not a loop.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

namespace perdure {

class LoopGuard {
 public:
  /// Repetitions of a cycle after which the model is told, and after which the run stops.
  static constexpr std::int64_t kNudgeAt = 4;
  static constexpr std::int64_t kStopAt = 8;

  /// Takes what one step did: a fingerprint of its calls and their results.
  void add(std::string fingerprint);

  /// How often the shortest cycle at the end of the history stands there in full; 1 when nothing
  /// repeats.
  std::int64_t repetitions() const;
  /// Steps in that cycle.
  std::int64_t period() const;

 private:
  struct Cycle {
    std::int64_t period = 1;
    std::int64_t repetitions = 1;
  };
  Cycle cycle() const;

  static constexpr std::size_t kPeriodMax = 4;
  static constexpr std::size_t kHistoryMax = kPeriodMax * static_cast<std::size_t>(kStopAt);
  std::deque<std::string> history_;
};

}  // namespace perdure
