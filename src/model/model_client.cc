#include "model/model_client.h"

#include <algorithm>

#include "base/text.h"
#include "model/errors.h"
#include "model/reply_reader.h"
#include "os/clock.h"

namespace perdure {
namespace {

// After the end of the stream was announced, how long the host may take to end the transfer before
// the connection is given up: some keep it open for good (fault N28).
constexpr std::int64_t kLingerMs = 100;

}  // namespace

std::vector<std::string> endpoint_headers(const Endpoint& endpoint) {
  std::vector<std::string> headers = {"Content-Type: application/json",
                                      "Accept: text/event-stream, application/json"};
  const HostProfile& host = endpoint.host;
  if (!endpoint.key.empty()) {
    headers.push_back(
        (host.key_header == KeyHeader::kBearer ? "Authorization: Bearer " : "x-api-key: ") +
        endpoint.key.reveal());
  }
  const bool names_version = std::any_of(
      host.headers.begin(), host.headers.end(),
      [](const auto& header) { return to_lower_ascii(header.first) == "anthropic-version"; });
  if (host.dialect == Dialect::kAnthropic && !names_version) {
    headers.emplace_back("anthropic-version: 2023-06-01");
  }
  for (const auto& [name, value] : host.headers) headers.push_back(name + ": " + value);
  return headers;
}

class ModelClient::Exchange : public HttpExchange {
 public:
  Exchange(ModelClient& client, const Endpoint& endpoint, const ReplyContext& context,
           Observer observer)
      : client_(client),
        endpoint_(endpoint),
        observer_(std::move(observer)),
        reader_(client.reader_, endpoint.host, context, &observer_.deltas),
        started_ms_(monotonic_ms()) {}

  void start(HttpBody body, const HttpTimeouts& timeouts, const std::string& request_id) {
    timeouts_ = timeouts;
    HttpRequest request{.url = endpoint_.base_url + endpoint_.host.path,
                        .headers = endpoint_headers(endpoint_),
                        .body = std::move(body),
                        .timeouts = timeouts};
    if (!request_id.empty()) request.headers.push_back("X-Request-Id: " + request_id);
    http_ = client_.http_.start(
        std::move(request), {.head = [this](const HttpHead& head) { take_head(head); },
                             .body = [this](std::string_view bytes) { return take_body(bytes); },
                             .done = [this](const Status& status) { finish(status); }});
  }

 private:
  void take_head(const HttpHead& head) {
    reader_.take_head(head);
    if (observer_.answered) observer_.answered(head);
  }

  bool take_body(std::string_view bytes) {
    const std::int64_t now = client_.loop_.now_ms();
    const bool is_first = first_byte_ms_ < 0;
    if (is_first) first_byte_ms_ = std::max<std::int64_t>(0, now - started_ms_);
    const bool had_ended = reader_.has_ended();
    const std::int64_t progress = reader_.progress();
    const bool wants_more = reader_.feed(bytes);
    const bool has_progress = reader_.progress() > progress;
    if (!has_begun_ && reader_.received_bytes() > 0) {
      has_begun_ = true;
      if (observer_.begun) observer_.begun();
    }
    if (is_first || has_progress) progress_ms_ = now;
    if (is_first || (has_progress && progress == 0)) watch_progress();
    if (reader_.has_ended() && !had_ended) {
      linger_ = client_.loop_.start_timer(kLingerMs, [this] { finish({}); });
    }
    return wants_more;
  }

  // The transport watches that bytes come, this that the reply does. One timer that looks at the
  // time of the last piece, instead of being set anew for each.
  void watch_progress() {
    const std::int64_t due = progress_ms_ + progress_limit_ms();
    progress_timer_ = client_.loop_.start_timer(due - monotonic_ms(), [this] { check_progress(); });
  }

  void check_progress() {
    const std::int64_t limit_ms = progress_limit_ms();
    if (monotonic_ms() < progress_ms_ + limit_ms) return watch_progress();
    finish(Error{.code = ErrorCode::kTimeout,
                 .message = "nothing of the reply came within " + duration_text(limit_ms),
                 .retry = Retry::kLater});
  }

  std::int64_t progress_limit_ms() const {
    return reader_.progress() > 0 ? timeouts_.idle_ms : timeouts_.first_byte_ms;
  }

  void finish(const Status& transfer) {
    linger_.cancel();
    progress_timer_.cancel();
    http_.reset();
    Result<ModelReplied> reply = reader_.finish(transfer, wall_time_ms());
    // The callbacks may destroy this object: the observer is moved out first, and nothing is
    // touched after.
    Observer observer = std::move(observer_);
    if (observer.shape) observer.shape(reader_.shape());
    if (reply.ok()) {
      reply->first_byte_ms = std::max<std::int64_t>(0, first_byte_ms_);
      reply->duration_ms = monotonic_ms() - started_ms_;
      observer.replied(std::move(*reply));
    } else {
      ModelFailure failure{.error = reply.error(),
                           .received_bytes = reader_.received_bytes(),
                           .structural = is_structural(reader_.status(), reply.error()),
                           .unfinished = reader_.unfinished(reply.error())};
      failure.error.message = without_secret(failure.error.message, endpoint_.key.reveal());
      observer.failed(std::move(failure));
    }
  }

  ModelClient& client_;
  const Endpoint& endpoint_;
  Observer observer_;
  ReplyReader reader_;
  std::unique_ptr<HttpExchange> http_;
  HttpTimeouts timeouts_;
  Timer linger_;
  Timer progress_timer_;
  bool has_begun_ = false;
  std::int64_t started_ms_;
  std::int64_t first_byte_ms_ = -1;
  std::int64_t progress_ms_ = 0;  // when the last piece of the reply came
};

ModelClient::ModelClient(Loop& loop, HttpClient& http) : loop_(loop), http_(http) {}

std::unique_ptr<HttpExchange> ModelClient::ask(const Endpoint& endpoint, HttpBody body,
                                               const ReplyContext& context,
                                               const HttpTimeouts& timeouts, Observer observer,
                                               const std::string& request_id) {
  auto exchange = std::make_unique<Exchange>(*this, endpoint, context, std::move(observer));
  exchange->start(std::move(body), timeouts, request_id);
  return exchange;
}

}  // namespace perdure
