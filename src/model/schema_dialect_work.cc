#include "model/schema_dialect_work.h"

#include <utility>

#include <fmt/format.h>

namespace perdure::mfjs {

bool Work::spend(std::size_t steps) {
  if (failed()) return false;
  if (steps <= steps_) {
    steps_ -= steps;
    return true;
  }
  fail("the schema grows too large when its references and alternatives are written out", "",
       "offer fewer alternatives, or describe them in words");
  return false;
}

void Work::fail(std::string message, std::string pointer, std::string advice) {
  fail(Error{.code = ErrorCode::kConfig,
             .message = std::move(message),
             .context = std::move(pointer),
             .advice = std::move(advice)});
}

void Work::fail(Error error) {
  if (!failed()) error_ = std::move(error);
}

bool Work::limit(std::string_view what, std::size_t found, std::size_t most, std::string pointer) {
  if (found <= most) return true;
  fail(fmt::format("{} is {}, and this host takes at most {}", what, found, most),
       std::move(pointer), "split the tool, or describe a part of its arguments in words");
  return false;
}

void Work::note(std::string text) {
  if (known_notes_.size() > 4 * kNotesMax) return;
  if (known_notes_.insert(text).second) notes_.push_back(std::move(text));
}

std::vector<std::string> Work::take_notes() {
  if (notes_.size() > kNotesMax) {
    notes_.resize(kNotesMax - 1);
    notes_.emplace_back("more of the same");
  }
  return std::move(notes_);
}

Work::Level::Level(Work& work) : work_(work) {
  if (++work_.nesting_ > kNestingMax) {
    work_.fail(fmt::format("subschemas are nested deeper than {} levels", kNestingMax), "");
  }
}

std::string place_text(const std::string& keyword, const std::string& pointer) {
  return keyword + " at " + (pointer.empty() ? "the root" : pointer);
}

}  // namespace perdure::mfjs
