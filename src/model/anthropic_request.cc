#include "model/anthropic_request.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "json/parse.h"
#include "json/slice.h"
#include "json/writer.h"
#include "model/anthropic_reply.h"
#include "model/history.h"

namespace perdure {
namespace {

constexpr std::string_view kCacheMember = R"("cache_control":{"type":"ephemeral"})";

// A string literal with text before and behind what it holds.
std::string wrapped(std::string_view literal, std::string_view before, std::string_view behind) {
  const std::string_view inside = literal.substr(1, literal.size() - 2);
  return "\"" + std::string(before) + std::string(inside) + std::string(behind) + "\"";
}

// {"type":"image","source":...} without its last bracket; images as data go as base64, everything
// else by its address.
std::string media_block(std::string_view kind, std::string_view url) {
  constexpr std::string_view kData = "data:";
  constexpr std::string_view kBase64 = ";base64,";
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("type").string(kind).key("source").begin_object().key("type");
  const std::size_t coding = url.find(kBase64);
  if (url.starts_with(kData) && coding != std::string_view::npos) {
    writer.string("base64").key("media_type");
    writer.string(url.substr(kData.size(), coding - kData.size()));
    writer.key("data").string(url.substr(coding + kBase64.size())).end_object();
  } else {
    writer.string("url").key("url").string(url).end_object();
  }
  return out;
}

// A part of a chat message as a block without its last bracket; nothing for what has no place here.
std::string part_block(const json::Value& part) {
  const std::string_view type = part.get("type").string_or("");
  std::string out;
  if (type == "text") {
    json::Writer(out).begin_object().key("type").string("text").key("text").string(
        part.get("text").string_or(""));
    return out;
  }
  if (type != "image_url" && type != "video_url") return out;
  const json::Value medium = part.get(type);
  return media_block(type == "image_url" ? "image" : "video",
                     medium.is_object() ? medium.get("url").string_or("") : medium.string_or(""));
}

// The blocks of one assistant message, from its chat form.
class AssistantWriter {
 public:
  AssistantWriter(const json::Value& message, bool unsigned_thinking)
      : unsigned_thinking_(unsigned_thinking),
        layout_(message.get(kBlocksMember).elements()),
        calls_(message.get("tool_calls").elements()),
        writer_(out_) {
    const json::Value content = message.get("content");
    text_ = content.string_or("");
    for (const json::Value& part : content.elements()) text_ += part.get("text").string_or("");
    for (const std::string_view name : {"reasoning_content", "reasoning"}) {
      if (thinking_.empty()) thinking_ = message.get(name).string_or("");
    }
    for (const json::Value& part : message.get("reasoning_details").elements()) {
      if (!message.get("reasoning_content") && !message.get("reasoning"))
        thinking_ += part.get("text").string_or("");
    }
    // What stands for reasoning that a host demands is not needed beside what cannot be read.
    if (thinking_ == " " && has_sealed_thinking()) thinking_.clear();
  }

  /// Empty when there is nothing that a host would take.
  std::string write() {
    writer_.begin_object().key("role").string("assistant").key("content").begin_array();
    // A layout that does not fit what there is now (calls were found in the text) counts no bytes.
    const bool fits_text = bytes_of("text") == text_.size();
    const bool fits_thinking = bytes_of("thinking") == thinking_.size();
    if (!fits_thinking) write_thinking(thinking_, "");
    for (const json::Value& block : layout_) {
      const std::string_view type = block.get("type").string_or("");
      const auto bytes = static_cast<std::size_t>(block.get("bytes").integer_or(0));
      if (type == "thinking") {
        if (fits_thinking)
          write_thinking(take(thinking_, thinking_at_, bytes),
                         block.get("signature").string_or(""));
      } else if (type == "text") {
        if (fits_text) write_text(take(text_, text_at_, bytes));
      } else if (type == "tool_use") {
        if (!fits_text) write_text(take(text_, text_at_, text_.size()));
        if (next_call_ < calls_.size()) write_call(calls_[next_call_++]);
      } else {
        write_raw(block.text());
      }
    }
    write_text(take(text_, text_at_, text_.size()));
    while (next_call_ < calls_.size()) write_call(calls_[next_call_++]);
    writer_.end_array().end_object();
    return is_empty_ ? std::string() : std::move(out_);
  }

