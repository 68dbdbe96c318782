// The working time of a run: CLOCK_BOOTTIME while it works, standing still while it waits for a
// person.
#pragma once

#include <cstdint>

#include "os/clock.h"

namespace perdure {

class ActiveClock {
 public:
  /// `spent_ms` was used by earlier processes.
  explicit ActiveClock(std::int64_t spent_ms = 0)
      : spent_ms_(spent_ms), since_ms_(boot_time_ms()) {}

  std::int64_t elapsed_ms() const {
    return running_ ? spent_ms_ + boot_time_ms() - since_ms_ : spent_ms_;
  }
  bool running() const { return running_; }
  void pause() {
    spent_ms_ = elapsed_ms();
    running_ = false;
  }
  void go_on() {
    if (!running_) since_ms_ = boot_time_ms();
    running_ = true;
  }

 private:
  std::int64_t spent_ms_;
  std::int64_t since_ms_;
  bool running_ = true;
};

}  // namespace perdure
