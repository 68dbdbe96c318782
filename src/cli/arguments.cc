#include "cli/arguments.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <memory>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include <perdure/result.h>

#include "base/text.h"
#include "base/utf8.h"
#include "cli/option_readers.h"
#include "cli/report.h"
#include "tui/terminal.h"

namespace perdure::cli {

namespace {

constexpr const char* kDescription =
    "perdure runs a tool-calling agent for hours without losing its place, its\n"
    "reasoning, its budget or your data. Every run is durable: whatever stops it,\n"
    "`perdure resume` goes on.\n";

constexpr const char* kFooter =
    "Examples:\n"
    "  perdure run \"Why does the build fail? Fix it.\"\n"
    "      in this folder, asking before it changes files\n"
    "  perdure run --yes --max-cost 2 --task-file task.md\n"
    "      headless, with a cap on money\n"
    "  perdure run --agent oncall.toml \"Checkout is failing\"\n"
    "      an agent of your own\n"
    "  perdure run --host llama-cpp --model kimi-k2.6 \"...\"\n"
    "      a model on this machine\n"
    "  perdure resume last \"Now add a test\"\n"
    "      a next turn; without the message, the interrupted step\n"
    "\n"
    "Exit status: 0 done, 1 task failed, 2 usage, 3 paused, 4 endpoint refuses for\n"
    "good, 5 stuck, 74 journal cannot be used, 75 endpoint fails for now,\n"
    "130 interrupted.\n"
    "`perdure COMMAND --help` tells more; `man perdure` tells all.";

constexpr std::size_t kDurationBytesMax = 64;

// The help is laid out for this window: descriptions begin in one column and are broken at spaces.
constexpr std::size_t kHelpColumns = 80;
constexpr std::size_t kHelpIndent = 28;

}  // namespace

CLI::Option* single(CLI::Option* option) {
  return option->take_last();
}

void add_read(CLI::App& app, const char* name, const char* type, const char* what, Read read,
              const char* help) {
  single(app.add_option_function<std::string>(
             name,
             [name, what, read = std::move(read)](const std::string& text) {
               if (read(text)) return;
               throw CLI::ValidationError(name, fmt::format("takes {}, not '{}'", what, text));
             },
             help))
      ->type_name(type);
}

void add_count(CLI::App& app, const char* name, std::optional<std::int64_t>& target,
               const char* help) {
  add_read(
      app, name, "N", "a whole number above 0",
      [&target](const std::string& text) {
        target = parse_number<std::int64_t>(text);
        return target && *target > 0;
      },
      help);
}

CLI::Option* add_words(CLI::App& app, const char* name, std::string& target, const char* help) {
  return app.add_option(name, target, help)->type_name("");
}

void add_output(CLI::App& app, RunArguments& run, const char* help) {
  add_read(
      app, "--output", "FORMAT", "text or json",
      [&run](const std::string& text) {
        run.output = text == "json" ? Output::kJson : Output::kText;
        return text == "text" || text == "json";
      },
      help);
}

void add_place(CLI::App& app, RunArguments& run) {
  single(app.add_option("--model", run.model, "Model, as `perdure models` lists them"))
      ->type_name("NAME");
  single(app.add_option("--host", run.host,
                        "Host profile: moonshot, openrouter, vllm, llama-cpp, ..."))
      ->type_name("NAME");
  single(app.add_option("--base-url", run.base_url,
                        "Address of the endpoint, like http://localhost:8080/v1"))
      ->type_name("URL");
}

void add_state(CLI::App& app, Arguments& arguments) {
  single(app.add_option("--state", arguments.state_directory,
                        "Folder of the journal (default: $XDG_STATE_HOME/perdure)"))
      ->type_name("DIR");
}

namespace {

void add_yes(CLI::App& app, RunArguments& run) {
  app.add_flag("--yes,-y", run.yes,
               "Allow destructive calls without asking (deny rules still hold)");
}

}  // namespace

void add_budget(CLI::App& app, RunArguments& run) {
  add_count(app, "--max-steps", run.budget.steps,
            "Pause after N model replies (default agent: 500)");
  add_read(
      app, "--max-cost", "USD", "an amount above 0, like 2.50",
      [&run](const std::string& text) {
        run.budget.usd = parse_number<double>(text);
        return run.budget.usd && *run.budget.usd > 0 && std::isfinite(*run.budget.usd);
      },
      "Pause before the run can cost more than USD");
  add_count(app, "--max-tokens", run.budget.output_tokens,
            "Pause before the run can produce more than N tokens, reasoning included");
  add_count(app, "--max-reasoning-tokens", run.budget.reasoning_tokens,
            "Pause before the run can produce more than N tokens of reasoning");
  add_count(app, "--max-input-tokens", run.budget.input_tokens,
            "Pause before the run can send more than N tokens, the history each time");
  add_read(
      app, "--timeout", "TIME", "a time like 90s, 15m or 2h",
      [&run](const std::string& text) {
        run.budget.wall_ms = parse_duration_ms(text);
        return run.budget.wall_ms.has_value();
      },
      "Pause after this working time: 90s, 15m, 2h");
}

void add_endpoint(CLI::App& app, RunArguments& run) {
  add_place(app, run);
  add_read(
      app, "--thinking", "MODE", "off, on, keep or default",
      [&run](const std::string& text) {
        run.thinking = text;
        return text == "off" || text == "on" || text == "keep" || text == "default";
      },
      "off, on, keep (earlier reasoning stays in the prompt), or default (the model's)");
  single(app.add_option("--tool-choice", run.tool_choice,
                        "auto, none, required, or a tool's name; forced for the first request of "
                        "a turn"))
      ->type_name("CHOICE");
  // Not the optional itself: CLI11 gives it a value without the flag, too.
  app.add_flag_function(
      "--strict-prefix", [&run](std::int64_t count) { run.strict_prefix = count > 0; },
      "Refuse to go on when the host's prompt cache would be lost to a change");
}

void add_run_output(CLI::App& app, RunArguments& run) {
  add_read(
      app, "--output", "FORMAT", "text, json or stream-json",
      [&run](const std::string& text) {
        if (text == "text") run.output = Output::kText;
        if (text == "json") run.output = Output::kJson;
        if (text == "stream-json") run.output = Output::kStreamJson;
        return text == "text" || text == "json" || text == "stream-json";
      },
      "text, json (one result record) or stream-json (every event)");
  add_yes(app, run);
}

namespace {

void add_agent(CLI::App& app, RunArguments& run) {
  single(app.add_option("--agent", run.agent_file,
                        "Agent file (docs/agent.md); default: a software engineer"))
      ->type_name("FILE");
  single(app.add_option("--workspace", run.workspace,
                        "Folder that the agent works in (default: this one)"))
      ->type_name("DIR");
}

void add_run_id(CLI::App& app, RunArguments& run) {
  add_words(app, "RUN", run.run_id, "Id of the run, its beginning, or 'last'")->required();
}

// One file for each flag: a task may follow.
void add_media(CLI::App& app, RunArguments& run) {
  app.add_option("--image", run.images,
                 "An image that goes with the task or message: a file or an address; repeatable")
      ->allow_extra_args(false)
      ->type_name("FILE");
  app.add_option("--video", run.videos, "The same for a video")
      ->allow_extra_args(false)
      ->type_name("FILE");
}

void declare_run(CLI::App& app, Arguments& arguments) {
  add_words(app, "TASK", arguments.run.task, "What is to be done; - reads it from standard input");
  single(app.add_option("--task-file", arguments.run.task_file, "Read the task from a file"))
      ->type_name("FILE");
  add_media(app, arguments.run);
  add_agent(app, arguments.run);
  add_endpoint(app, arguments.run);
  add_budget(app, arguments.run);
  add_run_output(app, arguments.run);
  add_state(app, arguments);
  app.footer(
      "Examples:\n"
      "  perdure run \"Why does the build fail? Fix it.\"\n"
      "  perdure run --yes --max-cost 2 --task-file task.md\n"
      "  perdure run --tool-choice none --thinking off - < question.txt\n"
      "  perdure run --image before.png --image after.png \"What differs?\"\n"
      "  perdure run --output json \"Count the TODOs\" | jq -r .text\n"
      "\n"
      "The answer goes to standard output, everything else to standard error. In a\n"
      "terminal, destructive calls are asked about; elsewhere they are denied, unless\n"
      "--yes or a policy rule allows them. Ctrl-C stops cleanly and says how to resume;\n"
      "a second one ends at once. PERDURE_MODEL, PERDURE_HOST and PERDURE_BASE_URL\n"
      "stand for the options of these names.");
}

void declare_resume(CLI::App& app, Arguments& arguments) {
  add_run_id(app, arguments.run);
  add_words(app, "MESSAGE", arguments.run.message,
            "What to say next, - for standard input; needed when the run is done");
  add_media(app, arguments.run);
  add_endpoint(app, arguments.run);
  add_budget(app, arguments.run);
  add_run_output(app, arguments.run);
  add_state(app, arguments);
  app.footer(
      "Examples:\n"
      "  perdure resume last\n"
      "  perdure resume last --max-steps 60\n"
      "  perdure resume 261120-143015 \"Now add a test\"\n"
      "\n"
      "Caps count over the whole run: `--max-steps 60` allows 60 steps in all.");
}

void declare_chat(CLI::App& app, Arguments& arguments) {
  add_words(app, "RUN", arguments.run.run_id, "Go on with this run");
  add_media(app, arguments.run);
  add_agent(app, arguments.run);
  add_endpoint(app, arguments.run);
  add_budget(app, arguments.run);
  add_yes(app, arguments.run);
  add_state(app, arguments);
  app.footer(
      "Examples:\n"
      "  perdure chat\n"
      "  perdure chat --agent oncall.toml\n"
      "  perdure chat last\n"
      "\n"
      "Ctrl-C stops the turn under way, Ctrl-D or /quit ends the chat. Lines are edited\n"
      "as in a shell, and their history is kept.");
}

void add_json(CLI::App& app, Arguments& arguments) {
  app.add_flag("--json", arguments.json, "As JSON");
  add_state(app, arguments);
}

void declare_show(CLI::App& app, Arguments& arguments) {
  add_run_id(app, arguments.run);
  add_json(app, arguments);
  app.footer(
      "Examples:\n"
      "  perdure show last\n"
      "  perdure show last --json | jq -c 'select(.type == \"call_finished\").data'");
}

void declare_models(CLI::App& app, Arguments& arguments) {
  add_json(app, arguments);
  app.footer(
      "Example:\n"
      "  perdure models\n"
      "\n"
      "Profiles of your own go into CONFIG/models and CONFIG/hosts (docs/profiles.md).");
}

void declare_doctor(CLI::App& app, Arguments& arguments) {
  app.add_flag("--offline", arguments.offline, "Ask no host");
  add_json(app, arguments);
  app.footer(
      "Examples:\n"
      "  perdure doctor\n"
      "  perdure doctor --offline --json\n"
      "\n"
      "Exit status 1 when something must be put right before a run can work.");
}

void declare_mock(CLI::App& app, Arguments& arguments) {
  add_words(app, "SCRIPT", arguments.script, "The script (docs/mock.md)")->required();
  add_read(
      app, "--port", "N", "a port from 0 to 65535",
      [&arguments](const std::string& text) {
        const std::optional<std::int64_t> port = parse_number<std::int64_t>(text);
        arguments.port = port.value_or(-1);
        return arguments.port >= 0 && arguments.port <= 65'535;
      },
      "Port on 127.0.0.1; 0 takes a free one (default: 8484)");
  single(app.add_option("--record", arguments.record, "Write each request body into this folder"))
      ->type_name("DIR");
  app.footer(
      "Examples:\n"
      "  perdure mock script.toml\n"
      "  perdure mock script.toml --port 0 --record requests\n"
      "\n"
      "Then, in another terminal: perdure run --host mock --model kimi-k2.6 \"...\"");
}

void declare_trust(CLI::App& app, Arguments& arguments) {
  add_words(app, "FOLDER", arguments.folder, "The folder; none lists those that are trusted");
  app.add_flag("--remove", arguments.remove, "Trust it no longer");
  add_state(app, arguments);
  app.footer(
      "Examples:\n"
      "  perdure trust .\n"
      "  perdure trust --remove ~/src/project\n"
      "\n"
      "Files of a trusted folder, and of those below it, may choose model, host and\n"
      "keys, run commands and allow calls. Look at them first.");
}

void declare_completions(CLI::App& app, Arguments& arguments) {
  add_read(
      app, "SHELL", "", "bash, zsh or fish",
      [&arguments](const std::string& text) {
        arguments.shell = text;
        return text == "bash" || text == "zsh" || text == "fish";
      },
      "bash, zsh or fish");
  app.get_option("SHELL")->required();
  app.footer(
      "Examples:\n"
      "  source <(perdure completions bash)\n"
      "  perdure completions zsh > ~/.zfunc/_perdure\n"
      "  perdure completions fish > ~/.config/fish/completions/perdure.fish");
}

struct CommandRow {
  const char* name;
  const char* help;
  void (*declare)(CLI::App& app, Arguments& arguments);
};

constexpr std::array kCommands = {
    CommandRow{"run", "Run a task to its end", declare_run},
    CommandRow{"resume", "Go on with a run: its interrupted step, or a next turn", declare_resume},
    CommandRow{"chat", "Talk with an agent, turn after turn", declare_chat},
    CommandRow{"runs", "List the stored runs, the newest first", declare_runs},
    CommandRow{"show", "Show a stored run from its journal", declare_show},
    CommandRow{"export", "Write a stored run as one file", declare_export},
    CommandRow{"import", "Store a run that `export` wrote", declare_import},
    CommandRow{"verify-log", "Verify that stored runs are whole", declare_verify_log},
    CommandRow{"fork", "Go on from a step of a stored run in another way", declare_fork},
    CommandRow{"replay", "Make the requests of a stored run once more, and compare",
               declare_replay},
    CommandRow{"testify", "Make a regression test of a stored run", declare_testify},
    CommandRow{"gc", "Take away stored runs that nobody needs any more", declare_gc},
    CommandRow{"models", "List models with windows, prices and hosts", declare_models},
    CommandRow{"doctor", "Check keys, hosts, the journal and what the kernel offers",
               declare_doctor},
    CommandRow{"probe", "Find out how a host speaks, and write its profile", declare_probe},
    CommandRow{"mock", "Serve a scripted model for tests, without a key", declare_mock},
    CommandRow{"verify", "Measure how well an endpoint calls tools", declare_verify},
    CommandRow{"trust", "Trust a folder's perdure.toml and agent files", declare_trust},
    CommandRow{"completions", "Print a completion script", declare_completions},
};

// With the options of `command`, or of all when it is empty: making all of them takes longer than
// everything else between the start and the first request that is ours.
std::unique_ptr<CLI::App> make_app(Arguments& arguments, std::string_view command) {
  auto app = std::make_unique<CLI::App>(kDescription, "perdure");
  app->footer(kFooter);
  app->set_version_flag("--version", "perdure " PERDURE_VERSION, "Show the version");
  app->set_help_flag("-h,--help", "Show this help");
  app->require_subcommand(1);
  app->get_formatter()->column_width(kHelpIndent);
  app->get_formatter()->label("REQUIRED", "");
  app->get_formatter()->label("SUBCOMMAND", "COMMAND");
  app->get_formatter()->label("Positionals", "Arguments");
  for (const CommandRow& row : kCommands) {
    CLI::App* subcommand = app->add_subcommand(row.name, row.help)->group("Commands");
    if (command.empty() || command == row.name) row.declare(*subcommand, arguments);
  }
  return app;
}

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const CommandRow& row : kCommands) names.emplace_back(row.name);
  return names;
}

