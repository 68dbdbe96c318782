#include "core/decide.h"

#include <algorithm>

#include "base/text.h"
#include "core/budget.h"
#include "core/cut_reply.h"
#include "core/fallback.h"
#include "core/policy.h"
#include "core/prefix.h"
#include "core/repair.h"

namespace perdure {
namespace {

constexpr std::int64_t kEmptyRepliesMax =
    2;  // answered with a nudge; one more is a stuck run (fault N76)
constexpr std::int64_t kMissingCallsMax = 2;  // answered with a word to the model (fault N57)
constexpr std::int64_t kChoiceMissedMax = 2;

Effect end(Outcome outcome, std::string reason, std::string message) {
  return Record{
      RunEnded{.outcome = outcome, .reason = std::move(reason), .message = std::move(message)}};
}

Effect tell_model(std::string_view text) {
  return Record{
      MessageAdded{.origin = MessageOrigin::kRuntime, .fragment = message_fragment("user", text)}};
}

Effect refuse(const Run& run, std::size_t index, CallStatus status, std::string_view text) {
  return Record{CallFinished{.call = static_cast<std::int64_t>(index),
                             .status = status,
                             .fragment = result_fragment(run.calls[index].call.id, text)}};
}

std::vector<Effect> decide_stop(const Run& run) {
  if (work_under_way(run)) return {CancelWork{}};
  if (*run.stop == StopCause::kWallTime) {
    return {end(Outcome::kPaused, "wall_time", "the budget of working time is used up")};
  }
  return {end(Outcome::kInterrupted, "interrupted", "stopped on request")};
}

// A host that finds a short prompt too long for its window serves a smaller one than the profile
// says. A new run, which is what helps against a full window, would end in the same way.
std::string about_window(const Run& run) {
  const std::int64_t prompt = run.sent.input_tokens_estimate;
  const std::int64_t window = run.limits.window_tokens;
  if (run.failure->error.code != ErrorCode::kContextFull || prompt >= window / 2) return {};
  return ". The prompt is short (an estimated " + std::to_string(prompt) +
         " tokens), so the host's window is smaller than that of the model's profile (" +
         std::to_string(window) +
         "): write the host's into window_tokens of a profile of your own, or lower "
         "output_tokens_max (" +
         std::to_string(run.sent.output_tokens_max) + ") in the agent file";
}

// A request that this endpoint refuses whatever is left out of it may go to another one.
std::vector<Effect> repair_or_leave(const Run& run) {
  std::vector<Effect> effects = decide_repair(run);
  auto* report = std::get_if<ReportRefusal>(&effects.front());
  if (report == nullptr) return effects;
  if (auto change = endpoint_after_failure(run)) return {Record{std::move(*change)}};
  report->end = end_of_endpoints(run, std::move(report->end));
  return effects;
}

std::vector<Effect> decide_after_failure(const Run& run) {
  const RequestFailed& failure = *run.failure;
  const std::string reason(to_string(failure.error.code));
  if (failure.key_renewed) return run.stop ? decide_stop(run) : std::vector<Effect>{WaitForRetry{}};
  const bool may_pass = failure.error.retry == Retry::kLater;
  const bool too_long = may_pass && failure.delay_ms > kRetryAfterMax_ms;
  if (may_retry(run)) {
    if (run.stop) return decide_stop(run);
    const Delay delay{.circuit_open = failure.circuit_open, .wait_ms = failure.delay_ms};
    if (auto change = endpoint_instead_of_waiting(run, delay)) return {Record{std::move(*change)}};
    return {WaitForRetry{{.delay_ms = failure.delay_ms,
                          .attempts_max = attempts_allowed(run),
                          .left_ms = run.limits.retry_ms - run.waited_ms}}};
  }
  // Who comes back to an endpoint repairs it as before, but looks for no guilty part.
  if (failure.structural && (!run.tried_from || !run.repair.strict)) {
    return run.stop ? decide_stop(run) : repair_or_leave(run);
  }
  if (auto change = endpoint_after_failure(run)) {
    return run.stop ? decide_stop(run) : std::vector<Effect>{Record{std::move(*change)}};
  }
  std::string message = failure.error.message;
  if (too_long) {
    message += " (the host asks to wait " + duration_text(failure.delay_ms) + ")";
    if (!failure.error.advice.empty()) message += "; " + failure.error.advice;
  } else if (may_pass) {
    message += " (" + std::to_string(failure.attempt) +
               (failure.attempt == 1 ? " attempt" : " attempts") +
               (failure.attempt < attempts_allowed(run)
                    ? ", " + duration_text(run.waited_ms) + " of waiting)"
                    : ")");
  }
  message += about_window(run);
  // A mistake of ours, found before the request left: somebody must see it.
  if (failure.error.code == ErrorCode::kInternal) {
    return {ReportRefusal{
        RunEnded{.outcome = Outcome::kFailed, .reason = reason, .message = std::move(message)}}};
  }
  if (failure.error.code == ErrorCode::kTooLarge) {
    message +=
        "; the body has about " +
        std::to_string(static_cast<std::int64_t>(run.transcript.bytes()) + run.limits.head_bytes) +
        " bytes";
  }
  const Outcome outcome = too_long ? Outcome::kPaused : outcome_of(failure.error.code);
  return {Record{end_of_endpoints(
      run, {.outcome = outcome, .reason = reason, .message = std::move(message)})}};
}

std::string why_cut(const Run& run) {
  if (run.finish == FinishReason::kContentFilter) {
    return "Not run: the host's content filter cut your reply, so this call may be incomplete. Do "
           "not send it again as it was.";
  }
  return "Not run: your reply was cut at the limit of output tokens (" +
         std::to_string(run.sent.output_tokens_max) +
         "), so this call may be incomplete. Send it again, with smaller arguments or in several "
         "steps.";
}

std::string why_beyond(const Run& run) {
  const std::string most = std::to_string(run.limits.calls_max);
  return "Not run: your reply has " + std::to_string(run.calls.size()) +
         " calls, and only the first " + most +
         " of one reply are run. If you still need this one, send it again in a later reply.";
}

// What one call needs next; nothing while it runs, waits for a person, or waits for an earlier
// call.
std::optional<Effect> decide_call(const Run& run, std::size_t index, std::int64_t running) {
  const CallState& call = run.calls[index];
  const auto number = static_cast<std::int64_t>(index);
  switch (call.stage) {
    case CallStage::kProposed:
      if (run.repair.tools.count(call.call.name) > 0) {
        return refuse(run, index, CallStatus::kInvalid,
                      "Not run: the endpoint refuses the declaration of tool '" + call.call.name +
                          "', so it is not available any more. Go on without it.");
      }
      if (run.calls_truncated) return refuse(run, index, CallStatus::kTruncated, why_cut(run));
      if (number >= run.limits.calls_max)
        return refuse(run, index, CallStatus::kInvalid, why_beyond(run));
      return AssessCall{number};
    case CallStage::kAssessed: {
      if (call.assessment->problem) {
        const Error& problem = *call.assessment->problem;
        std::string text = "Not run: " + problem.message;
        if (!problem.advice.empty()) text += "\n" + problem.advice;
        return refuse(run, index, CallStatus::kInvalid, text);
      }
      if (call.decision == PolicyAction::kAsk) return AskApproval{number};
      if (call.decision == PolicyAction::kDeny) {
        return refuse(
            run, index, CallStatus::kDenied,
            "Not run: this call was denied. Do not try it again in another way; go on without "
            "it, or say in your answer what you would need.");
      }
      const PolicyVerdict verdict =
          judge(run.definition.policy, run.grants, call.call.name, *call.assessment);
      return Record{CallAuthorized{.call = number, .action = verdict.action, .rule = verdict.rule}};
    }
    case CallStage::kAuthorized: {
      if (running >= run.limits.parallel_calls_max) return std::nullopt;
      for (std::size_t earlier = 0; earlier < index; ++earlier) {
        const CallState& other = run.calls[earlier];
        if (other.stage == CallStage::kFinished) continue;
        if (!other.assessment || conflict(*other.assessment, *call.assessment)) return std::nullopt;
      }
      return StartCall{.call = number, .attempt = call.attempt + 1};
    }
    case CallStage::kInDoubt:
      return ResolveDoubt{number};
    case CallStage::kAsking:
    case CallStage::kRunning:
    case CallStage::kFinished:
      return std::nullopt;
  }
  return std::nullopt;
}

std::vector<Effect> decide_calls(const Run& run) {
  std::vector<Effect> effects;
  // A call in doubt may run again in this very turn.
  auto running = static_cast<std::int64_t>(
      std::count_if(run.calls.begin(), run.calls.end(), [](const CallState& call) {
        return call.stage == CallStage::kRunning || call.stage == CallStage::kInDoubt;
      }));
  for (std::size_t index = 0; index < run.calls.size(); ++index) {
    std::optional<Effect> effect = decide_call(run, index, running);
    if (!effect) continue;
    if (std::holds_alternative<StartCall>(*effect)) ++running;
    effects.push_back(std::move(*effect));
  }
  return effects;
}

// A forced call that the host does not force, and that the model has not made in this turn.
bool choice_is_open(const Run& run) {
  const std::string& choice = run.told_choice();
  return !choice.empty() && !run.choice_met && run.repair.tools.count(choice) == 0;
}

Effect tell_choice(const Run& run) {
  const std::string& choice = run.told_choice();
  return tell_model(choice == "required"
                        ? "Your next reply must call a tool: choose the one that fits best."
                        : "Your next reply must call the tool " + choice + ".");
}

std::vector<Effect> ask_model(const Run& run) {
  const std::variant<RequestSent, RunEnded> plan = plan_request(run);
  if (const auto* refused = std::get_if<RunEnded>(&plan)) return {Record{*refused}};
  if (!run.prefix_announced) {
    if (const auto change = prefix_change(run, run.prefix, run.limits.price)) {
      return {Record{*change}};
    }
  }
  return {CallModel{std::get<RequestSent>(plan)}};
}

std::vector<Effect> decide_request(const Run& run) {
  if (run.stop) return decide_stop(run);
  // Nothing comes between a reply and what the host adds to it.
  if (!run.cut_reply.empty()) return ask_model(run);
  const bool opens_turn = run.turn_steps == 0 && run.request == RequestState::kNone;
  if (opens_turn && !run.runtime_spoke && choice_is_open(run)) return {tell_choice(run)};
  const std::int64_t repetitions = run.guard.repetitions();
  if (repetitions >= LoopGuard::kStopAt) {
    return {end(Outcome::kStuck, "repeated_calls",
                "the model repeated the same " + std::to_string(run.guard.period()) +
                    "-step pattern of calls with the same results " + std::to_string(repetitions) +
                    " times")};
  }
  if (repetitions == LoopGuard::kNudgeAt && !run.runtime_spoke) {
    return {tell_model(
        "You have made the same calls several times and got the same results each time. They will "
        "not "
        "change. Use what you already know: take a different step, or give your final answer.")};
  }
  if (auto change = way_back(run)) return {Record{std::move(*change)}};
  if (!run.repair.untold.empty() && run.request == RequestState::kNone) {
    return {tell_model(what_was_repaired(run.repair))};
  }
  return ask_model(run);
}

std::vector<Effect> decide_end_of_turn(const Run& run) {
  if (run.finish == FinishReason::kContentFilter) {
    return {
        end(Outcome::kFailed, "content_filtered", "the host's content filter ended the answer")};
  }
  if (run.missing_calls > 0) {
    if (run.missing_calls > kMissingCallsMax) {
      return {end(Outcome::kStuck, "missing_calls",
                  "the model announced calls " + std::to_string(run.missing_calls) +
                      " times, and none came")};
    }
    return {tell_model(
        "Your last reply said that it calls tools, but no call came with it, and nothing was run. "
        "Send the call again as a tool call, or give your final answer.")};
  }
  if (run.empty_replies > 0) {
    if (run.empty_replies > kEmptyRepliesMax) {
      return {end(Outcome::kStuck, "empty_replies",
                  "the model answered " + std::to_string(run.empty_replies) +
                      " times with neither text nor a tool call")};
    }
    return {
        tell_model("Your last reply had neither text nor a tool call. Go on with the task: call a "
                   "tool, or give "
                   "your final answer.")};
  }
  if (run.finish == FinishReason::kLength) {
    if (run.cut_replies > kCutRepliesMax) {
      return {end(Outcome::kFailed, "length",
                  "the answer was cut at the output limit again and again")};
    }
    return {tell_model(
        run.stream_broke
            ? "Your last reply broke off. Continue exactly where it ended."
            : "Your last reply was cut at the limit of output tokens. Continue exactly where it "
              "ended.")};
  }
  if (choice_is_open(run)) {
    if (run.choice_missed <= kChoiceMissedMax) return {tell_choice(run)};
    return {
        end(Outcome::kStuck, "tool_choice",
            "the model did not make the call that the tool choice demands, though it was told " +
                std::to_string(run.choice_missed) + " times")};
  }
  if (run.acceptance_report) {
    if (run.acceptance_round > run.definition.acceptance_rounds) {
      return {end(Outcome::kFailed, "acceptance", "the acceptance commands still fail")};
    }
    return {tell_model(*run.acceptance_report)};
  }
  if (run.definition.acceptance_rounds > 0 && !run.accepted) {
    return {RunAcceptance{.round = run.acceptance_round + 1}};
  }
  return {end(Outcome::kDone, "done", "")};
}

}  // namespace

std::vector<Effect> decide(const Run& run) {
  if (!run.started || run.ended) return {};
  if (run.stop && *run.stop != StopCause::kPause) return decide_stop(run);
  switch (run.request) {
    case RequestState::kInFlight:
    case RequestState::kTrying:
      return {};
    case RequestState::kWaiting:
      return run.stop ? decide_stop(run) : std::vector<Effect>{};
    case RequestState::kFailed:
      return decide_after_failure(run);
    case RequestState::kNone:
    case RequestState::kDue:
      break;
  }
  if (!run.calls.empty()) return decide_calls(run);
  if (run.accepting) return {};
  if (!run.queue.empty() && run.request == RequestState::kNone) {
    const MessageQueued& next = run.queue.front();
    return {Record{MessageAdded{
        .origin = MessageOrigin::kUser,
        .fragment = next.fragment.empty() ? message_fragment("user", next.text) : next.fragment}}};
  }
  if (run.model_should_speak) return decide_request(run);
  return decide_end_of_turn(run);
}

}  // namespace perdure