 private:
  bool has_sealed_thinking() const {
    return std::any_of(layout_.begin(), layout_.end(), [](const json::Value& block) {
      return block.get("signature") || block.get("type").string_or("") == "redacted_thinking";
    });
  }

  std::size_t bytes_of(std::string_view wanted) const {
    std::size_t bytes = 0;
    for (const json::Value& block : layout_) {
      if (block.get("type").string_or("") == wanted)
        bytes += static_cast<std::size_t>(block.get("bytes").integer_or(0));
    }
    return bytes;
  }

  static std::string_view take(const std::string& text, std::size_t& at, std::size_t bytes) {
    const std::string_view taken = std::string_view(text).substr(std::min(at, text.size()), bytes);
    at += taken.size();
    return taken;
  }

  void write_thinking(std::string_view text, std::string_view signature) {
    if (signature.empty() && (text.empty() || !unsigned_thinking_)) return;
    writer_.begin_object().key("type").string("thinking").key("thinking").string(text);
    if (!signature.empty()) writer_.key("signature").string(signature);
    writer_.end_object();
    is_empty_ = false;
  }

  // Text without a letter is refused in a history.
  void write_text(std::string_view text) {
    if (trim(text).empty()) return;
    writer_.begin_object().key("type").string("text").key("text").string(text).end_object();
    is_empty_ = false;
  }

  void write_raw(std::string_view json) {
    writer_.raw(json);
    is_empty_ = false;
  }

  void write_call(const json::Value& call) {
    const json::Value function = call.get("function");
    writer_.begin_object().key("type").string("tool_use");
    writer_.key("id").string(call.get("id").string_or(""));
    writer_.key("name").string(function.get("name").string_or(""));
    // An object: nothing else is sent (history_check.h).
    writer_.key("input").raw(function.get("arguments").string_or("{}")).end_object();
    is_empty_ = false;
  }

