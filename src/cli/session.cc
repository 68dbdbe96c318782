#include "cli/session.h"

#include <cstdio>
#include <cstdlib>
#include <thread>

#include <unistd.h>

#include <fmt/format.h>

#include <perdure/config.h>

#include "base/text.h"
#include "base/utf8.h"
#include "cli/report.h"
#include "os/directories.h"
#include "tui/approval_prompt.h"

namespace perdure::cli {
namespace {

constexpr int kTickMs = 250;

// With JSON on standard output, standard error holds errors alone.
Terminal terminal_for(Output output) {
  Terminal terminal = Terminal::detect();
  if (output != Output::kText) terminal.live = false;
  return terminal;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The variables stand for the flags of their names. An address without PERDURE_HOST beside it goes
// with whatever host is chosen, also by --host.
void lay_environment(AgentOptions& agent, RunArguments& run) {
  const std::string model = variable("PERDURE_MODEL");
  const std::string host = variable("PERDURE_HOST");
  const std::string base_url = variable("PERDURE_BASE_URL");
  if (!model.empty()) agent.model = model;
  if (!host.empty()) name_host(agent, host);
  if (base_url.empty()) return;
  if (!host.empty()) agent.base_url = base_url;
  if (host.empty() && !run.base_url) run.base_url = base_url;
}

}  // namespace

std::string state_flag(const std::string& state_directory) {
  const Result<std::string> usual = find_state_directory({});
  if (usual.ok() && real_path(*usual) == real_path(state_directory)) return "";
  return " --state " + shell_quote(state_directory);
}

Result<std::string> state_folder_of(const Arguments& arguments) {
  return find_state_directory({.state_directory = arguments.state_directory});
}

Result<std::string> journal_folder_of(const Arguments& arguments) {
  Result<std::string> state = state_folder_of(arguments);
  if (!state.ok() || has_journal(*state)) return state;
  const std::string& run_id = arguments.run.run_id;
  const std::string head = run_id.empty() ? "" : fmt::format("there is no run '{}': ", run_id);
  return Error{.code = ErrorCode::kNotFound,
               .message = head + "no journal is in this folder",
               .context = *state,
               .advice = arguments.state_directory.empty()
                             ? "--state DIR names another; a run begins with: perdure run \"TASK\""
                             : "look for a slip in --state"};
}

Error with_state(Error error, const std::string& state_directory) {
  if (!state_directory.empty() && error.advice.find("with: perdure ") != std::string::npos)
    error.advice += state_flag(state_directory);
  return error;
}

std::string resume_hint(const RunResult& result, std::string_view verb, const Again& again) {
  const std::string& state = again.state;
  const std::string flags = again.yes + state;
  const bool chat = verb == "chat";
  const std::string command = fmt::format("perdure {} {}", verb, result.run_id);
  const std::string message = chat ? "" : " \"MESSAGE\"";
  const Usage& usage = result.usage;
  switch (result.outcome) {
    case Outcome::kPaused: {
      const std::pair<std::string_view, std::string> raised[] = {
          {"steps", fmt::format("--max-steps {}", usage.steps * 2)},
          {"usd", fmt::format("--max-cost {:.2f}", usage.usd * 2 + 1)},
          {"input_tokens", fmt::format("--max-input-tokens {}", usage.input_tokens * 2 + 65'536)},
          {"output_tokens", fmt::format("--max-tokens {}", usage.output_tokens * 2 + 4096)},
          {"reasoning_tokens",
           fmt::format("--max-reasoning-tokens {}", usage.reasoning_tokens * 2 + 4096)},
          {"wall_time", fmt::format("--timeout {}s", usage.wall_ms / 500 + 60)}};
      for (const auto& [reason, flag] : raised) {
        if (reason == result.reason)
          return fmt::format("go on with: {} {}{}", command, flag, flags);
      }
      if (result.reason != to_string(ErrorCode::kContextFull)) break;
      return fmt::format("its record is kept: perdure show {}{}", result.run_id, state);
    }
    case Outcome::kStuck:
      return fmt::format("go on with a hint: {}{}{}", command, message, flags);
    case Outcome::kDone:
    case Outcome::kFailed:
      return fmt::format("a next turn: {}{}{}", command, message, flags);
    case Outcome::kStoreFailed:
    case Outcome::kEndpointTemporary:
    case Outcome::kEndpointPermanent:
    case Outcome::kInterrupted:
    case Outcome::kInvalid:
      break;
  }
  return fmt::format("go on with: {}{}", command, flags);
}

Status lay_flags(AgentOptions& agent, const RunArguments& run) {
  if (run.model) agent.model = *run.model;
  if (run.host) name_host(agent, *run.host);
  if (run.base_url) agent.base_url = *run.base_url;
  if (run.strict_prefix) agent.strict_prefix = *run.strict_prefix;
  if (run.tool_choice) agent.tool_choice.mode = *run.tool_choice;
  if (run.thinking) {
    const Result<Thinking> thinking = thinking_from(*run.thinking);
    if (!thinking.ok()) return thinking.error();
    agent.thinking = *thinking;
  }
  return {};
}

Result<AgentOptions> agent_from_arguments(const Arguments& arguments,
                                          std::string* state_directory) {
  Result<Configuration> configuration =
      load_configuration({.state_directory = arguments.state_directory,
                          .workspace = arguments.run.workspace,
                          .agent_file = arguments.run.agent_file});
  if (!configuration.ok()) return with_state(configuration.error(), arguments.state_directory);
  *state_directory = configuration->state_directory;
  AgentOptions agent = std::move(configuration->agent);
  RunArguments flags = arguments.run;
  lay_environment(agent, flags);
  if (Status status = lay_flags(agent, flags); !status.ok()) return status.error();
  return agent;
}

Session::Session(const Arguments& arguments, RuntimeOptions options)
    : arguments_(arguments),
      terminal_(terminal_for(arguments.run.output)),
      screen_(terminal_, [](std::string_view bytes) { (void)write_all(STDERR_FILENO, bytes); }),
      state_directory_(options.state_directory),
      runtime_(std::move(options)),
      view_(screen_, {.answer_elsewhere = !terminal_.live,
                      .in_chat = arguments.command == "chat" && ::isatty(STDIN_FILENO) == 1}) {}

void Session::observe(const Event& event) {
  if (arguments_.run.output == Output::kStreamJson) {
    if (!reader_gone_ && !print_line(event_record(event))) reader_gone_ = true;
  } else if (arguments_.run.output == Output::kText) {
    view_.show(event);
  }
}

void Session::recall(const std::string& run_id) {
  if (arguments_.run.output != Output::kText) return;
  const Result<std::string> found = runtime_.find_run(run_id);
  if (!found.ok()) return;
  recalled_ = *found;
  (void)runtime_.read_run(*found, [this](const Event& event) { view_.recall(event); });
}

void Session::greet(std::string_view how_to_end) {
  if (::isatty(STDIN_FILENO) != 1) return;
  const std::string head = recalled_.empty() ? "" : fmt::format("run {} goes on · ", recalled_);
  screen_.line(
      styled(terminal_, Style::kDim, fmt::format("{}Ctrl-C stops a turn, {}", head, how_to_end)));
}

void Session::answer(Question& question) {
  screen_.hold();
  const std::optional<ApprovalAnswer> answer =
      ask(screen_, question.request,
          [this](const std::string& prompt) { return console_.read_line(prompt); });
  if (!answer) (void)write_all(STDERR_FILENO, "\n");
  screen_.release();
  // After a signal the run stops with the question open, and asks again when it is resumed. A
  // terminal that has gone answers nothing: that is a no.
  if (answer || !console_.has_signal()) question.answer(answer.value_or(ApprovalAnswer::kNo));
}

RunResult Session::follow(const std::function<RunHandle(RunOptions)>& start, RunOptions options) {
  options.observer = [this](const Event& event) { observe(event); };
  if (arguments_.run.yes) {
    options.policy.insert(options.policy.begin(), PolicyRule{.action = PolicyAction::kAllow});
  }
  if (terminal_.can_ask && arguments_.run.output == Output::kText) {
    options.approver = [this](const ApprovalRequest& request,
                              std::function<void(ApprovalAnswer)> answer) {
      console_.ask({.request = request, .answer = std::move(answer)});
    };
  }
  RunHandle handle = start(std::move(options));
  // The handle has no callback: a thread of its own waits for it.
  RunResult result;
  std::thread waiter([&] {
    result = handle.wait();
    console_.finished();
  });
  bool stopping = false;
  for (bool running = true; running;) {
    Console::Message message = console_.wait(kTickMs);
    switch (message.kind) {
      case Console::Kind::kSignal:
        if (!handle.id().empty()) screen_.line("stopping (once more ends at once) ...");
        stopping = true;
        handle.cancel();
        break;
      case Console::Kind::kQuestion:
        if (!stopping) answer(*message.question);
        break;
      case Console::Kind::kFinished:
        running = false;
        break;
      case Console::Kind::kTick:
        if (reader_gone_) handle.cancel();
        view_.tick();
        break;
    }
  }
  waiter.join();
  screen_.set_status("");
  screen_.end_line();
  if (result.error) result.error = with_state(std::move(*result.error), state_directory_);
  return result;
}

int Session::conclude(const RunResult& result) {
  const int status = exit_status_of(result);
  if (arguments_.run.output != Output::kText) {
    if (!reader_gone_ && !print_line(result_record(result))) reader_gone_ = true;
    if (result.error) fail(*result.error);
  } else if (result.outcome == Outcome::kInvalid && result.error) {
    return fail(*result.error);
  } else {
    conclude_text(result);
  }
  return status == 0 && reader_gone_ ? kUnwritten : status;
}

Again Session::again() const {
  return {.yes = arguments_.run.yes ? " --yes" : "", .state = state_flag(state_directory_)};
}

void Session::conclude_text(const RunResult& result) {
  // A terminal has seen the answer while it came.
  const bool seen = terminal_.output_shared && terminal_.live;
  if (!result.text.empty() && !seen && result.outcome == Outcome::kDone) {
    const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
    reader_gone_ = !print_line(is_terminal ? printable_lines(result.text) : result.text);
  }
  if (result.outcome == Outcome::kStoreFailed && result.error) {
    fail(*result.error);
    if (result.run_id.empty()) return;  // nothing was kept that could go on
  } else if (result.error) {
    // The view has said what happened; where and what to do remain.
    Error error = *result.error;
    error.message.clear();
    const std::string rest = printable_lines(trim(to_text(error)));
    if (!rest.empty()) screen_.line("  " + rest);
  }
  const std::size_t width = terminal_.is_terminal ? terminal_.width() : std::string::npos;
  const std::string used = usage_line(result.usage, steps_text(result.usage.steps),
                                      result.usage.usd > 0, result.usage.wall_ms);
  screen_.line(styled(terminal_, Style::kDim, wrapped(used, 0, width)));
  const bool chat = arguments_.command == "chat";
  const bool goes_on = result.outcome == Outcome::kDone || result.outcome == Outcome::kInterrupted;
  if (chat && goes_on) return;  // the next line does it
  say_command(fmt::format("run {} · {}", result.run_id,
                          resume_hint(result, chat ? "chat" : "resume", again())));
}

// A command that fits into a row of its own is not broken where the window ends.
void Session::say_command(std::string hint) {
  const std::size_t command = hint.find(": perdure ");
  const bool is_long = terminal_.is_terminal && display_width(hint) > terminal_.width();
  if (is_long && command != std::string::npos) hint.replace(command, 2, ":\n  ");
  screen_.line(styled(terminal_, Style::kDim, hint));
}

void Session::say_how_to_go_on(const std::string& run_id) {
  say_command(fmt::format("go on with: perdure chat {}{}{}", run_id, again().yes, again().state));
}

}  // namespace perdure::cli
