// The stored files of a run, and how they get into its requests: as data, or by the address of an
// upload. Made before the run begins, then used on the loop's thread alone.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/media_type.h"
#include "core/transcript.h"
#include "model/media.h"
#include "model/profile.h"
#include "net/http_client.h"

namespace perdure {

class MediaLibrary {
 public:
  /// Bytes that have a media type.
  void add(const std::string& blob, std::string bytes);
  void set_upload(const std::string& base_url, const std::string& blob, std::string url) {
    uploads_[{base_url, blob}] = std::move(url);
  }

  bool empty() const { return files_.empty(); }
  /// Null for a file that is not there.
  const std::string* bytes(std::string_view blob) const;
  /// Encoded when first asked for. The file must be there.
  const std::string& base64(std::string_view blob);
  /// Empty where the host has none.
  std::string_view upload(const std::string& base_url, const std::string& blob) const;
  /// This host takes the file as an upload, not within a request.
  bool goes_by_upload(const HostProfile& host, std::string_view blob) const;

 private:
  struct File {
    MediaType type;
    std::string bytes;
    std::string base64;
  };
  std::map<std::string, File, std::less<>> files_;
  std::map<std::pair<std::string, std::string>, std::string> uploads_;
};

/// Puts the files into the requests for one endpoint: the same bytes each time.
class MediaWriter {
 public:
  MediaWriter(std::shared_ptr<MediaLibrary> library, std::string base_url)
      : library_(std::move(library)), base_url_(std::move(base_url)) {}

  /// `body` has the pieces of `messages` in its middle, and perhaps another message in its tail.
  HttpBody write(HttpBody body, const Transcript& messages);

 private:
  void find(const Transcript& messages);
  std::vector<std::string_view> pieces_for(const MediaReference& reference);

  std::shared_ptr<MediaLibrary> library_;
  std::string base_url_;
  std::shared_ptr<const void> source_;      // whose messages were searched
  std::size_t searched_ = 0;                // so many of them
  std::vector<MediaReference> references_;  // in them
};

}  // namespace perdure