Error usage_error(std::string message, std::string advice) {
  return {.code = ErrorCode::kInvalidArgument,
          .message = std::move(message),
          .advice = std::move(advice)};
}

// What is wrong with the first word, if anything is: CLI11 would speak of the words behind it.
std::optional<Error> check_command(std::string_view word) {
  const std::vector<std::string> names = command_names();
  const std::string known = "commands: " + join(names, ", ");
  if (word.empty()) {
    return usage_error("no command was given",
                       "perdure run \"TASK\" starts a run; perdure --help shows everything");
  }
  if (word == "-h" || word == "--help" || word == "--version") return std::nullopt;
  if (word[0] == '-') {
    return usage_error(fmt::format("'{}' comes before the command", printable(word)),
                       "options stand behind the command: perdure run --yes \"TASK\"");
  }
  if (std::find(names.begin(), names.end(), word) != names.end()) return std::nullopt;
  const std::optional<std::string> meant = nearest(word, names);
  if (!meant && word.find(' ') != std::string_view::npos) {
    return usage_error("no command was given", "to start a run: perdure run \"TASK\"");
  }
  return usage_error(fmt::format("no command is named '{}'", printable(word)),
                     (meant ? fmt::format("did you mean '{}'? ", *meant) : "") + known);
}

// As CLI11 makes it, but for descriptions that do not fit into one row.
std::string help_text(const CLI::App& app) {
  const std::string help = app.help();
  std::string text;
  for (const std::string_view line : split_lines(help)) {
    const bool is_long = line.size() > kHelpColumns && line[kHelpIndent - 1] == ' ';
    const std::size_t head = is_long ? kHelpIndent : 0;
    text += line.substr(0, head);
    text += is_long ? wrapped(line.substr(head), head, kHelpColumns) : std::string(line);
    text += '\n';
  }
  return text;
}

