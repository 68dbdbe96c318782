// A data file that was compiled into the binary (see cmake/embed.cmake).
#pragma once

#include <string_view>

namespace perdure {

struct EmbeddedFile {
  std::string_view path;  ///< Relative to the embedded folder, for example "models/kimi-k2.6.toml".
  std::string_view text;
};

}  // namespace perdure
