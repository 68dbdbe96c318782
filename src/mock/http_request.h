// Reads HTTP/1.x requests (RFC 9112) out of the bytes of a connection. Bytes may be cut anywhere;
// garbage ends in a failure with the status to answer, never in more memory than the limits allow.
// Does no input or output itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace perdure::mock {

struct HttpLimits {
  std::size_t head_bytes_max = 64 << 10;  ///< Request line and headers together, also of trailers.
  std::size_t body_bytes_max = 256 << 20;
};

struct ReceivedRequest {
  std::string method;
  std::string path;          ///< Without the query.
  bool keep_alive = true;    ///< The client wants the connection to stay open.
  bool takes_chunks = true;  ///< HTTP/1.1: the answer may be chunked.
  std::vector<std::pair<std::string, std::string>> headers;  ///< Names in lower case.
  std::string body;

  /// The first header of this name (in lower case), or nothing.
  std::optional<std::string_view> header(std::string_view name) const;
};

struct HttpFailure {
  int status = 400;
  std::string message;
};

class RequestReader {
 public:
  explicit RequestReader(HttpLimits limits = {}) : limits_(limits) {}

  /// Takes bytes. What follows a complete request waits until that was taken.
  void feed(std::string_view bytes);
  /// The next request, when all of it is there.
  std::optional<ReceivedRequest> take();
  /// Set once a request cannot be read; nothing can be read after it.
  const std::optional<HttpFailure>& failure() const { return failure_; }
  /// Once true for each request whose client waits for "100 Continue" before it sends the body.
  bool take_continue_wish() { return std::exchange(wants_continue_, false); }
  /// No byte of a next request has come.
  bool idle() const { return state_ == State::kRequestLine && at_ == buffer_.size(); }

 private:
  enum class State : std::uint8_t {
    kRequestLine,
    kHeaders,
    kBody,
    kChunkSize,
    kChunk,
    kChunkEnd,
    kTrailers,
    kComplete,
    kFailed
  };

  void advance();
  bool step();
  std::optional<std::string_view> take_line();
  bool take_request_line();
  bool take_header_line();
  bool add_header(std::string_view line);
  bool start_body();
  bool use_length(std::string_view length);
  bool take_body();
  bool take_chunk_size();
  bool take_chunk_end();
  bool take_trailer();
  bool fail(int status, std::string message);

  HttpLimits limits_;
  State state_ = State::kRequestLine;
  std::string buffer_;  // received and not yet used from at_ on
  std::size_t at_ = 0;
  std::size_t head_bytes_ = 0;  // of the lines of this request so far
  std::size_t body_left_ = 0;   // of the body or of the current chunk
  bool chunked_ = false;
  bool wants_continue_ = false;
  ReceivedRequest request_;
  std::optional<HttpFailure> failure_;
};

}  // namespace perdure::mock
