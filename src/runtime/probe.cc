// Asks a host the questions of model/probe/ one after the other, and makes a profile of the
// answers.
#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <perdure/probe.h>

#include "base/names.h"
#include "base/text.h"
#include "base/utf8.h"
#include "core/budget.h"
#include "json/parse.h"
#include "model/probe/question.h"
#include "net/retry.h"
#include "net/url.h"
#include "os/clock.h"
#include "os/random.h"
#include "runtime/engine.h"
#include "runtime/host_models.h"

namespace perdure {
namespace {

using probe::Answer;
using probe::Ask;
using probe::Finding;
using probe::Question;
using probe::Try;

// Before anything is known: a short question, and the long one of the cache.
constexpr std::int64_t kLikelyInputTokens = 12'000;
constexpr std::int64_t kLikelyInputTokensEach = 250;
constexpr std::size_t kLikelyTries = 2;
constexpr std::int64_t kBytesPerToken = 3;

constexpr const char* kStopped = "the probe was stopped before";

Error stopped_before_an_answer() {
  return {.code = ErrorCode::kCancelled,
          .message = "the probe was stopped before the host had answered"};
}

constexpr NameTable<HostVerdict, 4> kVerdictNames = {{
    {HostVerdict::kGood, "good"},
    {HostVerdict::kNote, "note"},
    {HostVerdict::kUnanswered, "unanswered"},
    {HostVerdict::kNotAsked, "not_asked"},
}};

std::string id_of_url(const std::string& base_url) {
  const Result<Url> url = parse_url(base_url);
  if (!url.ok()) return "";
  const bool usual_port = url->port == "443" || url->port == "80";
  std::string id;
  for (const char c : url->host + (usual_port ? "" : ":" + url->port)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain || (!id.empty() && id.back() != '-')) id += plain ? c : '-';
  }
  return id;
}

class Prober {
 public:
  Prober(Engine& engine, const Catalog& catalog, const ProbeOptions& options,
         const ProbeObserver& observer)
      : engine_(engine), catalog_(catalog), options_(options), observer_(observer) {}

  Result<ProbeReport> run() {
    if (Status status = find_host(); !status.ok()) return status.error();
    if (Status status = find_model(); !status.ok()) return status.error();
    if (Status status = make_plan(); !status.ok()) return status.error();
    for (const Question& question : probe::questions()) {
      if (is_stopped()) {
        if (question.must_be_answered) return stopped_before_an_answer();
        conclude(question, probe::observes(HostVerdict::kNotAsked, kStopped), 0);
        continue;
      }
      if (observer_.begins)
        observer_.begins(std::string(question.name), std::string(question.asks));
      if (Status status = ask(question); !status.ok()) return status.error();
    }
    finish();
    report_.stopped = stopped_;
    return std::move(report_);
  }

 private:
  Status find_host();
  Status find_model();
  Status make_plan();
  Status resolve();
  Status ask(const Question& question);
  std::optional<Answer> send_patiently(const Try& attempt, Ask ask);
  Answer send_once(const Ask& ask, const ChatRequest& request, std::int64_t cap);
  bool may_send(std::size_t bytes, std::int64_t cap) const;
  void charge(const ReplyUsage& usage);
  void wait(std::int64_t ms);
  bool is_stopped();
  void await(std::future<void> done, const std::function<void()>& drop);
  void conclude(const Question& question, Finding finding, std::int64_t requests);
  void finish();

