// perdure run, resume and chat.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <perdure/config.h>

#include "base/text.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/session.h"
#include "os/descriptor.h"
#include "os/directories.h"
#include "tui/line_editor.h"

namespace perdure::cli {
namespace {

constexpr std::size_t kTaskBytesMax = 16 << 20;

// A text that was given, or what standard input has for "-".
Result<std::string> read_text(const std::string& given) {
  if (given != "-") return given;
  if (::isatty(STDIN_FILENO) == 1)
    (void)write_all(STDERR_FILENO, "type the text; Ctrl-D on a line of its own ends it\n");
  return read_to_end(STDIN_FILENO, kTaskBytesMax);
}

Result<std::string> read_task(const RunArguments& run) {
  if (!run.task_file.empty()) {
    Result<std::string> text = read_whole_file(run.task_file, kTaskBytesMax);
    if (text.ok()) return text;
    Error error = text.error();
    error.code = ErrorCode::kInvalidArgument;
    error.message = "the task cannot be read: " + error.message;
    if (error.advice.empty()) error.advice = "name a file that exists and can be read";
    return error;
  }
  return read_text(run.task);
}

std::vector<Medium> media_of(const RunArguments& run) {
  std::vector<Medium> media;
  for (const std::string& source : run.images)
    media.push_back({.kind = MediumKind::kImage, .source = source});
  for (const std::string& source : run.videos)
    media.push_back({.kind = MediumKind::kVideo, .source = source});
  return media;
}

int refuse(const Arguments& arguments, const Error& error) {
  return cli::refuse(error, arguments.run.output != Output::kText);
}

// The agent of a stored run, with the flags over it.
Result<AgentOptions> agent_of_run(Runtime& runtime, const Arguments& arguments) {
  Result<AgentOptions> agent = runtime.agent_of(arguments.run.run_id);
  if (!agent.ok()) return agent.error();
  if (Status status = lay_flags(*agent, arguments.run); !status.ok()) return status.error();
  return agent;
}

constexpr std::string_view kHowToEnd = "Ctrl-D or /quit ends the chat";

// "/help" is meant for the program, "/etc/fstab" and "/help me" are not.
bool looks_like_command(std::string_view text) {
  return text.size() > 1 && text[0] == '/' &&
         std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

// What the person says next; nothing at the end of the chat, empty when the program was told to
// stop.
std::optional<std::string> next_words(Session& session, LineEditor& editor) {
  while (true) {
    // An interrupt that came before the prompt was for the turn that it stopped.
    const int before = session.take_signal();
    const bool ends = before == SIGTERM || before == SIGHUP;
    const std::optional<std::string> line = ends ? "" : editor.read("> ");
    const int signal = ends ? before : session.take_signal();
    if (signal == SIGTERM || signal == SIGHUP) return std::string();
    if (signal != 0) {
      session.screen().line("\n" + std::string(kHowToEnd));
      continue;
    }
    if (!line) {
      if (::isatty(STDIN_FILENO) == 1) session.screen().line("");
      return std::nullopt;
    }
    std::string text(trim(*line));
    if (text == "/quit" || text == "/exit") return std::nullopt;
    if (looks_like_command(text)) {
      session.screen().line(
          fmt::format("the chat has no command '{}'; {}", printable(text), kHowToEnd));
    } else if (!text.empty()) {
      return text;
    }
  }
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
                     {.workspace = arguments.run.workspace,
                      .budget = arguments.run.budget,
                      .media = media_of(arguments.run)});
  return session.conclude(result);
}

int resume_command(const Arguments& arguments) {
  Result<std::string> message = read_text(arguments.run.message);
  if (!message.ok()) return refuse(arguments, message.error());
  const Result<std::string> state = journal_folder_of(arguments);
  if (!state.ok()) return refuse(arguments, state.error());
  Session session(arguments, {.state_directory = *state});
  Result<AgentOptions> agent = agent_of_run(session.runtime(), arguments);
  if (!agent.ok()) return refuse(arguments, agent.error());
  session.recall(arguments.run.run_id);
  Agent engine(std::move(*agent), session.runtime());
  const RunResult result = session.follow(
      [&](RunOptions options) {
        return engine.start_resume(arguments.run.run_id, *message, std::move(options));
      },
      {.budget = arguments.run.budget, .media = media_of(arguments.run)});
  return session.conclude(result);
}

int chat_command(const Arguments& arguments) {
  std::string run_id = arguments.run.run_id;
  Result<std::string> state =
      run_id.empty() ? state_folder_of(arguments) : journal_folder_of(arguments);
  Result<AgentOptions> agent = AgentOptions{};
  if (state.ok() && run_id.empty()) agent = agent_from_arguments(arguments, &*state);
  if (!state.ok() || !agent.ok()) return fail(state.ok() ? agent.error() : state.error());
  Session session(arguments, {.state_directory = *state});
  if (!run_id.empty()) {
    agent = agent_of_run(session.runtime(), arguments);
    if (!agent.ok()) return fail(agent.error());
    session.recall(run_id);
  }
  // Said before the person has typed anything: a missing key, a model that nobody knows.
  if (const auto endpoint = session.runtime().endpoint_of(*agent); !endpoint.ok())
    return fail(endpoint.error());
  session.greet(kHowToEnd);
  Agent engine(std::move(*agent), session.runtime());
  (void)make_directories(*state);
  LineEditor editor(*state + "/chat_history", session.wake_descriptor());
  int status = 0;
  std::vector<Medium> media = media_of(arguments.run);  // go with the first message
  while (const std::optional<std::string> text = next_words(session, editor)) {
    if (text->empty()) return exit_status(Outcome::kInterrupted);
    const RunResult result = session.follow(
        [&](RunOptions options) {
          return run_id.empty() ? engine.start(*text, std::move(options))
                                : engine.start_resume(run_id, *text, std::move(options));
        },
        {.workspace = arguments.run.workspace,
         .budget = arguments.run.budget,
         .media = std::exchange(media, {})});
    status = session.conclude(result);
    if (result.run_id.empty()) return status;
    run_id = result.run_id;
  }
  if (!run_id.empty() && ::isatty(STDIN_FILENO) == 1) {
    session.say_how_to_go_on(run_id);
  }
  return status;
}

}  // namespace perdure::cli
