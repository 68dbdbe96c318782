// HTTP requests on the loop, by libcurl: keep-alive connections, TLS with the system's
// certificates, proxies as curl has them. A request body goes to the socket in the parts in which
// it is kept; a reply arrives in chunks. Redirects are not followed: an endpoint that moves is a
// matter for its owner (fault N11).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <perdure/result.h>

#include "loop/loop.h"
#include "net/name_check.h"

namespace perdure {

/// Limits of one exchange; a passed one ends it with kTimeout.
struct HttpTimeouts {
  std::int64_t connect_ms = 15'000;
  std::int64_t first_byte_ms =
      600'000;  ///< From the end of the upload: a long prompt may take minutes to prefill.
  std::int64_t idle_ms = 300'000;  ///< Between chunks of the reply.
  std::int64_t total_ms = 3'600'000;
  /// How long the other side may leave what was sent without a sign that it came. Behind a suspend
  /// or a router that forgot the connection nobody says that it is gone (fault N34); a silent one
  /// is asked for a sign after half of this time.
  std::int64_t unacknowledged_ms = 60'000;
};

/// The bytes of a request, in parts that go to the socket as they are: long histories are shared,
/// not copied.
struct HttpBody {
  std::shared_ptr<const std::string> head;
  std::shared_ptr<const void> middle_owner;  ///< Keeps what `middle` shows.
  std::vector<std::string_view> middle;
  std::size_t middle_bytes = 0;
  std::string tail;

  std::size_t size() const {
    return (head != nullptr ? head->size() : 0) + middle_bytes + tail.size();
  }
  /// Part `index` of 0 (head), then those of `middle`, then the tail.
  std::string_view part(std::size_t index) const;
  std::size_t parts() const { return middle.size() + 2; }
};

struct HttpRequest {
  std::string url;
  bool post = true;
  std::vector<std::string> headers;  ///< "Name: value".
  HttpBody body;
  HttpTimeouts timeouts;
  /// "HOST:PORT:ADDRESS,ADDRESS": what a name means, without asking a name server. For tests.
  std::vector<std::string> addresses = {};
};

struct HttpHead {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< Names in lower case, in order.

  /// The first header of this name (in lower case), or empty.
  std::string_view header(std::string_view name) const;
};

/// One request under way. Destroying it ends it without a callback.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
};

class HttpClient {
 public:
  struct Observer {
    std::function<void(const HttpHead&)> head;
    /// False ends the exchange: what came is enough.
    std::function<bool(std::string_view)> body;
    /// Once, last: success means that the transfer was complete or that body() ended it.
    /// Errors: kNetwork, kNoSuchHost, kTls, kTimeout, kStreamCut, kBadReply (headers beyond the
    /// limits).
    std::function<void(const Status&)> done;
  };

  /// `resolve` stands for the system's resolver where a name has no address; for tests.
  explicit HttpClient(Loop& loop, NameChecks::Resolve resolve = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Callbacks come from the loop, never from within this call. Only done() may start or destroy
  /// exchanges.
  std::unique_ptr<HttpExchange> start(HttpRequest request, Observer observer);

  /// Bytes and number of response headers accepted (fault N18).
  static constexpr std::size_t kHeaderBytesMax = 64 * 1024;
  static constexpr std::size_t kHeadersMax = 1'000;
  /// Of two families of addresses the second is tried beside the first after this time (fault N41,
  /// RFC 8305).
  static constexpr long kHappyEyeballsMs = 300;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure
