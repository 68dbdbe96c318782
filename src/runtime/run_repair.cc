// The part of the driver that deals with a host that refuses the form of a request: it carries out
// what core/repair.h decides.
#include <fmt/format.h>

#include "core/repair.h"
#include "os/directories.h"
#include "runtime/request_text.h"
#include "runtime/run_driver.h"

namespace perdure {

void RunDriver::repair_request(RequestRepaired event) {
  Result<RepairedRequest> made = repaired_request(setup_, state_, with_repair(state_, event));
  if (!made.ok()) {
    return report_refusal({.outcome = Outcome::kEndpointPermanent,
                           .reason = std::string(to_string(state_.failure->error.code)),
                           .message = state_.failure->error.message +
                                      "; it could not be repaired: " + made.error().message});
  }
  complete_repair(event, *made, setup_, state_);
  record(std::move(event));
  setup_.repaired = std::move(*made);
  // A message may be another one now.
  history_check_ = {};
  setup_.histories.start_over();
}

void RunDriver::try_request(const TryRequest& effect) {
  TrialSent trial = effect.trial;
  const Result<std::string> body = trial_record(setup_, state_, effect.without, recorder_);
  if (body.ok()) trial.body = *body;
  record(std::move(trial));
  actions_.push_back([this, number = effect.trial.trial, without = effect.without] {
    begin_trial(number, without);
  });
}

bool RunDriver::is_trying(std::int64_t number) const {
  return state_.request == RequestState::kTrying && state_.repair.trials_sent == number;
}

// A trial waits in the line of the endpoint as every request does.
void RunDriver::begin_trial(std::int64_t number, const RequestParts& without) {
  // A stop may have come while the intent was on its way to the disk.
  if (!is_trying(number)) return;
  const std::int64_t input = state_.repair.trial_input_tokens;
  const EndpointGate::Demand demand = {.input_tokens = input,
                                       .tokens = input + kTrialOutputTokens,
                                       .limits = setup_.parts->options.limits};
  const auto go_on = [self = self_, number, without] {
    if (*self == nullptr || !(*self)->is_trying(number)) return;
    if ((*self)->exchange_ == nullptr) (*self)->send_trial(without);
  };
  const auto wait = [this](const std::string& text) { show_waiting(text); };
  pass_ = engine_.gates().enter(endpoint(), demand, {.admitted = go_on, .waits = wait});
  if (pass_->admitted()) send_trial(without);
}

void RunDriver::send_trial(const RequestParts& without) {
  RepairState repair = state_.repair;
  repair.tools.insert(without.tools.begin(), without.tools.end());
  Result<RepairedRequest> made = repaired_request(setup_, state_, repair);
  if (!made.ok()) return trial_failed({.error = made.error()});
  const ReplyContext context{.calls_before = state_.usage.calls,
                             .used_ids = &state_.call_ids,
                             .thinking = setup_.requests[state_.endpoint].thinking(),
                             .calls_missed = true};
  ModelClient::Observer observer;
  observer.answered = [this](const HttpHead& head) { pass_->answered(head); };
  observer.begun = [this] { pass_->begun(); };
  observer.replied = [this](const ModelReplied& reply) {
    exchange_.reset();
    pass_.reset();
    TrialAnswered answered{.step = state_.step,
                           .trial = state_.repair.trials_sent,
                           .outcome = TrialOutcome::kTaken,
                           .usage = reply.usage};
    if (answered.usage.estimated) answered.usage.input_tokens = state_.repair.trial_input_tokens;
    record(std::move(answered));
    advance();
  };
  observer.failed = [this](const ModelFailure& failure) { trial_failed(failure); };
  const Transcript messages =
      without_parts(*setup_.histories.at_endpoint_in_use(state_).messages, without);
  HttpBody body = made->chat().body(made->text(messages, kTrialOutputTokens, state_.turn_steps));
  exchange_ = engine_.models().ask(endpoint(), std::move(body), context, timeouts(),
                                   std::move(observer), request_id());
}

void RunDriver::trial_failed(const ModelFailure& failure) {
  exchange_.reset();
  const std::unique_ptr<GatePass> pass = std::move(pass_);
  const std::int64_t delay_ms = pass->failed(failure.error, state_.attempt);
  TrialAnswered answered{
      .step = state_.step, .trial = state_.repair.trials_sent, .error = failure.error};
  if (failure.structural) {
    answered.outcome = TrialOutcome::kRefused;
  } else if (failure.received_bytes > 0) {
    // It came far enough to answer, so it took the request.
    constexpr std::int64_t kBytesPerToken = 3;
    answered.outcome = TrialOutcome::kTaken;
    answered.usage = {.input_tokens = state_.repair.trial_input_tokens,
                      .output_tokens = failure.received_bytes / kBytesPerToken,
                      .estimated = true};
  } else {
    answered.outcome = TrialOutcome::kUnknown;
    answered.delay_ms = delay_ms;
    answered.error = with_time_to_resume(failure.error, delay_ms);
    last_error_ = answered.error;
  }
  record(std::move(answered));
  advance();
}

void RunDriver::cancel_trial() {
  pass_.reset();
  record(TrialAnswered{.step = state_.step,
                       .trial = state_.repair.trials_sent,
                       .outcome = TrialOutcome::kUnknown,
                       .error = {.code = ErrorCode::kCancelled,
                                 .message = "the run was stopped while the host was asked"}});
}

void RunDriver::report_refusal(RunEnded end) {
  const std::string folder = engine_.state_directory() + "/refused";
  const std::string path = fmt::format("{}/{}-{}.json", folder, setup_.run_id, state_.step);
  Status written = make_directories(folder);
  if (written.ok()) {
    const HttpBody body = request_body();
    std::string text = *body.head;
    for (const std::string_view piece : body.middle) text += piece;
    written = replace_file(path, text + body.tail);
  }
  end.message += written.ok() ? "; the request, with the whole conversation, is in " + path
                              : "; the request could not be written: " + written.error().message;
  record(std::move(end));
}

}  // namespace perdure
