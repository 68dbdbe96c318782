#include "runtime/trajectory.h"

#include <functional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/answer.h"
#include "core/event_names.h"
#include "core/run.h"
#include "json/parse.h"
#include "os/clock.h"

namespace perdure {
namespace {

// Folds the run and shows each event on its way.
Result<Run> fold(const std::vector<StoredEvent>& events,
                 const std::function<void(const StoredEvent&, const EventBody&)>& visit) {
  Run run;
  for (const StoredEvent& stored : events) {
    const Result<RunEvent> event = decode(stored.kind, stored.payload);
    Status applied = event.ok() ? apply(run, *event) : Status(event.error());
    if (!applied.ok()) {
      Error error = applied.error();
      error.context = fmt::format("event {}", stored.sequence);
      return error;
    }
    visit(stored, event->body);
  }
  return run;
}

Json message_of(const std::string& fragment) {
  Result<Json> message = fragment.empty() ? Json::object() : json::parse(fragment);
  return message.ok() ? std::move(*message) : Json::object();
}

Json arguments_of(const std::string& text) {
  Result<Json> arguments = json::parse(text);
  if (arguments.ok() && arguments->is_object()) return std::move(*arguments);
  return {{"_raw", text}};
}

class AtifSteps {
 public:
  void add(const StoredEvent& stored, const EventBody& body) {
    if (const auto* started = std::get_if<RunStarted>(&body)) model_ = started->model;
    if (const auto* changed = std::get_if<EndpointChanged>(&body)) model_ = changed->to_name;
    if (const auto* message = std::get_if<MessageAdded>(&body)) add_message(stored, *message);
    if (const auto* failed = std::get_if<RequestFailed>(&body)) add_kept(stored, *failed);
    if (const auto* reply = std::get_if<ModelReplied>(&body)) add_reply(stored, *reply);
    if (const auto* call = std::get_if<CallFinished>(&body)) add_result(*call);
  }
  Json take() { return std::move(steps_); }

 private:
  Json& begin(const StoredEvent& stored, const char* source, std::string text) {
    steps_.push_back({{"step_id", steps_.size() + 1},
                      {"timestamp", iso_time(stored.at_ms)},
                      {"source", source},
                      {"message", std::move(text)}});
    return steps_.back();
  }

  void add_message(const StoredEvent& stored, const MessageAdded& message) {
    const bool is_system = message.origin == MessageOrigin::kInstructions;
    Json& step =
        begin(stored, is_system ? "system" : "user", answer_of(message_of(message.fragment)));
    if (message.origin == MessageOrigin::kRuntime) step["extra"] = {{"origin", "runtime"}};
  }

  Json& begin_words(const StoredEvent& stored, const std::string& fragment,
                    const std::string& text) {
    Json& step = begin(stored, "agent", text);
    step["model_name"] = model_;
    if (std::string reasoning = reasoning_of(message_of(fragment)); !reasoning.empty())
      step["reasoning_content"] = std::move(reasoning);
    return step;
  }

  // The beginning of a reply that broke off: the next step goes on with it.
  void add_kept(const StoredEvent& stored, const RequestFailed& failed) {
    if (failed.kept.empty()) return;
    begin_words(stored, failed.kept, failed.text)["extra"] = {{"finish_reason", "broken"}};
  }

  void add_reply(const StoredEvent& stored, const ModelReplied& reply) {
    Json& step = begin_words(stored, reply.fragment, reply.text);
    calls_.clear();
    for (const ToolCall& call : reply.calls) {
      step["tool_calls"].push_back({{"tool_call_id", call.id},
                                    {"function_name", call.name},
                                    {"arguments", arguments_of(call.arguments)}});
      calls_.push_back(call.id);
    }
    step["metrics"] = {{"prompt_tokens", reply.usage.input_tokens},
                       {"completion_tokens", reply.usage.output_tokens},
                       {"cached_tokens", reply.usage.cached_tokens}};
    if (reply.usage.usd) step["metrics"]["cost_usd"] = *reply.usage.usd;
    step["extra"] = {{"finish_reason", to_string(reply.finish)}};
  }

  void add_result(const CallFinished& call) {
    Json content = message_of(call.fragment).value("content", Json(""));
    steps_.back()["observation"]["results"].push_back(
        {{"source_call_id", calls_.at(static_cast<std::size_t>(call.call))},
         {"content", content.is_string() ? std::move(content) : Json(json::dump(content))},
         {"extra", {{"status", to_string(call.status)}}}});
  }

  Json steps_ = Json::array();
  std::string model_;
  std::vector<std::string> calls_;  // ids, of the last reply
};

// How the harness calls the ends that it knows.
std::string exit_status_of(const Run& run) {
  if (!run.ended) return "Interrupted";
  if (run.ended->outcome == Outcome::kDone) return "Submitted";
  if (run.ended->outcome == Outcome::kPaused) return "LimitsExceeded";
  return std::string(to_string(run.ended->outcome));
}

}  // namespace

Result<Json> atif_of(const std::string& run_id, const std::vector<StoredEvent>& events) {
  AtifSteps steps;
  const Result<Run> run = fold(
      events, [&](const StoredEvent& stored, const EventBody& body) { steps.add(stored, body); });
  if (!run.ok()) return run.error();
  Json list = steps.take();
  const Usage& usage = run->usage;
  Json extra = {{"reasoning_tokens", usage.reasoning_tokens}};
  if (run->ended) {
    extra["outcome"] = to_string(run->ended->outcome);
    extra["reason"] = run->ended->reason;
  }
  const RunStarted& definition = run->definition;
  const std::size_t count = list.size();
  return Json{{"schema_version", "ATIF-v1.7"},
              {"session_id", run_id},
              {"agent",
               {{"name", "perdure"},
                {"version", definition.version},
                {"model_name", definition.model},
                {"extra", {{"agent", definition.agent_name}, {"host", definition.host}}}}},
              {"steps", std::move(list)},
              {"final_metrics",
               {{"total_prompt_tokens", usage.input_tokens},
                {"total_completion_tokens", usage.output_tokens},
                {"total_cached_tokens", usage.cached_tokens},
                {"total_cost_usd", usage.usd},
                {"total_steps", count},
                {"extra", std::move(extra)}}}};
}

Result<Json> mini_swe_of(const std::vector<StoredEvent>& events) {
  const Result<Run> run = fold(events, [](const StoredEvent&, const EventBody&) {});
  if (!run.ok()) return run.error();
  Json messages = Json::array();
  for (std::size_t i = 0; i < run->transcript.size(); ++i)
    messages.push_back(message_of(std::string(run->transcript.fragment(i))));
  return Json{
      {"info",
       {{"model_stats", {{"instance_cost", run->usage.usd}, {"api_calls", run->usage.steps}}},
        {"config",
         {{"agent", {{"name", run->definition.agent_name}}},
          {"model", {{"model_name", run->definition.model}}}}},
        {"mini_version", "perdure " + run->definition.version},
        {"exit_status", exit_status_of(*run)},
        {"submission", run->text}}},
      {"messages", std::move(messages)},
      {"trajectory_format", "mini-swe-agent-1.1"}};
}

}  // namespace perdure
