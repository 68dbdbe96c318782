#include "runtime/message_media.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/path.h"
#include "base/text.h"
#include "base/utf8.h"
#include "model/media.h"
#include "net/download.h"
#include "os/directories.h"

namespace perdure {
namespace {

constexpr std::size_t kMediaMax = 32;  // of one message
constexpr std::size_t kImageBytesMax = 20'000'000;
constexpr std::size_t kVideoBytesMax = 100'000'000;
// Of one message within a request: hosts take bodies of about 100 MB, and Base64 adds a third.
constexpr std::size_t kInlineBytesMax = 60'000'000;
constexpr std::size_t kNameBytesMax = 80;
constexpr std::int64_t kUnseenTokens = 1;  // that there is a medium at all
constexpr std::int64_t kImageTokens = 1'024;
constexpr std::int64_t kVideoTokens = 8'192;

std::string_view kind_name(bool is_video) {
  return is_video ? "video" : "image";
}

bool is_address(const std::string& source) {
  return source.starts_with("http://") || source.starts_with("https://");
}

// A name as a label has it: without its folder, one line, short.
std::string label_name(const Medium& medium) {
  std::string_view name = medium.source;
  if (is_address(medium.source)) name = name.substr(0, name.find_first_of("?#"));
  const std::size_t slash = name.rfind('/');
  if (slash != std::string_view::npos && slash + 1 < name.size()) name.remove_prefix(slash + 1);
  const std::string shown = printable(to_valid_utf8(name));
  return std::string(utf8_prefix(shown, kNameBytesMax));
}

Error cannot_use(const Medium& medium, std::string_view what, std::string advice) {
  return {.code = ErrorCode::kInvalidArgument,
          .message = fmt::format("the {} '{}' cannot be used: {}",
                                 kind_name(medium.kind == MediumKind::kVideo),
                                 printable(to_valid_utf8(medium.source)), what),
          .advice = std::move(advice)};
}

// Reads the files of one message.
class MediaReader {
 public:
  MediaReader(const std::vector<EndpointParts>& endpoints, const Blobs& blobs,
              MediaLibrary& library)
      : endpoints_(endpoints), blobs_(blobs), library_(library) {}

  std::int64_t tokens() const { return tokens_; }

  Result<MediaPart> read(const Medium& medium) {
    const bool is_video = medium.kind == MediumKind::kVideo;
    MediaPart part{.is_video = is_video};
    if (medium.bytes.empty() && is_address(medium.source) && all_fetch()) {
      part.url = to_valid_utf8(medium.source);
      part.label = fmt::format("[{} {}]", kind_name(is_video), label_name(medium));
      tokens_ += is_video ? kVideoTokens : kImageTokens;
      return part;
    }
    Result<std::string> bytes = bytes_of(medium);
    if (!bytes.ok()) return bytes.error();
    if (Status status = check(medium, *bytes); !status.ok()) return status.error();
    part.label = fmt::format("[{} {} {}]", kind_name(is_video), label_name(medium),
                             bytes_text(bytes->size()));
    const Result<std::string> blob = blobs_.put(*bytes);
    if (!blob.ok()) return blob.error();
    part.url = media_reference(media_type_of(*bytes)->name, *blob);
    tokens_ += tokens_of(*bytes, is_video);
    library_.add(*blob, std::move(*bytes));
    if (Status status = check_room(medium, *blob, is_video); !status.ok()) return status.error();
    return part;
  }

 private:
  const Endpoint& own() const { return endpoints_.front().endpoint; }

  bool all_fetch() const {
    return std::all_of(endpoints_.begin(), endpoints_.end(),
                       [](const EndpointParts& parts) { return parts.endpoint.host.media.urls; });
  }

  bool sees(bool is_video) const {
    const HistoryDialect dialect = own().history_dialect(Thinking::kOff);
    return is_video ? dialect.sees_videos : dialect.sees_images;
  }

  std::int64_t tokens_of(std::string_view bytes, bool is_video) const {
    if (!sees(is_video)) return kUnseenTokens;
    if (is_video) return video_tokens(static_cast<std::int64_t>(bytes.size()));
    const std::optional<ImageSize> size = image_size(bytes);
    return image_tokens(size->width, size->height);
  }

  static Result<std::string> bytes_of(const Medium& medium) {
    const std::size_t most = medium.kind == MediumKind::kVideo ? kVideoBytesMax : kImageBytesMax;
    const auto too_large = [&] {
      return cannot_use(medium, fmt::format("it has more than {}", bytes_text(most)),
                        "make it smaller: models see no more of it than of a picture of some "
                        "2,000 pixels");
    };
    if (!medium.bytes.empty()) {
      return medium.bytes.size() > most ? Result<std::string>(too_large()) : medium.bytes;
    }
    constexpr HttpTimeouts kLimits = {
        .connect_ms = 15'000, .first_byte_ms = 30'000, .idle_ms = 30'000, .total_ms = 120'000};
    Result<std::string> bytes = is_address(medium.source) ? download(medium.source, most, kLimits)
                                                          : read_whole_file(medium.source, most);
    if (bytes.ok()) return bytes;
    if (bytes.error().code == ErrorCode::kTooLarge) return too_large();
    return cannot_use(medium, bytes.error().message,
                      is_address(medium.source) ? "see that the address is right, or save the file "
                                                  "and give its name"
                                                : "name a file that exists and can be read");
  }

