// A chat completions reply, put together from the chunks of a stream or taken from one body: what
// the model said, and the assistant message to send back. Every decoded string goes back unchanged;
// the few edits that hosts demand (an empty content left out, a missing id made up, arguments that
// are no JSON replaced) are listed with what stood there before.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/model.h>
#include <perdure/result.h>

#include "core/event.h"
#include "json/reader.h"
#include "model/delta_shape.h"
#include "model/leaked_calls.h"
#include "model/profile.h"
#include "model/tool_call_assembly.h"

namespace perdure {

/// Deltas as they come. Provisional: a reply that is cut is asked for again. Text that may become a
/// leaked tool call is held back until that is decided (fault N69).
struct ReplyDeltas {
  std::function<void(std::string_view)> reasoning;
  std::function<void(std::string_view)> text;
  std::function<void(std::string_view)> arguments;
};

/// What the assembly must know of the conversation.
struct ReplyContext {
  std::int64_t calls_before =
      0;  ///< For ids that are made up: functions.NAME:N counts over all turns.
  const std::set<std::string>* used_ids = nullptr;  ///< Wire ids of earlier calls; may be null.
  Thinking thinking = Thinking::kOff;
  bool as_sent = false;  ///< To judge the host: leaked calls stay text, and a reply that announces
                         ///< calls and holds none is a reply.
};

class ReplyAssembly {
 public:
  ReplyAssembly(const HostProfile& host, ReplyContext context, const ReplyDeltas* deltas)
      : host_(host), context_(context), deltas_(deltas) {}

  /// One event of the stream. Errors: an error object, as classify_error_object() reads it.
  Status add_chunk(const json::Value& chunk);
  /// A chunk that carries one text and nothing else.
  void add_text_delta(const TextDelta& delta);
  /// "data: [DONE]" came.
  void end_marker() { saw_end_marker_ = true; }
  /// What came had to be repaired before it could be read (see repair_encoding); `original` is what
  /// came.
  void note_repair(std::string_view original);
  /// A whole chat.completion object instead of a stream.
  Status add_completion(const json::Value& completion);

  /// The reply, when it is complete. Errors: kStreamCut when it never said that it ended; kBadReply
  /// when it says that it calls tools and does not; kServer when it says that the host failed.
  Result<ModelReplied> finish();

  std::int64_t received_bytes() const { return received_bytes_; }

 private:
  // Where usage stands: what counts more comes later.
  enum class UsagePlace : std::uint8_t { kChoice, kExtension, kTop };

  void add_message(const json::Value& message, bool whole);
  void add_calls(const json::Value& message, bool whole);
  void add_content(std::string_view text);
  void add_refusal(std::string_view text);
  void add_reasoning(std::string& into, std::string_view text);
  void add_reasoning_details(const json::Value& details, bool whole);
  void take_usage(const json::Value& usage, UsagePlace place);
  Status take_leaked_calls(std::vector<AssembledCall>& calls, std::vector<ReplyEdit>& edits);
  Status take_leak(const char* field, std::string& text, std::vector<AssembledCall>& calls,
                   std::vector<ReplyEdit>& edits) const;
  void show_rest() const;
  Status check_finish(const std::vector<AssembledCall>& calls, std::vector<ReplyEdit>& edits) const;
  void drop_filtered_calls(std::vector<AssembledCall>& calls, std::vector<ReplyEdit>& edits) const;
  void take_refusal(bool has_calls, std::vector<ReplyEdit>& edits);
  std::vector<ToolCall> finish_calls(std::vector<AssembledCall>& assembled,
                                     std::vector<ReplyEdit>& edits) const;
  std::string write_fragment(const std::vector<AssembledCall>& calls,
                             std::vector<ReplyEdit>& edits) const;
  std::string reasoning_member(bool has_calls, std::vector<ReplyEdit>& edits) const;
  ReplyUsage usage_or_estimate() const;

  const HostProfile& host_;
  ReplyContext context_;
  const ReplyDeltas* deltas_;
  std::string content_;
  std::string refusal_;
  std::string reasoning_content_;
  std::string reasoning_;
  LeakGuard content_guard_;
  LeakGuard reasoning_content_guard_;
  LeakGuard reasoning_guard_;
  std::vector<std::vector<std::pair<std::string, std::string>>> reasoning_details_;
  std::vector<std::pair<std::string, std::string>> extras_;
  ToolCallAssembly calls_;
  std::string finish_text_;
  std::string response_id_;
  std::optional<ReplyUsage> usage_;
  UsagePlace usage_place_ = UsagePlace::kChoice;
  std::optional<std::string> repaired_;  // what came, before the first repair
  std::int64_t received_bytes_ = 0;
  bool is_stream_ = false;
  bool saw_end_marker_ = false;
};

/// Makes text that a JSON parser refused for its encoding acceptable: invalid UTF-8 and lone
/// surrogate escapes become U+FFFD (fault N47).
std::string repair_encoding(std::string_view json);

}  // namespace perdure