  Engine& engine_;
  const Catalog& catalog_;
  const ProbeOptions& options_;
  const ProbeObserver& observer_;
  EndpointOptions wanted_;  // model and, for a host that has it from nobody else, the address
  HostProfile host_;        // as it is known by now
  Endpoint endpoint_;       // the same, for requests
  std::vector<Answer> all_;
  std::map<std::string, std::string> comments_;
  ProbeReport report_;
  bool stopped_ = false;
};

bool Prober::is_stopped() {
  stopped_ = stopped_ || (observer_.stopped && observer_.stopped());
  return stopped_;
}

// Until `done`, or, when the probe is stopped, until the loop has dropped what would lead to it.
void Prober::await(std::future<void> done, const std::function<void()>& drop) {
  constexpr std::chrono::milliseconds kLook(100);
  while (done.wait_for(kLook) != std::future_status::ready) {
    if (!is_stopped()) continue;
    std::promise<void> dropped;
    engine_.loop().post([&] {
      drop();
      dropped.set_value();
    });
    return dropped.get_future().wait();
  }
}

Status Prober::find_host() {
  const bool is_url = options_.endpoint.find("://") != std::string::npos;
  if (is_url && !parse_url(options_.endpoint).ok()) return parse_url(options_.endpoint).error();
  if (!is_url && !options_.host.empty()) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = "two hosts are named: " + options_.endpoint + " and " + options_.host,
                 .advice = "a host profile to begin with goes with a base URL"};
  }
  const Result<HostProfile> host =
      catalog_.host_of({.host = is_url ? options_.host : options_.endpoint,
                        .base_url = is_url ? options_.endpoint : ""});
  if (!host.ok()) {
    Error error = host.error();
    if (!is_url) error.advice += "; an address begins with http:// or https://";
    return error;
  }
  host_ = *host;
  const std::string path = is_url ? parse_url(options_.endpoint)->path : "";
  if (host_.dialect != Dialect::kChat || path.ends_with("/anthropic") ||
      path.ends_with("/messages")) {
    return Error{.code = ErrorCode::kUnsupported,
                 .message = fmt::format("'{}' is spoken to in Anthropic's messages API, which the "
                                        "probe has no questions for",
                                        is_url ? options_.endpoint : host_.id),
                 .advice = "probe its chat completions API, where it has one"};
  }
  if (!is_url && host_.base_url.empty()) {
    return Error{.code = ErrorCode::kConfig,
                 .message = fmt::format("host '{}' has no address of its own", host_.id),
                 .advice = fmt::format("give the address: perdure probe URL --host {}", host_.id)};
  }
  report_.plan.host = host_.id;
  // A profile that says nothing of thinking sends nothing for it.
  const ThinkingFields& thinking = host_.thinking;
  if (!host_.native && !thinking.off && !thinking.on && !thinking.keep)
    host_.thinking = {.off = "", .on = "", .keep = ""};
  const bool is_new = is_url && (host_.id == kGenericHost || !options_.host.empty());
  if (is_url) host_.base_url = options_.endpoint;
  if (is_new) {
    host_.id = id_of_url(options_.endpoint);
    host_.name = host_.id;
    host_.sibling.clear();
    host_.key_advice.clear();
  }
  if (!options_.profile_id.empty()) host_.id = options_.profile_id;
  if (!options_.key_variable.empty()) host_.key_variables = {options_.key_variable};
  return {};
}

Status Prober::find_model() {
  // Only for its address and key: which model it is does not matter yet.
  wanted_.model = options_.model.empty() ? AgentOptions{}.model : options_.model;
  HostProfile any = host_;
  any.any_model = true;
  Result<Endpoint> endpoint = catalog_.resolve_at(any, wanted_);
  if (!endpoint.ok()) return endpoint.error();
  const bool must_have_key = host_.needs_key || !options_.key_variable.empty();
  if (endpoint->key.empty() && must_have_key) {
    const std::string variable =
        host_.key_variables.empty() ? "PERDURE_API_KEY" : host_.key_variables.front();
    return Error{.code = ErrorCode::kMissingKey,
                 .message = host_.name + " needs an API key, and " + variable + " has none",
                 .context = host_.base_url,
                 .advice = "export " + variable + "=..."};
  }
  const HostModels listed = ask_for_models(engine_, *endpoint);
  if (!listed.transfer.ok()) {
    Error error = listed.transfer.error();
    error.context = endpoint->base_url;
    if (error.advice.empty())
      error.advice = "see that the address is right and that something answers there";
    return error;
  }
  if (options_.model.empty() && listed.ids.size() == 1) {
    wanted_.model = listed.ids.front();
  } else if (options_.model.empty() && host_.models.count(wanted_.model) == 0) {
    constexpr std::size_t kShown = 12;
    std::vector<std::string> shown = listed.ids;
    if (shown.size() > kShown) shown.resize(kShown);
    return Error{.code = ErrorCode::kUnknownModel,
                 .message = "no model is named, and the host does not serve just one",
                 .context = host_.base_url,
                 .advice = "name one with --model" +
                           (shown.empty() ? "" : "; it lists: " + printable(join(shown, ", ")))};
  }
  if (Status status = resolve(); !status.ok()) return status;
  const bool has_profile = endpoint_.model.id != kGenericModel;
  if (has_profile && endpoint_.wire_model != endpoint_.model.id)
    host_.models[endpoint_.model.id] = endpoint_.wire_model;
  return {};
}

