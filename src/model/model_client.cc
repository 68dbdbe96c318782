#include "model/model_client.h"

#include <optional>

#include "base/text.h"
#include "base/utf8.h"
#include "model/errors.h"
#include "net/sse.h"
#include "os/clock.h"

namespace perdure {
namespace {

// After the end of the stream was announced, how long the host may take to end the transfer before
// the connection is given up: some keep it open for good (fault N28).
constexpr std::int64_t kLingerMs = 100;

constexpr std::size_t kErrorBodyMax = 1 << 20;
constexpr std::size_t kCompletionBodyMax = 64 << 20;

}  // namespace

std::vector<std::string> endpoint_headers(const Endpoint& endpoint) {
  std::vector<std::string> headers = {"Content-Type: application/json",
                                      "Accept: text/event-stream, application/json"};
  if (!endpoint.key.empty()) headers.push_back("Authorization: Bearer " + endpoint.key.reveal());
  return headers;
}

class ModelClient::Exchange : public HttpExchange {
 public:
  Exchange(ModelClient& client, const Endpoint& endpoint, const ReplyContext& context,
           Observer observer)
      : client_(client),
        endpoint_(endpoint),
        observer_(std::move(observer)),
        assembly_(endpoint.host, context, &observer_.deltas),
        parser_([this](const SseEvent& event) { take_event(event.data); }),
        started_ms_(monotonic_ms()) {}

  void start(HttpBody body, const HttpTimeouts& timeouts) {
    HttpRequest request{.url = endpoint_.base_url + "/chat/completions",
                        .headers = endpoint_headers(endpoint_),
                        .body = std::move(body),
                        .timeouts = timeouts};
    http_ = client_.http_.start(
        std::move(request), {.head = [this](const HttpHead& head) { head_ = head; },
                             .body = [this](std::string_view bytes) { return take_body(bytes); },
                             .done = [this](const Status& status) { finish(status); }});
  }

 private:
  // What a body is shows in its first byte that is not white space: "{" is JSON, everything else is
  // taken for a stream, whatever the content type claims (faults N12 to N15). Some hosts send blank
  // lines while they work.
  bool take_body(std::string_view bytes) {
    if (first_byte_ms_ < 0) first_byte_ms_ = monotonic_ms() - started_ms_;
    if (!is_stream_) {
      const std::size_t start = bytes.find_first_not_of(" \t\r\n");
      if (body_.empty() && start == std::string_view::npos) return true;
      if (body_.empty() && head_.status == 200 && bytes[start] != '{' && bytes[start] != '<')
        is_stream_ = true;
    }
    if (is_stream_) {
      const Status status = parser_.feed(bytes);
      if (!status.ok() && !failure_) failure_ = status.error();
      return !failure_;
    }
    const std::size_t limit = head_.status == 200 ? kCompletionBodyMax : kErrorBodyMax;
    body_ += bytes.substr(0, limit - std::min(limit, body_.size()));
    return body_.size() < limit;
  }

  void take_event(std::string_view data) {
    if (failure_ || ended_) return;  // what follows the end is ignored
    if (data == "[DONE]") {
      assembly_.end_marker();
      ended_ = true;
      linger_ = client_.loop_.start_timer(kLingerMs, [this] { finish({}); });
      return;
    }
    Result<json::Value> chunk = client_.reader_.parse(data);
    std::string repaired;
    if (!chunk.ok()) {
      repaired = repair_encoding(data);
      chunk = client_.reader_.parse(repaired);
    }
    Status status = chunk.ok() ? assembly_.add_chunk(*chunk) : Status(chunk.error());
    if (status.ok()) return;
    failure_ = status.error();
    if (!chunk.ok()) failure_->retry = Retry::kLater;
  }

  void finish(const Status& transfer) {
    linger_.cancel();
    http_.reset();
    // The callbacks may destroy this object: the observer is moved out first, and nothing is
    // touched after.
    Observer observer = std::move(observer_);
    Result<ModelReplied> reply = conclude(transfer);
    const std::int64_t received = assembly_.received_bytes();
    if (reply.ok()) {
      reply->first_byte_ms = std::max<std::int64_t>(0, first_byte_ms_);
      reply->duration_ms = monotonic_ms() - started_ms_;
      observer.replied(std::move(*reply));
    } else {
      observer.failed({.error = reply.error(), .received_bytes = received});
    }
  }

  Result<ModelReplied> conclude(const Status& transfer) {
    if (failure_) return *failure_;
    if (head_.status != 0 && head_.status != 200) {
      return classify_http_error(client_.reader_, head_, body_, wall_time_ms());
    }
    if (is_stream_ && (ended_ || assembly_.said_finished())) return assembly_.finish();
    if (!transfer.ok()) return transfer.error();
    if (is_stream_) return assembly_.finish();
    return read_whole_body();
  }

  Result<ModelReplied> read_whole_body() {
    Result<json::Value> parsed = client_.reader_.parse(body_);
    if (!parsed.ok()) {
      body_ = repair_encoding(body_);
      parsed = client_.reader_.parse(body_);
    }
    if (!parsed.ok()) {
      const std::string start = printable(utf8_prefix(trim(body_), 120));
      return Error{
          .code = ErrorCode::kBadReply,
          .message = body_.empty() ? "the reply is empty" : "the reply is no JSON: " + start,
          .retry = Retry::kLater};
    }
    if (Status status = assembly_.add_completion(*parsed); !status.ok()) return status.error();
    return assembly_.finish();
  }

  ModelClient& client_;
  const Endpoint& endpoint_;
  Observer observer_;
  ReplyAssembly assembly_;
  SseParser parser_;
  std::unique_ptr<HttpExchange> http_;
  HttpHead head_;
  std::string body_;
  std::optional<Error> failure_;
  Timer linger_;
  std::int64_t started_ms_;
  std::int64_t first_byte_ms_ = -1;
  bool is_stream_ = false;
  bool ended_ = false;
};

ModelClient::ModelClient(Loop& loop, HttpClient& http) : loop_(loop), http_(http) {}

std::unique_ptr<HttpExchange> ModelClient::ask(const Endpoint& endpoint, HttpBody body,
                                               const ReplyContext& context,
                                               const HttpTimeouts& timeouts, Observer observer) {
  auto exchange = std::make_unique<Exchange>(*this, endpoint, context, std::move(observer));
  exchange->start(std::move(body), timeouts);
  return exchange;
}

}  // namespace perdure
