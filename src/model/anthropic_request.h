// A request in Anthropic's messages dialect. The history of a run is kept as chat messages,
// whatever its host speaks; here each of them is written as content blocks, once: the system prompt
// before the messages, results of a step as blocks of one user message, thinking as it came and
// before the calls. What was written is kept, so a request costs what is new in it and begins with
// the bytes of the last one. One run, one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/result.h>

#include "core/transcript.h"
#include "json/reader.h"
#include "model/catalog.h"
#include "model/chat_request.h"
#include "net/http_client.h"

namespace perdure {

/// What every request carries before the system prompt: model, options, tools. `thinking` is the
/// members that switch the mode on; the declaration of each tool is added to `declared`.
std::string anthropic_head(const Endpoint& endpoint, const std::vector<ToolDeclaration>& tools,
                           const RequestOptions& options, const std::string& thinking,
                           std::vector<std::string>& declared);

/// The member that a tool choice becomes, with a comma before it; nothing for "auto".
std::string anthropic_tool_choice(std::string_view mode);

class AnthropicHistory {
 public:
  AnthropicHistory(std::string head, const HostProfile& host);

  /// A request of all messages; `tail` is what stands behind them, from their closing bracket on.
  RequestText text(const Transcript& transcript, std::string_view tail);

 private:
  void take(const Transcript& transcript);
  void start_over();
  void add_message(std::string_view json, bool is_failure, bool is_first);
  void add_user(const json::Value& message, std::string_view content);
  void add_result(std::string_view json, bool is_failure);
  void add_assistant(const json::Value& message);
  void begin_block();
  void close_user();

  std::string head_;
  bool unsigned_thinking_;
  bool cache_control_;
  std::shared_ptr<const std::string> begin_;  // head and system prompt, to the opening bracket
  Transcript closed_;                         // messages that nothing is added to any more
  std::string open_;  // a user message but for its end: the last block lacks its bracket, too
  std::shared_ptr<const void> source_;  // the transcript that was read...
  std::size_t taken_ = 0;               // ...and how many messages of it
  json::Reader reader_;
};

}  // namespace perdure
