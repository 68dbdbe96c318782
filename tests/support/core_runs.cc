#include "tests/support/core_runs.h"

#include <array>
#include <tuple>

#include <gtest/gtest.h>

#include "json/writer.h"

namespace perdure::test {
namespace {

std::string number(std::int64_t value) {
  return std::to_string(value);
}

struct Describer {
  std::string operator()(const Record& effect) const {
    return std::string(kind_of(effect.event)) + " " +
           encode({.active_ms = 0, .body = effect.event});
  }
  std::string operator()(const AssessCall& effect) const { return "assess " + number(effect.call); }
  std::string operator()(const AskApproval& effect) const { return "ask " + number(effect.call); }
  std::string operator()(const StartCall& effect) const {
    std::string text = "start " + number(effect.call);
    if (effect.attempt != 1) text += " attempt " + number(effect.attempt);
    return text;
  }
  std::string operator()(const ResolveDoubt& effect) const {
    return "doubt " + number(effect.call);
  }
  std::string operator()(const CallModel& effect) const {
    const RequestSent& request = effect.request;
    return "request step " + number(request.step) + " attempt " + number(request.attempt) +
           " max " + number(request.output_tokens_max);
  }
  std::string operator()(const WaitForRetry& effect) const {
    return "wait " + number(effect.retry.delay_ms);
  }
  std::string operator()(const RunAcceptance& effect) const {
    return "accept " + number(effect.round);
  }
  std::string operator()(const RepairRequest& effect) const {
    return "repair " + encode({.active_ms = 0, .body = effect.event});
  }
  std::string operator()(const TryRequest& effect) const {
    std::string text = "try " + number(effect.trial.trial);
    for (const std::string& part : effect.trial.without) text += " " + part;
    return text;
  }
  std::string operator()(const ReportRefusal& effect) const {
    return "report " + encode({.active_ms = 0, .body = effect.end});
  }
  std::string operator()(const CancelWork&) const { return "cancel"; }
};

// Equality of the core's plain values, which have none of their own: only tests compare them.
bool same(const std::optional<Price>& a, const std::optional<Price>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return std::tie(a->input, a->cached, a->output, a->cache_write) ==
         std::tie(b->input, b->cached, b->output, b->cache_write);
}

bool same(const RequestLimits& a, const RequestLimits& b) {
  return same(a.price, b.price) && a.window_tokens == b.window_tokens &&
         a.output_tokens_max == b.output_tokens_max && a.head_bytes == b.head_bytes &&
         a.attempts_max == b.attempts_max && a.parallel_calls_max == b.parallel_calls_max &&
         a.calls_max == b.calls_max && a.retry_ms == b.retry_ms && a.continues == b.continues;
}

bool same(const Budget& a, const Budget& b) {
  return a.steps == b.steps && a.input_tokens == b.input_tokens &&
         a.output_tokens == b.output_tokens && a.reasoning_tokens == b.reasoning_tokens &&
         a.usd == b.usd && a.wall_ms == b.wall_ms;
}

bool same(const Usage& a, const Usage& b) {
  return a.steps == b.steps && a.calls == b.calls && a.input_tokens == b.input_tokens &&
         a.cached_tokens == b.cached_tokens && a.output_tokens == b.output_tokens &&
         a.reasoning_tokens == b.reasoning_tokens && a.usd == b.usd && a.wall_ms == b.wall_ms &&
         a.estimated == b.estimated;
}

bool same(const RequestSent& a, const RequestSent& b) {
  return a.step == b.step && a.attempt == b.attempt && a.output_tokens_max == b.output_tokens_max &&
         a.input_tokens_estimate == b.input_tokens_estimate && a.reserved_usd == b.reserved_usd &&
         a.messages == b.messages && a.messages_hash == b.messages_hash &&
         a.continues == b.continues;
}

bool same(const Error& a, const Error& b) {
  return a.code == b.code && a.message == b.message && a.context == b.context &&
         a.advice == b.advice && a.retry == b.retry && a.retry_after_ms == b.retry_after_ms;
}

bool same(const RequestFailed& a, const RequestFailed& b) {
  return same(a.error, b.error) && a.step == b.step && a.attempt == b.attempt &&
         a.received_bytes == b.received_bytes && a.delay_ms == b.delay_ms &&
         a.structural == b.structural && a.tools == b.tools && a.key_renewed == b.key_renewed &&
         a.kept == b.kept && a.text == b.text;
}

bool same(const RunEnded& a, const RunEnded& b) {
  return a.outcome == b.outcome && a.reason == b.reason && a.message == b.message;
}

bool same(const Assessment& a, const Assessment& b) {
  if (a.problem.has_value() != b.problem.has_value()) return false;
  if (a.problem && !same(*a.problem, *b.problem)) return false;
  return a.effect == b.effect && a.reads == b.reads && a.writes == b.writes &&
         a.exclusive == b.exclusive && a.hash == b.hash && a.summary == b.summary;
}

template <class Value>
bool same_optional(const std::optional<Value>& a, const std::optional<Value>& b) {
  return a && b ? same(*a, *b) : a.has_value() == b.has_value();
}

bool same(const CallState& a, const CallState& b) {
  return a.call.id == b.call.id && a.call.name == b.call.name &&
         a.call.arguments == b.call.arguments && a.stage == b.stage &&
         same_optional(a.assessment, b.assessment) && a.decision == b.decision &&
         a.attempt == b.attempt && a.key == b.key && a.status == b.status &&
         a.fragment == b.fragment;
}

bool same(const Grant& a, const Grant& b) {
  return a.tool == b.tool && a.paths == b.paths && a.hash == b.hash;
}

bool same(const StoredOutput& a, const StoredOutput& b) {
  return a.blob == b.blob && a.bytes == b.bytes;
}

bool same(const std::pair<const std::string, StoredOutput>& a,
          const std::pair<const std::string, StoredOutput>& b) {
  return a.first == b.first && same(a.second, b.second);
}

bool same(const PolicyRule& a, const PolicyRule& b) {
  return a.tool == b.tool && a.effect == b.effect && a.path == b.path && a.action == b.action;
}

bool same(const EndpointPlan& a, const EndpointPlan& b) {
  return a.model == b.model && a.host == b.host && a.base_url == b.base_url &&
         same(a.limits, b.limits) && a.prefix == b.prefix;
}

bool same(const Issuer& a, const Issuer& b) {
  return a.first_message == b.first_message && a.host == b.host && a.base_url == b.base_url;
}

bool same(const GivenUp& a, const GivenUp& b) {
  if (a.may_try_again != b.may_try_again) return false;
  return a.endpoint == b.endpoint && same(a.failure, b.failure);
}

template <class List>
bool same_list(const List& a, const List& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& left, const auto& right) { return same(left, right); });
}

