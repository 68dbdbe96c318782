// perdure replay: is every request of a stored run made again as it was sent?
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <perdure/runtime.h>

#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/session.h"
#include "json/parse.h"

namespace perdure::cli {
namespace {

std::string counted(std::int64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

// "request of step 3 (event 14), message 4, content"
std::string place_of(const ReplayDifference& difference) {
  std::string text =
      difference.kind == "request"
          ? fmt::format("the request of step {} (event {})", difference.step, difference.sequence)
          : fmt::format("event {} of step {}, {}", difference.sequence, difference.step,
                        difference.kind);
  if (difference.message >= 0) text += fmt::format(", message {}", difference.message);
  if (!difference.path.empty()) text += ", " + difference.path;
  return text;
}

std::string replay_text(const Replay& replay) {
  if (const auto& difference = replay.difference) {
    return fmt::format("{}  differs: {}\n  then: {}\n  now:  {}\n", replay.run_id,
                       printable(place_of(*difference)), printable(difference->was),
                       printable(difference->now));
  }
  std::string text =
      fmt::format("{}  the same: {}, {}\n", replay.run_id, counted(replay.requests, "request"),
                  counted(static_cast<std::int64_t>(replay.events), "event"));
  if (replay.requests_without_bytes > 0) {
    text += fmt::format("  of {} only the messages could be compared: an older version sent them\n",
                        counted(replay.requests_without_bytes, "request"));
  }
  return text;
}

std::string replay_json(const Replay& replay) {
  Json json = {{"run", replay.run_id},
               {"same", !replay.difference},
               {"requests", replay.requests},
               {"requests_without_bytes", replay.requests_without_bytes},
               {"events", replay.events}};
  if (const auto& difference = replay.difference) {
    json["difference"] = {{"sequence", difference->sequence}, {"kind", difference->kind},
                          {"step", difference->step},         {"path", difference->path},
                          {"then", difference->was},          {"now", difference->now}};
    if (difference->message >= 0) json["difference"]["message"] = difference->message;
  }
  return json::dump(json, 2) + "\n";
}

}  // namespace

int replay_command(const Arguments& arguments) {
  const Result<std::string> state = journal_folder_of(arguments);
  if (!state.ok()) return fail(state.error());
  Runtime runtime({.state_directory = *state});
  const Result<std::string> run_id = runtime.find_run(arguments.run.run_id);
  if (!run_id.ok()) return fail(run_id.error());
  const Result<Replay> replay = runtime.replay_run(*run_id);
  if (!replay.ok()) return fail(replay.error());
  if (!print(arguments.json ? replay_json(*replay) : replay_text(*replay))) return kUnwritten;
  constexpr int kDiffers = 1;
  return replay->difference ? kDiffers : 0;
}

}  // namespace perdure::cli
