// What the scripted endpoint says: the replies of a model, in order, and the faults before them,
// read from TOML. docs/mock.md documents every key for users. Plain values: they come from
// parse_mock_script() or are made by hand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <perdure/result.h>

namespace perdure {

/// How hosts differ in what they send. The protocol checks follow it: what only Moonshot refuses is
/// refused only with kMoonshot.
enum class MockDialect : std::uint8_t { kMoonshot, kOpenRouter, kVllm, kGroq };

struct ScriptedCall {
  std::string name;
  std::optional<std::string> id;  ///< Absent: "functions.NAME:K", K counting the calls before it.
  std::string arguments;          ///< The text, exactly as it is sent; valid JSON or not.
};

/// What is not given is computed from the bytes.
struct ScriptedUsage {
  std::optional<std::int64_t> prompt_tokens;
  std::optional<std::int64_t> cached_tokens;
  std::optional<std::int64_t> completion_tokens;
};

enum class FaultKind : std::uint8_t {
  kDelay,        ///< The reply itself, only later.
  kAnswer,       ///< A status with a body of its own.
  kRaw,          ///< Bytes instead of an HTTP answer, then the end of the connection.
  kClose,        ///< The end of the connection without a byte.
  kReset,        ///< A TCP reset without a byte.
  kCut,          ///< The beginning of the reply's body, then `ending`.
  kStall,        ///< The beginning of the body, silence, the rest.
  kStreamError,  ///< The beginning of the body, then an error under status 200.
  kWithoutDone,  ///< The whole reply, but "data: [DONE]".
  kEmpty,        ///< A complete reply without text and calls.
};

/// How a cut body ends.
enum class CutEnding : std::uint8_t {
  kClose,  ///< The connection closes in the middle.
  kReset,  ///< The connection is reset in the middle.
  kClean,  ///< The body ends as if it were complete.
};

struct ScriptedFault {
  FaultKind kind = FaultKind::kDelay;
  std::int64_t delay_ms = 0;  ///< Before anything is sent; beside the delay of the reply.
  int status = 200;           ///< kAnswer.
  std::string error_type;     ///< kAnswer: chooses the default body; empty for the status's own.
  std::optional<std::string> body;  ///< kAnswer, kRaw; absent: an error body that fits the status.
  std::string content_type = "application/json";             ///< kAnswer.
  std::string retry_after;                                   ///< kAnswer; empty for none.
  std::vector<std::pair<std::string, std::string>> headers;  ///< kAnswer: more of them.
  std::optional<std::int64_t>
      after_bytes;  ///< kCut, kStall, kStreamError: of the body; absent: half of it.
  CutEnding ending = CutEnding::kClose;  ///< kCut.
  std::int64_t stall_ms = 0;             ///< kStall.
  bool streams_only = false;             ///< A request for a whole reply gets the reply.
  std::string error_message;             ///< kStreamError.
};

struct ScriptedReply {
  std::string reasoning;
  std::string text;
  std::string finish;  ///< Empty: "tool_calls" with calls, else "stop".
  std::vector<ScriptedCall> calls;
  std::vector<ScriptedFault> faults;  ///< One each for the first requests, then the reply.
  std::vector<std::string>
      expect;  ///< What must stand in the messages after the last assistant message.
  ScriptedUsage usage;
  std::optional<std::int64_t> delay_ms;        ///< Instead of the script's.
  std::optional<std::int64_t> chunk_delay_ms;  ///< Instead of the script's.
  bool new_prefix = false;  ///< The request for this reply may change what was sent before.
  /// How many replies this is. When the script says so, {n} and {reply} are replaced in its
  /// strings.
  std::int64_t repeat = 1;
  bool has_placeholders = false;
};

/// The replies of one kind of conversation. One without `opening` answers all that no other one
/// matches.
struct ScriptedConversation {
  std::vector<std::string>
      opening;  ///< What must stand in the messages before the first assistant message.
  std::vector<ScriptedReply> replies;
  std::vector<std::int64_t>
      ends;  ///< By entry of `replies`: the replies up to and with it, repeats counted.

  std::int64_t reply_count() const { return ends.empty() ? 0 : ends.back(); }
  /// Fills `ends`; needed after `replies` changed.
  void count_replies();
};

/// A rule of a host that no other host has: what is refused, and with which words.
struct ScriptedRefusal {
  std::vector<std::string> containing;  ///< All of these stand in the body of the request...
  std::vector<std::string> lacking;     ///< ...and none of these.
  int status = 400;
  std::string type = "invalid_request_error";
  std::string message;
};

struct MockScript {
  std::string model;         ///< The only model served; empty: any.
  std::string key;           ///< The only key accepted; empty: any or none.
  bool strict = true;        ///< Checks the protocol.
  bool check_prefix = true;  ///< With strict: what was sent before must not change.
  MockDialect dialect = MockDialect::kMoonshot;
  std::vector<std::string> refuses;  ///< Top-level fields: a request with one gets a 400.
  std::int64_t window_tokens = 0;    ///< Instead of the model's; 0: the model's.
  std::int64_t delay_ms = 0;         ///< Before each reply.
  std::int64_t chunk_delay_ms = 0;   ///< Between two chunks of a stream.
  std::size_t chunk_bytes = 0;       ///< Of text in a delta; 0: about twelve characters.
  std::size_t wire_bytes =
      0;  ///< Cuts streams anywhere, into HTTP chunks of this size; 0: one for each event.
  std::vector<ScriptedRefusal>
      refusals;  ///< Beside the checks of the protocol; the first that fits.
  /// Those with an opening first, in the order of the file; the top-level replies last.
  std::vector<ScriptedConversation> conversations;
};

/// Errors: kConfig for the first mistake, with "file:line:column".
Result<MockScript> parse_mock_script(std::string_view toml, const std::string& file);

}  // namespace perdure
