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

// Flags win over the environment, which wins over files.
void lay_environment(AgentOptions& agent) {
  const std::pair<const char*, std::string*> variables[] = {{"PERDURE_MODEL", &agent.model},
                                                            {"PERDURE_HOST", &agent.host},
                                                            {"PERDURE_BASE_URL", &agent.base_url}};
  for (const auto& [name, field] : variables) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') *field = value;
  }
}

std::string resume_hint(const RunResult& result) {
  const std::string command = "perdure resume " + result.run_id;
  switch (result.outcome) {
    case Outcome::kPaused:
      if (result.reason == "steps")
        return fmt::format("go on with: {} --max-steps {}", command, result.usage.steps * 2);
      if (result.reason == "usd")
        return fmt::format("go on with: {} --max-cost {:.2f}", command, result.usage.usd * 2 + 1);
      if (result.reason == "output_tokens") {
        return fmt::format("go on with: {} --max-tokens {}", command,
                           result.usage.output_tokens * 2 + 4096);
      }
      if (result.reason == "wall_time") {
        return fmt::format("go on with: {} --timeout {}s", command,
                           result.usage.wall_ms / 500 + 60);
      }
      return fmt::format("the record is kept: perdure show {}", result.run_id);
    case Outcome::kInterrupted:
    case Outcome::kEndpointTemporary:
    case Outcome::kEndpointPermanent:
    case Outcome::kStoreFailed:
      return fmt::format("go on with: {}", command);
    case Outcome::kStuck:
      return fmt::format("go on with a hint: {} \"MESSAGE\"", command);
    default:
      return fmt::format("a next turn: {} \"MESSAGE\"", command);
  }
}

}  // namespace

Status lay_flags(AgentOptions& agent, const RunArguments& run) {
  if (run.model) agent.model = *run.model;
  if (run.host) {
    agent.host = *run.host;
    // A host that is named goes to its own address, not to one that a file gave for another.
    agent.base_url.clear();
  }
  if (run.base_url) agent.base_url = *run.base_url;
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
  if (!configuration.ok()) return configuration.error();
  *state_directory = configuration->state_directory;
  AgentOptions agent = std::move(configuration->agent);
  lay_environment(agent);
  if (Status status = lay_flags(agent, arguments.run); !status.ok()) return status.error();
  return agent;
}

Session::Session(const Arguments& arguments, RuntimeOptions options)
    : arguments_(arguments),
      terminal_(terminal_for(arguments.run.output)),
      screen_(terminal_, [](std::string_view bytes) { (void)write_all(STDERR_FILENO, bytes); }),
      runtime_(std::move(options)) {}

void Session::observe(const Event& event) {
  if (arguments_.run.output == Output::kStreamJson) {
    if (!print_line(event_record(event))) reader_gone_ = true;
  } else if (arguments_.run.output == Output::kText) {
    view_->show(event);
  }
}

void Session::answer(Question& question) {
  screen_.hold();
  const ApprovalAnswer answer = ask(screen_, question.request, [this](const std::string& prompt) {
    return console_.read_line(prompt);
  });
  screen_.release();
  question.answer(answer);
}

RunResult Session::follow(const std::function<RunHandle(RunOptions)>& start, RunOptions options) {
  view_ = std::make_unique<RunView>(screen_, RunViewOptions{});
  Console::reset_signals();
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
  for (bool running = true; running;) {
    Console::Message message = console_.wait(kTickMs);
    switch (message.kind) {
      case Console::Kind::kSignal:
        if (!handle.id().empty()) screen_.line("stopping (once more ends at once) ...");
        handle.cancel();
        break;
      case Console::Kind::kQuestion:
        answer(*message.question);
        break;
      case Console::Kind::kFinished:
        running = false;
        break;
      case Console::Kind::kTick:
        if (reader_gone_) handle.cancel();
        view_->tick();
        break;
    }
  }
  waiter.join();
  screen_.set_status("");
  screen_.end_line();
  return result;
}

int Session::conclude(const RunResult& result) {
  const int status = exit_status_of(result);
  if (arguments_.run.output != Output::kText) {
    (void)print_line(result_record(result));
    if (result.error && result.run_id.empty()) fail(*result.error);
    return status;
  }
  if (result.outcome == Outcome::kInvalid && result.error) return fail(*result.error);
  // A terminal has seen the answer while it came.
  const bool seen = terminal_.output_shared && terminal_.live;
  if (!result.text.empty() && !seen && result.outcome == Outcome::kDone)
    (void)print_line(result.text);
  if (result.error) {
    screen_.line(printable_lines(to_text(*result.error)));
  }
  screen_.line(styled(
      terminal_, Style::kDim,
      usage_line(result.usage, result.usage.steps, result.usage.usd > 0, result.usage.wall_ms)));
  screen_.line(styled(terminal_, Style::kDim,
                      fmt::format("run {} · {}", result.run_id, resume_hint(result))));
  return status;
}

}  // namespace perdure::cli