bool same(const RunStarted& a, const RunStarted& b) {
  return a.version == b.version && a.agent == b.agent && a.agent_name == b.agent_name &&
         a.task == b.task && a.model == b.model && a.host == b.host && a.base_url == b.base_url &&
         a.workspace == b.workspace && same(a.limits, b.limits) && a.prefix == b.prefix &&
         same(a.budget, b.budget) && same_list(a.policy, b.policy) &&
         a.acceptance_rounds == b.acceptance_rounds;
}

struct Field {
  const char* name;
  bool (*same)(const Run& a, const Run& b);
};

#define FIELD(expression)                                              \
  Field {                                                              \
    #expression, [](const Run& a, const Run& b) { return expression; } \
  }
constexpr std::array kFields = {
    FIELD(a.started == b.started),
    FIELD(same(a.definition, b.definition)),
    FIELD(same(a.limits, b.limits)),
    FIELD(same(a.budget, b.budget)),
    FIELD(a.transcript.bytes() == b.transcript.bytes()),
    FIELD(a.transcript == b.transcript),
    FIELD(a.queue == b.queue),
    FIELD(a.turn == b.turn),
    FIELD(a.step == b.step),
    FIELD(a.turn_steps == b.turn_steps),
    FIELD(a.model_should_speak == b.model_should_speak),
    FIELD(a.runtime_spoke == b.runtime_spoke),
    FIELD(a.request == b.request),
    FIELD(a.attempt == b.attempt),
    FIELD(same(a.sent, b.sent)),
    FIELD(same_list(a.endpoints, b.endpoints)),
    FIELD(a.endpoint == b.endpoint),
    FIELD(same_list(a.issuers, b.issuers)),
    FIELD(a.waited_ms == b.waited_ms),
    FIELD(a.fallback_after_ms == b.fallback_after_ms),
    FIELD(a.return_ms == b.return_ms),
    FIELD(a.away_at_ms == b.away_at_ms),
    FIELD(a.tried_from == b.tried_from),
    FIELD(same_list(a.given_up, b.given_up)),
    FIELD(a.unusable == b.unusable),
    FIELD(a.strict_prefix == b.strict_prefix),
    FIELD(a.repair == b.repair),
    FIELD(a.prefix == b.prefix),
    FIELD(a.prefix_sent == b.prefix_sent),
    FIELD(a.messages_agreed == b.messages_agreed),
    FIELD(a.message_changed == b.message_changed),
    FIELD(a.prefix_announced == b.prefix_announced),
    FIELD(a.cached_tokens_expected == b.cached_tokens_expected),
    FIELD(a.host_caches == b.host_caches),
    FIELD(same_optional(a.failure, b.failure)),
    FIELD(same_list(a.calls, b.calls)),
    FIELD(a.calls_truncated == b.calls_truncated),
    FIELD(same_list(a.grants, b.grants)),
    FIELD(a.text == b.text),
    FIELD(a.text_goes_on == b.text_goes_on),
    FIELD(a.cut_reply == b.cut_reply),
    FIELD(a.stream_broke == b.stream_broke),
    FIELD(a.finish == b.finish),
    FIELD(a.empty_replies == b.empty_replies),
    FIELD(a.missing_calls == b.missing_calls),
    FIELD(a.calls_missed == b.calls_missed),
    FIELD(a.key_renewed == b.key_renewed),
    FIELD(a.cut_replies == b.cut_replies),
    FIELD(a.guard.repetitions() == b.guard.repetitions()),
    FIELD(a.guard.period() == b.guard.period()),
    FIELD(a.accepting == b.accepting),
    FIELD(a.accepted == b.accepted),
    FIELD(a.acceptance_round == b.acceptance_round),
    FIELD(a.acceptance_report == b.acceptance_report),
    FIELD(same(a.usage, b.usage)),
    FIELD(same(a.shared_usage, b.shared_usage)),
    FIELD(a.prompt_tokens_known == b.prompt_tokens_known),
    FIELD(a.prompt_bytes_known == b.prompt_bytes_known),
    FIELD(a.media_tokens_known == b.media_tokens_known),
    FIELD(a.media_tokens == b.media_tokens),
    FIELD(a.media_uploads == b.media_uploads),
    FIELD(a.media_omitted == b.media_omitted),
    FIELD(a.call_ids == b.call_ids),
    FIELD(a.host_differences == b.host_differences),
    FIELD(a.file_hashes == b.file_hashes),
    FIELD(same_list(a.stored_outputs, b.stored_outputs)),
    FIELD(a.stop == b.stop),
    FIELD(same_optional(a.ended, b.ended)),
    FIELD(describe(decide(a)) == describe(decide(b))),
};
#undef FIELD