// Words that no option or argument of the command takes.
Error extras_error(const CLI::App& command, const std::string& name) {
  const std::string help = name + " --help shows what it takes";
  std::vector<std::string> options;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& known : option->get_lnames()) options.push_back("--" + known);
  }
  const std::vector<std::string> extras = command.remaining();
  for (const std::string& extra : extras) {
    if (extra.empty() || extra[0] != '-') continue;
    const std::string word = extra.substr(0, extra.find('='));
    const std::optional<std::string> meant = nearest(word, options);
    return usage_error(fmt::format("{} has no option '{}'", name, printable(word)),
                       meant ? fmt::format("did you mean {}? {}", *meant, help) : help);
  }
  const bool takes_text = command.get_name() == "run" || command.get_name() == "resume";
  return usage_error(
      fmt::format("'{}' is one word too many", extras.empty() ? "" : printable(extras.front())),
      takes_text ? fmt::format("put the text into quotes: {} \"...\"", name) : help);
}

// What a command line asked for is known before it can be read: a program that reads records gets
// one for this end too.
bool wants_record(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool apart = words[i] == "--output" && i + 1 < words.size();
    const std::string_view format = apart ? std::string_view(words[i + 1]) : words[i];
    const std::string_view prefix = apart ? "" : "--output=";
    if (format.substr(0, prefix.size()) != prefix) continue;
    const std::string_view name = format.substr(prefix.size());
    if (name == "json" || name == "stream-json") return true;
  }
  return false;
}

