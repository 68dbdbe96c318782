#include "json/slice.h"

#include <cstddef>

namespace perdure::json {
namespace {

// A position in JSON text that moves over whole values.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool take(char c) {
    skip_space();
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  std::string_view take_value() {
    skip_space();
    const std::size_t start = at_;
    if (peek() == '"') {
      skip_string();
    } else if (peek() == '{' || peek() == '[') {
      skip_nested();
    } else {
      while (!at_end() && std::string_view(",]} \t\r\n").find(peek()) == std::string_view::npos)
        ++at_;
    }
    return text_.substr(start, at_ - start);
  }

 private:
  void skip_space() {
    while (!at_end() && std::string_view(" \t\r\n").find(peek()) != std::string_view::npos) ++at_;
  }
  void skip_string() {
    ++at_;
    while (!at_end() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    at_ = at_ < text_.size() ? at_ + 1 : text_.size();
  }
  void skip_nested() {
    std::size_t depth = 0;
    do {
      const char c = peek();
      if (c == '"') {
        skip_string();
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++at_;
    } while (depth > 0 && !at_end());
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<std::string_view> element_slices(std::string_view array) {
  std::vector<std::string_view> slices;
  Cursor cursor(array);
  if (!cursor.take('[') || cursor.take(']')) return slices;
  do {
    slices.push_back(cursor.take_value());
  } while (cursor.take(','));
  return slices;
}

std::vector<std::pair<std::string_view, std::string_view>> member_slices(std::string_view object) {
  std::vector<std::pair<std::string_view, std::string_view>> slices;
  Cursor cursor(object);
  if (!cursor.take('{') || cursor.take('}')) return slices;
  do {
    const std::string_view key = cursor.take_value();
    if (!cursor.take(':')) return slices;
    slices.emplace_back(key, cursor.take_value());
  } while (cursor.take(','));
  return slices;
}

std::string_view member_slice(std::string_view object, std::string_view key) {
  for (const auto& [name, value] : member_slices(object)) {
    if (name.size() == key.size() + 2 && name.substr(1, key.size()) == key) return value;
  }
  return {};
}

}  // namespace perdure::json