Assessment assessment_of(EffectClass effect, std::string hash) {
  return {.effect = effect, .hash = std::move(hash), .summary = "a call"};
}

std::string joined(const std::vector<std::string>& paths) {
  std::string text;
  for (const std::string& path : paths) text += " " + path;
  return text;
}

}  // namespace

std::string describe(const Effect& effect) {
  return std::visit(Describer{}, effect);
}

std::string describe(const std::vector<Effect>& effects) {
  std::string text;
  for (const Effect& effect : effects) {
    if (!text.empty()) text += '\n';
    text += describe(effect);
  }
  return text;
}

std::string difference(const Run& a, const Run& b) {
  for (const Field& field : kFields) {
    if (!field.same(a, b)) return field.name;
  }
  return {};
}

RunStarted definition_of_test() {
  return {.version = "0.1.0",
          .agent = R"({"name":"test"})",
          .agent_name = "test",
          .task = "Do it.",
          .model = "kimi-k2.6",
          .host = "moonshot",
          .base_url = "http://127.0.0.1:1/v1",
          .workspace = "/work",
          .limits = {.window_tokens = 100'000,
                     .output_tokens_max = 4'096,
                     .head_bytes = 300,
                     .attempts_max = 3,
                     .parallel_calls_max = 2}};
}

