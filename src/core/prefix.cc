#include "core/prefix.h"

#include <algorithm>
#include <string_view>

namespace perdure {
namespace {

// Hosts cache in blocks, and evict: fewer tokens, or less than half of them, are no news.
constexpr std::int64_t kMissedTokensMin = 1024;

const std::string* value_of(const std::vector<PrefixPart>& parts, std::string_view field) {
  const auto found = std::find_if(parts.begin(), parts.end(),
                                  [&](const PrefixPart& part) { return part.field == field; });
  return found == parts.end() ? nullptr : &found->value;
}

std::string summary_of(std::string_view field, const std::string* before,
                       const std::string* after) {
  constexpr std::string_view kTool = "tools/";
  if (field.substr(0, kTool.size()) == kTool) {
    const std::string tool = "tool '" + std::string(field.substr(kTool.size())) + "' ";
    if (before == nullptr) return tool + "is new";
    if (after == nullptr) return tool + "is gone";
    return tool + (*before == *after ? "stands in another place" : "is declared in another way");
  }
  const auto shown = [](const std::string* value) {
    return value == nullptr ? "nothing" : "'" + *value + "'";
  };
  return std::string(field) + " is " + shown(after) + ", and was " + shown(before);
}

// The first part that differs.
std::optional<PrefixChanged> head_change(const std::vector<PrefixPart>& sent,
                                         const std::vector<PrefixPart>& next) {
  if (sent.empty() || next.empty()) return std::nullopt;
  const auto same = [](const PrefixPart& a, const PrefixPart& b) { return a == b; };
  const auto [a, b] = std::mismatch(sent.begin(), sent.end(), next.begin(), next.end(), same);
  if (a == sent.end() && b == next.end()) return std::nullopt;
  const bool gone = a != sent.end() && value_of(next, a->field) == nullptr;
  const std::string field = gone || b == next.end() ? a->field : b->field;
  return PrefixChanged{.field = field,
                       .summary = summary_of(field, value_of(sent, field), value_of(next, field))};
}

// Of the tokens that the last request had, those behind the first `messages` messages.
std::int64_t tokens_behind(const Run& run, std::int64_t tokens, std::size_t messages) {
  std::size_t kept = static_cast<std::size_t>(run.limits.head_bytes);
  const std::size_t all = kept + run.transcript.bytes();
  for (std::size_t i = 0; i < messages; ++i) kept += run.transcript.fragment(i).size() + 1;
  if (kept >= all) return 0;
  const double share = static_cast<double>(all - kept) / static_cast<double>(all);
  return static_cast<std::int64_t>(static_cast<double>(tokens) * share);
}

}  // namespace

std::optional<PrefixChanged> prefix_change(const Run& run, const std::vector<PrefixPart>& next,
                                           const std::optional<Price>& price) {
  std::optional<PrefixChanged> change = head_change(run.prefix_sent, next);
  const bool known = run.prompt_tokens_known > 0;
  std::int64_t tokens = known ? run.prompt_tokens_known : run.sent.input_tokens_estimate;
  if (!change && run.message_changed) {
    const std::size_t index = *run.message_changed;
    change = PrefixChanged{.message = static_cast<std::int64_t>(index),
                           .field = "messages",
                           .summary = "the messages from number " + std::to_string(index) +
                                      " on are not those that were sent"};
    tokens = tokens_behind(run, tokens, index);
  }
  if (!change) return std::nullopt;
  change->tokens = tokens;
  if (price) {
    change->usd = static_cast<double>(tokens) * std::max(price->input - price->cached, 0.0) / 1e6;
  }
  return change;
}

std::int64_t unmet_cached_tokens(const Run& run, const ReplyUsage& usage) {
  const std::int64_t expected = run.cached_tokens_expected;
  const bool reported = run.host_caches && usage.input_tokens > 0 && !usage.estimated;
  const bool fewer =
      usage.cached_tokens < expected / 2 && expected - usage.cached_tokens > kMissedTokensMin;
  return reported && fewer ? expected : 0;
}

}  // namespace perdure
