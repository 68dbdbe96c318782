#include <algorithm>

#include "base/hash.h"
#include "core/budget.h"
#include "core/cut_reply.h"
#include "core/fallback.h"
#include "core/repair.h"
#include "core/run.h"

namespace perdure {
namespace {

Error impossible(std::string_view what) {
  return {.code = ErrorCode::kCorrupt,
          .message = "an event does not fit the run: " + std::string(what)};
}

std::string fingerprint_of(const std::vector<CallState>& calls) {
  Hasher hasher;
  for (const CallState& call : calls) {
    // Without the ids, which differ from step to step.
    hasher.update(call.assessment ? call.assessment->hash : call.call.name + call.call.arguments);
    const std::size_t content = call.fragment.find("\"content\":");
    hasher.update(std::string_view(call.fragment).substr(std::min(content, call.fragment.size())));
  }
  return to_hex(hasher.finish());
}

// The exchange is closed when every call has its answer: they join the transcript in the order of
// the calls.
void close_exchange_if_complete(Run& run) {
  const bool complete = std::all_of(run.calls.begin(), run.calls.end(), [](const CallState& call) {
    return call.stage == CallStage::kFinished;
  });
  if (run.calls.empty() || !complete) return;
  run.guard.add(fingerprint_of(run.calls));
  for (const CallState& call : run.calls) {
    const bool is_good = call.status == CallStatus::kOk;
    if (is_good) run.transcript.append(call.fragment);
    if (!is_good) run.transcript.append_failure(call.fragment);
  }
  run.calls.clear();
  run.calls_truncated = false;
  run.model_should_speak = true;
  run.runtime_spoke = false;
}

const std::vector<PrefixPart>& prefix_in_use(const RunResumed& event) {
  const std::vector<EndpointPlan>& others = event.fallback.endpoints;
  const auto count = static_cast<std::int64_t>(others.size());
  const bool own = event.endpoint <= 0 || event.endpoint > count;
  return own ? event.prefix : others[static_cast<std::size_t>(event.endpoint - 1)].prefix;
}

bool never_ran(CallStatus status) {
  return status == CallStatus::kInvalid || status == CallStatus::kTruncated ||
         status == CallStatus::kDenied;
}

// Applies one kind of event each. Errors leave the run as it was.
class Folder {
 public:
  Folder(Run& run, std::int64_t active_ms) : run_(run), active_ms_(active_ms) {}

  Status operator()(const RunStarted& event) {
    if (run_.started) return impossible("run_started twice");
    run_.started = true;
    run_.definition = event;
    run_.budget = event.budget;
    set_endpoints(run_, plan_of(event), event.fallback, 0);
    return {};
  }

  Status operator()(const MessageQueued& event) {
    run_.queue.push_back(event);
    return {};
  }

  Status operator()(const MessageAdded& event) {
    if (!run_.calls.empty()) return impossible("a message between calls and their results");
    if (run_.request != RequestState::kNone)
      return impossible("a message while the model is asked");
    if (run_.accepting) return impossible("a message while the answer is checked");
    if (event.origin == MessageOrigin::kUser && run_.queue.empty()) {
      return impossible("a user message that was not queued");
    }
    run_.close_cut_reply();
    run_.transcript.append(event.fragment);
    if (event.origin == MessageOrigin::kRuntime) run_.repair.untold.clear();
    if (event.origin == MessageOrigin::kUser) run_.repair.task_message = last_message();
    if (event.origin == MessageOrigin::kInstructions) return {};
    run_.model_should_speak = true;
    run_.accepted = false;
    run_.runtime_spoke = event.origin == MessageOrigin::kRuntime;
    run_.acceptance_report.reset();
    if (event.origin == MessageOrigin::kUser) {
      run_.media_tokens += run_.queue.front().media_tokens;
      run_.queue.pop_front();
      ++run_.turn;
      run_.turn_steps = 0;
      run_.acceptance_round = 0;
      run_.empty_replies = 0;
      run_.cut_replies = 0;
      run_.missing_calls = 0;
      run_.choice_met = false;
      run_.choice_missed = 0;
      run_.text_goes_on = false;
    }
    return {};
  }

