#include "json/schema/punycode.h"

#include <algorithm>
#include <cstdint>

namespace perdure::json_schema {
namespace {

// RFC 3492, section 5.
constexpr std::uint32_t kBase = 36;
constexpr std::uint32_t kThresholdMin = 1;
constexpr std::uint32_t kThresholdMax = 26;
constexpr std::uint32_t kSkew = 38;
constexpr std::uint32_t kDamp = 700;
constexpr std::uint32_t kBiasFirst = 72;
constexpr char32_t kCodePointFirst = 0x80;
// Host names have at most 253 bytes; within this many characters no number below overflows 64 bits.
constexpr std::size_t kLabelMax = 256;

std::uint32_t adapted(std::uint64_t delta, std::uint64_t count, bool is_first) {
  delta = is_first ? delta / kDamp : delta / 2;
  delta += delta / count;
  std::uint32_t k = 0;
  for (; delta > ((kBase - kThresholdMin) * kThresholdMax) / 2; k += kBase) {
    delta /= kBase - kThresholdMin;
  }
  return k + static_cast<std::uint32_t>((kBase - kThresholdMin + 1) * delta / (delta + kSkew));
}

std::uint32_t threshold(std::uint32_t k, std::uint32_t bias) {
  if (k <= bias) return kThresholdMin;
  return std::min(k - bias, kThresholdMax);
}

std::optional<std::uint32_t> digit_of(char c) {
  if (c >= 'a' && c <= 'z') return static_cast<std::uint32_t>(c - 'a');
  if (c >= 'A' && c <= 'Z') return static_cast<std::uint32_t>(c - 'A');
  if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0' + 26);
  return std::nullopt;
}

char letter_of(std::uint64_t digit) {
  return static_cast<char>(digit < 26 ? 'a' + digit : '0' + digit - 26);
}

}  // namespace

std::optional<std::u32string> punycode_decoded(std::string_view text) {
  if (text.size() > kLabelMax) return std::nullopt;
  std::u32string out;
  const std::size_t delimiter = text.rfind('-');
  if (delimiter != std::string_view::npos) {
    for (const char c : text.substr(0, delimiter)) {
      if (static_cast<unsigned char>(c) >= kCodePointFirst) return std::nullopt;
      out += static_cast<char32_t>(c);
    }
    text.remove_prefix(delimiter + 1);
  }
  std::uint64_t code_point = kCodePointFirst;
  std::uint64_t index = 0;
  std::uint32_t bias = kBiasFirst;
  while (!text.empty()) {
    const std::uint64_t index_before = index;
    std::uint64_t weight = 1;
    for (std::uint32_t k = kBase;; k += kBase) {
      if (text.empty()) return std::nullopt;
      const auto digit = digit_of(text[0]);
      text.remove_prefix(1);
      if (!digit) return std::nullopt;
      index += *digit * weight;
      if (index > UINT32_MAX) return std::nullopt;
      const std::uint32_t limit = threshold(k, bias);
      if (*digit < limit) break;
      weight *= kBase - limit;
      if (weight > UINT32_MAX) return std::nullopt;
    }
    const std::uint64_t count = out.size() + 1;
    bias = adapted(index - index_before, count, index_before == 0);
    code_point += index / count;
    index %= count;
    if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF))
      return std::nullopt;
    out.insert(out.begin() + static_cast<std::ptrdiff_t>(index), static_cast<char32_t>(code_point));
    ++index;
  }
  return out;
}

std::optional<std::string> punycode_encoded(std::u32string_view label) {
  if (label.size() > kLabelMax) return std::nullopt;
  std::string out;
  for (const char32_t c : label) {
    if (c < kCodePointFirst) out += static_cast<char>(c);
  }
  const std::size_t basic_count = out.size();
  if (basic_count > 0) out += '-';
  char32_t code_point = kCodePointFirst;
  std::uint64_t delta = 0;
  std::uint32_t bias = kBiasFirst;
  for (std::size_t done = basic_count; done < label.size();) {
    char32_t next = 0x110000;
    for (const char32_t c : label) {
      if (c >= code_point) next = std::min(next, c);
    }
    delta += static_cast<std::uint64_t>(next - code_point) * (done + 1);
    code_point = next;
    for (const char32_t c : label) {
      if (c < code_point) ++delta;
      if (c != code_point) continue;
      std::uint64_t left = delta;
      for (std::uint32_t k = kBase;; k += kBase) {
        const std::uint32_t limit = threshold(k, bias);
        if (left < limit) break;
        out += letter_of(limit + (left - limit) % (kBase - limit));
        left = (left - limit) / (kBase - limit);
      }
      out += letter_of(left);
      bias = adapted(delta, done + 1, done == basic_count);
      delta = 0;
      ++done;
    }
    ++delta;
    ++code_point;
  }
  return out;
}

}  // namespace perdure::json_schema
