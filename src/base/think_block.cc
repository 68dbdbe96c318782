#include "base/think_block.h"

#include <algorithm>
#include <array>
#include <utility>

namespace perdure {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kMarks = {{
    {"<think>", "</think>"}, {"\u25c1think\u25b7", "\u25c1/think\u25b7"},  // of older Kimi models
}};
constexpr std::string_view kWhiteSpace = " \t\r\n";

// How much of the end of `text` may be the beginning of `mark`.
std::size_t begun_at_end(std::string_view text, std::string_view mark) {
  for (std::size_t size = std::min(text.size(), mark.size() - 1); size > 0; --size) {
    if (mark.starts_with(text.substr(text.size() - size))) return size;
  }
  return 0;
}

}  // namespace

ThinkBlock ThinkBlock::none() {
  ThinkBlock block;
  block.place_ = Place::kText;
  return block;
}

void ThinkBlock::look_for_begin(std::string_view content, More more) {
  const std::size_t start = std::min(content.find_first_not_of(kWhiteSpace), content.size());
  const std::string_view rest = content.substr(start);
  bool may_begin = false;
  for (const auto& [begin, end] : kMarks) {
    if (rest.starts_with(begin)) {
      at_ = start + begin.size();
      end_mark_ = end;
      place_ = Place::kThinking;
      return;
    }
    may_begin = may_begin || begin.starts_with(rest);
  }
  if (!may_begin || more == More::kNone) place_ = Place::kText;
}

std::string_view ThinkBlock::take_thinking(std::string_view content, More more) {
  const std::string_view rest = content.substr(at_);
  const std::size_t end = rest.find(end_mark_);
  if (end != std::string_view::npos) {
    at_ += end + end_mark_.size();
    place_ = Place::kGap;
    return rest.substr(0, end);
  }
  const std::size_t held = more == More::kNone ? 0 : begun_at_end(rest, end_mark_);
  at_ = content.size() - held;
  return rest.substr(0, rest.size() - held);
}

ThinkBlock::Piece ThinkBlock::release(std::string_view content, More more) {
  Piece piece;
  if (content.size() < at_) return piece;
  if (place_ == Place::kStart) look_for_begin(content, more);
  if (place_ == Place::kThinking) piece.reasoning = take_thinking(content, more);
  if (place_ == Place::kGap) {
    at_ = std::min(content.find_first_not_of(kWhiteSpace, at_), content.size());
    if (at_ < content.size()) place_ = Place::kAnswer;
  }
  if (place_ == Place::kAnswer || place_ == Place::kText) {
    piece.text = content.substr(at_);
    at_ = content.size();
  }
  return piece;
}

}  // namespace perdure
