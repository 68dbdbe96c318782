// The prefix guard. Hosts keep the tokens of a prompt and bill the next one that begins with the
// same bytes at a fraction of the price; one changed byte near the start, and the whole history is
// billed in full again. So what comes before the messages is remembered part by part, what was said
// is remembered by its hash, and a request that does not begin as the last one did is announced.
//
// Within a process nothing of it can change. A resume brings other options, another version of
// Perdure, or another profile.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/run.h"

namespace perdure {

/// What a request that begins with `next` would not share with the last one that was answered, and
/// what that costs at `price`. Nothing when all is shared, when nothing was answered yet, or when
/// the journal is older than the guard.
std::optional<PrefixChanged> prefix_change(const Run& run, const std::vector<PrefixPart>& next,
                                           const std::optional<Price>& price);

/// How many tokens of the request under way the host should have had in its cache, when it billed
/// clearly fewer as cached; else 0. A host that never spoke of cached tokens has none to miss.
std::int64_t unmet_cached_tokens(const Run& run, const ReplyUsage& usage);

}  // namespace perdure
