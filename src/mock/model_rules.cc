#include "mock/model_rules.h"

#include <algorithm>
#include <array>

namespace perdure::mock {
namespace {

constexpr ModelRules kGeneric{};

constexpr std::array kModels = {
    ModelRules{.id = "kimi-k2.5",
               .window_tokens = 262144,
               .thinking = ThinkingRule::kSwitchable,
               .forced_choice = ForcedChoiceRule::kThinkingOff,
               .pinned_sampling = true},
    ModelRules{.id = "kimi-k2.6",
               .window_tokens = 262144,
               .thinking = ThinkingRule::kSwitchableKeep,
               .forced_choice = ForcedChoiceRule::kThinkingOff,
               .pinned_sampling = true},
    ModelRules{.id = "kimi-k2.7-code",
               .window_tokens = 262144,
               .thinking = ThinkingRule::kAlways,
               .forced_choice = ForcedChoiceRule::kNever,
               .pinned_sampling = true,
               .videos = false},
    ModelRules{.id = "kimi-k2.7-code-highspeed",
               .window_tokens = 262144,
               .thinking = ThinkingRule::kAlways,
               .forced_choice = ForcedChoiceRule::kNever,
               .pinned_sampling = true,
               .videos = false},
    ModelRules{.id = "kimi-k3",
               .window_tokens = 1048576,
               .thinking = ThinkingRule::kAlwaysEffort,
               .forced_choice = ForcedChoiceRule::kRequiredOnly,
               .pinned_sampling = true,
               .system_tools = true},
    ModelRules{.id = "kimi-k2-thinking",
               .window_tokens = 262144,
               .thinking = ThinkingRule::kAlways,
               .forced_choice = ForcedChoiceRule::kNever,
               .images = false,
               .videos = false},
    ModelRules{.id = "kimi-k2-instruct",
               .window_tokens = 262144,
               .thinking = ThinkingRule::kNone,
               .images = false,
               .videos = false},
};

}  // namespace

std::span<const ModelRules> known_models() {
  return kModels;
}

const ModelRules& rules_of(std::string_view model) {
  const auto found = std::find_if(kModels.begin(), kModels.end(),
                                  [&](const ModelRules& rules) { return rules.id == model; });
  return found == kModels.end() ? kGeneric : *found;
}

}  // namespace perdure::mock
