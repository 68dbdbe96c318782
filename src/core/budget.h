// Plans the next request within the budget: how long the reply may be, what it may cost at worst,
// or why it may not be sent. Nothing is sent that could break a cap.
#pragma once

#include <variant>

#include "core/run.h"

namespace perdure {

/// A reply shorter than this is not worth asking for: the run pauses instead. (A smaller configured
/// cap of one reply lowers it.)
inline constexpr std::int64_t kOutputTokensMin = 2'048;
/// Kept free between prompt estimate, reply and window, for what estimates get wrong.
inline constexpr std::int64_t kWindowMarginTokens = 1'024;

/// What so many tokens cost by a price, in USD.
double usd_of(const ReplyUsage& usage, const Price& price);

/// The request to send, or how the run ends because no request fits.
std::variant<RequestSent, RunEnded> plan_request(const Run& run);
/// The same at an endpoint with other limits.
std::variant<RequestSent, RunEnded> plan_request(const Run& run, const RequestLimits& limits);

}  // namespace perdure
