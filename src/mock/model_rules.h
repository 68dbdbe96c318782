// What each model of the vendor's own API accepts, as data. A model that is not in the table may do
// everything. Sources: the platform's API reference and error reports of its users, as of August
// 2026.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace perdure::mock {

/// Which values of `thinking` a model takes, and which of `reasoning_effort`.
enum class ThinkingRule : std::uint8_t {
  kFree,            ///< Anything; nothing is known about it.
  kNone,            ///< The model does not think.
  kAlways,          ///< Type "enabled" and nothing else.
  kSwitchable,      ///< Types "enabled" and "disabled"; `keep` is refused.
  kSwitchableKeep,  ///< The same with keep "all" or null.
  kAlwaysEffort,    ///< Type "enabled" with keep and effort; takes `reasoning_effort` too.
};

/// When the model accepts tool_choice "required" or a named tool.
enum class ForcedChoiceRule : std::uint8_t { kAlways, kThinkingOff, kRequiredOnly, kNever };

struct ModelRules {
  std::string_view id;
  std::int64_t window_tokens = 0;  ///< 0: not known, not checked.
  ThinkingRule thinking = ThinkingRule::kFree;
  ForcedChoiceRule forced_choice = ForcedChoiceRule::kAlways;
  bool pinned_sampling = false;  ///< Temperature, top_p, n and penalties have one value each.
  bool images = true;
  bool videos = true;
  bool system_tools = false;  ///< {"role":"system","tools":[...]} anywhere in the history.
};

std::span<const ModelRules> known_models();
/// The rules of a model; for one that is not known, rules that allow everything, with an empty id.
const ModelRules& rules_of(std::string_view model);

}  // namespace perdure::mock