  Status operator()(const HostDiffers& event) {
    const bool has_reply = run_.request == RequestState::kInFlight;
    if (!has_reply || !run_.host_differences.insert(event.fact).second)
      return impossible("host_differs");
    return {};
  }

  Status operator()(const MediaUploaded& event) {
    const bool asked = run_.request == RequestState::kInFlight;
    const std::pair key(event.base_url, event.blob);
    if (!asked || !run_.media_uploads.emplace(key, event.url).second)
      return impossible("media_uploaded");
    return {};
  }

  Status operator()(const RunForked& event) {
    if (work_under_way(run_)) return impossible("run_forked while work is under way");
    run_.shared_usage = run_.usage;
    run_.shared_usage.wall_ms = std::max(run_.usage.wall_ms, active_ms_);
    run_.budget = event.budget;
    return {};
  }

  Status operator()(const MediaOmitted& event) {
    if (!run_.media_omitted.insert(event.summary).second) return impossible("media_omitted");
    return {};
  }

  Status operator()(const PrefixChanged& /*event*/) {
    if (run_.request == RequestState::kInFlight || run_.prefix_announced) {
      return impossible("prefix_changed");
    }
    run_.prefix_announced = true;
    run_.cached_tokens_expected = 0;
    run_.host_caches = false;
    return {};
  }

  Status operator()(const RequestSent& event) {
    if (!run_.calls.empty()) return impossible("a request before all calls were answered");
    if (run_.accepting) return impossible("a request while the answer is checked");
    if (run_.request != RequestState::kNone && run_.request != RequestState::kDue) {
      return impossible("two requests at once");
    }
    if (event.step != run_.usage.steps + 1) return impossible("a request for another step");
    if (event.attempt != run_.attempt + 1) return impossible("a request for another attempt");
    run_.request = RequestState::kInFlight;
    run_.step = event.step;
    run_.attempt = event.attempt;
    run_.asked_at_ms = active_ms_;
    run_.sent = event;
    compare_messages(event);
    return {};
  }

  Status operator()(const RequestFailed& event) {
    if (run_.request != RequestState::kInFlight) return impossible("a failure without a request");
    if (event.step != run_.step || event.attempt != run_.attempt) {
      return impossible("the failure of another request");
    }
    run_.request = RequestState::kFailed;
    run_.failure = event;
    if (!event.kept.empty()) keep_unfinished(run_, event);
    if (event.error.code == ErrorCode::kCallsMissing) run_.calls_missed = true;
    if (event.key_renewed) run_.key_renewed = true;
    if (event.received_bytes == 0) run_.waited_ms += active_ms_ - run_.asked_at_ms;
    // A reply that had begun is billed by most hosts: it counts, as an estimate.
    if (event.received_bytes > 0) {
      charge({.input_tokens = run_.sent.input_tokens_estimate,
              .output_tokens = event.received_bytes / 3,
              .estimated = true});
    }
    // A host that does not take what it is to go on with is asked in words.
    if (event.structural && !run_.cut_reply.empty()) {
      run_.limits.continues = false;
      run_.close_cut_reply();
      run_.forget_request();
    }
    return {};
  }

