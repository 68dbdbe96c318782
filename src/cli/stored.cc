// perdure runs, show, models and trust: questions about what is stored.
#include <algorithm>

#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <perdure/config.h>
#include <perdure/runtime.h>

#include "base/text.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "json/parse.h"
#include "os/clock.h"
#include "os/descriptor.h"
#include "tui/run_view.h"

namespace perdure::cli {
namespace {

std::string state_of(const RunSummary& run) {
  if (run.outcome) return std::string(to_string(*run.outcome));
  return run.running ? "running" : "died";
}

// Left-aligned columns, as wide as their widest cell; the last one is cut to the terminal.
std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], display_width(row[i]));
  }
  const std::size_t limit = ::isatty(STDOUT_FILENO) == 1 ? Terminal{}.width() : 200;
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - display_width(row[i]) + 2, ' ');
    }
    text += std::string(display_prefix(line, limit)) + "\n";
  }
  return text;
}

int print(std::string_view text) {
  return write_all(STDOUT_FILENO, text).ok() ? 0 : 1;
}

Json to_json(const RunSummary& run) {
  return {{"run", run.run_id},
          {"agent", run.agent},
          {"task", run.task},
          {"model", run.model},
          {"workspace", run.workspace},
          {"created", iso_time(run.created_ms)},
          {"updated", iso_time(run.updated_ms)},
          {"state", state_of(run)},
          {"steps", run.steps},
          {"usd", run.usd}};
}

Json to_json(const ModelInfo& model) {
  Json json = {{"id", model.id},
               {"name", model.name},
               {"window_tokens", model.window_tokens},
               {"modalities", model.modalities},
               {"thinking", model.thinking},
               {"hosts", model.hosts},
               {"default_host", model.default_host}};
  if (model.input_usd) {
    json["usd_per_million_tokens"] = {{"input", *model.input_usd},
                                      {"cached", *model.cached_input_usd},
                                      {"output", *model.output_usd}};
  }
  return json;
}

}  // namespace

int runs_command(const Arguments& arguments) {
  Runtime runtime({.state_directory = arguments.state_directory});
  const Result<std::vector<RunSummary>> runs = runtime.runs(arguments.rows.value_or(20));
  if (!runs.ok()) return fail(runs.error());
  if (arguments.json) {
    Json list = Json::array();
    for (const RunSummary& run : *runs) list.push_back(to_json(run));
    return print(json::dump(list, 2) + "\n");
  }
  if (runs->empty()) return print("no runs yet; start one with: perdure run \"TASK\"\n");
  std::vector<std::vector<std::string>> rows = {{"RUN", "STATE", "STEPS", "COST", "MODEL", "TASK"}};
  for (const RunSummary& run : *runs) {
    const std::vector<std::string_view> lines = split_lines(run.task);
    rows.push_back({run.run_id, state_of(run), std::to_string(run.steps),
                    run.usd > 0 ? usd_text(run.usd) : "-", run.model,
                    printable(lines.empty() ? "" : trim(lines.front()))});
  }
  return print(table(rows));
}

int show_command(const Arguments& arguments) {
  Runtime runtime({.state_directory = arguments.state_directory});
  const Result<std::string> run_id = runtime.find_run(arguments.run.run_id);
  if (!run_id.ok()) return fail(run_id.error());
  Terminal terminal = Terminal::detect();
  // The record goes to standard output: it is the answer to this command.
  terminal.live = false;
  terminal.colours = terminal.colours && ::isatty(STDOUT_FILENO) == 1;
  Screen screen(terminal, [](std::string_view bytes) { (void)write_all(STDOUT_FILENO, bytes); });
  RunView view(screen, {.text_from_record = true});
  const Status status = runtime.read_run(*run_id, [&](const Event& event) {
    if (arguments.json) {
      (void)print_line(event_record(event));
    } else {
      view.show(event);
    }
  });
  return status.ok() ? 0 : fail(status.error());
}

int models_command(const Arguments& arguments) {
  Runtime runtime({.state_directory = arguments.state_directory, .journal = JournalMode::kMemory});
  const Result<std::vector<ModelInfo>> models = runtime.models();
  if (!models.ok()) return fail(models.error());
  if (arguments.json) {
    Json list = Json::array();
    for (const ModelInfo& model : *models) list.push_back(to_json(model));
    return print(json::dump(list, 2) + "\n");
  }
  std::vector<std::vector<std::string>> rows = {
      {"MODEL", "WINDOW", "IN/CACHED/OUT $/M", "THINKING", "HOSTS"}};
  for (const ModelInfo& model : *models) {
    const std::string price = model.input_usd
                                  ? fmt::format("{:.2f}/{:.2f}/{:.2f}", *model.input_usd,
                                                *model.cached_input_usd, *model.output_usd)
                                  : "not known";
    rows.push_back({model.id, grouped(model.window_tokens), price, join(model.thinking, ", "),
                    join(model.hosts, ", ")});
  }
  return print(table(rows));
}

int trust_command(const Arguments& arguments) {
  if (arguments.folder.empty()) {
    std::string text;
    for (const std::string& folder : trusted_folders(arguments.state_directory))
      text += folder + "\n";
    return print(text.empty() ? "no folder is trusted\n" : text);
  }
  const Status status = arguments.remove
                            ? distrust_folder(arguments.folder, arguments.state_directory)
                            : trust_folder(arguments.folder, arguments.state_directory);
  if (!status.ok()) return fail(status.error());
  const bool trusted = is_trusted_folder(arguments.folder, arguments.state_directory);
  return print(
      fmt::format("{} is {}\n", printable(arguments.folder), trusted ? "trusted" : "not trusted"));
}

int completions_command(const Arguments& arguments) {
  return print(completion_script(arguments.shell));
}

}  // namespace perdure::cli
