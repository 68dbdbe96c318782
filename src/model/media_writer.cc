#include "model/media_writer.h"

#include <functional>

#include "base/base64.h"
#include "base/check.h"

namespace perdure {
namespace {

constexpr std::string_view kUserList = R"({"role":"user","content":[)";
constexpr std::size_t kNameBytes = 5 + 64;  // "blob:HASH"

// Keeps all that the pieces of a body show.
struct MediaBodyOwner {
  std::shared_ptr<const void> messages;
  std::shared_ptr<const MediaLibrary> library;
  std::string tail;
};

}  // namespace

void MediaLibrary::add(const std::string& blob, std::string bytes) {
  const std::optional<MediaType> type = media_type_of(bytes);
  CHECK(type.has_value(), "only images and videos are stored as such");
  files_.try_emplace(blob, File{.type = *type, .bytes = std::move(bytes)});
}

const std::string* MediaLibrary::bytes(std::string_view blob) const {
  const auto file = files_.find(blob);
  return file == files_.end() ? nullptr : &file->second.bytes;
}

const std::string& MediaLibrary::base64(std::string_view blob) {
  const auto file = files_.find(blob);
  CHECK(file != files_.end(), "the files of a run are loaded before it begins");
  if (file->second.base64.empty()) file->second.base64 = to_base64(file->second.bytes);
  return file->second.base64;
}

std::string_view MediaLibrary::upload(const std::string& base_url, const std::string& blob) const {
  const auto found = uploads_.find({base_url, blob});
  return found == uploads_.end() ? std::string_view() : std::string_view(found->second);
}

bool MediaLibrary::goes_by_upload(const HostProfile& host, std::string_view blob) const {
  const auto file = files_.find(blob);
  if (host.media.files_path.empty() || file == files_.end()) return false;
  const auto size = static_cast<std::int64_t>(file->second.bytes.size());
  return file->second.type.is_video || size > host.media.upload_above_bytes;
}

// A transcript only grows; another one, or one that is shorter, is searched from its beginning.
void MediaWriter::find(const Transcript& messages) {
  std::shared_ptr<const void> source = messages.pieces().owner;
  if (source != source_ || messages.size() < searched_) {
    references_.clear();
    searched_ = 0;
  }
  source_ = std::move(source);
  for (; searched_ < messages.size(); ++searched_) {
    const std::string_view message = messages.fragment(searched_);
    if (!message.starts_with(kUserList)) continue;
    for (const MediaReference& reference : media_references(message)) {
      references_.push_back(reference);
    }
  }
}

// What stands in a request instead of the span.
std::vector<std::string_view> MediaWriter::pieces_for(const MediaReference& reference) {
  const std::string_view url = library_->upload(base_url_, std::string(reference.blob));
  if (!url.empty() && reference.is_block) return {R"("type":"url","url":")", url, "\""};
  if (!url.empty()) return {url};
  if (library_->bytes(reference.blob) == nullptr) return {reference.span};
  const std::string_view quote = reference.is_block ? "\"" : "";
  const std::size_t head = reference.span.size() - kNameBytes - quote.size();
  return {reference.span.substr(0, head), library_->base64(reference.blob), quote};
}

HttpBody MediaWriter::write(HttpBody body, const Transcript& messages) {
  if (library_->empty()) return body;
  find(messages);
  auto owner = std::make_shared<MediaBodyOwner>();
  owner->messages = std::move(body.middle_owner);
  owner->library = library_;
  owner->tail = std::move(body.tail);
  HttpBody made{.head = std::move(body.head), .middle_owner = owner};
  const auto add = [&](std::string_view piece) {
    if (piece.empty()) return;
    made.middle.push_back(piece);
    made.middle_bytes += piece.size();
  };
  const auto add_with = [&](std::string_view piece, auto& next, auto end) {
    const std::less<> before;
    const char* const last = piece.data() + piece.size();
    while (next != end && !before(next->span.data(), piece.data()) &&
           before(next->span.data(), last)) {
      const auto offset = static_cast<std::size_t>(next->span.data() - piece.data());
      add(piece.substr(0, offset));
      for (const std::string_view part : pieces_for(*next)) add(part);
      piece.remove_prefix(offset + next->span.size());
      ++next;
    }
    add(piece);
  };
  auto next = references_.cbegin();
  for (const std::string_view piece : body.middle) add_with(piece, next, references_.cend());
  const std::vector<MediaReference> last = media_references(owner->tail);
  auto next_of_tail = last.cbegin();
  add_with(owner->tail, next_of_tail, last.cend());
  return made;
}

}  // namespace perdure