// What a run with the profile as it is now would use.
Status Prober::resolve() {
  Result<Endpoint> endpoint = catalog_.resolve_at(host_, wanted_);
  if (!endpoint.ok()) return endpoint.error();
  endpoint_ = std::move(*endpoint);
  return {};
}

Status Prober::make_plan() {
  ProbePlan& plan = report_.plan;
  plan.model = endpoint_.wire_model;
  plan.base_url = endpoint_.base_url;
  plan.key_source = endpoint_.key.source();
  plan.profile_id = host_.id;
  std::int64_t likely_input = kLikelyInputTokens;
  for (const Question& question : probe::questions()) {
    ++plan.questions;
    plan.requests_max += static_cast<std::int64_t>(question.tries.size());
    for (std::size_t i = 0; i < std::min(kLikelyTries, question.tries.size()); ++i) {
      plan.likely_output_tokens += question.tries[i].likely_output_tokens;
      likely_input += kLikelyInputTokensEach;
    }
  }
  if (endpoint_.price) {
    plan.likely_usd =
        usd_of({.input_tokens = likely_input, .output_tokens = plan.likely_output_tokens},
               *endpoint_.price);
  } else if (options_.budget.usd) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = "the price of " + endpoint_.model_name() +
                            " is not known, so a cap on money cannot be kept",
                 .advice = "cap the tokens instead: --max-tokens"};
  }
  return observer_.plan ? observer_.plan(plan) : Status();
}

bool Prober::may_send(std::size_t bytes, std::int64_t cap) const {
  const Budget& budget = options_.budget;
  const auto input = static_cast<std::int64_t>(bytes) / kBytesPerToken;
  const Usage& used = report_.usage;
  if (budget.output_tokens && used.output_tokens + cap > *budget.output_tokens) return false;
  if (budget.input_tokens && used.input_tokens + input > *budget.input_tokens) return false;
  if (!budget.usd || !endpoint_.price) return true;
  return used.usd + usd_of({.input_tokens = input, .output_tokens = cap}, *endpoint_.price) <=
         *budget.usd;
}

void Prober::charge(const ReplyUsage& usage) {
  Usage& used = report_.usage;
  ++used.steps;
  used.input_tokens += usage.input_tokens;
  used.cached_tokens += usage.cached_tokens;
  used.output_tokens += usage.output_tokens;
  used.reasoning_tokens += usage.reasoning_tokens;
  used.estimated = used.estimated || usage.estimated;
  const std::optional<Price>& price = endpoint_.price;
  used.usd += usage.usd ? *usage.usd : price ? usd_of(usage, *price) : 0;
}

void Prober::wait(std::int64_t ms) {
  std::promise<void> due;
  Timer timer;  // made and destroyed on the loop's thread
  Loop& loop = engine_.loop();
  loop.post([&] {
    timer = loop.start_timer(ms, [&] {
      loop.post([&] {
        timer = Timer();
        due.set_value();
      });
    });
  });
  await(due.get_future(), [&] { timer = Timer(); });
}

