// Writes a reply as a host with Anthropic's messages API would send it: one message, or the events
// of a stream with blocks of thinking, text and calls. Thinking has no signature, as Kimi models
// send it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mock/reply_body.h"

namespace perdure::mock {

/// The body of an answer that is no stream.
std::string message_body(const DueReply& reply, const ReplyFrame& frame);

/// The events of a stream, each with its empty line; the last one is message_stop.
std::vector<std::string> message_events(const DueReply& reply, const ReplyFrame& frame);

/// {"type":"error","error":{"type":...,"message":...}}. A type of chat completions becomes the one
/// that this API has for it.
std::string message_error_body(std::string_view message, std::string_view type);

/// The event that reports a failure in the middle of a stream.
std::string message_error_event(std::string_view message);

/// The body that comes with a status; `type` may be empty for the status's own.
std::string message_error_of_status(int status, std::string_view type);

}  // namespace perdure::mock
