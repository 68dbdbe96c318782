// A reply as the host sent it. The runtime mends replies where it can (ids, names, arguments that
// are no JSON) and lists what it changed; a verification judges the host, so that all of it is
// taken back here. And whether its calls are good: each names a tool of the request, and its
// arguments fit that tool's schema.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/event.h"

namespace perdure::verify {

struct HostReply {
  std::string id;
  std::string finish_reason;  ///< The host's own word; "stop" when it said none.
  std::string content;
  std::string reasoning;  ///< Members of the message beside content and calls, as JSON text with a
                          ///< comma in front of each: reasoning in whatever form it came.
  std::vector<ToolCall> calls;  ///< Ids, names and arguments as they came.
  std::optional<ReplyUsage> usage;
};

/// Undoes the edits of a reply that was read with ReplyContext::as_sent.
HostReply as_sent(const ModelReplied& reply);

/// Why the calls of a reply are not what the request allows, one sentence for each that is not;
/// empty when all are good. `request` is the text of a request that parses.
std::vector<std::string> problems_of_calls(std::string_view request,
                                           const std::vector<ToolCall>& calls);

}  // namespace perdure::verify
