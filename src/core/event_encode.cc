#include <perdure/run.h>

#include "core/event.h"
#include "core/event_names.h"
#include "json/writer.h"

namespace perdure {
namespace {

using json::Writer;

void write_strings(Writer& writer, std::string_view key, const std::vector<std::string>& list) {
  if (list.empty()) return;
  writer.key(key).begin_array();
  for (const std::string& text : list) writer.string(text);
  writer.end_array();
}

void write_text(Writer& writer, std::string_view key, std::string_view text) {
  if (!text.empty()) writer.key(key).string(text);
}

template <class Number>
void write_cap(Writer& writer, std::string_view key, const std::optional<Number>& cap) {
  if (cap) writer.key(key).number(static_cast<double>(*cap));
}

void write_count(Writer& writer, std::string_view key, std::int64_t count) {
  if (count != 0) writer.key(key).integer(count);
}

void write_budget(Writer& writer, const Budget& budget) {
  writer.key("budget").begin_object();
  const auto cap = [&](std::string_view key, const std::optional<std::int64_t>& value) {
    if (value) writer.key(key).integer(*value);
  };
  cap("steps", budget.steps);
  cap("input_tokens", budget.input_tokens);
  cap("output_tokens", budget.output_tokens);
  cap("reasoning_tokens", budget.reasoning_tokens);
  write_cap(writer, "usd", budget.usd);
  cap("wall_ms", budget.wall_ms);
  writer.end_object();
}

void write_limits(Writer& writer, const RequestLimits& limits) {
  writer.key("limits").begin_object();
  writer.key("window_tokens").integer(limits.window_tokens);
  writer.key("output_tokens_max").integer(limits.output_tokens_max);
  writer.key("head_bytes").integer(limits.head_bytes);
  if (limits.price) {
    writer.key("price").begin_object();
    writer.key("input").number(limits.price->input);
    writer.key("cached").number(limits.price->cached);
    writer.key("output").number(limits.price->output);
    write_cap(writer, "cache_write", limits.price->cache_write);
    writer.end_object();
  }
  writer.key("attempts_max").integer(limits.attempts_max);
  if (limits.retry_ms != kRetryTime_ms) writer.key("retry_ms").integer(limits.retry_ms);
  writer.key("parallel_calls_max").integer(limits.parallel_calls_max);
  if (limits.calls_max != kCallsMax) writer.key("calls_max").integer(limits.calls_max);
  if (limits.continues) writer.key("continues").boolean(true);
  write_text(writer, "told_choice", limits.told_choice);
  writer.end_object();
}

void write_prefix(Writer& writer, const std::vector<PrefixPart>& prefix) {
  if (prefix.empty()) return;
  writer.key("prefix").begin_array();
  for (const PrefixPart& part : prefix) {
    writer.begin_object().key("field").string(part.field);
    writer.key("value").string(part.value).end_object();
  }
  writer.end_array();
}

void write_fallback(Writer& writer, const FallbackPlan& fallback) {
  if (fallback.endpoints.empty()) return;
  writer.key("fallback").begin_object().key("endpoints").begin_array();
  for (const EndpointPlan& endpoint : fallback.endpoints) {
    writer.begin_object().key("model").string(endpoint.model);
    writer.key("host").string(endpoint.host).key("base_url").string(endpoint.base_url);
    write_limits(writer, endpoint.limits);
    write_prefix(writer, endpoint.prefix);
    writer.end_object();
  }
  writer.end_array().key("return_ms").integer(fallback.return_ms);
  if (fallback.after_ms != kFallbackAfter_ms) writer.key("after_ms").integer(fallback.after_ms);
  if (fallback.strict_prefix) writer.key("strict_prefix").boolean(true);
  writer.end_object();
}

void write_policy(Writer& writer, const std::vector<PolicyRule>& rules) {
  writer.key("policy").begin_array();
  for (const PolicyRule& rule : rules) {
    writer.begin_object().key("tool").string(rule.tool);
    if (rule.effect) writer.key("effect").string(to_string(*rule.effect));
    write_text(writer, "path", rule.path);
    writer.key("action").string(to_string(rule.action)).end_object();
  }
  writer.end_array();
}

void write_error(Writer& writer, const Error& error) {
  writer.key("code").string(to_string(error.code)).key("message").string(error.message);
  write_text(writer, "context", error.context);
  write_text(writer, "advice", error.advice);
  if (error.retry == Retry::kLater) writer.key("retry").boolean(true);
  if (error.retry_after_ms >= 0) writer.key("retry_after_ms").integer(error.retry_after_ms);
}

void write_usage(Writer& writer, const ReplyUsage& usage) {
  writer.key("usage").begin_object().key("input_tokens").integer(usage.input_tokens);
  writer.key("cached_tokens").integer(usage.cached_tokens);
  write_count(writer, "cache_write_tokens", usage.cache_write_tokens);
  writer.key("output_tokens").integer(usage.output_tokens);
  writer.key("reasoning_tokens").integer(usage.reasoning_tokens);
  write_cap(writer, "usd", usage.usd);
  if (usage.estimated) writer.key("estimated").boolean(true);
  write_count(writer, "expected_cached_tokens", usage.expected_cached_tokens);
  if (usage.tools_usd > 0) writer.key("tools_usd").number(usage.tools_usd);
  writer.end_object();
}

// Writes the members of one event; the object around them is the caller's.
struct Encoder {
  Writer& writer;

