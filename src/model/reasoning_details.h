// The list in which OpenRouter and its kind send reasoning: items of several types, some of them
// encrypted, that go back as they came. In a stream they come in pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/reader.h"

namespace perdure {

class ReasoningDetails {
 public:
  enum class Source : std::uint8_t { kDelta, kWholeMessage };

  /// The "reasoning_details" of a delta or of a message.
  void add(const json::Value& details, Source source);

  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }
  /// The readable text of an item, or nothing.
  std::string text(std::size_t item) const;
  void set_text(std::size_t item, std::string_view text);
  /// The JSON array to send back.
  std::string json() const;

 private:
  // Keys and the JSON text of their values.
  using Item = std::vector<std::pair<std::string, std::string>>;

  Item* open_item(const Item& piece);

  std::vector<Item> items_;
};

}  // namespace perdure
