// Writes a reply as the host would send it: one chat.completion object, or the events of a stream
// with text, reasoning and arguments cut into deltas. Every byte follows from the request and the
// script.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mock/dialect.h"
#include "mock/reply.h"

namespace perdure::mock {

struct ReplyTokens {
  std::int64_t prompt = 0;
  std::int64_t cached = 0;  ///< Of the prompt.
  std::int64_t completion = 0;
};

/// What the body says beside the reply itself.
struct ReplyFrame {
  const DialectTraits& traits;
  std::string id;  ///< "chatcmpl-...".
  std::string model;
  ReplyTokens tokens;
  std::size_t chunk_bytes = 0;  ///< Of text in one delta; 0: about twelve characters.
  bool wants_usage = false;     ///< The request asked for the chunk with the usage.
};

/// The next delta of a text: whole characters, at least one; `bytes` 0 for the usual size.
std::string_view next_slice(std::string_view text, std::size_t bytes);
/// The next delta of arguments. They are JSON inside of JSON: a cut behind a backslash, or between
/// the two halves of a surrogate pair, is what a client must not trip over.
std::string_view next_arguments_slice(std::string_view text, std::size_t bytes);

/// The tokens of a reply: its bytes divided by four, at least one.
std::int64_t completion_tokens(const DueReply& reply);

/// The body of an answer that is no stream.
std::string completion_body(const DueReply& reply, const ReplyFrame& frame);

/// The events of a stream, each with its empty line; the last one is "data: [DONE]".
std::vector<std::string> stream_events(const DueReply& reply, const ReplyFrame& frame);

/// An event that reports a failure in the middle of a stream.
std::string error_event(std::string_view message, const ReplyFrame& frame);

/// {"error":{"message":...,"type":...}} as Moonshot writes it.
std::string error_body(std::string_view message, std::string_view type);

}  // namespace perdure::mock
