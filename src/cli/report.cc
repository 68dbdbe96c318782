#include "cli/report.h"

#include <cstdio>

#include <poll.h>
#include <unistd.h>

#include "base/utf8.h"
#include "json/writer.h"
#include "os/clock.h"
#include "os/descriptor.h"

namespace perdure::cli {
namespace {

// Counts up when a reader of the records must change. New fields and kinds do not count
// (docs/events.md).
constexpr std::int64_t kRecordSchema = 1;

}  // namespace

int fail(const Error& error) {
  std::fprintf(stderr, "perdure: %s\n", printable_lines(to_text(error)).c_str());
  return exit_status(error.code);
}

int refuse(const Error& error, bool record) {
  if (record) {
    (void)print_line(result_record(
        {.reason = std::string(to_string(error.code)), .message = error.message, .error = error}));
  }
  return fail(error);
}

int exit_status_of(const RunResult& result) {
  if (result.outcome == Outcome::kInvalid && result.error) return exit_status(result.error->code);
  return exit_status(result.outcome);
}

std::string result_record(const RunResult& result) {
  std::string out;
  json::Writer writer(out);
  // Paths and messages from elsewhere may be anything; the record is always UTF-8.
  const auto text = [&](std::string_view key, std::string_view value) {
    writer.key(key).string(to_valid_utf8(value));
  };
  const Usage& usage = result.usage;
  writer.begin_object().key("type").string("result").key("schema").integer(kRecordSchema);
  writer.key("outcome").string(to_string(result.outcome));
  text("reason", result.reason);
  text("message", result.message);
  text("text", result.text);
  text("run", result.run_id);
  writer.key("steps").integer(usage.steps).key("calls").integer(usage.calls);
  writer.key("tokens").begin_object().key("input").integer(usage.input_tokens);
  writer.key("cached").integer(usage.cached_tokens).key("output").integer(usage.output_tokens);
  writer.key("reasoning").integer(usage.reasoning_tokens).end_object();
  writer.key("usd").number(usage.usd).key("wall_ms").integer(usage.wall_ms);
  writer.key("estimated").boolean(usage.estimated);
  writer.key("exit_status").integer(exit_status_of(result));
  if (result.error) {
    writer.key("error").begin_object().key("code").string(to_string(result.error->code));
    text("message", result.error->message);
    text("context", result.error->context);
    text("advice", result.error->advice);
    writer.end_object();
  }
  writer.end_object();
  return out;
}

std::string event_record(const Event& event) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("type").string(event.kind).key("run").string(event.run_id);
  if (event.sequence == 0) {
    writer.key("text").string(to_valid_utf8(event.text)).end_object();
    return out;
  }
  writer.key("sequence").integer(static_cast<std::int64_t>(event.sequence));
  writer.key("at").string(iso_time(event.at_ms)).key("data").raw(event.payload).end_object();
  return out;
}

bool print(std::string_view text) {
  const Status written = write_all(STDOUT_FILENO, text);
  if (written.ok()) return true;
  pollfd output{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  const bool reader_gone = ::poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0;
  if (!reader_gone) {
    fail({.code = written.error().code,
          .message = "standard output: " + written.error().message,
          .advice = "what runs have said is kept: 'perdure show last'"});
  }
  return false;
}

bool print_line(std::string_view line) {
  return print(std::string(line) + '\n');
}

}  // namespace perdure::cli
