#include "runtime/replay.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "json/parse.h"
#include "runtime/agent_json.h"
#include "runtime/agent_parts.h"
#include "runtime/json_difference.h"
#include "runtime/recorded_tools.h"
#include "runtime/request_text.h"

namespace perdure {
namespace {

template <class T>
const T* as(const EventBody& body) {
  return std::get_if<T>(&body);
}

// What only the core decides: it must say the same again.
bool is_decision(const EventBody& body) {
  if (const auto* message = as<MessageAdded>(body))
    return message->origin != MessageOrigin::kInstructions;
  if (const auto* call = as<CallFinished>(body)) {
    return call->status == CallStatus::kInvalid || call->status == CallStatus::kTruncated ||
           call->status == CallStatus::kDenied;
  }
  return as<PrefixChanged>(body) || as<RequestSent>(body) || as<RetryScheduled>(body) ||
         as<CallAuthorized>(body) || as<ApprovalAsked>(body) || as<CallIntended>(body) ||
         as<AcceptanceStarted>(body) || as<RunEnded>(body) || as<RequestRepaired>(body) ||
         as<TrialSent>(body);
}

// It came at a moment of its own, so that what was due before is decided anew.
bool comes_by_itself(const EventBody& body) {
  return as<ModelReplied>(body) || as<RequestFailed>(body) || as<RetryDue>(body) ||
         as<StopRequested>(body) || as<MessageQueued>(body) || as<TrialAnswered>(body) ||
         as<RunResumed>(body) || as<EndpointChanged>(body);
}

// Two events of a kind that are about different calls are no difference.
std::int64_t call_of(const EventBody& body) {
  if (const auto* event = as<CallAuthorized>(body)) return event->call;
  if (const auto* event = as<ApprovalAsked>(body)) return event->call;
  if (const auto* event = as<CallIntended>(body)) return event->call;
  if (const auto* event = as<CallFinished>(body)) return event->call;
  return -1;
}

Json json_of(std::int64_t active_ms, const EventBody& body) {
  return json::parse(encode({.active_ms = active_ms, .body = body})).value();
}

// A head or a tail is a part of an object: whole, it can be looked into.
std::optional<Json> whole(const std::string& member, const std::string& part) {
  std::vector<std::string> texts;
  if (member == "head") texts = {part + "]}"};
  if (member == "tail") texts = {R"({"messages":[)" + part, R"({"messages":[null)" + part};
  for (const std::string& text : texts) {
    if (Result<Json> json = json::parse(text); json.ok()) return std::move(*json);
  }
  return std::nullopt;
}

}  // namespace

Replayer::Replayer(Engine& engine, std::string run_id, std::vector<StoredEvent> events)
    : engine_(engine), run_id_(std::move(run_id)), events_(std::move(events)) {}

Result<Replay> Replayer::replay() {
  replay_.run_id = run_id_;
  for (std::size_t i = 0; i < events_.size() && !replay_.difference; ++i) {
    if (Status status = take(i); !status.ok()) {
      Error error = status.error();
      if (error.context.empty())
        error.context = fmt::format("run {}, event {}", run_id_, events_[i].sequence);
      return error;
    }
    ++replay_.events;
  }
  return replay_;
}

Status Replayer::take(std::size_t index) {
  const StoredEvent& stored = events_[index];
  const Result<RunEvent> decoded = decode(stored.kind, stored.payload);
  if (!decoded.ok()) return decoded.error();
  const RunEvent& event = *decoded;
  if (is_own_ && is_decision(event.body)) compare_decision(stored, event);
  if (replay_.difference) return {};
  if (comes_by_itself(event.body)) due_.clear();
  // A fork of a fork has its parent's own run_forked before its own. It begins with a resume.
  if (const auto* forked = as<RunForked>(event.body))
    was_forked_ = forked->parent == run_.definition.parent;

  std::optional<RepairedRequest> repaired;
  if (const auto* repair = as<RequestRepaired>(event.body)) {
    Result<RepairedRequest> made = repaired_request(setup_, run_, with_repair(run_, *repair));
    if (!made.ok()) return made.error();
    repaired = std::move(*made);
  }
  if (Status applied = apply(run_, event); !applied.ok()) return applied;
  if (const auto* started = as<RunStarted>(event.body)) {
    version_ = started->version;
    is_own_ = started->parent.empty();
    return make_setup(index, started->agent);
  }
  if (const auto* resumed = as<RunResumed>(event.body)) {
    version_ = resumed->version;
    is_own_ = is_own_ || was_forked_;
    return make_setup(index, resumed->agent.empty() ? run_.definition.agent : resumed->agent);
  }
  follow_repairs(event.body, std::move(repaired));
  if (const auto* sent = as<RequestSent>(event.body); sent != nullptr && is_own_) {
    RequestRecorder recorder;
    compare_request(stored, sent->body,
                    recorder.record(request_text(setup_, run_, sent->output_tokens_max)),
                    sent->step);
  }
  return {};
}

// As the driver does.
void Replayer::follow_repairs(const EventBody& body, std::optional<RepairedRequest> repaired) {
  const auto* uploaded = as<MediaUploaded>(body);
  const bool refused = uploaded != nullptr && uploaded->url.empty();
  if (repaired) setup_.repaired = std::move(repaired);
  if (as<RequestRepaired>(body) || refused) setup_.histories.start_over();
}

// What the requests of this process were made of.
Status Replayer::make_setup(std::size_t index, const std::string& agent) {
  const Result<AgentOptions> options = agent_from_json(agent);
  if (!options.ok()) return options.error();
  Result<std::shared_ptr<AgentParts>> parts = make_offline_parts(engine_, *options);
  if (!parts.ok()) return parts.error();
  if ((*parts)->endpoints.size() != run_.endpoints.size()) {
    return Error{.code = ErrorCode::kConfig,
                 .message = fmt::format("the run has {} endpoints, and with the profiles that are "
                                        "here there are {}",
                                        run_.endpoints.size(), (*parts)->endpoints.size()),
                 .advice = "replay it with the profiles that it ran with (docs/profiles.md)"};
  }
  const std::vector<ToolDeclaration> recorded = recorded_tools(events_, index);
  for (EndpointParts& endpoint : (*parts)->endpoints) {
    // In the order in which the model was told of them.
    std::vector<ToolDeclaration> own = std::exchange(endpoint.declarations, {});
    for (const ToolDeclaration& tool : recorded) {
      const auto known = std::find_if(own.begin(), own.end(), [&](const ToolDeclaration& other) {
        return other.name == tool.name;
      });
      endpoint.declarations.push_back(known == own.end() ? tool : std::move(*known));
      if (known != own.end()) own.erase(known);
    }
    std::move(own.begin(), own.end(), std::back_inserter(endpoint.declarations));
  }
  const auto media = std::make_shared<MediaLibrary>();
  Result<std::vector<ChatRequest>> requests = make_requests(**parts, run_id_, media);
  if (!requests.ok()) return requests.error();
  Histories histories = make_histories(**parts, *requests);
  setup_ = RunSetup{.run_id = run_id_,
                    .parts = std::move(*parts),
                    .media = media,
                    .requests = std::move(*requests),
                    .histories = std::move(histories)};
  if (!run_.repair.changes_requests()) return {};
  const EndpointParts& endpoint = setup_.parts->endpoints[run_.endpoint];
  Result<RepairedRequest> made =
      RepairedRequest::make(endpoint.endpoint, endpoint.declarations,
                            request_options(*options, run_id_, media), run_.repair, "");
  if (!made.ok()) return made.error();
  setup_.repaired = std::move(*made);
  return {};
}

void Replayer::differ(ReplayDifference difference) {
  if (!replay_.difference) replay_.difference = std::move(difference);
}

// --- What the core decides ---

// The event that an effect would have become; what is no decision of the core is taken from
// `event`.
std::optional<EventBody> Replayer::decided(const Effect& effect, const EventBody& event) {
  struct Maker {
    Replayer& replayer;
    const EventBody& event;
    std::optional<EventBody> operator()(const Record& effect) const { return effect.event; }
    std::optional<EventBody> operator()(const AskApproval& effect) const {
      return ApprovalAsked{.call = effect.call};
    }
    std::optional<EventBody> operator()(const StartCall& effect) const {
      const auto* intended = as<CallIntended>(event);
      return CallIntended{.call = effect.call,
                          .attempt = effect.attempt,
                          .key = intended == nullptr ? "" : intended->key};
    }
    // Whether a call in doubt runs again is found out, not decided.
    std::optional<EventBody> operator()(const ResolveDoubt& effect) const {
      const auto* intended = as<CallIntended>(event);
      if (intended == nullptr || intended->call != effect.call) return std::nullopt;
      return *intended;
    }
    std::optional<EventBody> operator()(const CallModel& effect) const {
      RequestSent request = effect.request;
      if (const auto* sent = as<RequestSent>(event)) request.body = sent->body;
      return request;
    }
    std::optional<EventBody> operator()(const WaitForRetry& effect) const { return effect.retry; }
    std::optional<EventBody> operator()(const RunAcceptance& effect) const {
      return AcceptanceStarted{.round = effect.round};
    }
    std::optional<EventBody> operator()(const RepairRequest& effect) const {
      RequestRepaired repair = effect.event;
      const Result<RepairedRequest> made =
          repaired_request(replayer.setup_, replayer.run_, with_repair(replayer.run_, repair));
      if (made.ok()) complete_repair(repair, *made, replayer.setup_, replayer.run_);
      return repair;
    }
    std::optional<EventBody> operator()(const TryRequest& effect) const {
      TrialSent trial = effect.trial;
      const auto* sent = as<TrialSent>(event);
      RequestRecorder recorder;
      const Result<std::string> body =
          trial_record(replayer.setup_, replayer.run_, effect.without, recorder);
      if (sent != nullptr) {
        trial.body = sent->body;
        if (body.ok() && !sent->body.empty())
          replayer.compare_request(replayer.events_[replayer.replay_.events], sent->body, *body,
                                   trial.step);
      }
      return trial;
    }
    // Where the request was put is for the person who reads of it.
    std::optional<EventBody> operator()(const ReportRefusal& effect) const {
      RunEnded end = effect.end;
      if (const auto* ended = as<RunEnded>(event)) end.message = ended->message;
      return end;
    }
    std::optional<EventBody> operator()(const AssessCall& /*effect*/) const { return {}; }
    std::optional<EventBody> operator()(const CancelWork& /*effect*/) const { return {}; }
  };
  return std::visit(Maker{*this, event}, effect);
}

void Replayer::compare_decision(const StoredEvent& stored, const RunEvent& event) {
  const Json was = json::parse(stored.payload).value();
  const ExtraMembers extra =
      version_ == PERDURE_VERSION ? ExtraMembers::kDiffer : ExtraMembers::kIgnored;
  std::optional<JsonDifference> nearest;
  std::string instead;
  for (const bool anew : {false, true}) {
    if (anew) due_ = decide(run_);
    for (auto effect = due_.begin(); effect != due_.end(); ++effect) {
      const std::optional<EventBody> body = decided(*effect, event.body);
      if (replay_.difference) return;
      if (!body) continue;
      const bool same_kind = kind_of(*body) == stored.kind;
      if (!same_kind || call_of(*body) != call_of(event.body)) {
        if (anew && instead.empty()) instead = kind_of(*body);
        continue;
      }
      const auto difference = first_difference(was, json_of(event.active_ms, *body), extra);
      if (!difference) {
        due_.erase(effect);
        return;
      }
      if (anew) nearest = difference;
    }
  }
  ReplayDifference difference{.sequence = stored.sequence, .kind = stored.kind, .step = run_.step};
  if (as<MessageAdded>(event.body) || as<CallFinished>(event.body))
    difference.message = static_cast<std::int64_t>(run_.transcript.size()) +
                         std::max<std::int64_t>(call_of(event.body), 0);
  if (nearest) {
    difference.path = nearest->path;
    difference.was = nearest->was;
    difference.now = nearest->now;
  } else {
    difference.was = stored.kind;
    difference.now = instead.empty() ? "nothing" : instead;
  }
  differ(std::move(difference));
}

// --- What is sent ---

void Replayer::compare_request(const StoredEvent& stored, const std::string& was,
                               const std::string& now, std::int64_t step) {
  ++replay_.requests;
  if (was.empty()) {
    // Of an older version: of its messages there may be a hash.
    ++replay_.requests_without_bytes;
    if (run_.sent.messages_hash.empty() || run_.sent.messages_hash == run_.transcript.hash())
      return;
    return differ({.sequence = stored.sequence,
                   .kind = "request",
                   .step = step,
                   .message = agreed_messages_,
                   .was = "hash " + run_.sent.messages_hash,
                   .now = "hash " + run_.transcript.hash()});
  }
  const Json before = json::parse(was).value();
  const Json after = json::parse(now).value();
  if (before.contains("head")) heads_[before.value("head_hash", "")] = before["head"];
  compare_text(stored, before, after, "head", step);
  const bool same_count = before.value("messages", 0) == after.value("messages", 0);
  const std::string hash_before = before.value("messages_hash", "");
  const std::string hash_after = after.value("messages_hash", "");
  if (!same_count || hash_before != hash_after) {
    differ({.sequence = stored.sequence,
            .kind = "request",
            .step = step,
            .message = std::min(agreed_messages_, after.value("messages", std::int64_t{0})),
            .was = fmt::format("{} messages, hash {}", before.value("messages", 0), hash_before),
            .now = fmt::format("{} messages, hash {}", after.value("messages", 0), hash_after)});
  }
  compare_text(stored, before, after, "tail", step);
  agreed_messages_ = after.value("messages", std::int64_t{0});
}

void Replayer::compare_text(const StoredEvent& stored, const Json& was, const Json& now,
                            const std::string& member, std::int64_t step) {
  const std::string hash = was.value(member + "_hash", "");
  if (hash == now.value(member + "_hash", "")) return;
  const std::string before = member == "head" ? heads_[hash] : was.value(member, "");
  const std::string after = now.value(member, "");
  ReplayDifference difference{.sequence = stored.sequence, .kind = "request", .step = step};
  if (before.empty() || after.empty()) {
    difference.path = member;
    difference.was = "hash " + hash;
    difference.now = "hash " + now.value(member + "_hash", "");
    return differ(std::move(difference));
  }
  JsonDifference found = text_difference(before, after);
  found.path = member;
  const std::optional<Json> a = whole(member, before);
  const std::optional<Json> b = whole(member, after);
  if (a && b) found = first_difference(*a, *b).value_or(found);
  difference.path = found.path;
  difference.was = found.was;
  difference.now = found.now;
  differ(std::move(difference));
}

}  // namespace perdure