  void operator()(const RunStarted& event) {
    writer.key("version").string(event.version).key("agent_name").string(event.agent_name);
    writer.key("task").string(event.task).key("model").string(event.model);
    writer.key("host").string(event.host).key("base_url").string(event.base_url);
    writer.key("workspace").string(event.workspace);
    write_limits(writer, event.limits);
    write_prefix(writer, event.prefix);
    write_budget(writer, event.budget);
    write_policy(writer, event.policy);
    write_count(writer, "acceptance_rounds", event.acceptance_rounds);
    write_fallback(writer, event.fallback);
    write_text(writer, "parent", event.parent);
    writer.key("agent").raw(event.agent.empty() ? "{}" : event.agent);
  }
  void operator()(const RunForked& event) {
    writer.key("parent").string(event.parent).key("step").integer(event.step);
    write_budget(writer, event.budget);
    write_strings(writer, "changes", event.changes);
  }
  void operator()(const MessageQueued& event) {
    writer.key("text").string(event.text);
    if (!event.fragment.empty()) writer.key("fragment").raw(event.fragment);
    write_count(writer, "media_tokens", event.media_tokens);
  }
  void operator()(const MediaUploaded& event) {
    writer.key("blob").string(event.blob).key("base_url").string(event.base_url);
    write_text(writer, "url", event.url);
    write_text(writer, "problem", event.problem);
  }
  void operator()(const MediaOmitted& event) { writer.key("summary").string(event.summary); }
  void operator()(const MessageAdded& event) {
    writer.key("origin")
        .string(name_in(kOriginNames, event.origin))
        .key("fragment")
        .raw(event.fragment);
  }
  void operator()(const PrefixChanged& event) {
    writer.key("message").integer(event.message).key("field").string(event.field);
    writer.key("summary").string(event.summary).key("tokens").integer(event.tokens);
    write_cap(writer, "usd", event.usd);
  }
  void operator()(const HostDiffers& event) {
    writer.key("fact").string(event.fact).key("expected").string(event.expected);
    writer.key("seen").string(event.seen).key("summary").string(event.summary);
  }
  void operator()(const RequestSent& event) {
    writer.key("step").integer(event.step).key("attempt").integer(event.attempt);
    writer.key("output_tokens_max").integer(event.output_tokens_max);
    writer.key("input_tokens_estimate").integer(event.input_tokens_estimate);
    if (event.reserved_usd > 0) writer.key("reserved_usd").number(event.reserved_usd);
    write_count(writer, "messages", event.messages);
    write_text(writer, "messages_hash", event.messages_hash);
    if (!event.body.empty()) writer.key("body").raw(event.body);
    if (event.continues) writer.key("continues").boolean(true);
  }
  void operator()(const RequestFailed& event) {
    writer.key("step").integer(event.step).key("attempt").integer(event.attempt);
    write_error(writer, event.error);
    write_count(writer, "received_bytes", event.received_bytes);
    write_count(writer, "delay_ms", event.delay_ms);
    if (event.structural) writer.key("structural").boolean(true);
    write_strings(writer, "tools", event.tools);
    if (event.key_renewed) writer.key("key_renewed").boolean(true);
    if (event.circuit_open) writer.key("circuit_open").boolean(true);
    if (!event.kept.empty()) writer.key("kept").raw(event.kept);
  }
  void operator()(const RequestRepaired& event) {
    writer.key("repair").string(name_in(kRepairNames, event.kind));
    write_strings(writer, "left_out", event.left_out);
    write_text(writer, "told_choice", event.told_choice);
    write_text(writer, "tool", event.tool);
    writer.key("message").integer(event.message).key("summary").string(event.summary);
    write_prefix(writer, event.prefix);
    if (!event.fragment.empty()) writer.key("fragment").raw(event.fragment);
  }
  void operator()(const TrialSent& event) {
    writer.key("step").integer(event.step).key("trial").integer(event.trial);
    write_strings(writer, "without", event.without);
    writer.key("input_tokens_estimate").integer(event.input_tokens_estimate);
    if (!event.body.empty()) writer.key("body").raw(event.body);
  }
  void operator()(const TrialAnswered& event) {
    writer.key("step").integer(event.step).key("trial").integer(event.trial);
    writer.key("outcome").string(name_in(kTrialNames, event.outcome));
    write_usage(writer, event.usage);
    write_count(writer, "delay_ms", event.delay_ms);
    if (event.outcome == TrialOutcome::kTaken) return;
    writer.key("problem").begin_object();
    write_error(writer, event.error);
    writer.end_object();
  }
  void operator()(const RetryScheduled& event) {
    writer.key("delay_ms").integer(event.delay_ms);
    write_count(writer, "attempts_max", event.attempts_max);
    write_count(writer, "left_ms", event.left_ms);
  }
  void operator()(const RetryDue& /*event*/) {}
  void operator()(const EndpointChanged& event) {
    writer.key("from").integer(event.from).key("to").integer(event.to);
    writer.key("from_name").string(event.from_name).key("to_name").string(event.to_name);
    writer.key("reason").string(event.reason);
    write_text(writer, "message", event.message);
  }
  void operator()(const ModelReplied& event) {
    writer.key("step").integer(event.step).key("finish").string(to_string(event.finish));
    write_text(writer, "finish_text", event.finish_text);
    write_usage(writer, event.usage);
    write_text(writer, "response_id", event.response_id);
    writer.key("first_byte_ms").integer(event.first_byte_ms);
    writer.key("duration_ms").integer(event.duration_ms);
    if (!event.edits.empty()) {
      writer.key("edits").begin_array();
      for (const ReplyEdit& edit : event.edits) {
        writer.begin_object().key("field").string(edit.field).key("original").string(edit.original);
        writer.key("reason").string(edit.reason).end_object();
      }
      writer.end_array();
    }
    if (!event.fragment.empty()) writer.key("fragment").raw(event.fragment);
  }
  void operator()(const CallAssessed& event) {
    const Assessment& assessment = event.assessment;
    writer.key("call").integer(event.call).key("effect").string(to_string(assessment.effect));
    write_strings(writer, "reads", assessment.reads);
    write_strings(writer, "writes", assessment.writes);
    if (assessment.exclusive) writer.key("exclusive").boolean(true);
    writer.key("hash").string(assessment.hash).key("summary").string(assessment.summary);
    if (assessment.problem) {
      writer.key("problem").begin_object();
      write_error(writer, *assessment.problem);
      writer.end_object();
    }
  }
  void operator()(const CallAuthorized& event) {
    writer.key("call").integer(event.call).key("action").string(to_string(event.action));
    writer.key("rule").string(event.rule);
  }
  void operator()(const ApprovalAsked& event) { writer.key("call").integer(event.call); }
  void operator()(const ApprovalGiven& event) {
    writer.key("call")
        .integer(event.call)
        .key("answer")
        .string(name_in(kAnswerNames, event.answer));
    writer.key("by").string(event.by);
  }
  void operator()(const CallIntended& event) {
    writer.key("call").integer(event.call).key("attempt").integer(event.attempt);
    writer.key("key").string(event.key);
  }
  void operator()(const CallFinished& event) {
    writer.key("call").integer(event.call).key("status").string(to_string(event.status));
    writer.key("duration_ms").integer(event.duration_ms);
    writer.key("output_bytes").integer(event.output_bytes);
    write_text(writer, "output_blob", event.output_blob);
    if (!event.files.empty()) {
      writer.key("files").begin_array();
      for (const FileTouch& touch : event.files) {
        writer.begin_object().key("path").string(touch.path);
        write_text(writer, "hash", touch.hash);
        if (touch.written) writer.key("written").boolean(true);
        writer.end_object();
      }
      writer.end_array();
    }
    writer.key("fragment").raw(event.fragment);
  }
  void operator()(const AcceptanceStarted& event) { writer.key("round").integer(event.round); }
  void operator()(const AcceptanceFinished& event) {
    writer.key("passed").boolean(event.passed);
    write_text(writer, "report", event.report);
  }
  void operator()(const StopRequested& event) {
    writer.key("cause").string(to_string(event.cause));
  }
  void operator()(const RunEnded& event) {
    writer.key("outcome").string(to_string(event.outcome)).key("reason").string(event.reason);
    write_text(writer, "message", event.message);
  }
  void operator()(const RunResumed& event) {
    writer.key("version").string(event.version);
    write_limits(writer, event.limits);
    write_prefix(writer, event.prefix);
    write_budget(writer, event.budget);
    if (event.policy) write_policy(writer, *event.policy);
    write_text(writer, "model", event.model);
    write_text(writer, "host", event.host);
    write_text(writer, "base_url", event.base_url);
    write_fallback(writer, event.fallback);
    write_count(writer, "endpoint", event.endpoint);
    if (!event.agent.empty()) writer.key("agent").raw(event.agent);
  }
};

}  // namespace

std::string encode(const RunEvent& event) {
  std::string out;
  Writer writer(out);
  writer.begin_object().key("active_ms").integer(event.active_ms);
  std::visit(Encoder{writer}, event.body);
  writer.end_object();
  return out;
}

std::string_view kind_of(const EventBody& body) {
  return kEventKinds[body.index()];
}

std::string_view to_string(Outcome outcome) {
  return name_in(kOutcomeNames, outcome);
}
std::string_view to_string(EffectClass effect) {
  return name_in(kEffectNames, effect);
}
std::string_view to_string(PolicyAction action) {
  return name_in(kActionNames, action);
}
std::string_view to_string(CallStatus status) {
  return name_in(kCallStatusNames, status);
}
std::string_view to_string(FinishReason reason) {
  return name_in(kFinishNames, reason);
}
std::string_view to_string(StopCause cause) {
  return name_in(kStopNames, cause);
}

int exit_status(Outcome outcome) {
  switch (outcome) {
    case Outcome::kDone:
      return 0;
    case Outcome::kFailed:
      return 1;
    case Outcome::kInvalid:
      return 2;
    case Outcome::kPaused:
      return 3;
    case Outcome::kEndpointPermanent:
      return 4;
    case Outcome::kStuck:
      return 5;
    case Outcome::kStoreFailed:
      return 74;
    case Outcome::kEndpointTemporary:
      return 75;
    case Outcome::kInterrupted:
      return 130;
  }
  return 70;
}

}  // namespace perdure
