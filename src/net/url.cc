#include "net/url.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/text.h"

namespace perdure {
namespace {

Error bad_url(const std::string& text, std::string why) {
  return {.code = ErrorCode::kConfig,
          .message = "not a usable URL: " + std::move(why),
          .context = text,
          .advice = "give something like http://localhost:8080/v1"};
}

bool is_port(std::string_view text) {
  int number = 0;
  const char* end = text.data() + text.size();
  return text.find_first_not_of("0123456789") == std::string_view::npos &&
         std::from_chars(text.data(), end, number) == std::from_chars_result{end, std::errc()} &&
         number >= 1 && number <= 65'535;
}

// Letters, digits and what names and addresses are made of; anything else is a mistake or an
// attempt.
bool is_host(std::string_view text, bool bracketed) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    const bool word =
        std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_';
    return word || (bracketed && c == ':');
  });
}

}  // namespace

Result<Url> parse_url(const std::string& text) {
  const std::size_t colon = text.find("://");
  if (colon == std::string::npos) return bad_url(text, "it has no scheme, like http://");
  Url url{.scheme = to_lower_ascii(text.substr(0, colon))};
  if (url.scheme != "http" && url.scheme != "https")
    return bad_url(text, "only http and https are spoken");
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7F || c == '\\') {
      return bad_url(text, "it holds a space or another character that no URL has");
    }
  }
  const std::string_view rest = std::string_view(text).substr(colon + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.find('@') != std::string_view::npos) {
    return bad_url("(not shown)",
                   "it holds a user name or password; keys come from the environment");
  }
  if (rest.find_first_of("?#") != std::string_view::npos)
    return bad_url(text, "a base URL has no '?' or '#'");

  const bool bracketed = authority.substr(0, 1) == "[";
  const std::size_t host_end = bracketed ? authority.find(']') : authority.find(':');
  if (bracketed && host_end == std::string_view::npos)
    return bad_url(text, "a bracket is not closed");
  const std::string_view host =
      bracketed ? authority.substr(1, host_end - 1) : authority.substr(0, host_end);
  std::string_view port = authority.substr(std::min(host_end, authority.size()));
  if (bracketed) port.remove_prefix(1);
  if (!is_host(host, bracketed)) return bad_url(text, "it names no host");
  if (!port.empty() && (port[0] != ':' || !is_port(port.substr(1))))
    return bad_url(text, "its port is no port");
  url.host = to_lower_ascii(host);
  url.port = port.empty() ? (url.scheme == "http" ? "80" : "443") : std::string(port.substr(1));
  url.path = rest.substr(authority.size());
  while (!url.path.empty() && url.path.back() == '/') url.path.pop_back();
  return url;
}

}  // namespace perdure
