// The events of a run: what happened, in order. The journal stores them, apply() folds them into
// the state of the run, and everything that shows a run reads them. docs/events.md is their
// documentation; the names here are the names there.
//
// Events are values. Each has a JSON payload (encode, decode) that never changes its meaning: a
// field is added, never reused. An event of a kind that this version does not know is refused, not
// skipped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <perdure/budget.h>
#include <perdure/policy.h>
#include <perdure/result.h>
#include <perdure/run.h>

namespace perdure {

/// Prices in USD for one million tokens.
struct Price {
  double input = 0;
  double cached = 0;
  double output = 0;
  std::optional<double> cache_write = {};  ///< Of input that the host puts into its cache; absent:
                                           ///< as any other.
};

/// Calls of one reply that are run, unless the agent says otherwise (fault N74).
inline constexpr std::int64_t kCallsMax = 128;
/// Waiting for the answer to one request, over its attempts, unless the agent says otherwise.
inline constexpr std::int64_t kRetryTime_ms = 30 * 60 * 1000;
/// The same at an endpoint that has another one to fall back on, before that one is asked.
inline constexpr std::int64_t kFallbackAfter_ms = 60 * 1000;

/// What the core must know about model and host to plan a request.
struct RequestLimits {
  std::int64_t window_tokens = 0;
  std::int64_t output_tokens_max = 32'768;  ///< Configured cap of one reply.
  std::int64_t head_bytes =
      0;  ///< What every request carries before its messages: tools and options.
  std::optional<Price> price;
  std::int64_t attempts_max = 10;  ///< Of one request.
  std::int64_t retry_ms = kRetryTime_ms;
  std::int64_t parallel_calls_max = 8;
  std::int64_t calls_max = kCallsMax;  ///< Of one reply; those beyond it are not run.
  bool continues = false;              ///< The host goes on with a reply that was cut.
  std::string told_choice;  ///< A tool, or "required": the model is told, for the host forces none.
};

/// A part of what every request carries before its messages and a host's prompt cache depends on.
struct PrefixPart {
  std::string field;  ///< "base_url", "model", "thinking", "tools/read_file", in this order.
  std::string value;  ///< As it is, or the hash of a tool's declaration.

  bool operator==(const PrefixPart&) const = default;
};

/// Where requests may go, and what they are planned with there.
struct EndpointPlan {
  std::string model;
  std::string host;
  std::string base_url;
  RequestLimits limits;
  std::vector<PrefixPart> prefix;
};

/// What takes over when the endpoint in use fails (core/fallback.h).
struct FallbackPlan {
  std::vector<EndpointPlan> endpoints;  ///< In the order in which they are tried.
  std::int64_t after_ms = kFallbackAfter_ms;
  std::int64_t return_ms = 0;  ///< After so much work elsewhere the run's own is tried again.
  bool strict_prefix =
      false;  ///< No endpoint is changed once the prompt cache would be lost by it.
};

/// The run came into being. The definition of the agent is kept whole, so that a resume needs no
/// file.
struct RunStarted {
  std::string version;  ///< Of Perdure.
  std::string agent;    ///< JSON: the definition of the agent (docs/agent.md), without keys.
  std::string agent_name;
  std::string task;
  std::string model;
  std::string host;
  std::string base_url;
  std::string workspace;
  RequestLimits limits;
  std::vector<PrefixPart> prefix;
  Budget budget;
  std::vector<PolicyRule> policy;
  std::int64_t acceptance_rounds =
      0;  ///< How often a failed acceptance goes back to the model; 0: there is none.
  FallbackPlan fallback;
  std::string parent = {};  ///< The run that this one was forked from.
};

/// All events before this one are shared with the parent of the run. What they used is not this
/// run's.
struct RunForked {
  std::string parent;
  std::int64_t step = 0;                  ///< The last one that is shared.
  Budget budget;                          ///< The whole budget of this run.
  std::vector<std::string> changes = {};  ///< One line for people each.
};

enum class MessageOrigin : std::uint8_t {
  kInstructions,  ///< The system prompt.
  kUser,          ///< A person or the embedding program; opens a turn.
  kRuntime,       ///< A note of the runtime to the model (a nudge, a failed acceptance).
};

/// A message waits until the exchange that is open has closed.
struct MessageQueued {
  std::string text;
  std::string fragment = {};      ///< With images or videos: as it will join. Else empty.
  std::int64_t media_tokens = 0;  ///< What they add to a prompt: an estimate.

