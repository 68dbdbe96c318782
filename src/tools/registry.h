// The tools of an agent: by name, checked when they are added. Assessing a call is pure: what it
// would do is found out from its arguments alone, before the policy decides and anything runs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/tool.h"

namespace perdure {

/// A call that was looked at: what the journal is told of it, and what running it needs.
struct PreparedCall {
  Assessment assessment;
  const Tool* tool = nullptr;  ///< Null when the call cannot run.
  std::shared_ptr<const Json> arguments;
  std::shared_ptr<const Tool> owner;  ///< Keeps `tool` alive where no registry does.
};

class Registry {
 public:
  /// Compiles the schema. Errors: kConfig for a bad name, a second tool of this name, or a schema
  /// that is none.
  Status add(Tool tool);

  const Tool* find(std::string_view name) const;
  const std::vector<std::shared_ptr<const Tool>>& tools() const { return tools_; }

  /// Never fails: what is wrong with a call stands in its assessment.
  PreparedCall prepare(const ToolCall& call, const std::string& workspace) const;

 private:
  std::vector<std::shared_ptr<const Tool>> tools_;
};

}  // namespace perdure
