// The command line, read. One struct for all commands: each uses what it declares.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <perdure/budget.h>

namespace perdure::cli {

enum class Output : std::uint8_t { kText, kJson, kStreamJson };

/// What `run`, `resume` and `chat` share.
struct RunArguments {
  std::string task;  ///< Or "-" for standard input.
  std::string task_file;
  std::string run_id;   ///< resume, chat
  std::string message;  ///< resume
  std::vector<std::string> images, videos;
  std::string agent_file;
  std::optional<std::string> model, host, base_url, tool_choice, thinking;
  std::string workspace = ".";
  Budget budget;
  bool yes = false;
  std::optional<bool> strict_prefix;
  Output output = Output::kText;
};

/// What `verify` takes beside the endpoint.
struct VerifyArguments {
  std::string requests;
  std::string out = "results.jsonl";
  std::string summary = "summary.json";
  std::string reference;
  std::optional<std::int64_t> concurrency, retries, timeout_ms, limit, max_tokens;
  std::optional<double> temperature;
  std::optional<bool> stream;
  std::string extra_body;
  bool retry_failed = false;
};

/// What `probe` takes beside model, host, budget and output.
struct ProbeArguments {
  std::string endpoint;
  std::string key_variable;
  std::string out;
};

/// What `fork` takes beside RunArguments.
struct ForkArguments {
  std::optional<std::int64_t> step;
  std::string instructions;
  std::vector<std::string> results;
  bool no_run = false;
};

/// Which runs `runs` lists and `gc` takes away.
struct RunsArguments {
  std::string text, model, workspace, before;
  std::int64_t since_ms = 0, until_ms = 0;
  std::vector<std::string> states;
  std::int64_t older_than_ms = 0;
  std::optional<std::int64_t> keep;
  std::vector<std::string> run_ids;
  bool dry_run = false;
};

struct Arguments {
  std::string command;             ///< "run", "resume", ...
  std::vector<std::string> words;  ///< All of them, as they were given.
  std::string state_directory;     ///< --state
  RunArguments run;
  VerifyArguments verify;
  ProbeArguments probe;
  ForkArguments fork;
  RunsArguments runs;
  std::string folder;                ///< trust
  bool remove = false;               ///< trust --remove
  bool json = false;                 ///< runs, show, models, doctor
  bool offline = false;              ///< doctor
  std::optional<std::int64_t> rows;  ///< runs
  std::string format = "archive";    ///< export
  std::string file;                  ///< import; testify --out
  std::string script;                ///< mock
  std::int64_t port = 8484;          ///< mock
  std::string record;                ///< mock
  std::string shell;                 ///< completions
};

/// Reads the command line; or prints help, the version or what is wrong with it, and gives the exit
/// status.
struct ParseResult {
  std::optional<Arguments> arguments;
  int exit_status = 0;
};
ParseResult parse_arguments(int argc, char** argv);

/// An option or a positional argument as completions and the manual know it.
struct OptionWords {
  std::string name;   ///< "--max-steps", or "RUN".
  std::string value;  ///< "N", "FILE"; empty for a flag and for arguments.
  std::string help;
  std::vector<std::string> choices = {};  ///< The values that there are, where they are few.
};

struct CommandWords {
  std::string name;
  std::string help;
  std::vector<OptionWords> options = {};
  std::vector<OptionWords> positionals = {};
};
std::vector<CommandWords> command_words();

/// Names that a completion script offers and that no option knows.
struct CompletionNames {
  std::vector<std::string> models = {};
  std::vector<std::string> hosts = {};
};

/// A completion script for "bash", "zsh" or "fish", made from the options themselves; empty for
/// another shell.
std::string completion_script(const std::string& shell, const CompletionNames& names);

/// "90", "90s", "15m", "2h", "1h30m" as milliseconds; nothing for anything else or for zero.
std::optional<std::int64_t> parse_duration_ms(const std::string& text);

}  // namespace perdure::cli
