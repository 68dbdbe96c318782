// The state of a run: the fold of its events, and nothing else. apply() is the only code that
// changes it; decide() reads it and says what should happen next. Both are pure.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/event.h"
#include "core/loop_guard.h"
#include "core/repair_state.h"
#include "core/transcript.h"

namespace perdure {

enum class RequestState : std::uint8_t {
  kNone,      ///< Nothing is asked of the model.
  kInFlight,  ///< RequestSent is the last word.
  kFailed,    ///< RequestFailed is the last word.
  kWaiting,   ///< A retry is scheduled.
  kDue,       ///< The retry may go out.
  kTrying,    ///< TrialSent is the last word.
};

enum class CallStage : std::uint8_t {
  kProposed,
  kAssessed,
  kAuthorized,  ///< Allowed, not started.
  kAsking,      ///< A person is asked.
  kRunning,     ///< Intended: the effect may have happened.
  kInDoubt,     ///< Intended by a process that died.
  kFinished,
};

struct CallState {
  ToolCall call;
  CallStage stage = CallStage::kProposed;
  std::optional<Assessment> assessment;
  std::optional<PolicyAction> decision;  ///< What the policy said; set before a person is asked.
  std::int64_t attempt = 0;
  std::string key;
  CallStatus status = CallStatus::kOk;
  std::string fragment;
};

/// Given by "always", for the rest of the run: this tool on these paths, or this very call when it
/// names no paths.
struct Grant {
  std::string tool;
  std::vector<std::string> paths;
  std::string hash;
};

struct StoredOutput {
  std::string blob;
  std::int64_t bytes = 0;
};

/// Who sent the replies from this message on.
struct Issuer {
  std::size_t first_message = 0;
  std::string host;
  std::string base_url;
};

/// An endpoint that did not answer the step under way, and how it failed.
struct GivenUp {
  std::size_t endpoint = 0;
  RequestFailed failure;
  bool may_try_again = false;  ///< It was left early: for one that might answer sooner.
};

struct Run {
  bool started = false;
  RunStarted definition;  ///< As it was started, but for its policy, which is the one that holds
                          ///< now, as `limits` and `budget` below are.
  RequestLimits limits;
  Budget budget;

  Transcript transcript;
  std::deque<MessageQueued> queue;  ///< Messages that wait for the end of the open exchange.
  std::int64_t turn = 0;
  std::int64_t step = 0;            ///< The step under way, or the last one.
  std::int64_t turn_steps = 0;      ///< Replies in this turn.
  bool model_should_speak = false;  ///< The last word is not the model's.
  bool runtime_spoke = false;       ///< The last word is a note of the runtime.

  RequestState request = RequestState::kNone;
  std::int64_t attempt = 0;  ///< Of the request under way.
  RequestSent sent;          ///< The last one.
  std::optional<RequestFailed> failure;
  bool calls_missed = false;     ///< An attempt of this request announced calls and held none.
  bool key_renewed = false;      ///< An attempt of this request goes out with another key.
  std::int64_t asked_at_ms = 0;  ///< Working time of its last attempt.
  std::int64_t waited_ms = 0;    ///< For its answer: attempts without any, and what was between.

  RepairState repair;

  std::vector<EndpointPlan> endpoints;  ///< The run's own, then those to fall back on.
  std::size_t endpoint = 0;             ///< The one in use: `limits` and `prefix` are its own.
  std::vector<Issuer> issuers;
  std::int64_t fallback_after_ms = kFallbackAfter_ms;
  std::int64_t return_ms = 0;   ///< After so much work elsewhere the run's own is tried again...
  std::int64_t away_at_ms = 0;  ///< ...counted from this working time.
  std::optional<std::size_t> tried_from;  ///< It is being tried again, from this endpoint.
  std::vector<GivenUp> given_up;          ///< In the step under way.
  std::set<std::size_t> unusable;         ///< They refuse for good.
  bool strict_prefix = false;

