// perdure export, import and verify-log: stored runs as files, and whether they are whole.
#include <fstream>

#include <fmt/format.h>

#include <perdure/config.h>
#include <perdure/runtime.h>

#include "cli/commands.h"
#include "cli/report.h"
#include "cli/session.h"

namespace perdure::cli {
namespace {

ExportFormat format_of(const std::string& name) {
  if (name == "atif") return ExportFormat::kAtif;
  if (name == "mini-swe") return ExportFormat::kMiniSwe;
  return ExportFormat::kArchive;
}

std::string line_of(const std::string& run_id, const RunCheck& check) {
  const std::string outputs = check.outputs == 0 ? ""
                                                 : fmt::format(", {} output{}", check.outputs,
                                                               check.outputs == 1 ? "" : "s");
  return fmt::format("{}  whole: {} events{}, {}{}\n", run_id, check.events, outputs, check.hash,
                     check.outcome ? "" : "; it has no end yet");
}

}  // namespace

int export_command(const Arguments& arguments) {
  const Result<std::string> state = journal_folder_of(arguments);
  if (!state.ok()) return fail(state.error());
  Runtime runtime({.state_directory = *state});
  const Result<std::string> run_id = runtime.find_run(arguments.run.run_id);
  if (!run_id.ok()) return fail(run_id.error());
  bool written = true;
  const Status status =
      runtime.export_run(*run_id, format_of(arguments.format),
                         [&](std::string_view piece) { return written = print(piece); });
  if (!status.ok()) return fail(status.error());
  return written ? 0 : kUnwritten;
}

int import_command(const Arguments& arguments) {
  const Result<std::string> state = state_folder_of(arguments);
  if (!state.ok()) return fail(state.error());
  const bool from_input = arguments.file == "-";
  std::ifstream file(from_input ? "/dev/stdin" : arguments.file, std::ios::binary);
  if (!file.is_open()) {
    return fail({.code = ErrorCode::kInvalidArgument,
                 .message = "cannot read the archive",
                 .context = arguments.file,
                 .advice = "give the file that 'perdure export' wrote, or - for standard input"});
  }
  Runtime runtime({.state_directory = *state});
  Result<std::string> run_id = runtime.import_run(file);
  if (!run_id.ok()) {
    Error error = run_id.error();
    if (error.context.empty() && !from_input) error.context = arguments.file;
    return fail(error);
  }
  const bool said = print(fmt::format("imported run {}; to see it: perdure show {}{}\n", *run_id,
                                      *run_id, state_flag(*state)));
  return said ? 0 : kUnwritten;
}

int verify_log_command(const Arguments& arguments) {
  const Result<std::string> usual = state_folder_of(arguments);
  const bool is_named = !arguments.state_directory.empty() || !arguments.run.run_id.empty();
  if (usual.ok() && !is_named && !has_journal(*usual)) return 0;  // before the first run
  const Result<std::string> state = journal_folder_of(arguments);
  if (!state.ok()) return fail(state.error());
  Runtime runtime({.state_directory = *state});
  std::vector<std::string> ids;
  if (!arguments.run.run_id.empty()) {
    const Result<std::string> run_id = runtime.find_run(arguments.run.run_id);
    if (!run_id.ok()) return fail(run_id.error());
    ids.push_back(*run_id);
  } else {
    constexpr std::int64_t kAll = 1'000'000'000;
    const Result<std::vector<RunSummary>> runs = runtime.runs(kAll);
    if (!runs.ok()) return fail(runs.error());
    for (const RunSummary& run : *runs) ids.push_back(run.run_id);
  }
  int exit_status = 0;
  for (const std::string& run_id : ids) {
    const Result<RunCheck> check = runtime.verify_run(run_id);
    if (!check.ok()) exit_status = fail(check.error());
    if (check.ok() && !print(line_of(run_id, *check))) return kUnwritten;
  }
  return exit_status;
}

}  // namespace perdure::cli
