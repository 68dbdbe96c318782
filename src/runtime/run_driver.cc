#include "runtime/run_driver.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "core/fallback.h"
#include "os/clock.h"
#include "runtime/approval.h"
#include "runtime/recovery.h"
#include "runtime/request_text.h"

namespace perdure {
namespace {

// What the embedding program throws must not end the process, and is shown: bounded, and text.
std::optional<std::string> thrown_by(const std::function<void()>& call) {
  constexpr std::size_t kThrownBytesMax = 512;
  try {
    call();
    return std::nullopt;
  } catch (const std::exception& error) {
    return to_valid_utf8(std::string_view(error.what()).substr(0, kThrownBytesMax));
  } catch (...) {
    return "something that is no exception";
  }
}

// How long the record of a step waits for its quick reads.
constexpr std::int64_t kQuickReadMs = 20;

// Is nothing lost when this call, of a function, runs before its intent is durable?
bool may_begin_at_once(const PreparedCall& call) {
  return call.assessment.effect <= EffectClass::kRead &&
         std::holds_alternative<ToolBody>(call.tool->body);
}

}  // namespace

RunDriver::RunDriver(Engine& engine, RunSetup setup, std::function<void(RunResult)> done)
    : engine_(engine),
      setup_(std::move(setup)),
      done_(std::move(done)),
      self_(std::make_shared<RunDriver*>(this)) {
  batch_.run_id = setup_.run_id;
}

RunDriver::~RunDriver() {
  *self_ = nullptr;
}

void RunDriver::begin(std::vector<EventBody> events) {
  for (EventBody& event : events) record(std::move(event));
  batch_.created = row();
  watch_wall_time();
  advance();
}

void RunDriver::resume(Run state, std::uint64_t events, RunResumed resumed, MessageQueued message) {
  state_ = std::move(state);
  sequence_ = events;
  clock_ = ActiveClock(state_.usage.wall_ms);
  const bool was_accepting = state_.accepting;
  insists_ = true;
  record(std::move(resumed));
  if (!message.text.empty()) record(std::move(message));
  const bool in_doubt =
      std::any_of(state_.calls.begin(), state_.calls.end(),
                  [](const CallState& call) { return call.stage == CallStage::kInDoubt; });
  // What the dead process left running must be gone before anybody judges what it did.
  if (in_doubt || was_accepting) kill_marked_processes(setup_.run_id);
  watch_wall_time();
  advance();
}

// --- The journal ---

void RunDriver::record(EventBody body) {
  const RunEvent event{.active_ms = clock_.elapsed_ms(), .body = std::move(body)};
  if (std::holds_alternative<EndpointChanged>(event.body)) {
    pass_.reset();  // of the one that is left
    history_check_ = {};
  }
  const Status applied = apply(state_, event);
  CHECK(applied.ok(), "the driver records only what decide() asked for");
  batch_.events.push_back({.at_ms = wall_time_ms(),
                           .kind = std::string(kind_of(event.body)),
                           .payload = encode(event)});
}

// Decides until nothing is left to decide, then commits all of it at once.
void RunDriver::advance() {
  struct Performer {
    RunDriver& driver;
    void operator()(const Record& effect) { driver.record(effect.event); }
    void operator()(const AssessCall& effect) {
      driver.assess_call(static_cast<std::size_t>(effect.call));
    }
    void operator()(const AskApproval& effect) {
      driver.ask_approval(static_cast<std::size_t>(effect.call));
    }
    void operator()(const StartCall& effect) {
      driver.start_call(static_cast<std::size_t>(effect.call));
    }
    void operator()(const ResolveDoubt& effect) {
      driver.resolve_doubt(static_cast<std::size_t>(effect.call));
    }
    void operator()(const CallModel& effect) {
      driver.wants_model_ = true;
      // Nothing is recorded while it waits in line: it is asked again when it is its turn.
      if (!driver.may_ask(effect.request)) return;
      driver.tell_omitted_media();
      RequestSent request = effect.request;
      request.body = driver.recorder_.record(
          request_text(driver.setup_, driver.state_, request.output_tokens_max));
      driver.record(std::move(request));
      driver.actions_.push_back(
          [this_ = &driver, attempt = effect.request.attempt] { this_->send_request(attempt); });
    }
    void operator()(const WaitForRetry& effect) {
      driver.record(effect.retry);
      driver.retry_timer_ =
          driver.engine_.loop().start_timer(effect.retry.delay_ms, [this_ = &driver] {
            if (this_->state_.ended) return;
            this_->record(RetryDue{});
            this_->advance();
          });
    }
    void operator()(const RunAcceptance& effect) {
      driver.record(AcceptanceStarted{.round = effect.round});
      driver.actions_.push_back([this_ = &driver] { this_->run_acceptance(); });
    }
    void operator()(const RepairRequest& effect) { driver.repair_request(effect.event); }
    void operator()(const TryRequest& effect) { driver.try_request(effect); }
    void operator()(const ReportRefusal& effect) { driver.report_refusal(effect.end); }
    void operator()(const CancelWork&) { driver.cancel_work(); }
  };
  wants_model_ = false;
  while (!store_error_) {
    const std::vector<Effect> effects = decide(state_);
    if (effects.empty()) break;
    const std::size_t events_before = batch_.events.size();
    for (const Effect& effect : effects) std::visit(Performer{*this}, effect);
    // Work that is being cancelled ends with events of its own, later.
    if (batch_.events.size() == events_before) break;
  }
  const bool asks =
      state_.request == RequestState::kInFlight || state_.request == RequestState::kTrying;
  if (!wants_model_ && !asks) pass_.reset();
  const bool waits_for_person = waiting_for_person(state_);
  if (waits_for_person == clock_.running()) {
    waits_for_person ? clock_.pause() : clock_.go_on();
    watch_wall_time();
  }
  flush();
}

// Calls that only read begin at once, and what is new waits a moment for what they find: a step
// of quick reads costs one commit.
void RunDriver::flush() {
  if (batch_.events.empty() || store_error_) return;
  for (const Action& read : std::exchange(reads_, {})) read();
  const bool only_reads = actions_.empty() && !state_.ended && !runners_.empty() &&
                          std::all_of(runners_.begin(), runners_.end(), [&](const auto& runner) {
                            return may_begin_at_once(prepared(runner.first));
                          });
  if (!only_reads) return commit();
  if (read_timer_.pending()) return;
  read_timer_ = engine_.loop().start_timer(kQuickReadMs, [this] { commit(); });
}

void RunDriver::commit() {
  read_timer_.cancel();
  if (state_.ended) batch_.finished = row();
  Batch batch = std::exchange(batch_, Batch{.run_id = setup_.run_id});
  engine_.commit(std::move(batch), [self = self_, &loop = engine_.loop(),
                                    actions = std::exchange(actions_, {})](const Status& status,
                                                                           Batch written) mutable {
    loop.post([self, status, written = std::move(written), actions = std::move(actions)] {
      if (*self != nullptr) (*self)->committed(status, written, actions);
    });
  });
}

void RunDriver::committed(const Status& status, const Batch& batch,
                          const std::vector<Action>& actions) {
  if (finished_) return;
  if (!status.ok()) return fail_store(status.error());
  observe(batch);
  for (const Action& action : actions) action();
  if (batch.finished) finish();
}

void RunDriver::observe(const Batch& batch) {
  for (const NewEvent& event : batch.events) {
    ++sequence_;
    show({.kind = event.kind,
          .run_id = setup_.run_id,
          .sequence = sequence_,
          .at_ms = event.at_ms,
          .payload = event.payload});
  }
}

void RunDriver::observe_delta(std::string_view kind, std::string_view text) {
  show({.kind = kind, .run_id = setup_.run_id, .at_ms = wall_time_ms(), .text = text});
}

// An observer that threw has lost track of the run, which does not depend on who watches it.
void RunDriver::show(const Event& event) {
  if (!setup_.observer) return;
  const std::optional<std::string> thrown = thrown_by([&] { setup_.observer(event); });
  if (!thrown) return;
  observer_error_ = Error{.code = ErrorCode::kToolFailed,
                          .message = "the observer threw and was not called again: " + *thrown,
                          .context = fmt::format("run {}, event {}", setup_.run_id, event.kind)};
  setup_.observer = nullptr;
}

// --- Calls ---

PreparedCall& RunDriver::prepared(std::size_t index) {
  if (prepared_.size() < state_.calls.size()) prepared_.resize(state_.calls.size());
  PreparedCall& call = prepared_[index];
  if (call.tool == nullptr) {
    call = setup_.parts->registry.prepare(state_.calls[index].call, setup_.workspace->path());
  }
  return call;
}

void RunDriver::assess_call(std::size_t index) {
  record(CallAssessed{.call = static_cast<std::int64_t>(index),
                      .assessment = prepared(index).assessment});
}

CallContext RunDriver::context_of(std::size_t index) const {
  const CallState& call = state_.calls[index];
  CallContext context;
  context.run_id = setup_.run_id;
  context.step = state_.step;
  context.call = static_cast<std::int64_t>(index);
  context.idempotency_key = call.key;
  context.workspace = setup_.workspace->path();
  context.files = setup_.workspace.get();
  context.blobs = &engine_.blobs();
  context.sandbox = setup_.sandbox;
  for (const std::vector<std::string>* paths :
       {&call.assessment->reads, &call.assessment->writes}) {
    for (const std::string& path : *paths) {
      const auto known = state_.file_hashes.find(path);
      if (known != state_.file_hashes.end()) context.known_hashes.insert(*known);
    }
  }
  if (call.call.name == "read_output") context.stored_outputs = state_.stored_outputs;
  if (call.call.name.starts_with('$')) context.arguments = call.call.arguments;
  return context;
}

void RunDriver::ask_approval(std::size_t index) {
  const auto number = static_cast<std::int64_t>(index);
  record(ApprovalAsked{.call = number});
  if (!setup_.approver) {
    return record(ApprovalGiven{.call = number, .answer = ApprovalAnswer::kNo, .by = "headless"});
  }
  const ApprovalRequest question =
      make_approval_request(setup_.run_id, state_, index, prepared(index), context_of(index));
  actions_.push_back([this, number, step = state_.step, question] {
    const std::optional<std::string> thrown = thrown_by([&] {
      setup_.approver(question, [self = self_, mailbox = engine_.loop().mailbox(), number,
                                 step](ApprovalAnswer answer) {
        mailbox.post([self, number, step, answer] {
          if (*self != nullptr) (*self)->answer_approval(step, number, answer, "person");
        });
      });
    });
    // Also when it answered before it threw, for its answer is still on its way: in doubt, no.
    if (thrown) answer_approval(step, number, ApprovalAnswer::kNo, "error: " + *thrown);
  });
}

// The first answer counts, and only while the call waits for one.
void RunDriver::answer_approval(std::int64_t step, std::int64_t number, ApprovalAnswer answer,
                                std::string by) {
  const bool waits = state_.step == step && !state_.ended &&
                     number < static_cast<std::int64_t>(state_.calls.size()) &&
                     state_.calls[static_cast<std::size_t>(number)].stage == CallStage::kAsking;
  if (!waits) return;
  record(ApprovalGiven{.call = number, .answer = answer, .by = std::move(by)});
  advance();
}

void RunDriver::start_call(std::size_t index) {
  const CallState& call = state_.calls[index];
  // Stable over repetitions of this very call, new for a call that the model makes anew.
  const std::string seed = setup_.run_id + "/" + std::to_string(state_.step) + "." +
                           std::to_string(index) + "/" + call.assessment->hash;
  record(CallIntended{.call = static_cast<std::int64_t>(index),
                      .attempt = call.attempt + 1,
                      .key = to_hex(sha256(seed)).substr(0, 32)});
  std::vector<Action>& start = may_begin_at_once(prepared(index)) ? reads_ : actions_;
  start.push_back([this, index, step = state_.step] {
    if (state_.step != step || cancelling_) return;
    const std::string marker =
        setup_.run_id + "/" + std::to_string(step) + "." + std::to_string(index);
    runners_[index] = std::make_unique<CallRunner>(
        engine_.loop(), engine_.workers(), prepared(index), context_of(index), marker,
        [this, index](CallResult result) { call_done(index, std::move(result)); });
  });
}

// A large output is stored before the event that names it.
void RunDriver::call_done(std::size_t index, CallResult result) {
  runners_.erase(index);
  result.outcome.text = to_valid_utf8(result.outcome.text);
  const std::string id = std::to_string(state_.step) + "." + std::to_string(index);
  const std::string shown = shown_part(result.outcome.text, result.outcome.shown_bytes_max, id);
  if (shown.size() == result.outcome.text.size()) {
    record_call(index, result, "", shown);
    return advance();
  }
  storing_.insert(index);
  engine_.workers().post([this_ = self_, &loop = engine_.loop(), &blobs = engine_.blobs(), index,
                          shown, result = std::move(result)]() mutable {
    const Result<std::string> blob = blobs.put(result.outcome.text);
    loop.post([this_, index, shown, blob, result = std::move(result)] {
      if (*this_ == nullptr) return;
      (*this_)->storing_.erase(index);
      if (!blob.ok()) return (*this_)->fail_store(blob.error());
      if ((*this_)->finished_) return;
      (*this_)->record_call(index, result, *blob, shown);
      (*this_)->advance();
    });
  });
}

void RunDriver::record_call(std::size_t index, const CallResult& result, const std::string& blob,
                            std::string_view shown) {
  record(CallFinished{.call = static_cast<std::int64_t>(index),
                      .status = result.outcome.status,
                      .fragment = result_fragment(state_.calls[index].call.id, shown),
                      .output_bytes = static_cast<std::int64_t>(result.outcome.text.size()),
                      .output_blob = blob,
                      .duration_ms = result.duration_ms,
                      .files = result.outcome.files});
}

void RunDriver::resolve_doubt(std::size_t index) {
  const auto number = static_cast<std::int64_t>(index);
  const Resolution resolution =
      resolve_in_doubt(state_.calls[index], prepared(index), context_of(index));
  if (resolution.run_again) {
    start_call(index);
  } else {
    record(CallFinished{
        .call = number,
        .status = resolution.outcome.status,
        .fragment = result_fragment(state_.calls[index].call.id, resolution.outcome.text),
        .output_bytes = static_cast<std::int64_t>(resolution.outcome.text.size()),
        .files = resolution.outcome.files});
  }
}

// --- Acceptance ---

void RunDriver::run_acceptance() {
  if (!cancelling_) acceptance_step(0, "");
}

// Runs the commands one after the other; `report` gathers what fails.
void RunDriver::acceptance_step(std::size_t command, std::string report) {
  const std::vector<std::string>& commands = setup_.parts->options.accept;
  if (command == commands.size()) {
    acceptance_.reset();
    record(AcceptanceFinished{
        .passed = report.empty(),
        .report = report.empty() ? ""
                                 : "Your answer was checked and is not accepted yet. These "
                                   "checks fail; repair what they show, then answer again.\n" +
                                       report});
    return advance();
  }
  CallContext context;
  context.files = setup_.workspace.get();
  context.sandbox = setup_.sandbox;
  acceptance_ = std::make_unique<CallRunner>(
      engine_.loop(), engine_.workers(),
      prepare_acceptance(commands[command], setup_.parts->options), context,
      setup_.run_id + "/accept", [this, command, report](const CallResult& result) mutable {
        if (result.outcome.status != CallStatus::kOk) {
          constexpr std::size_t kReportBytesMax = 8 * 1024;
          report += "\n$ " + setup_.parts->options.accept[command] + "\n" +
                    shown_part(to_valid_utf8(result.outcome.text), kReportBytesMax, "");
        }
        acceptance_step(command + 1, std::move(report));
      });
}

// --- The end ---

void RunDriver::say(std::string text) {
  if (finished_ || state_.ended) return;
  record(MessageQueued{.text = std::move(text)});
  advance();
}

void RunDriver::stop(StopCause cause) {
  if (finished_ || state_.ended || state_.stop == StopCause::kInterrupt) return;
  record(StopRequested{.cause = cause});
  advance();
}

void RunDriver::cancel_work() {
  if (cancelling_) return;
  cancelling_ = true;
  drop_request();
  if (state_.request == RequestState::kInFlight) {
    record(RequestFailed{.step = state_.step,
                         .attempt = state_.attempt,
                         .error = {.code = ErrorCode::kCancelled,
                                   .message = "the run was stopped while the model was asked"}});
  }
  if (state_.request == RequestState::kTrying) cancel_trial();
  for (const auto& [index, runner] : runners_) runner->stop();
  // A call whose start was on its way to the disk never began.
  for (std::size_t index = 0; index < state_.calls.size(); ++index) {
    const bool begun = runners_.count(index) > 0 || storing_.count(index) > 0;
    if (state_.calls[index].stage != CallStage::kRunning || begun) continue;
    record_call(index,
                {.outcome = {.status = CallStatus::kCancelled,
                             .text = "Not run: the run was stopped before this call began."}},
                "", "Not run: the run was stopped before this call began.");
  }
  if (state_.accepting) {
    acceptance_.reset();
    record(AcceptanceFinished{.passed = false, .report = "The check was stopped before it ended."});
  }
}

void RunDriver::watch_wall_time() {
  wall_timer_.cancel();
  if (!state_.budget.wall_ms || !clock_.running()) return;
  const std::int64_t used = clock_.elapsed_ms() - state_.shared_usage.wall_ms;
  const std::int64_t left = *state_.budget.wall_ms - used;
  wall_timer_ = engine_.loop().start_timer(left, [this] { stop(StopCause::kWallTime); });
}

// Nothing more is done once the journal cannot be written: what is under way is ended, and the run
// keeps what it had.
void RunDriver::fail_store(const Error& error) {
  if (finished_) return;
  store_error_ = error;
  finish();
}

void RunDriver::finish() {
  finished_ = true;
  drop_request();
  runners_.clear();
  acceptance_.reset();
  retry_timer_.cancel();
  patience_timer_.cancel();
  read_timer_.cancel();
  wall_timer_.cancel();
  // The batch with the end of the run gives the lease back; after a failure it is done here.
  if (store_error_) {
    engine_.journal().use([run_id = setup_.run_id](Result<Journal*> journal) {
      if (journal.ok()) (*journal)->close_run(run_id);
    });
  }
  const auto done = std::move(done_);
  const RunResult outcome = result();
  engine_.remove(this);
  if (done) done(outcome);
}

RunRow RunDriver::row() const {
  const Usage usage = own_usage(state_);
  return {.run_id = setup_.run_id,
          .agent = state_.definition.agent_name,
          .task = state_.definition.task,
          .model = state_.definition.model,
          .workspace = state_.definition.workspace,
          .created_ms = wall_time_ms(),
          .outcome = state_.ended ? std::optional(state_.ended->outcome) : std::nullopt,
          .steps = usage.steps,
          .usd = usage.usd,
          .input_tokens = usage.input_tokens,
          .output_tokens = usage.output_tokens,
          .parent = state_.definition.parent};
}

RunResult RunDriver::result() const {
  RunResult result{.text = state_.text,
                   .run_id = setup_.run_id,
                   .usage = own_usage(state_),
                   .observer_error = observer_error_};
  if (store_error_) {
    result.outcome = Outcome::kStoreFailed;
    result.reason = std::string(to_string(store_error_->code));
    result.message = store_error_->message;
    result.error = store_error_;
    // Nothing of it was kept: there is no run that this id would name.
    if (sequence_ == 0) result.run_id.clear();
    return result;
  }
  if (!state_.ended) return result;
  result.outcome = state_.ended->outcome;
  result.reason = state_.ended->reason;
  result.message = state_.ended->message;
  const bool by_endpoint = result.outcome == Outcome::kEndpointTemporary ||
                           result.outcome == Outcome::kEndpointPermanent;
  const bool by_wait = result.outcome == Outcome::kPaused && last_error_ &&
                       last_error_->retry == Retry::kLater &&
                       result.reason == to_string(last_error_->code);
  if ((!by_endpoint && !by_wait) || !last_error_) return result;
  result.error = error_of_end(state_, *last_error_);
  if (by_wait) result.error->advice.clear();  // the message says it
  if (result.error->advice.empty() && result.error->code == ErrorCode::kNetwork) {
    result.error->advice =
        "see that the address is right and that something answers there: 'perdure doctor' asks "
        "the hosts";
  }
  return result;
}

}  // namespace perdure
