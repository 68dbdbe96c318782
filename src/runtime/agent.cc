#include <algorithm>
#include <future>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include <perdure/agent.h>
#include <perdure/runtime.h>

#include "base/text.h"
#include "base/utf8.h"
#include "core/fallback.h"
#include "core/prefix.h"
#include "core/repair.h"
#include "os/clock.h"
#include "os/directories.h"
#include "runtime/agent_json.h"
#include "runtime/agent_parts.h"
#include "runtime/engine.h"
#include "runtime/message_media.h"
#include "runtime/prompt.h"
#include "runtime/run_driver.h"
#include "runtime/run_id.h"
#include "runtime/stored_run.h"

namespace perdure {

struct RunHandle::Impl {
  std::string id;
  Mailbox mailbox;  // a handle may outlive the runtime
  std::weak_ptr<RunDriver> driver;
  std::shared_future<RunResult> result;

  void on_loop(std::function<void(RunDriver&)> work) const {
    mailbox.post([weak = driver, work = std::move(work)] {
      if (const std::shared_ptr<RunDriver> alive = weak.lock()) work(*alive);
    });
  }
};

RunHandle::RunHandle(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
const std::string& RunHandle::id() const {
  return impl_->id;
}
RunResult RunHandle::wait() {
  return impl_->result.get();
}
void RunHandle::say(std::string text) {
  impl_->on_loop([text = std::move(text)](RunDriver& driver) { driver.say(text); });
}
void RunHandle::pause() {
  impl_->on_loop([](RunDriver& driver) { driver.stop(StopCause::kPause); });
}
void RunHandle::cancel() {
  impl_->on_loop([](RunDriver& driver) { driver.stop(StopCause::kInterrupt); });
}

struct Agent::Impl {
  AgentOptions options;
  std::vector<FunctionTool> functions;
  std::optional<Error> tool_error;
  std::mutex mutex;
  Runtime* shared = nullptr;
  std::unique_ptr<Runtime> own;             // guarded by mutex
  std::shared_ptr<const AgentParts> parts;  // guarded by mutex

  Engine& engine() {
    const std::lock_guard lock(mutex);
    if (shared == nullptr && own == nullptr) own = std::make_unique<Runtime>();
    return engine_of(shared != nullptr ? *shared : *own);
  }
  Result<std::shared_ptr<const AgentParts>> make_parts(Engine& of) {
    const std::lock_guard lock(mutex);
    if (tool_error) return *tool_error;
    if (parts != nullptr) return parts;
    Result<std::shared_ptr<const AgentParts>> made = make_agent_parts(of, options, functions);
    if (made.ok()) parts = *made;
    return made;
  }
  Result<RunSetup> set_up(Engine& of, std::string run_id, const RunOptions& run_options,
                          const std::string& workspace);
  Status start_new(Engine& of, const std::string& task, const RunOptions& run_options,
                   const std::shared_ptr<RunHandle::Impl>& handle,
                   std::function<void(RunResult)> done);
  Status start_stored(Engine& of, const std::string& run_id, const std::string& message,
                      const RunOptions& run_options, const std::shared_ptr<RunHandle::Impl>& handle,
                      std::function<void(RunResult)> done);
};

namespace {

RunResult refused(const Error& error) {
  return {.outcome = Outcome::kInvalid,
          .reason = std::string(to_string(error.code)),
          .message = error.message,
          .error = error};
}

std::vector<PolicyRule> joined(std::vector<PolicyRule> first,
                               const std::vector<PolicyRule>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

// What a run was denied when it began, it stays denied, also when it is resumed with fewer words.
void keep_denials(const std::vector<PolicyRule>& before, std::vector<PolicyRule>& rules) {
  const auto same = [](const PolicyRule& a, const PolicyRule& b) {
    return a.tool == b.tool && a.effect == b.effect && a.path == b.path && a.action == b.action;
  };
  for (const PolicyRule& rule : before) {
    const bool known = std::any_of(rules.begin(), rules.end(),
                                   [&](const PolicyRule& other) { return same(rule, other); });
    if (rule.action == PolicyAction::kDeny && !known) rules.push_back(rule);
  }
}

FallbackPlan fallback_of(const std::vector<EndpointPlan>& plans, const AgentOptions& options) {
  if (plans.size() < 2) return {};
  return {.endpoints = {plans.begin() + 1, plans.end()},
          .after_ms = options.fallback_after_ms,
          .return_ms = options.fallback_return_ms,
          .strict_prefix = options.strict_prefix};
}

// Asked before the run is touched: what was given with the resume can be given once more.
Status refuse_other_prefix(const Run& run, const EndpointPlan& next) {
  const std::optional<PrefixChanged> change = prefix_change(run, next.prefix, next.limits.price);
  if (!change) return {};
  std::string message =
      fmt::format("the request would not begin as the last one did: {}", change->summary);
  message += fmt::format("; about {} tokens would be billed in full once more", change->tokens);
  if (change->usd) message += fmt::format(", about {} more", usd_text(*change->usd));
  return Error{.code = ErrorCode::kConfig,
               .message = std::move(message),
               .advice =
                   "nothing was sent and the run is as it was: resume it as it ran before, or "
                   "with --strict-prefix=false (strict_prefix = false) to pay for it"};
}

}  // namespace

Agent::Agent(AgentOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
}
Agent::Agent(AgentOptions options, Runtime& runtime) : Agent(std::move(options)) {
  impl_->shared = &runtime;
}
Agent::~Agent() = default;
Agent::Agent(Agent&&) noexcept = default;
Agent& Agent::operator=(Agent&&) noexcept = default;
const AgentOptions& Agent::options() const {
  return impl_->options;
}

Agent& Agent::add_tool(ToolSpec spec, ToolFunction function) {
  // Checked now, in a registry of its own, so that the mistake is reported where it was made.
  Registry check;
  Status status = add_to(check, {.spec = spec});
  for (const FunctionTool& known : impl_->functions) {
    if (known.spec.name != spec.name) continue;
    status = Error{.code = ErrorCode::kConfig,
                   .message = fmt::format("there are two tools named '{}'", spec.name),
                   .advice = "give one of them another name"};
  }
  if (!status.ok() && !impl_->tool_error) impl_->tool_error = status.error();
  impl_->functions.push_back({.spec = std::move(spec), .function = std::move(function)});
  return *this;
}

Status Agent::check() const {
  return impl_->tool_error ? Status(*impl_->tool_error) : Status();
}

Result<RunSetup> Agent::Impl::set_up(Engine& of, std::string run_id, const RunOptions& run_options,
                                     const std::string& workspace) {
  Result<std::shared_ptr<const AgentParts>> made = make_parts(of);
  if (!made.ok()) return made.error();
  Result<std::shared_ptr<const Workspace>> files = of.open_workspace(workspace);
  if (!files.ok()) return files.error();
  const Registry& registry = (*made)->registry;
  if (registry.find("write_file") != nullptr || registry.find("edit_file") != nullptr) {
    if (Status status = (*files)->check_writable(); !status.ok()) return status.error();
  }
  Result<std::shared_ptr<const Sandbox>> sandbox = of.open_box(options, **files);
  if (!sandbox.ok()) return sandbox.error();
  auto media = std::make_shared<MediaLibrary>();
  Result<std::vector<ChatRequest>> requests = make_requests(**made, run_id, media);
  if (!requests.ok()) return requests.error();
  Histories histories = make_histories(**made, *requests);
  return RunSetup{.run_id = std::move(run_id),
                  .parts = std::move(*made),
                  .media = std::move(media),
                  .requests = std::move(*requests),
                  .histories = std::move(histories),
                  .workspace = std::move(*files),
                  .sandbox = std::move(*sandbox),
                  .observer = run_options.observer,
                  .approver = run_options.approver};
}

Status Agent::Impl::start_new(Engine& of, const std::string& task, const RunOptions& run_options,
                              const std::shared_ptr<RunHandle::Impl>& handle,
                              std::function<void(RunResult)> done) {
  if (trim(task).empty()) {
    return Error{
        .code = ErrorCode::kInvalidArgument,
        .message = "the task is empty",
        .advice = "say what is to be done, as an argument, with --task-file, or on standard input"};
  }
  Result<RunSetup> setup = set_up(of, new_run_id(), run_options, run_options.workspace);
  if (!setup.ok()) return setup.error();
  Result<MessageQueued> message = make_message(to_valid_utf8(task), run_options.media,
                                               setup->parts->endpoints, of.blobs(), *setup->media);
  if (!message.ok()) return message.error();
  const Budget budget = overlay(options.budget, run_options.budget);
  Result<std::vector<EndpointPlan>> plans = make_plans(*setup->parts, setup->requests, budget);
  if (!plans.ok()) return plans.error();
  const EndpointPlan& first = plans->front();
  RunStarted started{.version = PERDURE_VERSION,
                     .agent = agent_to_json(options),
                     .agent_name = options.name,
                     .task = message->text,
                     .model = first.model,
                     .host = first.host,
                     .base_url = first.base_url,
                     .workspace = to_valid_utf8(setup->workspace->path()),
                     .limits = first.limits,
                     .prefix = first.prefix,
                     .budget = budget,
                     .policy = joined(run_options.policy, options.policy),
                     .acceptance_rounds = options.accept.empty() ? 0 : options.accept_rounds,
                     .fallback = fallback_of(*plans, options)};
  const std::string prompt =
      make_system_prompt(options, *setup->workspace, iso_time(wall_time_ms()).substr(0, 10));
  handle->id = setup->run_id;
  auto driver = std::make_shared<RunDriver>(of, std::move(*setup), std::move(done));
  handle->driver = driver;
  of.loop().post([&of, driver = std::move(driver), started = std::move(started), prompt,
                  queued = std::move(*message)]() mutable {
    of.add(driver);
    driver->begin({std::move(started),
                   MessageAdded{.origin = MessageOrigin::kInstructions,
                                .fragment = message_fragment("system", prompt)},
                   std::move(queued)});
  });
  return {};
}

Status Agent::Impl::start_stored(Engine& of, const std::string& run_id, const std::string& message,
                                 const RunOptions& run_options,
                                 const std::shared_ptr<RunHandle::Impl>& handle,
                                 std::function<void(RunResult)> done) {
  Result<StoredRun> stored = load_run(of, run_id);
  if (!stored.ok()) return stored.error();
  const std::optional<RunEnded>& ended = stored->state.ended;
  const bool complete =
      ended && (ended->outcome == Outcome::kDone || ended->outcome == Outcome::kFailed);
  if (complete && trim(message).empty()) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = fmt::format("run {} has ended ({}): there is no step to continue",
                                        stored->run_id, to_string(ended->outcome)),
                 .advice = fmt::format("open a next turn with: perdure resume {} \"MESSAGE\"",
                                       stored->run_id)};
  }
  Result<RunSetup> setup =
      set_up(of, stored->run_id, run_options, stored->state.definition.workspace);
  if (!setup.ok()) return setup.error();
  Status loaded = load_media(stored->state, of.blobs(), *setup->media);
  if (!loaded.ok()) return loaded.error();
  Result<MessageQueued> next = make_message(to_valid_utf8(message), run_options.media,
                                            setup->parts->endpoints, of.blobs(), *setup->media);
  if (!next.ok()) return next.error();
  RunResumed resumed{.version = PERDURE_VERSION,
                     .budget = overlay(stored->state.budget, run_options.budget)};
  const Result<std::vector<EndpointPlan>> plans =
      make_plans(*setup->parts, setup->requests, resumed.budget);
  if (!plans.ok()) return plans.error();
  const EndpointPlan& first = plans->front();
  resumed.limits = first.limits;
  resumed.prefix = first.prefix;
  resumed.model = first.model;
  resumed.host = first.host;
  resumed.base_url = first.base_url;
  resumed.fallback = fallback_of(*plans, options);
  const std::size_t in_use = endpoint_to_go_on_at(stored->state, *plans);
  resumed.endpoint = static_cast<std::int64_t>(in_use);
  EndpointPlan used = (*plans)[in_use];
  const RepairState repair = repairs_after_resume(stored->state, used.prefix);
  if (repair.changes_requests()) {
    const EndpointParts& endpoint = setup->parts->endpoints[in_use];
    Result<RepairedRequest> repaired =
        RepairedRequest::make(endpoint.endpoint, endpoint.declarations,
                              request_options(options, stored->run_id, setup->media), repair, "");
    if (!repaired.ok()) return repaired.error();
    used.prefix = repaired->prefix();
    (in_use == 0 ? resumed.prefix : resumed.fallback.endpoints[in_use - 1].prefix) = used.prefix;
    setup->repaired = std::move(*repaired);
  }
  if (options.strict_prefix) {
    const Status status = refuse_other_prefix(stored->state, used);
    if (!status.ok()) return status;
  }
  const std::string agent = agent_to_json(options);
  if (agent != stored->state.definition.agent) resumed.agent = agent;
  resumed.policy = joined(run_options.policy, options.policy);
  keep_denials(stored->state.definition.policy, *resumed.policy);
  if (Status status = take_run(of, stored->run_id, stored->events); !status.ok()) return status;
  handle->id = stored->run_id;
  auto driver = std::make_shared<RunDriver>(of, std::move(*setup), std::move(done));
  handle->driver = driver;
  of.loop().post([&of, driver = std::move(driver), stored = std::move(*stored),
                  resumed = std::move(resumed), next = std::move(*next)]() mutable {
    of.add(driver);
    driver->resume(std::move(stored.state), stored.events, std::move(resumed), std::move(next));
  });
  return {};
}

RunHandle Agent::start(std::string task, RunOptions options) {
  auto handle = std::make_shared<RunHandle::Impl>();
  auto promise = std::make_shared<std::promise<RunResult>>();
  handle->result = promise->get_future().share();
  Engine& engine = impl_->engine();
  handle->mailbox = engine.loop().mailbox();
  const Status status =
      impl_->start_new(engine, task, options, handle,
                       [promise](RunResult result) { promise->set_value(std::move(result)); });
  if (!status.ok()) promise->set_value(refused(status.error()));
  return RunHandle(handle);
}

RunHandle Agent::start_resume(const std::string& run_id, std::string message, RunOptions options) {
  auto handle = std::make_shared<RunHandle::Impl>();
  auto promise = std::make_shared<std::promise<RunResult>>();
  handle->result = promise->get_future().share();
  Engine& engine = impl_->engine();
  handle->mailbox = engine.loop().mailbox();
  const Status status =
      impl_->start_stored(engine, run_id, message, options, handle,
                          [promise](RunResult result) { promise->set_value(std::move(result)); });
  if (!status.ok()) promise->set_value(refused(status.error()));
  return RunHandle(handle);
}

RunResult Agent::run(std::string task, RunOptions options) {
  return start(std::move(task), std::move(options)).wait();
}

RunResult Agent::resume(const std::string& run_id, std::string message, RunOptions options) {
  return start_resume(run_id, std::move(message), std::move(options)).wait();
}

}  // namespace perdure
