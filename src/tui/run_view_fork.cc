// The part of the view that shows where a run was forked.
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "tui/run_view.h"

namespace perdure {

// What came before is the parent's.
void RunView::begin_fork(const Json& payload) {
  usage_ = {};
  shared_ms_ = payload.value("active_ms", std::int64_t{0});
}

void RunView::show_forked(const Json& payload) {
  begin_fork(payload);
  std::string line = fmt::format("— forked from {} at step {}", payload.value("parent", ""),
                                 payload.value("step", std::int64_t{0}));
  const char* separator = ": ";
  for (const Json& change : payload.value("changes", Json::array())) {
    if (!change.is_string()) continue;
    line += std::exchange(separator, ", ") + change.get<std::string>();
  }
  screen_.line(look(Style::kDim, printable(line + " —")));
}

}  // namespace perdure
