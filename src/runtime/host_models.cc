#include "runtime/host_models.h"

#include <future>
#include <memory>

#include <nlohmann/json.hpp>

#include "json/parse.h"
#include "model/model_client.h"

namespace perdure {

HostModels ask_for_models(Engine& engine, const Endpoint& endpoint) {
  constexpr std::size_t kBodyBytesMax = 4 << 20;
  constexpr HttpTimeouts kLimits = {
      .connect_ms = 10'000, .first_byte_ms = 15'000, .idle_ms = 15'000, .total_ms = 30'000};
  std::promise<Status> done;
  std::unique_ptr<HttpExchange> exchange;
  HttpHead head;
  std::string body;
  engine.loop().post([&] {
    exchange = engine.http().start({.url = endpoint.base_url + endpoint.host.models_path,
                                    .post = false,
                                    .headers = endpoint_headers(endpoint),
                                    .timeouts = kLimits},
                                   {.head = [&](const HttpHead& received) { head = received; },
                                    .body =
                                        [&](std::string_view bytes) {
                                          body += bytes;
                                          return body.size() < kBodyBytesMax;
                                        },
                                    .done =
                                        [&](const Status& status) {
                                          exchange.reset();
                                          done.set_value(status);
                                        }});
  });
  HostModels models{.transfer = done.get_future().get(), .status = head.status};
  const Result<Json> parsed = head.status == 200 ? json::parse(body) : Result<Json>(Json());
  if (!parsed.ok() || !parsed->is_object() || !parsed->contains("data")) return models;
  for (const Json& model : (*parsed)["data"]) {
    if (model.is_object() && model.contains("id") && model["id"].is_string())
      models.ids.push_back(model["id"].get<std::string>());
  }
  return models;
}

}  // namespace perdure