ToolCall call_of(std::string id, std::string name, std::string arguments) {
  return {.id = std::move(id), .name = std::move(name), .arguments = std::move(arguments)};
}

std::string assistant_fragment(std::string_view text, const std::vector<ToolCall>& calls) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("role").string("assistant");
  if (!text.empty()) writer.key("content").string(text);
  if (!calls.empty()) {
    writer.key("tool_calls").begin_array();
    for (const ToolCall& call : calls) {
      const bool object = call.arguments.starts_with('{') && call.arguments.ends_with('}');
      writer.begin_object().key("id").string(call.id).key("type").string("function");
      writer.key("function").begin_object().key("name").string(call.name);
      writer.key("arguments").string(object ? call.arguments : "{}").end_object().end_object();
    }
    writer.end_array();
  }
  writer.end_object();
  return out;
}

ModelReplied text_reply(std::string text, FinishReason finish) {
  ModelReplied reply{.text = std::move(text), .finish = finish};
  if (!reply.text.empty()) reply.fragment = assistant_fragment(reply.text, {});
  reply.usage = {.input_tokens = 100, .output_tokens = 10};
  return reply;
}

ModelReplied calls_reply(std::vector<ToolCall> calls, FinishReason finish) {
  ModelReplied reply{.calls = std::move(calls), .finish = finish};
  reply.fragment = assistant_fragment("", reply.calls);
  reply.usage = {.input_tokens = 100, .output_tokens = 10};
  for (std::size_t i = 0; i < reply.calls.size(); ++i) {
    const std::string& arguments = reply.calls[i].arguments;
    if (arguments.starts_with('{') && arguments.ends_with('}')) continue;
    reply.edits.push_back({.field = "tool_calls/" + std::to_string(i) + "/function/arguments",
                           .original = arguments,
                           .reason = "not a JSON object"});
  }
  return reply;
}

Assessment reads(std::vector<std::string> paths) {
  Assessment assessment = assessment_of(EffectClass::kRead, "reads" + joined(paths));
  assessment.reads = std::move(paths);
  return assessment;
}

Assessment writes(std::vector<std::string> paths, EffectClass effect) {
  Assessment assessment = assessment_of(effect, "writes" + joined(paths));
  assessment.writes = std::move(paths);
  return assessment;
}

Assessment exclusive(EffectClass effect) {
  Assessment assessment = assessment_of(effect, "exclusive");
  assessment.exclusive = true;
  return assessment;
}

Assessment pure() {
  return assessment_of(EffectClass::kPure, "pure");
}

TestRun::TestRun(RunStarted definition) {
  add(std::move(definition));
  add(MessageAdded{.origin = MessageOrigin::kInstructions,
                   .fragment = message_fragment("system", "Be brief.")});
  say("Do it.");
}

TestRun& TestRun::add(EventBody body, std::int64_t active_ms) {
  const RunEvent event{.active_ms = active_ms, .body = std::move(body)};
  const Status status = apply(run_, event);
  if (!status.ok()) ADD_FAILURE() << kind_of(event.body) << ": " << status.error().message;
  return *this;
}

std::string TestRun::refusal(EventBody body) {
  const Run before = run_;
  const Status status = apply(run_, {.active_ms = 1'000'000, .body = std::move(body)});
  EXPECT_EQ(difference(before, run_), "") << "a refused event changed the run";
  if (status.ok()) return "accepted";
  EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
  return status.error().message;
}

