// The clocks, each for its own use. No code of Perdure reads time in another way, and core/ reads
// none at all.
#pragma once

#include <cstdint>
#include <string>

namespace perdure {

/// Milliseconds of CLOCK_BOOTTIME: goes on while the machine sleeps. For budgets of wall time.
std::int64_t boot_time_ms();
/// Milliseconds of CLOCK_MONOTONIC: stands still while the machine sleeps. For backoff and
/// deadlines of I/O.
std::int64_t monotonic_ms();
/// Milliseconds since 1970 (CLOCK_REALTIME): for people only; it may jump.
std::int64_t wall_time_ms();
/// CPU time of this process in microseconds.
std::int64_t process_cpu_us();

/// "2026-11-20T14:30:15.123Z".
std::string iso_time(std::int64_t wall_ms);

}  // namespace perdure
