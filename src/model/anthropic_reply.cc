#include "model/anthropic_reply.h"

#include <algorithm>
#include <utility>

#include "json/slice.h"
#include "json/writer.h"
#include "model/errors.h"
#include "model/history.h"

namespace perdure {
namespace {

Error bad_reply(std::string message) {
  return {.code = ErrorCode::kBadReply, .message = std::move(message), .retry = Retry::kLater};
}

bool is_error(const json::Value& event) {
  return event.get("type").string_or("") == "error" || event.get("error");
}

// The arguments of a call that came at once: an object as it is written in its block, a string as
// what it holds.
std::string text_of_input(const json::Value& input, std::string_view block) {
  if (input.is_string()) return std::string(input.string_or(""));
  if (input.is_nothing()) return {};
  const std::string_view written = json::member_slice(block, "input");
  return written.empty() ? input.text() : std::string(written);
}

}  // namespace

AnthropicReply::AnthropicReply(const AnthropicReply& other, ReplyAssembly& assembly)
    : assembly_(assembly),
      blocks_(other.blocks_),
      input_tokens_(other.input_tokens_),
      cache_read_tokens_(other.cache_read_tokens_),
      cache_creation_tokens_(other.cache_creation_tokens_),
      output_tokens_(other.output_tokens_),
      has_final_usage_(other.has_final_usage_),
      has_ended_(other.has_ended_) {}

Status AnthropicReply::add_event(const json::Value& event, std::string_view data) {
  assembly_.begin_stream();
  if (is_error(event)) return classify_error_object(event);
  const std::string_view type = event.get("type").string_or("");
  const std::int64_t last = blocks_.empty() ? 0 : blocks_.back().index;
  if (type == "content_block_delta") {
    return add_delta(event.get("index").integer_or(last), event.get("delta"));
  }
  if (type == "content_block_start") {
    begin_block(event.get("index").integer_or(static_cast<std::int64_t>(blocks_.size())),
                event.get("content_block"), json::member_slice(data, "content_block"));
  } else if (type == "message_start") {
    const json::Value message = event.get("message");
    assembly_.set_response_id(message.get("id").string_or(""));
    take_usage(message.get("usage"), false);
  } else if (type == "message_delta") {
    const std::string_view reason = event.get("delta").get("stop_reason").string_or("");
    if (!reason.empty()) assembly_.set_finish(reason);
    take_usage(event.get("usage"), true);
  } else if (type == "message_stop") {
    assembly_.end_marker();
    has_ended_ = true;
  }
  return {};
}

Status AnthropicReply::add_message(const json::Value& message, std::string_view body) {
  if (is_error(message)) return classify_error_object(message);
  const json::Value content = message.get("content");
  if (!content.is_array() && !content.is_string()) {
    return bad_reply("the reply is no message: it has no content");
  }
  assembly_.set_response_id(message.get("id").string_or(""));
  if (content.is_string()) {
    add_text(find_or_begin(0, Kind::kText), content.string_or(""));
  }
  const std::vector<json::Value> blocks = content.elements();
  const std::vector<std::string_view> written =
      json::element_slices(json::member_slice(body, "content"));
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    begin_block(static_cast<std::int64_t>(i), blocks[i],
                i < written.size() ? written[i] : std::string_view());
  }
  const std::string_view reason = message.get("stop_reason").string_or("");
  assembly_.set_finish(reason.empty() ? std::string_view("end_turn") : reason);
  take_usage(message.get("usage"), true);
  return {};
}

void AnthropicReply::begin_block(std::int64_t index, const json::Value& block,
                                 std::string_view written) {
  const std::string_view type = block.get("type").string_or("");
  if (type == "text") {
    blocks_.push_back({.kind = Kind::kText, .index = index});
    return add_text(blocks_.back(), block.get("text").string_or(""));
  }
  if (type == "thinking") {
    blocks_.push_back({.kind = Kind::kThinking,
                       .index = index,
                       .signature = std::string(block.get("signature").string_or(""))});
    return add_text(blocks_.back(), block.get("thinking").string_or(""));
  }
  if (type == "tool_use") return begin_call(index, block, written);
  if (type == "redacted_thinking") {
    blocks_.push_back({.kind = Kind::kRaw, .index = index, .text = block.text()});
    return;
  }
  // Blocks of tools that the host itself runs: none is ever offered to it.
  assembly_.note_edit({.field = "content/" + std::to_string(index),
                       .original = block.text(),
                       .reason = "a block of an unknown kind does not go back"});
}

void AnthropicReply::begin_call(std::int64_t index, const json::Value& block,
                                std::string_view written) {
  const std::string_view id = block.get("id").string_or("");
  const Block* known = find(index, Kind::kCall);
  if (known != nullptr && !id.empty() && known->id == id) return;  // said twice
  const Block& call =
      blocks_.emplace_back(Block{.kind = Kind::kCall,
                                 .index = index,
                                 .id = std::string(id),
                                 .name = std::string(block.get("name").string_or("")),
                                 .input = text_of_input(block.get("input"), written)});
  if (call.input != "{}") assembly_.show_arguments(call.input);
}

