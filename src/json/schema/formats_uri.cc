// Formats of URIs, IRIs and URI templates.
#include <cstdint>
#include <optional>

#include "json/schema/characters.h"
#include "json/schema/formats.h"
#include "json/schema/uri.h"
#include "json/schema/utf8_reader.h"

namespace perdure::json_schema {
namespace {

enum class Letters : std::uint8_t { kAscii, kUnicode };
// What may be missing of the scheme.
enum class Kind : std::uint8_t { kAbsolute, kReference };

bool is_one_of(char32_t c, std::string_view set) {
  return c < 0x80 && set.find(static_cast<char>(c)) != std::string_view::npos;
}
bool is_unreserved(char32_t c) {
  return is_letter(c) || is_digit(c) || is_one_of(c, "-._~");
}

bool is_private_use(char32_t c) {
  return (c >= 0xE000 && c <= 0xF8FF) || (c >= 0xF0000 && c <= 0x10FFFD);
}
// RFC 3987, section 2.2: ucschar.
bool is_ucschar(char32_t c) {
  if (c < 0xA0 || is_private_use(c)) return false;
  if ((c >= 0xFDD0 && c <= 0xFDEF) || (c >= 0xFFF0 && c <= 0xFFFF)) return false;
  return (c & 0xFFFE) != 0xFFFE && (c < 0xE0000 || c >= 0xE1000);
}

// Only characters that are unreserved, sub-delims, of `extra` or percent-encoded.
bool has_only(std::string_view text, std::string_view extra, Letters letters,
              bool allows_private = false) {
  Utf8Reader reader(text);
  while (const std::optional<char32_t> c = reader.next()) {
    if (*c == '%') {
      const auto high = reader.next();
      const auto low = reader.next();
      if (!high || !low || !is_hex_digit(*high) || !is_hex_digit(*low)) return false;
      continue;
    }
    const bool is_foreign =
        letters == Letters::kUnicode && (is_ucschar(*c) || (allows_private && is_private_use(*c)));
    if (!is_foreign && !is_unreserved(*c) && !is_one_of(*c, "!$&'()*+,;=") &&
        !is_one_of(*c, extra)) {
      return false;
    }
  }
  return reader.is_at_end();
}

// The inside of the brackets of an IP-literal.
bool is_ip_literal(std::string_view text) {
  if (text.empty() || (text[0] != 'v' && text[0] != 'V')) return is_ipv6(text);
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || dot < 2 || dot + 1 == text.size()) return false;
  for (const char c : text.substr(1, dot - 1)) {
    if (!is_hex_digit(static_cast<unsigned char>(c))) return false;
  }
  return text.find('%') == std::string_view::npos &&
         has_only(text.substr(dot + 1), ":", Letters::kAscii);
}

bool is_authority(std::string_view text, Letters letters) {
  if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
    if (!has_only(text.substr(0, at), ":", letters)) return false;
    text.remove_prefix(at + 1);
  }
  std::size_t host_end = text.rfind(':');
  if (!text.empty() && text[0] == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || !is_ip_literal(text.substr(1, close - 1))) return false;
    text.remove_prefix(close + 1);
    if (!text.empty() && text[0] != ':') return false;
    host_end = text.empty() ? std::string_view::npos : 0;
  } else if (!has_only(text.substr(0, host_end), "", letters)) {
    return false;
  }
  if (host_end == std::string_view::npos) return true;
  return text.substr(host_end + 1).find_first_not_of("0123456789") == std::string_view::npos;
}

