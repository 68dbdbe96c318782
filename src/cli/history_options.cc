// The options of `perdure runs` and of the commands that do something with a stored run.
#include <CLI/App.hpp>

#include "cli/option_readers.h"

namespace perdure::cli {
namespace {

void add_run(CLI::App& app, Arguments& arguments) {
  add_words(app, "RUN", arguments.run.run_id, "Id of the run, its beginning, or 'last'")
      ->required();
}

}  // namespace

void declare_runs(CLI::App& app, Arguments& arguments) {
  add_count(app, "--limit", arguments.rows, "How many (default: 20)");
  app.add_flag("--json", arguments.json, "As JSON");
  add_state(app, arguments);
  app.footer(
      "Examples:\n"
      "  perdure runs\n"
      "  perdure runs --json --limit 1 | jq -r '.[0].run'");
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
      "  perdure fork last --at 0 --instructions terse.md \"The same task in other words\"\n"
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
      "Needs no key and asks nobody: replies and results are those that are stored. Exit\n"
      "status 0 when every request is the same to the byte, 1 when one differs; the first\n"
      "member that does is named.");
}

}  // namespace perdure::cli
