#include "model/leaked_calls.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <utility>

#include "base/text.h"
#include "base/tool_name.h"
#include "model/tool_call_assembly.h"

namespace perdure {
namespace {

// Hosts and guides spell the marks of the section with and without the plural.
constexpr std::array<std::string_view, 2> kSectionBegins = {"<|tool_calls_section_begin|>",
                                                            "<|tool_call_section_begin|>"};
constexpr std::array<std::string_view, 2> kSectionEnds = {"<|tool_calls_section_end|>",
                                                          "<|tool_call_section_end|>"};
constexpr std::array<std::string_view, 1> kCallBegin = {"<|tool_call_begin|>"};
constexpr std::array<std::string_view, 1> kArguments = {"<|tool_call_argument_begin|>"};
constexpr std::array<std::string_view, 1> kCallEnd = {"<|tool_call_end|>"};
constexpr std::array<std::string_view, 1> kMessageEnd = {"<|im_end|>"};
constexpr std::string_view kThink = "<think>";
constexpr std::string_view kThinkEnd = "</think>";
constexpr std::string_view kFence = "```";

// Between two marks; more of it is not what a model writes there. They bound what a LeakGuard looks
// at again with each piece.
constexpr std::size_t kSpaceMax = 64;
constexpr std::size_t kIdMax = 256;

using Marks = std::span<const std::string_view>;

// Where the text that a mark should begin stands towards it.
enum class Match : std::uint8_t { kNo, kPart, kYes };

class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text), size_(text.size()) {}

  /// Steps over one of these marks. kPart when the text ends before that is decided.
  Match take(Marks marks) {
    Match best = Match::kNo;
    for (const std::string_view mark : marks) {
      if (rest_.starts_with(mark)) {
        rest_.remove_prefix(mark.size());
        return Match::kYes;
      }
      if (mark.starts_with(rest_)) best = Match::kPart;
    }
    return best;
  }
  bool took(Marks marks) { return take(marks) == Match::kYes; }

  void skip_space() {
    const std::size_t start = std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size());
    if (start <= kSpaceMax) rest_.remove_prefix(start);
  }

  /// The id of a call; empty when there is none here.
  std::string_view take_id() {
    const auto belongs = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '-' || c == '.' || c == ':';
    };
    std::size_t size = 0;
    while (size < rest_.size() && size <= kIdMax && belongs(rest_[size])) ++size;
    if (size > kIdMax) size = 0;
    const std::string_view id = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return id;
  }

  /// A JSON object; marks in its strings are text. Empty when there is none, or no end of it.
  std::string_view take_object() {
    if (!rest_.starts_with('{')) return {};
    ObjectShape shape;
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      shape.add(rest_.substr(i, 1));
      if (!shape.is_whole()) continue;
      const std::string_view object = rest_.substr(0, i + 1);
      rest_.remove_prefix(i + 1);
      return object;
    }
    rest_ = {};
    return {};
  }

  std::string_view rest() const { return rest_; }
  bool at_end() const { return rest_.empty(); }
  std::size_t place() const { return size_ - rest_.size(); }

 private:
  std::string_view rest_;
  std::size_t size_;
};

// Whether a leak begins where the text does: kYes once the second mark of the grammar stands where
// it must. kPart when the text ends before that.
Match begins_leak(std::string_view text) {
  Cursor cursor(text);
  if (const Match section = cursor.take(kSectionBegins); section != Match::kNo) {
    if (section == Match::kPart) return section;
    cursor.skip_space();
    return std::max(cursor.take(kCallBegin), cursor.take(kSectionEnds));
  }
  if (const Match call = cursor.take(kCallBegin); call != Match::kYes) return call;
  cursor.skip_space();
  if (cursor.take_id().empty()) return cursor.at_end() ? Match::kPart : Match::kNo;
  cursor.skip_space();
  return cursor.take(kArguments);
}

// The same for a text that does not grow any more. A mark is one token of the model, so that a part
// of the first one is nothing that a model left there.
bool is_leak(std::string_view text) {
  const Match match = begins_leak(text);
  if (match != Match::kPart) return match == Match::kYes;
  Cursor cursor(text);
  return cursor.took(kSectionBegins) || cursor.took(kCallBegin);
}

// One call behind its first mark. False when it is not whole.
bool read_call(Cursor& cursor, std::vector<LeakedCall>& calls) {
  cursor.skip_space();
  const std::string_view id = cursor.take_id();
  cursor.skip_space();
  if (!cursor.took(kArguments)) return false;
  const std::size_t colon = id.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == id.size()) return false;
  if (id.find_first_not_of("0123456789", colon + 1) != std::string_view::npos) return false;
  const std::string_view name = called_tool(id.substr(0, colon));
  if (name.empty()) return false;
  cursor.skip_space();
  const std::string_view rest = cursor.rest();
  const std::string_view object = cursor.take_object();
  const bool is_cut = object.empty() && rest.starts_with('{');
  calls.push_back({.id = std::string(id),
                   .name = std::string(name),
                   .arguments = std::string(is_cut ? rest : object)});
  cursor.skip_space();
  return !is_cut && cursor.took(kCallEnd);
}

