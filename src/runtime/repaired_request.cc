#include "runtime/repaired_request.h"

#include <algorithm>
#include <utility>

namespace perdure {

RequestOptions request_options(const AgentOptions& options, const std::string& run_id,
                               std::shared_ptr<MediaLibrary> media) {
  return {.thinking = options.thinking,
          .tool_choice = options.tool_choice,
          .sampling = options.sampling,
          .cache_key = run_id,
          .media = std::move(media)};
}

Result<RepairedRequest> RepairedRequest::make(const Endpoint& endpoint,
                                              const std::vector<ToolDeclaration>& tools,
                                              RequestOptions options, const RepairState& repair,
                                              std::string_view refusal) {
  std::vector<ToolDeclaration> declared;
  for (const ToolDeclaration& tool : tools) {
    if (repair.tools.count(tool.name) == 0) declared.push_back(tool);
  }
  const ToolChoice& choice = options.tool_choice;
  if (choice.is_forced() && (declared.empty() || repair.tools.count(choice.mode) > 0)) {
    options.tool_choice = {};
  }
  RepairedRequest made;
  if (!repair.strict) {
    Result<ChatRequest> chat = ChatRequest::make(endpoint, declared, options);
    if (!chat.ok()) return chat.error();
    made.chat_ = std::move(*chat);
    made.prefix_ = made.chat_.prefix();
    return made;
  }
  // Which name of the cap the host wants is known from its words only, and kept in what was left
  // out.
  const bool wanted_newer =
      std::any_of(repair.left_out.begin(), repair.left_out.end(), [](const std::string& part) {
        return part == "max_tokens" || part == "max_completion_tokens";
      });
  if (refusal.empty() && wanted_newer) refusal = "max_completion_tokens";
  made.rules_ = make_strict(endpoint, declared, options, refusal);
  const StrictRequest& rules = *made.rules_;
  Result<ChatRequest> chat = ChatRequest::make(rules.endpoint, rules.tools, rules.options);
  if (!chat.ok()) return chat.error();
  made.chat_ = std::move(*chat);
  made.prefix_ = made.chat_.prefix();
  made.left_out_ = rules.left_out;
  const auto& left_out = made.left_out_;
  if (std::find(left_out.begin(), left_out.end(), "thinking") != left_out.end()) {
    for (PrefixPart& part : made.prefix_) {
      if (part.field == "thinking") part.value = "left out";
    }
  }
  made.history_.emplace(rules);
  return made;
}

std::optional<std::size_t> RepairedRequest::first_change(const Transcript& transcript) const {
  return rules_ ? StrictHistory::first_change(transcript, *rules_) : std::nullopt;
}

RequestText RepairedRequest::text(const Transcript& transcript, std::int64_t output_tokens_max,
                                  std::int64_t replies_in_turn, std::string_view cut_reply) {
  const Transcript& messages = history_ ? history_->project(transcript) : transcript;
  return chat_.text(messages, output_tokens_max, replies_in_turn, cut_reply);
}

}  // namespace perdure