Answer Prober::send_once(const Ask& ask, const ChatRequest& request, std::int64_t cap) {
  constexpr HttpTimeouts kLimits = {
      .connect_ms = 15'000, .first_byte_ms = 180'000, .idle_ms = 120'000, .total_ms = 900'000};
  Transcript transcript;
  std::set<std::string> ids;
  for (const std::string& message : ask.messages) {
    transcript.append(message);
    const Result<Json> parsed = json::parse(message);
    if (!parsed.ok() || !parsed->contains("tool_calls")) continue;
    for (const Json& call : (*parsed)["tool_calls"]) ids.insert(call.value("id", ""));
  }
  Answer answer{.was_asked = true,
                .messages = ask.messages,
                .conversation = ask.conversation,
                .had_stream = ask.endpoint.host.stream,
                .had_stream_usage = ask.endpoint.host.stream_usage};
  std::promise<void> done;
  std::unique_ptr<HttpExchange> exchange;
  std::int64_t last_piece_ms = 0;
  const auto note_piece = [&] {
    const std::int64_t now = monotonic_ms();
    if (last_piece_ms > 0)
      answer.longest_gap_ms = std::max(answer.longest_gap_ms, now - last_piece_ms);
    last_piece_ms = now;
  };
  ModelClient::Observer observer;
  observer.deltas = {.reasoning =
                         [&](std::string_view text) {
                           answer.reasoning += text;
                           note_piece();
                         },
                     .text = [&](std::string_view) { note_piece(); },
                     .arguments = [&](std::string_view) { note_piece(); }};
  observer.shape = [&](const ReplyShape& shape) { answer.shape = shape; };
  observer.replied = [&](ModelReplied reply) {
    answer.reply = std::move(reply);
    answer.first_byte_ms = answer.reply.first_byte_ms;
    exchange.reset();
    done.set_value();
  };
  observer.failed = [&](const ModelFailure& failure) {
    answer.error = failure.error;
    exchange.reset();
    done.set_value();
  };
  engine_.loop().post([&] {
    exchange = engine_.models().ask(ask.endpoint, request.body(transcript, cap, 0),
                                    {.calls_before = static_cast<std::int64_t>(ids.size()),
                                     .used_ids = &ids,
                                     .thinking = request.thinking()},
                                    kLimits, std::move(observer));
  });
  await(done.get_future(), [&] { exchange.reset(); });
  if (stopped_) answer.error = stopped_before_an_answer();
  return answer;
}

// Asks again what failed for a reason that passes. Nothing: the budget does not allow it.
std::optional<Answer> Prober::send_patiently(const Try& attempt, Ask ask) {
  constexpr std::int64_t kAttemptsBroken = 2;
  constexpr std::int64_t kAttempts = 4;
  constexpr std::int64_t kAttemptsLimited = 8;
  constexpr std::int64_t kLongestWaitMs = 120'000;
  ask.options.cache_key = "perdure-probe-" + ask.conversation;
  const Result<ChatRequest> request = ChatRequest::make(ask.endpoint, ask.tools, ask.options);
  if (!request.ok()) return Answer{.was_asked = true, .error = request.error()};
  std::int64_t cap = attempt.output_tokens_max;
  if (ask.endpoint.output_tokens_max > 0) cap = std::min(cap, ask.endpoint.output_tokens_max);
  std::size_t bytes = static_cast<std::size_t>(request->head_bytes());
  for (const std::string& message : ask.messages) bytes += message.size();
  for (std::int64_t number = 1;; ++number) {
    if (!may_send(bytes, cap)) return std::nullopt;
    Answer answer = send_once(ask, *request, cap);
    ++report_.requests;
    if (answer.ok()) charge(answer.reply.usage);
    if (answer.ok() || answer.refused()) return answer;
    const Error& error = *answer.error;
    const std::int64_t attempts = answer.broken()                         ? kAttemptsBroken
                                  : error.code == ErrorCode::kRateLimited ? kAttemptsLimited
                                                                          : kAttempts;
    const std::int64_t delay_ms = retry_delay_ms(error, number, random_number());
    if (error.retry == Retry::kNo || number >= attempts || delay_ms > kLongestWaitMs) return answer;
    if (observer_.waits) {
      observer_.waits(fmt::format("{}; asks again in {}", printable(to_valid_utf8(error.message)),
                                  duration_text(delay_ms)));
    }
    wait(delay_ms);
  }
}

