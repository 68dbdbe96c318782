// The body of a chat completions request: read once, with the messages also as the exact bytes that
// came, because what was sent before must come back byte for byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/reader.h"
#include "mock/model_rules.h"

namespace perdure::mock {

/// Why a request is refused: what the body of the answer says.
struct Refusal {
  int status = 400;
  std::string type = "invalid_request_error";
  std::string message;
};

/// A 400 as Moonshot words it: "Invalid request: ...".
Refusal invalid_request(std::string_view message);

struct ChatMessage {
  std::string_view role;  ///< Empty when it is missing or no string.
  std::string_view raw;   ///< Exactly as it was sent.
  json::Value value;
  std::string place;  ///< In the request, as refusals name it: "messages[2]".
};

/// Valid while the body and the reader that parsed it are unchanged.
struct Chat {
  json::Value root;
  /// The top-level fields exactly as they were sent: keys with their quotes, values.
  std::vector<std::pair<std::string_view, std::string_view>> members;
  std::string_view model;  ///< Empty when it is missing or no string.
  std::vector<ChatMessage> messages;
  std::size_t opening = 0;     ///< Messages before the first assistant message.
  std::size_t after_last = 0;  ///< The first message after the last assistant message.
  std::int64_t assistant_messages = 0;
  std::int64_t prompt_tokens = 0;  ///< Estimated: see estimate_tokens().
  bool streams = false;
  bool wants_usage = false;  ///< stream_options.include_usage.
  bool thinks = false;       ///< The model thinks in its answer, by its rules and the request.
  bool is_messages = false;  ///< It came in Anthropic's messages dialect.
  const ModelRules* rules = nullptr;
};

/// Refused: what is not JSON, no object, has a key twice, or no messages.
struct ParsedChat {
  Chat chat;
  std::optional<Refusal> refusal;
};
ParsedChat parse_chat(json::Reader& reader, std::string_view body);

/// Whether the last message is to go on: {"role":"assistant","content":...,"partial":true}.
bool is_partial(const Chat& chat);

/// A top-level field exactly as it was sent, or empty.
std::string_view raw_field(const Chat& chat, std::string_view name);

/// Bytes divided by four; what a data URI holds does not count, but each image or video as 1,024
/// tokens.
std::int64_t estimate_tokens(const ChatMessage& message);

/// The text of a message: its content, or the text parts of it one after the other.
std::string content_text(const json::Value& message);

/// Whether a call in the history may have this name: that of a tool, or of one that the host brings
/// ("$web_search").
bool is_call_name(std::string_view name);

/// A string as a message of an error shows it: quoted, printable, cut to about 200 bytes.
std::string in_quotes(std::string_view text);

}  // namespace perdure::mock