  bool unsigned_thinking_;
  std::vector<json::Value> layout_;
  std::vector<json::Value> calls_;
  std::string text_;
  std::string thinking_;
  std::size_t text_at_ = 0;
  std::size_t thinking_at_ = 0;
  std::size_t next_call_ = 0;
  bool is_empty_ = true;
  std::string out_;
  json::Writer writer_;
};

}  // namespace

std::string anthropic_head(const Endpoint& endpoint, const std::vector<ToolDeclaration>& tools,
                           const RequestOptions& options, const std::string& thinking,
                           std::vector<std::string>& declared) {
  std::string head;
  json::Writer writer(head);
  writer.begin_object().key("model").string(endpoint.wire_model);
  writer.key("stream").boolean(endpoint.host.stream);
  if (!thinking.empty()) head += "," + thinking;
  for (const auto& [name, value] : options.sampling.items())
    writer.key(name).raw(json::dump(value));
  if (tools.empty()) return head;
  writer.key("tools").begin_array();
  for (const ToolDeclaration& tool : tools) {
    std::string declaration;
    json::Writer(declaration)
        .begin_object()
        .key("name")
        .string(tool.name)
        .key("description")
        .string(tool.description)
        .key("input_schema")
        .raw(tool.parameters)
        .end_object();
    writer.raw(declaration);
    declared.push_back(std::move(declaration));
  }
  writer.end_array();
  return head;
}

std::string anthropic_tool_choice(std::string_view mode) {
  if (mode == "auto") return {};
  std::string out = R"(,"tool_choice":)";
  json::Writer writer(out);
  writer.begin_object().key("type");
  if (mode == "none") {
    writer.string("none");
  } else if (mode == "required") {
    writer.string("any");
  } else {
    writer.string("tool").key("name").string(mode);
  }
  writer.end_object();
  return out;
}

AnthropicHistory::AnthropicHistory(std::string head, const HostProfile& host)
    : head_(std::move(head)),
      unsigned_thinking_(host.unsigned_thinking),
      cache_control_(host.cache_control) {
  start_over();
}

void AnthropicHistory::start_over() {
  begin_ = std::make_shared<const std::string>(head_ + R"(,"messages":[)");
  closed_ = {};
  open_.clear();
  taken_ = 0;
}

RequestText AnthropicHistory::text(const Transcript& transcript, std::string_view tail) {
  take(transcript);
  std::string end;
  if (!open_.empty()) {
    end = (closed_.size() > 0 ? "," : "") + open_;
    if (cache_control_) end += "," + std::string(kCacheMember);
    end += "}]}";
  }
  end += tail;
  return {.head = begin_, .messages = &closed_, .tail = std::move(end)};
}

// A transcript only grows; another one, or one that is shorter, is written from its beginning.
void AnthropicHistory::take(const Transcript& transcript) {
  std::shared_ptr<const void> source = transcript.pieces().owner;
  if (source != source_ || transcript.size() < taken_) start_over();
  source_ = std::move(source);
  for (; taken_ < transcript.size(); ++taken_) {
    add_message(transcript.fragment(taken_), transcript.is_failure(taken_), taken_ == 0);
  }
}

void AnthropicHistory::add_message(std::string_view json, bool is_failure, bool is_first) {
  const std::string_view role = json::member_slice(json, "role");
  if (role == R"("tool")") return add_result(json, is_failure);
  const std::string_view content = json::member_slice(json, "content");
  if (role == R"("system")" && content.starts_with('"')) {
    if (is_first) {
      std::string begin = head_ + R"(,"system":[{"type":"text","text":)" + std::string(content);
      if (cache_control_) begin += "," + std::string(kCacheMember);
      begin_ = std::make_shared<const std::string>(begin + R"(}],"messages":[)");
      return;
    }
    // There is one place for a system prompt: what comes later is told to the model as a user.
    begin_block();
    open_ += R"({"type":"text","text":)" + wrapped(content, "<system>", "</system>");
    return;
  }
  const Result<json::Value> message = reader_.parse(json);
  if (!message.ok()) return;
  role == R"("assistant")" ? add_assistant(*message) : add_user(*message, content);
}

void AnthropicHistory::add_user(const json::Value& message, std::string_view content) {
  if (content.starts_with('"')) {
    begin_block();
    open_ += R"({"type":"text","text":)" + std::string(content);
    return;
  }
  for (const json::Value& part : message.get("content").elements()) {
    const std::string block = part_block(part);
    if (block.empty()) continue;
    begin_block();
    open_ += block;
  }
}

// Results come before all else of their message: they are what joins the history after calls.
void AnthropicHistory::add_result(std::string_view json, bool is_failure) {
  begin_block();
  open_ += R"({"type":"tool_result","tool_use_id":)";
  open_ += json::member_slice(json, "tool_call_id");
  open_ += R"(,"content":[)";
  const std::string_view content = json::member_slice(json, "content");
  if (content.starts_with('"')) {
    open_ += R"({"type":"text","text":)" + std::string(content) + "}";
  } else if (const Result<json::Value> message = reader_.parse(json); message.ok()) {
    bool is_next = false;
    for (const json::Value& part : message->get("content").elements()) {
      const std::string block = part_block(part);
      if (block.empty()) continue;
      open_ += (std::exchange(is_next, true) ? "," : "") + block + "}";
    }
  }
  open_ += ']';
  if (is_failure) open_ += R"(,"is_error":true)";
}

void AnthropicHistory::add_assistant(const json::Value& message) {
  const std::string written = AssistantWriter(message, unsigned_thinking_).write();
  if (written.empty()) return;
  close_user();
  closed_.append(written);
}

void AnthropicHistory::begin_block() {
  open_ += open_.empty() ? R"({"role":"user","content":[)" : "},";
}

void AnthropicHistory::close_user() {
  if (open_.empty()) return;
  closed_.append(open_ + "}]}");
  open_.clear();
}

}  // namespace perdure
