// The files that were uploaded to the scripted endpoint (POST /files), and what a request may say
// of an image or a video: data that is what it says it is, or a file that is there.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "mock/chat.h"
#include "mock/http_request.h"

namespace perdure::mock {

class Files {
 public:
  /// Reads an upload, as a multipart form with `purpose` and `file`. Gives the body of the answer,
  /// or why it is refused.
  std::optional<Refusal> add(const ReceivedRequest& request, std::string& answer);

  /// Whether it is a video; nothing for an id that no file has.
  std::optional<bool> find(std::string_view id) const;

 private:
  std::map<std::string, bool, std::less<>> videos_;  // by id
};

/// What is wrong with the address of an image or video; empty for a good one. Without `files` every
/// file is there.
std::string medium_problem(std::string_view url, bool is_video, const Files* files);

}  // namespace perdure::mock
