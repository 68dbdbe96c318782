#include "mock/conversations.h"

#include <algorithm>
#include <functional>
#include <utility>

#include <fmt/format.h>

namespace perdure::mock {
namespace {

// Not against attackers: it tells texts apart that differ by mistake, and it is fast.
std::uint64_t hash_of(std::string_view bytes) {
  return std::hash<std::string_view>{}(bytes);
}

std::uint64_t combine(std::uint64_t hash, std::uint64_t next) {
  return (hash ^ next) * 0x9E3779B97F4A7C15U + (hash >> 32);
}

}  // namespace

RequestPrint print_of(const Chat& chat) {
  RequestPrint print;
  for (std::size_t i = 0; i < kHeadFields.size(); ++i) {
    print.head[i] = hash_of(raw_field(chat, kHeadFields[i]));
  }
  for (const ChatMessage& message : chat.messages) {
    print.messages.push_back({.hash = hash_of(message.raw), .bytes = message.raw.size()});
  }
  // A message that is to go on comes back as a longer one.
  if (is_partial(chat)) print.messages.pop_back();
  const std::string_view key = chat.root.get("prompt_cache_key").string_or("");
  if (!key.empty()) print.key = hash_of(key);
  print.conversation = hash_of(key);
  for (std::size_t i = 0; i < chat.opening; ++i) {
    print.conversation = combine(print.conversation, print.messages[i].hash);
  }
  return print;
}

std::size_t shared_messages(const RequestPrint& one, const RequestPrint& other) {
  const auto parted = std::mismatch(one.messages.begin(), one.messages.end(),
                                    other.messages.begin(), other.messages.end());
  return static_cast<std::size_t>(parted.first - one.messages.begin());
}

const Conversation* ConversationMemory::find(const RequestPrint& print) const {
  const auto found = by_id_.find(print.conversation);
  return found == by_id_.end() ? nullptr : &*found->second;
}

std::optional<Refusal> ConversationMemory::check_prefix(const RequestPrint& print,
                                                        const Chat& chat) const {
  const Conversation* conversation = find(print);
  if (conversation == nullptr) {
    // A conversation that nobody saw begin: a client that resumes at a new endpoint, or one that
    // changed its opening.
    const bool began_otherwise = print.key && by_key_.count(*print.key) > 0;
    if (!began_otherwise || chat.assistant_messages == 0) return std::nullopt;
    return invalid_request(
        "the prefix changed: the messages before the first assistant message are not those of the "
        "conversation with this prompt_cache_key");
  }
  const RequestPrint& last = conversation->last;
  for (std::size_t i = 0; i < kHeadFields.size(); ++i) {
    if (print.head[i] == last.head[i]) continue;
    return invalid_request(
        fmt::format("the prefix changed: {} is not what the last request of this conversation had",
                    kHeadFields[i]));
  }
  const std::size_t shared = shared_messages(last, print);
  if (shared == std::min(last.messages.size(), print.messages.size())) return std::nullopt;
  return invalid_request(
      fmt::format("the prefix changed: {} (role {}) is not byte for byte what the last request of "
                  "this conversation had; it had {} bytes and has {}",
                  chat.messages[shared].place, chat.messages[shared].role,
                  last.messages[shared].bytes, print.messages[shared].bytes));
}

Conversation& ConversationMemory::accept(RequestPrint print) {
  const auto found = by_id_.find(print.conversation);
  if (found == by_id_.end()) {
    if (conversations_.size() >= conversations_max_) forget_oldest();
    conversations_.emplace_front();
    by_id_.emplace(print.conversation, conversations_.begin());
  } else {
    conversations_.splice(conversations_.begin(), conversations_, found->second);
  }
  Conversation& conversation = conversations_.front();
  conversation.prompted =
      std::min(conversation.prompted, shared_messages(conversation.last, print));
  if (print.key) by_key_[*print.key] = print.conversation;
  conversation.last = std::move(print);
  return conversation;
}

void ConversationMemory::forget_oldest() {
  const RequestPrint& print = conversations_.back().last;
  if (print.key) {
    const auto key = by_key_.find(*print.key);
    if (key != by_key_.end() && key->second == print.conversation) by_key_.erase(key);
  }
  by_id_.erase(print.conversation);
  conversations_.pop_back();
}

}  // namespace perdure::mock
