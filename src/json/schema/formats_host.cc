// Formats of network addresses, host names and mail addresses.
//
// Internationalized names follow IDNA 2008 (RFC 5890 to 5893) by way of pcre2's Unicode properties.
// What pcre2 has no property for is coarser than in the RFCs: letters with compatibility mappings
// are known by block and not one by one, joining types are known for the Arabic block only, and a
// label need not be in normalization form C.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "json/pattern.h"
#include "json/schema/characters.h"
#include "json/schema/formats.h"
#include "json/schema/punycode.h"
#include "json/schema/utf8_reader.h"

namespace perdure::json_schema {
namespace {

constexpr std::size_t kHostnameBytesMax = 253;
constexpr std::size_t kLabelBytesMax = 63;
constexpr std::size_t kLocalPartBytesMax = 64;

bool is_ascii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

// RFC 5892, section 2: the code points that are PVALID, CONTEXTJ or CONTEXTO. First the exceptions
// (2.6) and the join controls; then letters, marks and digits that are neither unstable, ignorable
// nor old Hangul.
constexpr std::string_view kAllowed =
    R"(\A(?:[\x{df}\x{3c2}\x{6fd}\x{6fe}\x{f0b}\x{3007}\x{b7}\x{375}\x{5f3}\x{5f4}\x{30fb})"
    R"(\x{200c}\x{200d}]|)"
    R"((?![\p{CWCF}\p{DI}\x{640}\x{7fa}\x{302e}\x{302f}\x{3031}-\x{3035}\x{303b})"
    R"(\x{1100}-\x{11ff}\x{a960}-\x{a97f}\x{d7b0}-\x{d7ff}\x{20d0}-\x{20ff}\x{1d100}-\x{1d24f})"
    R"(\x{2b0}-\x{2b8}\x{2e0}-\x{2e4}\x{1d2c}-\x{1d6a}\x{1d9b}-\x{1dbf}\x{2071}-\x{209c})"
    R"(\x{2100}-\x{214f}\x{f900}-\x{fdff}\x{fe70}-\x{ffef}\x{1d400}-\x{1d7ff})"
    R"(\x{1ee00}-\x{1eeff}\x{2f800}-\x{2fa1f}]))"
    R"([\p{Ll}\p{Lo}\p{Lm}\p{Mn}\p{Mc}\p{Nd}-])+\z)";

// RFC 5891, section 4.2.3: hyphens and leading marks; RFC 5892, appendix A: what surrounds a
// character.
constexpr std::string_view kForbidden =
    R"(\A[\p{M}-]|-\z|\A..--)"
    R"(|(?<!l)\x{b7}|\x{b7}(?!l))"
    R"(|\x{375}(?!\p{sc:Greek}))"
    R"(|(?<!\p{sc:Hebrew})[\x{5f3}\x{5f4}])"
    R"(|\A(?!.*[\p{sc:Hiragana}\p{sc:Katakana}\p{sc:Han}]).*\x{30fb})"
    R"(|[\x{660}-\x{669}].*[\x{6f0}-\x{6f9}]|[\x{6f0}-\x{6f9}].*[\x{660}-\x{669}])"
    R"(|(?<!\p{Grapheme_Link})\x{200d})";

// Joining_Type of the Arabic block: the letters that join on both sides, and those that join to the
// right only.
constexpr std::string_view kJoinsBoth =
    R"(\x{620}\x{626}\x{628}\x{62a}-\x{62e}\x{633}-\x{63f}\x{641}-\x{647}\x{649}\x{64a})"
    R"(\x{66e}\x{66f}\x{678}-\x{687}\x{69a}-\x{6bf}\x{6c1}\x{6c2}\x{6cc}\x{6ce}\x{6d0}\x{6d1})"
    R"(\x{6fa}-\x{6fc}\x{6ff})";
constexpr std::string_view kJoinsRight =
    R"(\x{622}-\x{625}\x{627}\x{629}\x{62f}-\x{632}\x{648}\x{671}-\x{673}\x{675}-\x{677})"
    R"(\x{688}-\x{699}\x{6c0}\x{6c3}-\x{6cb}\x{6cd}\x{6cf}\x{6d2}\x{6d3}\x{6d5}\x{6ee}\x{6ef})";

// RFC 5893, section 2: labels of a domain name that has a right-to-left label.
constexpr std::string_view kRightToLeft = R"([\p{bc:R}\p{bc:AL}\p{bc:AN}])";
constexpr std::string_view kBidiLabel =
    R"(\A(?=[\p{bc:R}\p{bc:AL}])(?!.*\p{bc:EN}.*\p{bc:AN})(?!.*\p{bc:AN}.*\p{bc:EN}))"
    R"([\p{bc:R}\p{bc:AL}\p{bc:AN}\p{bc:EN}\p{bc:ES}\p{bc:CS}\p{bc:ET}\p{bc:ON}\p{bc:BN})"
    R"(\p{bc:NSM}]*)"
    R"([\p{bc:R}\p{bc:AL}\p{bc:EN}\p{bc:AN}]\p{bc:NSM}*\z)"
    R"(|\A(?=\p{bc:L})[\p{bc:L}\p{bc:EN}\p{bc:ES}\p{bc:CS}\p{bc:ET}\p{bc:ON}\p{bc:BN}\p{bc:NSM}]*)"
    R"([\p{bc:L}\p{bc:EN}]\p{bc:NSM}*\z)";

struct IdnaPatterns {
  Pattern allowed;
  Pattern forbidden;
  Pattern non_joiner;
  Pattern right_to_left;
  Pattern bidi_label;
};

Pattern compiled(std::string_view text) {
  Result<Pattern> pattern = Pattern::compile(text, {.dialect = PatternDialect::kPerl});
  CHECK(pattern.ok(), "the patterns of IDNA are constants");
  return std::move(*pattern);
}

const IdnaPatterns& idna_patterns() {
  // Forbidden is a zero-width non-joiner that neither follows a virama nor stands between letters
  // that join there (RFC 5892, appendix A.1). Lookbehind needs a fixed length, so there is one for
  // each number of marks up to four.
  static const IdnaPatterns patterns = [] {
    std::string joined_before;
    for (const char* marks : {"", "\\p{Mn}", "\\p{Mn}{2}", "\\p{Mn}{3}", "\\p{Mn}{4}"}) {
      joined_before += "(?<=[" + std::string(kJoinsBoth) + "]" + marks + ")|";
    }
    joined_before.pop_back();
    const std::string joined_after =
        "(?=\\x{200c}\\p{Mn}*[" + std::string(kJoinsBoth) + std::string(kJoinsRight) + "])";
    return IdnaPatterns{
        .allowed = compiled(kAllowed),
        .forbidden = compiled(kForbidden),
        .non_joiner = compiled("(?<!\\p{Grapheme_Link})(?!(?:" + joined_before + ")" +
                               joined_after + ")\\x{200c}"),
        .right_to_left = compiled(kRightToLeft),
        .bidi_label = compiled(kBidiLabel),
    };
  }();
  return patterns;
}

bool found(const Pattern& pattern, std::string_view text) {
  const Result<bool> result = pattern.matches(text);
  return result.ok() && *result;
}

std::u32string code_points(std::string_view text) {
  std::u32string out;
  Utf8Reader reader(text);
  while (const std::optional<char32_t> c = reader.next()) out += *c;
  return out;
}

std::string utf8(std::u32string_view text) {
  std::string out;
  const auto append = [&out](char32_t byte) { out += static_cast<char>(byte); };
  for (const char32_t c : text) {
    if (c < 0x80) {
      append(c);
      continue;
    }
    if (c >= 0x10000) append(0xF0 | (c >> 18));
    if (c >= 0x10000) append(0x80 | ((c >> 12) & 0x3F));
    if (c >= 0x800 && c < 0x10000) append(0xE0 | (c >> 12));
    if (c >= 0x800) append(0x80 | ((c >> 6) & 0x3F));
    if (c < 0x800) append(0xC0 | (c >> 6));
    append(0x80 | (c & 0x3F));
  }
  return out;
}

// Letters, digits and inner hyphens (RFC 1123, section 2.1).
bool is_ldh_label(std::string_view label) {
  if (label.empty() || label.size() > kLabelBytesMax) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  for (const char c : label) {
    if (!is_letter(c) && !is_digit(c) && c != '-') return false;
  }
  return true;
}

bool is_u_label(std::string_view label) {
  const IdnaPatterns& patterns = idna_patterns();
  if (!found(patterns.allowed, label) || found(patterns.forbidden, label)) return false;
  if (found(patterns.non_joiner, label)) return false;
  const std::optional<std::string> encoded = punycode_encoded(code_points(label));
  return encoded && encoded->size() + 4 <= kLabelBytesMax;
}

// The label in Unicode; nothing when it is no label.
std::optional<std::string> unicode_label(std::string_view label) {
  if (!is_ascii(label)) return is_u_label(label) ? std::optional(std::string(label)) : std::nullopt;
  if (!is_ldh_label(label)) return std::nullopt;
  std::string lower = to_lower_ascii(label);
  if (lower.substr(0, 4) != "xn--") return lower;
  // An A-label stands for a U-label and is its only ASCII form (RFC 5890, section 2.3.2.1).
  const std::optional<std::u32string> decoded = punycode_decoded(lower.substr(4));
  if (!decoded || punycode_encoded(*decoded) != lower.substr(4)) return std::nullopt;
  std::string text = utf8(*decoded);
  if (is_ascii(text) || !is_u_label(text)) return std::nullopt;
  return text;
}

bool are_labels(const std::vector<std::string_view>& labels) {
  std::vector<std::string> texts;
  bool is_bidi = false;
  for (const std::string_view label : labels) {
    std::optional<std::string> text = unicode_label(label);
    if (!text) return false;
    is_bidi = is_bidi || (!is_ascii(*text) && found(idna_patterns().right_to_left, *text));
    texts.push_back(std::move(*text));
  }
  for (const std::string& text : texts) {
    if (is_bidi && !found(idna_patterns().bidi_label, text)) return false;
  }
  return true;
}

// RFC 5322 calls it atext.
bool is_atom_character(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-/=?^_`{|}~";
  return is_letter(c) || is_digit(c) || kMarks.find(c) != std::string_view::npos;
}

bool is_quoted_local_part(std::string_view text) {
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7F || c == '"') return false;
    if (c == '\\' && ++i + 1 >= text.size()) return false;
  }
  return text.size() >= 2 && text.back() == '"';
}

bool is_local_part(std::string_view text) {
  if (text.empty() || text.size() > kLocalPartBytesMax) return false;
  if (text[0] == '"') return is_quoted_local_part(text);
  for (const std::string_view atom : split(text, '.')) {
    if (atom.empty()) return false;
    for (const char c : atom) {
      if (static_cast<unsigned char>(c) < 0x80 && !is_atom_character(c)) return false;
    }
  }
  return true;
}

bool is_mail_domain(std::string_view text) {
  if (text.empty() || text[0] != '[') return is_idn_hostname(text);
  if (text.back() != ']') return false;
  const std::string_view address = text.substr(1, text.size() - 2);
  if (to_lower_ascii(address.substr(0, 5)) == "ipv6:") return is_ipv6(address.substr(5));
  return is_ipv4(address);
}

}  // namespace

bool is_ipv4(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, '.');
  if (parts.size() != 4) return false;
  for (const std::string_view part : parts) {
    if (part.empty() || part.size() > 3 || (part.size() > 1 && part[0] == '0')) return false;
    int value = 0;
    for (const char c : part) {
      if (!is_digit(c)) return false;
      value = value * 10 + (c - '0');
    }
    if (value > 255) return false;
  }
  return true;
}

bool is_ipv6(std::string_view text) {
  const auto groups_of = [](std::string_view part, bool may_end_in_ipv4) -> std::optional<int> {
    if (part.empty()) return 0;
    int count = 0;
    const std::vector<std::string_view> groups = split(part, ':');
    for (std::size_t i = 0; i < groups.size(); ++i) {
      if (may_end_in_ipv4 && i + 1 == groups.size() && is_ipv4(groups[i])) return count + 2;
      if (groups[i].empty() || groups[i].size() > 4) return std::nullopt;
      if (groups[i].find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) {
        return std::nullopt;
      }
      ++count;
    }
    return count;
  };
  const std::size_t gap = text.find("::");
  if (gap == std::string_view::npos) return groups_of(text, true) == 8;
  const auto before = groups_of(text.substr(0, gap), false);
  const auto after = groups_of(text.substr(gap + 2), true);
  return before && after && *before + *after <= 7;
}

bool is_hostname(std::string_view text) {
  return is_ascii(text) && is_idn_hostname(text);
}

bool is_idn_hostname(std::string_view text) {
  if (text.size() > kHostnameBytesMax * 4) return false;
  // RFC 3490, section 3.1: these dots separate labels as well.
  std::string name(text);
  for (const std::string_view dot : {"\u3002", "\uFF0E", "\uFF61"}) {
    for (std::size_t at = name.find(dot); at != std::string::npos; at = name.find(dot, at)) {
      name.replace(at, dot.size(), ".");
    }
  }
  if (is_ascii(name) && name.size() > kHostnameBytesMax) return false;
  return are_labels(split(name, '.'));
}

bool is_email(std::string_view text) {
  return is_ascii(text) && is_idn_email(text);
}

bool is_idn_email(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos) return false;
  return is_local_part(text.substr(0, at)) && is_mail_domain(text.substr(at + 1));
}

}  // namespace perdure::json_schema
