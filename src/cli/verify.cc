// perdure verify: how well an endpoint calls tools, by the requests of a file.
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/verify_view.h"
#include "json/parse.h"
#include "json/writer.h"
#include "os/clock.h"
#include "os/descriptor.h"
#include "tui/screen.h"
#include "verify/verification.h"

namespace perdure::cli {
namespace {

using verify::Verification;
using verify::VerifyOptions;
using verify::VerifyReport;

constexpr int kDrawMs = 250;

Result<std::string> read_extra_body(const std::string& text) {
  if (text.empty()) return std::string();
  const Result<Json> parsed = json::parse(text);
  if (parsed.ok() && parsed->is_object())
    return parsed->empty() ? std::string() : json::dump(*parsed);
  return Error{.code = ErrorCode::kInvalidArgument,
               .message = "--extra-body takes a JSON object" +
                          (parsed.ok() ? std::string() : ": " + parsed.error().message),
               .advice = R"(like --extra-body '{"thinking":{"type":"disabled"}}')"};
}

Result<VerifyOptions> options_of(const Arguments& arguments) {
  std::string state;
  const Result<AgentOptions> agent = agent_from_arguments(arguments, &state);
  if (!agent.ok()) return agent.error();
  const VerifyArguments& given = arguments.verify;
  const Result<std::string> extra_body = read_extra_body(given.extra_body);
  if (!extra_body.ok()) return extra_body.error();
  VerifyOptions options{.requests_file = given.requests,
                        .results_file = given.out,
                        .summary_file = given.summary,
                        .reference_file = given.reference,
                        .endpoint = {.model = agent->model,
                                     .host = agent->host,
                                     .base_url = agent->base_url,
                                     .key_file = agent->key_file},
                        .overrides = {.temperature = given.temperature,
                                      .max_tokens = given.max_tokens,
                                      .stream = given.stream},
                        .extra_body = *extra_body,
                        .limit = given.limit.value_or(0),
                        .retry_failed = given.retry_failed};
  options.concurrency = given.concurrency.value_or(options.concurrency);
  options.retries = given.retries.value_or(options.retries);
  options.timeout_ms = given.timeout_ms.value_or(options.timeout_ms);
  return options;
}

int exit_status_of(const VerifyReport& report) {
  if (report.error) return exit_status(report.error->code);
  if (report.is_cancelled) return exit_status(Outcome::kInterrupted);
  return report.summary.failed > 0 ? exit_status(Outcome::kFailed) : 0;
}

std::string record_of(const VerifyReport& report, const VerifyOptions& options) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("type").string("verification").key("schema").integer(1);
  writer.key("exit_status").integer(exit_status_of(report));
  writer.key("results").string(to_valid_utf8(options.results_file));
  writer.key("summary_file").string(to_valid_utf8(options.summary_file));
  writer.key("summary").raw(verify::summary_json(report.summary));
  if (report.error) {
    writer.key("error").begin_object().key("code").string(to_string(report.error->code));
    writer.key("message").string(to_valid_utf8(report.error->message));
    writer.key("context").string(to_valid_utf8(report.error->context));
    writer.key("advice").string(to_valid_utf8(report.error->advice)).end_object();
  }
  writer.end_object();
  return out;
}

// The same command, to be pasted; with --retry-failed where that is what remains.
std::string again(const Arguments& arguments, const VerifyReport& report) {
  std::string command = "perdure " + shell_join(arguments.words);
  if (report.summary.failed > 0 && !arguments.verify.retry_failed) command += " --retry-failed";
  return command;
}

// Stays with it to its end. The status line, or a line now and then, tells how far it is.
VerifyReport follow(Verification& verification, Screen& screen, bool is_silent) {
  Console console;
  const std::int64_t started_ms = monotonic_ms();
  PlainProgress plain;
  verification.start([&console] { console.finished(); });
  const auto show = [&] {
    if (is_silent) return;
    const std::int64_t elapsed_ms = monotonic_ms() - started_ms;
    const verify::VerifyProgress progress = verification.progress();
    if (screen.terminal().live) {
      screen.set_status(progress_bar(progress, elapsed_ms));
    } else if (const std::optional<std::string> line = plain.next(progress, elapsed_ms)) {
      screen.line(*line);
    }
  };
  for (bool is_running = true; is_running;) {
    show();
    switch (console.wait(kDrawMs).kind) {
      case Console::Kind::kSignal:
        if (!is_silent) screen.line("stopping (once more ends at once) ...");
        verification.cancel();
        break;
      case Console::Kind::kFinished:
        is_running = false;
        break;
      case Console::Kind::kQuestion:
      case Console::Kind::kTick:
        break;
    }
  }
  show();
  screen.set_status("");
  return verification.finish();
}

void say_beginning(Screen& screen, const Verification& verification, const VerifyOptions& options) {
  const EndpointInfo endpoint = verification.endpoint();
  const verify::VerifyProgress progress = verification.progress();
  std::string text =
      fmt::format("{} at {} ({}) · {} request{}", endpoint.model, endpoint.host, endpoint.base_url,
                  grouped(progress.requests), progress.requests == 1 ? "" : "s");
  if (progress.stored > 0)
    text +=
        fmt::format(", {} of them in {} already", grouped(progress.stored), options.results_file);
  screen.line(printable(text));
  if (verification.was_repaired()) {
    screen.line(printable(
        fmt::format("the last line of {} had been cut: it was taken away, and is asked again",
                    options.results_file)));
  }
}

int conclude(const Arguments& arguments, const VerifyOptions& options, const VerifyReport& report,
             Screen& screen) {
  const int status = exit_status_of(report);
  const bool is_record = arguments.run.output == Output::kJson;
  const bool is_written =
      is_record ? print_line(record_of(report, options)) : print(summary_table(report.summary));
  if (report.error) fail(*report.error);
  if (!is_record) {
    screen.line(printable(
        fmt::format("results: {} · summary: {}", options.results_file, options.summary_file)));
    const bool remains = report.summary.pending() > 0 || report.summary.failed > 0;
    if (remains) screen.line(printable("go on with: " + again(arguments, report)));
  }
  return status == 0 && !is_written ? kUnwritten : status;
}

}  // namespace

int verify_command(const Arguments& arguments) {
  const bool is_record = arguments.run.output == Output::kJson;
  const Result<VerifyOptions> options = options_of(arguments);
  if (!options.ok()) return refuse(options.error(), is_record);
  Terminal terminal = Terminal::detect();
  if (is_record) terminal.live = false;
  Screen screen(terminal, [](std::string_view bytes) { (void)write_all(STDERR_FILENO, bytes); });
  screen.set_status(printable(fmt::format("reading {} ...", options->requests_file)));
  const Result<std::unique_ptr<Verification>> verification = Verification::open(*options);
  screen.set_status("");
  if (!verification.ok()) return refuse(verification.error(), is_record);
  if (!is_record) say_beginning(screen, **verification, *options);
  const VerifyReport report = follow(**verification, screen, is_record);
  return conclude(arguments, *options, report, screen);
}

}  // namespace perdure::cli
