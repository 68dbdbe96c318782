// A reply in Anthropic's messages dialect, from the events of a stream or from one body: its blocks
// are put together here by their index, and handed to ReplyAssembly, which knows what a whole reply
// is, what is repaired, and what goes back. A message whose blocks do not simply follow one another
// as thinking, text and calls, or are signed, carries its layout: see kBlocksMember.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/result.h>

#include "json/reader.h"
#include "model/chat_reply.h"

namespace perdure {

class AnthropicReply {
 public:
  explicit AnthropicReply(ReplyAssembly& assembly) : assembly_(assembly) {}
  /// What came so far, for a copy of its assembly.
  AnthropicReply(const AnthropicReply& other, ReplyAssembly& assembly);

  /// One event of the stream; `data` is its text, for numbers mean what the model wrote (fault
  /// N51). Errors: an error event, as classify_error_object() reads it; kBadReply for arguments of
  /// a call that never began.
  Status add_event(const json::Value& event, std::string_view data);
  /// A whole message instead of a stream. Errors: the same; kBadReply for what is no message.
  Status add_message(const json::Value& message, std::string_view body);
  /// The stream said that it is over.
  bool has_ended() const { return has_ended_; }
  /// Hands over what came; before ReplyAssembly::finish().
  void complete();

 private:
  enum class Kind : std::uint8_t { kThinking, kText, kCall, kRaw };

  struct Block {
    Kind kind = Kind::kText;
    std::int64_t index = 0;
    std::string text;       // of thinking and text; JSON of what goes back as it came
    std::string signature;  // of thinking
    std::string id;         // of a call, as are:
    std::string name;
    std::string arguments;  // what came in pieces
    std::string input;      // what came at once
  };

  void begin_block(std::int64_t index, const json::Value& block, std::string_view written);
  void begin_call(std::int64_t index, const json::Value& block, std::string_view written);
  Status add_delta(std::int64_t index, const json::Value& delta);
  Block* find(std::int64_t index, Kind kind);
  Block& find_or_begin(std::int64_t index, Kind kind);
  void add_text(Block& block, std::string_view text);
  void take_usage(const json::Value& usage, bool is_final);
  void hand_over_usage();
  bool is_plain() const;
  std::string layout() const;

  ReplyAssembly& assembly_;
  std::vector<Block> blocks_;
  std::optional<std::int64_t> input_tokens_;
  std::optional<std::int64_t> cache_read_tokens_;
  std::optional<std::int64_t> cache_creation_tokens_;
  std::optional<std::int64_t> output_tokens_;
  bool has_final_usage_ = false;
  bool has_ended_ = false;
};

}  // namespace perdure
