#include "mock/messages_request.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "json/slice.h"
#include "json/writer.h"

namespace perdure::mock {
namespace {

constexpr std::string_view kClearThinking = "clear_thinking_20251015";

// {"type":"text","text":...} and others that hold text.
std::string text_of_blocks(const json::Value& content, std::string_view type) {
  if (content.is_string()) return type == "text" ? std::string(content.string_or("")) : "";
  std::string text;
  for (const json::Value& block : content.elements()) {
    if (block.get("type").string_or("") == type) text += block.get(type).string_or("");
  }
  return text;
}

// Without the mark of what to cache, which moves from request to request.
std::string_view without_mark(std::string_view block, std::deque<std::string>& kept) {
  if (json::member_slice(block, "cache_control").empty()) return block;
  std::string& rest = kept.emplace_back();
  for (const auto& [key, value] : json::member_slices(block)) {
    if (key == R"("cache_control")") continue;
    rest += (rest.empty() ? "{" : ",") + std::string(key) + ":" + std::string(value);
  }
  return rest += "}";
}

// A message of the translation, and where it comes from.
struct Origin {
  std::string_view raw;
  std::string place;
};

class Translator {
 public:
  Translator(std::string& out, std::deque<std::string>& kept) : kept_(kept), writer_(out) {}

  std::vector<Origin> write(const json::Value& root, std::string_view body) {
    writer_.begin_object();
    copy(root, "model", "model");
    copy(root, "stream", "stream");
    copy(root, "max_tokens", "max_tokens");
    copy(root, "temperature", "temperature");
    copy(root, "top_p", "top_p");
    copy(root, "stop_sequences", "stop");
    write_thinking(root);
    write_tools(root, json::member_slice(body, "tools"));
    write_choice(root.get("tool_choice"));
    writer_.key("messages").begin_array();
    if (const json::Value system = root.get("system")) {
      write_text("system", text_of_blocks(system, "text"));
      origins_.push_back({json::member_slice(body, "system"), "system"});
    }
    write_messages(root.get("messages").elements(),
                   json::element_slices(json::member_slice(body, "messages")));
    writer_.end_array().end_object();
    return std::move(origins_);
  }

 private:
  void copy(const json::Value& root, std::string_view from, std::string_view to) {
    const json::Value value = root.get(from);
    if (value) writer_.key(to).raw(value.text());
  }

  // A model that always keeps its thinking is not told to.
  void write_thinking(const json::Value& root) {
    const json::Value thinking = root.get("thinking");
    if (!thinking.is_object()) return copy(root, "thinking", "thinking");
    writer_.key("thinking").begin_object();
    for (const auto& [key, value] : thinking.members()) writer_.key(key).raw(value.text());
    const ModelRules& rules = rules_of(root.get("model").string_or(""));
    for (const json::Value& edit : root.get("context_management").get("edits").elements()) {
      const bool keeps = edit.get("type").string_or("") == kClearThinking &&
                         edit.get("keep").string_or("") == "all";
      if (keeps && rules.thinking != ThinkingRule::kAlways) writer_.key("keep").string("all");
    }
    if (const json::Value effort = root.get("output_config").get("effort")) {
      writer_.key("effort").raw(effort.text());
    }
    writer_.end_object();
  }

  void write_tools(const json::Value& root, std::string_view slices) {
    const std::vector<json::Value> tools = root.get("tools").elements();
    const std::vector<std::string_view> raws = json::element_slices(slices);
    if (tools.empty() || tools.size() != raws.size()) return;
    writer_.key("tools").begin_array();
    for (std::size_t i = 0; i < tools.size(); ++i) {
      writer_.begin_object().key("type").string("function").key("function").begin_object();
      for (const auto& [key, value] : json::member_slices(raws[i])) {
        const std::string_view name = key.substr(1, key.size() - 2);
        if (name == "cache_control" || name == "type") continue;
        writer_.key(name == "input_schema" ? "parameters" : name).raw(value);
      }
      writer_.end_object().end_object();
    }
    writer_.end_array();
  }

  void write_choice(const json::Value& choice) {
    const std::string_view type = choice.get("type").string_or("");
    if (type == "auto" || type == "none") writer_.key("tool_choice").string(type);
    if (type == "any") writer_.key("tool_choice").string("required");
    if (type != "tool") return;
    writer_.key("tool_choice").begin_object().key("type").string("function").key("function");
    writer_.begin_object().key("name").string(choice.get("name").string_or(""));
    writer_.end_object().end_object();
  }

  void write_text(std::string_view role, std::string_view text) {
    writer_.begin_object().key("role").string(role).key("content").string(text).end_object();
  }

