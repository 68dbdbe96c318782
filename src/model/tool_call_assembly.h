// Puts the fragments of streamed tool calls together. Hosts disagree on everything: where the id
// stands, whether it repeats or changes, whether the index is there and right, what the name looks
// like in later fragments (faults N60 to N66). The rules are in find_slot(); what came stays as it
// came until the reply is complete. Where two readings are possible, the one is taken whose mistake
// leaves arguments that do not parse: such a call is answered with an error, never run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/reader.h"

namespace perdure {

/// Follows text that should be one JSON object, piece by piece, and tells when it is closed. It
/// does not check what is inside.
class ObjectShape {
 public:
  void add(std::string_view piece);
  /// One object, from bracket to bracket, with nothing but white space around it.
  bool is_whole() const { return state_ == State::kAfter; }

 private:
  enum class State : std::uint8_t { kBefore, kInside, kString, kEscape, kAfter, kSpoiled };

  void step(char c);

  State state_ = State::kBefore;
  std::size_t depth_ = 0;
};

struct AssembledCall {
  std::optional<std::int64_t> index;  ///< As the host numbers it.
  std::string id;
  std::string name;
  std::string arguments;
  ObjectShape shape;                                        ///< Of the arguments.
  std::vector<std::pair<std::string, std::string>> extras;  ///< Unknown members: key and JSON text.
};

class ToolCallAssembly {
 public:
  /// One element of delta.tool_calls. Returns what it adds to the arguments of its call. `written`
  /// is the text of arguments that are no string, exactly as it came; numbers in it mean what the
  /// model wrote (fault N51).
  std::string_view add(const json::Value& fragment, std::string_view written = {});
  /// An element that is known to be a call of its own: one of a message that came whole.
  std::string_view add_whole(const json::Value& fragment, std::string_view written = {});
  /// A call that was put together elsewhere.
  void add_call(AssembledCall call) { calls_.push_back(std::move(call)); }
  /// A legacy delta.function_call.
  std::string_view add_function_call(const json::Value& function);

  const std::vector<AssembledCall>& calls() const { return calls_; }
  std::vector<AssembledCall> take() { return std::move(calls_); }

 private:
  struct Fragment;

  AssembledCall* find_slot(const Fragment& fragment);
  AssembledCall* find_by_id(const Fragment& fragment);
  AssembledCall* find_by_index(const Fragment& fragment);
  AssembledCall* find_current(const Fragment& fragment);
  std::string_view add_to(AssembledCall* slot, const Fragment& fragment,
                          const json::Value& element);

  std::vector<AssembledCall> calls_;
  std::string arguments_;  // of the last fragment, when they were no string
};

/// Keeps an unknown member of a delta: strings grow unless they repeat, everything else is
/// replaced.
void keep_extra(std::vector<std::pair<std::string, std::string>>& extras, std::string_view key,
                const json::Value& value);

}  // namespace perdure
