#include "json/schema/utf8_reader.h"

#include "base/utf8.h"

namespace perdure::json_schema {

std::optional<char32_t> Utf8Reader::next() {
  if (rest_.empty()) return std::nullopt;
  const auto lead = static_cast<unsigned char>(rest_[0]);
  const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  const std::string_view bytes = rest_.substr(0, size);
  if (bytes.size() < size || !is_valid_utf8(bytes)) return std::nullopt;
  char32_t value = size == 1 ? lead : lead & (0xFFU >> (size + 1));
  for (const char c : bytes.substr(1)) {
    value = (value << 6) | (static_cast<unsigned char>(c) & 0x3FU);
  }
  rest_.remove_prefix(size);
  return value;
}

}  // namespace perdure::json_schema
