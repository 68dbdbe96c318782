// Which reply of the script is due, with everything in it settled: placeholders replaced, ids
// counted. What is due follows from the request alone, so that a client that was killed and resumed
// gets the right one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mock/chat.h"
#include "mock/dialect.h"
#include "mock/script.h"

namespace perdure::mock {

struct DueCall {
  std::string id;
  std::string name;
  std::string arguments;
};

struct DueReply {
  const ScriptedReply* scripted = nullptr;
  std::int64_t number = 0;  ///< In the conversation, from 1.
  std::string reasoning;
  std::string text;
  std::string finish;
  std::vector<DueCall> calls;
  std::vector<std::string> expect;
};

/// The conversation of the script that this request belongs to, or null when none matches.
const ScriptedConversation* find_conversation(const MockScript& script, const Chat& chat);

/// The reply that follows `index` others; nothing beyond the end of the script. `calls_before`:
/// calls in the history.
std::optional<DueReply> due_reply(const ScriptedConversation& conversation, std::int64_t index,
                                  std::int64_t calls_before, const DialectTraits& traits);

/// How far the conversation is. A message may hold several replies: one that was cut at the limit
/// goes on in the next one, in the same message.
struct HistoryPlace {
  std::int64_t replies = 0;  ///< In the history.
  std::string begun;  ///< Of the reply that follows, this stands in a last message that is partial.
};
HistoryPlace place_in(const ScriptedConversation& conversation, const Chat& chat,
                      const DialectTraits& traits);

/// The number of calls in the messages of a request.
std::int64_t count_calls(const Chat& chat);

/// Refuses a request whose new messages lack a text that the reply expects there.
std::optional<Refusal> check_expected(const DueReply& reply, const Chat& chat);

/// Refuses a request that sends a reply back otherwise than it was sent: the assistant messages
/// from `first` on are compared with the script, string by string. What cannot be sent back as it
/// was (arguments that are no object, a name that no tool may have, an id that is empty or was
/// there before) may be anything that is valid.
std::optional<Refusal> check_echo(const ScriptedConversation& conversation, const Chat& chat,
                                  const DialectTraits& traits, std::size_t first);

}  // namespace perdure::mock
