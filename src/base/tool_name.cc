#include "base/tool_name.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "base/utf8.h"

namespace perdure {
namespace {

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_name_part(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9') || c == '-';
}

// The character that begins here, fit for a message.
std::string shown_character(std::string_view text, std::size_t at) {
  std::size_t size = 1;
  while (at + size < text.size() && (static_cast<unsigned char>(text[at + size]) & 0xC0) == 0x80)
    ++size;
  return printable(to_valid_utf8(text.substr(at, size)));
}

}  // namespace

bool is_tool_name(std::string_view name, std::size_t bytes_max) {
  return !name.empty() && name.size() <= bytes_max && is_name_start(name[0]) &&
         std::all_of(name.begin(), name.end(), is_name_part);
}

Status check_tool_name(std::string_view name) {
  const auto bad_name = [&](const std::string& why) {
    return Error{
        .code = ErrorCode::kConfig,
        .message = fmt::format("the tool name '{}' {}",
                               printable(to_valid_utf8(utf8_prefix(name, 2 * kToolNameMax))), why),
        .advice = "hosts take letters, digits, '_' and '-', first a letter or '_'"};
  };
  if (name.empty()) return bad_name("is empty");
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (i == 0 ? is_name_start(name[i]) : is_name_part(name[i])) continue;
    const std::string character = shown_character(name, i);
    if (i == 0) return bad_name(fmt::format("must not begin with '{}'", character));
    return bad_name(fmt::format("has '{}' as character {}", character, i + 1));
  }
  if (name.size() > kToolNameMax) {
    return bad_name(
        fmt::format("has {} characters, at most {} are allowed", name.size(), kToolNameMax));
  }
  return {};
}

std::string_view called_tool(std::string_view name) {
  constexpr std::string_view kPrefix = "functions.";
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  return name;
}

std::string legal_tool_name(std::string_view written) {
  const std::string_view name = called_tool(written);
  if (is_tool_name(name, kToolNameMax)) return std::string(name);
  std::string legal(name.substr(0, kToolNameMax - 1));
  std::replace_if(legal.begin(), legal.end(), [](char c) { return !is_name_part(c); }, '_');
  return !legal.empty() && is_name_start(legal[0]) ? legal : "_" + legal;
}

}  // namespace perdure
