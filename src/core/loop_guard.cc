#include "core/loop_guard.h"

namespace perdure {

void LoopGuard::add(std::string fingerprint) {
  history_.push_back(std::move(fingerprint));
  if (history_.size() > kHistoryMax) history_.pop_front();
}

LoopGuard::Cycle LoopGuard::cycle() const {
  Cycle best;
  for (std::size_t period = 1; period <= kPeriodMax; ++period) {
    std::size_t equal = 0;  // steps at the end that equal the step one period before
    while (equal + period < history_.size() && history_[history_.size() - 1 - equal] ==
                                                   history_[history_.size() - 1 - equal - period]) {
      ++equal;
    }
    const auto repetitions = static_cast<std::int64_t>((equal + period) / period);
    if (repetitions > best.repetitions) {
      best = {.period = static_cast<std::int64_t>(period), .repetitions = repetitions};
    }
  }
  return best;
}

std::int64_t LoopGuard::repetitions() const {
  return cycle().repetitions;
}

std::int64_t LoopGuard::period() const {
  return cycle().period;
}

}  // namespace perdure
