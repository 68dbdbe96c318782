// Reads the answer of an endpoint: head and bytes in, one reply or one error out. Streams and whole
// bodies, whatever the content type says. It waits for nothing and knows no clock, so that recorded
// traffic can be read as the real one is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <perdure/result.h>

#include "core/event.h"
#include "json/reader.h"
#include "model/anthropic_reply.h"
#include "model/chat_reply.h"
#include "model/delta_shape.h"
#include "net/http_client.h"
#include "net/sse.h"

namespace perdure {

class ReplyReader {
 public:
  /// `json` may be shared with other readers of the same thread; `host`, `deltas` and what
  /// `context` points to must live as long as this.
  ReplyReader(json::Reader& json, const HostProfile& host, const ReplyContext& context,
              const ReplyDeltas* deltas);
  /// Goes on by itself where `other` is: so every place where a stream may be cut can be tried.
  ReplyReader(const ReplyReader& other);
  ReplyReader& operator=(const ReplyReader&) = delete;

  /// Comes before the body.
  void take_head(HttpHead head) { head_ = std::move(head); }
  /// Bytes of the body, cut anywhere. False when the rest is of no use.
  bool feed(std::string_view bytes);
  /// The stream said that it is over; what still comes is ignored (fault N28).
  bool has_ended() const { return has_ended_; }

  /// What came of it. `transfer` is how the transfer ended: a stream without an end marker counts
  /// only when it was closed properly. `now_ms` is milliseconds since 1970, for dates in
  /// Retry-After.
  Result<ModelReplied> finish(const Status& transfer, std::int64_t now_ms);

  /// After finish() failed with `error`: what of the reply can be kept, so that the host goes on
  /// with it; see ReplyAssembly::unfinished().
  UnfinishedReply unfinished(const Error& error);

  /// Of the head; 0 before it came.
  int status() const { return head_.status; }
  /// After finish().
  const ReplyShape& shape() const { return assembly_.shape(); }
  std::int64_t received_bytes() const { return assembly_.received_bytes(); }
  /// Grows with each piece of the reply, but not with comments and blank lines: hosts send those
  /// for as long as a connection is open, also when the model behind it is gone (fault N32).
  std::int64_t progress() const {
    return received_bytes() + static_cast<std::int64_t>(body_.size());
  }

 private:
  void take_event(std::string_view data);
  Status take_chunk(std::string_view data);
  void note_start(std::string_view bytes);
  std::optional<Error> refuse_words() const;
  Status add_chunk(const json::Value& chunk, std::string_view data);
  Result<ModelReplied> finish_reply();
  Result<ModelReplied> read_whole_body();

  json::Reader& json_;
  ReplyAssembly assembly_;
  std::optional<AnthropicReply> anthropic_;  // when that is what the host speaks
  DeltaShape shape_;
  SseParser parser_;
  HttpHead head_;
  std::string body_;
  std::optional<Error> failure_;
  std::string start_;  // of a stream that has had no event yet
  bool is_stream_ = false;
  bool has_event_ = false;
  bool has_ended_ = false;
};

}  // namespace perdure