Error parse_error(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* command = &app;
  for (const CLI::App* chosen : app.get_subcommands()) command = chosen;
  const std::string name = command == &app ? "perdure" : "perdure " + command->get_name();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) return extras_error(*command, name);
  const std::string help = name + " --help shows what it takes";
  // "--max-steps: 1 required N missing"
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    const std::string what = error.what();
    return usage_error(printable(what.substr(0, what.find(':'))) + " needs a value", help);
  }
  return usage_error(printable(error.what()), help);
}

// What CLI11 does not look at; nothing when all is well.
std::optional<Error> check_together(const Arguments& arguments) {
  if (!arguments.run.task.empty() && !arguments.run.task_file.empty()) {
    return usage_error("there are two tasks: one in the command line, one in --task-file",
                       "give one of them");
  }
  if (arguments.remove && arguments.folder.empty())
    return usage_error("--remove needs a folder", "'perdure trust' lists those that are trusted");
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> parse_duration_ms(const std::string& text) {
  std::int64_t total = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = at;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    if (end == at || end - at > 9 || text.size() > kDurationBytesMax) return std::nullopt;
    const std::int64_t number = std::stoll(text.substr(at, end - at));
    const char unit = end < text.size() ? text[end] : 's';
    const std::int64_t seconds = unit == 's'   ? 1
                                 : unit == 'm' ? 60
                                 : unit == 'h' ? 3600
                                 : unit == 'd' ? 86'400
                                               : 0;
    if (seconds == 0) return std::nullopt;
    total += number * seconds * 1000;
    at = end + 1;
  }
  constexpr std::int64_t kLongest_ms = 366LL * 86'400 * 1000;
  if (total == 0 || total > kLongest_ms) return std::nullopt;
  return total;
}

