#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <perdure/runtime.h>

#include "json/parse.h"
#include "runtime/agent_json.h"
#include "runtime/engine.h"
#include "runtime/stored_run.h"

namespace perdure {

struct Runtime::Impl {
  explicit Impl(RuntimeOptions options) : engine(std::move(options)) {}
  Engine engine;
};

Engine& engine_of(Runtime& runtime) {
  return runtime.impl().engine;
}

Runtime::Runtime(RuntimeOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Runtime::~Runtime() = default;

Result<std::vector<RunSummary>> Runtime::runs(std::int64_t rows_max) {
  using Rows = std::vector<RunRow>;
  const Result<Rows> rows =
      impl_->engine.with_journal<Rows>([&](Journal& journal) { return journal.list(rows_max); });
  if (!rows.ok()) return rows.error();
  std::vector<RunSummary> list;
  for (const RunRow& row : *rows) {
    list.push_back({.run_id = row.run_id,
                    .agent = row.agent,
                    .task = row.task,
                    .model = row.model,
                    .workspace = row.workspace,
                    .created_ms = row.created_ms,
                    .updated_ms = row.updated_ms,
                    .outcome = row.outcome,
                    .running = row.writing,
                    .steps = row.steps,
                    .usd = row.usd});
  }
  return list;
}

Result<std::string> Runtime::find_run(const std::string& name) {
  return impl_->engine.with_journal<std::string>(
      [&](Journal& journal) { return journal.find(name); });
}

Status Runtime::read_run(const std::string& run_id,
                         const std::function<void(const Event&)>& visit) {
  using Events = std::vector<StoredEvent>;
  const Result<Events> events =
      impl_->engine.with_journal<Events>([&](Journal& journal) { return journal.read(run_id); });
  if (!events.ok()) return events.error();
  for (const StoredEvent& event : *events) {
    visit({.kind = event.kind,
           .run_id = run_id,
           .sequence = event.sequence,
           .at_ms = event.at_ms,
           .payload = event.payload});
  }
  return {};
}

Result<Usage> Runtime::usage_of(const std::string& run_id) {
  const Result<StoredRun> run = load_run(impl_->engine, run_id);
  if (!run.ok()) return run.error();
  return run->state.usage;
}

Result<AgentOptions> Runtime::agent_of(const std::string& run_id) {
  const Result<StoredRun> run = load_run(impl_->engine, run_id);
  if (!run.ok()) return run.error();
  return agent_from_json(run->state.definition.agent);
}

Result<EndpointInfo> Runtime::endpoint_of(const AgentOptions& agent) {
  const Result<const Catalog*> catalog = impl_->engine.catalog();
  if (!catalog.ok()) return catalog.error();
  const Result<Endpoint> endpoint = (*catalog)->resolve({.model = agent.model,
                                                         .host = agent.host,
                                                         .base_url = agent.base_url,
                                                         .key_file = agent.key_file});
  if (!endpoint.ok()) return endpoint.error();
  return EndpointInfo{.model = endpoint->wire_model,
                      .host = endpoint->host.id,
                      .base_url = endpoint->base_url,
                      .key_source = endpoint->key.source()};
}

Result<std::vector<ModelInfo>> Runtime::models() {
  const Result<const Catalog*> catalog = impl_->engine.catalog();
  if (!catalog.ok()) return catalog.error();
  return (*catalog)->models();
}

Result<std::vector<HostInfo>> Runtime::hosts() {
  const Result<const Catalog*> catalog = impl_->engine.catalog();
  if (!catalog.ok()) return catalog.error();
  return (*catalog)->hosts();
}

HostCheck Runtime::check_host(const std::string& host_id, const std::string& key_of_host) {
  const Result<const Catalog*> catalog = impl_->engine.catalog();
  if (!catalog.ok()) return {.detail = catalog.error().message};
  const Result<Endpoint> endpoint = (*catalog)->endpoint_of_host(host_id, key_of_host);
  if (!endpoint.ok()) return {.detail = endpoint.error().message};
  std::promise<HostCheck> promise;
  std::unique_ptr<HttpExchange> exchange;
  HttpHead head;
  impl_->engine.loop().post([&] {
    constexpr HttpTimeouts kLimits = {
        .connect_ms = 5'000, .first_byte_ms = 10'000, .idle_ms = 10'000, .total_ms = 15'000};
    exchange = impl_->engine.http().start(
        {.url = endpoint->base_url + endpoint->host.models_path,
         .post = false,
         .headers = endpoint_headers(*endpoint),
         .timeouts = kLimits},
        {.head = [&](const HttpHead& received) { head = received; },
         .body = [](std::string_view) { return true; },
         .done =
             [&](const Status& status) {
               HostCheck check{.reachable = status.ok(), .key_accepted = head.status == 200};
               check.detail =
                   status.ok() ? fmt::format("HTTP {}", head.status) : status.error().message;
               exchange.reset();
               promise.set_value(std::move(check));
             }});
  });
  return promise.get_future().get();
}

}  // namespace perdure
