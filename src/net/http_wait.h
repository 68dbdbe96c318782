// One exchange for a caller that waits: with a loop of its own, on the calling thread.
#pragma once

#include <cstddef>
#include <stop_token>
#include <string>

#include <perdure/result.h>

#include "net/http_client.h"

namespace perdure {

struct HttpAnswer {
  HttpHead head;
  std::string body;  ///< More than `bytes_max`: it was longer, and the rest was not read.
};

/// Errors: those of the transport; kCancelled when `stop` was asked for.
Result<HttpAnswer> exchange_and_wait(HttpRequest request, std::size_t bytes_max,
                                     const std::stop_token& stop = {});

}  // namespace perdure
