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
#include "cli/session.h"
#include "json/parse.h"
#include "os/clock.h"
#include "os/directories.h"
#include "tui/run_view.h"

namespace perdure::cli {
namespace {

// A column of a table. Where the terminal is narrow, columns with a rank above 0 go, the highest
// first.
struct Column {
  std::string title;
  int rank = 0;
};

std::size_t width_of(const std::vector<std::size_t>& widths, const std::vector<Column>& columns,
                     int rank_max) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].rank <= rank_max) width += widths[i] + 2;
  }
  return width;
}

// Left-aligned columns, as wide as their widest cell. The last one takes what is left of the
// terminal, at least kLeast; without a terminal nothing is cut.
std::string table(const std::vector<Column>& columns,
                  const std::vector<std::vector<std::string>>& rows) {
  constexpr std::size_t kLeast = 20;
  std::vector<std::size_t> widths;
  int rank_max = 0;
  for (const Column& column : columns) {
    widths.push_back(display_width(column.title));
    rank_max = std::max(rank_max, column.rank);
  }
  for (const auto& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i)
      widths[i] = std::max(widths[i], display_width(row[i]));
  }
  widths.back() = kLeast - 2;
  const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  const std::size_t limit = is_terminal ? Terminal{}.width() : std::string::npos;
  while (rank_max > 0 && width_of(widths, columns, rank_max) > limit) --rank_max;
  std::string text;
  const auto add_line = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (columns[i].rank > rank_max) continue;
      line += cells[i];
      if (i + 1 < cells.size()) line.append(widths[i] - display_width(cells[i]) + 2, ' ');
    }
    if (display_width(line) > limit) line = std::string(display_prefix(line, limit - 1)) + "…";
    text += line + "\n";
  };
  std::vector<std::string> titles;
  for (const Column& column : columns) titles.push_back(column.title);
  add_line(titles);
  for (const auto& row : rows) add_line(row);
  return text;
}

std::string tokens_of(const RunSummary& run) {
  if (run.input_tokens == 0) return "-";
  return fmt::format("{}/{}", short_count(run.input_tokens), short_count(run.output_tokens));
}

std::string heading_of(const Event& event) {
  const std::string time = iso_time(event.at_ms);  // 2026-11-20T14:30:15.123Z
  return fmt::format("run {} of {} {} UTC", event.run_id, time.substr(0, 10), time.substr(11, 5));
}

// What became of a run whose record has no end.
std::string open_end(Runtime& runtime, const Terminal& terminal, const std::string& run_id,
                     const std::string& state) {
  constexpr std::int64_t kAll = 1'000'000;
  const Result<std::vector<RunSummary>> runs = runtime.runs(kAll);
  const bool is_running =
      runs.ok() && std::any_of(runs->begin(), runs->end(), [&](const RunSummary& run) {
        return run.run_id == run_id && run.running;
      });
  if (is_running) return styled(terminal, Style::kYellow, "still running");
  return styled(terminal, Style::kYellow, "died: ") +
         fmt::format("its process is gone; go on with: perdure resume {}{}", run_id,
                     state_flag(state));
}

int printed(std::string_view text) {
  return print(text) ? 0 : kUnwritten;
}

Json to_json(const RunSummary& run) {
  Json json = {{"run", run.run_id},
               {"agent", run.agent},
               {"task", run.task},
               {"model", run.model},
               {"workspace", run.workspace},
               {"created", iso_time(run.created_ms)},
               {"updated", iso_time(run.updated_ms)},
               {"state", state_of(run)},
               {"steps", run.steps},
               {"tokens", {{"input", run.input_tokens}, {"output", run.output_tokens}}},
               {"usd", run.usd}};
  if (!run.parent.empty()) json["parent"] = run.parent;
  return json;
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

constexpr std::int64_t kRowsUsual = 20;

RunFilter filter_of(const Arguments& arguments) {
  const RunsArguments& runs = arguments.runs;
  return {.text = runs.text,
          .states = runs.states,
          .model = runs.model,
          .workspace = runs.workspace.empty() ? "" : real_path(runs.workspace),
          .since_ms = runs.since_ms,
          .until_ms = runs.until_ms,
          .before = runs.before,
          .rows_max = arguments.rows.value_or(kRowsUsual)};
}

bool narrows(const RunsArguments& runs) {
  return !runs.text.empty() || !runs.states.empty() || !runs.model.empty() ||
         !runs.workspace.empty() || !runs.before.empty() || runs.since_ms > 0 || runs.until_ms > 0;
}

// The same question about the runs behind those that were listed.
std::string next_page(const Arguments& arguments, const std::string& last) {
  std::string command = "perdure";
  const std::vector<std::string>& words = arguments.words;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--before") {
      ++i;
    } else if (!words[i].starts_with("--before=")) {
      command += " " + shell_quote(words[i]);
    }
  }
  return command + " --before " + last;
}

