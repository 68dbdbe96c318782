#include "base/answer.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/think_block.h"

namespace perdure {
namespace {

std::string joined_text_of(const Json& content) {
  if (content.is_string()) return content.get<std::string>();
  std::string text;
  if (!content.is_array()) return text;
  for (const Json& part : content) {
    if (part.is_object() && part.contains("text") && part["text"].is_string()) {
      text += part["text"].get<std::string>();
    }
  }
  return text;
}

bool thinks_apart(const Json& fragment) {
  for (const char* name : {"reasoning_content", "reasoning"}) {
    const auto found = fragment.find(name);
    // Some hosts demand one where there is none, and get a space.
    if (found != fragment.end() && found->is_string() &&
        !trim(found->get_ref<const std::string&>()).empty())
      return true;
  }
  const auto details = fragment.find("reasoning_details");
  return details != fragment.end() && details->is_array() && !details->empty();
}

}  // namespace

std::string answer_of(const Json& fragment) {
  std::string text = joined_text_of(fragment.value("content", Json()));
  ThinkBlock block;
  const std::string_view answer = block.release(text, ThinkBlock::More::kNone).text;
  if (!block.found() || thinks_apart(fragment)) return text;
  return std::string(answer);
}

}  // namespace perdure
