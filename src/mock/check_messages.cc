#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "mock/checks.h"

namespace perdure::mock {
namespace {

bool is_medium(std::string_view type) {
  return type == "image_url" || type == "video_url";
}

// What is wrong with an image or video, and more of it; both empty for a good one.
std::pair<std::string, std::string> problem_of_medium(const CheckScope& scope,
                                                      const json::Value& part) {
  const std::string_view type = part.get("type").string_or("");
  const bool is_video = type == "video_url";
  const ModelRules& rules = *scope.chat.rules;
  if (is_video ? !rules.videos : !rules.images)
    return {fmt::format("this model does not take {} content", type), ""};
  const json::Value medium = part.get(type);
  const std::string_view url =
      medium.is_object() ? medium.get("url").string_or("") : medium.string_or("");
  const bool is_remote = url.starts_with("http://") || url.starts_with("https://");
  if (url.empty() || (is_remote && scope.is_moonshot())) {
    return {"unsupported image url", "a data: or ms:// URL is needed, remote ones are not fetched"};
  }
  const std::string problem = is_remote ? "" : medium_problem(url, is_video, scope.files);
  return {problem.empty() ? "" : "invalid image or video", problem};
}

// Reads the history once, from the first message to the last.
class HistoryCheck {
 public:
  explicit HistoryCheck(const CheckScope& scope) : scope_(scope), messages_(scope.chat.messages) {}

  std::optional<Refusal> check() {
    for (at_ = 0; at_ < messages_.size(); ++at_) {
      if (auto refusal = check_message(messages_[at_])) return refusal;
    }
    if (auto refusal = check_all_answered()) return refusal;
    const ChatMessage& last = messages_.back();
    if (last.role == "assistant" && last.value.get("partial").boolean() != true) {
      return refuse(
          "the last message is of the assistant and not partial: there is nothing to answer");
    }
    if (!others_seen_) return refuse("there is nothing to answer but system messages");
    return std::nullopt;
  }

 private:
  using Check = std::optional<Refusal>;

  // What is wrong, and behind it where.
  Check refuse(std::string_view what, std::string_view detail = {}) const {
    const std::size_t index = std::min(at_, messages_.size() - 1);
    return invalid_request(
        fmt::format("{} (messages[{}]{}{})", what, index, detail.empty() ? "" : ": ", detail));
  }

  Check check_message(const ChatMessage& message) {
    if (!message.value.is_object()) return refuse("a message must be an object");
    if (message.role != "tool") {
      if (auto refusal = check_all_answered()) return refusal;
    }
    if (message.role == "system") return check_system(message.value);
    if (message.role == "user") return check_user(message.value);
    if (message.role == "assistant") return check_assistant(message.value);
    if (message.role == "tool") return check_tool(message.value);
    return refuse(fmt::format("unknown role {}: system, user, assistant and tool are known",
                              in_quotes(message.role)));
  }

  Check check_fields(const json::Value& message, std::vector<std::string> known) const {
    known.insert(known.end(), {"role", "content", "name"});
    for (const auto& [key, value] : message.members()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const std::optional<std::string> meant = nearest(key, known);
      return refuse(fmt::format("unknown field {} of a message{}", in_quotes(key),
                                meant ? fmt::format(", did you mean '{}'?", *meant) : ""));
    }
    return std::nullopt;
  }

  Check check_system(const json::Value& message) {
    const bool declares = message.get("tools").is_array() && scope_.chat.rules->system_tools;
    if (auto refusal = check_fields(
            message, declares ? std::vector<std::string>{"tools"} : std::vector<std::string>{})) {
      return refusal;
    }
    if (declares) {
      if (message.get("content")) return refuse("a system message with tools must have no content");
      return std::nullopt;
    }
    if (others_seen_) return refuse("system messages stand before all others");
    return check_content(message, "system");
  }

  Check check_user(const json::Value& message) {
    others_seen_ = true;
    if (auto refusal = check_fields(message, {})) return refusal;
    return check_content(message, "user");
  }

  // A string that is not empty, or a list of parts.
  Check check_content(const json::Value& message, std::string_view role) const {
    const json::Value content = message.get("content");
    const bool good = content.is_string() || content.is_array() || !content;
    if (!good) return refuse("content must be a string or an array of parts");
    if (content.string_or("").empty() && content.elements().empty()) {
      return refuse(
          fmt::format("the message at position {} with role '{}' must not be empty", at_, role));
    }
    for (const json::Value& part : content.elements()) {
      if (auto refusal = check_part(part)) return refusal;
    }
    return std::nullopt;
  }

  Check check_part(const json::Value& part) const {
    const std::string_view type = part.get("type").string_or("");
    if (type == "text") {
      if (!part.get("text").string_or("").empty()) return std::nullopt;
      return refuse("text content is empty");
    }
    if (!is_medium(type)) {
      return refuse(fmt::format("unsupported content type {}", in_quotes(type)));
    }
    const auto [what, detail] = problem_of_medium(scope_, part);
    return what.empty() ? std::nullopt : refuse(what, detail);
  }

  Check check_assistant(const json::Value& message) {
    others_seen_ = true;
    std::vector<std::string> fields = {"tool_calls", "partial", "refusal",
                                       std::string(scope_.traits.reasoning_field)};
    if (scope_.traits.reasoning_details) fields.emplace_back("reasoning_details");
    if (auto refusal = check_fields(message, fields)) return refusal;
    const json::Value partial = message.get("partial");
    if (partial.boolean() == true && at_ + 1 != messages_.size()) {
      return refuse("partial is only allowed on the last message");
    }
    const json::Value calls = message.get("tool_calls");
    if (calls && (!calls.is_array() || calls.elements().empty())) {
      return refuse("tool_calls must be an array that is not empty, or left out");
    }
    if (!calls) return check_content(message, "assistant");
    const json::Value content = message.get("content");
    if (content.is_string() && content.string_or("").empty()) {
      return refuse("text content is empty", "leave content out beside tool_calls");
    }
    if (content) {
      if (auto refusal = check_content(message, "assistant")) return refusal;
    }
    if (auto refusal = check_reasoning(message)) return refusal;
    return check_calls(calls.elements());
  }

