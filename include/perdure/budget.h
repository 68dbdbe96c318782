// What a run may use, and what it has used. A budget belongs to the run, not to the process: what
// was spent before a crash or a pause still counts after it. Plain values.
#pragma once

#include <cstdint>
#include <optional>

namespace perdure {

/// Caps of a run; an absent one does not limit. A cap that is reached pauses the run, and `resume`
/// with a larger one goes on. A request that could break a cap is not sent: its worst case is
/// reserved first.
struct Budget {
  std::optional<std::int64_t> steps = {};  ///< Model requests that were answered.
  std::optional<std::int64_t> input_tokens =
      {};  ///< Sum over requests; the history counts each time it is sent.
  std::optional<std::int64_t> output_tokens = {};     ///< Sum over replies, reasoning included.
  std::optional<std::int64_t> reasoning_tokens = {};  ///< Sum over replies.
  std::optional<double> usd =
      {};  ///< Money by the model's price; needs a model with a known price.
  std::optional<std::int64_t> wall_ms =
      {};  ///< Working time; pauses and waiting for a person do not count.
};

/// What a run has used so far.
struct Usage {
  std::int64_t steps = 0;
  std::int64_t calls = 0;
  std::int64_t input_tokens = 0;  ///< Cached ones included.
  std::int64_t cached_tokens =
      0;  ///< The part of input_tokens that came from the host's prompt cache.
  std::int64_t output_tokens = 0;     ///< Reasoning included.
  std::int64_t reasoning_tokens = 0;  ///< The part of output_tokens that was reasoning.
  double usd = 0;                     ///< 0 for a model without a price.
  std::int64_t wall_ms = 0;
  bool estimated =
      false;  ///< A reply came without usage, so that a part of the numbers is an estimate.
};

}  // namespace perdure
