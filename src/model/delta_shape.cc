#include "model/delta_shape.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/utf8.h"

namespace perdure {
namespace {

constexpr std::array<std::pair<std::string_view, DeltaMember>, 3> kTexts = {{
    {"content", DeltaMember::kContent},
    {"reasoning_content", DeltaMember::kReasoningContent},
    {"reasoning", DeltaMember::kReasoning},
}};

// A JSON string that says what it means: no escape, no control character, valid UTF-8.
bool is_plain(std::string_view text) {
  bool ascii = true;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == '"' || byte == '\\') return false;
    ascii = ascii && byte < 0x80;
  }
  return ascii || is_valid_utf8(text);
}

}  // namespace

std::optional<TextDelta> sole_text_of(const json::Value& chunk) {
  if (chunk.get("error") || chunk.get("usage") || chunk.get("x_groq")) return std::nullopt;
  const std::vector<json::Value> choices = chunk.get("choices").elements();
  if (choices.size() != 1 || choices[0].get("index").integer_or(0) != 0) return std::nullopt;
  if (choices[0].get("finish_reason") || choices[0].get("usage")) return std::nullopt;
  std::optional<TextDelta> found;
  for (const auto& [key, value] : choices[0].get("delta").members()) {
    if (key == "role" || value.is_nothing()) continue;
    const auto known = std::find_if(kTexts.begin(), kTexts.end(),
                                    [&key = key](const auto& row) { return row.first == key; });
    if (known == kTexts.end() || !value.is_string()) return std::nullopt;
    const std::string_view text = value.string_or("");
    if (text.empty()) continue;
    if (found) return std::nullopt;
    found = TextDelta{.member = known->second, .text = text};
  }
  return found;
}

void DeltaShape::learn(std::string_view data, const json::Value& chunk) {
  if (data.find(R"("tool_calls":[)") != std::string_view::npos) return;
  const std::optional<TextDelta> delta = sole_text_of(chunk);
  if (!delta || !is_plain(delta->text)) return;
  const auto key = std::find_if(kTexts.begin(), kTexts.end(), [&](const auto& row) {
                     return row.second == delta->member;
                   })->first;
  for (const std::string_view colon : {"\":\"", "\": \""}) {
    const std::string written =
        "\"" + std::string(key) + std::string(colon) + std::string(delta->text) + "\"";
    const std::size_t at = data.find(written);
    if (at == std::string_view::npos || data.find(written, at + 1) != std::string_view::npos) {
      continue;
    }
    const std::size_t end = at + written.size() - 1;
    before_ = data.substr(0, end - delta->text.size());
    after_ = data.substr(end);
    member_ = delta->member;
    return;
  }
}

std::optional<TextDelta> DeltaShape::match(std::string_view data) const {
  if (before_.empty() || data.size() <= before_.size() + after_.size()) return std::nullopt;
  if (data.substr(0, before_.size()) != before_) return std::nullopt;
  if (data.substr(data.size() - after_.size()) != after_) return std::nullopt;
  data.remove_prefix(before_.size());
  data.remove_suffix(after_.size());
  if (!is_plain(data)) return std::nullopt;
  return TextDelta{.member = member_, .text = data};
}

}  // namespace perdure
