// The options of `perdure export`, `import` and `verify-log`.
#include <CLI/App.hpp>

#include "cli/option_readers.h"

namespace perdure::cli {

void declare_export(CLI::App& app, Arguments& arguments) {
  add_words(app, "RUN", arguments.run.run_id, "Id of the run, its beginning, or 'last'")
      ->required();
  add_read(
      app, "--format", "FORMAT", "archive, atif or mini-swe",
      [&arguments](const std::string& text) {
        arguments.format = text;
        return text == "archive" || text == "atif" || text == "mini-swe";
      },
      "archive (all of it, for import), atif or mini-swe (trajectories)");
  add_state(app, arguments);
  app.footer(
      "Examples:\n"
      "  perdure export last > run.jsonl\n"
      "  perdure export --format atif last > trajectory.json\n"
      "\n"
      "The file holds the whole conversation and what tools printed, and no key.\n"
      "docs/export.md describes the formats.");
}

void declare_import(CLI::App& app, Arguments& arguments) {
  add_words(app, "FILE", arguments.file, "What `perdure export` wrote; - reads standard input")
      ->required();
  add_state(app, arguments);
  app.footer(
      "Example:\n"
      "  perdure import run.jsonl\n"
      "\n"
      "The run keeps its id. A file that was changed on its way is refused.");
}

void declare_verify_log(CLI::App& app, Arguments& arguments) {
  add_words(app, "RUN", arguments.run.run_id, "Id of the run, its beginning, or 'last'; none: all");
  add_state(app, arguments);
  app.footer(
      "Examples:\n"
      "  perdure verify-log\n"
      "  perdure verify-log last\n"
      "\n"
      "Exit status 74 when an event or an output was changed, added, moved or lost.");
}

}  // namespace perdure::cli
