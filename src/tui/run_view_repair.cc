// What a person sees of a host that refuses the form of a request: what was changed, the search
// for what is guilty, and what it costs.
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "tui/run_view.h"

namespace perdure {

void RunView::show_upload(const Json& payload) {
  const std::string problem = payload.value("problem", "");
  if (!problem.empty())
    screen_.line(look(Style::kYellow, "! ") + printable("the host refuses a file: " + problem));
}

// What the host said stands in front of the first line about it.
void RunView::show_repair(const Json& payload) {
  std::string line = std::exchange(failure_.message, "");
  if (!line.empty()) line += "; ";
  note(line + payload.value("summary", ""));
}

void RunView::show_trial(const Json& payload) {
  activity_ = fmt::format("looking for what the host refuses, trial {}",
                          payload.value("trial", std::int64_t{1}));
}

void RunView::show_trial_end(const Json& payload) {
  charge_usage(payload.value("usage", Json::object()));
  activity_.clear();
}

void RunView::charge_usage(const Json& usage) {
  usage_.input_tokens += usage.value("input_tokens", std::int64_t{0});
  usage_.cached_tokens += usage.value("cached_tokens", std::int64_t{0});
  usage_.output_tokens += usage.value("output_tokens", std::int64_t{0});
  usage_.reasoning_tokens += usage.value("reasoning_tokens", std::int64_t{0});
  usage_.estimated = usage_.estimated || usage.value("estimated", false);
  usage_.usd += usage.value("tools_usd", 0.0);
  if (usage.contains("usd")) {
    usage_.usd += usage.value("usd", 0.0);
    return;
  }
  usage_.usd += prices_.usd(usage);
}

}  // namespace perdure
