#include "net/http_wait.h"

#include <optional>
#include <utility>

namespace perdure {

Result<HttpAnswer> exchange_and_wait(HttpRequest request, std::size_t bytes_max,
                                     const std::stop_token& stop) {
  Loop loop;
  HttpClient client(loop);
  HttpAnswer answer;
  std::optional<Status> ended;
  std::unique_ptr<HttpExchange> exchange;
  loop.post([&] {
    exchange =
        client.start(std::move(request), {.head = [&](const HttpHead& head) { answer.head = head; },
                                          .body =
                                              [&](std::string_view bytes) {
                                                answer.body += bytes;
                                                return answer.body.size() <= bytes_max;
                                              },
                                          .done =
                                              [&](const Status& status) {
                                                ended = status;
                                                exchange.reset();
                                                loop.stop();
                                              }});
  });
  const std::stop_callback on_stop(stop, [&loop] { loop.stop(); });
  loop.run();
  exchange.reset();
  if (!ended) {
    return Error{.code = ErrorCode::kCancelled, .message = "it was stopped before the answer came"};
  }
  if (!ended->ok()) return ended->error();
  return answer;
}

}  // namespace perdure
