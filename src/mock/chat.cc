#include "mock/chat.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "base/tool_name.h"
#include "base/utf8.h"
#include "json/slice.h"

namespace perdure::mock {
namespace {

constexpr std::int64_t kBytesPerToken = 4;
constexpr std::int64_t kTokensPerMedium = 1024;
constexpr std::size_t kQuotedBytesMax = 200;

// A key that is given twice is read differently by different servers.
std::optional<Refusal> find_repeated_key(const Chat& chat) {
  std::unordered_set<std::string_view> keys;
  for (const auto& [key, value] : chat.members) {
    if (!keys.insert(key).second) {
      return invalid_request(fmt::format("the field {} is there twice", key));
    }
  }
  return std::nullopt;
}

std::string_view media_url(const json::Value& part) {
  for (const std::string_view kind : {"image_url", "video_url"}) {
    const json::Value medium = part.get(kind);
    if (medium) return medium.is_object() ? medium.get("url").string_or("") : medium.string_or("");
  }
  return {};
}

// The ways in which other hosts than Moonshot are told not to think.
bool is_told_not_to(const json::Value& root) {
  const json::Value reasoning = root.get("reasoning");
  return root.get("chat_template_kwargs").get("thinking").boolean() == false ||
         reasoning.get("enabled").boolean() == false ||
         reasoning.get("effort").string_or("") == "none" ||
         root.get("reasoning_effort").string_or("") == "none";
}

// Whether the answer to this request begins with reasoning.
bool will_think(const ModelRules& rules, const json::Value& root) {
  if (is_told_not_to(root)) return false;
  const std::string_view type = root.get("thinking").get("type").string_or("");
  switch (rules.thinking) {
    case ThinkingRule::kNone:
      return false;
    case ThinkingRule::kFree:
    case ThinkingRule::kSwitchable:
    case ThinkingRule::kSwitchableKeep:
      return type != "disabled";
    case ThinkingRule::kAlways:
    case ThinkingRule::kAlwaysEffort:
      break;
  }
  return true;
}

void read_messages(Chat& chat, const std::vector<json::Value>& values,
                   const std::vector<std::string_view>& slices) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    ChatMessage message{values[i].get("role").string_or(""), slices[i], values[i],
                        fmt::format("messages[{}]", i)};
    chat.prompt_tokens += estimate_tokens(message);
    if (message.role == "assistant") {
      if (chat.assistant_messages == 0) chat.opening = i;
      ++chat.assistant_messages;
      chat.after_last = i + 1;
    }
    chat.messages.push_back(message);
  }
  if (chat.assistant_messages == 0) chat.opening = chat.messages.size();
}

}  // namespace

Refusal invalid_request(std::string_view message) {
  return {.message = fmt::format("Invalid request: {}", message)};
}

bool is_call_name(std::string_view name) {
  if (name.starts_with('$')) name.remove_prefix(1);
  return check_tool_name(name).ok();
}

std::string in_quotes(std::string_view text) {
  const std::string_view shown = utf8_prefix(text, kQuotedBytesMax);
  return fmt::format("\"{}\"{}", printable(shown), shown.size() < text.size() ? "..." : "");
}

std::string content_text(const json::Value& message) {
  const json::Value content = message.get("content");
  if (content.is_string()) return std::string(content.string_or(""));
  std::string text;
  for (const json::Value& part : content.elements()) text += part.get("text").string_or("");
  return text;
}

std::int64_t estimate_tokens(const ChatMessage& message) {
  std::size_t bytes = message.raw.size();
  std::int64_t media = 0;
  for (const json::Value& part : message.value.get("content").elements()) {
    const std::string_view url = media_url(part);
    if (url.empty()) continue;
    ++media;
    // The text of the URL may have had escapes, so it is never longer than its bytes.
    bytes -= std::min(bytes, url.size());
  }
  return static_cast<std::int64_t>(bytes) / kBytesPerToken + media * kTokensPerMedium;
}

bool is_partial(const Chat& chat) {
  return !chat.messages.empty() && chat.messages.back().role == "assistant" &&
         chat.messages.back().value.get("partial").boolean() == true;
}

std::string_view raw_field(const Chat& chat, std::string_view name) {
  for (const auto& [key, value] : chat.members) {
    if (key.size() == name.size() + 2 && key.substr(1, name.size()) == name) return value;
  }
  return {};
}

ParsedChat parse_chat(json::Reader& reader, std::string_view body) {
  ParsedChat parsed;
  Chat& chat = parsed.chat;
  const auto refuse = [&](Refusal refusal) {
    parsed.refusal = std::move(refusal);
    return parsed;
  };
  const Result<json::Value> root = reader.parse(body);
  if (!root.ok()) return refuse(invalid_request("the body is " + root.error().message));
  if (!root->is_object()) return refuse(invalid_request("the body is not a JSON object"));
  chat.root = *root;
  chat.members = json::member_slices(body);
  if (auto repeated = find_repeated_key(chat)) return refuse(*repeated);
  chat.model = root->get("model").string_or("");
  const std::vector<json::Value> values = root->get("messages").elements();
  const std::vector<std::string_view> slices = json::element_slices(raw_field(chat, "messages"));
  if (values.empty()) {
    return refuse(invalid_request("messages is required, as a list that is not empty"));
  }
  if (values.size() != slices.size()) {
    return refuse(invalid_request("the key \"messages\" is written with escapes"));
  }
  chat.rules = &rules_of(chat.model);
  read_messages(chat, values, slices);
  chat.streams = root->get("stream").boolean().value_or(false);
  chat.wants_usage = root->get("stream_options").get("include_usage").boolean().value_or(false);
  chat.thinks = will_think(*chat.rules, *root);
  return parsed;
}

}  // namespace perdure::mock
