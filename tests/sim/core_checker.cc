#include "tests/sim/core_checker.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "core/cut_reply.h"
#include "json/parse.h"

namespace perdure::test {
namespace {

// Written anew, not taken from src/core/policy.cc: "dir" holds "dir/x", "." holds everything.
bool same_or_inside(const std::string& outer, const std::string& inner) {
  return outer == "." || outer == inner || inner.starts_with(outer + "/");
}

bool meet(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& left) {
    return std::any_of(b.begin(), b.end(), [&](const std::string& right) {
      return same_or_inside(left, right) || same_or_inside(right, left);
    });
  });
}

bool must_not_run_together(const Assessment& a, const Assessment& b) {
  const auto touches = [](const Assessment& call) {
    return call.exclusive || !call.reads.empty() || !call.writes.empty();
  };
  if (a.exclusive || b.exclusive) return touches(a) && touches(b);
  return meet(a.writes, b.writes) || meet(a.writes, b.reads) || meet(a.reads, b.writes);
}

// Which model at which address.
std::string asked_in(const std::vector<PrefixPart>& prefix) {
  std::string asked;
  for (const PrefixPart& part : prefix) {
    if (part.field == "model" || part.field == "base_url") asked += part.field + part.value + "\n";
  }
  return asked;
}

}  // namespace

void CoreChecker::expect(bool holds, std::string_view promise) {
  if (!holds && violation_.empty()) violation_ = promise;
}

CoreChecker::Call* CoreChecker::call(std::int64_t index) {
  const bool known = index >= 0 && index < static_cast<std::int64_t>(calls_.size());
  expect(known, "an event is about a call of the open step");
  return known ? &calls_[static_cast<std::size_t>(index)] : nullptr;
}

void CoreChecker::asked(const Effect& effect) {
  if (const auto* doubt = std::get_if<ResolveDoubt>(&effect)) {
    if (Call* const doubtful = call(doubt->call)) {
      expect(doubtful->in_doubt, "only a call that ran in a dead process is in doubt");
      doubtful->doubt_resolved = true;
    }
  }
  if (const auto* start = std::get_if<StartCall>(&effect)) {
    if (Call* const starting = call(start->call)) {
      expect(starting->intents == 0, "a call that had started is resolved, not just started again");
    }
  }
}

void CoreChecker::happened(const RunEvent& event, const Run& run) {
  decided_ms_ = active_ms_;
  active_ms_ = std::max(active_ms_, event.active_ms);
  expect(!ended_ || std::holds_alternative<RunResumed>(event.body), "nothing follows the end");
  std::visit(*this, event.body);
  check_books(run);
  check_caps();
  if (std::holds_alternative<RequestSent>(event.body)) check_sent_bytes(run);
}

// --- Messages ---

void CoreChecker::operator()(const RunStarted& event) {
  definition_ = event;
  fallback_ = event.fallback;
  endpoints_ = event.fallback.endpoints;
  endpoints_.insert(endpoints_.begin(),
                    EndpointPlan{.limits = event.limits, .prefix = event.prefix});
  limits_ = event.limits;
  prefix_ = event.prefix;
  budget_ = event.budget;
}

// --- Requests ---

void CoreChecker::operator()(const HostDiffers& event) {
  expect(in_flight_, "only a reply contradicts the profile of the host");
  expect(host_differences_.insert(event.fact).second, "a contradicted fact is told once");
}

void CoreChecker::operator()(const PrefixChanged& /*event*/) {
  expect(!in_flight_, "what changes a request is said before it is sent");
  expect(
      !prefix_announced_ && !prefix_sent_.empty() && (prefix_ != prefix_sent_ || message_changed_),
      "a change is announced once");
  prefix_announced_ = true;
}

