#include "model/reasoning_details.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "json/parse.h"
#include "json/writer.h"

namespace perdure {
namespace {

template <class Item>
auto find_member(Item& item, std::string_view key) {
  return std::find_if(item.begin(), item.end(),
                      [&](const auto& member) { return member.first == key; });
}

template <class Item>
std::string_view value_of(const Item& item, std::string_view key) {
  const auto found = find_member(item, key);
  return found == item.end() ? std::string_view() : std::string_view(found->second);
}

bool is_quoted(std::string_view text) {
  return text.size() >= 2 && text.front() == '"';
}

// Members that grow from piece to piece; the others are the same in each.
bool grows_in_pieces(std::string_view key) {
  return key == "text" || key == "summary" || key == "data";
}

template <class Item>
void join_piece(Item& item, const Item& piece) {
  for (const auto& [key, text] : piece) {
    const auto found = find_member(item, key);
    if (found == item.end()) {
      item.emplace_back(key, text);
    } else if (grows_in_pieces(key) && is_quoted(text) && is_quoted(found->second)) {
      found->second.pop_back();
      found->second += text.substr(1);
    } else if (text != "null") {
      found->second = text;
    }
  }
}

}  // namespace

// Items of one type, index and id are pieces of one.
ReasoningDetails::Item* ReasoningDetails::open_item(const Item& piece) {
  const auto found = std::find_if(items_.rbegin(), items_.rend(), [&](const Item& item) {
    return value_of(item, "type") == value_of(piece, "type") &&
           value_of(item, "index") == value_of(piece, "index") &&
           value_of(item, "id") == value_of(piece, "id");
  });
  return found == items_.rend() ? nullptr : &*found;
}

void ReasoningDetails::add(const json::Value& details, Source source) {
  for (const json::Value& element : details.elements()) {
    Item piece;
    for (const auto& [key, value] : element.members()) piece.emplace_back(key, value.text());
    Item* open = source == Source::kDelta ? open_item(piece) : nullptr;
    if (open == nullptr) {
      items_.push_back(std::move(piece));
    } else {
      join_piece(*open, piece);
    }
  }
}

std::string ReasoningDetails::text(std::size_t item) const {
  const std::string_view written = value_of(items_[item], "text");
  if (!is_quoted(written)) return {};
  const Result<Json> text = json::parse(written);
  return text.ok() ? text->get<std::string>() : std::string();
}

void ReasoningDetails::set_text(std::size_t item, std::string_view text) {
  const auto found = find_member(items_[item], "text");
  if (found == items_[item].end()) return;
  found->second.clear();
  json::append_string(found->second, text);
}

std::string ReasoningDetails::json() const {
  std::string out;
  json::Writer writer(out);
  writer.begin_array();
  for (const Item& item : items_) {
    writer.begin_object();
    for (const auto& [key, text] : item) writer.key(key).raw(text);
    writer.end_object();
  }
  writer.end_array();
  return out;
}

}  // namespace perdure
