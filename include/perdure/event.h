// What an observer sees of a run: its journal as it grows, and the deltas of a reply that is still
// coming.
//
// Events of the journal arrive after they are durable, in order, exactly as they are stored: kind,
// sequence and a JSON payload (docs/events.md lists them). Deltas ("reasoning_delta", "text_delta")
// are provisional: they have no sequence, and a reply that is cut is asked for again. So is
// "request_waiting", which says why a request waits in line at its endpoint. Observers are
// called on the runtime's loop thread: be quick, do not block, do not throw. An observer that
// throws is not called again for that run; the run goes on, and its result says what was thrown.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace perdure {

struct Event {
  std::string_view kind;  ///< "call_finished", "text_delta", ...
  std::string_view run_id;
  std::uint64_t sequence = 0;  ///< From 1 in the journal; 0 for a provisional event.
  std::int64_t at_ms = 0;      ///< Milliseconds since 1970.
  std::string_view payload;    ///< A JSON object; empty for a provisional event.
  std::string_view text;       ///< Of a provisional event.
};

using Observer = std::function<void(const Event&)>;

}  // namespace perdure
