// The hash chain of a run: each event's hash covers the hash before it, so that an edit, insertion,
// deletion or reorder shows (docs/journal.md).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/hash.h"

namespace perdure {

/// SHA-256 of: previous hash (32 bytes, zeros for the first event), sequence and time (8 bytes
/// each, big-endian), kind, a line feed, payload.
Sha256 chain_hash(Hasher& hasher, const Sha256& previous, std::uint64_t sequence,
                  std::int64_t at_ms, std::string_view kind, std::string_view payload);

}  // namespace perdure
