// Uploads a file to a host that takes images and videos so (POST /files), for requests that then
// name it by its address: "ms://ID".
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <perdure/result.h>

#include "model/catalog.h"
#include "net/http_client.h"

namespace perdure {

struct UploadedFile {
  std::string blob;        ///< Its hash, of which name and boundary are made.
  std::string_view bytes;  ///< Of an image or video.
  std::shared_ptr<const void> owner;
};

/// Gets the address, and the HTTP status (0: there was no answer).
using UploadDone = std::function<void(const Result<std::string>& url, int status)>;

/// `done` is called once, from the loop; destroying the exchange ends it without a call. Errors:
/// those of the transport and of the host; kBadReply for an answer without an id.
std::unique_ptr<HttpExchange> upload_file(HttpClient& http, const Endpoint& endpoint,
                                          const UploadedFile& file, const HttpTimeouts& timeouts,
                                          UploadDone done);

}  // namespace perdure
