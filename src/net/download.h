// Fetches a file by its http or https address, for a caller that waits: with a loop of its own, on
// the calling thread. Follows a few redirects.
#pragma once

#include <cstddef>
#include <string>

#include <perdure/result.h>

#include "net/http_client.h"

namespace perdure {

/// Errors: kConfig for what is no address, kTooLarge beyond `bytes_max`, kNotFound for any status
/// but 200, those of the transport.
Result<std::string> download(const std::string& url, std::size_t bytes_max,
                             const HttpTimeouts& timeouts);

}  // namespace perdure
