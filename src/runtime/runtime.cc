#include <istream>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <perdure/runtime.h>

#include "json/parse.h"
#include "runtime/agent_json.h"
#include "runtime/agent_parts.h"
#include "runtime/engine.h"
#include "runtime/fork.h"
#include "runtime/host_models.h"
#include "runtime/replay.h"
#include "runtime/run_list.h"
#include "runtime/stored_run.h"
#include "runtime/testify.h"
#include "runtime/trajectory.h"
#include "store/archive.h"
#include "store/chain.h"

namespace perdure {

namespace {

Result<Endpoint> find_endpoint(Engine& engine, const AgentOptions& agent, std::size_t number) {
  const Result<const Catalog*> catalog = engine.catalog();
  if (!catalog.ok()) return catalog.error();
  return (*catalog)->resolve(
      endpoint_options(agent, number == 0 ? nullptr : &agent.fallback.at(number - 1)));
}

HostCheck check_of(Engine& engine, const Result<Endpoint>& endpoint) {
  if (!endpoint.ok()) return {.detail = endpoint.error().message};
  const HostModels models = ask_for_models(engine, *endpoint);
  return {.reachable = models.transfer.ok(),
          .key_accepted = models.status == 200,
          .key_refused = models.status == 401 || models.status == 403,
          .detail = models.transfer.ok() ? fmt::format("HTTP {}", models.status)
                                         : models.transfer.error().message};
}

}  // namespace

struct Runtime::Impl {
  explicit Impl(RuntimeOptions options) : engine(std::move(options)) {}
  Engine engine;
};

namespace {

struct WholeRun {
  RunRow row;
  std::vector<StoredEvent> events;
};

// The chain is verified by reading.
Result<WholeRun> read_whole(Engine& engine, const std::string& run_id) {
  constexpr std::int64_t kAll = 1'000'000'000;
  return engine.with_journal<WholeRun>([&](Journal& journal) -> Result<WholeRun> {
    Result<std::vector<StoredEvent>> events = journal.read(run_id);
    if (!events.ok()) return events.error();
    const Result<std::vector<RunRow>> rows = journal.list(kAll);
    if (!rows.ok()) return rows.error();
    for (const RunRow& row : *rows) {
      if (row.run_id == run_id) return WholeRun{.row = row, .events = std::move(*events)};
    }
    return no_such_run(run_id);
  });
}

// One that is not there, or not what it was, is damage of the run.
Result<std::string> read_output(Engine& engine, const std::string& run_id,
                                const std::string& name) {
  constexpr std::size_t kWhole = std::numeric_limits<std::size_t>::max();
  Result<std::string> bytes = engine.blobs().read(name, 0, kWhole);
  if (bytes.ok()) return bytes;
  Error error = bytes.error();
  if (error.code == ErrorCode::kNotFound) error.code = ErrorCode::kCorrupt;
  error.message = "run " + run_id + " is damaged: " + error.message;
  return error;
}

using Write = std::function<bool(std::string_view)>;

Status write_archive(Engine& engine, const WholeRun& run, const Write& write) {
  Hasher hasher;
  Sha256 hash{};
  if (!write(archive_head(run.row))) return {};
  for (const StoredEvent& event : run.events) {
    hash = chain_hash(hasher, hash, event.sequence, event.at_ms, event.kind, event.payload);
    if (!write(archive_event(event, hash))) return {};
  }
  for (const std::string& name : outputs_of(run.events)) {
    const Result<std::string> output = read_output(engine, run.row.run_id, name);
    if (!output.ok()) return output.error();
    if (!write(archive_output(name, *output))) return {};
  }
  write(archive_end(run.events.size(), hash));
  return {};
}

Result<std::string> store_archive(Journal& journal, const Archive& archive) {
  const std::string& run_id = archive.row.run_id;
  const Result<std::vector<StoredEvent>> here = journal.read(run_id);
  if (here.ok() || here.error().code != ErrorCode::kNotFound) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = "run " + run_id + " is here already",
                 .advice = "nothing was stored; 'perdure show " + run_id + "' shows it"};
  }
  Batch batch{.run_id = run_id, .events = {}, .created = archive.row, .finished = std::nullopt};
  for (const StoredEvent& event : archive.events)
    batch.events.push_back({.at_ms = event.at_ms, .kind = event.kind, .payload = event.payload});
  if (archive.row.outcome) batch.finished = archive.row;
  if (Status status = journal.commit({&batch, 1}); !status.ok()) return status.error();
  if (!archive.row.outcome) journal.close_run(run_id);
  return run_id;
}

}  // namespace

Engine& engine_of(Runtime& runtime) {
  return runtime.impl().engine;
}

