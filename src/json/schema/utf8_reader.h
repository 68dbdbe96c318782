// Reads UTF-8 code point by code point, for the formats that are about characters.
#pragma once

#include <optional>
#include <string_view>

namespace perdure::json_schema {

class Utf8Reader {
 public:
  explicit Utf8Reader(std::string_view text) : rest_(text) {}

  /// The next code point; nothing at the end and at bytes that are no UTF-8.
  std::optional<char32_t> next();
  bool is_at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace perdure::json_schema
