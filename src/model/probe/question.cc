#include "model/probe/question.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "core/transcript.h"
#include "json/parse.h"
#include "model/schema_dialect.h"

namespace perdure::probe {

bool Answer::refused() const {
  return error &&
         (error->code == ErrorCode::kBadRequest || error->code == ErrorCode::kContextFull ||
          error->code == ErrorCode::kUnsupported);
}

bool Answer::broken() const {
  return error && (error->code == ErrorCode::kStreamCut || error->code == ErrorCode::kBadReply);
}

bool Answer::called(std::string_view tool) const {
  return ok() && std::any_of(reply.calls.begin(), reply.calls.end(),
                             [&](const ToolCall& call) { return call.name == tool; });
}

void Ask::say(std::string_view text) {
  const std::string head = messages.empty() ? tag : "";
  messages.push_back(message_fragment("user", head + std::string(text)));
}

void Ask::go_on(const Answer& before, std::string_view text) {
  messages = before.messages;
  conversation = before.conversation;
  if (!before.reply.fragment.empty()) messages.push_back(before.reply.fragment);
  for (const ToolCall& call : before.reply.calls)
    messages.push_back(result_fragment(call.id, text));
  if (before.reply.calls.empty()) messages.push_back(message_fragment("user", text));
}

void Ask::add_tool(std::string_view name, std::string_view description,
                   std::string_view parameters) {
  const Result<Json> schema = json::parse(parameters);
  if (!schema.ok()) return;
  const Result<NormalizedSchema> spoken = normalize_schema(*schema, endpoint.host.tool_schema);
  if (!spoken.ok()) return;
  tools.push_back({.name = std::string(name),
                   .description = std::string(description),
                   .parameters = json::dump(spoken->schema)});
}

const std::vector<Question>& questions() {
  static const std::vector<Question> kQuestions = [] {
    std::vector<Question> all;
    for (auto part : {transport_questions, thinking_questions, tool_questions, closing_questions}) {
      for (Question& question : part()) all.push_back(std::move(question));
    }
    return all;
  }();
  return kQuestions;
}

Finding decides(HostVerdict verdict, std::string seen, std::string key,
                std::function<void(HostProfile&)> apply) {
  Finding finding{.verdict = verdict, .seen = std::move(seen)};
  finding.changes.push_back({.key = std::move(key), .apply = std::move(apply)});
  return finding;
}

Finding observes(HostVerdict verdict, std::string seen) {
  return {.verdict = verdict, .seen = std::move(seen)};
}

std::string refusal(const Answer& answer) {
  constexpr std::size_t kShownBytes = 120;
  if (!answer.error) return "";
  const std::string text = to_valid_utf8(answer.error->message);
  const std::string_view shown = utf8_prefix(text, kShownBytes);
  return std::string(shown) + (shown.size() < text.size() ? "..." : "");
}

}  // namespace perdure::probe