struct Section {
  std::vector<LeakedCall> calls;
  std::size_t size = 0;  // up to where the grammar ends, or no longer holds
  bool is_whole = false;
};

Section read_section(std::string_view text) {
  Section section;
  Cursor cursor(text);
  const bool has_begin = cursor.took(kSectionBegins);
  bool calls_are_whole = true;
  cursor.skip_space();
  while (calls_are_whole && cursor.took(kCallBegin)) {
    calls_are_whole = read_call(cursor, section.calls);
    section.size = cursor.place();
    cursor.skip_space();
  }
  const bool has_end = calls_are_whole && cursor.took(kSectionEnds);
  section.is_whole = calls_are_whole && !section.calls.empty() && (has_end || !has_begin);
  if (has_end || !section.is_whole) section.size = cursor.place();
  cursor.skip_space();
  if (section.is_whole && cursor.took(kMessageEnd)) section.size = cursor.place();
  return section;
}

// Tells what a text shows from what it does. Asked for places in the order of the text, it reads it
// once.
class Quotes {
 public:
  explicit Quotes(std::string_view text)
      : text_(text), last_fence_(text.rfind(kFence)), think_end_(text.rfind(kThinkEnd)) {
    has_answer_ = think_end_ != std::string_view::npos &&
                  !trim(text.substr(think_end_ + kThinkEnd.size())).empty();
  }

  /// Whether what stands there is in a code block or a code span, or in thinking that an answer
  /// follows: there a model wrote what it would do, or how, and then did something else.
  bool hold(std::size_t begin, std::size_t end) {
    advance(begin);
    if (has_answer_ && think_end_ >= end) return true;
    if (fences_ % 2 == 1 && last_fence_ != std::string_view::npos && last_fence_ >= end)
      return true;
    constexpr std::size_t kSpanMax = 512;
    const std::string_view after = text_.substr(end, kSpanMax);
    const std::size_t stop = after.find_first_of("`\n");
    return ticks_ % 2 == 1 && stop != std::string_view::npos && after[stop] == '`';
  }

  /// What stands before this place and was not asked for yet quotes nothing: it is a leak.
  void skip_to(std::size_t place) { at_ = place; }

 private:
  void advance(std::size_t to) {
    for (; at_ < to; ++at_) {
      if (text_.substr(at_).starts_with(kFence)) {
        ++fences_;
        at_ += kFence.size() - 1;
      } else if (text_[at_] == '`') {
        ++ticks_;
      } else if (text_[at_] == '\n') {
        ticks_ = 0;
      }
    }
  }

  std::string_view text_;
  std::size_t last_fence_;
  std::size_t think_end_;
  std::size_t at_ = 0;
  std::size_t fences_ = 0;
  std::size_t ticks_ = 0;  // in this line
  bool has_answer_ = false;
};

bool has_open_think_block(std::string_view text) {
  const std::size_t open = text.rfind(kThink);
  if (open == std::string_view::npos) return false;
  return text.find(kThinkEnd, open) == std::string_view::npos;
}

}  // namespace

LeakedCalls find_leaked_calls(std::string_view text) {
  LeakedCalls found;
  Quotes quotes(text);
  std::size_t kept = 0;  // the text up to here is in `found`, or is a leak
  for (std::size_t at = text.find('<'); at != std::string_view::npos; at = text.find('<', at)) {
    if (!is_leak(text.substr(at))) {
      ++at;
      continue;
    }
    Section section = read_section(text.substr(at));
    const std::size_t end = at + section.size;
    if (!quotes.hold(at, end)) {
      found.text += text.substr(kept, at - kept);
      std::move(section.calls.begin(), section.calls.end(), std::back_inserter(found.calls));
      found.leak = section.is_whole ? Leak::kWhole : Leak::kBroken;
      if (!section.is_whole) return found;
      const bool is_closed_later = text.find(kThinkEnd, end) != std::string_view::npos;
      if (!is_closed_later && has_open_think_block(found.text)) found.text += kThinkEnd;
      quotes.skip_to(end);
      kept = end;
    }
    at = end;
  }
  found.text += text.substr(kept);
  return found;
}

std::string_view LeakGuard::release(std::string_view text) {
  if (has_begun_) return {};
  std::size_t safe = text.find('<', shown_);
  Match match = Match::kNo;
  while (safe != std::string_view::npos && match == Match::kNo) {
    match = begins_leak(text.substr(safe));
    if (match == Match::kNo) safe = text.find('<', safe + 1);
  }
  has_begun_ = match == Match::kYes;
  safe = std::min(safe, text.size());
  const std::string_view piece = text.substr(shown_, safe - shown_);
  shown_ = safe;
  return piece;
}

}  // namespace perdure
