#include "verify/score.h"

#include "json/writer.h"
#include "os/clock.h"

namespace perdure::verify {
namespace {

std::optional<double> ratio(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

void write_ratio(json::Writer& writer, const char* key, const std::optional<double>& value) {
  writer.key(key);
  value ? writer.number(*value) : writer.null();
}

void write_counts(json::Writer& writer, const char* key,
                  const std::map<std::string, std::int64_t>& counts) {
  writer.key(key).begin_object();
  for (const auto& [name, count] : counts) writer.key(name).integer(count);
  writer.end_object();
}

}  // namespace

std::optional<double> TriggerScore::precision() const {
  return ratio(true_positives, true_positives + false_positives);
}

std::optional<double> TriggerScore::recall() const {
  return ratio(true_positives, true_positives + false_negatives);
}

std::optional<double> TriggerScore::f1() const {
  return ratio(2 * true_positives, 2 * true_positives + false_positives + false_negatives);
}

void Summary::count(std::int64_t data_index, const Outcome& outcome, const Reference* reference) {
  ++(outcome.is_success ? succeeded : failed);
  if (!outcome.is_success) ++errors[outcome.error_type.empty() ? "unknown" : outcome.error_type];
  prompt_tokens += outcome.prompt_tokens;
  completion_tokens += outcome.completion_tokens;
  if (outcome.finish_reason.empty()) return;
  ++finish_reasons[outcome.finish_reason];
  const bool calls = outcome.finish_reason == "tool_calls";
  if (calls && outcome.calls_valid) ++valid_calls;
  if (reference == nullptr) return;
  if (!trigger) trigger.emplace();
  const auto found = reference->find(data_index);
  if (found == reference->end()) return;
  ++(calls ? (found->second ? trigger->true_positives : trigger->false_positives)
           : (found->second ? trigger->false_negatives : trigger->true_negatives));
}

std::int64_t Summary::finished_with(const std::string& reason) const {
  const auto found = finish_reasons.find(reason);
  return found == finish_reasons.end() ? 0 : found->second;
}

std::optional<double> Summary::schema_accuracy() const {
  return ratio(valid_calls, finished_with("tool_calls"));
}

std::string summary_json(const Summary& summary) {
  const std::int64_t calls = summary.finished_with("tool_calls");
  std::map<std::string, std::int64_t> others = summary.finish_reasons;
  others.erase("stop");
  others.erase("tool_calls");
  std::int64_t others_count = 0;
  for (const auto& [reason, count] : others) others_count += count;
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("model").string(summary.model);
  writer.key("success_count").integer(summary.succeeded);
  writer.key("failure_count").integer(summary.failed);
  writer.key("finish_stop").integer(summary.finished_with("stop"));
  writer.key("finish_tool_calls").integer(calls).key("finish_others").integer(others_count);
  write_counts(writer, "finish_others_detail", others);
  writer.key("schema_validation_error_count").integer(calls - summary.valid_calls);
  writer.key("successful_tool_call_count").integer(summary.valid_calls);
  writer.key("usage").begin_object().key("prompt_tokens").integer(summary.prompt_tokens);
  writer.key("completion_tokens").integer(summary.completion_tokens);
  writer.key("total_tokens").integer(summary.prompt_tokens + summary.completion_tokens);
  writer.end_object();
  writer.key("eval_started_at").string(iso_time(summary.started_ms));
  writer.key("eval_finished_at").string(iso_time(summary.finished_ms));
  writer.key("eval_duration_ms").integer(summary.finished_ms - summary.started_ms);
  writer.key("base_url").string(summary.base_url);
  writer.key("request_count").integer(summary.requests);
  writer.key("pending_count").integer(summary.pending());
  write_ratio(writer, "schema_accuracy", summary.schema_accuracy());
  if (summary.trigger) {
    const TriggerScore& score = *summary.trigger;
    write_ratio(writer, "tool_call_f1", score.f1());
    write_ratio(writer, "tool_call_precision", score.precision());
    write_ratio(writer, "tool_call_recall", score.recall());
    writer.key("compared_count").integer(score.compared());
    writer.key("true_positives").integer(score.true_positives);
    writer.key("false_positives").integer(score.false_positives);
    writer.key("false_negatives").integer(score.false_negatives);
    writer.key("true_negatives").integer(score.true_negatives);
  }
  write_counts(writer, "errors", summary.errors);
  writer.end_object();
  return out;
}

}  // namespace perdure::verify
