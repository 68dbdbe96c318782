#include "base/utf8.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>
#include <utf8proc.h>

namespace perdure {
namespace {

struct Decoded {
  std::int32_t code_point;  // -1 when invalid
  std::size_t size;         // bytes consumed, at least 1 for text that is not empty
};

bool is_continuation(unsigned char byte) {
  return (byte & 0xC0) == 0x80;
}

// The size of the maximal subpart of an ill-formed sequence (Unicode 15, section 3.9, table 3-7).
std::size_t invalid_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  std::size_t wanted = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    wanted = 1;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    wanted = 2;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    wanted = 3;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  }
  std::size_t size = 1;
  while (size <= wanted && size < text.size()) {
    const unsigned char next = byte(size);
    if (next < low || next > high) break;
    low = 0x80;
    high = 0xBF;
    ++size;
  }
  return size;
}

Decoded decode(std::string_view text) {
  const unsigned char lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  utf8proc_int32_t code_point = -1;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const utf8proc_ssize_t size =
      utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size()), &code_point);
  if (size <= 0) return {-1, invalid_size(text)};
  return {code_point, static_cast<std::size_t>(size)};
}

std::size_t valid_prefix_size(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const Decoded next = decode(text.substr(at));
    if (next.code_point < 0) break;
    at += next.size;
  }
  return at;
}

std::size_t width_of(std::int32_t code_point) {
  if (code_point < 0) return 1;
  const int width = utf8proc_charwidth(code_point);
  return width > 0 ? static_cast<std::size_t>(width) : 0;
}

// Characters that hide, reorder or break what a reader sees: zero width, bidirectional controls,
// fillers that look like blanks, line separators, variation selectors of the supplement, tags.
bool is_deceptive(std::int32_t c) {
  struct Range {
    std::int32_t first;
    std::int32_t last;
  };
  static constexpr std::array<Range, 13> kRanges = {{{0x00AD, 0x00AD},
                                                     {0x061C, 0x061C},
                                                     {0x115F, 0x1160},
                                                     {0x180E, 0x180E},
                                                     {0x200B, 0x200F},
                                                     {0x2028, 0x202E},
                                                     {0x2060, 0x206F},
                                                     {0x3164, 0x3164},
                                                     {0xFEFF, 0xFEFF},
                                                     {0xFFA0, 0xFFA0},
                                                     {0xFFF9, 0xFFFB},
                                                     {0xE0000, 0xE007F},
                                                     {0xE0100, 0xE01EF}}};
  if (c < kRanges[0].first) return false;
  return std::any_of(kRanges.begin(), kRanges.end(),
                     [c](const Range& range) { return c >= range.first && c <= range.last; });
}

std::string escaped(std::string_view text, bool keep_lines) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Decoded next = decode(text);
    const std::int32_t c = next.code_point;
    if (c < 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
      text.remove_prefix(1);
      continue;
    }
    if (keep_lines && (c == '\n' || c == '\t')) {
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c < 0x20 || (c >= 0x7F && c < 0xA0)) {
      out += fmt::format("\\x{:02x}", c);
    } else if (is_deceptive(c)) {
      out += fmt::format("\\u{{{:x}}}", c);
    } else {
      out += text.substr(0, next.size);
    }
    text.remove_prefix(next.size);
  }
  return out;
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  return valid_prefix_size(text) == text.size();
}

std::string to_valid_utf8(std::string_view text) {
  std::string out;
  while (true) {
    const std::size_t good = valid_prefix_size(text);
    out += text.substr(0, good);
    text.remove_prefix(good);
    if (text.empty()) return out;
    out += "\xEF\xBF\xBD";
    text.remove_prefix(invalid_size(text));
  }
}

// A character has at most three continuation bytes; a longer row of them is no character, and is
// cut anywhere.
std::string_view utf8_prefix(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  for (std::size_t end = bytes; end + 3 >= bytes; --end) {
    if (!is_continuation(static_cast<unsigned char>(text[end]))) return text.substr(0, end);
    if (end == 0) break;
  }
  return text.substr(0, bytes);
}

std::string_view utf8_suffix(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  const std::size_t first = text.size() - bytes;
  for (std::size_t start = first; start <= first + 3; ++start) {
    if (start == text.size()) return {};
    if (!is_continuation(static_cast<unsigned char>(text[start]))) return text.substr(start);
  }
  return text.substr(first);
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Decoded next = decode(text);
    width += width_of(next.code_point);
    text.remove_prefix(next.size);
  }
  return width;
}

std::string_view display_prefix(std::string_view text, std::size_t columns) {
  std::size_t width = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const Decoded next = decode(text.substr(at));
    width += width_of(next.code_point);
    if (width > columns) break;
    at += next.size;
  }
  return text.substr(0, at);
}

std::string printable(std::string_view text) {
  return escaped(text, false);
}

std::string printable_lines(std::string_view text) {
  return escaped(text, true);
}

}  // namespace perdure
