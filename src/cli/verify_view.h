// What a person sees of a verification: how far it is, and the table at its end. Plain text out of
// plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "verify/verification.h"

namespace perdure::cli {

/// The status line: a bar, counts, what the endpoint asks to wait for, how long it may still take.
std::string progress_bar(const verify::VerifyProgress& progress, std::int64_t elapsed_ms);

/// Where no status line can be drawn: a line now and then.
class PlainProgress {
 public:
  /// A line at each tenth of the way, and when a minute has passed without one; mostly nothing.
  std::optional<std::string> next(const verify::VerifyProgress& progress, std::int64_t elapsed_ms);

 private:
  std::int64_t tenths_ = -1;
  std::int64_t said_ms_ = 0;
};

/// The table: its lines, each with a line feed.
std::string summary_table(const verify::Summary& summary);

}  // namespace perdure::cli
