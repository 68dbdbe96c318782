// Most chunks of a stream differ from the one before in a single text: a delta of the reasoning or
// of the answer. A chunk of a known shape needs no parser; its text lies between two known pieces
// of bytes. Everything else, an escape in the text already, takes the long way. Used from one
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "json/reader.h"

namespace perdure {

/// The member of a delta that a text belongs to.
enum class DeltaMember : std::uint8_t { kContent, kReasoningContent, kReasoning };

struct TextDelta {
  DeltaMember member = DeltaMember::kContent;
  std::string_view text;
};

/// The text of a chunk that carries one text and nothing else that counts: no usage, no finish
/// reason, no call, no unknown member. Nothing for any other chunk.
std::optional<TextDelta> sole_text_of(const json::Value& chunk);

class DeltaShape {
 public:
  /// Takes `data`, which was parsed as `chunk`, for the shape of chunks to come when it carries one
  /// text that stands in it plainly and once. Keeps the old shape otherwise.
  void learn(std::string_view data, const json::Value& chunk);

  /// The text of a chunk that is equal to the learned one but for this text, which needs no
  /// decoding. Views into `data`.
  std::optional<TextDelta> match(std::string_view data) const;

 private:
  DeltaMember member_ = DeltaMember::kContent;
  std::string
      before_;  // up to the quotation mark that opens the text; empty when nothing is learned
  std::string after_;  // from the quotation mark that closes it
};

}  // namespace perdure
