// The program: reads the command line and runs one command.
#include <array>
#include <csignal>
#include <string_view>
#include <utility>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "os/descriptor.h"
#include "os/environment.h"

namespace {

using Command = int (*)(const perdure::cli::Arguments&);

constexpr std::array<std::pair<std::string_view, Command>, 19> kCommands = {{
    {"run", perdure::cli::run_command},
    {"resume", perdure::cli::resume_command},
    {"chat", perdure::cli::chat_command},
    {"runs", perdure::cli::runs_command},
    {"show", perdure::cli::show_command},
    {"export", perdure::cli::export_command},
    {"import", perdure::cli::import_command},
    {"verify-log", perdure::cli::verify_log_command},
    {"fork", perdure::cli::fork_command},
    {"replay", perdure::cli::replay_command},
    {"testify", perdure::cli::testify_command},
    {"gc", perdure::cli::gc_command},
    {"models", perdure::cli::models_command},
    {"doctor", perdure::cli::doctor_command},
    {"mock", perdure::cli::mock_command},
    {"probe", perdure::cli::probe_command},
    {"verify", perdure::cli::verify_command},
    {"trust", perdure::cli::trust_command},
    {"completions", perdure::cli::completions_command},
}};

}  // namespace

int main(int argc, char** argv) {
  perdure::hide_environment();
  perdure::open_standard_descriptors();
  // A reader that went away shows as a failed write, not as a death in the middle of a step.
  std::signal(SIGPIPE, SIG_IGN);
  const perdure::cli::ParseResult parsed = perdure::cli::parse_arguments(argc, argv);
  if (!parsed.arguments) return parsed.exit_status;
  for (const auto& [name, command] : kCommands) {
    if (name == parsed.arguments->command) return command(*parsed.arguments);
  }
  return 2;
}