  Status operator()(const RequestRepaired& event) {
    const bool refused = run_.request == RequestState::kFailed && run_.failure->structural;
    const bool strict = event.kind == RepairKind::kStrict;
    if (!refused || (strict && run_.repair.strict)) return impossible("request_repaired");
    const bool names_message = event.message >= 0 && event.message <= last_message();
    const bool replaces = event.kind == RepairKind::kMessage || event.kind == RepairKind::kMedia;
    if (replaces && (!names_message || event.fragment.empty())) {
      return impossible("a repair of a message that is not there");
    }
    RepairState& repair = run_.repair;
    repair.strict = strict;
    repair.left_out = event.left_out;
    // In a turn that has a reply, the host has forced it already.
    if (strict) repair.told_choice = event.told_choice;
    if (!event.told_choice.empty() && run_.turn_steps > 0) run_.choice_met = true;
    if (!event.prefix.empty()) run_.prefix = event.prefix;
    run_.prefix_announced = false;
    // A message that the host never took is not in its cache.
    if (names_message && event.message < repair.messages_taken) change_messages_from(event.message);
    if (strict) {
      // With nothing to leave out, the same bytes would be refused once more.
      if (!event.left_out.empty()) run_.forget_request();
      return {};
    }
    if (event.kind == RepairKind::kTool) repair.tools.insert(event.tool);
    if (event.kind == RepairKind::kMessage) repair.messages.insert(event.message);
    if (replaces) replace_message(static_cast<std::size_t>(event.message), event.fragment);
    repair.untold.push_back(event.summary);
    repair.trials.clear();
    run_.forget_request();
    return {};
  }

  Status operator()(const TrialSent& event) {
    const bool refused = run_.request == RequestState::kFailed && run_.failure->structural;
    if (!refused || event.step != run_.step || event.trial != run_.repair.trials_sent + 1) {
      return impossible("trial_sent");
    }
    run_.request = RequestState::kTrying;
    ++run_.repair.trials_sent;
    if (run_.repair.trials.empty()) {
      run_.repair.words = run_.failure->error.message;
      run_.repair.named = run_.failure->tools;
    }
    run_.repair.trial_input_tokens = event.input_tokens_estimate;
    return {};
  }

  Status operator()(const TrialAnswered& event) {
    const bool asked = run_.request == RequestState::kTrying && event.step == run_.step &&
                       event.trial == run_.repair.trials_sent;
    if (!asked) return impossible("the answer to another trial");
    run_.request = RequestState::kFailed;
    charge(event.usage);
    if (event.outcome != TrialOutcome::kUnknown) {
      run_.repair.trials.push_back(event.outcome == TrialOutcome::kTaken);
      return {};
    }
    // It says nothing about the parts. What it says about the endpoint holds for the request.
    run_.failure->error = event.error;
    run_.failure->structural = false;
    run_.failure->delay_ms = event.delay_ms;
    return {};
  }

  Status operator()(const RetryScheduled& event) {
    if (run_.request != RequestState::kFailed) return impossible("a retry without a failure");
    run_.waited_ms += event.delay_ms;
    run_.request = RequestState::kWaiting;
    return {};
  }

  Status operator()(const RetryDue& /*event*/) {
    if (run_.request != RequestState::kWaiting) return impossible("a retry that nobody waits for");
    run_.request = RequestState::kDue;
    return {};
  }

  Status operator()(const EndpointChanged& event) {
    if (!may_change_endpoint(run_, event)) return impossible("endpoint_changed");
    change_endpoint(run_, event, active_ms_);
    return {};
  }

