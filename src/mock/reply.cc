#include "mock/reply.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "base/utf8.h"

namespace perdure::mock {
namespace {

constexpr std::size_t kShownBytes = 60;  // of a difference, on each side

void replace_all(std::string& text, std::string_view placeholder, std::string_view value) {
  for (std::size_t at = text.find(placeholder); at != std::string::npos;
       at = text.find(placeholder, at + value.size())) {
    text.replace(at, placeholder.size(), value);
  }
}

// Replaces {n} and {reply} in the strings of a repeated reply.
class Placeholders {
 public:
  Placeholders(const ScriptedReply& reply, std::int64_t repetition, std::int64_t number)
      : active_(reply.has_placeholders),
        repetition_(std::to_string(repetition)),
        number_(std::to_string(number)) {}

  std::string fill(std::string text) const {
    if (!active_) return text;
    replace_all(text, "{n}", repetition_);
    replace_all(text, "{reply}", number_);
    return text;
  }

 private:
  bool active_;
  std::string repetition_;
  std::string number_;
};

// The text of messages, as far as a script can expect something in it.
std::string text_of(const Chat& chat, std::size_t first, std::size_t last) {
  std::string text;
  for (std::size_t i = first; i < last; ++i) {
    text += content_text(chat.messages[i].value) + "\n";
  }
  return text;
}

// Where two texts part, with a little of both.
std::string difference(std::string_view sent, std::string_view came) {
  const auto parted = std::mismatch(sent.begin(), sent.end(), came.begin(), came.end());
  const auto at = static_cast<std::size_t>(parted.first - sent.begin());
  const std::size_t from =
      utf8_prefix(sent, at > kShownBytes / 2 ? at - kShownBytes / 2 : 0).size();
  const auto show = [&](std::string_view text) {
    return in_quotes(utf8_prefix(text.substr(from), kShownBytes));
  };
  return fmt::format("they part at byte {}: sent {}, came back as {}", at, show(sent), show(came));
}

// Compares one assistant message with the reply that it should be.
class Echo {
 public:
  Echo(const DueReply& reply, const ChatMessage& message, const DialectTraits& traits, bool thinks,
       const std::unordered_set<std::string_view>& used)
      : reply_(reply),
        message_(message.value),
        place_(message.place),
        traits_(traits),
        thinks_(thinks),
        used_(used) {}

  std::optional<Refusal> check() {
    const json::Value calls = message_.get("tool_calls");
    const std::vector<json::Value> list = calls.elements();
    if (!reply_.text.empty()) compare("content", reply_.text, content_text(message_));
    if (reply_.text.empty() && !list.empty() && !content_text(message_).empty()) {
      differ("content", "the reply had none");
    }
    if (thinks_ && !reply_.reasoning.empty()) {
      compare(traits_.reasoning_field, reply_.reasoning,
              reasoning_of(traits_, message_).value_or(""));
    }
    if (list.size() != reply_.calls.size()) {
      differ("tool_calls",
             fmt::format("the reply had {} calls, not {}", reply_.calls.size(), list.size()));
    }
    for (std::size_t i = 0; i < std::min(list.size(), reply_.calls.size()); ++i) {
      check_call(list[i], i, fmt::format("tool_calls[{}]", i));
    }
    return std::move(refusal_);
  }

 private:
  // Whether a client has to make up another id, because this one cannot be told from an earlier
  // call's.
  bool is_usable(std::size_t call) const {
    const std::string& id = reply_.calls[call].id;
    const auto earlier = reply_.calls.begin() + static_cast<std::ptrdiff_t>(call);
    return !id.empty() && used_.count(id) == 0 &&
           std::none_of(reply_.calls.begin(), earlier,
                        [&](const DueCall& other) { return other.id == id; });
  }

  void check_call(const json::Value& came, std::size_t call, const std::string& where) {
    const DueCall& sent = reply_.calls[call];
    const json::Value function = came.get("function");
    if (is_usable(call)) {
      compare(where + ".id", sent.id, came.get("id").string_or(""));
    }
    if (is_call_name(sent.name)) {
      compare(where + ".function.name", sent.name, function.get("name").string_or(""));
    }
    const Result<json::Value> arguments = reader_.parse(sent.arguments);
    if (!arguments.ok() || !arguments->is_object()) return;
    compare(where + ".function.arguments", sent.arguments, function.get("arguments").string_or(""));
  }

  void compare(std::string_view field, std::string_view sent, std::string_view came) {
    if (sent != came) differ(field, difference(sent, came));
  }

  void differ(std::string_view field, std::string_view how) {
    if (refusal_) return;
    refusal_ = invalid_request(
        fmt::format("{}.{} is not what reply {} sent; {}", place_, field, reply_.number, how));
  }