TestRun& TestRun::settle() {
  for (int rounds = 0; rounds < 100; ++rounds) {
    bool changed = false;
    for (const Effect& effect : decide(run_)) {
      const auto* record = std::get_if<Record>(&effect);
      if (record == nullptr) continue;
      add(record->event);
      changed = true;
    }
    if (!changed) return *this;
  }
  ADD_FAILURE() << "decide() does not come to rest: " << next();
  return *this;
}

const RequestSent& TestRun::request() {
  settle();
  const std::vector<Effect> effects = decide(run_);
  const auto* ask = effects.size() == 1 ? std::get_if<CallModel>(&effects[0]) : nullptr;
  if (ask == nullptr) {
    ADD_FAILURE() << "no request is due, but: " << describe(effects);
  } else {
    add(ask->request);
  }
  return run_.sent;
}

TestRun& TestRun::fail(ErrorCode code, Retry retry, std::int64_t delay_ms,
                       std::int64_t received_bytes) {
  return add(RequestFailed{.step = run_.step,
                           .attempt = run_.attempt,
                           .error = {.code = code, .message = "it failed", .retry = retry},
                           .received_bytes = received_bytes,
                           .delay_ms = delay_ms});
}

TestRun& TestRun::reply(ModelReplied reply) {
  reply.step = run_.step;
  return add(std::move(reply));
}

TestRun& TestRun::assess(std::int64_t call, Assessment assessment) {
  return add(CallAssessed{.call = call, .assessment = std::move(assessment)});
}

TestRun& TestRun::start(std::int64_t call) {
  const CallState& state = run_.calls.at(static_cast<std::size_t>(call));
  return add(CallIntended{.call = call, .attempt = state.attempt + 1, .key = "key"});
}

TestRun& TestRun::finish(std::int64_t call, std::string_view text, CallStatus status) {
  const std::string& id = run_.calls.at(static_cast<std::size_t>(call)).call.id;
  return add(CallFinished{.call = call, .status = status, .fragment = result_fragment(id, text)});
}

TestRun& TestRun::step(const std::vector<ToolCall>& calls, std::string_view result) {
  request();
  reply(calls_reply(calls));
  const auto count = static_cast<std::int64_t>(calls.size());
  for (std::int64_t i = 0; i < count; ++i) {
    Assessment assessment = pure();
    const ToolCall& call = calls[static_cast<std::size_t>(i)];
    assessment.hash = call.name + call.arguments;
    assess(i, assessment);
  }
  settle();
  for (std::int64_t i = 0; i < count; ++i) start(i).finish(i, result);
  return *this;
}

TestRun& TestRun::resume() {
  return resume(run_.budget);
}

TestRun& TestRun::resume(Budget budget) {
  const std::vector<EndpointPlan>& endpoints = run_.endpoints;
  return add(RunResumed{.version = "0.1.0",
                        .budget = std::move(budget),
                        .limits = endpoints[0].limits,
                        .prefix = endpoints[0].prefix,
                        .fallback = {.endpoints = {endpoints.begin() + 1, endpoints.end()},
                                     .after_ms = run_.fallback_after_ms,
                                     .return_ms = run_.return_ms,
                                     .strict_prefix = run_.strict_prefix},
                        .endpoint = static_cast<std::int64_t>(run_.endpoint)});
}

std::string TestRun::transcript() const {
  std::string text;
  for (std::size_t i = 0; i < run_.transcript.size(); ++i) {
    text += std::string(run_.transcript.fragment(i)) + "\n";
  }
  return text;
}

std::string TestRun::stages() const {
  constexpr std::array<const char*, 7> kNames = {"proposed", "assessed", "authorized", "asking",
                                                 "running",  "doubt",    "finished"};
  std::string text;
  for (const CallState& call : run_.calls) {
    if (!text.empty()) text += ' ';
    text += kNames.at(static_cast<std::size_t>(call.stage));
  }
  return text;
}

}  // namespace perdure::test