  Status operator()(const ModelReplied& event) {
    if (run_.request != RequestState::kInFlight) return impossible("a reply without a request");
    if (event.step != run_.step) return impossible("the reply of another step");
    run_.forget_request();
    run_.tried_from.reset();
    run_.given_up.clear();
    run_.repair.trials.clear();
    run_.repair.trials_sent = 0;
    run_.repair.messages_taken = last_message() + 1;
    // Only now: a host that refused the request has the last one in its cache still.
    if (run_.prefix_sent != run_.prefix) run_.prefix_sent = run_.prefix;
    run_.prefix_announced = false;
    run_.finish = event.finish;
    run_.stream_broke = false;
    run_.accepted = false;
    run_.runtime_spoke = false;
    ++run_.turn_steps;
    ++run_.usage.steps;
    run_.usage.calls += static_cast<std::int64_t>(event.calls.size());
    charge(event.usage);
    // A host that counts no prompt tokens says nothing about them: the estimate by bytes stays.
    if (event.usage.input_tokens > 0) {
      run_.prompt_tokens_known = event.usage.input_tokens;
      run_.prompt_bytes_known = message_bytes(run_);
      run_.media_tokens_known = run_.media_tokens;
    }
    if (event.usage.input_tokens > 0 && !event.usage.estimated) {
      run_.cached_tokens_expected = event.usage.input_tokens;
      run_.host_caches = run_.host_caches || event.usage.cached_tokens > 0;
    }
    const bool cut = event.finish == FinishReason::kLength;
    run_.cut_replies = cut ? run_.cut_replies + 1 : 0;
    const bool empty = event.calls.empty() && event.text.empty() && run_.cut_reply.empty();
    take_message(run_, event);
    if (run_.text_goes_on) {
      run_.text += event.text;
    } else if (!event.text.empty() || event.calls.empty()) {
      run_.text = event.text;
    }
    // A reply that says nothing leaves the answer where it was cut.
    run_.text_goes_on = event.calls.empty() && (cut || (run_.text_goes_on && empty));
    if (event.calls.empty() && !cut) ++run_.choice_missed;
    for (const ToolCall& call : event.calls) {
      const std::string& choice = run_.told_choice();
      if (choice == "required" || choice == call.name) run_.choice_met = true;
      run_.calls.push_back({.call = call});
      run_.call_ids.insert(call.id);
    }
    const bool unfinished =
        event.finish == FinishReason::kLength || event.finish == FinishReason::kContentFilter;
    run_.calls_truncated = unfinished && !event.calls.empty();
    run_.empty_replies = empty ? run_.empty_replies + 1 : 0;
    const bool missing = event.calls.empty() && event.finish == FinishReason::kToolCalls;
    run_.missing_calls = missing ? run_.missing_calls + 1 : 0;
    return {};
  }

  Status operator()(const CallAssessed& event) {
    CallState* call = find(event.call, CallStage::kProposed);
    if (call == nullptr) return impossible("call_assessed");
    call->assessment = event.assessment;
    call->stage = CallStage::kAssessed;
    return {};
  }

  Status operator()(const CallAuthorized& event) {
    CallState* call = find(event.call, CallStage::kAssessed);
    if (call == nullptr || call->decision || call->assessment->problem) {
      return impossible("call_authorized");
    }
    call->decision = event.action;
    if (event.action == PolicyAction::kAllow) call->stage = CallStage::kAuthorized;
    return {};
  }

  Status operator()(const ApprovalAsked& event) {
    CallState* call = find(event.call, CallStage::kAssessed);
    if (call == nullptr || call->decision != PolicyAction::kAsk) {
      return impossible("approval_asked");
    }
    call->stage = CallStage::kAsking;
    return {};
  }

  Status operator()(const ApprovalGiven& event) {
    CallState* call = find(event.call, CallStage::kAsking);
    if (call == nullptr) return impossible("approval_given");
    if (event.answer == ApprovalAnswer::kNo) {
      call->decision = PolicyAction::kDeny;
      call->stage = CallStage::kAssessed;
      return {};
    }
    call->stage = CallStage::kAuthorized;
    if (event.answer == ApprovalAnswer::kAlways) {
      run_.grants.push_back({.tool = call->call.name,
                             .paths = call->assessment->writes,
                             .hash = call->assessment->hash});
    }
    return {};
  }

  Status operator()(const CallIntended& event) {
    CallState* call = find(event.call, CallStage::kAuthorized);
    if (call == nullptr) call = find(event.call, CallStage::kInDoubt);
    if (call == nullptr || event.attempt != call->attempt + 1) return impossible("call_intended");
    call->stage = CallStage::kRunning;
    call->attempt = event.attempt;
    call->key = event.key;
    return {};
  }

