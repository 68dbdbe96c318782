// Puts the fragments of streamed tool calls together. Hosts disagree on everything: where the id
// stands, whether it repeats or changes, whether the index is there, what the name looks like in
// later fragments (wire notes 2.2, faults N60 to N66). The rules are in find_slot(); what came
// stays as it came until the reply is complete.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/reader.h"

namespace perdure {

struct AssembledCall {
  std::optional<std::int64_t> index;  ///< As the host numbers it.
  std::string id;
  std::string name;
  std::string arguments;
  std::vector<std::pair<std::string, std::string>> extras;  ///< Unknown members: key and JSON text.
};

class ToolCallAssembly {
 public:
  /// One element of delta.tool_calls. Returns what it adds to the arguments of its call.
  std::string_view add(const json::Value& fragment);
  /// A legacy delta.function_call.
  std::string_view add_function_call(const json::Value& function);

  const std::vector<AssembledCall>& calls() const { return calls_; }
  std::vector<AssembledCall> take() { return std::move(calls_); }

 private:
  AssembledCall& find_slot(std::optional<std::int64_t> index, std::string_view id,
                           std::string_view name);
  std::string_view add_function(AssembledCall& call, const json::Value& function);

  std::vector<AssembledCall> calls_;
  std::string object_arguments_;
};

/// Keeps an unknown member of a delta: strings grow unless they repeat, everything else is
/// replaced.
void keep_extra(std::vector<std::pair<std::string, std::string>>& extras, std::string_view key,
                const json::Value& value);

}  // namespace perdure
