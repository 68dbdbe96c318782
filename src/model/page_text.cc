#include "model/page_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <utility>

#include "base/text.h"
#include "base/utf8.h"
#include "model/errors.h"

namespace perdure {
namespace {

constexpr std::size_t kShownBytesMax = 200;
// Pages hide their words behind kilobytes of style; beyond this nobody looks for them.
constexpr std::size_t kReadBytesMax = 64 * 1024;

constexpr std::array<std::pair<std::string_view, char>, 6> kEntities = {{{"&amp;", '&'},
                                                                         {"&lt;", '<'},
                                                                         {"&gt;", '>'},
                                                                         {"&quot;", '"'},
                                                                         {"&#39;", '\''},
                                                                         {"&nbsp;", ' '}}};

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Where the markup ends that begins here; the place itself when it is none. `lower` is the page in
// lower case.
std::size_t end_of_markup(std::string_view page, std::string_view lower, std::size_t at) {
  const std::string_view rest = page.substr(at);
  const auto behind = [&](std::string_view mark, std::size_t from) {
    const std::size_t found = rest.find(mark, from);
    return found == std::string_view::npos ? rest.size() : found + mark.size();
  };
  if (rest.starts_with("<!--")) return at + behind("-->", 4);
  constexpr std::string_view kMarks = "/!?";
  const bool begins_tag =
      rest.size() > 1 && (std::isalpha(static_cast<unsigned char>(rest[1])) != 0 ||
                          kMarks.find(rest[1]) != std::string_view::npos);
  if (!begins_tag) return at;
  for (const std::string_view name : {"script", "style"}) {
    if (lower.substr(at + 1, name.size()) != name) continue;
    const std::size_t end = lower.find("</" + std::string(name), at);
    return at + behind(">", std::min(end, page.size()) - at);
  }
  return at + behind(">", 1);
}

// The words of a page, or of any text when nothing in it is markup.
std::string words_of(std::string_view body, bool is_page) {
  const std::string lower = is_page ? to_lower_ascii(body) : std::string();
  std::string words;
  for (std::size_t at = 0; at < body.size() && words.size() <= kShownBytesMax;) {
    const std::size_t end = is_page && body[at] == '<' ? end_of_markup(body, lower, at) : at;
    if (end > at || is_blank(body[at])) {
      if (!words.empty() && words.back() != ' ') words += ' ';
      at = std::max(end, at + 1);
      continue;
    }
    const auto entity = std::find_if(kEntities.begin(), kEntities.end(), [&](const auto& row) {
      return is_page && body.substr(at).starts_with(row.first);
    });
    words += entity == kEntities.end() ? body[at] : entity->second;
    at += entity == kEntities.end() ? 1 : entity->first.size();
  }
  return words;
}

}  // namespace

std::string readable_start(std::string_view body) {
  body = trim(body.substr(0, kReadBytesMax));
  std::string text = words_of(body, body.starts_with('<'));
  const bool is_cut = text.size() > kShownBytesMax;
  text = to_valid_utf8(trim(utf8_prefix(text, kShownBytesMax)));
  return without_ids(printable(text)) + (is_cut ? "..." : "");
}

}  // namespace perdure
