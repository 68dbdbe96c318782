// perdure fork: a new run that shares the beginning of another one and goes on otherwise.
#include <unistd.h>

#include <fmt/format.h>

#include <perdure/runtime.h>

#include "base/text.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/option_readers.h"
#include "cli/report.h"
#include "cli/session.h"
#include "os/descriptor.h"
#include "os/directories.h"

namespace perdure::cli {
namespace {

constexpr std::size_t kTextBytesMax = 16 << 20;

Result<std::string> file_text(const std::string& path, std::string_view what) {
  Result<std::string> text = read_whole_file(path, kTextBytesMax);
  if (text.ok()) return text;
  Error error = text.error();
  error.code = ErrorCode::kInvalidArgument;
  error.message = fmt::format("the {} cannot be read: {}", what, error.message);
  return error;
}

// "0=TEXT" or "0=@FILE".
Result<ForkResult> result_of(const std::string& given) {
  const std::size_t equals = given.find('=');
  const auto call = parse_number<std::int64_t>(given.substr(0, equals));
  if (equals == std::string::npos || !call || *call < 0) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = fmt::format("--result: takes CALL=TEXT, not '{}'", printable(given)),
                 .advice = "calls are counted from 0 within the step: --result 0=\"12 degrees\""};
  }
  ForkResult result{.call = *call, .text = given.substr(equals + 1)};
  if (!result.text.starts_with('@')) return result;
  Result<std::string> text = file_text(result.text.substr(1), "result");
  if (!text.ok()) return text.error();
  result.text = std::move(*text);
  return result;
}

Result<ForkOptions> fork_options(Runtime& runtime, const std::string& run_id,
                                 const Arguments& arguments) {
  const ForkArguments& fork = arguments.fork;
  Result<AgentOptions> agent = runtime.agent_of(run_id);
  if (!agent.ok()) return agent.error();
  if (Status status = lay_flags(*agent, arguments.run); !status.ok()) return status.error();
  if (!fork.instructions.empty()) {
    Result<std::string> text = file_text(fork.instructions, "instructions");
    if (!text.ok()) return text.error();
    agent->instructions = std::move(*text);
  }
  ForkOptions options{.step = fork.step.value_or(0),
                      .agent = std::move(*agent),
                      .message = arguments.run.message,
                      .budget = arguments.run.budget};
  if (options.message == "-") {
    Result<std::string> text = read_to_end(STDIN_FILENO, kTextBytesMax);
    if (!text.ok()) return text.error();
    options.message = std::move(*text);
  }
  for (const std::string& given : fork.results) {
    Result<ForkResult> result = result_of(given);
    if (!result.ok()) return result.error();
    options.results.push_back(std::move(*result));
  }
  return options;
}

}  // namespace

int fork_command(const Arguments& arguments) {
  const bool record = arguments.run.output != Output::kText;
  const Result<std::string> state = journal_folder_of(arguments);
  if (!state.ok()) return refuse(state.error(), record);
  Session session(arguments, {.state_directory = *state});
  Runtime& runtime = session.runtime();
  const Result<std::string> parent = runtime.find_run(arguments.run.run_id);
  if (!parent.ok()) return refuse(parent.error(), record);
  const Result<ForkOptions> options = fork_options(runtime, *parent, arguments);
  if (!options.ok()) return refuse(options.error(), record);
  // Said before anything is stored: a missing key, a model that nobody knows.
  if (!arguments.fork.no_run) {
    const auto endpoint = runtime.endpoint_of(*options->agent);
    if (!endpoint.ok()) return refuse(endpoint.error(), record);
  }
  const Result<std::string> run_id = runtime.fork_run(*parent, *options);
  if (!run_id.ok()) return refuse(run_id.error(), record);
  if (arguments.fork.no_run) {
    const bool said =
        print(fmt::format("forked run {} from {} at step {}; to go on: "
                          "perdure resume {}{}\n",
                          *run_id, *parent, options->step, *run_id, state_flag(*state)));
    return said ? 0 : kUnwritten;
  }
  if (!record) {
    session.screen().line(fmt::format("forked from {} at step {}; files are as they are now",
                                      *parent, options->step));
  }
  session.recall(*run_id);
  Agent agent(*options->agent, runtime);
  const RunResult result = session.follow(
      [&](RunOptions run) { return agent.start_resume(*run_id, "", std::move(run)); },
      {.budget = arguments.run.budget});
  return session.conclude(result);
}

}  // namespace perdure::cli
