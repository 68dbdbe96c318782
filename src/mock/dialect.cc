#include "mock/dialect.h"

#include <array>

namespace perdure::mock {
namespace {

constexpr std::array<std::string_view, 2> kMoonshotFields = {"thinking", "safety_identifier"};
constexpr std::array<std::string_view, 9> kOpenRouterFields = {
    "reasoning", "provider", "models", "route", "transforms", "usage", "top_k", "min_p", "seed"};
constexpr std::array<std::string_view, 7> kVllmFields = {
    "chat_template_kwargs", "top_k", "min_p", "repetition_penalty", "parallel_tool_calls", "seed",
    "separate_reasoning"};
constexpr std::array<std::string_view, 1> kMessagesFields = {"thinking"};
constexpr std::array<std::string_view, 4> kGroqFields = {"service_tier", "reasoning_format",
                                                         "parallel_tool_calls", "seed"};

constexpr DialectTraits kMoonshot{.reasoning_field = "reasoning_content",
                                  .usage = UsagePlace::kInChoice,
                                  .fields = kMoonshotFields};
constexpr DialectTraits kOpenRouter{.reasoning_field = "reasoning",
                                    .reasoning_details = true,
                                    .comments = true,
                                    .fields = kOpenRouterFields};
constexpr DialectTraits kVllm{.reasoning_field = "reasoning", .fields = kVllmFields};
constexpr DialectTraits kGroq{.reasoning_field = "reasoning",
                              .whole_calls = true,
                              .usage = UsagePlace::kInLastChoice,
                              .fields = kGroqFields};
constexpr DialectTraits kMessages{
    .reasoning_field = "thinking", .plain_ids = true, .fields = kMessagesFields};

}  // namespace

const DialectTraits& messages_traits() {
  return kMessages;
}

const DialectTraits& traits_of(MockDialect dialect) {
  switch (dialect) {
    case MockDialect::kOpenRouter:
      return kOpenRouter;
    case MockDialect::kVllm:
      return kVllm;
    case MockDialect::kGroq:
      return kGroq;
    case MockDialect::kMoonshot:
      break;
  }
  return kMoonshot;
}

std::optional<std::string> reasoning_of(const DialectTraits& traits, const json::Value& message) {
  if (traits.reasoning_details && message.get("reasoning_details").is_array()) {
    std::string text;
    for (const json::Value& part : message.get("reasoning_details").elements()) {
      text += part.get("text").string_or("");
    }
    return text;
  }
  const std::optional<std::string_view> text = message.get(traits.reasoning_field).string();
  if (!text) return std::nullopt;
  return std::string(*text);
}

}  // namespace perdure::mock