ParseResult parse_arguments(int argc, char** argv) {
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  // "perdure help run" is "perdure run --help".
  if (!words.empty() && words[0] == "help") {
    words.erase(words.begin());
    words.resize(std::min<std::size_t>(words.size(), 1));
    words.emplace_back("--help");
  }
  // People type these too.
  if (!words.empty() && (words[0] == "version" || words[0] == "-V")) words[0] = "--version";
  const std::string command = words.empty() ? "" : words[0];
  if (const std::optional<Error> wrong = check_command(command))
    return {.exit_status = refuse(*wrong, wants_record(words))};
  const bool record = wants_record(words);
  Arguments arguments;
  const std::unique_ptr<CLI::App> app = make_app(arguments, command[0] == '-' ? "" : command);
  std::vector<std::string> given = words;
  try {
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    app->parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    // Help and version go to standard output.
    if (dynamic_cast<const CLI::CallForHelp*>(&error) != nullptr)
      return {.exit_status = print(help_text(*app)) ? 0 : kUnwritten};
    if (error.get_exit_code() == 0)
      return {.exit_status = print_line(error.what()) ? 0 : kUnwritten};
    return {.exit_status = refuse(parse_error(*app, error), record)};
  }
  arguments.command = command;
  arguments.words = std::move(given);
  if (const std::optional<Error> wrong = check_together(arguments))
    return {.exit_status = refuse(*wrong, record)};
  return {.arguments = std::move(arguments)};
}

