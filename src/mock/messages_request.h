// A request in Anthropic's messages dialect: checked as that API is strict about it, and read as
// the chat completions request that says the same, so that scripts, conversations and the other
// checks know one form.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "json/reader.h"
#include "mock/chat.h"

namespace perdure::mock {

class MessagesRequest {
 public:
  /// `strict`: checks roles, blocks, calls and their answers, too. The body must live as long as
  /// this.
  MessagesRequest(std::string_view body, bool strict);
  MessagesRequest(const MessagesRequest&) = delete;
  MessagesRequest& operator=(const MessagesRequest&) = delete;

  const std::optional<Refusal>& refusal() const { return refusal_; }
  /// Without a refusal: each block of a user is a message of its own, with the bytes that came, but
  /// for marks of what to cache.
  const Chat& chat() const { return chat_; }

 private:
  void translate(const json::Value& root, std::string_view body);

  json::Reader reader_;
  json::Reader translated_reader_;
  std::string translated_;
  std::deque<std::string> kept_;  // bytes of blocks that are not as they came
  Chat chat_;
  std::optional<Refusal> refusal_;
};

/// The history and the fields of a request that is JSON.
std::optional<Refusal> check_messages_request(const json::Value& root);

}  // namespace perdure::mock
