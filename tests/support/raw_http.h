// An HTTP client for tests that shows what really came over the wire: a blocking socket, bytes as
// they are, and an answer that also says how it ended. Every wait is bounded; one that takes too
// long ends the answer with kTimedOut.
//
//   RawClient client(port);
//   client.send(post_request("/v1/chat/completions", body));
//   RawResponse response = client.read_response();
//   EXPECT_EQ(response.status, 200);
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "os/descriptor.h"

namespace perdure::test {

/// How the bytes of an answer ended.
enum class ResponseEnd : std::uint8_t {
  kComplete,  ///< As its headers said; the connection is open.
  kClosed,    ///< The connection was closed before the answer was complete, or to complete it.
  kReset,     ///< The connection was reset.
  kTimedOut,  ///< Nothing came any more.
};

struct RawResponse {
  int status = 0;  ///< 0 when not even a status line came.
  std::vector<std::pair<std::string, std::string>> headers;  ///< Names in lower case.
  std::string body;                                          ///< Without the frame of chunks.
  std::vector<std::string> chunks;  ///< The body by HTTP chunk, when it came in chunks.
  std::string raw;                  ///< Everything, as it came.
  bool whole = false;               ///< All that the headers promised is there.
  ResponseEnd end = ResponseEnd::kTimedOut;

  /// The value of a header, or an empty string.
  std::string header(std::string_view name) const;
  /// The data of the server-sent events of the body, in order; comments are left out.
  std::vector<std::string> events() const;
};

/// Reads an answer out of bytes that are all there is. `end` is kComplete when they hold all of it.
RawResponse parse_response(std::string_view bytes);

/// A POST with a JSON body; `headers` are further lines, each with its CRLF.
std::string post_request(std::string_view path, std::string_view body,
                         std::string_view headers = {});
std::string get_request(std::string_view path, std::string_view headers = {});

class RawClient {
 public:
  /// Connects to 127.0.0.1; connected() says whether that worked.
  explicit RawClient(int port, std::int64_t timeout_ms = 10'000);

  bool connected() const { return socket_.valid(); }
  /// False when the server does not take the bytes any more.
  bool send(std::string_view bytes);
  /// The next answer; what follows it is kept for the next call. Skips "100 Continue" answers.
  RawResponse read_response();
  /// Reads until at least this much of an answer is there; false when it does not come.
  bool wait_for(std::string_view text);
  /// Whether the server ends the connection without another byte.
  bool ends();
  /// Ends the sending side; answers can still be read.
  void finish_sending();
  /// The number of "100 Continue" answers that were skipped.
  int continues() const { return continues_; }

 private:
  std::optional<ResponseEnd> receive_more();

  Descriptor socket_;
  std::int64_t timeout_ms_;
  std::string received_;
  int continues_ = 0;
};

}  // namespace perdure::test
