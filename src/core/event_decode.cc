#include <nlohmann/json.hpp>

#include "base/answer.h"
#include "base/tool_name.h"
#include "core/event.h"
#include "core/event_names.h"
#include "json/fields.h"
#include "json/parse.h"

namespace perdure {
namespace {

Budget read_budget(Fields& fields) {
  Fields inner = fields.inner("budget");
  const auto cap = [&](const char* key) {
    return inner.has(key) ? std::optional(inner.integer(key)) : std::nullopt;
  };
  Budget budget{.steps = cap("steps"),
                .input_tokens = cap("input_tokens"),
                .output_tokens = cap("output_tokens"),
                .reasoning_tokens = cap("reasoning_tokens"),
                .usd = inner.has("usd") ? std::optional(inner.number("usd")) : std::nullopt,
                .wall_ms = cap("wall_ms")};
  fields.merge(inner);
  return budget;
}

RequestLimits read_limits(Fields& fields) {
  Fields inner = fields.inner("limits");
  RequestLimits limits{.window_tokens = inner.integer("window_tokens"),
                       .output_tokens_max = inner.integer("output_tokens_max"),
                       .head_bytes = inner.integer("head_bytes"),
                       .attempts_max = inner.integer("attempts_max"),
                       .parallel_calls_max = inner.integer("parallel_calls_max"),
                       .continues = inner.optional_flag("continues"),
                       .told_choice = inner.optional_text("told_choice")};
  if (inner.has("calls_max")) limits.calls_max = inner.integer("calls_max");
  if (inner.has("retry_ms")) limits.retry_ms = inner.integer("retry_ms");
  if (inner.has("price")) {
    Fields price = inner.inner("price");
    limits.price = {.input = price.number("input"),
                    .cached = price.number("cached"),
                    .output = price.number("output")};
    if (price.has("cache_write")) limits.price->cache_write = price.number("cache_write");
    inner.merge(price);
  }
  fields.merge(inner);
  return limits;
}

std::vector<PrefixPart> read_prefix(Fields& fields) {
  std::vector<PrefixPart> prefix;
  for (const Json& item : fields.optional_list("prefix")) {
    Fields part(item);
    prefix.push_back({.field = part.text("field"), .value = part.text("value")});
    fields.merge(part);
  }
  return prefix;
}

FallbackPlan read_fallback(Fields& fields) {
  FallbackPlan plan;
  if (!fields.has("fallback")) return plan;
  Fields inner = fields.inner("fallback");
  for (const Json& item : inner.list("endpoints")) {
    Fields endpoint(item);
    plan.endpoints.push_back({.model = endpoint.text("model"),
                              .host = endpoint.text("host"),
                              .base_url = endpoint.text("base_url"),
                              .limits = read_limits(endpoint),
                              .prefix = read_prefix(endpoint)});
    inner.merge(endpoint);
  }
  plan.return_ms = inner.integer("return_ms");
  if (inner.has("after_ms")) plan.after_ms = inner.integer("after_ms");
  plan.strict_prefix = inner.optional_flag("strict_prefix");
  fields.merge(inner);
  return plan;
}

Error read_error(Fields& fields) {
  return {.code = fields.error_code("code"),
          .message = fields.text("message"),
          .context = fields.optional_text("context"),
          .advice = fields.optional_text("advice"),
          .retry = fields.optional_flag("retry") ? Retry::kLater : Retry::kNo,
          .retry_after_ms = fields.has("retry_after_ms") ? fields.integer("retry_after_ms") : -1};
}

std::vector<PolicyRule> read_policy(Fields& fields) {
  std::vector<PolicyRule> rules;
  for (const Json& item : fields.list("policy")) {
    Fields rule(item);
    PolicyRule read{.tool = rule.text("tool"),
                    .path = rule.optional_text("path"),
                    .action = rule.name("action", kActionNames)};
    if (rule.has("effect")) read.effect = rule.name("effect", kEffectNames);
    rules.push_back(std::move(read));
    fields.merge(rule);
  }
  return rules;
}

RunResumed read_run_resumed(Fields& fields, std::string_view payload) {
  RunResumed event{.version = fields.text("version"),
                   .budget = read_budget(fields),
                   .limits = read_limits(fields),
                   .prefix = read_prefix(fields)};
  if (fields.has("policy")) event.policy = read_policy(fields);
  event.model = fields.optional_text("model");
  event.host = fields.optional_text("host");
  event.base_url = fields.optional_text("base_url");
  event.fallback = read_fallback(fields);
  event.endpoint = fields.optional_integer("endpoint");
  event.agent = fields.optional_object_text("agent", payload);
  return event;
}

RunStarted read_run_started(Fields& fields, std::string_view payload) {
  RunStarted event{.version = fields.text("version"),
                   .agent = fields.object_text("agent", payload),
                   .agent_name = fields.text("agent_name"),
                   .task = fields.text("task"),
                   .model = fields.text("model"),
                   .host = fields.text("host"),
                   .base_url = fields.text("base_url"),
                   .workspace = fields.text("workspace"),
                   .limits = read_limits(fields),
                   .prefix = read_prefix(fields),
                   .budget = read_budget(fields),
                   .acceptance_rounds = fields.optional_integer("acceptance_rounds")};
  event.policy = read_policy(fields);
  event.fallback = read_fallback(fields);
  event.parent = fields.optional_text("parent");
  return event;
}

// What the fragment holds, with what the edits changed for the hosts put back.
void read_message(ModelReplied& event, Fields& message) {
  for (const Json& item : message.optional_list("tool_calls")) {
    Fields call(item);
    Fields function = call.inner("function");
    event.calls.push_back({.id = call.text("id"),
                           .name = function.text("name"),
                           .arguments = function.text("arguments")});
    message.merge(call);
    message.merge(function);
  }
  for (const ReplyEdit& edit : event.edits) {
    for (std::size_t i = 0; i < event.calls.size(); ++i) {
      const std::string base = "tool_calls/" + std::to_string(i) + "/function/";
      if (edit.field == base + "arguments") event.calls[i].arguments = edit.original;
      if (edit.field == base + "name") event.calls[i].name = called_tool(edit.original);
    }
  }
}

ReplyUsage read_usage(Fields& fields) {
  Fields inner = fields.inner("usage");
  ReplyUsage usage{.input_tokens = inner.integer("input_tokens"),
                   .cached_tokens = inner.integer("cached_tokens"),
                   .cache_write_tokens = inner.optional_integer("cache_write_tokens"),
                   .output_tokens = inner.integer("output_tokens"),
                   .reasoning_tokens = inner.integer("reasoning_tokens"),
                   .usd = inner.has("usd") ? std::optional(inner.number("usd")) : std::nullopt,
                   .estimated = inner.optional_flag("estimated"),
                   .expected_cached_tokens = inner.optional_integer("expected_cached_tokens"),
                   .tools_usd = inner.optional_number("tools_usd")};
  fields.merge(inner);
  return usage;
}

RequestRepaired read_request_repaired(Fields& fields, std::string_view text) {
  return {.kind = fields.name("repair", kRepairNames),
          .left_out = fields.optional_texts("left_out"),
          .told_choice = fields.optional_text("told_choice"),
          .tool = fields.optional_text("tool"),
          .message = fields.integer("message"),
          .fragment = fields.optional_object_text("fragment", text),
          .summary = fields.text("summary"),
          .prefix = read_prefix(fields)};
}

TrialAnswered read_trial_answered(Fields& fields) {
  TrialAnswered event{.step = fields.integer("step"),
                      .trial = fields.integer("trial"),
                      .outcome = fields.name("outcome", kTrialNames),
                      .usage = read_usage(fields),
                      .delay_ms = fields.optional_integer("delay_ms")};
  if (event.outcome != TrialOutcome::kTaken) {
    Fields problem = fields.inner("problem");
    event.error = read_error(problem);
    fields.merge(problem);
  }
  return event;
}

ModelReplied read_model_replied(Fields& fields, const Json& payload, std::string_view text) {
  ModelReplied event{.step = fields.integer("step"),
                     .fragment = fields.optional_object_text("fragment", text),
                     .finish = fields.name("finish", kFinishNames),
                     .finish_text = fields.optional_text("finish_text"),
                     .usage = read_usage(fields),
                     .response_id = fields.optional_text("response_id"),
                     .first_byte_ms = fields.integer("first_byte_ms"),
                     .duration_ms = fields.integer("duration_ms")};
  for (const Json& item : fields.optional_list("edits")) {
    Fields edit(item);
    event.edits.push_back({.field = edit.text("field"),
                           .original = edit.text("original"),
                           .reason = edit.text("reason")});
    fields.merge(edit);
  }
  if (fields.has("fragment")) {
    const Json& fragment = payload["fragment"];
    Fields message(fragment);
    event.text = answer_of(fragment);
    read_message(event, message);
    fields.merge(message);
  }
  return event;
}

CallAssessed read_call_assessed(Fields& fields) {
  CallAssessed event{.call = fields.integer("call"),
                     .assessment = {.effect = fields.name("effect", kEffectNames),
                                    .reads = fields.optional_texts("reads"),
                                    .writes = fields.optional_texts("writes"),
                                    .exclusive = fields.optional_flag("exclusive"),
                                    .hash = fields.text("hash"),
                                    .summary = fields.text("summary")}};
  if (fields.has("problem")) {
    Fields problem = fields.inner("problem");
    event.assessment.problem = read_error(problem);
    fields.merge(problem);
  }
  return event;
}

CallFinished read_call_finished(Fields& fields, std::string_view payload) {
  CallFinished event{.call = fields.integer("call"),
                     .status = fields.name("status", kCallStatusNames),
                     .fragment = fields.object_text("fragment", payload),
                     .output_bytes = fields.integer("output_bytes"),
                     .output_blob = fields.optional_text("output_blob"),
                     .duration_ms = fields.integer("duration_ms")};
  for (const Json& item : fields.optional_list("files")) {
    Fields touch(item);
    event.files.push_back({.path = touch.text("path"),
                           .hash = touch.optional_text("hash"),
                           .written = touch.optional_flag("written")});
    fields.merge(touch);
  }
  return event;
}

RequestFailed read_request_failed(Fields& fields, const Json& payload, std::string_view text) {
  return {.step = fields.integer("step"),
          .attempt = fields.integer("attempt"),
          .error = read_error(fields),
          .received_bytes = fields.optional_integer("received_bytes"),
          .delay_ms = fields.optional_integer("delay_ms"),
          .structural = fields.optional_flag("structural"),
          .tools = fields.optional_texts("tools"),
          .key_renewed = fields.optional_flag("key_renewed"),
          .circuit_open = fields.optional_flag("circuit_open"),
          .kept = fields.has("kept") ? fields.object_text("kept", text) : "",
          .text = fields.has("kept") ? answer_of(payload["kept"]) : ""};
}

EndpointChanged read_endpoint_changed(Fields& fields) {
  return {.from = fields.integer("from"),
          .to = fields.integer("to"),
          .from_name = fields.text("from_name"),
          .to_name = fields.text("to_name"),
          .reason = fields.text("reason"),
          .message = fields.optional_text("message")};
}

MessageQueued read_message_queued(Fields& fields, std::string_view payload) {
  return {.text = fields.text("text"),
          .fragment = fields.optional_object_text("fragment", payload),
          .media_tokens = fields.optional_integer("media_tokens")};
}

// What happens to requests.
std::optional<EventBody> read_change(std::string_view kind, Fields& fields, std::string_view text) {
  if (kind == "request_repaired") return read_request_repaired(fields, text);
  if (kind == "trial_sent") {
    return TrialSent{.step = fields.integer("step"),
                     .trial = fields.integer("trial"),
                     .without = fields.optional_texts("without"),
                     .input_tokens_estimate = fields.integer("input_tokens_estimate"),
                     .body = fields.optional_object_text("body", text)};
  }
  if (kind == "trial_answered") return read_trial_answered(fields);
  if (kind == "media_uploaded") {
    return MediaUploaded{.blob = fields.text("blob"),
                         .base_url = fields.text("base_url"),
                         .url = fields.optional_text("url"),
                         .problem = fields.optional_text("problem")};
  }
  if (kind == "run_forked") {
    return RunForked{.parent = fields.text("parent"),
                     .step = fields.integer("step"),
                     .budget = read_budget(fields),
                     .changes = fields.optional_texts("changes")};
  }
  if (kind == "media_omitted") return MediaOmitted{.summary = fields.text("summary")};
  return std::nullopt;
}

std::optional<EventBody> read_body(std::string_view kind, Fields& fields, const Json& payload,
                                   std::string_view text) {
  const auto index = [&] { return fields.integer("call"); };
  if (kind == "run_started") return read_run_started(fields, text);
  if (kind == "message_queued") return read_message_queued(fields, text);
  if (kind == "message_added") {
    return MessageAdded{.origin = fields.name("origin", kOriginNames),
                        .fragment = fields.object_text("fragment", text)};
  }
  if (kind == "prefix_changed") {
    return PrefixChanged{
        .message = fields.integer("message"),
        .field = fields.text("field"),
        .summary = fields.text("summary"),
        .tokens = fields.integer("tokens"),
        .usd = fields.has("usd") ? std::optional(fields.number("usd")) : std::nullopt};
  }
  if (kind == "host_differs") {
    return HostDiffers{.fact = fields.text("fact"),
                       .expected = fields.text("expected"),
                       .seen = fields.text("seen"),
                       .summary = fields.text("summary")};
  }
  if (kind == "request_sent") {
    return RequestSent{.step = fields.integer("step"),
                       .attempt = fields.integer("attempt"),
                       .output_tokens_max = fields.integer("output_tokens_max"),
                       .input_tokens_estimate = fields.integer("input_tokens_estimate"),
                       .reserved_usd = fields.optional_number("reserved_usd"),
                       .messages = fields.optional_integer("messages"),
                       .messages_hash = fields.optional_text("messages_hash"),
                       .body = fields.optional_object_text("body", text),
                       .continues = fields.optional_flag("continues")};
  }
  if (kind == "request_failed") return read_request_failed(fields, payload, text);
  if (kind == "retry_scheduled") {
    return RetryScheduled{.delay_ms = fields.integer("delay_ms"),
                          .attempts_max = fields.optional_integer("attempts_max"),
                          .left_ms = fields.optional_integer("left_ms")};
  }
  if (kind == "retry_due") return RetryDue{};
  if (kind == "endpoint_changed") return read_endpoint_changed(fields);
  if (kind == "model_replied") return read_model_replied(fields, payload, text);
  if (kind == "call_assessed") return read_call_assessed(fields);
  if (kind == "call_authorized") {
    return CallAuthorized{.call = index(),
                          .action = fields.name("action", kActionNames),
                          .rule = fields.text("rule")};
  }
  if (kind == "approval_asked") return ApprovalAsked{.call = index()};
  if (kind == "approval_given") {
    return ApprovalGiven{
        .call = index(), .answer = fields.name("answer", kAnswerNames), .by = fields.text("by")};
  }
  if (kind == "call_intended") {
    return CallIntended{
        .call = index(), .attempt = fields.integer("attempt"), .key = fields.text("key")};
  }
  if (kind == "call_finished") return read_call_finished(fields, text);
  if (kind == "acceptance_started") return AcceptanceStarted{.round = fields.integer("round")};
  if (kind == "acceptance_finished") {
    return AcceptanceFinished{.passed = fields.flag("passed"),
                              .report = fields.optional_text("report")};
  }
  if (kind == "stop_requested") return StopRequested{.cause = fields.name("cause", kStopNames)};
  if (kind == "run_ended") {
    return RunEnded{.outcome = fields.name("outcome", kOutcomeNames),
                    .reason = fields.text("reason"),
                    .message = fields.optional_text("message")};
  }
  if (kind == "run_resumed") {
    return read_run_resumed(fields, text);
  }
  return read_change(kind, fields, text);
}

}  // namespace

Result<RunEvent> decode(std::string_view kind, std::string_view payload) {
  const auto damaged = [&](std::string what) {
    return Error{.code = ErrorCode::kCorrupt,
                 .message = "an event of kind '" + std::string(kind) + "' " + std::move(what)};
  };
  const Result<Json> parsed = json::parse(payload);
  if (!parsed.ok()) return damaged("is " + parsed.error().message);
  Fields fields(*parsed);
  std::optional<EventBody> body = read_body(kind, fields, *parsed, payload);
  if (!body) return damaged("is unknown: written by a newer version?");
  RunEvent event{.active_ms = fields.integer("active_ms"), .body = std::move(*body)};
  if (!fields.ok()) return damaged("lacks a field or has one of the wrong type");
  return event;
}

}  // namespace perdure
