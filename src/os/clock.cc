#include "os/clock.h"

#include <ctime>

#include <fmt/format.h>

namespace perdure {
namespace {

std::int64_t read_us(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace

std::int64_t boot_time_ms() {
  return read_us(CLOCK_BOOTTIME) / 1000;
}
std::int64_t monotonic_ms() {
  return read_us(CLOCK_MONOTONIC) / 1000;
}
std::int64_t wall_time_ms() {
  return read_us(CLOCK_REALTIME) / 1000;
}
std::int64_t process_cpu_us() {
  return read_us(CLOCK_PROCESS_CPUTIME_ID);
}

std::string iso_time(std::int64_t wall_ms) {
  const std::time_t seconds = static_cast<std::time_t>(wall_ms / 1000);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     wall_ms % 1000);
}

}  // namespace perdure
