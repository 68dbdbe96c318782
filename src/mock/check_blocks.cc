// What Anthropic's messages API demands of a request beyond what all dialects share: the turns, the
// blocks in them, and the answers to calls.
#include <algorithm>
#include <array>
#include <string>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "mock/messages_request.h"

namespace perdure::mock {
namespace {

constexpr std::array<std::string_view, 16> kRequestFields = {
    "model",         "max_tokens",    "messages",           "system",      "tools", "tool_choice",
    "stream",        "thinking",      "context_management", "temperature", "top_p", "top_k",
    "output_config", "cache_control", "stop_sequences",     "metadata"};
constexpr std::int64_t kCacheMarksMax = 4;

std::optional<Refusal> check_known_fields(const json::Value& object, std::string_view where,
                                          const std::vector<std::string>& known) {
  for (const auto& [key, value] : object.members()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::optional<std::string> meant = nearest(key, known);
    return invalid_request(
        fmt::format("{}unknown field {}{}: the real host would ignore it silently", where,
                    in_quotes(key), meant ? fmt::format(", did you mean '{}'?", *meant) : ""));
  }
  return std::nullopt;
}

// Reads the messages once, from the first to the last.
class BlockCheck {
 public:
  BlockCheck(bool thinks, bool needs_thinking) : thinks_(thinks), needs_thinking_(needs_thinking) {}

  std::optional<Refusal> check(const std::vector<json::Value>& messages) {
    for (at_ = 0; at_ < messages.size(); ++at_) {
      if (auto refusal = check_message(messages[at_])) return refusal;
    }
    at_ = messages.empty() ? 0 : messages.size() - 1;
    if (!pending_.empty()) return unanswered();
    if (is_assistant_) {
      return refuse("the last message is of the assistant: there is nothing to answer");
    }
    return std::nullopt;
  }

 private:
  using Check = std::optional<Refusal>;

  Check refuse(std::string_view what, std::string_view place = {}) const {
    return invalid_request(fmt::format("{} (messages[{}]{})", what, at_, place));
  }

  Check unanswered() const {
    return refuse(fmt::format(
        "`tool_use` ids were found without `tool_result` blocks immediately after: {}. Each "
        "`tool_use` block must have a corresponding `tool_result` block in the next message",
        join(pending_, ", ")));
  }

  Check check_message(const json::Value& message) {
    const std::string_view role = message.get("role").string_or("");
    if (role != "user" && role != "assistant") {
      return refuse(
          fmt::format("unexpected role {}: user and assistant are known, and `system` is "
                      "a field of the request",
                      in_quotes(role)));
    }
    if (auto refusal =
            check_known_fields(message, fmt::format("messages[{}]: ", at_), {"role", "content"})) {
      return refusal;
    }
    const bool is_assistant = role == "assistant";
    if (at_ == 0 && is_assistant) return refuse("the first message must be of the user");
    if (at_ > 0 && is_assistant == is_assistant_) {
      return refuse("roles must alternate between \"user\" and \"assistant\": merge the messages");
    }
    is_assistant_ = is_assistant;
    const json::Value content = message.get("content");
    const bool is_text = content.is_string() && !content.string_or("").empty();
    const std::vector<json::Value> blocks = content.elements();
    if (!is_text && blocks.empty()) {
      return refuse("content must be a string or an array of blocks, and not be empty");
    }
    return is_assistant ? check_assistant(blocks) : check_user(blocks);
  }

  Check check_user(const std::vector<json::Value>& blocks) {
    bool others_seen = false;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const std::string place = fmt::format(".content[{}]", i);
      const std::string_view type = blocks[i].get("type").string_or("");
      if (type != "tool_result") others_seen = true;
      if (type == "tool_result") {
        if (others_seen) return refuse("tool_result blocks come before all others", place);
        if (auto refusal = check_result(blocks[i], place)) return refusal;
      } else if (type == "text") {
        if (auto refusal = check_text(blocks[i], place)) return refusal;
      } else if (type != "image" && type != "video") {
        return refuse(fmt::format("a user has no block of type {}", in_quotes(type)), place);
      }
    }
    return pending_.empty() ? std::nullopt : unanswered();
  }

  Check check_result(const json::Value& block, const std::string& place) {
    if (auto refusal =
            check_known_fields(block, fmt::format("messages[{}]{}: ", at_, place),
                               {"type", "tool_use_id", "content", "is_error", "cache_control"})) {
      return refusal;
    }
    const std::string id(block.get("tool_use_id").string_or(""));
    const auto call = std::find(pending_.begin(), pending_.end(), id);
    if (call == pending_.end()) {
      return refuse(fmt::format("unexpected `tool_use_id` found in `tool_result` blocks: {}. Each "
                                "`tool_result` block must answer one `tool_use` block of the "
                                "message before it, once",
                                in_quotes(id)),
                    place);
    }
    if (call != pending_.begin()) {
      return refuse(fmt::format("tool_result blocks must answer the calls in their order: {} came "
                                "before {}",
                                in_quotes(id), in_quotes(pending_.front())),
                    place);
    }
    pending_.erase(call);
    const json::Value is_error = block.get("is_error");
    if (is_error && !is_error.boolean()) return refuse("is_error must be true or false", place);
    for (const json::Value& part : block.get("content").elements()) {
      if (part.get("type").string_or("") != "text") continue;
      if (auto refusal = check_text(part, place)) return refusal;
    }
    return std::nullopt;
  }