Runtime::Runtime(RuntimeOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Runtime::~Runtime() = default;

Result<std::vector<RunSummary>> Runtime::runs(std::int64_t rows_max) {
  return list_runs(impl_->engine, {.rows_max = rows_max});
}

Result<std::vector<RunSummary>> Runtime::runs(const RunFilter& filter) {
  return list_runs(impl_->engine, filter);
}

Result<Collected> Runtime::collect(const Retention& retention) {
  return collect_runs(impl_->engine, retention);
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

Result<RunCheck> Runtime::verify_run(const std::string& run_id) {
  using Events = std::vector<StoredEvent>;
  const Result<Events> events =
      impl_->engine.with_journal<Events>([&](Journal& journal) { return journal.read(run_id); });
  if (!events.ok()) return events.error();
  RunCheck check{.events = events->size(), .hash = to_hex(chain_of(*events))};
  if (!events->empty() && events->back().kind == "run_ended") {
    const Result<RunEvent> last = decode(events->back().kind, events->back().payload);
    if (!last.ok()) return last.error();
    check.outcome = std::get<RunEnded>(last->body).outcome;
  }
  for (const std::string& name : outputs_of(*events)) {
    const Result<std::string> output = read_output(impl_->engine, run_id, name);
    if (!output.ok()) return output.error();
    ++check.outputs;
  }
  return check;
}

Status Runtime::export_run(const std::string& run_id, ExportFormat format,
                           const std::function<bool(std::string_view)>& write) {
  const Result<WholeRun> run = read_whole(impl_->engine, run_id);
  if (!run.ok()) return run.error();
  if (format == ExportFormat::kArchive) return write_archive(impl_->engine, *run, write);
  const Result<Json> json =
      format == ExportFormat::kAtif ? atif_of(run_id, run->events) : mini_swe_of(run->events);
  if (!json.ok()) return json.error();
  write(json::dump(*json, 2) + "\n");
  return {};
}

Result<std::string> Runtime::import_run(std::istream& in) {
  const Result<Archive> archive = read_archive(in);
  if (!archive.ok()) return archive.error();
  // Synced before the events that name them.
  for (const auto& [name, bytes] : archive->outputs) {
    const Result<std::string> stored = impl_->engine.blobs().put(bytes);
    if (!stored.ok()) return stored.error();
  }
  return impl_->engine.with_journal<std::string>(
      [&](Journal& journal) { return store_archive(journal, *archive); });
}

Result<Replay> Runtime::replay_run(const std::string& run_id) {
  using Events = std::vector<StoredEvent>;
  Result<Events> events =
      impl_->engine.with_journal<Events>([&](Journal& journal) { return journal.read(run_id); });
  if (!events.ok()) return events.error();
  return Replayer(impl_->engine, run_id, std::move(*events)).replay();
}

Result<std::string> Runtime::fork_run(const std::string& run_id, const ForkOptions& options) {
  using Events = std::vector<StoredEvent>;
  const Result<Events> events =
      impl_->engine.with_journal<Events>([&](Journal& journal) { return journal.read(run_id); });
  if (!events.ok()) return events.error();
  return fork_stored_run(impl_->engine, run_id, *events, options);
}

Result<std::map<std::string, std::string>> Runtime::testify_run(const std::string& run_id) {
  using Events = std::vector<StoredEvent>;
  const Result<Events> events =
      impl_->engine.with_journal<Events>([&](Journal& journal) { return journal.read(run_id); });
  if (!events.ok()) return events.error();
  std::vector<std::string> keys;
  const Result<AgentOptions> agent = agent_of(run_id);
  const Result<const Catalog*> catalog = impl_->engine.catalog();
  for (std::size_t i = 0; agent.ok() && catalog.ok() && i <= agent->fallback.size(); ++i) {
    const FallbackEndpoint* fallback = i == 0 ? nullptr : &agent->fallback[i - 1];
    const auto endpoint = (*catalog)->resolve_without_key(endpoint_options(*agent, fallback));
    if (endpoint.ok()) keys.push_back(endpoint->key.reveal());
  }
  return test_of_run(run_id, *events, Redaction(std::move(keys)));
}

Result<Usage> Runtime::usage_of(const std::string& run_id) {
  const Result<StoredRun> run = load_run(impl_->engine, run_id);
  if (!run.ok()) return run.error();
  return own_usage(run->state);
}

Result<AgentOptions> Runtime::agent_of(const std::string& run_id) {
  const Result<StoredRun> run = load_run(impl_->engine, run_id);
  if (!run.ok()) return run.error();
  return agent_from_json(run->state.definition.agent);
}

Result<EndpointInfo> Runtime::endpoint_of(const AgentOptions& agent, std::size_t number) {
  const Result<Endpoint> endpoint = find_endpoint(impl_->engine, agent, number);
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
  return check_of(impl_->engine, (*catalog)->endpoint_of_host(host_id, key_of_host));
}

HostCheck Runtime::check_endpoint(const AgentOptions& agent, std::size_t number) {
  return check_of(impl_->engine, find_endpoint(impl_->engine, agent, number));
}

}  // namespace perdure