  void write_messages(const std::vector<json::Value>& messages,
                      const std::vector<std::string_view>& raws) {
    if (messages.size() != raws.size()) return;
    for (std::size_t i = 0; i < messages.size(); ++i) {
      const std::string place = fmt::format("messages[{}]", i);
      if (messages[i].get("role").string_or("") == "assistant") {
        write_assistant(messages[i], json::member_slice(raws[i], "content"));
        origins_.push_back({raws[i], place});
      } else {
        write_user(messages[i], json::member_slice(raws[i], "content"), place);
      }
    }
  }

  void write_user(const json::Value& message, std::string_view raw, const std::string& place) {
    const json::Value content = message.get("content");
    if (content.is_string()) {
      write_text("user", content.string_or(""));
      origins_.push_back({raw, place + ".content"});
      return;
    }
    const std::vector<json::Value> blocks = content.elements();
    const std::vector<std::string_view> raws = json::element_slices(raw);
    if (blocks.size() != raws.size()) return;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      write_block(blocks[i]);
      origins_.push_back({without_mark(raws[i], kept_), fmt::format("{}.content[{}]", place, i)});
    }
  }

  void write_block(const json::Value& block) {
    const std::string_view type = block.get("type").string_or("");
    if (type == "tool_result") {
      writer_.begin_object().key("role").string("tool").key("tool_call_id");
      writer_.string(block.get("tool_use_id").string_or("")).key("content");
      writer_.string(text_of_blocks(block.get("content"), "text")).end_object();
    } else if (type == "text") {
      write_text("user", block.get("text").string_or(""));
    } else {
      const json::Value source = block.get("source");
      const std::string url =
          source.get("type").string_or("") == "base64"
              ? fmt::format("data:{};base64,{}", source.get("media_type").string_or(""),
                            source.get("data").string_or(""))
              : std::string(source.get("url").string_or(""));
      const std::string kind = std::string(type) + "_url";
      writer_.begin_object().key("role").string("user").key("content").begin_array();
      writer_.begin_object().key("type").string(kind).key(kind).begin_object();
      writer_.key("url").string(url).end_object().end_object().end_array().end_object();
    }
  }

  void write_assistant(const json::Value& message, std::string_view raw) {
    const json::Value content = message.get("content");
    writer_.begin_object().key("role").string("assistant");
    const std::string text = text_of_blocks(content, "text");
    if (!text.empty()) writer_.key("content").string(text);
    const std::string thinking = text_of_blocks(content, "thinking");
    if (!thinking.empty()) writer_.key("thinking").string(thinking);
    bool has_calls = false;
    const std::vector<json::Value> blocks = content.elements();
    const std::vector<std::string_view> raws = json::element_slices(raw);
    for (std::size_t i = 0; i < std::min(blocks.size(), raws.size()); ++i) {
      const json::Value& block = blocks[i];
      if (block.get("type").string_or("") != "tool_use") continue;
      if (!has_calls) writer_.key("tool_calls").begin_array();
      has_calls = true;
      writer_.begin_object().key("id").string(block.get("id").string_or(""));
      writer_.key("type").string("function").key("function").begin_object();
      writer_.key("name").string(block.get("name").string_or(""));
      writer_.key("arguments").string(json::member_slice(raws[i], "input"));
      writer_.end_object().end_object();
    }
    if (has_calls) writer_.end_array();
    writer_.end_object();
  }

  std::deque<std::string>& kept_;
  json::Writer writer_;
  std::vector<Origin> origins_;
};

}  // namespace

MessagesRequest::MessagesRequest(std::string_view body, bool strict) {
  const Result<json::Value> root = reader_.parse(body);
  if (!root.ok() || !root->is_object()) {
    refusal_ = invalid_request(root.ok() ? "the body is not a JSON object"
                                         : "the body is " + root.error().message);
    return;
  }
  if (strict) refusal_ = check_messages_request(*root);
  if (!refusal_) translate(*root, body);
}

void MessagesRequest::translate(const json::Value& root, std::string_view body) {
  std::vector<Origin> origins = Translator(translated_, kept_).write(root, body);
  ParsedChat parsed = parse_chat(translated_reader_, translated_);
  refusal_ = std::move(parsed.refusal);
  chat_ = std::move(parsed.chat);
  if (refusal_ || origins.size() != chat_.messages.size()) return;
  chat_.is_messages = true;
  chat_.members = json::member_slices(body);
  chat_.prompt_tokens = 0;
  for (std::size_t i = 0; i < origins.size(); ++i) {
    ChatMessage& message = chat_.messages[i];
    message.raw = origins[i].raw;
    message.place = std::move(origins[i].place);
    chat_.prompt_tokens += estimate_tokens(message);
  }
}

}  // namespace perdure::mock