// Nothing before the first run; elsewhere than in the usual place that is a mistake.
Result<std::vector<RunSummary>> stored_runs(const Arguments& arguments) {
  const Result<std::string> state = state_folder_of(arguments);
  if (!state.ok()) return state.error();
  if (arguments.state_directory.empty() && !has_journal(*state)) return std::vector<RunSummary>{};
  const Result<std::string> there = journal_folder_of(arguments);
  if (!there.ok()) return there.error();
  Runtime runtime({.state_directory = *there});
  RunFilter filter = filter_of(arguments);
  ++filter.rows_max;  // is there one more?
  Result<std::vector<RunSummary>> runs = runtime.runs(filter);
  if (!runs.ok()) return runs;
  for (RunSummary& run : *runs) {
    if (run.outcome && (run.steps == 0 || run.input_tokens > 0)) continue;
    // One that is damaged stays in the list.
    const Result<Usage> usage = runtime.usage_of(run.run_id);
    if (usage.ok()) {
      run.steps = usage->steps;
      run.usd = usage->usd;
      run.input_tokens = usage->input_tokens;
      run.output_tokens = usage->output_tokens;
    }
  }
  return runs;
}

}  // namespace

int runs_command(const Arguments& arguments) {
  Result<std::vector<RunSummary>> runs = stored_runs(arguments);
  if (!runs.ok()) return fail(runs.error());
  const auto rows_max = static_cast<std::size_t>(arguments.rows.value_or(kRowsUsual));
  const bool has_more = runs->size() > rows_max;
  if (has_more) runs->pop_back();
  if (arguments.json || arguments.run.output == Output::kJson) {
    Json list = Json::array();
    for (const RunSummary& run : *runs) list.push_back(to_json(run));
    return printed(json::dump(list, 2) + "\n");
  }
  if (runs->empty() && narrows(arguments.runs)) return printed("no run fits\n");
  if (runs->empty()) {
    const std::string& state = arguments.state_directory;
    return printed(fmt::format("no runs yet; start one with: perdure run \"TASK\"{}\n",
                               state.empty() ? "" : state_flag(state)));
  }
  const std::vector<Column> columns = {
      {"RUN"}, {"STATE"}, {"STEPS", 1}, {"IN/OUT TOKENS", 4}, {"COST", 2}, {"MODEL", 3}, {"TASK"}};
  std::vector<std::vector<std::string>> rows;
  for (const RunSummary& run : *runs) {
    const std::vector<std::string_view> lines = split_lines(run.task);
    rows.push_back({run.run_id, state_of(run), std::to_string(run.steps), tokens_of(run),
                    run.usd > 0 ? usd_text(run.usd) : "-", run.model,
                    (run.parent.empty() ? "" : "(fork of " + run.parent + ") ") +
                        printable(lines.empty() ? "" : trim(lines.front()))});
  }
  std::string text = table(columns, rows);
  if (has_more) text += fmt::format("older ones: {}\n", next_page(arguments, runs->back().run_id));
  return printed(text);
}