AnthropicReply::Block* AnthropicReply::find(std::int64_t index, Kind kind) {
  const auto found = std::find_if(blocks_.rbegin(), blocks_.rend(), [&](const Block& block) {
    return block.index == index && block.kind == kind;
  });
  return found == blocks_.rend() ? nullptr : &*found;
}

// Text says itself what it is, so a host that forgets to begin a block loses nothing.
AnthropicReply::Block& AnthropicReply::find_or_begin(std::int64_t index, Kind kind) {
  if (Block* found = find(index, kind)) return *found;
  return blocks_.emplace_back(Block{.kind = kind, .index = index});
}

void AnthropicReply::add_text(Block& block, std::string_view text) {
  block.text += text;
  assembly_.add_text_delta(
      {.member = block.kind == Kind::kText ? DeltaMember::kContent : DeltaMember::kReasoningContent,
       .text = text});
}

Status AnthropicReply::add_delta(std::int64_t index, const json::Value& delta) {
  const std::string_view type = delta.get("type").string_or("");
  if (type == "text_delta") {
    add_text(find_or_begin(index, Kind::kText), delta.get("text").string_or(""));
  } else if (type == "thinking_delta") {
    add_text(find_or_begin(index, Kind::kThinking), delta.get("thinking").string_or(""));
  } else if (type == "signature_delta") {
    find_or_begin(index, Kind::kThinking).signature += delta.get("signature").string_or("");
  } else if (type == "input_json_delta") {
    Block* call = find(index, Kind::kCall);
    const std::string_view piece = delta.get("partial_json").string_or("");
    if (call == nullptr && !piece.empty()) {
      return bad_reply("the reply has arguments of a call that never began (block " +
                       std::to_string(index) + ")");
    }
    if (call == nullptr) return {};
    call->arguments += piece;
    assembly_.show_arguments(piece);
  }
  return {};
}

// What stands in the last event counts; what it leaves out, or says to be 0, is that of the first.
void AnthropicReply::take_usage(const json::Value& usage, bool is_final) {
  const auto take = [&](std::optional<std::int64_t>& count, std::string_view name) {
    const std::optional<std::int64_t> value = usage.get(name).integer();
    if (value && *value >= 0 && (*value > 0 || !count)) count = value;
  };
  take(input_tokens_, "input_tokens");
  take(cache_read_tokens_, "cache_read_input_tokens");
  take(cache_creation_tokens_, "cache_creation_input_tokens");
  take(output_tokens_, "output_tokens");
  has_final_usage_ = has_final_usage_ || (is_final && usage.get("output_tokens").integer());
}

// The three counts of input tokens exclude one another. The first event of a stream cannot know the
// tokens of the output: without the last one they are estimated.
void AnthropicReply::hand_over_usage() {
  if (!input_tokens_ && !output_tokens_) return;
  const std::int64_t cached = cache_read_tokens_.value_or(0);
  const std::int64_t written = cache_creation_tokens_.value_or(0);
  assembly_.set_usage({.input_tokens = input_tokens_.value_or(0) + cached + written,
                       .cached_tokens = cached,
                       .cache_write_tokens = written,
                       .output_tokens = output_tokens_.value_or(0),
                       .estimated = !has_final_usage_});
}

// Whether the message is thinking, text and calls, each text in one piece: then nothing but these
// is needed to write it again.
bool AnthropicReply::is_plain() const {
  Kind before = Kind::kThinking;
  bool first = true;
  for (const Block& block : blocks_) {
    if (block.kind == Kind::kRaw || !block.signature.empty() || block.kind < before) return false;
    if (!first && block.kind == before && block.kind != Kind::kCall) return false;
    before = block.kind;
    first = false;
  }
  return true;
}

std::string AnthropicReply::layout() const {
  std::string out;
  json::Writer writer(out);
  writer.begin_array();
  for (const Block& block : blocks_) {
    if (block.kind == Kind::kRaw) {
      writer.raw(block.text);
      continue;
    }
    writer.begin_object().key("type");
    if (block.kind == Kind::kCall) {
      writer.string("tool_use").end_object();
      continue;
    }
    writer.string(block.kind == Kind::kText ? "text" : "thinking");
    writer.key("bytes").integer(static_cast<std::int64_t>(block.text.size()));
    if (!block.signature.empty()) writer.key("signature").string(block.signature);
    writer.end_object();
  }
  writer.end_array();
  return out;
}

void AnthropicReply::complete() {
  // A host may open its blocks in any order, and write into them in any other.
  std::stable_sort(blocks_.begin(), blocks_.end(),
                   [](const Block& a, const Block& b) { return a.index < b.index; });
  if (!is_plain()) assembly_.keep_member(kBlocksMember, layout());
  std::string content;
  std::string reasoning;
  for (Block& block : blocks_) {
    if (block.kind == Kind::kText) content += block.text;
    if (block.kind == Kind::kThinking) reasoning += block.text;
    if (block.kind != Kind::kCall) continue;
    // A stream begins a call with an empty object, and sends the arguments behind it.
    assembly_.add_call({.id = std::move(block.id),
                        .name = std::move(block.name),
                        .arguments = block.arguments.empty() ? std::move(block.input)
                                                             : std::move(block.arguments)});
  }
  assembly_.replace_texts(std::move(content), std::move(reasoning));
  hand_over_usage();
}

}  // namespace perdure
