#include "cli/report.h"

#include <cstdio>

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

int exit_status_of(const RunResult& result) {
  if (result.outcome == Outcome::kInvalid && result.error) return exit_status(result.error->code);
  return exit_status(result.outcome);
}

std::string result_record(const RunResult& result) {
  std::string out;
  json::Writer writer(out);
  const Usage& usage = result.usage;
  writer.begin_object().key("type").string("result").key("schema").integer(kRecordSchema);
  writer.key("outcome").string(to_string(result.outcome));
  writer.key("reason").string(result.reason).key("message").string(result.message);
  writer.key("text").string(to_valid_utf8(result.text)).key("run").string(result.run_id);
  writer.key("steps").integer(usage.steps).key("calls").integer(usage.calls);
  writer.key("tokens").begin_object().key("input").integer(usage.input_tokens);
  writer.key("cached").integer(usage.cached_tokens).key("output").integer(usage.output_tokens);
  writer.key("reasoning").integer(usage.reasoning_tokens).end_object();
  writer.key("usd").number(usage.usd).key("wall_ms").integer(usage.wall_ms);
  writer.key("estimated")
      .boolean(usage.estimated)
      .key("exit_status")
      .integer(exit_status_of(result));
  if (result.error) {
    writer.key("error").begin_object().key("code").string(to_string(result.error->code));
    writer.key("message")
        .string(result.error->message)
        .key("context")
        .string(result.error->context);
    writer.key("advice").string(result.error->advice).end_object();
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

bool print_line(std::string_view line) {
  std::string text(line);
  text += '\n';
  return write_all(STDOUT_FILENO, text).ok();
}

}  // namespace perdure::cli