int show_command(const Arguments& arguments) {
  const Result<std::string> state = journal_folder_of(arguments);
  if (!state.ok()) return fail(state.error());
  Runtime runtime({.state_directory = *state});
  const Result<std::string> run_id = runtime.find_run(arguments.run.run_id);
  if (!run_id.ok()) return fail(run_id.error());
  // The record goes to standard output: it is the answer to this command.
  const Terminal terminal = Terminal::detect(STDOUT_FILENO);
  bool reader_gone = false;
  Screen screen(terminal, [&](std::string_view bytes) {
    if (!reader_gone) reader_gone = !print(bytes);
  });
  RunView view(screen, {.text_from_record = true});
  bool has_ended = false;
  const Status status = runtime.read_run(*run_id, [&](const Event& event) {
    if (reader_gone) return;
    if (arguments.json) {
      reader_gone = !print_line(event_record(event));
    } else {
      if (event.sequence == 1) screen.line(styled(terminal, Style::kDim, heading_of(event)));
      view.show(event);
      has_ended = event.kind == "run_ended";
    }
  });
  if (!status.ok()) return fail(status.error());
  if (arguments.json) return reader_gone ? kUnwritten : 0;
  if (!has_ended) screen.line(open_end(runtime, terminal, *run_id, *state));
  screen.line(styled(terminal, Style::kDim, view.summary()));
  return reader_gone ? kUnwritten : 0;
}

int models_command(const Arguments& arguments) {
  Runtime runtime({.state_directory = arguments.state_directory, .journal = JournalMode::kMemory});
  const Result<std::vector<ModelInfo>> models = runtime.models();
  if (!models.ok()) return fail(models.error());
  if (arguments.json) {
    Json list = Json::array();
    for (const ModelInfo& model : *models) list.push_back(to_json(model));
    return printed(json::dump(list, 2) + "\n");
  }
  const std::vector<Column> columns = {
      {"MODEL"}, {"WINDOW", 1}, {"IN/CACHED/OUT $/M", 2}, {"THINKING", 3}, {"HOSTS"}};
  std::vector<std::vector<std::string>> rows;
  for (const ModelInfo& model : *models) {
    const std::string price = model.input_usd
                                  ? fmt::format("{:.2f}/{:.2f}/{:.2f}", *model.input_usd,
                                                *model.cached_input_usd, *model.output_usd)
                                  : "not known";
    rows.push_back({model.id, grouped(model.window_tokens), price, join(model.thinking, ", "),
                    join(model.hosts, ", ")});
  }
  return printed(table(columns, rows));
}

int trust_command(const Arguments& arguments) {
  // A project's file never says where the list of trusted folders is.
  const Result<std::string> state =
      find_state_directory({.state_directory = arguments.state_directory, .workspace = ""});
  if (!state.ok()) return fail(state.error());
  const std::vector<std::string> trusted = trusted_folders(*state);
  if (arguments.folder.empty()) {
    std::string text;
    for (const std::string& folder : trusted) text += printable(folder) + "\n";
    return printed(text.empty() ? "no folder is trusted\n" : text);
  }
  const Status status = arguments.remove ? distrust_folder(arguments.folder, *state)
                                         : trust_folder(arguments.folder, *state);
  if (!status.ok()) return fail(status.error());
  const std::string folder = real_path(arguments.folder);
  if (!is_trusted_folder(folder, *state))
    return printed(fmt::format("{} is not trusted\n", printable(folder)));
  const auto above = std::find_if(trusted.begin(), trusted.end(), [&](const std::string& other) {
    return other != folder && folder.rfind(other == "/" ? other : other + "/", 0) == 0;
  });
  return printed(
      fmt::format("{} is trusted{}\n", printable(folder),
                  above == trusted.end() ? "" : ", as it is below " + printable(*above)));
}

int completions_command(const Arguments& arguments) {
  // The names of this user: profiles of their own are among them.
  Runtime runtime({.journal = JournalMode::kMemory});
  CompletionNames names;
  if (const auto models = runtime.models(); models.ok()) {
    for (const ModelInfo& model : *models) names.models.push_back(model.id);
  }
  if (const auto hosts = runtime.hosts(); hosts.ok()) {
    for (const HostInfo& host : *hosts) names.hosts.push_back(host.id);
  }
  return printed(completion_script(arguments.shell, names));
}

}  // namespace perdure::cli
