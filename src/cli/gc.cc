// perdure gc: takes away the runs that nobody needs any more, and the outputs that no run names.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <perdure/config.h>
#include <perdure/runtime.h>

#include "base/text.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/session.h"
#include "json/parse.h"
#include "os/clock.h"

namespace perdure::cli {
namespace {

std::string of_number(std::size_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

std::string gc_text(const Collected& collected, bool dry_run) {
  std::string text;
  for (const RunSummary& run : collected.runs) {
    const std::vector<std::string_view> lines = split_lines(run.task);
    text += fmt::format("{}  {}  last written {}  {}\n", run.run_id, state_of(run),
                        iso_time(run.updated_ms).substr(0, 10),
                        printable(lines.empty() ? "" : trim(lines.front())));
  }
  text += fmt::format("{} {} and {} ({} bytes)\n", dry_run ? "would remove" : "removed",
                      of_number(collected.runs.size(), "run"),
                      of_number(static_cast<std::size_t>(collected.outputs), "output"),
                      collected.output_bytes);
  if (!collected.compact_error.empty()) {
    text +=
        fmt::format("the journal's file keeps its size, its free room is used by later runs: {}\n",
                    printable(collected.compact_error));
  }
  return text;
}

std::string gc_json(const Collected& collected, bool dry_run) {
  Json runs = Json::array();
  for (const RunSummary& run : collected.runs) runs.push_back(run.run_id);
  return json::dump({{"dry_run", dry_run},
                     {"runs", runs},
                     {"outputs", collected.outputs},
                     {"output_bytes", collected.output_bytes},
                     {"compact_error", collected.compact_error}},
                    2) +
         "\n";
}

}  // namespace

int gc_command(const Arguments& arguments) {
  const RunsArguments& given = arguments.runs;
  const Result<std::string> usual = state_folder_of(arguments);
  const bool is_named = !arguments.state_directory.empty() || !given.run_ids.empty();
  if (usual.ok() && !is_named && !has_journal(*usual)) return 0;  // before the first run
  const Result<std::string> state = journal_folder_of(arguments);
  if (!state.ok()) return fail(state.error());
  Runtime runtime({.state_directory = *state});
  Retention retention{.older_than_ms = given.older_than_ms,
                      .keep = given.keep,
                      .states = given.states,
                      .dry_run = given.dry_run};
  if (!given.states.empty() && given.older_than_ms == 0 && !given.keep) {
    return fail({.code = ErrorCode::kInvalidArgument,
                 .message = "--outcome alone says nothing about how many runs stay",
                 .advice = "add --older-than TIME or --keep N"});
  }
  for (const std::string& name : given.run_ids) {
    Result<std::string> run_id = runtime.find_run(name);
    if (!run_id.ok()) return fail(run_id.error());
    retention.run_ids.push_back(std::move(*run_id));
  }
  const Result<Collected> collected = runtime.collect(retention);
  if (!collected.ok()) return fail(collected.error());
  const bool said = print(arguments.json ? gc_json(*collected, given.dry_run)
                                         : gc_text(*collected, given.dry_run));
  return said ? 0 : kUnwritten;
}

}  // namespace perdure::cli