  // With thinking on, calls do not come back without the reasoning that led to them.
  Check check_reasoning(const json::Value& message) const {
    const ThinkingRule rule = scope_.chat.rules->thinking;
    if (!scope_.is_moonshot() || !scope_.chat.thinks || rule == ThinkingRule::kFree) {
      return std::nullopt;
    }
    if (!message.get("reasoning_content").string_or("").empty()) return std::nullopt;
    return invalid_request(fmt::format(
        "thinking is enabled but reasoning_content is missing in assistant tool call message at "
        "index {}",
        at_));
  }

  Check check_calls(const std::vector<json::Value>& calls) {
    pending_.clear();
    answered_ = 0;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const std::string where = fmt::format("tool_calls[{}]", i);
      const std::string_view id = calls[i].get("id").string_or("");
      if (id.empty()) return refuse("a tool call needs an id", where);
      if (!ids_.insert(id).second) {
        return refuse(fmt::format("tool call id {} is duplicated", id), where);
      }
      if (auto refusal = check_call(calls[i], where)) return refusal;
      pending_.push_back(id);
      const json::Value function = calls[i].get("function");
      if (function.get("name").string_or("").starts_with('$'))
        echoes_[id] = function.get("arguments").string_or("");
    }
    return std::nullopt;
  }

  Check check_call(const json::Value& call, const std::string& where) {
    for (const auto& [key, value] : call.members()) {
      if (key == "id" || key == "type" || key == "function" || key == "index") continue;
      return refuse(fmt::format("unknown field {} of a tool call", in_quotes(key)), where);
    }
    if (call.get("type").string_or("") != "function") {
      return refuse("the type of a tool call must be function", where);
    }
    const json::Value function = call.get("function");
    const std::optional<std::string_view> name = function.get("name").string();
    if (!name) return refuse("a tool call needs function.name", where);
    if (!is_call_name(*name)) {
      return refuse("function name is invalid", fmt::format("{} has {}", where, in_quotes(*name)));
    }
    const std::optional<std::string_view> text = function.get("arguments").string();
    if (!text) return refuse("function.arguments of a tool call must be a string", where);
    const Result<json::Value> arguments = reader_.parse(*text);
    if (arguments.ok() && arguments->is_object()) return std::nullopt;
    return refuse("function.arguments of a tool call must hold a JSON object",
                  fmt::format("{} has {}", where, in_quotes(*text)));
  }

  Check check_tool(const json::Value& message) {
    others_seen_ = true;
    if (auto refusal = check_fields(message, {"tool_call_id"})) return refusal;
    const std::string_view id = message.get("tool_call_id").string_or("");
    if (id.empty())
      return refuse("tool_call_id  is not found", "a tool message needs a tool_call_id");
    const auto expected = pending_.begin() + static_cast<std::ptrdiff_t>(answered_);
    if (expected != pending_.end() && *expected == id) {
      ++answered_;
      const auto echo = echoes_.find(id);
      if (echo != echoes_.end() && content_text(message) != echo->second) {
        return refuse("the result of a function of the host must be its arguments, unchanged",
                      in_quotes(id));
      }
      return check_content(message, "tool");
    }
    if (std::find(expected, pending_.end(), id) != pending_.end()) {
      return refuse("tool messages must answer the calls in their order",
                    fmt::format("{} came before {}", in_quotes(id), in_quotes(*expected)));
    }
    if (ids_.count(id) > 0) {
      return refuse(fmt::format("the tool call {} is answered twice", in_quotes(id)));
    }
    return refuse("tool_call_id  is not found",
                  fmt::format("{} is no call of the assistant message before it", in_quotes(id)));
  }

  // Before anything that is no answer: nothing may come between calls and answers.
  Check check_all_answered() {
    if (answered_ == pending_.size()) return std::nullopt;
    std::vector<std::string> missing(pending_.begin() + static_cast<std::ptrdiff_t>(answered_),
                                     pending_.end());
    return refuse(fmt::format(
        "an assistant message with 'tool_calls' must be followed by tool messages responding to "
        "each 'tool_call_id'. The following tool_call_ids did not have response messages: {}",
        join(missing, ", ")));
  }

  const CheckScope& scope_;
  const std::vector<ChatMessage>& messages_;
  std::size_t at_ = 0;
  // Of calls of the host's own functions, by id: their arguments.
  std::unordered_map<std::string_view, std::string_view> echoes_;
  bool others_seen_ = false;                  // a message that is no system message
  std::vector<std::string_view> pending_;     // ids of the last assistant message
  std::size_t answered_ = 0;                  // of them, in order
  std::unordered_set<std::string_view> ids_;  // of all calls
  json::Reader reader_;
};

}  // namespace

std::optional<Refusal> check_messages(const CheckScope& scope) {
  return HistoryCheck(scope).check();
}

std::optional<Refusal> check_block_media(const CheckScope& scope) {
  for (const ChatMessage& message : scope.chat.messages) {
    for (const json::Value& part : message.value.get("content").elements()) {
      if (!is_medium(part.get("type").string_or(""))) continue;
      const auto [what, detail] = problem_of_medium(scope, part);
      if (!what.empty())
        return invalid_request(fmt::format("{} ({}: {})", what, message.place, detail));
    }
  }
  return std::nullopt;
}

}  // namespace perdure::mock
