// The options of `perdure runs` and of the commands that do something with a stored run.
#include <chrono>

#include <CLI/App.hpp>

#include "cli/option_readers.h"
#include "os/clock.h"

namespace perdure::cli {
namespace {

void add_run(CLI::App& app, Arguments& arguments) {
  add_words(app, "RUN", arguments.run.run_id, "Id of the run, its beginning, or 'last'")
      ->required();
}

void add_text(CLI::App& app, const char* name, std::string& target, const char* type,
              const char* help) {
  single(app.add_option(name, target, help))->type_name(type);
}

void add_outcomes(CLI::App& app, RunsArguments& runs) {
  app.add_option("--outcome", runs.states,
                 "Only those that ended so, or are running, or died; repeatable")
      ->allow_extra_args(false)
      ->type_name("STATE");
}

// Reads so many digits at `at`, and steps over them.
std::optional<unsigned> digits_at(const std::string& text, std::size_t& at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  const auto number = parse_number<unsigned>(text.substr(at, count));
  at += count;
  return number;
}

// "2026-11-20", "2026-11-20T14:30", in UTC; "7d": so long ago.
std::optional<std::int64_t> moment_ms(const std::string& text) {
  if (const auto ago = parse_duration_ms(text)) return wall_time_ms() - *ago;
  constexpr std::size_t kDateBytes = 10;
  constexpr std::size_t kMinuteBytes = 16;
  const bool has_minute = text.size() == kMinuteBytes;
  if (!has_minute && text.size() != kDateBytes) return std::nullopt;
  std::size_t at = 0;
  const auto year = digits_at(text, at, 4);
  const bool dashes = text[4] == '-' && text[7] == '-';
  const auto month = digits_at(text, ++at, 2);
  const auto day = digits_at(text, ++at, 2);
  if (!dashes || !year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month), std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  std::int64_t minutes = 0;
  if (has_minute) {
    const bool marks = (text[10] == 'T' || text[10] == ' ') && text[13] == ':';
    const auto hour = digits_at(text, ++at, 2);
    const auto minute = digits_at(text, ++at, 2);
    if (!marks || !hour || !minute || *hour > 23 || *minute > 59) return std::nullopt;
    minutes = *hour * 60 + *minute;
  }
  constexpr std::int64_t kDay_ms = 86'400'000;
  constexpr std::int64_t kMinute_ms = 60'000;
  return std::chrono::sys_days(date).time_since_epoch().count() * kDay_ms + minutes * kMinute_ms;
}

void add_moment(CLI::App& app, const char* name, std::int64_t& target, const char* help) {
  add_read(
      app, name, "TIME", "a date like 2026-11-20, 2026-11-20T14:30, or a time like 12h or 7d",
      [&target](const std::string& text) {
        target = moment_ms(text).value_or(0);
        return target > 0;
      },
      help);
}

}  // namespace

void declare_runs(CLI::App& app, Arguments& arguments) {
  RunsArguments& runs = arguments.runs;
  add_text(app, "--text", runs.text, "TEXT",
           "Those whose task, messages, replies or results hold this text");
  add_outcomes(app, runs);
  add_text(app, "--model", runs.model, "NAME", "Those that began with this model");
  add_text(app, "--workspace", runs.workspace, "DIR", "Those that work in this folder or below");
  add_moment(app, "--since", runs.since_ms, "Those that began then or later");
  add_moment(app, "--until", runs.until_ms, "Those that began before");
  add_text(app, "--before", runs.before, "RUN",
           "Those that are older than this run: the next page");
  add_count(app, "--limit", arguments.rows, "How many (default: 20)");
  add_output(app, arguments.run, "text or json");
  app.add_flag("--json", arguments.json, "As JSON");
  add_state(app, arguments);
  app.footer(
      "Examples:\n"
      "  perdure runs\n"
      "  perdure runs --text checkout --outcome failed --since 7d\n"
      "  perdure runs --workspace . --since 2026-11-20 --limit 5\n"
      "  perdure runs --json --limit 1 | jq -r '.[0].run'\n"
      "\n"
      "States: done, failed, paused, stuck, interrupted, endpoint_temporary,\n"
      "endpoint_permanent, running, died. Times are UTC: 2026-11-20, 2026-11-20T14:30,\n"
      "or so long ago: 90m, 12h, 7d.");
}

void declare_testify(CLI::App& app, Arguments& arguments) {
  add_run(app, arguments);
  add_text(app, "--out", arguments.file, "DIR", "Folder for the test (default: test-RUN)");
  add_state(app, arguments);
  app.footer(
      "Examples:\n"
      "  perdure testify last\n"
      "  perdure testify 261120-143015 --out tests/checkout && sh tests/checkout/run.sh\n"
      "\n"
      "The test needs no key and no tool of the run: a script plays the model, and what\n"
      "tools printed is in files. Keys, and what looks like one, are taken out.");
}

void declare_gc(CLI::App& app, Arguments& arguments) {
  RunsArguments& runs = arguments.runs;
  app.add_option("RUN", runs.run_ids, "These runs, whatever the options say")->type_name("");
  add_read(
      app, "--older-than", "TIME", "a time like 12h or 30d",
      [&runs](const std::string& text) {
        runs.older_than_ms = parse_duration_ms(text).value_or(0);
        return runs.older_than_ms > 0;
      },
      "Runs that nobody wrote to for so long");
  add_read(
      app, "--keep", "N", "a whole number",
      [&runs](const std::string& text) {
        runs.keep = parse_number<std::int64_t>(text);
        return runs.keep && *runs.keep >= 0;
      },
      "All but the newest N");
  add_outcomes(app, runs);
  app.add_flag("--dry-run", runs.dry_run, "Only say what would be removed");
  app.add_flag("--json", arguments.json, "As JSON");
  add_state(app, arguments);
  app.footer(
      "Examples:\n"
      "  perdure gc --older-than 30d --dry-run\n"
      "  perdure gc --older-than 30d --keep 100\n"
      "  perdure gc --older-than 90d --outcome paused --outcome interrupted\n"
      "  perdure gc 261120-143015\n"
      "\n"
      "Without --outcome only runs that are over go: done, failed, stuck and\n"
      "endpoint_permanent. A run that is being written never does. Outputs that no run\n"
      "names go each time, once they are an hour old.");
}

void declare_fork(CLI::App& app, Arguments& arguments) {
  add_run(app, arguments);
  add_words(app, "MESSAGE", arguments.run.message,
            "What to say next, - for standard input; with --at 0 it is the task instead");
  add_read(
      app, "--at", "STEP", "the number of a step, or 0",
      [&arguments](const std::string& text) {
        arguments.fork.step = parse_number<std::int64_t>(text);
        return arguments.fork.step && *arguments.fork.step >= 0;
      },
      "The last step that is shared; 0: nothing but the task");
  app.get_option("--at")->required();
  app.add_option("--result", arguments.fork.results,
                 "What the model is told instead of the result of a call of that step, the first "
                 "one being 0; CALL=@FILE reads a file; repeatable")
      ->allow_extra_args(false)
      ->type_name("CALL=TEXT");
  app.add_option("--instructions", arguments.fork.instructions,
                 "A file with other instructions (the system prompt)")
      ->type_name("FILE");
  app.add_flag("--no-run", arguments.fork.no_run, "Store the new run and say its id, no more");
  add_endpoint(app, arguments.run);
  add_budget(app, arguments.run);
  add_run_output(app, arguments.run);
  add_state(app, arguments);
  app.footer(
      "Examples:\n"
      "  perdure fork last --at 12 --model kimi-k3\n"
      "  perdure fork last --at 7 --result 0=\"no such file\" --no-run\n"
      "  perdure fork last --at 0 --instructions terse.md \"The task in other words\"\n"
      "\n"
      "The new run has the history of the old one to the end of that step, to the byte,\n"
      "and a budget of its own. Files stay as they are now: a fork changes none.");
}

void declare_replay(CLI::App& app, Arguments& arguments) {
  add_run(app, arguments);
  app.add_flag("--json", arguments.json, "As JSON");
  add_state(app, arguments);
  app.footer(
      "Examples:\n"
      "  perdure replay last\n"
      "  perdure replay last --json | jq .difference\n"
      "\n"
      "Needs no key and asks nobody: replies and results are those that are stored.\n"
      "Exit status 0 when every request is the same to the byte, 1 when one differs;\n"
      "the first member that does is named.");
}

}  // namespace perdure::cli
