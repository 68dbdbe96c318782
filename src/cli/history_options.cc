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
