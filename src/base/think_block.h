// Thinking that a host leaves in the content of a reply, "<think>...</think>" and then the answer,
// as servers without a parser for it send it (fault N70). Only a block that the content begins with
// is one: text about such marks, later, is text. What goes back to the host stays as it came; this
// tells what people see as thinking and as the answer. Pure; one for each reply.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace perdure {

class ThinkBlock {
 public:
  /// For a content in which no thinking stands, whatever it begins with.
  static ThinkBlock none();

  struct Piece {
    std::string_view reasoning;
    std::string_view text;
  };
  /// Whether the content has come to its end: then nothing is held back.
  enum class More : std::uint8_t { kMayCome, kNone };

  /// `content` is all of it so far. Returns what is new in it and may be shown; what may become a
  /// mark is held back. Costs as much as what is new.
  Piece release(std::string_view content, More more);

  /// Whether the content began with thinking.
  bool found() const { return place_ != Place::kStart && place_ != Place::kText; }

 private:
  enum class Place : std::uint8_t {
    kStart,
    kThinking,
    kGap,     // behind the mark at its end, before the answer
    kAnswer,  // behind thinking
    kText     // of a content without thinking
  };

  void look_for_begin(std::string_view content, More more);
  std::string_view take_thinking(std::string_view content, More more);

  Place place_ = Place::kStart;
  std::size_t at_ = 0;         // up to here everything was released
  std::string_view end_mark_;  // of the block that began
};

}  // namespace perdure