  const DueReply& reply_;
  const json::Value& message_;
  const std::string& place_;
  const DialectTraits& traits_;
  bool thinks_;
  const std::unordered_set<std::string_view>& used_;
  json::Reader reader_;
  std::optional<Refusal> refusal_;
};

}  // namespace

const ScriptedConversation* find_conversation(const MockScript& script, const Chat& chat) {
  const std::string opening = text_of(chat, 0, chat.opening);
  for (const ScriptedConversation& conversation : script.conversations) {
    const bool matches = std::all_of(
        conversation.opening.begin(), conversation.opening.end(),
        [&](const std::string& text) { return opening.find(text) != std::string::npos; });
    if (matches) return &conversation;
  }
  return nullptr;
}

std::optional<DueReply> due_reply(const ScriptedConversation& conversation, std::int64_t index,
                                  std::int64_t calls_before, const DialectTraits& traits) {
  const auto end = std::upper_bound(conversation.ends.begin(), conversation.ends.end(), index);
  if (end == conversation.ends.end()) return std::nullopt;
  const ScriptedReply& scripted =
      conversation.replies[static_cast<std::size_t>(end - conversation.ends.begin())];
  const Placeholders placeholders(scripted, index - (*end - scripted.repeat), index + 1);
  DueReply reply{.scripted = &scripted,
                 .number = index + 1,
                 .reasoning = placeholders.fill(scripted.reasoning),
                 .text = placeholders.fill(scripted.text),
                 .finish = scripted.finish};
  if (reply.finish.empty()) reply.finish = scripted.calls.empty() ? "stop" : "tool_calls";
  for (const ScriptedCall& call : scripted.calls) {
    DueCall due{.name = placeholders.fill(call.name),
                .arguments = placeholders.fill(call.arguments)};
    due.id = call.id            ? placeholders.fill(*call.id)
             : traits.plain_ids ? fmt::format("{}_{}", due.name, calls_before)
                                : fmt::format("functions.{}:{}", due.name, calls_before);
    ++calls_before;
    reply.calls.push_back(std::move(due));
  }
  for (const std::string& text : scripted.expect) reply.expect.push_back(placeholders.fill(text));
  return reply;
}

namespace {

// Whether the reply that follows `index` others may go on in the same message.
bool may_go_on(const ScriptedConversation& conversation, std::int64_t index) {
  const auto end = std::upper_bound(conversation.ends.begin(), conversation.ends.end(), index);
  if (end == conversation.ends.end()) return false;
  const ScriptedReply& reply =
      conversation.replies[static_cast<std::size_t>(end - conversation.ends.begin())];
  return reply.finish == "length" && reply.calls.empty() && !reply.text.empty();
}

// The replies that one assistant message holds, as one; `replies` counts them.
std::optional<DueReply> replies_of(const ScriptedConversation& conversation,
                                   const ChatMessage& message, std::int64_t& replies,
                                   std::int64_t calls, const DialectTraits& traits) {
  std::optional<DueReply> reply = due_reply(conversation, replies++, calls, traits);
  const std::string content = content_text(message.value);
  while (reply && may_go_on(conversation, replies - 1) && content.size() > reply->text.size() &&
         content.starts_with(reply->text)) {
    std::optional<DueReply> more = due_reply(conversation, replies, calls, traits);
    if (!more || !content.substr(reply->text.size()).starts_with(more->text)) break;
    ++replies;
    more->text.insert(0, reply->text);
    more->reasoning.insert(0, reply->reasoning);
    reply = std::move(more);
  }
  return reply;
}

// Long histories are counted with each request: nothing is made of most replies.
void count_message(const ScriptedConversation& conversation, const ChatMessage& message,
                   std::int64_t& replies, const DialectTraits& traits) {
  if (may_go_on(conversation, replies)) {
    replies_of(conversation, message, replies, 0, traits);
  } else {
    ++replies;
  }
}

}  // namespace

HistoryPlace place_in(const ScriptedConversation& conversation, const Chat& chat,
                      const DialectTraits& traits) {
  HistoryPlace place;
  const std::size_t whole = chat.messages.size() - (is_partial(chat) ? 1 : 0);
  for (std::size_t i = 0; i < whole; ++i) {
    const ChatMessage& message = chat.messages[i];
    if (message.role == "assistant") count_message(conversation, message, place.replies, traits);
  }
  if (whole == chat.messages.size()) return place;
  place.begun = content_text(chat.messages.back().value);
  while (may_go_on(conversation, place.replies)) {
    const std::optional<DueReply> reply = due_reply(conversation, place.replies, 0, traits);
    if (!place.begun.starts_with(reply->text)) break;
    place.begun.erase(0, reply->text.size());
    ++place.replies;
  }
  return place;
}

std::int64_t count_calls(const Chat& chat) {
  std::size_t calls = 0;
  for (const ChatMessage& message : chat.messages) {
    if (message.role == "assistant") calls += message.value.get("tool_calls").elements().size();
  }
  return static_cast<std::int64_t>(calls);
}

std::optional<Refusal> check_expected(const DueReply& reply, const Chat& chat) {
  if (reply.expect.empty()) return std::nullopt;
  const std::string text = text_of(chat, chat.after_last, chat.messages.size());
  const std::string place = chat.after_last < chat.messages.size()
                                ? chat.messages[chat.after_last].place
                                : fmt::format("messages[{}]", chat.after_last);
  for (const std::string& expected : reply.expect) {
    if (text.find(expected) != std::string::npos) continue;
    return invalid_request(
        fmt::format("reply {} of the script expects {} in the messages from {} on; they are {}",
                    reply.number, in_quotes(expected), place, in_quotes(text)));
  }
  return std::nullopt;
}

std::optional<Refusal> check_echo(const ScriptedConversation& conversation, const Chat& chat,
                                  const DialectTraits& traits, std::size_t first) {
  std::int64_t replies = 0;
  std::int64_t calls = 0;
  std::unordered_set<std::string_view> used;
  for (std::size_t i = 0; i < chat.messages.size(); ++i) {
    const ChatMessage& message = chat.messages[i];
    if (message.role != "assistant") continue;
    if (i + 1 == chat.messages.size()) break;  // partial
    if (i < first) {
      count_message(conversation, message, replies, traits);
    } else {
      const std::optional<DueReply> reply =
          replies_of(conversation, message, replies, calls, traits);
      if (!reply) return std::nullopt;
      if (auto refusal = Echo(*reply, message, traits, chat.thinks, used).check()) return refusal;
    }
    for (const json::Value& call : message.value.get("tool_calls").elements()) {
      used.emplace(call.get("id").string_or(""));
      ++calls;
    }
  }
  return std::nullopt;
}

}  // namespace perdure::mock
