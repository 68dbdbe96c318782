// Completion scripts, generated from the options: what an option takes decides what is offered
// behind it.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/arguments.h"

namespace perdure::cli {
namespace {

// Prints the ids of the newest runs; the same line in every shell.
constexpr std::string_view kRunIds =
    "perdure runs --limit 50 2>/dev/null | awk 'NR > 1 { print $1 }'";

enum class Kind : std::uint8_t { kFlag, kWords, kRun, kFile, kFolder, kFree };

Kind kind_of(const OptionWords& option, const std::vector<std::string>& words) {
  if (!words.empty()) return Kind::kWords;
  if (option.name == "RUN") return Kind::kRun;
  if (option.value == "FILE" || option.name == "SCRIPT" || option.name == "REQUESTS")
    return Kind::kFile;
  if (option.value == "DIR" || option.name == "FOLDER") return Kind::kFolder;
  const bool is_option = option.name.rfind("--", 0) == 0;
  return is_option && option.value.empty() ? Kind::kFlag : Kind::kFree;
}

std::vector<std::string> words_of(const OptionWords& option, const CompletionNames& names) {
  if (option.name == "--model") return names.models;
  if (option.name == "--host") return names.hosts;
  return option.choices;
}

// --- bash ---

std::string bash_offer(const OptionWords& option, const CompletionNames& names) {
  const std::vector<std::string> words = words_of(option, names);
  switch (kind_of(option, words)) {
    case Kind::kWords:
      return fmt::format("words=\"{}\"", join(words, " "));
    case Kind::kRun:
      return fmt::format("words=\"last $({})\"", kRunIds);
    case Kind::kFile:
      return "kind=file";
    case Kind::kFolder:
      return "kind=directory";
    case Kind::kFlag:
    case Kind::kFree:
      break;
  }
  return ":";
}

std::string bash_script(const std::vector<CommandWords>& commands, const CompletionNames& names) {
  std::string command_names;
  std::string options;
  std::string arguments;
  // What an option offers; where it differs from what the same option of an earlier command does,
  // behind the command.
  std::map<std::string, std::string> values_seen;
  std::string special_values;
  std::string values;
  for (const CommandWords& command : commands) {
    command_names += command.name + " ";
    std::string list;
    for (const OptionWords& option : command.options) {
      list += option.name + " ";
      if (option.value.empty()) continue;
      const std::string offer = bash_offer(option, names);
      const auto [seen, is_new] = values_seen.emplace(option.name, offer);
      if (is_new) {
        values += fmt::format("    *:{}) {} ;;\n", option.name, offer);
      } else if (seen->second != offer) {
        special_values += fmt::format("    {}:{}) {} ;;\n", command.name, option.name, offer);
      }
    }
    options += fmt::format("    {}) options=\"{}\" ;;\n", command.name, list);
    if (!command.positionals.empty()) {
      arguments += fmt::format("    {}) {} ;;\n", command.name,
                               bash_offer(command.positionals.front(), names));
    }
  }
  return fmt::format(
      R"(# bash completion for perdure: source it, or put it into
# ~/.local/share/bash-completion/completions/perdure
_perdure() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}"
  local command="${{COMP_WORDS[1]}}" words= options= kind=
  if [ "$current" = "=" ]; then
    current=
  elif [ "$previous" = "=" ]; then
    previous="${{COMP_WORDS[COMP_CWORD-2]}}"
  fi
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "{0}--help --version" -- "$current")
    return
  fi
  case "$command" in
{1}  esac
  case "$command:$previous" in
{2}    *)
      case "$current" in
        -*) words="$options" ;;
        *)
          case "$command" in
{3}          esac ;;
      esac ;;
  esac
  if [ -n "$words" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  elif [ -n "$kind" ]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -A "$kind" -- "$current")
  fi
}}
complete -F _perdure perdure
)",
      command_names, options, special_values + values, arguments);
}

// --- zsh ---

// Help texts go into '...[TEXT]' and 'name:TEXT'.
std::string zsh_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c == ':' ? ',' : c == '[' ? '(' : c == ']' ? ')' : c;
    }
  }
  return out;
}

