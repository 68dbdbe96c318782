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

#include "base/think_block.h"
#include "core/event.h"
#include "json/reader.h"
#include "model/delta_shape.h"
#include "model/leaked_calls.h"
#include "model/profile.h"
#include "model/reasoning_details.h"
#include "model/reply_shape.h"
#include "model/tool_call_assembly.h"

namespace perdure {

/// Deltas as they come. Provisional: a reply that is cut is asked for again. Text that may become a
/// leaked tool call is held back until that is decided (fault N69); thinking that stands in the
/// content is given as reasoning (fault N70).
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
  /// Those that earlier calls of other hosts have at this one; may be null.
  const std::set<std::string>* projected_ids = nullptr;
  Thinking thinking = Thinking::kOff;
  bool as_sent = false;  ///< To judge the host: leaked calls stay text, and a reply that announces
                         ///< calls and holds none is a reply.
  bool calls_missed =
      false;  ///< An attempt announced calls and held none: now the rest of it counts (N57).
};

/// A reply that broke off in its answer.
struct UnfinishedReply {
  std::string fragment;
  std::string text;
};

class ReplyAssembly {
 public:
  ReplyAssembly(const HostProfile& host, ReplyContext context, const ReplyDeltas* deltas)
      : host_(host), context_(context), deltas_(deltas) {}

  /// One event of the stream; `data` is its text. Errors: an error object, as
  /// classify_error_object() reads it.
  Status add_chunk(const json::Value& chunk, std::string_view data);
  /// A chunk that carries one text and nothing else.
  void add_text_delta(const TextDelta& delta);
  /// Arguments of a call as they come, for those who watch.
  void show_arguments(std::string_view text);
  /// What a dialect with events of its own has put together (anthropic_reply.h): the whole texts,
  /// in the order of the message, a call, a member that goes back with the message, and the rest.
  void replace_texts(std::string content, std::string reasoning);
  void add_call(AssembledCall call) { calls_.add_call(std::move(call)); }
  void keep_member(std::string_view key, std::string json) {
    extras_.emplace_back(key, std::move(json));
  }
  void note_edit(ReplyEdit edit) { noted_.push_back(std::move(edit)); }
  void set_response_id(std::string_view id) { response_id_ = id; }
  void set_finish(std::string_view finish_text) { finish_text_ = finish_text; }
  void set_usage(const ReplyUsage& usage) { usage_ = usage; }
  void begin_stream() { is_stream_ = true; }

  /// "data: [DONE]" came.
  void end_marker() { saw_end_marker_ = true; }
  /// What came had to be repaired before it could be read (model/repair.h); `original` is what
  /// came.
  void note_repair(std::string_view original);
  /// A whole chat.completion object instead of a stream; `data` is its text.
  Status add_completion(const json::Value& completion, std::string_view data);

  /// The reply, when it is complete. Errors: kStreamCut when it never said that it ended;
  /// kCallsMissing when it says that it calls tools and does not; kServer when it says that the
  /// host failed.
  Result<ModelReplied> finish();

  /// After finish(), or when the stream broke: the message as far as it came, when its answer had
  /// begun, nothing of a call had, and nothing in it is doubtful. Else both are empty.
  UnfinishedReply unfinished();

  std::int64_t received_bytes() const { return received_bytes_; }
  /// Whole after finish(), also when that failed.
  const ReplyShape& shape() const { return shape_; }

 private:
  // Where usage stands: what counts more comes later.
  enum class UsagePlace : std::uint8_t { kChoice, kExtension, kTop };

  // A message or a delta, and where it stands in the text that it was read from.
  struct Message {
    json::Value value;
    std::string_view data;
    std::size_t choice = 0;
    bool whole = false;
  };

  void add_message(const Message& message);
  void add_calls(const Message& message);
  void note_change(std::string_view field, std::string& known, std::string_view value);
  void add_content(std::string_view text);
  void add_refusal(std::string_view text);
  void add_reasoning(std::string& into, std::string_view text);
  void take_usage(const json::Value& usage, UsagePlace place);
  void note_shape(const std::vector<AssembledCall>& calls);
  Status take_leaked_calls(std::vector<AssembledCall>& calls, std::vector<ReplyEdit>& edits);
  Status take_leak(const std::string& field, std::string& text, std::vector<AssembledCall>& calls,
                   std::vector<ReplyEdit>& edits);
  Status take_leak_of_details(std::vector<AssembledCall>& calls, std::vector<ReplyEdit>& edits);
  void show_content(ThinkBlock::More more);
  void show_rest();
  bool has_reasoning() const;
  std::string answer(const std::string& fragment) const;
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
  ReasoningDetails reasoning_details_;
  ThinkBlock think_block_;  // as far as it was shown
  std::vector<std::pair<std::string, std::string>> extras_;
  ToolCallAssembly calls_;
  std::string finish_text_;
  std::string response_id_;
  std::string model_;
  std::vector<ReplyEdit> changes_;  // of what should not change within a stream
  std::optional<ReplyUsage> usage_;
  UsagePlace usage_place_ = UsagePlace::kChoice;
  std::vector<ReplyEdit> noted_;
  std::uint8_t usage_places_ = 0;  // a bit for each UsagePlace
  ReplyShape shape_;
  std::optional<std::string> repaired_;  // what came, before the first repair
  std::int64_t received_bytes_ = 0;
  bool is_stream_ = false;
  bool thinks_apart_ = false;  // reasoning came before the content, so none stands in it
  bool saw_end_marker_ = false;
  bool has_calls_ = false;  // had, when finish() took them
};

}  // namespace perdure