Status Prober::ask(const Question& question) {
  const std::int64_t before = report_.requests;
  std::vector<Answer> answers;
  const auto conclude_with = [&](Finding finding) {
    conclude(question, std::move(finding), report_.requests - before);
    return resolve();
  };
  const auto scene = [&] {
    return probe::Scene{.endpoint = endpoint_,
                        .answers = answers,
                        .all = all_,
                        .is_last = answers.size() == question.tries.size()};
  };
  for (const Try& attempt : question.tries) {
    const std::string name = fmt::format("{}/{}", question.name, attempt.name);
    Ask ask{.endpoint = endpoint_, .conversation = name, .tag = "[probe: " + name + "] "};
    Answer answer;
    if (attempt.make(ask, answers)) {
      std::optional<Answer> sent = send_patiently(attempt, std::move(ask));
      if (!sent) {
        if (question.must_be_answered) {
          return Error{.code = ErrorCode::kInvalidArgument,
                       .message = "the budget does not allow one question",
                       .advice = "give the probe more with --max-cost and --max-tokens"};
        }
        return conclude_with(probe::observes(HostVerdict::kNotAsked, "the budget is used up"));
      }
      if (stopped_ && question.must_be_answered) return stopped_before_an_answer();
      if (stopped_) return conclude_with(probe::observes(HostVerdict::kNotAsked, kStopped));
      answer = std::move(*sent);
    }
    all_.push_back(answer);
    answers.push_back(std::move(answer));
    const Answer& last = answers.back();
    if (last.is_lost() && question.must_be_answered) {
      Error error = *last.error;
      if (error.context.empty()) error.context = endpoint_.base_url;
      return error;
    }
    if (last.is_lost())
      return conclude_with(probe::observes(HostVerdict::kUnanswered, probe::refusal(last)));
    if (std::optional<Finding> finding = question.judge(scene()))
      return conclude_with(std::move(*finding));
  }
  if (question.must_be_answered) {
    Error error = *answers.front().error;
    if (error.context.empty()) error.context = endpoint_.base_url;
    return error;
  }
  std::optional<Finding> finding = question.judge(scene());
  return conclude_with(
      finding ? std::move(*finding)
              : probe::observes(HostVerdict::kUnanswered, "the answers do not fit together"));
}

void Prober::conclude(const Question& question, Finding finding, std::int64_t requests) {
  ProbeFinding found{.question = std::string(question.name),
                     .asks = std::string(question.asks),
                     .verdict = finding.verdict,
                     .seen = printable(to_valid_utf8(finding.seen)),
                     .requests = requests};
  for (probe::Change& change : finding.changes) {
    change.apply(host_);
    std::string& comment = comments_[change.key];
    if (comment.find(found.question) == std::string::npos)
      comment += (comment.empty() ? "" : ", ") + found.question;
    if (change.key != "thinking") comment = found.question + ": " + found.seen;
    found.keys.push_back(std::move(change.key));
  }
  if (observer_.found) observer_.found(found);
  report_.findings.push_back(std::move(found));
}

void Prober::finish() {
  ProbedFacts facts = probe::facts_of(endpoint_, all_);
  facts.date = iso_time(wall_time_ms()).substr(0, std::string_view("2026-11-30").size());
  host_.probed = std::move(facts);
  comments_["probed"] = "what was seen; a run says when it is so no longer";
  report_.profile = host_profile_text(host_, comments_);
}

}  // namespace

std::string_view to_string(HostVerdict verdict) {
  return name_in(kVerdictNames, verdict);
}

Result<ProbeReport> probe_host(Runtime& runtime, const ProbeOptions& options,
                               const ProbeObserver& observer) {
  Engine& engine = engine_of(runtime);
  const Result<const Catalog*> catalog = engine.catalog();
  if (!catalog.ok()) return catalog.error();
  return Prober(engine, **catalog, options, observer).run();
}

}  // namespace perdure
