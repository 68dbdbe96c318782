// perdure run, resume and chat.
#include <cstdio>

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <perdure/config.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/session.h"
#include "os/descriptor.h"
#include "os/directories.h"
#include "tui/line_editor.h"

namespace perdure::cli {
namespace {

constexpr std::size_t kTaskBytesMax = 16 << 20;

Result<std::string> read_task(const RunArguments& run) {
  if (!run.task_file.empty()) {
    Result<std::string> text = read_whole_file(run.task_file, kTaskBytesMax);
    if (text.ok()) return text;
    Error error = text.error();
    error.code = ErrorCode::kInvalidArgument;
    error.message = "the task cannot be read: " + error.message;
    return error;
  }
  if (run.task != "-") return run.task;
  return read_to_end(STDIN_FILENO, kTaskBytesMax);
}

// In the record formats every end has a record, also that of a run which never began.
int refuse(const Arguments& arguments, const Error& error) {
  if (arguments.run.output != Output::kText) {
    (void)print_line(result_record(
        {.reason = std::string(to_string(error.code)), .message = error.message, .error = error}));
  }
  return fail(error);
}

// The agent of a stored run, with the flags over it.
Result<AgentOptions> agent_of_run(Runtime& runtime, const Arguments& arguments) {
  Result<AgentOptions> agent = runtime.agent_of(arguments.run.run_id);
  if (!agent.ok()) return agent.error();
  if (Status status = lay_flags(*agent, arguments.run); !status.ok()) return status.error();
  return agent;
}

}  // namespace

int run_command(const Arguments& arguments) {
  Result<std::string> task = read_task(arguments.run);
  if (!task.ok()) return refuse(arguments, task.error());
  std::string state;
  Result<AgentOptions> agent = agent_from_arguments(arguments, &state);
  if (!agent.ok()) return refuse(arguments, agent.error());
  Session session(arguments, {.state_directory = state});
  Agent engine(std::move(*agent), session.runtime());
  const RunResult result =
      session.follow([&](RunOptions options) { return engine.start(*task, std::move(options)); },
                     {.workspace = arguments.run.workspace, .budget = arguments.run.budget});
  return session.conclude(result);
}

int resume_command(const Arguments& arguments) {
  Session session(arguments, {.state_directory = arguments.state_directory});
  Result<AgentOptions> agent = agent_of_run(session.runtime(), arguments);
  if (!agent.ok()) return refuse(arguments, agent.error());
  Agent engine(std::move(*agent), session.runtime());
  const RunResult result = session.follow(
      [&](RunOptions options) {
        return engine.start_resume(arguments.run.run_id, arguments.run.message, std::move(options));
      },
      {.budget = arguments.run.budget});
  return session.conclude(result);
}

int chat_command(const Arguments& arguments) {
  std::string state = arguments.state_directory;
  std::string run_id = arguments.run.run_id;
  Result<AgentOptions> agent = AgentOptions{};
  if (run_id.empty()) agent = agent_from_arguments(arguments, &state);
  if (!agent.ok()) return fail(agent.error());
  Session session(arguments, {.state_directory = state});
  if (!run_id.empty()) agent = agent_of_run(session.runtime(), arguments);
  if (!agent.ok()) return fail(agent.error());
  Agent engine(std::move(*agent), session.runtime());
  if (state.empty()) state = default_state_directory();
  (void)make_directories(state);
  LineEditor editor(state + "/chat_history");
  int status = 0;
  while (const std::optional<std::string> line = editor.read("> ")) {
    const std::string text(trim(*line));
    if (text.empty()) continue;
    if (text == "/quit" || text == "/exit") break;
    const RunResult result = session.follow(
        [&](RunOptions options) {
          return run_id.empty() ? engine.start(text, std::move(options))
                                : engine.start_resume(run_id, text, std::move(options));
        },
        {.workspace = arguments.run.workspace, .budget = arguments.run.budget});
    status = session.conclude(result);
    if (result.run_id.empty()) return status;
    run_id = result.run_id;
  }
  return status;
}

}  // namespace perdure::cli
