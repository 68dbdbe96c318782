#include <fmt/format.h>

#include "cli/arguments.h"

namespace perdure::cli {
namespace {

std::string bash_script(const std::vector<CommandWords>& commands) {
  std::string names;
  std::string cases;
  for (const CommandWords& command : commands) {
    names += command.name + " ";
    std::string options;
    for (const auto& [option, help] : command.options) options += option + " ";
    cases += fmt::format("    {}) words=\"{}\" ;;\n", command.name, options);
  }
  return fmt::format(
      "# bash completion for perdure: source it, or put it into "
      "~/.local/share/bash-completion/completions/perdure\n"
      "_perdure() {{\n"
      "  local words=\"{}--help --version\" current=\"${{COMP_WORDS[COMP_CWORD]}}\"\n"
      "  [ \"$COMP_CWORD\" -gt 1 ] && case \"${{COMP_WORDS[1]}}\" in\n{}  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "  case \"$current\" in -*) ;; *) [ \"$COMP_CWORD\" -gt 1 ] && COMPREPLY+=($(compgen -f -- "
      "\"$current\")) ;; esac\n"
      "}}\n"
      "complete -F _perdure perdure\n",
      names, cases);
}

std::string zsh_script(const std::vector<CommandWords>& commands) {
  std::string names;
  std::string cases;
  const auto plain = [](std::string text) {
    for (char& c : text) {
      if (c == '\'' || c == ':' || c == '[' || c == ']') c = ' ';
    }
    return text;
  };
  for (const CommandWords& command : commands) {
    names += fmt::format("    '{}:{}'\n", command.name, plain(command.help));
    cases += fmt::format("    {}) _arguments '*:file:_files'", command.name);
    for (const auto& [option, help] : command.options)
      cases += fmt::format(" '{}[{}]'", option, plain(help));
    cases += " ;;\n";
  }
  return fmt::format(
      "#compdef perdure\n_perdure() {{\n  local -a commands\n  commands=(\n{}  )\n"
      "  if (( CURRENT == 2 )); then _describe command commands; return; fi\n"
      "  case $words[2] in\n{}  esac\n}}\n_perdure \"$@\"\n",
      names, cases);
}

std::string fish_script(const std::vector<CommandWords>& commands) {
  const auto quoted = [](std::string text) {
    std::string out;
    for (const char c : text) out += c == '\'' ? std::string("\\'") : std::string(1, c);
    return out;
  };
  std::string script;
  for (const CommandWords& command : commands) {
    script += fmt::format("complete -c perdure -n __fish_use_subcommand -f -a {} -d '{}'\n",
                          command.name, quoted(command.help));
    for (const auto& [option, help] : command.options) {
      script +=
          fmt::format("complete -c perdure -n '__fish_seen_subcommand_from {}' -l {} -d '{}'\n",
                      command.name, option.substr(2), quoted(help));
    }
  }
  return script;
}

}  // namespace

std::string completion_script(const std::string& shell) {
  const std::vector<CommandWords> commands = command_words();
  if (shell == "bash") return bash_script(commands);
  if (shell == "zsh") return zsh_script(commands);
  return shell == "fish" ? fish_script(commands) : "";
}

}  // namespace perdure::cli