  std::vector<PrefixPart> prefix;              ///< What the next request has before its messages...
  std::vector<PrefixPart> prefix_sent;         ///< ...and the last answered one had.
  std::size_t messages_agreed = 0;             ///< So many first messages are those that were sent.
  std::optional<std::size_t> message_changed;  ///< From this one on they are not.
  bool prefix_announced = false;               ///< Such a change, for the next request.
  std::int64_t cached_tokens_expected = 0;     ///< Of the next request, by what was billed.
  bool host_caches = false;                    ///< It has said that tokens were cached.

  std::vector<CallState> calls;  ///< Of the step under way; empty when the exchange is closed.
  bool calls_truncated = false;  ///< The reply was cut, by the output limit or by a filter.
  std::vector<Grant> grants;

  std::string text;           ///< The last answer of the model: all pieces of one that was cut.
  bool text_goes_on = false;  ///< It was cut; the next reply continues it.
  std::string cut_reply;  ///< Its message while the host goes on with it: joins when it is whole.
  bool stream_broke = false;  ///< By a stream that broke, not at the output limit.
  FinishReason finish = FinishReason::kStop;
  std::int64_t empty_replies = 0;  ///< In a row.
  std::int64_t cut_replies = 0;    ///< In a row.
  std::int64_t missing_calls = 0;  ///< Replies in a row that announced calls and held none.
  bool choice_met = false;         ///< The call of limits.told_choice came in this turn...
  std::int64_t choice_missed = 0;  ///< ...or so many replies without any call.
  LoopGuard guard;

  bool accepting = false;                        ///< The acceptance runs.
  bool accepted = false;                         ///< It passed since the model's last word.
  std::int64_t acceptance_round = 0;             ///< In this turn.
  std::optional<std::string> acceptance_report;  ///< Of a failed round, until the model was told.

  Usage usage;
  Usage shared_usage;  ///< The part of it that the parent had, before this run was forked.
  std::int64_t prompt_tokens_known = 0;  ///< Reported for the last answered request...
  std::size_t prompt_bytes_known = 0;    ///< ...whose messages had this many bytes...
  std::int64_t media_tokens_known = 0;   ///< ...and of `media_tokens` this many.

  std::int64_t media_tokens = 0;  ///< Of all images and videos that joined: an estimate.
  /// By address of the host and blob; an empty one for a file that the host refuses.
  std::map<std::pair<std::string, std::string>, std::string> media_uploads;
  std::set<std::string> media_omitted;  ///< What has been told.

  std::set<std::string> call_ids;          ///< Wire ids of all calls.
  std::set<std::string> host_differences;  ///< Facts whose contradiction has been told.
  std::map<std::string, std::string>
      file_hashes;  ///< Path to content hash, as the model last knew it.
  std::map<std::string, StoredOutput>
      stored_outputs;  ///< "step.call" to what read_output pages through.

  std::optional<StopCause> stop;
  std::optional<RunEnded> ended;

  /// Nothing is asked of the model, and what came of the request before is forgotten.
  void forget_request() {
    request = RequestState::kNone;
    attempt = 0;
    failure.reset();
    calls_missed = false;
    key_renewed = false;
    waited_ms = 0;
  }
  /// A forced choice that the host does not take, of which the model is told; empty for none.
  const std::string& told_choice() const {
    return limits.told_choice.empty() ? repair.told_choice : limits.told_choice;
  }
  /// The host does not go on with the reply that was cut: it joins as it is, and the model is told.
  void close_cut_reply();
};

/// Folds one event into the state. The event must be possible in this state: an impossible one is
/// damage. Errors: kCorrupt.
Status apply(Run& run, const RunEvent& event);

/// What the run itself used: what its budget is about.
Usage own_usage(const Run& run);

/// Whether something outside runs for this run: a request, a call, the acceptance.
bool work_under_way(const Run& run);

/// Tokens that the next request will have, at the least knowledge: what was reported, and bytes / 3
/// for the rest.
std::int64_t estimate_prompt_tokens(const Run& run);

}  // namespace perdure
