// The outside of the simulated world: what the model says, how requests fail, what people answer,
// and what tools are there. All of it by chance.
#include <algorithm>
#include <array>

#include "core/repair.h"
#include "tests/sim/core_world.h"
#include "tests/support/core_runs.h"

namespace perdure::test {
namespace {

enum class Scope : std::uint8_t { kNothing, kReads, kWrites, kAll };

struct WorldTool {
  const char* name;
  EffectClass effect;
  Scope scope;
  bool can_be_probed;  // after a crash somebody can see whether it took effect
};

constexpr std::array kTools = {
    WorldTool{"calculate", EffectClass::kPure, Scope::kNothing, false},
    WorldTool{"read", EffectClass::kRead, Scope::kReads, false},
    WorldTool{"health", EffectClass::kRead, Scope::kNothing, false},
    WorldTool{"write", EffectClass::kIdempotent, Scope::kWrites, false},
    WorldTool{"create", EffectClass::kAdditive, Scope::kWrites, true},
    WorldTool{"page", EffectClass::kAdditive, Scope::kAll, false},
    WorldTool{"remove", EffectClass::kDestructive, Scope::kWrites, true},
    WorldTool{"run", EffectClass::kDestructive, Scope::kAll, false},
};

constexpr std::array<std::string_view, 6> kPaths = {"a", "b", "dir", "dir/x", "dir2", "."};

const WorldTool* find_tool(std::string_view name) {
  for (const WorldTool& tool : kTools) {
    if (tool.name == name) return &tool;
  }
  return nullptr;
}

}  // namespace

bool CoreWorld::can_probe(std::string_view tool_name) {
  const WorldTool* tool = find_tool(tool_name);
  return tool != nullptr && tool->can_be_probed;
}

// One thing that the run waits for, or that somebody does. False when there is nothing to wait for.
bool CoreWorld::let_something_happen() {
  active_ms_ += random_.below(2'000);
  if (random_.chance(4) && !without(kWithoutPeople)) {
    interfere();
    return true;
  }
  std::vector<void (CoreWorld::*)()> possible;
  if (asked_model_)
    possible.push_back(random_.chance(85) || without(kWithoutFailures) ? &CoreWorld::reply
                                                                       : &CoreWorld::fail_request);
  if (trying_) possible.push_back(&CoreWorld::end_a_trial);
  if (!running_.empty()) possible.push_back(&CoreWorld::end_a_call);
  if (!asked_people_.empty()) possible.push_back(&CoreWorld::answer_a_person);
  if (waiting_retry_) {
    waiting_retry_ = false;
    record(RetryDue{});
    return true;
  }
  if (checking_) {
    checking_ = false;
    const bool passed = random_.chance(60);
    record(AcceptanceFinished{.passed = passed, .report = passed ? "" : "pytest: 1 failed"});
    return true;
  }
  if (possible.empty()) return false;
  (this->*random_.pick_from(possible))();
  return true;
}

void CoreWorld::interfere() {
  if (random_.chance(60)) {
    count("a person says something");
    MessageQueued message{.text = some_text()};
    if (random_.chance(30)) {
      message.fragment = R"({"role":"user","content":[{"type":"text","text":"see"}]})";
      message.media_tokens = random_.between(1, 500);
    }
    return record(std::move(message));
  }
  if (live_.stop == StopCause::kInterrupt) return;
  const StopCause cause =
      random_.pick({StopCause::kInterrupt, StopCause::kPause, StopCause::kWallTime});
  count("stop " + std::string(to_string(cause)));
  record(StopRequested{.cause = cause});
}

void CoreWorld::end_a_call() {
  const std::vector<std::int64_t> running(running_.begin(), running_.end());
  const std::int64_t index = random_.pick_from(running);
  running_.erase(index);
  std::int64_t& executed = executed_[name_of(index)];
  ++executed;
  const EffectClass effect = call_state(index).assessment->effect;
  if (effect >= EffectClass::kAdditive && executed > 1) {
    broken("what cannot be undone is done once");
  }
  const CallStatus status = cancelling_
                                ? random_.pick({CallStatus::kCancelled, CallStatus::kOk})
                                : random_.pick({CallStatus::kOk, CallStatus::kOk, CallStatus::kOk,
                                                CallStatus::kError, CallStatus::kTimeout});
  const bool same = mood_ == Mood::kLooping || random_.chance(30);
  finish_call(index, status, same ? std::string("done") : some_text());
}

void CoreWorld::answer_a_person() {
  const std::vector<std::int64_t> asked(asked_people_.begin(), asked_people_.end());
  const std::int64_t index = random_.pick_from(asked);
  asked_people_.erase(index);
  const ApprovalAnswer answer =
      random_.pick({ApprovalAnswer::kYes, ApprovalAnswer::kNo, ApprovalAnswer::kAlways});
  record(ApprovalGiven{.call = index, .answer = answer, .by = "person"});
}

void CoreWorld::end_a_trial() {
  trying_ = false;
  TrialAnswered answered{.step = live_.step, .trial = live_.repair.trials_sent};
  answered.outcome =
      random_.pick({TrialOutcome::kTaken, TrialOutcome::kTaken, TrialOutcome::kRefused,
                    TrialOutcome::kRefused, TrialOutcome::kUnknown});
  if (answered.outcome == TrialOutcome::kTaken) {
    answered.usage = {.input_tokens = random_.below(live_.repair.trial_input_tokens + 1),
                      .output_tokens = random_.below(kTrialOutputTokens + 1),
                      .estimated = random_.chance(20)};
  } else if (answered.outcome == TrialOutcome::kRefused) {
    answered.error = {.code = ErrorCode::kBadRequest, .message = "HTTP 400"};
  } else {
    answered.error = {.code = ErrorCode::kOverloaded, .message = "later", .retry = Retry::kLater};
    answered.delay_ms = random_.below(30'000);
  }
  record(std::move(answered));
}

void CoreWorld::fail_request() {
  asked_model_ = false;
  if (random_.chance(20)) {
    return record(RequestFailed{.step = live_.step,
                                .attempt = live_.attempt,
                                .error = {.code = ErrorCode::kBadRequest, .message = "HTTP 400"},
                                .structural = true});
  }
  const bool passes = random_.chance(80);
  Error error{.code = passes ? random_.pick({ErrorCode::kServer, ErrorCode::kRateLimited,
                                             ErrorCode::kNetwork, ErrorCode::kStreamCut})
                             : random_.pick({ErrorCode::kKeyRejected, ErrorCode::kContextFull,
                                             ErrorCode::kQuota, ErrorCode::kContentFiltered}),
              .message = "it failed: " + some_text(),
              .retry = passes ? Retry::kLater : Retry::kNo};
  if (random_.chance(20)) error.retry_after_ms = random_.below(9'000);
  const std::int64_t factor = honest_ ? 1 : 2;
  const bool may_keep = live_.limits.continues && passes && !live_.repair.strict;
  if (may_keep && random_.chance(50)) {
    count("a stream breaks in a reply that can go on");
    const std::string text = "half " + some_text();
    return record(RequestFailed{.step = live_.step,
                                .attempt = live_.attempt,
                                .error = std::move(error),
                                .received_bytes = random_.between(1, 900),
                                .delay_ms = random_.below(9'000),
                                .kept = assistant_fragment(text, {}),
                                .text = text});
  }
  record(RequestFailed{
      .step = live_.step,
      .attempt = live_.attempt,
      .error = std::move(error),
      .received_bytes =
          random_.chance(40) ? random_.below(factor * 3 * live_.sent.output_tokens_max) : 0,
      .delay_ms = random_.chance(8) ? kRetryAfterMax_ms + 1 : random_.below(30'000)});
}

void CoreWorld::reply() {
  asked_model_ = false;
  // The driver compares each reply with the profile of the host, and tells a fact once.
  const std::string fact = random_.chance(50) ? "usage" : "call_ids";
  if (random_.chance(10) && live_.host_differences.count(fact) == 0)
    record(HostDiffers{.fact = fact, .expected = "top", .seen = "none", .summary = "differs"});
  // Before it the driver may have uploaded a file, and told what the host is not sent.
  if (random_.chance(10)) {
    const std::string blob = std::to_string(live_.step);
    if (live_.media_uploads.count({"u", blob}) == 0)
      record(MediaUploaded{.blob = blob, .base_url = "u", .url = "ms://" + blob});
    const std::string summary = "left out in step " + blob;
    if (live_.media_omitted.count(summary) == 0) record(MediaOmitted{.summary = summary});
  }
  record(make_reply());
}

// --- Made by chance ---

RunStarted CoreWorld::make_definition() {
  RunStarted definition = definition_of_test();
  definition.acceptance_rounds = random_.pick({0, 0, 1, 2});
  if (without(kWithoutAcceptance)) definition.acceptance_rounds = 0;
  definition.prefix = {{.field = "model", .value = some_text()}};
  for (const WorldTool& tool : kTools)
    definition.prefix.push_back({.field = std::string("tools/") + tool.name, .value = "x"});
  definition.limits.window_tokens = random_.pick({6'000, 20'000, 200'000});
  definition.limits.output_tokens_max = random_.pick({300, 3'000, 32'768});
  definition.limits.head_bytes = random_.below(3'000);
  definition.limits.attempts_max = random_.between(1, 4);
  definition.limits.retry_ms = random_.pick({20'000, 1'800'000});
  definition.limits.parallel_calls_max = random_.between(1, 4);
  if (random_.chance(20)) definition.limits.told_choice = "required";
  definition.limits.continues = random_.chance(50);
  if (random_.chance(60)) {
    definition.limits.price = Price{.input = 1, .cached = random_.pick({0.0, 0.1}), .output = 4};
  }
  definition.budget = make_budget();
  definition.policy = make_policy();
  definition.fallback = make_fallback(definition.limits);
  return definition;
}

FallbackPlan CoreWorld::make_fallback(const RequestLimits& own) {
  FallbackPlan plan;
  if (random_.chance(60) || without(kWithoutFallback)) return plan;
  const std::int64_t count = random_.between(1, 2);
  for (std::int64_t i = 0; i < count; ++i) {
    RequestLimits limits = own;
    limits.window_tokens = random_.pick({6'000, 200'000});
    if (random_.chance(30)) limits.continues = !limits.continues;
    if (limits.price) limits.price->output = random_.pick({1.0, 8.0});
    plan.endpoints.push_back({.model = "kimi-k2.6",
                              .host = random_.pick({"vllm", "groq"}),
                              .base_url = "http://127.0.0.1:" + std::to_string(i + 2) + "/v1",
                              .limits = limits,
                              .prefix = {{.field = "base_url", .value = std::to_string(i + 2)}}});
  }
  plan.after_ms = random_.pick({5'000, 60'000});
  plan.return_ms = random_.between(1, 100);
  plan.strict_prefix = random_.chance(10);
  return plan;
}

std::vector<PolicyRule> CoreWorld::make_policy() {
  const std::vector<PolicyRule> rules = {
      {.tool = "remove", .path = "dir/**", .action = PolicyAction::kAllow},
      {.tool = "run", .action = PolicyAction::kAllow},
      {.tool = "create", .action = PolicyAction::kAllow},
      {.tool = "*", .path = "b", .action = PolicyAction::kDeny},
      {.tool = "wr*", .effect = EffectClass::kIdempotent, .action = PolicyAction::kAsk},
      {.tool = "page", .action = PolicyAction::kDeny},
  };
  std::vector<PolicyRule> policy;
  for (const PolicyRule& rule : rules) {
    if (random_.chance(25) && !without(kWithoutPolicy)) policy.push_back(rule);
  }
  return policy;
}

Budget CoreWorld::make_budget() {
  Budget budget{.steps = mood_ == Mood::kLooping ? 60 : random_.between(1, 25)};
  if (random_.chance(20)) budget.input_tokens = random_.between(1'000, 100'000);
  if (random_.chance(20)) budget.output_tokens = random_.between(1'000, 30'000);
  if (random_.chance(20)) budget.reasoning_tokens = random_.between(1'000, 20'000);
  if (random_.chance(20)) budget.usd = static_cast<double>(random_.between(1, 200)) / 1'000;
  if (random_.chance(20)) budget.wall_ms = random_.between(1'000, 100'000);
  return budget;
}

Budget CoreWorld::raised(Budget budget) {
  *budget.steps += random_.between(1, 10);
  for (std::optional<std::int64_t>* cap :
       {&budget.input_tokens, &budget.output_tokens, &budget.reasoning_tokens, &budget.wall_ms}) {
    if (*cap) **cap += random_.between(0, 50'000);
    if (random_.chance(20)) cap->reset();
  }
  if (budget.usd) *budget.usd += static_cast<double>(random_.below(100)) / 1'000;
  return budget;
}

std::string CoreWorld::some_text() {
  switch (random_.below(8)) {
    case 0:
      return "caf\xc3\xa9 \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x98\x80";
    case 1:
      return "\"quoted\" \\ back\n\ttab \x01 end";
    case 2:
      return R"({"role":"tool","tool_call_id":"x","content":"no message"})";
    case 3:
      return std::string(static_cast<std::size_t>(random_.below(800)), 'x');
    default:
      return "text " + std::to_string(random_.below(1'000));
  }
}

ToolCall CoreWorld::make_call() {
  ToolCall call{.name = random_.pick_from(kTools).name};
  if (random_.chance(5)) call.name = random_.pick({"nosuch", "no such tool"});
  call.arguments = R"({"path":")" + std::string(random_.pick_from(kPaths)) + R"("})";
  if (random_.chance(5)) call.arguments = random_.pick({"", "{\"path\":", "[1]", "not JSON"});
  return call;
}

std::vector<ToolCall> CoreWorld::make_calls() {
  std::vector<ToolCall> calls;
  const auto cycle = static_cast<std::size_t>(loop_period_);
  if (mood_ == Mood::kLooping && made_.size() >= cycle) {
    calls = made_[made_.size() - cycle];
  } else {
    const std::int64_t most = mood_ == Mood::kLooping ? 2 : 6;
    calls.resize(static_cast<std::size_t>(random_.between(1, most)));
    for (ToolCall& call : calls) call = make_call();
  }
  // Ids are unique in a run: what is missing or repeated was synthesised before it came here.
  for (ToolCall& call : calls) {
    const std::string number = std::to_string(++calls_made_);
    call.id = random_.chance(70) ? "functions." + call.name + ":" + number
                                 : "call \"" + number + "\" of \xc3\xa9";
  }
  made_.push_back(calls);
  return calls;
}

// What the model says, before model/ makes a fragment of it.
void CoreWorld::make_words(ModelReplied& reply) {
  const std::int64_t dice = random_.below(100);
  const bool calls = mood_ == Mood::kLooping ? dice < 98 : dice < 60;
  const bool silent = mood_ == Mood::kSilent ? dice < 95 : dice >= 90;
  if (calls && mood_ != Mood::kSilent) reply.calls = make_calls();
  if (reply.calls.empty() ? !silent : random_.chance(30)) reply.text = some_text();
  reply.finish = reply.calls.empty() ? FinishReason::kStop : FinishReason::kToolCalls;
  if (random_.chance(mood_ == Mood::kCutShort ? 80 : 4)) reply.finish = FinishReason::kLength;
  if (random_.chance(2)) reply.finish = FinishReason::kContentFilter;
  if (reply.calls.empty() && random_.chance(2)) reply.finish = FinishReason::kOther;
}

// As model/ does it: names and arguments that hosts refuse are replaced, and noted; an empty
// message is not sent back.
ModelReplied CoreWorld::make_reply() {
  ModelReplied reply{.step = live_.step};
  make_words(reply);
  if (reply.calls.empty() && reply.text.empty()) {
    reply.edits.push_back({.field = "message", .original = "Hm.", .reason = "empty"});
  } else {
    std::vector<ToolCall> sent_back = reply.calls;
    for (ToolCall& call : sent_back) std::replace(call.name.begin(), call.name.end(), ' ', '_');
    reply.fragment = assistant_fragment(reply.text, sent_back);
    if (random_.chance(60)) {
      constexpr std::string_view kRole = R"({"role":"assistant",)";
      const char* reasoning =
          random_.pick({R"("reasoning_content":" ",)", R"("reasoning":"Hm.",)"});
      reply.fragment.insert(kRole.size(), reasoning);
    }
  }
  for (std::size_t i = 0; i < reply.calls.size(); ++i) {
    const std::string place = "tool_calls/" + std::to_string(i) + "/function/";
    const ToolCall& call = reply.calls[i];
    if (!call.arguments.starts_with('{') || !call.arguments.ends_with('}')) {
      reply.edits.push_back({place + "arguments", call.arguments, "not a JSON object"});
    }
    if (call.name.find(' ') != std::string::npos) {
      reply.edits.push_back({place + "name", call.name, "not legal"});
    } else if (random_.chance(3)) {
      reply.edits.push_back({place + "name", "functions." + call.name, "not legal"});
    }
  }
  reply.usage = make_usage(reply);
  return reply;
}

ReplyUsage CoreWorld::make_usage(const ModelReplied& reply) {
  const std::int64_t estimate = live_.sent.input_tokens_estimate;
  const std::int64_t factor = honest_ ? 1 : 2;
  ReplyUsage usage;
  if (random_.chance(5)) {
    // A host that sends no usage: the driver puts the estimate in its place.
    count("a reply without usage");
    usage = {.input_tokens = estimate,
             .output_tokens = std::min(live_.sent.output_tokens_max,
                                       static_cast<std::int64_t>(reply.fragment.size() / 3)),
             .estimated = true};
    return usage;
  }
  usage.input_tokens = random_.between(estimate / 2, factor * estimate);
  if (random_.chance(3)) usage.input_tokens = 0;
  usage.cached_tokens = random_.between(0, usage.input_tokens);
  const std::int64_t most = factor * live_.sent.output_tokens_max;
  usage.output_tokens =
      random_.chance(15) ? most : random_.below(std::min<std::int64_t>(most, 900));
  usage.reasoning_tokens = random_.between(0, usage.output_tokens);
  if (random_.chance(10) && live_.sent.reserved_usd > 0) {
    count("a host that says what it billed");
    usage.usd = static_cast<double>(random_.between(0, 100)) * live_.sent.reserved_usd / 100;
  }
  return usage;
}

// What tools/ finds out about a call.
Assessment CoreWorld::assess(const ToolCall& call) const {
  Assessment assessment{.hash = call.name + " " + call.arguments, .summary = call.name};
  const WorldTool* tool = find_tool(call.name);
  if (tool == nullptr) {
    assessment.problem = Error{.code = ErrorCode::kUnknownTool,
                               .message = "there is no tool named '" + call.name + "'",
                               .advice = "The tools are: read, write."};
    return assessment;
  }
  assessment.effect = tool->effect;
  const std::string_view arguments = call.arguments;
  const std::size_t path = arguments.find(R"("path":")");
  if (path == std::string_view::npos || !arguments.ends_with('}')) {
    assessment.problem =
        Error{.code = ErrorCode::kInvalidArguments, .message = "the arguments are not JSON"};
    return assessment;
  }
  const std::string_view rest = arguments.substr(path + 8);
  const std::vector<std::string> paths = {std::string(rest.substr(0, rest.find('"')))};
  if (tool->scope == Scope::kReads) assessment.reads = paths;
  if (tool->scope == Scope::kWrites) assessment.writes = paths;
  if (tool->scope == Scope::kWrites && paths[0] == "dir") assessment.reads = {"a"};
  assessment.exclusive = tool->scope == Scope::kAll;
  return assessment;
}

}  // namespace perdure::test