  Status operator()(const CallFinished& event) {
    if (event.call < 0 || event.call >= static_cast<std::int64_t>(run_.calls.size())) {
      return impossible("call_finished");
    }
    CallState& call = run_.calls[static_cast<std::size_t>(event.call)];
    if (call.stage == CallStage::kFinished) return impossible("a call answered twice");
    const bool intended = call.stage == CallStage::kRunning || call.stage == CallStage::kInDoubt;
    if (intended == never_ran(event.status)) {
      return impossible("a result that does not fit how far the call came");
    }
    call.stage = CallStage::kFinished;
    call.status = event.status;
    call.fragment = event.fragment;
    for (const FileTouch& touch : event.files) {
      if (touch.hash.empty()) {
        run_.file_hashes.erase(touch.path);
      } else {
        run_.file_hashes[touch.path] = touch.hash;
      }
    }
    if (!event.output_blob.empty()) {
      run_.stored_outputs[std::to_string(run_.step) + "." + std::to_string(event.call)] = {
          .blob = event.output_blob, .bytes = event.output_bytes};
    }
    close_exchange_if_complete(run_);
    return {};
  }

  Status operator()(const AcceptanceStarted& event) {
    const bool answered = run_.calls.empty() && run_.request == RequestState::kNone &&
                          !run_.model_should_speak && !run_.accepting;
    if (!answered || event.round != run_.acceptance_round + 1) {
      return impossible("acceptance_started");
    }
    run_.accepting = true;
    run_.acceptance_round = event.round;
    return {};
  }

  Status operator()(const AcceptanceFinished& event) {
    if (!run_.accepting) return impossible("acceptance_finished");
    run_.accepting = false;
    run_.accepted = event.passed;
    if (event.passed) return {};
    // A check that was stopped says nothing about the answer: its round is run again.
    if (run_.stop && *run_.stop != StopCause::kPause) {
      --run_.acceptance_round;
    } else {
      run_.acceptance_report = event.report;
    }
    return {};
  }

  Status operator()(const StopRequested& event) {
    // A pause lets the open exchange close; a run that is already being stopped does not go back to
    // that.
    if (!run_.stop || event.cause != StopCause::kPause) run_.stop = event.cause;
    return {};
  }

  Status operator()(const RunEnded& event) {
    if (work_under_way(run_)) return impossible("an end while work is under way");
    run_.ended = event;
    return {};
  }

  Status operator()(const RunResumed& event) {
    const auto others = static_cast<std::int64_t>(event.fallback.endpoints.size());
    if (event.endpoint < 0 || event.endpoint > others) return impossible("run_resumed");
    run_.ended.reset();
    run_.stop.reset();
    run_.budget = event.budget;
    // What was in flight was never answered, as far as we know. The host may have billed it.
    if (run_.request == RequestState::kInFlight) {
      charge({.input_tokens = run_.sent.input_tokens_estimate, .estimated = true});
    }
    if (run_.request == RequestState::kTrying) {
      charge({.input_tokens = run_.repair.trial_input_tokens, .estimated = true});
    }
    const RepairState repair = repairs_after_resume(run_, prefix_in_use(event));
    set_endpoints(run_, plan_of(event, run_), event.fallback,
                  static_cast<std::size_t>(event.endpoint));
    run_.repair = repair;
    run_.prefix_announced = false;
    if (event.policy) run_.definition.policy = *event.policy;
    if (run_.accepting) --run_.acceptance_round;
    run_.accepting = false;
    run_.guard = {};
    // Counted anew; but that the last reply was empty stays true, or the run would be done.
    run_.empty_replies = std::min<std::int64_t>(run_.empty_replies, 1);
    run_.missing_calls = std::min<std::int64_t>(run_.missing_calls, 1);
    run_.cut_replies = 0;
    run_.forget_request();
    for (CallState& call : run_.calls) {
      if (call.stage == CallStage::kRunning) call.stage = CallStage::kInDoubt;
      if (call.stage == CallStage::kAsking) call.stage = CallStage::kAssessed;
      // Whether a person must be asked is judged anew by other rules.
      const bool to_ask = call.stage == CallStage::kAssessed && call.decision == PolicyAction::kAsk;
      if (to_ask && event.policy) call.decision.reset();
    }
    return {};
  }

