// An answer as bytes and times: what the connection sends, when, and how it ends. Making a plan
// decides everything; carrying it out decides nothing, so that every fault can be tested without a
// socket.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock/http_request.h"
#include "mock/script.h"

namespace perdure::mock {

enum class ConnectionEnd : std::uint8_t {
  kKeep,  ///< The connection waits for the next request.
  kClose,
  kReset,  ///< TCP RST instead of FIN.
};

struct PlanStep {
  std::int64_t delay_ms = 0;  ///< Before the bytes.
  std::string bytes;
};

struct ResponsePlan {
  std::vector<PlanStep> steps;
  ConnectionEnd end = ConnectionEnd::kKeep;
};

/// The connection as its client wants it, which decides how a body is framed.
struct ConnectionWish {
  bool keep_alive = false;
  bool takes_chunks = false;
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;

/// A whole answer with Content-Length.
ResponsePlan plan_answer(ConnectionWish wish, int status, std::string_view content_type,
                         std::string_view body, const HeaderList& headers = {});

/// The body of a model's reply, in the pieces in which it is sent, and its pace.
struct ReplyBody {
  bool streams = false;  ///< Events of a stream; otherwise one JSON text.
  std::vector<std::string> pieces;
  std::int64_t delay_ms = 0;        ///< Before the first byte.
  std::int64_t chunk_delay_ms = 0;  ///< Between two pieces.
  std::size_t wire_bytes = 0;  ///< Cuts the pieces anew, into this many bytes each; 0: as they are.
};

/// The reply as it is.
ResponsePlan plan_reply(ConnectionWish wish, const ReplyBody& body);

/// What is sent instead of the reply, or of it. `error` is the event of a stream error.
ResponsePlan plan_fault(ConnectionWish wish, const ScriptedFault& fault, ReplyBody body,
                        const std::string& error);

/// The body that a real host sends with a status, as far as it is known; `type` chooses among those
/// of one status.
std::string default_error_body(int status, std::string_view type);

}  // namespace perdure::mock