  bool operator==(const MessageQueued&) const = default;
};

/// A message joined the transcript.
struct MessageAdded {
  MessageOrigin origin = MessageOrigin::kUser;
  std::string fragment;
};

/// The next request does not begin as the last one did, so the host's prompt cache does not help.
struct PrefixChanged {
  std::int64_t message = -1;  ///< The first message that differs; -1: what comes before them.
  std::string field;          ///< Of a PrefixPart, or "messages".
  std::string summary;        ///< One line for people.
  std::int64_t tokens = 0;    ///< Estimate of those that are billed in full once more.
  std::optional<double> usd;  ///< What that costs, by the price of the model.
};

/// A reply contradicts what the host's profile says was seen once: told once a run for each fact.
struct HostDiffers {
  std::string fact;  ///< "call_ids", "reasoning", "usage".
  std::string expected;
  std::string seen;
  std::string summary;  ///< One line for people.
};

/// A stored image or video is at the host now, and goes there by its address from here on.
struct MediaUploaded {
  std::string blob;
  std::string base_url;
  std::string url;      ///< "ms://ID"; empty when the host refuses the file...
  std::string problem;  ///< ...and why.
};

/// The endpoint in use is not sent some of the images and videos: told once a run for each text.
struct MediaOmitted {
  std::string summary;  ///< One line for people.
};

struct RequestSent {
  std::int64_t step = 0;
  std::int64_t attempt = 1;
  std::int64_t output_tokens_max = 0;
  std::int64_t input_tokens_estimate = 0;
  double reserved_usd = 0;
  std::int64_t messages = 0;
  std::string messages_hash;  ///< Transcript::hash(); empty in journals that are older.
  std::string body = {};      ///< JSON: what was written (runtime/request_text.h); the same.
  bool continues = false;     ///< Behind them stands a reply that was cut: it is to go on.
};

struct RequestFailed {
  std::int64_t step = 0;
  std::int64_t attempt = 1;
  Error error;
  std::int64_t received_bytes =
      0;                      ///< Of reply; more than 0 means that the host probably bills it.
  std::int64_t delay_ms = 0;  ///< What the driver drew for the next attempt.
  bool structural = false;    ///< The host refuses the form of the request: it can be repaired.
  std::vector<std::string> tools;  ///< Those whose parameters have a path that the host names.
  bool key_renewed = false;   ///< The key file held another key: the next attempt has it (N10).
  bool circuit_open = false;  ///< Requests of all runs fail there: one at a time is let through.
  std::string kept;  ///< The message as far as it came, where the host can go on with it...
  std::string text;  ///< ...and its answer.
};

struct ReplyUsage {
  std::int64_t input_tokens = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t cache_write_tokens = 0;  ///< Of the input, put into the host's cache now.
  std::int64_t output_tokens = 0;
  std::int64_t reasoning_tokens = 0;
  std::optional<double> usd;  ///< When the host says what it billed.
  bool estimated = false;
  std::int64_t expected_cached_tokens = 0;  ///< When the host had clearly fewer in its cache.
  double tools_usd = 0;                     ///< Of functions that the host runs, beside the tokens.
};

enum class RepairKind : std::uint8_t {
  kStrict,   ///< What is optional is left out.
  kTool,     ///< A tool is not declared any more.
  kMessage,  ///< The content of a message is replaced by a note.
  kMedia,    ///< The images and videos of a message are.
};

/// The host refuses the form of the request: this is changed, for the rest of the run.
struct RequestRepaired {
  RepairKind kind = RepairKind::kStrict;
  std::vector<std::string> left_out;  ///< kStrict: for people.
  std::string told_choice;  ///< kStrict: the forced choice that went with it; the model is told.
  std::string tool;         ///< kTool.
  std::int64_t message =
      -1;  ///< kMessage, kMedia: which one; kStrict: the first that differs, -1 for none.
  std::string fragment;            ///< kMessage, kMedia: what stands there now.
  std::string summary;             ///< One line for people.
  std::vector<PrefixPart> prefix;  ///< What requests have before their messages from now on.
};

/// A small request without some parts, to find out which one the host refuses.
struct TrialSent {
  std::int64_t step = 0;
  std::int64_t trial = 1;            ///< Of this step.
  std::vector<std::string> without;  ///< "tools/NAME", "messages/3", "messages/5-9", "media/4".
  std::int64_t input_tokens_estimate = 0;
  std::string body = {};  ///< As in RequestSent.
};

enum class TrialOutcome : std::uint8_t {
  kTaken,
  kRefused,
  kUnknown,  ///< Another error.
};

struct TrialAnswered {
  std::int64_t step = 0;
  std::int64_t trial = 1;
  TrialOutcome outcome = TrialOutcome::kTaken;
  Error error;  ///< Unless the host took it.
  ReplyUsage usage;
  std::int64_t delay_ms = 0;  ///< kUnknown: what the driver drew for the next attempt.
};

struct RetryScheduled {
  std::int64_t delay_ms = 0;
  std::int64_t attempts_max = 0;  ///< Of the request; 0: not told.
  std::int64_t left_ms = 0;       ///< Of the time for its attempts, before this delay.
};

struct RetryDue {};

/// Requests go to another endpoint from here on: because the last one failed or lets the run wait,
/// or, between two steps, back to the run's own.
struct EndpointChanged {
  std::int64_t from = 0;  ///< 0: the run's own; n: the n-th fallback.
  std::int64_t to = 0;
  std::string from_name;  ///< "kimi-k2.6 at moonshot".
  std::string to_name;
  std::string reason;   ///< The code of the error, or "return".
  std::string message;  ///< What the error says, or why the run does not wait.
};

/// A call as the model wrote it.
struct ToolCall {
  std::string id;         ///< As on the wire, or synthesised.
  std::string name;       ///< The tool that is meant: as on the wire, without "functions.".
  std::string arguments;  ///< The text, valid or not.
};

/// Something that the fragment does not carry as it came.
struct ReplyEdit {
  std::string field;     ///< "content", "tool_calls/0/id", "tool_calls/0/function/arguments", ...
  std::string original;  ///< What came.
  std::string reason;
};

enum class FinishReason : std::uint8_t { kStop, kToolCalls, kLength, kContentFilter, kOther };

struct ModelReplied {
  std::int64_t step = 0;
  std::string
      fragment;      ///< The assistant message to send back; empty when there is nothing to send.
  std::string text;  ///< The answer, in memory only: it is in the fragment.
  std::vector<ToolCall> calls;  ///< In memory only: they are in fragment and edits.
  std::vector<ReplyEdit> edits;
  FinishReason finish = FinishReason::kStop;
  std::string finish_text;  ///< As the host spelled it.
  ReplyUsage usage;
  std::string response_id;
  std::int64_t first_byte_ms = 0;
  std::int64_t duration_ms = 0;
};

/// What tools/ found out about a call without running it.
struct Assessment {
  std::optional<Error> problem;  ///< The call cannot run: unknown tool, bad arguments, bad path.
  EffectClass effect = EffectClass::kDestructive;
  std::vector<std::string> reads;   ///< Relative paths.
  std::vector<std::string> writes;  ///< Relative paths.
  bool exclusive =
      false;            ///< May touch anything: conflicts with every call that touches something.
  std::string hash;     ///< SHA-256 of tool and canonical arguments.
  std::string summary;  ///< One line for people.
};

struct CallAssessed {
  std::int64_t call = 0;
  Assessment assessment;
};

struct CallAuthorized {
  std::int64_t call = 0;
  PolicyAction action = PolicyAction::kAllow;
  std::string rule;  ///< Why: the rule that matched, or "default".
};

struct ApprovalAsked {
  std::int64_t call = 0;
};

struct ApprovalGiven {
  std::int64_t call = 0;
  ApprovalAnswer answer = ApprovalAnswer::kNo;
  std::string by;  ///< "person", "headless", or "error: " and what the approver threw.
};

/// From here on the effect may have happened.
struct CallIntended {
  std::int64_t call = 0;
  std::int64_t attempt = 1;
  std::string key;  ///< Idempotency key.
};

enum class CallStatus : std::uint8_t {
  kOk,
  kError,      ///< The tool ran and failed, or could not start.
  kInvalid,    ///< The call never ran: unknown tool, bad arguments.
  kTruncated,  ///< The call never ran: the reply was cut by the output limit or a filter.
  kDenied,     ///< The call never ran: policy or a person refused.
  kTimeout,
  kCancelled,
  kInDoubt,  ///< It is not known whether, or how far, the call ran.
};

/// What a call did to a file, by content hash.
struct FileTouch {
  std::string path;
  std::string hash;  ///< Of the content after the call; empty when the file is gone.
  bool written = false;
};

struct CallFinished {
  std::int64_t call = 0;
  CallStatus status = CallStatus::kOk;
  std::string fragment;  ///< The tool message for the model.
  std::int64_t output_bytes = 0;
  std::string output_blob;  ///< Hash of the whole output when the fragment holds only a part.
  std::int64_t duration_ms = 0;
  std::vector<FileTouch> files;
};

struct AcceptanceStarted {
  std::int64_t round = 1;
};

struct AcceptanceFinished {
  bool passed = false;
  std::string report;  ///< What failed, for the model.
};

enum class StopCause : std::uint8_t {
  kInterrupt,  ///< A person or the embedding program: at once.
  kPause,      ///< The same, but the open exchange may close first.
  kWallTime,   ///< The budget's working time is over.
};

struct StopRequested {
  StopCause cause = StopCause::kInterrupt;
};

struct RunEnded {
  Outcome outcome = Outcome::kDone;
  std::string reason;  ///< "steps", "usd", "context_full", "repeated_calls", an error code, ...
  std::string message;
};

/// The run goes on, in this process or another one, with what is given here changed.
struct RunResumed {
  std::string version;
  Budget budget;  ///< The whole new budget.
  RequestLimits limits;
  std::vector<PrefixPart> prefix;
  std::optional<std::vector<PolicyRule>> policy;  ///< The whole new policy; absent: as it was.
  std::string model;     ///< Of the run's own endpoint, as `limits` and `prefix` are...
  std::string host;      ///< ...and this;
  std::string base_url;  ///< all three empty in journals that are older.
  FallbackPlan fallback;
  std::int64_t endpoint = 0;  ///< The one that is used: 0, or the n-th fallback.
  std::string agent = {};     ///< JSON, when it is another one than that of run_started.
};

using EventBody =
    std::variant<RunStarted, MessageQueued, MessageAdded, PrefixChanged, HostDiffers, RequestSent,
                 RequestFailed, RetryScheduled, RetryDue, EndpointChanged, ModelReplied,
                 CallAssessed, CallAuthorized, ApprovalAsked, ApprovalGiven, CallIntended,
                 CallFinished, AcceptanceStarted, AcceptanceFinished, StopRequested, RunEnded,
                 RunResumed, RequestRepaired, TrialSent, TrialAnswered, MediaUploaded, MediaOmitted,
                 RunForked>;

/// An event with its time. The core reads no clock: the driver stamps each event.
struct RunEvent {
  std::int64_t active_ms = 0;  ///< Working time of the run so far, over all processes.
  EventBody body;
};

/// "call_finished" for CallFinished: the kind column of the journal.
std::string_view kind_of(const EventBody& body);

/// The JSON payload.
std::string encode(const RunEvent& event);
/// Errors: kCorrupt for an unknown kind or a payload that does not fit it.
Result<RunEvent> decode(std::string_view kind, std::string_view payload);

std::string_view to_string(CallStatus status);
std::string_view to_string(FinishReason reason);
std::string_view to_string(StopCause cause);

}  // namespace perdure