 private:
  CallState* find(std::int64_t index, CallStage stage) {
    if (index < 0 || index >= static_cast<std::int64_t>(run_.calls.size())) return nullptr;
    CallState& call = run_.calls[static_cast<std::size_t>(index)];
    return call.stage == stage ? &call : nullptr;
  }

  std::int64_t last_message() const {
    return static_cast<std::int64_t>(run_.transcript.size()) - 1;
  }

  // The host's prompt cache helps only for what stands before.
  void change_messages_from(std::int64_t message) {
    const auto index = static_cast<std::size_t>(message);
    run_.message_changed = std::min(run_.message_changed.value_or(index), index);
  }

  void replace_message(std::size_t index, std::string_view fragment) {
    Transcript changed;
    for (std::size_t i = 0; i < run_.transcript.size(); ++i)
      changed.append_like(run_.transcript, i, i == index ? fragment : run_.transcript.fragment(i));
    run_.transcript = std::move(changed);
    // What was counted by the host was another conversation.
    run_.prompt_bytes_known = std::min(run_.prompt_bytes_known, run_.transcript.bytes());
  }

  // What this version makes of the journal must be what the writer of the journal sent.
  void compare_messages(const RequestSent& event) {
    if (event.messages_hash.empty()) return;
    if (event.messages_hash == run_.transcript.hash()) {
      run_.messages_agreed = run_.transcript.size();
      run_.message_changed.reset();
    } else if (!run_.message_changed) {
      run_.message_changed = run_.messages_agreed;
    }
  }

  void charge(const ReplyUsage& usage) {
    run_.usage.input_tokens += usage.input_tokens;
    run_.usage.cached_tokens += usage.cached_tokens;
    run_.usage.output_tokens += usage.output_tokens;
    run_.usage.reasoning_tokens += usage.reasoning_tokens;
    run_.usage.estimated = run_.usage.estimated || usage.estimated;
    run_.usage.usd += usage.tools_usd;
    const std::optional<Price>& price = run_.limits.price;
    run_.usage.usd += usage.usd ? *usage.usd : price ? usd_of(usage, *price) : 0;
  }

  Run& run_;
  std::int64_t active_ms_;
};

}  // namespace

Status apply(Run& run, const RunEvent& event) {
  if (!run.started && !std::holds_alternative<RunStarted>(event.body)) {
    return impossible("the first one must be run_started");
  }
  if (run.ended && !std::holds_alternative<RunResumed>(event.body)) {
    return impossible("the run has ended");
  }
  Status status = std::visit(Folder(run, event.active_ms), event.body);
  if (status.ok()) run.usage.wall_ms = std::max(run.usage.wall_ms, event.active_ms);
  return status;
}

Usage own_usage(const Run& run) {
  const Usage& shared = run.shared_usage;
  Usage own = run.usage;
  own.steps -= shared.steps;
  own.calls -= shared.calls;
  own.input_tokens -= shared.input_tokens;
  own.cached_tokens -= shared.cached_tokens;
  own.output_tokens -= shared.output_tokens;
  own.reasoning_tokens -= shared.reasoning_tokens;
  own.usd = std::max(0.0, own.usd - shared.usd);
  own.wall_ms -= shared.wall_ms;
  return own;
}

bool work_under_way(const Run& run) {
  return run.request == RequestState::kInFlight || run.request == RequestState::kTrying ||
         run.accepting ||
         std::any_of(run.calls.begin(), run.calls.end(),
                     [](const CallState& call) { return call.stage == CallStage::kRunning; });
}

std::int64_t estimate_prompt_tokens(const Run& run) {
  // Three bytes a token is below what the tokenizers of the served models need for English, code
  // and Chinese alike.
  constexpr std::int64_t kBytesPerToken = 3;
  const auto bytes = static_cast<std::int64_t>(message_bytes(run) - run.prompt_bytes_known);
  const std::int64_t head = run.prompt_tokens_known == 0 ? run.limits.head_bytes : 0;
  const std::int64_t media = run.media_tokens - run.media_tokens_known;
  return run.prompt_tokens_known + (bytes + head) / kBytesPerToken + media;
}

}  // namespace perdure
