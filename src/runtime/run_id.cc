#include "runtime/run_id.h"

#include "os/clock.h"
#include "os/random.h"

namespace perdure {

std::string new_run_id() {
  const std::string now = iso_time(wall_time_ms());  // 2026-11-20T14:30:15.123Z
  return now.substr(2, 2) + now.substr(5, 2) + now.substr(8, 2) + "-" + now.substr(11, 2) +
         now.substr(14, 2) + now.substr(17, 2) + "-" + random_text(6);
}

}  // namespace perdure
