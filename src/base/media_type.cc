#include "base/media_type.h"

#include <algorithm>
#include <array>

namespace perdure {
namespace {

using std::string_view_literals::operator""sv;

struct Signature {
  std::string_view start;
  std::string_view inner;  // what stands at `inner_at`
  std::size_t inner_at = 0;
  MediaType type;
};

// The first that fits. Containers of Apple's kind (ISO 14496-12) say with a brand what they hold.
constexpr std::array kSignatures = {
    Signature{.start = "\x89PNG\r\n\x1a\n"sv, .type = {"image/png"}},
    Signature{.start = "\xff\xd8\xff"sv, .type = {"image/jpeg"}},
    Signature{.start = "GIF87a"sv, .type = {"image/gif"}},
    Signature{.start = "GIF89a"sv, .type = {"image/gif"}},
    Signature{.start = "RIFF"sv, .inner = "WEBP"sv, .inner_at = 8, .type = {"image/webp"}},
    Signature{
        .start = "RIFF"sv, .inner = "AVI "sv, .inner_at = 8, .type = {"video/x-msvideo", true}},
    Signature{.inner = "ftypqt  "sv, .inner_at = 4, .type = {"video/quicktime", true}},
    Signature{.inner = "ftyp3g"sv, .inner_at = 4, .type = {"video/3gpp", true}},
    Signature{.inner = "ftypisom"sv, .inner_at = 4, .type = {"video/mp4", true}},
    Signature{.inner = "ftypiso"sv, .inner_at = 4, .type = {"video/mp4", true}},
    Signature{.inner = "ftypmp4"sv, .inner_at = 4, .type = {"video/mp4", true}},
    Signature{.inner = "ftypavc1"sv, .inner_at = 4, .type = {"video/mp4", true}},
    Signature{.inner = "ftypM4V"sv, .inner_at = 4, .type = {"video/mp4", true}},
    Signature{.inner = "ftypMSNV"sv, .inner_at = 4, .type = {"video/mp4", true}},
    Signature{.inner = "ftypdash"sv, .inner_at = 4, .type = {"video/mp4", true}},
    Signature{.inner = "moov"sv, .inner_at = 4, .type = {"video/quicktime", true}},
    Signature{.start = "FLV\x01"sv, .type = {"video/x-flv", true}},
    Signature{.start = "\x30\x26\xb2\x75\x8e\x66\xcf\x11"sv, .type = {"video/x-ms-wmv", true}},
    Signature{.start = "\x00\x00\x01\xba"sv, .type = {"video/mpeg", true}},
    Signature{.start = "\x00\x00\x01\xb3"sv, .type = {"video/mpeg", true}},
};

constexpr MediaType kWebm = {"video/webm", true};
constexpr std::string_view kEbml = "\x1a\x45\xdf\xa3"sv;
constexpr std::size_t kEbmlHeaderBytes = 64;  // in which the kind of document is named

bool stands_at(std::string_view bytes, std::size_t at, std::string_view what) {
  return bytes.size() >= at && bytes.substr(at).starts_with(what);
}

std::int64_t number_at(std::string_view bytes, std::size_t at, std::size_t count, bool big_endian) {
  std::int64_t number = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t place = big_endian ? at + i : at + count - 1 - i;
    number = number * 256 + static_cast<unsigned char>(bytes[place]);
  }
  return number;
}

// The frame header of a JPEG (ITU T.81, B.2.2) stands behind segments of any number.
std::optional<ImageSize> jpeg_size(std::string_view bytes) {
  std::size_t at = 2;
  while (at + 9 <= bytes.size()) {
    if (bytes[at] != '\xff') return std::nullopt;
    const auto marker = static_cast<unsigned char>(bytes[at + 1]);
    if (marker == 0xff) {
      ++at;
      continue;
    }
    const bool is_frame =
        marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (is_frame) {
      return ImageSize{.width = number_at(bytes, at + 7, 2, true),
                       .height = number_at(bytes, at + 5, 2, true)};
    }
    at += 2 + static_cast<std::size_t>(number_at(bytes, at + 2, 2, true));
  }
  return std::nullopt;
}

// RFC 9649: the first chunk says which of three forms it is.
std::optional<ImageSize> webp_size(std::string_view bytes) {
  if (bytes.size() < 30) return std::nullopt;
  if (stands_at(bytes, 12, "VP8X")) {
    return ImageSize{.width = number_at(bytes, 24, 3, false) + 1,
                     .height = number_at(bytes, 27, 3, false) + 1};
  }
  if (stands_at(bytes, 12, "VP8L")) {
    const std::int64_t bits = number_at(bytes, 21, 4, false);
    return ImageSize{.width = (bits & 0x3fff) + 1, .height = ((bits >> 14) & 0x3fff) + 1};
  }
  if (!stands_at(bytes, 12, "VP8 ")) return std::nullopt;
  return ImageSize{.width = number_at(bytes, 26, 2, false) & 0x3fff,
                   .height = number_at(bytes, 28, 2, false) & 0x3fff};
}

}  // namespace

std::optional<MediaType> media_type_of(std::string_view bytes) {
  for (const Signature& signature : kSignatures) {
    if (stands_at(bytes, 0, signature.start) &&
        stands_at(bytes, signature.inner_at, signature.inner))
      return signature.type;
  }
  const bool is_webm = bytes.starts_with(kEbml) &&
                       bytes.substr(0, kEbmlHeaderBytes).find("webm") != std::string_view::npos;
  return is_webm ? std::optional(kWebm) : std::nullopt;
}

std::optional<MediaType> media_type_named(std::string_view name) {
  if (name == kWebm.name) return kWebm;
  const auto found =
      std::find_if(kSignatures.begin(), kSignatures.end(),
                   [&](const Signature& signature) { return signature.type.name == name; });
  return found == kSignatures.end() ? std::nullopt : std::optional(found->type);
}

std::optional<ImageSize> image_size(std::string_view bytes) {
  const std::optional<MediaType> type = media_type_of(bytes);
  if (!type || type->is_video) return std::nullopt;
  std::optional<ImageSize> size;
  if (type->name == "image/jpeg") {
    size = jpeg_size(bytes);
  } else if (type->name == "image/webp") {
    size = webp_size(bytes);
  } else if (type->name == "image/gif") {
    if (bytes.size() >= 10) {
      size = ImageSize{.width = number_at(bytes, 6, 2, false),
                       .height = number_at(bytes, 8, 2, false)};
    }
  } else if (bytes.size() >= 24) {
    size =
        ImageSize{.width = number_at(bytes, 16, 4, true), .height = number_at(bytes, 20, 4, true)};
  }
  if (!size || size->width <= 0 || size->height <= 0) return std::nullopt;
  return size;
}

std::string_view other_type_of(std::string_view bytes) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kOthers = {{
      {"%PDF-", "PDF"},
      {"<svg", "SVG"},
      {"<?xml", "XML, perhaps SVG"},
      {"II*", "TIFF"},
      {"MM\x00*"sv, "TIFF"},
      {"BM", "BMP"},
      {"PK\x03\x04", "a ZIP archive"},
      {"\x1a\x45\xdf\xa3", "Matroska, but not WebM"},
  }};
  if (stands_at(bytes, 4, "ftyphei") || stands_at(bytes, 4, "ftypmif1")) return "HEIC";
  if (stands_at(bytes, 4, "ftypavif")) return "AVIF";
  for (const auto& [start, name] : kOthers) {
    if (bytes.starts_with(start)) return name;
  }
  return {};
}

}  // namespace perdure
