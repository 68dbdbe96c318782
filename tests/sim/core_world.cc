#include "tests/sim/core_world.h"

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/event_names.h"
#include "core/fallback.h"
#include "json/parse.h"
#include "tests/support/core_runs.h"

namespace perdure::test {
namespace {

constexpr std::size_t kEventsMax = 5'000;

}  // namespace

CoreWorld::CoreWorld(const WorldOptions& options, Sites& sites)
    : options_(options),
      random_(options.seed),
      sites_(sites),
      honest_(!random_.chance(20)),
      headless_(random_.chance(20)),
      mood_(random_.chance(85) ? Mood::kMixed
                               : random_.pick({Mood::kLooping, Mood::kCutShort, Mood::kSilent})),
      loop_period_(random_.between(1, 4)),
      checker_(honest_),
      crashes_left_(random_.chance(60) ? random_.between(1, 5) : 0),
      resumes_left_(random_.below(4)) {
  if (without(kWithoutCrashes)) crashes_left_ = 0;
  if (without(kWithoutResumes)) resumes_left_ = 0;
}

std::string CoreWorld::play() {
  try {
    live();
  } catch (const std::exception& error) {
    broken(std::string("nothing is thrown: ") + error.what());
  }
  return broken_;
}

void CoreWorld::live() {
  try {
    begin();
    advance();
  } catch (const Crash&) {
    die_and_resume();
  }
  while (broken_.empty()) {
    if (journal_.size() > kEventsMax) broken("every run comes to an end");
    if (crashes_left_ > 0 && events_to_crash_ < 0) events_to_crash_ = random_.between(1, 40);
    try {
      if (live_.ended) {
        if (resumes_left_-- == 0) break;
        resume(true);
      } else if (!let_something_happen()) {
        broken("a run that has not ended waits for something");
      }
      advance();
    } catch (const Crash&) {
      die_and_resume();
    }
  }
}

void CoreWorld::count(std::string_view site) {
  const auto known = sites_.find(site);
  if (known == sites_.end()) {
    sites_.emplace(site, 1);
  } else {
    ++known->second;
  }
}

void CoreWorld::broken(const std::string& promise) {
  if (broken_.empty()) broken_ = promise;
}

std::string CoreWorld::name_of(std::int64_t index) const {
  return std::to_string(live_.step) + "." + std::to_string(index);
}

// --- The process ---

// The first events are one commit: a run that has no task does not exist.
void CoreWorld::begin() {
  record(make_definition());
  histories_ = Histories(std::vector<HistoryDialect>(
      live_.endpoints.size(), HistoryDialect{.call_ids = CallIds::kNumbered}));
  if (random_.chance(80)) {
    record(MessageAdded{.origin = MessageOrigin::kInstructions,
                        .fragment = message_fragment("system", some_text())});
  }
  record(MessageQueued{.text = "Do it."});
  if (random_.chance(10)) record(MessageQueued{.text = some_text()});
}

void CoreWorld::record(EventBody body) {
  active_ms_ += random_.below(20);
  const RunEvent event{.active_ms = active_ms_, .body = std::move(body)};
  const std::string kind(kind_of(event.body));
  const std::string payload = encode(event);
  story_.push_back(kind + " " + payload);
  count(kind);
  if (const auto* finished = std::get_if<CallFinished>(&event.body)) {
    count("result " + std::string(to_string(finished->status)));
  }
  RunEvent applied_event = event;
  if (auto* reply = std::get_if<ModelReplied>(&applied_event.body);
      reply != nullptr && !reply->fragment.empty() && errs(Mutation::kChangeReply)) {
    reply->fragment.insert(1, " ");
  }
  const Status applied = apply(live_, applied_event);
  if (!applied.ok()) broken("what decide() asks for is possible: " + applied.error().message);
  const Result<RunEvent> decoded = decode(kind, payload);
  if (!decoded.ok()) {
    broken("what is encoded is decoded: " + decoded.error().message);
    throw Crash{};
  }
  if (encode(*decoded) != payload) broken("what is decoded is encoded to the same bytes");
  if (!apply(shadow_, *decoded).ok()) broken("a decoded event is as possible as the event itself");
  const std::string difference = test::difference(live_, shadow_);
  if (!difference.empty()) broken("the decoded journal folds to the same run: " + difference);
  checker_.happened(*decoded, live_);
  if (!checker_.violation().empty()) broken(checker_.violation());
  store({.kind = kind, .payload = payload});
  if (random_.chance(2)) try_an_impossible_event();
  if (random_.chance(2)) try_the_last_event_again();
  if (!broken_.empty()) throw Crash{};
  if (events_to_crash_ > 0 && --events_to_crash_ == 0) throw Crash{};
}

// As the journal should: each event once, in order.
void CoreWorld::store(Stored event) {
  if (!journal_.empty() && errs(Mutation::kSkipCommit)) return;
  journal_.push_back(std::move(event));
  if (journal_.size() > 2 && errs(Mutation::kSwapCommits)) {
    std::swap(journal_.back(), journal_[journal_.size() - 2]);
  }
}

void CoreWorld::advance() {
  while (broken_.empty()) {
    const std::vector<Effect> effects = decide(live_);
    if (describe(effects) != describe(decide(live_))) broken("decide() is deterministic");
    const std::size_t events_before = journal_.size();
    for (const Effect& effect : effects) {
      checker_.asked(effect);
      perform(effect);
    }
    if (journal_.size() == events_before) break;
  }
  // The batch is durable: what it intended begins.
  running_.insert(intended_.begin(), intended_.end());
  intended_.clear();
}

void CoreWorld::perform(const Effect& effect) {
  if (const auto* decision = std::get_if<Record>(&effect)) {
    if (const auto* end = std::get_if<RunEnded>(&decision->event)) {
      count("end " + std::string(to_string(end->outcome)) + " " + end->reason);
    }
    EventBody event = decision->event;
    auto* judged = std::get_if<CallAuthorized>(&event);
    if (judged != nullptr && errs(Mutation::kIgnoreRules)) judged->action = PolicyAction::kAllow;
    record(std::move(event));
  } else if (const auto* to_assess = std::get_if<AssessCall>(&effect)) {
    record(CallAssessed{.call = to_assess->call,
                        .assessment = assess(call_state(to_assess->call).call)});
  } else if (const auto* to_ask = std::get_if<AskApproval>(&effect)) {
    record(ApprovalAsked{.call = to_ask->call});
    if (headless_) {
      record(ApprovalGiven{.call = to_ask->call, .answer = ApprovalAnswer::kNo, .by = "headless"});
    } else {
      asked_people_.insert(to_ask->call);
    }
  } else if (const auto* start = std::get_if<StartCall>(&effect)) {
    if (start->attempt != call_state(start->call).attempt + 1) broken("starts are counted");
    start_call(start->call);
  } else if (const auto* doubt = std::get_if<ResolveDoubt>(&effect)) {
    resolve_doubt(doubt->call);
  } else if (const auto* ask = std::get_if<CallModel>(&effect)) {
    const Delay delay{.circuit_open = random_.chance(10), .waited_ms = random_.below(20'000)};
    if (auto change = endpoint_instead_of_waiting(live_, delay); change && random_.chance(30)) {
      count("left in line");
      return record(std::move(*change));
    }
    asked_model_ = true;
    if (options_.mutation == Mutation::kSendBeforeCommit) {
      ++requests_left_;
      if (crashes_left_ > 0 && random_.chance(25)) throw Crash{};
      --requests_left_;
    }
    RequestSent request = ask->request;
    if (errs(Mutation::kReserveTooLittle)) request.reserved_usd /= 2;
    if (request.continues) count("a host goes on with a reply that was cut");
    record(request);
    ++requests_left_;
    check_history();
  } else if (const auto* wait = std::get_if<WaitForRetry>(&effect)) {
    waiting_retry_ = true;
    record(wait->retry);
  } else if (const auto* check = std::get_if<RunAcceptance>(&effect)) {
    checking_ = true;
    record(AcceptanceStarted{.round = check->round});
  } else if (const auto* change = std::get_if<RepairRequest>(&effect)) {
    repair(change->event);
  } else if (const auto* trial = std::get_if<TryRequest>(&effect)) {
    trying_ = true;
    record(trial->trial);
  } else if (const auto* report = std::get_if<ReportRefusal>(&effect)) {
    count("end " + std::string(to_string(report->end.outcome)) + " " + report->end.reason);
    record(report->end);
  } else {
    cancel_work();
  }
}

// What the endpoint in use is sent, as a strict host reads it that numbers the calls.
void CoreWorld::check_history() {
  if (live_.endpoints.size() < 2) return;
  const Histories::View view = histories_.at_endpoint_in_use(live_);
  std::string body;
  std::set<std::string> ids;
  std::vector<std::string> open;
  for (std::size_t i = 0; i < view.messages->size(); ++i) {
    const std::string_view fragment = view.messages->fragment(i);
    body += std::string(fragment) + ",";
    const Json message = json::parse(fragment).value();
    for (const Json& call : message.value("tool_calls", Json::array())) {
      open.push_back(call.value("id", ""));
      if (!ids.insert(open.back()).second) broken("no id stands twice in a history");
    }
    if (message.value("role", "") != "tool") continue;
    if (open.empty() || open.front() != message.value("tool_call_id", "")) {
      return broken("a result has the id that its call has at this endpoint");
    }
    open.erase(open.begin());
  }
  if (view.call_ids != nullptr) count("a history is re-projected");
  if (view.call_ids != nullptr && *view.call_ids != ids) broken("the ids at an endpoint are known");
  const EndpointPlan& endpoint = live_.endpoints[live_.endpoint];
  std::string& last = sent_[endpoint.host + endpoint.base_url];
  if (!body.starts_with(last)) broken("an endpoint gets again what it got, and more");
  last = std::move(body);
}

// What model/ would make of it.
void CoreWorld::repair(RequestRepaired event) {
  event.prefix = live_.prefix;
  std::erase_if(event.prefix,
                [&](const PrefixPart& part) { return part.field == "tools/" + event.tool; });
  count("repair " + std::string(name_in(kRepairNames, event.kind)));
  if (event.kind == RepairKind::kStrict && random_.chance(80)) {
    event.left_out = {"thinking"};
    if (random_.chance(50)) event.message = 0;
    if (random_.chance(30)) event.told_choice = "required";
    if (random_.chance(30)) event.prefix.push_back({.field = "thinking", .value = some_text()});
  }
  // No endpoint gets a message again that another one stands for now.
  if (!event.fragment.empty()) {
    histories_.start_over();
    sent_.clear();
  }
  record(std::move(event));
}

void CoreWorld::start_call(std::int64_t index) {
  if (options_.mutation == Mutation::kBeginBeforeCommit && crashes_left_ > 0 &&
      random_.chance(25)) {
    ++executed_[name_of(index)];
    throw Crash{};
  }
  intended_.insert(index);
  record(CallIntended{
      .call = index, .attempt = call_state(index).attempt + 1, .key = "key of " + name_of(index)});
}

void CoreWorld::resolve_doubt(std::int64_t index) {
  const CallState& call = call_state(index);
  if (call.assessment->effect <= EffectClass::kIdempotent) {
    count("a repeatable call in doubt runs again");
    return start_call(index);
  }
  if (errs(Mutation::kRunAgain)) return start_call(index);
  const bool can_be_probed = can_probe(call.call.name);
  if (can_be_probed && executed_[name_of(index)] == 0) {
    count("a probe says that a call had no effect");
    return start_call(index);
  }
  if (can_be_probed) {
    count("a probe says that a call had its effect");
    return finish_call(index, CallStatus::kOk, "It is there.");
  }
  count("nobody knows what a call did");
  finish_call(index, CallStatus::kInDoubt, "In doubt: verify before you repeat it.");
}

void CoreWorld::cancel_work() {
  if (cancelling_) return;
  cancelling_ = true;
  count("work is cancelled");
  if (options_.mutation == Mutation::kGoOnAfterStop) {
    for (std::size_t i = 0; i < live_.calls.size(); ++i) {
      if (live_.calls[i].stage == CallStage::kAuthorized) {
        return start_call(static_cast<std::int64_t>(i));
      }
    }
  }
  if (asked_model_) {
    asked_model_ = false;
    record(RequestFailed{.step = live_.step,
                         .attempt = live_.attempt,
                         .error = {.code = ErrorCode::kCancelled, .message = "stopped"}});
  }
  if (trying_) {
    trying_ = false;
    record(TrialAnswered{.step = live_.step,
                         .trial = live_.repair.trials_sent,
                         .outcome = TrialOutcome::kUnknown,
                         .error = {.code = ErrorCode::kCancelled, .message = "stopped"}});
  }
  // What was about to begin in this batch never does; the rest ends with events of its own.
  const std::set<std::int64_t> never_began = std::exchange(intended_, {});
  for (const std::int64_t index : never_began) {
    finish_call(index, CallStatus::kCancelled, "Not run: the run was stopped.");
  }
  if (checking_) {
    checking_ = false;
    record(AcceptanceFinished{.passed = false, .report = "The check was stopped."});
  }
}

void CoreWorld::finish_call(std::int64_t index, CallStatus status, std::string_view text) {
  std::string id = call_state(index).call.id;
  if (errs(Mutation::kAnswerForAnother)) id += "0";
  CallFinished finished{.call = index,
                        .status = status,
                        .fragment = result_fragment(id, text),
                        .output_bytes = static_cast<std::int64_t>(text.size()),
                        .duration_ms = random_.below(1'000)};
  if (random_.chance(5)) finished.output_blob = "b10b" + name_of(index);
  if (random_.chance(20)) {
    finished.files.push_back({.path = random_.pick({"a", "b", "dir/x"}),
                              .hash = random_.chance(20) ? "" : std::to_string(random_.below(4)),
                              .written = random_.chance(50)});
  }
  const bool again = errs(Mutation::kAnswerTwice) && live_.calls.size() > 1;
  if (again) record(finished);
  record(std::move(finished));
}

// What happened outside was written down before: a request, and each effect of a call.
void CoreWorld::check_outside() {
  std::int64_t requests = 0;
  std::int64_t step = 0;
  std::set<std::string> intended;
  for (const Stored& stored : journal_) {
    if (stored.kind == "request_sent") ++requests;
    if (stored.kind != "model_replied" && stored.kind != "call_intended") continue;
    const Json payload = json::parse(stored.payload).value();
    if (stored.kind == "model_replied") step = payload.value("step", 0);
    if (stored.kind == "call_intended") {
      intended.insert(std::to_string(step) + "." + std::to_string(payload.value("call", 0)));
    }
  }
  if (requests_left_ > requests) broken("no request leaves that is not in the journal");
  for (const auto& [name, times] : executed_) {
    if (times > 0 && !intended.contains(name)) broken("no effect is without an intent");
  }
}

Run CoreWorld::fold_journal() {
  Run run;
  for (const Stored& stored : journal_) {
    const Result<RunEvent> event = decode(stored.kind, stored.payload);
    if (!event.ok() || !apply(run, *event).ok()) broken("the journal can be read");
  }
  return run;
}

void CoreWorld::die_and_resume() {
  if (!broken_.empty()) return;
  --crashes_left_;
  events_to_crash_ = -1;
  story_.push_back("-- crash --");
  count("crash after " + journal_.back().kind);
  // What ran may have had its effect or not.
  for (const std::int64_t index : running_) {
    if (random_.chance(50)) ++executed_[name_of(index)];
  }
  if (journal_.size() > 3 && errs(Mutation::kTearCommit)) journal_.erase(journal_.end() - 2);
  check_outside();
  if (!broken_.empty()) return;
  Run folded = fold_journal();
  const std::string difference = test::difference(folded, live_);
  if (!difference.empty()) broken("the journal folds to the same run: " + difference);
  if (!broken_.empty()) return;
  live_ = folded;
  shadow_ = std::move(folded);
  if (errs(Mutation::kForgetBudget)) live_.usage = shadow_.usage = {};
  if (crashes_left_ > 0 && random_.chance(30)) events_to_crash_ = random_.between(1, 4);
  try {
    resume(false);
    advance();
  } catch (const Crash&) {
    die_and_resume();
  }
}

void CoreWorld::resume(bool more_budget) {
  trying_ = asked_model_ = waiting_retry_ = checking_ = cancelling_ = false;
  intended_.clear();
  running_.clear();
  asked_people_.clear();
  Budget budget = live_.budget;
  RequestLimits limits = live_.endpoints[0].limits;
  if (more_budget && random_.chance(70)) budget = raised(budget);
  if (more_budget && random_.chance(30)) limits.window_tokens *= 2;
  RunResumed resumed{.version = "0.2.0",
                     .budget = budget,
                     .limits = limits,
                     .prefix = live_.endpoints[0].prefix,
                     .fallback = {.endpoints = {live_.endpoints.begin() + 1, live_.endpoints.end()},
                                  .after_ms = live_.fallback_after_ms,
                                  .return_ms = live_.return_ms,
                                  .strict_prefix = live_.strict_prefix}};
  histories_ = Histories(std::vector<HistoryDialect>(
      live_.endpoints.size(), HistoryDialect{.call_ids = CallIds::kNumbered}));
  resumed.endpoint = random_.below(static_cast<std::int64_t>(live_.endpoints.size()));
  if (random_.chance(20)) resumed.prefix = {{.field = "model", .value = some_text()}};
  if (random_.chance(20)) resumed.policy = make_policy();
  record(std::move(resumed));
  if (options_.mutation == Mutation::kForgetDoubt) {
    for (Run* run : {&live_, &shadow_}) {
      for (CallState& call : run->calls) {
        if (call.stage == CallStage::kInDoubt) call.stage = CallStage::kAuthorized;
      }
    }
  }
  if (random_.chance(more_budget ? 50 : 10)) record(MessageQueued{.text = some_text()});
}

// Refused, an event leaves the run as it was, whatever it says.
void CoreWorld::try_an_impossible_event() {
  const std::int64_t call = random_.between(-1, 6);
  const std::int64_t step = live_.step + random_.below(2);
  const std::array<EventBody, 24> events = {
      RunStarted{},
      MessageAdded{.origin = MessageOrigin::kUser, .fragment = "{}"},
      MessageAdded{.origin = MessageOrigin::kRuntime, .fragment = "{}"},
      PrefixChanged{},
      HostDiffers{.fact = "usage"},
      MediaUploaded{.blob = "b", .base_url = "u", .url = "ms://1"},
      RequestSent{.step = step, .attempt = random_.between(1, 3)},
      RequestFailed{.step = step, .attempt = random_.between(1, 3), .received_bytes = 9},
      RetryScheduled{},
      RetryDue{},
      EndpointChanged{.from = random_.below(3), .to = random_.between(-1, 3)},
      ModelReplied{.step = step, .text = "x", .usage = {.input_tokens = 1}},
      CallAssessed{.call = call},
      CallAuthorized{.call = call, .action = PolicyAction::kAllow},
      ApprovalAsked{.call = call},
      ApprovalGiven{.call = call, .answer = ApprovalAnswer::kAlways},
      CallIntended{.call = call, .attempt = random_.between(1, 2)},
      CallFinished{.call = call, .fragment = "{}", .files = {{.path = "a", .hash = "x"}}},
      AcceptanceStarted{.round = random_.between(1, 2)},
      RunEnded{},
      RequestRepaired{},
      RequestRepaired{.kind = RepairKind::kTool, .tool = "t"},
      TrialSent{.step = step},
      TrialAnswered{.step = step, .usage = {.input_tokens = 1}},
  };
  Run copy = live_;
  const EventBody& event = random_.pick_from(events);
  if (apply(copy, {.active_ms = active_ms_ + 1'000, .body = event}).ok()) return;
  count("refused " + std::string(kind_of(event)));
  const std::string difference = test::difference(copy, live_);
  if (!difference.empty()) {
    broken("a refused " + std::string(kind_of(event)) + " changes nothing: " + difference);
  }
}

// What has just happened cannot happen again at once, except for what people do.
void CoreWorld::try_the_last_event_again() {
  const Stored& last = journal_.back();
  for (const char* kind : {"message_queued", "message_added", "stop_requested", "run_resumed"}) {
    if (last.kind == kind) return;
  }
  const Result<RunEvent> event = decode(last.kind, last.payload);
  Run copy = live_;
  if (event.ok() && apply(copy, *event).ok()) broken("no " + last.kind + " happens twice");
}

}  // namespace perdure::test
