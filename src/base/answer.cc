#include "base/answer.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/think_block.h"

namespace perdure {
namespace {

std::string_view text_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return "";
  return found->get_ref<const std::string&>();
}

std::string joined_text_of(const Json& content) {
  if (content.is_string()) return content.get<std::string>();
  std::string text;
  if (!content.is_array()) return text;
  for (const Json& part : content) {
    if (part.is_object()) text += text_in(part, "text");
  }
  return text;
}

// What a host has put apart from the content; nothing of it may be readable (OpenRouter's
// reasoning.encrypted).
struct Apart {
  bool found = false;
  std::string text = {};
};

Apart reasoning_apart(const Json& fragment) {
  for (const char* name : {"reasoning_content", "reasoning"}) {
    // Some hosts demand one where there is none, and get a space.
    const std::string_view text = text_in(fragment, name);
    if (!trim(text).empty()) return {.found = true, .text = std::string(text)};
  }
  const auto details = fragment.find("reasoning_details");
  if (details == fragment.end() || !details->is_array()) return {};
  Apart apart{.found = !details->empty()};
  for (const Json& detail : *details) {
    if (!detail.is_object()) continue;
    apart.text += text_in(detail, "text");
    apart.text += text_in(detail, "summary");
  }
  return apart;
}

}  // namespace

std::string answer_of(const Json& fragment) {
  std::string text = joined_text_of(fragment.value("content", Json()));
  ThinkBlock block;
  const std::string_view answer = block.release(text, ThinkBlock::More::kNone).text;
  if (!block.found() || reasoning_apart(fragment).found) return text;
  return std::string(answer);
}

std::string reasoning_of(const Json& fragment) {
  Apart apart = reasoning_apart(fragment);
  if (apart.found) return std::move(apart.text);
  const std::string text = joined_text_of(fragment.value("content", Json()));
  return std::string(ThinkBlock().release(text, ThinkBlock::More::kNone).reasoning);
}

}  // namespace perdure
