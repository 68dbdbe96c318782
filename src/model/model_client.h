// Asks a model: one request, one reply or one error. What the answer means is read by
// reply_reader.h; retries are not its business (core/decide.h).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <perdure/result.h>

#include "core/event.h"
#include "json/reader.h"
#include "model/catalog.h"
#include "model/chat_reply.h"
#include "net/http_client.h"

namespace perdure {

/// A failed request, with what had come of the reply by then.
struct ModelFailure {
  Error error;
  std::int64_t received_bytes = 0;
  bool structural = false;          ///< The host refuses the form of the request.
  UnfinishedReply unfinished = {};  ///< What a host that can go on with a reply goes on with.
};

class ModelClient {
 public:
  struct Observer {
    ReplyDeltas deltas;
    std::function<void(const HttpHead&)> answered = {};  ///< The head of any answer.
    std::function<void()> begun = {};  ///< The first piece of a reply, before it is known whole.
    std::function<void(ModelReplied)> replied;
    std::function<void(ModelFailure)> failed;
    /// Called before both when it is there: what the answer looked like.
    std::function<void(const ReplyShape&)> shape = {};
  };

  ModelClient(Loop& loop, HttpClient& http);

  /// Exactly one of `replied` and `failed` is called, from the loop. Destroying the exchange ends
  /// it without a call. The endpoint must live as long as the exchange. `request_id` goes into the
  /// header X-Request-Id, by which a host's support finds a request; empty for none.
  std::unique_ptr<HttpExchange> ask(const Endpoint& endpoint, HttpBody body,
                                    const ReplyContext& context, const HttpTimeouts& timeouts,
                                    Observer observer, const std::string& request_id = {});

 private:
  class Exchange;
  Loop& loop_;
  HttpClient& http_;
  json::Reader
      reader_;  // chunks are parsed one at a time, so that all exchanges of the loop can share it
};

/// The headers of every request to an endpoint: content type, key, and what its profile adds.
std::vector<std::string> endpoint_headers(const Endpoint& endpoint);

}  // namespace perdure