std::vector<CommandWords> command_words() {
  const std::pair<std::string_view, std::vector<std::string>> kChoices[] = {
      {"--output", {"text", "json", "stream-json"}},
      {"--thinking", {"off", "on", "keep", "default"}},
      {"--tool-choice", {"auto", "none", "required"}},
      {"--stream", {"on", "off"}},
      {"--format", {"archive", "atif", "mini-swe"}},
      {"SHELL", {"bash", "zsh", "fish"}}};
  Arguments arguments;
  const std::unique_ptr<CLI::App> app = make_app(arguments, "");
  std::vector<CommandWords> commands;
  for (const CLI::App* command : app->get_subcommands({})) {
    CommandWords words{.name = command->get_name(), .help = command->get_description()};
    for (const CLI::Option* option : command->get_options()) {
      const bool positional = option->get_lnames().empty();
      OptionWords option_words{
          .name = positional ? option->get_name(true) : "--" + option->get_lnames().front(),
          .value = option->get_items_expected_max() == 0 ? "" : option->get_type_name(),
          .help = option->get_description()};
      for (const auto& [name, choices] : kChoices) {
        if (name == option_words.name) option_words.choices = choices;
      }
      if (words.name == "verify" || words.name == "probe")
        std::erase(option_words.choices, "stream-json");
      (positional ? words.positionals : words.options).push_back(std::move(option_words));
    }
    commands.push_back(std::move(words));
  }
  return commands;
}

}  // namespace perdure::cli