  static Status check(const Medium& medium, std::string_view bytes) {
    if (bytes.empty()) return cannot_use(medium, "it is empty", "give a file with something in it");
    const bool wants_video = medium.kind == MediumKind::kVideo;
    const std::optional<MediaType> type = media_type_of(bytes);
    if (!type) {
      const std::string_view other = other_type_of(bytes);
      const std::string found = other.empty() ? "" : fmt::format(" (it looks like {})", other);
      return cannot_use(
          medium, fmt::format("it is no {} that models take{}", kind_name(wants_video), found),
          wants_video ? "convert it to MP4 or WebM" : "convert it to PNG, JPEG, WebP or GIF");
    }
    if (type->is_video != wants_video) {
      return cannot_use(medium, fmt::format("it is a file of type {}", type->name),
                        fmt::format("give it as {} {}", type->is_video ? "a video:" : "an image:",
                                    type->is_video ? "--video" : "--image"));
    }
    if (!wants_video && !image_size(bytes)) {
      return cannot_use(medium, fmt::format("it begins as {}, but is cut or damaged", type->name),
                        "open it in a viewer, and save it anew");
    }
    return {};
  }

  // What goes within a request must leave room for the rest of it.
  Status check_room(const Medium& medium, const std::string& blob, bool is_video) {
    if (!sees(is_video) || library_.goes_by_upload(own().host, blob)) return {};
    const std::size_t size = library_.bytes(blob)->size();
    const auto most = static_cast<std::size_t>(own().host.media.bytes_max);
    if (size > most) {
      return cannot_use(medium,
                        fmt::format("it has {}, and {} takes at most {} within a request",
                                    bytes_text(size), own().host.name, bytes_text(most)),
                        "make it smaller, or raise bytes_max in a profile of the host");
    }
    inline_bytes_ += size;
    if (inline_bytes_ <= kInlineBytesMax) return {};
    return cannot_use(medium,
                      fmt::format("with those before it the message has more than {} of images "
                                  "and videos",
                                  bytes_text(kInlineBytesMax)),
                      "make them smaller, or send some of them with a later message");
  }

  const std::vector<EndpointParts>& endpoints_;
  const Blobs& blobs_;
  MediaLibrary& library_;
  std::int64_t tokens_ = 0;
  std::size_t inline_bytes_ = 0;
};

Status load_named(std::string_view message, const Blobs& blobs, MediaLibrary& library) {
  for (const MediaReference& reference : media_references(message)) {
    const std::string blob(reference.blob);
    if (library.bytes(blob) != nullptr) continue;
    Result<std::string> bytes = blobs.read(blob, 0, kVideoBytesMax);
    const bool is_whole = bytes.ok() && media_type_of(*bytes).has_value();
    if (!is_whole) {
      return Error{.code = bytes.ok() ? ErrorCode::kCorrupt : bytes.error().code,
                   .message = "an image or video of this run cannot be read: " +
                              (bytes.ok() ? "it is none" : bytes.error().message),
                   .context = bytes.ok() ? blob : bytes.error().context,
                   .advice = "put the file back, or begin a new run"};
    }
    library.add(blob, std::move(*bytes));
  }
  return {};
}

}  // namespace

Result<MessageQueued> make_message(const std::string& text, const std::vector<Medium>& media,
                                   const std::vector<EndpointParts>& endpoints, const Blobs& blobs,
                                   MediaLibrary& library) {
  MessageQueued message{.text = text};
  if (media.empty()) return message;
  const auto refuse = [](std::string what, std::string advice) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = std::move(what),
                 .advice = std::move(advice)};
  };
  if (trim(text).empty())
    return refuse("images and videos need a message", "say what is to be done with them");
  if (media.size() > kMediaMax) {
    return refuse(fmt::format("{} images and videos are too many for one message", media.size()),
                  fmt::format("give at most {} with each message", kMediaMax));
  }
  MediaReader reader(endpoints, blobs, library);
  std::vector<MediaPart> parts;
  for (const Medium& medium : media) {
    Result<MediaPart> part = reader.read(medium);
    if (!part.ok()) return part.error();
    parts.push_back(std::move(*part));
  }
  message.fragment = media_message(text, parts);
  message.media_tokens = reader.tokens();
  return message;
}

Status load_media(const Run& run, const Blobs& blobs, MediaLibrary& library) {
  for (std::size_t i = 0; run.media_tokens > 0 && i < run.transcript.size(); ++i) {
    const std::string_view message = run.transcript.fragment(i);
    if (!message.starts_with(R"({"role":"user","content":[)")) continue;
    if (Status status = load_named(message, blobs, library); !status.ok()) return status;
  }
  for (const MessageQueued& message : run.queue) {
    if (Status status = load_named(message.fragment, blobs, library); !status.ok()) return status;
  }
  for (const auto& [key, url] : run.media_uploads) library.set_upload(key.first, key.second, url);
  return {};
}

}  // namespace perdure
