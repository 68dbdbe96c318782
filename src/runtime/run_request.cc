// The part of the driver that asks the model: at the endpoint in use, when its gate lets it.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/fallback.h"
#include "core/prefix.h"
#include "model/named_tools.h"
#include "os/clock.h"
#include "runtime/host_drift.h"
#include "runtime/request_text.h"
#include "runtime/run_driver.h"

namespace perdure {
namespace {

bool calls_tool(const ModelReplied& reply, const std::string& name) {
  return std::any_of(reply.calls.begin(), reply.calls.end(),
                     [&](const ToolCall& call) { return call.name == name; });
}

}  // namespace

const Endpoint& RunDriver::endpoint() const {
  const auto renewed = renewed_.find(state_.endpoint);
  if (renewed != renewed_.end()) return renewed->second;
  return setup_.parts->endpoints[state_.endpoint].endpoint;
}

HttpBody RunDriver::request_body() {
  const bool repaired = setup_.repaired && state_.repair.changes_requests();
  const ChatRequest& chat = repaired ? setup_.repaired->chat() : setup_.requests[state_.endpoint];
  return chat.body(request_text(setup_, state_, state_.sent.output_tokens_max));
}

// A key that the host refuses may have been replaced in its file since it was read: then the
// request goes out once more, with the new one (fault N10).
bool RunDriver::renew_key(const Error& error) {
  const std::string& file = setup_.parts->endpoints[state_.endpoint].key_file;
  const bool may_be_old = error.code == ErrorCode::kKeyRejected && !state_.key_renewed;
  if (!may_be_old || file.empty()) return false;
  Result<Secret> key = read_key_file(file);
  if (!key.ok() || key->reveal() == endpoint().key.reveal()) return false;
  Endpoint renewed = endpoint();
  renewed.key = std::move(*key);
  renewed_.insert_or_assign(state_.endpoint, std::move(renewed));
  return true;
}

// A wait beyond this pauses the run instead: who reads of it is told when to go on.
Error RunDriver::with_time_to_resume(Error error, std::int64_t delay_ms) const {
  if (error.retry == Retry::kLater && delay_ms > kRetryAfterMax_ms) {
    error.advice = fmt::format("go on after {} with: perdure resume {}",
                               iso_time(wall_time_ms() + delay_ms), setup_.run_id);
  }
  return error;
}

// The same for each attempt and each trial of a step.
std::string RunDriver::request_id() const {
  return fmt::format("{}-{}", setup_.run_id, state_.step);
}

HttpTimeouts RunDriver::timeouts() const {
  const EndpointTimeouts& limits = setup_.parts->options.timeouts;
  return {.connect_ms = limits.connect_ms,
          .first_byte_ms = limits.first_byte_ms,
          .idle_ms = limits.idle_ms,
          .total_ms = limits.request_ms};
}

// The shared limits of the endpoint's key, and its circuit breaker. A run that may go elsewhere
// does not wait for either for long.
bool RunDriver::may_ask(const RequestSent& request) {
  if (pass_ == nullptr) stand_in_line(request);
  if (pass_->admitted()) return true;
  const Delay delay = pass_->delay();
  if (auto change = endpoint_instead_of_waiting(state_, delay)) {
    record(std::move(*change));
  } else if (const auto left_ms = patience_left(state_, delay)) {
    look_for_another(*left_ms);
  }
  return false;
}

void RunDriver::stand_in_line(const RequestSent& request) {
  const std::int64_t input = request.input_tokens_estimate;
  const EndpointGate::Demand demand = {.input_tokens = input,
                                       .tokens = input + request.output_tokens_max,
                                       .limits = setup_.parts->options.limits,
                                       .insists = insists_ || state_.tried_from.has_value()};
  const auto go_on = [self = self_] {
    if (*self != nullptr && !(*self)->finished_) (*self)->advance();
  };
  const auto wait = [this](const std::string& text) {
    show_waiting(text);
    look_for_another(1);
  };
  pass_ = engine_.gates().enter(endpoint(), demand, {.admitted = go_on, .waits = wait});
}

// Decides again, after so long, whether the request that stands in line goes elsewhere.
void RunDriver::look_for_another(std::int64_t after_ms) {
  if (state_.endpoints.size() < 2) return;
  patience_timer_ = engine_.loop().start_timer(after_ms, [this] {
    if (wants_model_) advance();
  });
}

// Behind what happened before it and is on its way to the disk.
void RunDriver::show_waiting(const std::string& text) {
  if (batch_.events.empty()) return observe_delta("request_waiting", text);
  actions_.push_back([this, text] { observe_delta("request_waiting", text); });
}

void RunDriver::send_request(std::int64_t attempt) {
  // A stop may have come while the intent was on its way to the disk.
  if (state_.request != RequestState::kInFlight || state_.attempt != attempt) return;
  insists_ = false;
  const Histories::View history = setup_.histories.at_endpoint_in_use(state_);
  if (Status form = history_check_.check(*history.messages); !form.ok())
    return request_failed({.error = form.error()});
  if (upload_media(attempt)) return;
  const ReplyContext context{
      .calls_before = state_.usage.calls,
      .used_ids = &state_.call_ids,
      .projected_ids = history.call_ids,
      .thinking = setup_.requests[state_.endpoint].thinking(),
      .calls_missed = state_.calls_missed || state_.attempt >= state_.limits.attempts_max};
  ModelClient::Observer observer;
  if (setup_.observer) {
    observer.deltas = {
        .reasoning = [this](std::string_view text) { observe_delta("reasoning_delta", text); },
        .text = [this](std::string_view text) { observe_delta("text_delta", text); },
        .arguments = [this](std::string_view text) { observe_delta("arguments_delta", text); }};
  }
  observer.answered = [this](const HttpHead& head) { pass_->answered(head); };
  observer.begun = [this] { pass_->begun(); };
  observer.replied = [this](ModelReplied reply) { request_replied(std::move(reply)); };
  observer.failed = [this](const ModelFailure& failure) { request_failed(failure); };
  observer.shape = [this](const ReplyShape& shape) { shape_ = shape; };
  exchange_ = engine_.models().ask(endpoint(), request_body(), context, timeouts(),
                                   std::move(observer), request_id());
}

void RunDriver::request_replied(ModelReplied reply) {
  drop_request();
  reply.step = state_.step;
  // A host that sends no usage at all is charged by the estimate, and the record says so.
  if (reply.usage.estimated) reply.usage.input_tokens = state_.sent.input_tokens_estimate;
  for (const auto& [name, usd] : endpoint().host.host_functions) {
    if (calls_tool(reply, name)) reply.usage.tools_usd += usd;
  }
  reply.usage.expected_cached_tokens = unmet_cached_tokens(state_, reply.usage);
  prepared_.clear();
  for (HostDiffers& difference : host_drift(state_, endpoint(), shape_))
    record(std::move(difference));
  record(std::move(reply));
  advance();
}

void RunDriver::request_failed(const ModelFailure& failure) {
  exchange_.reset();
  const std::unique_ptr<GatePass> pass = std::move(pass_);
  RequestFailed failed{.step = state_.step,
                       .attempt = state_.attempt,
                       .error = failure.error,
                       .received_bytes = failure.received_bytes,
                       .delay_ms = pass->failed(failure.error, state_.attempt),
                       .structural = failure.structural,
                       .key_renewed = renew_key(failure.error),
                       .circuit_open = pass->delay().circuit_open};
  if (failed.structural) {
    failed.tools = tools_with_path(failed.error.message,
                                   setup_.parts->endpoints[state_.endpoint].declarations);
  }
  if (state_.limits.continues && !state_.repair.strict) {
    failed.kept = failure.unfinished.fragment;
    failed.text = failure.unfinished.text;
  }
  failed.error = with_time_to_resume(std::move(failed.error), failed.delay_ms);
  last_error_ = failed.error;
  record(std::move(failed));
  advance();
}

}  // namespace perdure