std::string zsh_action(const OptionWords& option, const CompletionNames& names) {
  const std::vector<std::string> words = words_of(option, names);
  switch (kind_of(option, words)) {
    case Kind::kFlag:
      return "";
    case Kind::kWords:
      return fmt::format(":{}:({})", option.name, join(words, " "));
    case Kind::kRun:
      return ":run:_perdure_runs";
    case Kind::kFile:
      return ":file:_files";
    case Kind::kFolder:
      return ":folder:_files -/";
    case Kind::kFree:
      break;
  }
  return fmt::format(":{}: ", option.value.empty() ? option.name : option.value);
}

std::string zsh_script(const std::vector<CommandWords>& commands, const CompletionNames& names) {
  std::string descriptions;
  std::string cases;
  for (const CommandWords& command : commands) {
    descriptions += fmt::format("    '{}:{}'\n", command.name, zsh_text(command.help));
    cases += fmt::format("    {}) _arguments", command.name);
    for (const OptionWords& option : command.options) {
      cases += fmt::format(" \\\n      '{}[{}]{}'", option.name, zsh_text(option.help),
                           zsh_action(option, names));
    }
    for (std::size_t i = 0; i < command.positionals.size(); ++i) {
      cases += fmt::format(" \\\n      '{}{}'", i + 1, zsh_action(command.positionals[i], names));
    }
    cases += " ;;\n";
  }
  return fmt::format(R"zsh(#compdef perdure
_perdure_runs() {{
  local -a ids
  ids=(last ${{(f)"$({0})"}})
  _describe run ids
}}
_perdure() {{
  local -a commands
  commands=(
{1}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
{2}  esac
}}
if [ "$funcstack[1]" = _perdure ]; then
  _perdure "$@"
else
  compdef _perdure perdure
fi
)zsh",
                     kRunIds, descriptions, cases);
}

// --- fish ---

std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string fish_values(const OptionWords& option, const CompletionNames& names) {
  const std::vector<std::string> words = words_of(option, names);
  switch (kind_of(option, words)) {
    case Kind::kFlag:
      return "";
    case Kind::kWords:
      return " -x -a " + fish_quoted(join(words, " "));
    case Kind::kRun:
      return " -x -a " + fish_quoted(fmt::format("last ({})", kRunIds));
    case Kind::kFile:
      return " -r -F";
    case Kind::kFolder:
      return " -x -a '(__fish_complete_directories)'";
    case Kind::kFree:
      break;
  }
  return " -x";
}

std::string fish_script(const std::vector<CommandWords>& commands, const CompletionNames& names) {
  std::string script = "complete -c perdure -f\n";
  for (const CommandWords& command : commands) {
    script += fmt::format("complete -c perdure -n __fish_use_subcommand -a {} -d {}\n",
                          command.name, fish_quoted(command.help));
    const std::string head =
        fmt::format("complete -c perdure -n '__fish_seen_subcommand_from {}'", command.name);
    for (const OptionWords& option : command.options) {
      script += fmt::format("{} -l {}{} -d {}\n", head, option.name.substr(2),
                            fish_values(option, names), fish_quoted(option.help));
    }
    if (command.positionals.empty()) continue;
    const OptionWords& argument = command.positionals.front();
    if (kind_of(argument, words_of(argument, names)) != Kind::kFree)
      script += head + fish_values(argument, names) + "\n";
  }
  return script;
}

}  // namespace

std::string completion_script(const std::string& shell, const CompletionNames& names) {
  std::vector<CommandWords> commands = command_words();
  CommandWords help{.name = "help", .help = "Show what a command takes", .positionals = {{}}};
  help.positionals[0].name = "COMMAND";
  for (const CommandWords& command : commands) help.positionals[0].choices.push_back(command.name);
  commands.push_back(std::move(help));
  if (shell == "bash") return bash_script(commands, names);
  if (shell == "zsh") return zsh_script(commands, names);
  return shell == "fish" ? fish_script(commands, names) : "";
}

}  // namespace perdure::cli
