// Tool calls that a host left in the text of a reply, in the tokens in which Kimi models write them
// (fault N69). The host's parser should have made tool_calls of them; some do not for a reply in a
// hundred. What is found here is the whole grammar or nothing: text that names a marker, or shows
// the grammar in a code block, stays text. Pure; any thread.
//
//   <|tool_calls_section_begin|>
//     <|tool_call_begin|>functions.NAME:N<|tool_call_argument_begin|>{...}<|tool_call_end|>...
//   <|tool_calls_section_end|>
//
// Some hosts swallow the first mark of the section, or both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace perdure {

struct LeakedCall {
  std::string id;         ///< As the model wrote it: functions.NAME:N.
  std::string name;       ///< NAME.
  std::string arguments;  ///< A JSON object from bracket to bracket, or nothing; or cut.
};

enum class Leak : std::uint8_t {
  kNone,
  kWhole,   ///< Every call, from the first mark to the last.
  kBroken,  ///< The grammar begins and does not end as it must.
};

struct LeakedCalls {
  Leak leak = Leak::kNone;
  /// All of a whole leak. Of a broken one those that have a name; the last as far as it came.
  std::vector<LeakedCall> calls;
  /// The text without the calls; of a broken leak what stood before it. A think block that the
  /// calls stand in is closed where they stood: the marker ends the thinking.
  std::string text;
};

/// Looks through the text of a reply that has ended.
LeakedCalls find_leaked_calls(std::string_view text);

/// Says how much of a text that still grows may be shown: all but what may become a leaked call.
class LeakGuard {
 public:
  /// `text` is all that came so far. Returns the part of it that may be shown now and was not
  /// before. Costs as much as what is new.
  std::string_view release(std::string_view text);
  /// The same for a text that is whole and holds no leak: nothing of it is held back.
  void release_all(std::string_view text) { shown_ = text.size(); }
  /// How much was released.
  std::size_t shown() const { return shown_; }

 private:
  std::size_t shown_ = 0;
  bool has_begun_ = false;  // a leak: nothing is shown until the reply is whole
};

}  // namespace perdure
