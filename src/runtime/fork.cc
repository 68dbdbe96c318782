#include "runtime/fork.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/utf8.h"
#include "core/run.h"
#include "json/parse.h"
#include "os/clock.h"
#include "runtime/agent_json.h"
#include "runtime/agent_parts.h"
#include "runtime/prompt.h"
#include "runtime/run_id.h"

namespace perdure {
namespace {

Error wrong(std::string message, std::string advice) {
  return {.code = ErrorCode::kInvalidArgument,
          .message = std::move(message),
          .advice = std::move(advice)};
}

bool is_call_result(const EventBody& body) {
  return std::holds_alternative<CallFinished>(body);
}

class Forker {
 public:
  Forker(Engine& engine, std::string parent, const ForkOptions& options)
      : engine_(engine), parent_(std::move(parent)), options_(options) {}

  Status share(const std::vector<StoredEvent>& events);
  Status change();
  Result<std::string> store();

 private:
  struct Shared {
    std::int64_t at_ms = 0;
    RunEvent event;
    std::int64_t step = 0;  // that it belongs to
  };

  bool closes_step(const RunEvent& event) const;
  Status change_agent();
  Status change_result(const ForkResult& result);
  Status fold();

  Engine& engine_;
  std::string parent_;
  const ForkOptions& options_;
  std::vector<Shared> shared_;
  std::vector<std::string> changes_;
  Run run_;
  std::int64_t steps_ = 0;  // of the parent that have ended
};

// The transcript is whole and nothing is under way.
bool Forker::closes_step(const RunEvent& event) const {
  if (options_.step == 0) {
    const auto* message = std::get_if<MessageAdded>(&event.body);
    const bool instructions = message != nullptr && message->origin == MessageOrigin::kInstructions;
    const bool task = message != nullptr && message->origin == MessageOrigin::kUser;
    return options_.message.empty() ? task : instructions;
  }
  const bool may_close =
      is_call_result(event.body) || std::holds_alternative<ModelReplied>(event.body);
  return may_close && run_.usage.steps == options_.step && run_.calls.empty();
}

Status Forker::share(const std::vector<StoredEvent>& events) {
  bool closed = false;
  for (const StoredEvent& stored : events) {
    Result<RunEvent> event = decode(stored.kind, stored.payload);
    if (!event.ok()) return event.error();
    if (Status status = apply(run_, *event); !status.ok()) {
      Error error = status.error();
      error.context = fmt::format("run {}, event {}", parent_, stored.sequence);
      return error;
    }
    if (run_.calls.empty() && run_.request == RequestState::kNone) steps_ = run_.usage.steps;
    if (closed) continue;
    closed = closes_step(*event);
    shared_.push_back({.at_ms = stored.at_ms, .event = std::move(*event), .step = run_.step});
  }
  if (closed) return {};
  return wrong(fmt::format("run {} has no finished step {}", parent_, options_.step),
               fmt::format("--at takes 0 (nothing but the task) to {}", steps_));
}

// The agent that goes on: the model is told of it from here on, and of other instructions as if
// they had been there from the beginning.
Status Forker::change_agent() {
  auto& started = std::get<RunStarted>(shared_.front().event.body);
  Result<AgentOptions> before = agent_from_json(started.agent);
  if (!before.ok()) return before.error();
  const AgentOptions& after = *options_.agent;
  started.agent = agent_to_json(after);
  if (after.model != before->model)
    changes_.push_back(fmt::format("model {} instead of {}", after.model, before->model));
  if (after.host != before->host || after.base_url != before->base_url) {
    const std::string& place = after.base_url.empty() ? after.host : after.base_url;
    changes_.push_back("endpoint " + (place.empty() ? "of the model" : place));
  }
  if (after.thinking != before->thinking)
    changes_.push_back(fmt::format("thinking {}", to_string(after.thinking)));
  if (after.instructions == before->instructions) return {};
  changes_.emplace_back("instructions");
  Result<std::shared_ptr<const Workspace>> workspace = engine_.open_workspace(started.workspace);
  if (!workspace.ok()) return workspace.error();
  for (Shared& shared : shared_) {
    auto* message = std::get_if<MessageAdded>(&shared.event.body);
    if (message == nullptr || message->origin != MessageOrigin::kInstructions) continue;
    const std::string date = iso_time(shared.at_ms).substr(0, 10);
    message->fragment = message_fragment("system", make_system_prompt(after, **workspace, date));
  }
  return {};
}

Status Forker::change_result(const ForkResult& result) {
  for (Shared& shared : shared_) {
    auto* finished = std::get_if<CallFinished>(&shared.event.body);
    if (finished == nullptr || shared.step != options_.step || finished->call != result.call)
      continue;
    const Result<Json> message = json::parse(finished->fragment);
    if (!message.ok()) return message.error();
    const std::string text = to_valid_utf8(result.text);
    finished->fragment = result_fragment(message->value("tool_call_id", ""), text);
    finished->output_bytes = static_cast<std::int64_t>(text.size());
    finished->output_blob.clear();
    changes_.push_back(fmt::format("result of call {} of step {}", result.call, options_.step));
    return {};
  }
  return wrong(
      fmt::format("step {} of run {} has no call {}", options_.step, parent_, result.call),
      "calls are counted from 0 within their step; 'perdure show " + parent_ + "' shows them");
}

// What was shared must still be a run, and have something to go on with.
Status Forker::fold() {
  run_ = {};
  for (const Shared& shared : shared_) {
    if (Status status = apply(run_, shared.event); !status.ok()) return status;
  }
  const bool goes_on = run_.model_should_speak || !run_.queue.empty() || !options_.message.empty();
  if (goes_on) return {};
  return wrong(
      fmt::format("step {} of run {} is an answer: nothing follows it", options_.step, parent_),
      "give a message that opens a next turn, or an earlier step");
}

Status Forker::change() {
  auto& started = std::get<RunStarted>(shared_.front().event.body);
  started.parent = parent_;
  if (options_.agent) {
    if (Status status = change_agent(); !status.ok()) return status;
  }
  for (const ForkResult& result : options_.results) {
    if (Status status = change_result(result); !status.ok()) return status;
  }
  if (options_.step == 0 && !options_.message.empty()) {
    std::get<RunStarted>(shared_.front().event.body).task = to_valid_utf8(options_.message);
    changes_.emplace_back("task");
  } else if (!options_.message.empty()) {
    changes_.emplace_back("a message");
  }
  return fold();
}

Result<std::string> Forker::store() {
  const RunStarted& started = run_.definition;
  const std::string run_id = new_run_id();
  Batch batch{.run_id = run_id,
              .created = RunRow{.run_id = run_id,
                                .agent = started.agent_name,
                                .task = started.task,
                                .model = options_.agent ? options_.agent->model : started.model,
                                .workspace = started.workspace,
                                .created_ms = wall_time_ms(),
                                .parent = parent_}};
  const auto add = [&](std::int64_t at_ms, const RunEvent& event) {
    batch.events.push_back(
        {.at_ms = at_ms, .kind = std::string(kind_of(event.body)), .payload = encode(event)});
  };
  for (const Shared& shared : shared_) add(shared.at_ms, shared.event);
  const std::int64_t active_ms = run_.usage.wall_ms;
  add(wall_time_ms(), {.active_ms = active_ms,
                       .body = RunForked{.parent = parent_,
                                         .step = options_.step,
                                         .budget = overlay(run_.budget, options_.budget),
                                         .changes = changes_}});
  if (!options_.message.empty()) {
    add(wall_time_ms(),
        {.active_ms = active_ms, .body = MessageQueued{.text = to_valid_utf8(options_.message)}});
  }
  // It stands still until somebody goes on with it.
  const RunEnded end{.outcome = Outcome::kInterrupted,
                     .reason = "interrupted",
                     .message = "forked, and not run on yet"};
  add(wall_time_ms(), {.active_ms = active_ms, .body = end});
  batch.finished = batch.created;
  batch.finished->outcome = end.outcome;
  return engine_.with_journal<std::string>([&](Journal& journal) -> Result<std::string> {
    if (Status status = journal.commit({&batch, 1}); !status.ok()) return status.error();
    return run_id;
  });
}

}  // namespace

Result<std::string> fork_stored_run(Engine& engine, const std::string& parent,
                                    const std::vector<StoredEvent>& events,
                                    const ForkOptions& options) {
  Forker forker(engine, parent, options);
  if (Status status = forker.share(events); !status.ok()) return status.error();
  if (Status status = forker.change(); !status.ok()) return status.error();
  return forker.store();
}

}  // namespace perdure