void CoreChecker::operator()(const RequestSent& event) {
  expect(
      prefix_sent_.empty() || (prefix_ == prefix_sent_ && !message_changed_) || prefix_announced_,
      "what costs the host's prompt cache is announced");
  expect(!in_flight_ && !in_trial_, "there is one request at a time");
  expect(calls_.empty(), "all calls are answered before the next request");
  expect(event.step == usage_.steps + 1, "a step is a request that is answered");
  expect(event.attempt == attempt_ + 1, "attempts are counted");
  expect(event.attempt == 1 || retry_due_, "an attempt follows the wait for it");
  expect(event.attempt <= limits_.attempts_max, "no request has more attempts than allowed");
  expect(!stop_, "no request leaves after a stop");
  expect(!is_loop(), "a loop ends the run");
  expect(!event.continues || (limits_.continues && finish_ == FinishReason::kLength && ends_open_),
         "a host that can do it goes on with a reply that was cut");
  check_reservation(event);
  in_flight_ = true;
  refused_ = false;
  message_changed_ = false;
  retry_due_ = false;
  attempt_ = event.attempt;
  sent_ = event;
}

void CoreChecker::check_reservation(const RequestSent& event) {
  const std::size_t head = known_tokens_ == 0 ? static_cast<std::size_t>(limits_.head_bytes) : 0;
  const auto added = static_cast<std::int64_t>((bytes_ - known_bytes_ + head) / 3);
  expect(event.input_tokens_estimate == known_tokens_ + added + media_tokens_,
         "the prompt is estimated");
  const std::int64_t output = event.output_tokens_max;
  expect(output <= limits_.output_tokens_max, "a reply has at most the configured tokens");
  expect(output >= std::min<std::int64_t>(2'048, limits_.output_tokens_max),
         "a reply is worth its request");
  expect(event.input_tokens_estimate + output + 1'024 <= limits_.window_tokens,
         "prompt, reply and margin fit the window");
  expect(!budget_.steps || usage_.steps < *budget_.steps, "a step is left");
  expect(!budget_.wall_ms || decided_ms_ < *budget_.wall_ms, "working time is left");
  expect(!budget_.input_tokens ||
             usage_.input_tokens + event.input_tokens_estimate <= *budget_.input_tokens,
         "the prompt fits the budget");
  expect(!budget_.output_tokens || usage_.output_tokens + output <= *budget_.output_tokens,
         "the longest reply fits the budget");
  expect(!budget_.reasoning_tokens || usage_.reasoning_tokens + output <= *budget_.reasoning_tokens,
         "the longest reasoning fits the budget");
  double worst = 0;
  if (limits_.price) {
    worst = (static_cast<double>(event.input_tokens_estimate) * limits_.price->input +
             static_cast<double>(output) * limits_.price->output) /
            1e6;
  }
  expect(std::abs(event.reserved_usd - worst) < 1e-9, "the worst case is reserved");
  expect(!budget_.usd || usage_.usd + worst <= *budget_.usd + 1e-9, "the worst case is affordable");
}

// The request as a strict host reads it. Only what is new since the last one is looked at, after a
// check that all the rest is what it was.
void CoreChecker::check_sent_bytes(const Run& run) {
  expect(sent_.continues == !run.cut_reply.empty(), "what is to go on is sent as such");
  std::string body;
  for (const std::string_view piece : run.transcript.pieces().list) body += piece;
  expect(body.starts_with(sent_body_), "the last request is a prefix of this one");
  sent_body_ = std::move(body);
  for (; checked_messages_ < run.transcript.size(); ++checked_messages_) {
    check_protocol(run.transcript.fragment(checked_messages_));
  }
  expect(unanswered_.empty(), "every call is answered when the request leaves");
  const Status form = history_check_.check(run.transcript);
  expect(form.ok(), "no history is refused before it is sent: " +
                        (form.ok() ? std::string() : form.error().message));
}

void CoreChecker::check_protocol(std::string_view fragment) {
  const Result<Json> message = json::parse(fragment);
  expect(message.ok() && message->is_object(), "a message is a JSON object");
  if (!violation_.empty()) return;
  const std::string role = message->value("role", "");
  if (role == "tool") {
    expect(!unanswered_.empty() && message->value("tool_call_id", "") == unanswered_.front(),
           "each id is answered once, next to its call and in order");
    if (!unanswered_.empty()) unanswered_.pop_front();
    expect(!message->value("content", "").empty(), "a result is not empty");
    return;
  }
  expect(unanswered_.empty(), "nothing stands between calls and their results");
  for (const Json& item : message->value("tool_calls", Json::array())) {
    unanswered_.push_back(item.value("id", ""));
  }
}

void CoreChecker::operator()(const RequestFailed& event) {
  expect(in_flight_, "what failed was sent");
  in_flight_ = false;
  failed_ = true;
  refused_ = event.structural;
  may_pass_ = event.error.retry == Retry::kLater;
  if (!event.kept.empty()) {
    expect(limits_.continues, "what a host cannot go on with is not kept");
    take_words(event.kept, event.text);
    finish_ = FinishReason::kLength;
    has_answer_ = false;
  }
  if (event.structural && sent_.continues) {
    refused_ = failed_ = false;
    attempt_ = 0;
    waited_ms_ = 0;
  }
  if (event.received_bytes == 0) return;
  charge({.input_tokens = sent_.input_tokens_estimate,
          .output_tokens = event.received_bytes / 3,
          .estimated = true});
}

void CoreChecker::operator()(const RequestRepaired& event) {
  expect(refused_ && !in_flight_ && !in_trial_, "what was refused is repaired");
  if (!event.prefix.empty()) prefix_ = event.prefix;
  prefix_announced_ = false;
  if (event.message >= 0 && static_cast<std::size_t>(event.message) < taken_)
    message_changed_ = true;
  if (event.kind == RepairKind::kTool) gone_tools_.insert(event.tool);
  if (!event.fragment.empty()) {
    replace_message(static_cast<std::size_t>(event.message), event.fragment);
  }
  if (event.kind == RepairKind::kStrict && event.left_out.empty()) return;
  refused_ = failed_ = false;
  attempt_ = 0;
  waited_ms_ = 0;
}

void CoreChecker::operator()(const TrialSent& event) {
  expect(refused_ && !in_flight_ && !in_trial_, "what was refused is looked into");
  expect(event.trial <= 24, "trials are few");
  in_trial_ = true;
  trial_tokens_ = event.input_tokens_estimate;
}

void CoreChecker::operator()(const TrialAnswered& event) {
  expect(in_trial_, "what is answered was sent");
  in_trial_ = false;
  if (event.outcome == TrialOutcome::kUnknown) may_pass_ = event.error.retry == Retry::kLater;
  charge(event.usage);
}

void CoreChecker::operator()(const RetryScheduled& event) {
  expect(!in_flight_ && attempt_ > 0, "a retry follows a failure");
  expect(!trying_, "the run's own endpoint is tried again with one request");
  failed_ = false;
  expect(attempt_ < limits_.attempts_max, "there is an attempt left to wait for");
  waited_ms_ += event.delay_ms;
  expect(waited_ms_ <= limits_.retry_ms, "there is time left to wait");
}

void CoreChecker::operator()(const RetryDue& /*event*/) {
  retry_due_ = true;
}

void CoreChecker::operator()(const EndpointChanged& event) {
  expect(!in_flight_ && calls_.empty(), "an endpoint is changed between two requests");
  expect(event.from == endpoint_ && event.to != endpoint_, "another endpoint is used");
  expect(!fallback_.strict_prefix || prefix_sent_.empty() || trying_, "a cache is kept");
  if (event.reason != "return") {
    const bool again = left_early_.erase(event.to) > 0;
    expect(trying_ || again || left_.count(event.to) == 0,
           "a step asks no endpoint that failed it");
    left_.erase(event.to);
    left_.insert(event.from);
    if (!failed_ || (may_pass_ && attempt_ < limits_.attempts_max)) left_early_.insert(event.from);
    trying_ = false;
  } else {
    expect(event.to == 0 && !stop_ && attempt_ == 0, "the way back is between two steps");
    expect(decided_ms_ - away_at_ms_ >= fallback_.return_ms, "the way back is after a while");
    trying_ = true;
  }
  if (event.from == 0) away_at_ms_ = active_ms_;
  failed_ = false;
  attempt_ = 0;
  waited_ms_ = 0;
  endpoint_ = event.to;
  const EndpointPlan& endpoint = endpoints_.at(static_cast<std::size_t>(event.to));
  limits_ = endpoint.limits;
  prefix_ = endpoint.prefix;
  prefix_announced_ = false;
  refused_ = false;
  taken_ = 0;
}

void CoreChecker::operator()(const ModelReplied& event) {
  trying_ = failed_ = false;
  waited_ms_ = 0;
  left_.clear();
  left_early_.clear();
  prefix_sent_ = prefix_;
  prefix_announced_ = false;
  taken_ = messages_.size() - (sent_.continues ? 1 : 0);
  expect(in_flight_, "what is answered was sent");
  expect(event.step == sent_.step, "a reply belongs to its request");
  in_flight_ = false;
  attempt_ = 0;
  charge(event.usage);
  ++usage_.steps;
  usage_.calls += static_cast<std::int64_t>(event.calls.size());
  if (event.usage.input_tokens > 0) {
    known_tokens_ = event.usage.input_tokens;
    known_bytes_ = bytes_;
    media_tokens_ = 0;
  }
  take_words(event.fragment, event.text);
  finish_ = event.finish;
  has_answer_ = event.calls.empty() && (!event.text.empty() || sent_.continues);
  accepted_ = false;
  for (const ToolCall& made : event.calls)
    calls_.push_back({.id = made.id, .tool = made.name, .arguments = made.arguments});
}

// --- Calls ---

void CoreChecker::operator()(const CallAssessed& event) {
  if (Call* const assessed = call(event.call)) {
    expect(!assessed->assessment, "a call is assessed once");
    assessed->assessment = event.assessment;
  }
}

void CoreChecker::operator()(const CallAuthorized& event) {
  Call* const judged = call(event.call);
  if (judged == nullptr) return;
  expect(judged->assessment && !judged->assessment->problem, "a call that can run is judged");
  expect(event.action == PolicyAction::kDeny || !is_forbidden(*judged), "a rule that denies wins");
  judged->allowed = event.action == PolicyAction::kAllow;
  judged->denied = event.action == PolicyAction::kDeny;
}

void CoreChecker::operator()(const ApprovalAsked& event) {
  Call* const asked = call(event.call);
  if (asked == nullptr) return;
  expect(!asked->allowed && !asked->denied && asked->intents == 0, "what is open is asked");
}

void CoreChecker::operator()(const ApprovalGiven& event) {
  Call* const answered = call(event.call);
  if (answered == nullptr) return;
  answered->allowed = event.answer != ApprovalAnswer::kNo;
  answered->denied = event.answer == ApprovalAnswer::kNo;
}

void CoreChecker::operator()(const CallIntended& event) {
  Call* const starting = call(event.call);
  if (starting == nullptr) return;
  expect(starting->allowed, "no call starts that nobody allowed");
  expect(!stop_ || stop_ == StopCause::kPause, "no call starts after a stop");
  expect(!starting->running && !starting->answer, "no call starts while it runs or after its end");
  expect(finish_ != FinishReason::kLength && finish_ != FinishReason::kContentFilter,
         "no call of a cut reply starts");
  expect(starting->intents == 0 || starting->doubt_resolved,
         "no call starts a second time before its doubt is resolved");
  ++starting->intents;
  expect(event.attempt == starting->intents, "the starts of a call are counted");
  std::int64_t running = 1;
  for (const Call& other : calls_) {
    if (&other == starting || other.answer) continue;
    if (other.running) ++running;
    const bool earlier = &other < starting;
    if (!earlier && !other.running) continue;
    const bool known = other.assessment.has_value();
    expect(known && !must_not_run_together(*other.assessment, *starting->assessment),
           "calls that conflict run in order");
  }
  expect(running <= limits_.parallel_calls_max, "no more calls run at once than allowed");
  starting->running = true;
  starting->in_doubt = false;
  starting->doubt_resolved = false;
}

// Only what needs no patterns: rules for one tool or all, for one path or any.
bool CoreChecker::is_forbidden(const Call& call) const {
  const auto names = [&](const std::vector<std::string>& paths, const PolicyRule& rule) {
    return std::find(paths.begin(), paths.end(), rule.path) != paths.end();
  };
  return std::any_of(definition_.policy.begin(), definition_.policy.end(),
                     [&](const PolicyRule& rule) {
                       if (rule.action != PolicyAction::kDeny || rule.effect) return false;
                       if (rule.tool != "*" && rule.tool != call.tool) return false;
                       return rule.path.empty() || names(call.assessment->reads, rule) ||
                              names(call.assessment->writes, rule);
                     });
}

void CoreChecker::operator()(const CallFinished& event) {
  Call* const finished = call(event.call);
  if (finished == nullptr) return;
  expect(!finished->answer, "a call is answered once");
  switch (event.status) {
    case CallStatus::kInvalid:
      expect((finished->assessment && finished->assessment->problem) ||
                 gone_tools_.count(finished->tool) > 0,
             "an invalid call has a problem");
      break;
    case CallStatus::kDenied:
      expect(finished->denied, "a denied call was denied");
      break;
    case CallStatus::kTruncated:
      expect(finish_ == FinishReason::kLength || finish_ == FinishReason::kContentFilter,
             "a truncated call is of a cut reply");
      break;
    default:
      expect(finished->intents > 0, "no call has a result that was not intended");
      expect(finished->running || finished->doubt_resolved, "a result is of a call that ran");
  }
  expect(event.fragment.starts_with(R"({"role":"tool","tool_call_id":)" +
                                    json::dump(Json(finished->id)) + ","),
         "a result names the id of its call");
  finished->running = false;
  finished->answer = event.fragment;
  const bool complete = std::all_of(calls_.begin(), calls_.end(),
                                    [](const Call& other) { return other.answer.has_value(); });
  if (!complete) return;
  for (const Call& other : calls_) add_message(*other.answer);
  note_step();
  calls_.clear();
}

void CoreChecker::note_step() {
  std::string step;
  for (const Call& made : calls_) {
    step += made.tool + " " + made.arguments + " " +
            made.answer->substr(made.answer->rfind(":\"")) + ";";
  }
  steps_.push_back(std::move(step));
}

// Whether the last steps are eight times the same one to four steps.
bool CoreChecker::is_loop() const {
  for (std::size_t period = 1; period <= 4; ++period) {
    const std::size_t length = 8 * period;
    if (steps_.size() < length) continue;
    const auto begin = steps_.end() - static_cast<std::ptrdiff_t>(length);
    const auto shifted = begin + static_cast<std::ptrdiff_t>(period);
    if (std::equal(shifted, steps_.end(), begin)) return true;
  }
  return false;
}

// --- Acceptance, end, resume ---

void CoreChecker::operator()(const AcceptanceStarted& /*event*/) {
  expect(has_answer_ && calls_.empty() && !in_flight_, "an answer is what is checked");
  expect(!accepting_, "there is one check at a time");
  accepting_ = true;
}

void CoreChecker::operator()(const AcceptanceFinished& event) {
  expect(accepting_, "a check that ends had begun");
  accepting_ = false;
  accepted_ = event.passed;
}

void CoreChecker::operator()(const StopRequested& event) {
  if (!stop_ || event.cause != StopCause::kPause) stop_ = event.cause;
}

void CoreChecker::operator()(const RunEnded& event) {
  const bool runs =
      std::any_of(calls_.begin(), calls_.end(), [](const Call& other) { return other.running; });
  expect(!in_flight_ && !in_trial_ && !accepting_ && !runs, "nothing is under way at the end");
  ended_ = true;
  if (event.reason == "steps") {
    expect(budget_.steps && usage_.steps == *budget_.steps, "all steps of the budget were taken");
  }
  expect(event.reason != "repeated_calls" || is_loop(), "only a loop ends a run as one");
  if (event.outcome != Outcome::kDone) return;
  expect(has_answer_ && calls_.empty(), "a run that is done has an answer");
  expect(finish_ == FinishReason::kStop || finish_ == FinishReason::kOther,
         "the answer of a run that is done was not cut");
  expect(queue_.empty(), "nobody waits for an answer when the run is done");
  expect(definition_.acceptance_rounds == 0 || accepted_, "a run that is done was accepted");
}

void CoreChecker::operator()(const RunResumed& event) {
  fallback_ = event.fallback;
  endpoints_ = event.fallback.endpoints;
  endpoints_.insert(endpoints_.begin(),
                    EndpointPlan{.limits = event.limits, .prefix = event.prefix});
  endpoint_ = event.endpoint;
  const EndpointPlan& endpoint = endpoints_.at(static_cast<std::size_t>(endpoint_));
  trying_ = failed_ = false;
  waited_ms_ = 0;
  left_.clear();
  left_early_.clear();
  // Another one has taken nothing yet.
  if (asked_in(prefix_) != asked_in(endpoint.prefix)) taken_ = 0;
  prefix_ = endpoint.prefix;
  prefix_announced_ = false;
  ended_ = false;
  stop_.reset();
  steps_.clear();
  accepting_ = false;
  attempt_ = 0;
  retry_due_ = false;
  budget_ = event.budget;
  if (in_flight_) {
    charge({.input_tokens = sent_.input_tokens_estimate, .estimated = true});
    in_flight_ = false;
  }
  if (in_trial_) charge({.input_tokens = trial_tokens_, .estimated = true});
  in_trial_ = refused_ = false;
  limits_ = endpoint.limits;
  if (event.policy) definition_.policy = *event.policy;
  for (Call& other : calls_) {
    if (!other.running) continue;
    other.running = false;
    other.in_doubt = true;
    other.doubt_resolved = false;
  }
}

// --- The books ---

void CoreChecker::charge(const ReplyUsage& usage) {
  before_last_charge_ = usage_;
  usage_.input_tokens += usage.input_tokens;
  usage_.cached_tokens += usage.cached_tokens;
  usage_.output_tokens += usage.output_tokens;
  usage_.reasoning_tokens += usage.reasoning_tokens;
  if (usage.estimated) usage_.estimated = true;
  if (usage.usd) {
    usage_.usd += *usage.usd;
  } else if (limits_.price) {
    usage_.usd +=
        static_cast<double>(usage.input_tokens - usage.cached_tokens) * limits_.price->input / 1e6;
    usage_.usd += static_cast<double>(usage.cached_tokens) * limits_.price->cached / 1e6;
    usage_.usd += static_cast<double>(usage.output_tokens) * limits_.price->output / 1e6;
  }
}

void CoreChecker::check_books(const Run& run) {
  const Usage& usage = run.usage;
  expect(usage.steps == usage_.steps && usage.calls == usage_.calls, "steps and calls are counted");
  expect(usage.input_tokens == usage_.input_tokens && usage.cached_tokens == usage_.cached_tokens &&
             usage.output_tokens == usage_.output_tokens &&
             usage.reasoning_tokens == usage_.reasoning_tokens &&
             usage.estimated == usage_.estimated,
         "tokens are counted");
  expect(std::abs(usage.usd - usage_.usd) < 1e-9, "money is counted");
  expect(usage.wall_ms == active_ms_, "time is counted");
  expect(run.queue == queue_, "messages wait until they join");
  expect(run.calls.size() == calls_.size(), "calls are open until all of them are answered");
  const std::size_t joined = run.transcript.size();
  const bool is_open = !run.cut_reply.empty();
  expect(joined + (is_open ? 1 : 0) == messages_.size() && message_bytes(run) == bytes_,
         "messages join once, in order");
  if (joined + (is_open ? 1 : 0) != messages_.size() || messages_.empty()) return;
  expect(!is_open || (ends_open_ && run.cut_reply == messages_.back()),
         "what a host goes on with is what came");
  // The last ones are all that may be new; that the others stay what they were is checked when a
  // request leaves.
  const std::size_t fresh = std::min<std::size_t>(messages_.size(), calls_.size() + 8);
  for (std::size_t i = messages_.size() - fresh; i < joined; ++i) {
    expect(run.transcript.fragment(i) == messages_[i], "a message is kept byte by byte");
  }
}

// One request may use more than was reserved for it; never two.
void CoreChecker::check_caps() {
  const Usage& used = honest_ ? usage_ : before_last_charge_;
  expect(!budget_.steps || usage_.steps <= *budget_.steps, "the cap of steps holds");
  expect(!budget_.input_tokens || used.input_tokens <= *budget_.input_tokens,
         "the cap of input tokens holds");
  expect(!budget_.output_tokens || used.output_tokens <= *budget_.output_tokens,
         "the cap of output tokens holds");
  expect(!budget_.reasoning_tokens || used.reasoning_tokens <= *budget_.reasoning_tokens,
         "the cap of reasoning tokens holds");
  expect(!budget_.usd || used.usd <= *budget_.usd + 1e-9, "the cap of money holds");
}

}  // namespace perdure::test
