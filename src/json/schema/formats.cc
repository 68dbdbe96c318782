#include "json/schema/formats.h"

#include <algorithm>
#include <array>

#include "json/pattern.h"
#include "json/schema/characters.h"

namespace perdure::json_schema {
namespace {

constexpr std::array<Format, 19> kFormats = {{
    {"date", is_date, "2026-01-31"},
    {"time", is_time, "08:30:00Z"},
    {"date-time", is_date_time, "2026-01-31T08:30:00Z"},
    {"duration", is_duration, "P1DT12H"},
    {"ipv4", is_ipv4, "192.0.2.1"},
    {"ipv6", is_ipv6, "2001:db8::1"},
    {"hostname", is_hostname, "www.example.com"},
    {"idn-hostname", is_idn_hostname, "www.example.com"},
    {"email", is_email, "name@example.com"},
    {"idn-email", is_idn_email, "name@example.com"},
    {"uri", is_uri, "https://example.com/path"},
    {"uri-reference", is_uri_reference, "../path?query"},
    {"iri", is_iri, "https://example.com/path"},
    {"iri-reference", is_iri_reference, "../path?query"},
    {"uri-template", is_uri_template, "/users/{id}"},
    {"uuid", is_uuid, "123e4567-e89b-12d3-a456-426614174000"},
    {"json-pointer", is_json_pointer, "/orders/0/city"},
    {"relative-json-pointer", is_relative_json_pointer, "1/city"},
    {"regex", is_regex, "^[a-z]+$"},
}};

}  // namespace

const Format* find_format(std::string_view name) {
  const auto* const found = std::find_if(kFormats.begin(), kFormats.end(),
                                         [&](const Format& format) { return format.name == name; });
  return found == kFormats.end() ? nullptr : found;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_dash ? text[i] != '-' : !is_hex_digit(text[i])) return false;
  }
  return true;
}

bool is_json_pointer(std::string_view text) {
  if (!text.empty() && text[0] != '/') return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '~') continue;
    if (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1')) return false;
  }
  return true;
}

bool is_relative_json_pointer(std::string_view text) {
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  if (digits == 0 || (digits > 1 && text[0] == '0')) return false;
  const std::string_view rest = text.substr(digits);
  return rest == "#" || is_json_pointer(rest);
}

bool is_regex(std::string_view text) {
  return check_ecma_pattern(text).ok();
}

}  // namespace perdure::json_schema
