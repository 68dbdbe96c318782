// A server that plays scripts, byte for byte: for what no HTTP server would send, and at moments
// that none would choose. Each connection gets the next script; the last one is played for all that
// follow. It knows no HTTP but the end of a request.
//
//   ByteServer server({{receive_request(), send("HTTP/1.1 200 OK\r\n\r\nha"), reset()}});
//   ... ask http://127.0.0.1:PORT ...
//   EXPECT_THAT(server.requests(), ElementsAre(HasSubstr("POST /v1")));
//
// Destroying it ends all connections and joins its threads; nothing in it waits without a bound.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "os/descriptor.h"

namespace perdure::test {

/// What a connection does next. A connection whose script has ended is closed.
struct ByteStep {
  enum class Kind : std::uint8_t {
    kReceiveRequest,  ///< Until a head and the body of its Content-Length are there.
    kReceiveBytes,    ///< Until at least `count` bytes of a request are there.
    kSend,            ///< `bytes`, in pieces of `count` bytes; all at once for 0.
    kWait,            ///< `count` milliseconds, or until the client closes.
    kHold,   ///< Reads on until the client closes; what follows is for a connection that is gone.
    kCall,   ///< `call`, on the thread of the connection.
    kReset,  ///< Ends the connection with a reset.
  };
  Kind kind = Kind::kHold;
  std::string bytes = {};
  std::size_t count = 0;
  std::function<void()> call = {};
};

using ByteScript = std::vector<ByteStep>;

inline ByteStep receive_request() {
  return {.kind = ByteStep::Kind::kReceiveRequest};
}
inline ByteStep receive_bytes(std::size_t count) {
  return {.kind = ByteStep::Kind::kReceiveBytes, .count = count};
}
inline ByteStep send(std::string bytes, std::size_t piece_bytes = 0) {
  return {.kind = ByteStep::Kind::kSend, .bytes = std::move(bytes), .count = piece_bytes};
}
inline ByteStep wait_ms(std::size_t milliseconds) {
  return {.kind = ByteStep::Kind::kWait, .count = milliseconds};
}
inline ByteStep hold() {
  return {.kind = ByteStep::Kind::kHold};
}
inline ByteStep call(std::function<void()> function) {
  return {.kind = ByteStep::Kind::kCall, .call = std::move(function)};
}
inline ByteStep reset() {
  return {.kind = ByteStep::Kind::kReset};
}

/// A whole answer with this body and its length; `headers` are further lines with their CRLF.
std::string http_answer(std::string_view body, std::string_view headers = {}, int status = 200);
/// One chunk of a chunked body; the empty one is the last.
std::string http_chunk(std::string_view bytes);

/// How many bytes the request has that these begin with; 0 when it is not complete.
std::size_t request_bytes(std::string_view received);

class ByteServer {
 public:
  explicit ByteServer(std::vector<ByteScript> connections);
  ~ByteServer();
  ByteServer(const ByteServer&) = delete;
  ByteServer& operator=(const ByteServer&) = delete;

  int port() const;
  /// "http://127.0.0.1:PORT" and the path.
  std::string url(std::string_view path = "") const;
  /// The requests that are whole, head and body, in the order in which they ended.
  std::vector<std::string> requests() const;
  /// How many connections were accepted.
  std::size_t connections() const;
  /// Waits until this many connections have ended, by their script or by the client.
  bool wait_for_ends(std::size_t count) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A socket with a free port of this machine, on which nobody listens yet.
std::pair<Descriptor, int> bind_to_loopback();

/// A port of this machine that refuses connections as long as this lives.
class ClosedPort {
 public:
  ClosedPort();
  int number() const { return number_; }

 private:
  Descriptor socket_;
  int number_ = 0;
};

}  // namespace perdure::test
