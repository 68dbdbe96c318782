// Drives one run: asks decide() what should happen, journals the intent, performs it when the
// journal says that it is durable, and journals what came of it. Everything happens on the loop's
// thread.
//
// The order is the promise: apply to the state, commit, then act. Effects of one turn are committed
// together, so that a step costs two commits: (reply + intents) and (results + next request). Where
// all calls of a step are quick reads, which need no durable intent, it costs one.
#pragma once

#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <perdure/run.h>

#include "core/decide.h"
#include "core/run.h"
#include "loop/loop.h"
#include "model/chat_request.h"
#include "model/history.h"
#include "model/history_check.h"
#include "model/media_writer.h"
#include "runtime/active_clock.h"
#include "runtime/call_runner.h"
#include "runtime/engine.h"
#include "runtime/repaired_request.h"
#include "runtime/request_recorder.h"
#include "tools/registry.h"

namespace perdure {

/// An endpoint, and how it is told of the tools.
struct EndpointParts {
  Endpoint endpoint;
  std::vector<ToolDeclaration> declarations;
  std::string key_file = {};  ///< Where its key was read, unless that was the environment.
};

/// What a driver needs to know of the agent; shared by its runs.
struct AgentParts {
  AgentOptions options;
  Registry registry;
  std::vector<EndpointParts> endpoints;  ///< The agent's own, then those to fall back on.
};

/// Everything about one run but its state.
struct RunSetup {
  std::string run_id;
  std::shared_ptr<const AgentParts> parts;
  std::shared_ptr<MediaLibrary> media = std::make_shared<MediaLibrary>();  ///< For messages.
  std::vector<ChatRequest> requests;                                       ///< Of each endpoint.
  Histories histories;
  std::optional<RepairedRequest> repaired;  ///< Of the endpoint in use, once it was repaired.
  std::shared_ptr<const Workspace> workspace;
  std::shared_ptr<const Sandbox> sandbox;  // of commands; absent with full access
  Observer observer;
  Approver approver;
};

class RunDriver {
 public:
  RunDriver(Engine& engine, RunSetup setup, std::function<void(RunResult)> done);
  ~RunDriver();

  /// Begins a new run with these events (RunStarted first).
  void begin(std::vector<EventBody> events);
  /// Goes on with a stored run that has so many events.
  void resume(Run state, std::uint64_t events, RunResumed resumed, MessageQueued message);

  void say(std::string text);
  void stop(StopCause cause);

 private:
  using Action = std::function<void()>;

  void record(EventBody body);
  void advance();
  void flush();
  void commit();
  void committed(const Status& status, const Batch& batch, const std::vector<Action>& actions);
  void observe(const Batch& batch);
  void observe_delta(std::string_view kind, std::string_view text);
  void show(const Event& event);

  void assess_call(std::size_t index);
  void ask_approval(std::size_t index);
  void answer_approval(std::int64_t step, std::int64_t number, ApprovalAnswer answer,
                       std::string by);
  void start_call(std::size_t index);
  void call_done(std::size_t index, CallResult result);
  void record_call(std::size_t index, const CallResult& result, const std::string& blob,
                   std::string_view shown);
  void resolve_doubt(std::size_t index);
  bool may_ask(const RequestSent& request);
  void stand_in_line(const RequestSent& request);
  void show_waiting(const std::string& text);
  void look_for_another(std::int64_t after_ms);
  void send_request(std::int64_t attempt);
  void drop_request() {
    exchange_.reset();
    pass_.reset();
  }
  void request_replied(ModelReplied reply);
  void request_failed(const ModelFailure& failure);
  bool renew_key(const Error& error);
  Error with_time_to_resume(Error error, std::int64_t delay_ms) const;
  const Endpoint& endpoint() const;
  HttpTimeouts timeouts() const;
  std::string request_id() const;
  HttpBody request_body();
  void tell_omitted_media();
  bool upload_media(std::int64_t attempt);
  void file_uploaded(const std::string& blob, const Result<std::string>& url, std::int64_t attempt);
  void repair_request(RequestRepaired event);
  void try_request(const TryRequest& effect);
  bool is_trying(std::int64_t number) const;
  void begin_trial(std::int64_t number, const RequestParts& without);
  void send_trial(const RequestParts& without);
  void trial_failed(const ModelFailure& failure);
  void cancel_trial();
  void report_refusal(RunEnded end);
  void run_acceptance();
  void acceptance_step(std::size_t command, std::string report);
  void cancel_work();
  void watch_wall_time();
  void fail_store(const Error& error);
  void finish();

  PreparedCall& prepared(std::size_t index);
  CallContext context_of(std::size_t index) const;
  RunRow row() const;
  RunResult result() const;

  Engine& engine_;
  RunSetup setup_;
  std::function<void(RunResult)> done_;
  Run state_;
  ActiveClock clock_;

  Batch batch_;                     // events that were applied and not yet handed to the journal
  std::vector<Action> actions_;     // what to do when they are durable
  std::vector<Action> reads_;       // calls that need not wait for that
  std::uint64_t sequence_ = 0;      // of the last event that observers saw
  std::unique_ptr<GatePass> pass_;  // at the endpoint: in line, or with the request under way
  HistoryCheck history_check_;
  RequestRecorder recorder_;
  std::map<std::size_t, Endpoint> renewed_;  // with another key than the agent began with
  std::unique_ptr<HttpExchange> exchange_;
  ReplyShape shape_;  // of the last reply
  std::vector<PreparedCall> prepared_;
  std::map<std::size_t, std::unique_ptr<CallRunner>> runners_;
  std::set<std::size_t>
      storing_;  // calls that are done and whose output is on its way to the blobs
  std::unique_ptr<CallRunner> acceptance_;
  Timer retry_timer_;
  Timer patience_timer_;
  Timer read_timer_;
  Timer wall_timer_;
  bool wants_model_ = false;  // decide() asks for a request, which may have to wait in line
  bool insists_ = false;      // just resumed: somebody wants to know whether the host answers
  bool cancelling_ = false;
  bool finished_ = false;
  std::optional<Error> store_error_;
  std::optional<Error> last_error_;
  std::optional<Error> observer_error_;
  std::shared_ptr<RunDriver*>
      self_;  // null inside when this object is gone: for callbacks of other threads
};

}  // namespace perdure
