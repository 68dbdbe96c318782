#include "net/download.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "net/http_wait.h"
#include "net/url.h"

namespace perdure {
namespace {

constexpr int kRedirectsMax = 5;

// The address without its query must be one, and nothing in it may break a request.
Result<std::string> checked_address(const std::string& url) {
  const bool is_plain = std::all_of(
      url.begin(), url.end(), [](unsigned char c) { return c > ' ' && c < 0x7f && c != '\\'; });
  const Result<Url> parsed = parse_url(is_plain ? url.substr(0, url.find_first_of("?#")) : url);
  if (!parsed.ok()) {
    Error error = parsed.error();
    error.message = "not an address that can be fetched" +
                    error.message.substr(std::min(error.message.find(':'), error.message.size()));
    error.advice = "give something like https://example.com/photo.png";
    return error;
  }
  return url.substr(0, url.find('#'));
}

// Where a redirect leads: elsewhere, or to another path of the same host.
std::string redirected(const std::string& from, std::string_view location) {
  if (location.starts_with("//")) return from.substr(0, from.find(':') + 1) + std::string(location);
  if (!location.starts_with('/')) return std::string(location);
  const std::size_t path = from.find_first_of("/?", from.find("://") + 3);
  return from.substr(0, path) + std::string(location);
}

}  // namespace

Result<std::string> download(const std::string& url, std::size_t bytes_max,
                             const HttpTimeouts& timeouts) {
  std::string next = url;
  for (int redirects = 0; redirects <= kRedirectsMax; ++redirects) {
    const Result<std::string> address = checked_address(next);
    if (!address.ok()) return address.error();
    Result<HttpAnswer> fetched = exchange_and_wait({.url = *address,
                                                    .post = false,
                                                    .headers = {"Accept: image/*, video/*, */*"},
                                                    .timeouts = timeouts},
                                                   bytes_max);
    if (!fetched.ok()) return fetched.error();
    const int status = fetched->head.status;
    if (status == 200 && fetched->body.size() > bytes_max) {
      return Error{.code = ErrorCode::kTooLarge,
                   .message = "it has more than " + bytes_text(bytes_max)};
    }
    if (status == 200) return std::move(fetched->body);
    const std::string_view location = fetched->head.header("location");
    if (status < 300 || status > 399 || location.empty()) {
      return Error{.code = ErrorCode::kNotFound, .message = "HTTP " + std::to_string(status)};
    }
    next = redirected(*address, location);
  }
  return Error{.code = ErrorCode::kNotFound, .message = "it is redirected again and again"};
}

}  // namespace perdure