  Check check_text(const json::Value& block, const std::string& place) const {
    if (!trim(block.get("text").string_or("")).empty()) return std::nullopt;
    return refuse("text content blocks must contain non-whitespace text", place);
  }

  Check check_assistant(const std::vector<json::Value>& blocks) {
    bool has_thinking = false;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const std::string place = fmt::format(".content[{}]", i);
      const std::string_view type = blocks[i].get("type").string_or("");
      const bool is_thinking = type == "thinking" || type == "redacted_thinking";
      if (is_thinking && !pending_.empty()) return refuse("thinking comes before calls", place);
      has_thinking = has_thinking || is_thinking;
      if (type == "text") {
        if (auto refusal = check_text(blocks[i], place)) return refusal;
      } else if (type == "thinking") {
        if (!blocks[i].get("thinking").is_string())
          return refuse("a thinking block needs its text", place);
      } else if (type == "tool_use") {
        if (auto refusal = check_call(blocks[i], place)) return refusal;
      } else if (!is_thinking) {
        return refuse(fmt::format("an assistant has no block of type {}", in_quotes(type)), place);
      }
    }
    const bool lacks_thinking = needs_thinking_ && thinks_ && !has_thinking;
    if (!lacks_thinking || pending_.empty()) return std::nullopt;
    return invalid_request(fmt::format(
        "thinking is enabled but reasoning_content is missing in assistant tool call message at "
        "index {}: it must begin with the thinking block that came with it",
        at_));
  }

  Check check_call(const json::Value& block, const std::string& place) {
    if (auto refusal = check_known_fields(block, fmt::format("messages[{}]{}: ", at_, place),
                                          {"type", "id", "name", "input", "cache_control"})) {
      return refusal;
    }
    const std::string id(block.get("id").string_or(""));
    if (id.empty()) return refuse("a tool_use block needs an id", place);
    if (!ids_.insert(id).second) {
      return refuse(fmt::format("`tool_use` ids must be unique: {} is there twice", in_quotes(id)),
                    place);
    }
    if (!is_call_name(block.get("name").string_or(""))) {
      return refuse("a tool_use block needs the name of a tool", place);
    }
    if (!block.get("input").is_object()) {
      return refuse("the input of a tool_use block must be an object", place);
    }
    pending_.push_back(id);
    return std::nullopt;
  }

  bool thinks_;
  bool needs_thinking_;
  std::size_t at_ = 0;
  bool is_assistant_ = false;
  std::vector<std::string> pending_;     // calls that are not answered yet, in their order
  std::unordered_set<std::string> ids_;  // of all calls
};

std::int64_t count_marks(const json::Value& root) {
  std::int64_t marks = root.get("cache_control") ? 1 : 0;
  const auto count = [&](const json::Value& blocks) {
    for (const json::Value& block : blocks.elements()) marks += block.get("cache_control") ? 1 : 0;
  };
  count(root.get("system"));
  count(root.get("tools"));
  for (const json::Value& message : root.get("messages").elements()) count(message.get("content"));
  return marks;
}

}  // namespace

std::optional<Refusal> check_messages_request(const json::Value& root) {
  if (auto refusal = check_known_fields(root, "", {kRequestFields.begin(), kRequestFields.end()}))
    return refusal;
  if (root.get("max_tokens").integer_or(0) <= 0) {
    return invalid_request("max_tokens is required, as a positive integer");
  }
  const json::Value system = root.get("system");
  if (system && !system.is_string() && !system.is_array()) {
    return invalid_request("system must be a string or an array of text blocks");
  }
  constexpr std::array<std::string_view, 4> kChoices = {"auto", "any", "tool", "none"};
  const json::Value choice = root.get("tool_choice");
  const bool is_known = std::find(kChoices.begin(), kChoices.end(),
                                  choice.get("type").string_or("")) != kChoices.end();
  if (choice && !is_known) {
    return invalid_request("tool_choice must be an object whose type is auto, any, tool or none");
  }
  for (const json::Value& tool : root.get("tools").elements()) {
    if (!tool.get("input_schema").is_object()) {
      return invalid_request(fmt::format("tools: {} needs an input_schema",
                                         in_quotes(tool.get("name").string_or(""))));
    }
  }
  if (count_marks(root) > kCacheMarksMax) {
    return invalid_request("a maximum of 4 blocks with cache_control may be provided");
  }
  const ThinkingRule rule = rules_of(root.get("model").string_or("")).thinking;
  const bool is_off = root.get("thinking").get("type").string_or("") == "disabled";
  return BlockCheck(!is_off, rule != ThinkingRule::kFree && rule != ThinkingRule::kNone)
      .check(root.get("messages").elements());
}

}  // namespace perdure::mock