// RFC 3986, appendix A, and its RFC 3987 counterpart.
bool is_identifier(std::string_view text, Kind kind, Letters letters) {
  if (const std::size_t hash = text.find('#'); hash != std::string_view::npos) {
    if (!has_only(text.substr(hash + 1), ":@/?", letters)) return false;
    text = text.substr(0, hash);
  }
  if (const std::size_t mark = text.find('?'); mark != std::string_view::npos) {
    if (!has_only(text.substr(mark + 1), ":@/?", letters, true)) return false;
    text = text.substr(0, mark);
  }
  const std::size_t colon = text.find(':');
  const bool has_scheme = colon != std::string_view::npos && is_scheme(text.substr(0, colon));
  if (has_scheme) text.remove_prefix(colon + 1);
  if (!has_scheme && kind == Kind::kAbsolute) return false;
  if (text.substr(0, 2) == "//") {
    text.remove_prefix(2);
    const std::size_t slash = text.find('/');
    if (!is_authority(text.substr(0, slash), letters)) return false;
    text = slash == std::string_view::npos ? std::string_view() : text.substr(slash);
  } else if (!has_scheme && text.substr(0, text.find('/')).find(':') != std::string_view::npos) {
    return false;  // path-noscheme: a colon in the first segment would look like a scheme
  }
  return has_only(text, ":@/", letters);
}

// varname = varchar *( ["."] varchar ), and its modifier.
bool is_varspec(std::string_view text) {
  std::size_t end = text.size();
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    const std::string_view length = text.substr(colon + 1);
    if (length.empty() || length.size() > 4 || length[0] == '0') return false;
    if (length.find_first_not_of("0123456789") != std::string_view::npos) return false;
    end = colon;
  } else if (!text.empty() && text.back() == '*') {
    end = text.size() - 1;
  }
  const std::string_view name = text.substr(0, end);
  bool after_character = false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char32_t c = static_cast<unsigned char>(name[i]);
    if (c == '.' && after_character) {
      after_character = false;
      continue;
    }
    if (c == '%') {
      const bool is_encoded = i + 2 < name.size() &&
                              is_hex_digit(static_cast<unsigned char>(name[i + 1])) &&
                              is_hex_digit(static_cast<unsigned char>(name[i + 2]));
      if (!is_encoded) return false;
      i += 2;
    } else if (!is_letter(c) && !is_digit(c) && c != '_') {
      return false;
    }
    after_character = true;
  }
  return after_character;
}

bool is_expression(std::string_view text) {
  if (!text.empty() && is_one_of(static_cast<unsigned char>(text[0]), "+#./;?&=,!@|")) {
    text.remove_prefix(1);
  }
  while (true) {
    const std::size_t comma = text.find(',');
    if (!is_varspec(text.substr(0, comma))) return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

// RFC 6570, section 2.1. The apostrophe is taken too, as the public suite has it.
bool is_template_literal(std::string_view text) {
  Utf8Reader reader(text);
  while (const std::optional<char32_t> c = reader.next()) {
    if (*c == '%') {
      const auto high = reader.next();
      const auto low = reader.next();
      if (!high || !low || !is_hex_digit(*high) || !is_hex_digit(*low)) return false;
    } else if (*c <= 0x20 || *c == 0x7F || is_one_of(*c, "\"<>\\^`|{}") ||
               (*c >= 0x80 && !is_ucschar(*c) && !is_private_use(*c))) {
      return false;
    }
  }
  return reader.is_at_end();
}

}  // namespace

bool is_uri(std::string_view text) {
  return is_identifier(text, Kind::kAbsolute, Letters::kAscii);
}

bool is_uri_reference(std::string_view text) {
  return is_identifier(text, Kind::kReference, Letters::kAscii);
}

bool is_iri(std::string_view text) {
  return is_identifier(text, Kind::kAbsolute, Letters::kUnicode);
}

bool is_iri_reference(std::string_view text) {
  return is_identifier(text, Kind::kReference, Letters::kUnicode);
}

bool is_uri_template(std::string_view text) {
  while (true) {
    const std::size_t open = text.find('{');
    if (!is_template_literal(text.substr(0, open))) return false;
    if (open == std::string_view::npos) return true;
    const std::size_t close = text.find('}', open);
    if (close == std::string_view::npos) return false;
    if (!is_expression(text.substr(open + 1, close - open - 1))) return false;
    text.remove_prefix(close + 1);
  }
}

}  // namespace perdure::json_schema
