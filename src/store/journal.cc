#include "store/journal.h"

#include "base/text.h"

namespace perdure {

Error run_is_open(const std::string& run_id) {
  return {.code = ErrorCode::kLocked,
          .message = "run " + run_id + " is being written by this very process",
          .advice = "wait until it ends, or say more to it while it runs"};
}

Error run_not_open(const std::string& run_id) {
  return {.code = ErrorCode::kStore,
          .message = "run " + run_id + " is not open for writing",
          .advice = "an earlier failure of the journal stopped it; go on with 'perdure resume'"};
}

Error no_such_run(const std::string& name) {
  return {.code = ErrorCode::kNotFound,
          .message = "there is no run '" + name + "'",
          .advice = "'perdure runs' lists the runs that are stored"};
}

Result<std::string> match_run_id(const std::vector<std::string>& ids, const std::string& name) {
  if (name == "last" && !ids.empty()) return ids.front();
  std::vector<std::string> matches;
  for (const std::string& id : ids) {
    if (id == name) return id;
    if (!name.empty() && id.rfind(name, 0) == 0) matches.push_back(id);
  }
  if (matches.size() == 1) return matches.front();
  if (matches.empty()) return no_such_run(name);
  constexpr std::size_t kShownMax = 5;
  if (matches.size() > kShownMax) matches.resize(kShownMax);
  return Error{.code = ErrorCode::kNotFound,
               .message = "several runs begin with '" + name + "': " + join(matches, ", "),
               .advice = "give more of the id"};
}

}  // namespace perdure
