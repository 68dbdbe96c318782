// What kind of image or video a file is, by its bytes: names lie. The kinds are those that models
// take; everything else has no type here.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace perdure {

struct MediaType {
  std::string_view name;  ///< "image/png"
  bool is_video = false;
};

/// By the signature that the bytes begin with.
std::optional<MediaType> media_type_of(std::string_view bytes);

/// The type of this name, when it is one of those above.
std::optional<MediaType> media_type_named(std::string_view name);

struct ImageSize {
  std::int64_t width = 0;
  std::int64_t height = 0;
};

/// Of a PNG, JPEG, GIF or WebP; nothing when the bytes do not hold it: then the file is cut or
/// damaged.
std::optional<ImageSize> image_size(std::string_view bytes);

/// What a file that is none of those is, for people: "HEIC", "SVG", "PDF"; empty when unknown.
std::string_view other_type_of(std::string_view bytes);

}  // namespace perdure
