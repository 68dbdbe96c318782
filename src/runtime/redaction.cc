#include "runtime/redaction.h"

#include <algorithm>
#include <array>

namespace perdure {
namespace {

constexpr std::size_t kKeyBytesMin = 8;
// What follows a prefix of keys, or a name like "password=": shorter ones are words.
constexpr std::size_t kTailBytesMin = 16;
constexpr std::size_t kValueBytesMin = 6;

// How keys of well-known services begin.
constexpr std::array<std::string_view, 14> kPrefixes = {
    "sk-",  "ghp_", "gho_",  "ghs_",  "github_pat_", "glpat-", "AKIA",
    "ASIA", "AIza", "xoxb-", "xoxp-", "eyJ",         "hf_",    "npm_"};

// Behind these names, an equals sign or a colon stands a secret.
constexpr std::array<std::string_view, 8> kNames = {"password",     "passwd",  "secret", "api_key",
                                                    "access_token", "api-key", "apikey", "bearer"};

bool is_key_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == '/' || c == '+' || c == '=';
}

bool is_word_byte(char c) {
  return is_key_byte(c) && c != '/' && c != '.' && c != '=';
}

std::size_t key_bytes(std::string_view text) {
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_key_byte) -
                                  text.begin());
}

bool begins_with(std::string_view text, std::string_view word) {
  return text.size() >= word.size() &&
         std::equal(word.begin(), word.end(), text.begin(), [](char a, char b) {
           return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
         });
}

// Bytes at the beginning that name a secret and those that are it; none: {0, 0}.
struct Found {
  std::size_t kept = 0;
  std::size_t hidden = 0;
};

Found by_prefix(std::string_view text) {
  for (const std::string_view prefix : kPrefixes) {
    if (!text.starts_with(prefix)) continue;
    const std::size_t bytes = key_bytes(text);
    if (bytes >= prefix.size() + kTailBytesMin) return {.hidden = bytes};
  }
  return {};
}

Found by_name(std::string_view text) {
  for (const std::string_view name : kNames) {
    if (!begins_with(text, name)) continue;
    std::size_t at = name.size();
    const std::size_t mark = text.find_first_not_of("\"'\\ ", at);
    if (mark == std::string_view::npos) return {};
    const bool has_mark = text[mark] == '=' || text[mark] == ':';
    if (!has_mark && name != "bearer") return {};
    at = text.find_first_not_of("\"'\\ ", has_mark ? mark + 1 : mark);
    if (at == std::string_view::npos || begins_with(text.substr(at), "bearer")) return {};
    const std::size_t bytes = key_bytes(text.substr(at));
    if (bytes >= kValueBytesMin) return {.kept = at, .hidden = bytes};
  }
  return {};
}

Found by_block(std::string_view text) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kEnd = "PRIVATE KEY-----";
  if (!text.starts_with(kBegin)) return {};
  const std::size_t first = text.find(kEnd);
  if (first == std::string_view::npos || first > 64) return {};
  const std::size_t last = text.find(kEnd, first + kEnd.size());
  return {.hidden = last == std::string_view::npos ? text.size() : last + kEnd.size()};
}

}  // namespace

Redaction::Redaction(std::vector<std::string> known) : known_(std::move(known)) {
  std::erase_if(known_, [](const std::string& key) { return key.size() < kKeyBytesMin; });
}

std::string Redaction::redact(std::string_view text) const {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    Found found;
    for (const std::string& key : known_) {
      if (rest.starts_with(key)) found = {.hidden = key.size()};
    }
    const bool begins_word = at == 0 || !is_word_byte(text[at - 1]);
    if (found.hidden == 0 && begins_word) found = by_prefix(rest);
    if (found.hidden == 0) found = by_name(rest);
    if (found.hidden == 0) found = by_block(rest);
    if (found.hidden == 0) {
      out += text[at++];
      continue;
    }
    out += rest.substr(0, found.kept);
    out += kRedacted;
    at += found.kept + found.hidden;
  }
  return out;
}

}  // namespace perdure
