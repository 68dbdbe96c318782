// What the endpoint remembers of conversations between requests: hashes of what was accepted last,
// and how many faults were sent. Bounded: beyond the limit the conversation that was quiet longest
// is forgotten, which only makes the checks of its next request weaker.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "mock/chat.h"

namespace perdure::mock {

/// The fields in front of the messages that a provider's cache depends on.
inline constexpr std::array<std::string_view, 6> kHeadFields = {
    "model", "tools", "thinking", "reasoning_effort", "reasoning", "chat_template_kwargs"};

struct MessagePrint {
  std::uint64_t hash = 0;
  std::size_t bytes = 0;

  bool operator==(const MessagePrint&) const = default;
};

/// One request as hashes of its bytes.
struct RequestPrint {
  std::uint64_t conversation =
      0;  ///< Of the messages before the first assistant message and of the cache key.
  std::optional<std::uint64_t> key;  ///< Of prompt_cache_key, when there is one.
  std::array<std::uint64_t, kHeadFields.size()> head{};
  std::vector<MessagePrint> messages;
};
RequestPrint print_of(const Chat& chat);

struct Conversation {
  RequestPrint last;  ///< As accepted last.
  std::size_t prompted =
      0;  ///< Messages of it that a reply was begun for: what a provider has in its cache.
  std::map<std::int64_t, std::size_t> faults_sent;  ///< By index of the reply.
};

class ConversationMemory {
 public:
  static constexpr std::size_t kConversationsMax = 10'000;

  explicit ConversationMemory(std::size_t conversations_max = kConversationsMax)
      : conversations_max_(conversations_max) {}

  /// Null when nothing of this conversation was accepted yet. Valid until the next accept().
  const Conversation* find(const RequestPrint& print) const;
  /// Refuses what differs from the last accepted request of the conversation, message by message
  /// and in the head.
  std::optional<Refusal> check_prefix(const RequestPrint& print, const Chat& chat) const;
  /// Remembers a request as the last one of its conversation.
  Conversation& accept(RequestPrint print);

  std::size_t size() const { return conversations_.size(); }

 private:
  using Entry = std::list<Conversation>::iterator;

  void forget_oldest();

  std::size_t conversations_max_;
  std::list<Conversation> conversations_;  // the one that was used last first
  std::unordered_map<std::uint64_t, Entry> by_id_;
  std::unordered_map<std::uint64_t, std::uint64_t>
      by_key_;  // the conversation that used a cache key last
};

/// How many messages at the beginning of both are the same.
std::size_t shared_messages(const RequestPrint& one, const RequestPrint& other);

}  // namespace perdure::mock
