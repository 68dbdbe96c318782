// URLs of endpoints (RFC 3986, the part of it that a base URL may use).
#pragma once

#include <string>
#include <string_view>

#include <perdure/result.h>

namespace perdure {

struct Url {
  std::string scheme;  ///< "http" or "https".
  std::string host;    ///< Lower case, without the brackets of an IPv6 address.
  std::string port;    ///< The default one when the URL names none.
  std::string path;    ///< Without a trailing slash.
};

/// Errors: kConfig for anything but an absolute http or https URL; a user name or password in it is
/// refused, because keys do not belong into URLs.
Result<Url> parse_url(const std::string& text);

}  // namespace perdure
