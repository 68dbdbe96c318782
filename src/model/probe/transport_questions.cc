// How requests are put and how replies come: streams, usage, caps, caches, text.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "model/probe/question.h"

namespace perdure::probe {
namespace {

constexpr std::string_view kReady = "Reply with the single word: ready";
constexpr std::string_view kSaveParameters =
    R"({"type":"object","properties":{"text":{"type":"string"}},"required":["text"]})";

// --- answer: from the profile as it is to ever plainer requests ---

bool ask_as_it_is(Ask& ask, std::span<const Answer> /*before*/) {
  ask.say(kReady);
  return true;
}

// Each step also does what the steps before it did. A stream that was no whole reply is none
// because of its form, which only the last step changes.
bool ask_plainer(Ask& ask, std::span<const Answer> before, std::size_t steps) {
  constexpr std::size_t kLastStep = 5;
  HostProfile& host = ask.endpoint.host;
  if (before.front().broken()) {
    host.stream = false;
    ask.say(kReady);
    return steps == kLastStep;
  }
  if (steps >= 1) host.stream_usage = false;
  if (steps >= 2) host.prompt_cache_key = false;
  if (steps >= 3) {
    host.max_tokens_field =
        host.max_tokens_field == "max_tokens" ? "max_completion_tokens" : "max_tokens";
  }
  if (steps >= 4) ask.endpoint.thinking = {.off = "", .on = "", .keep = ""};
  if (steps >= kLastStep) host.stream = false;
  ask.say(kReady);
  return true;
}

Finding found_plain(const Scene& scene, std::size_t steps) {
  Finding finding{.seen = "replies to a plain request"};
  if (steps == 0) return finding;
  finding.verdict = HostVerdict::kNote;
  const bool was_broken = scene.answers.front().broken();
  finding.seen = (was_broken ? "needs whole replies: " : "needs a plainer request: ") +
                 refusal(scene.answers.front());
  const auto change = [&](std::string key, std::function<void(HostProfile&)> apply) {
    finding.changes.push_back({.key = std::move(key), .apply = std::move(apply)});
  };
  if (steps == 5) change("stream", [](HostProfile& host) { host.stream = false; });
  if (was_broken) return finding;
  change("stream_usage", [](HostProfile& host) { host.stream_usage = false; });
  if (steps >= 2)
    change("prompt_cache_key", [](HostProfile& host) { host.prompt_cache_key = false; });
  if (steps >= 3) {
    change("max_tokens_field", [](HostProfile& host) {
      host.max_tokens_field =
          host.max_tokens_field == "max_tokens" ? "max_completion_tokens" : "max_tokens";
    });
  }
  if (steps >= 4 && !scene.endpoint.host.native) {
    change("thinking",
           [](HostProfile& host) { host.thinking = {.off = "", .on = "", .keep = ""}; });
  }
  return finding;
}

std::optional<Finding> judge_answer(const Scene& scene) {
  if (!scene.answers.back().ok()) return std::nullopt;
  return found_plain(scene, scene.answers.size() - 1);
}

// --- stream_usage ---

bool ask_usage(Ask& ask, bool wanted) {
  ask.endpoint.host.stream_usage = wanted;
  ask.say(kReady);
  return ask.endpoint.host.stream;
}

std::optional<Finding> judge_stream_usage(const Scene& scene) {
  const Answer& answer = scene.answers.back();
  if (!answer.was_asked)
    return observes(HostVerdict::kNotAsked, "replies come whole, and with their usage");
  const bool wanted = scene.answers.size() == 1;
  if (!answer.ok()) {
    if (wanted) return std::nullopt;
    return observes(HostVerdict::kUnanswered, refusal(answer));
  }
  const bool has_usage = !answer.shape.usage.empty();
  const std::string comes =
      has_usage ? "usage comes in: " + answer.shape.usage : "no usage comes: costs are estimated";
  const bool good = wanted && has_usage;
  return decides(good ? HostVerdict::kGood : HostVerdict::kNote,
                 (wanted ? "takes stream_options; " : "refuses stream_options; ") + comes,
                 "stream_usage", [wanted](HostProfile& host) { host.stream_usage = wanted; });
}

// --- stream: the same question both ways ---

bool ask_both_ways(Ask& ask, bool stream) {
  ask.endpoint.host.stream = stream;
  ask.add_tool("lookup_port", "The port that a service listens at.",
               R"({"type":"object","properties":{"service":{"type":"string"}},)"
               R"("required":["service"]})");
  ask.say("Call lookup_port once, for the service 'billing'. Write nothing else.");
  return true;
}

std::string stream_difference(const Answer& stream, const Answer& whole) {
  if (stream.reply.calls.size() != whole.reply.calls.size()) {
    return fmt::format("{} against {} calls", stream.reply.calls.size(), whole.reply.calls.size());
  }
  if (stream.shape.call_ids != whole.shape.call_ids) {
    return fmt::format("ids are {} in a stream, {} in a whole reply", stream.shape.call_ids,
                       whole.shape.call_ids);
  }
  if (stream.shape.reasoning != whole.shape.reasoning) {
    return fmt::format("reasoning is '{}' in a stream, '{}' in a whole reply",
                       stream.shape.reasoning, whole.shape.reasoning);
  }
  if (stream.reply.finish != whole.reply.finish) return "they end with different words";
  return "";
}

std::optional<Finding> judge_stream(const Scene& scene) {
  if (scene.answers.size() < 2) return std::nullopt;
  const Answer& stream = scene.answers[0];
  const Answer& whole = scene.answers[1];
  const auto decide_for = [&](HostVerdict verdict, std::string seen, bool value) {
    return decides(verdict, std::move(seen), "stream",
                   [value](HostProfile& host) { host.stream = value; });
  };
  const bool stream_calls = stream.called("lookup_port");
  const bool whole_calls = whole.called("lookup_port");
  if (!stream.ok() && !whole.ok())
    return observes(HostVerdict::kUnanswered, "neither way gave a reply: " + refusal(stream));
  if (!stream.ok()) {
    return decide_for(HostVerdict::kNote, "streams do not work: " + refusal(stream), false);
  }
  if (whole_calls && !stream_calls)
    return decide_for(HostVerdict::kNote, "a stream lost the call that a whole reply had", false);
  if (whole_calls && stream.shape.has_leak && !whole.shape.has_leak) {
    return decide_for(HostVerdict::kNote, "only in a stream do calls come as text", false);
  }
  if (!whole.ok()) {
    return decide_for(HostVerdict::kNote, "only streams work: " + refusal(whole), true);
  }
  const std::string difference = stream_difference(stream, whole);
  return decide_for(difference.empty() ? HostVerdict::kGood : HostVerdict::kNote,
                    difference.empty() ? "a stream says what a whole reply says"
                                       : "both ways work, but " + difference,
                    true);
}

// --- max_tokens_field ---

constexpr std::int64_t kSmallCap = 48;

std::string other_cap_field(const HostProfile& host) {
  return host.max_tokens_field == "max_tokens" ? "max_completion_tokens" : "max_tokens";
}

bool ask_small_cap(Ask& ask, bool other_name) {
  if (other_name) ask.endpoint.host.max_tokens_field = other_cap_field(ask.endpoint.host);
  ask.say("Write the numbers from 1 to 400, one in a line, and nothing else.");
  return true;
}

std::optional<Finding> judge_max_tokens_field(const Scene& scene) {
  const Answer& answer = scene.answers.back();
  const bool is_second = scene.answers.size() == 2;
  const std::string field =
      is_second ? other_cap_field(scene.endpoint.host) : scene.endpoint.host.max_tokens_field;
  if (answer.ok() && answer.reply.finish == FinishReason::kLength) {
    return decides(HostVerdict::kGood, field + " is kept", "max_tokens_field",
                   [field](HostProfile& host) { host.max_tokens_field = field; });
  }
  if (!is_second) return std::nullopt;
  const bool first_works = scene.answers.front().ok();
  if (!first_works && !answer.ok())
    return observes(HostVerdict::kUnanswered, refusal(scene.answers.front()));
  const std::string taken = first_works ? scene.endpoint.host.max_tokens_field : field;
  return decides(HostVerdict::kNote,
                 "no cap on a reply is kept: caps on tokens and money are, but only afterwards",
                 "max_tokens_field", [taken](HostProfile& host) { host.max_tokens_field = taken; });
}

// --- output_cap ---

template <std::int64_t cap>
bool ask_cap(Ask& ask, std::span<const Answer> /*before*/) {
  ask.say(kReady);
  return ask.endpoint.output_tokens_max == 0 || cap <= ask.endpoint.output_tokens_max;
}

std::optional<Finding> judge_output_cap(const Scene& scene) {
  constexpr std::int64_t kCaps[] = {32'768, 16'384, 8'192, 4'096};
  const Answer& answer = scene.answers.back();
  const std::int64_t cap = kCaps[scene.answers.size() - 1];
  if (!answer.ok()) {
    if (!scene.is_last) return std::nullopt;
    return observes(answer.was_asked ? HostVerdict::kUnanswered : HostVerdict::kNotAsked,
                    answer.was_asked ? refusal(answer) : "the profile allows less");
  }
  const bool any_refused = std::any_of(scene.answers.begin(), scene.answers.end(),
                                       [](const Answer& one) { return one.refused(); });
  const std::string seen = fmt::format("replies of {} tokens may be asked for", grouped(cap));
  if (!any_refused) return observes(HostVerdict::kGood, seen);
  return decides(HostVerdict::kNote, seen + ", not more", "output_tokens_max",
                 [cap](HostProfile& host) { host.output_tokens_max = cap; });
}

// --- cut_call ---

bool ask_cut_call(Ask& ask, std::span<const Answer> /*before*/) {
  if (ask.offers(Thinking::kOff)) ask.options.thinking = Thinking::kOff;
  ask.add_tool("save_text", "Saves a text.", kSaveParameters);
  ask.say(
      "Call save_text with the numbers from 1 to 400, separated by spaces. Write nothing before "
      "it.");
  return true;
}

std::optional<Finding> judge_cut_call(const Scene& scene) {
  const Answer& answer = scene.answers.back();
  if (answer.broken()) {
    return observes(HostVerdict::kNote,
                    "a reply at its cap has no end: runs take it for a cut connection");
  }
  if (!answer.ok()) return observes(HostVerdict::kUnanswered, refusal(answer));
  if (answer.reply.finish == FinishReason::kLength)
    return observes(HostVerdict::kGood, "a reply that is cut at its cap says so");
  const bool has_edit =
      std::any_of(answer.reply.edits.begin(), answer.reply.edits.end(), [](const ReplyEdit& edit) {
        return edit.field.find("function/arguments") != std::string::npos;
      });
  if (has_edit) {
    return observes(HostVerdict::kNote,
                    "a cut call comes as if it were whole: runs refuse its arguments");
  }
  return observes(HostVerdict::kUnanswered, "the reply was shorter than its cap");
}

// --- prompt_cache_key, cache, text ---

bool ask_cache_key(Ask& ask, std::span<const Answer> /*before*/) {
  ask.endpoint.host.prompt_cache_key = true;
  ask.say(kReady);
  return true;
}

std::optional<Finding> judge_cache_key(const Scene& scene) {
  const bool taken = scene.answers.back().ok();
  if (scene.answers.back().broken())
    return observes(HostVerdict::kUnanswered, refusal(scene.answers.back()));
  return decides(taken ? HostVerdict::kGood : HostVerdict::kNote,
                 taken ? "takes prompt_cache_key" : "refuses prompt_cache_key", "prompt_cache_key",
                 [taken](HostProfile& host) { host.prompt_cache_key = taken; });
}

bool ask_long_prompt(Ask& ask, std::span<const Answer> /*before*/) {
  std::string text = std::string(kReady) + ". What follows is only here to be long.\n";
  for (int row = 1; row <= 260; ++row)
    text += fmt::format("Row {}: the quick brown fox jumps over the lazy dog.\n", row);
  ask.say(text);
  return true;
}

bool ask_long_prompt_again(Ask& ask, std::span<const Answer> before) {
  ask.messages = before[0].messages;
  ask.conversation = before[0].conversation;
  return before[0].ok();
}

std::optional<Finding> judge_cache(const Scene& scene) {
  if (scene.answers.size() < 2) return std::nullopt;
  const Answer& again = scene.answers[1];
  if (!again.ok()) return observes(HostVerdict::kUnanswered, refusal(scene.answers[0]));
  const ReplyUsage& usage = again.reply.usage;
  if (usage.estimated || usage.cached_tokens == 0) {
    return observes(HostVerdict::kNote,
                    "the same prompt again was not billed as cached: long runs pay it in full");
  }
  return observes(HostVerdict::kGood,
                  fmt::format("{} of {} tokens of the same prompt came from the cache",
                              grouped(usage.cached_tokens), grouped(usage.input_tokens)));
}

constexpr std::string_view kText = "Zürich · 東京 · 🚀";

bool ask_text(Ask& ask, std::span<const Answer> /*before*/) {
  ask.say("Repeat exactly this, and nothing else: " + std::string(kText));
  return true;
}

std::optional<Finding> judge_text(const Scene& scene) {
  const Answer& answer = scene.answers.back();
  if (!answer.ok()) return observes(HostVerdict::kUnanswered, refusal(answer));
  const bool repaired = std::any_of(answer.reply.edits.begin(), answer.reply.edits.end(),
                                    [](const ReplyEdit& edit) { return edit.field == "encoding"; });
  if (repaired || answer.reply.text.find("\xEF\xBF\xBD") != std::string::npos)
    return observes(HostVerdict::kNote, "text beyond ASCII comes damaged");
  if (answer.reply.text.find(kText) == std::string::npos)
    return observes(HostVerdict::kUnanswered, "the model wrote something else");
  return observes(HostVerdict::kGood, "text in any script comes as it was written");
}

}  // namespace

std::vector<Question> transport_questions() {
  return {
      {.name = "answer",
       .asks = "does it reply at all",
       .tries = {{"as_it_is", ask_as_it_is},
                 {"without_usage",
                  [](Ask& ask, auto before) { return ask_plainer(ask, before, 1); }},
                 {"without_key", [](Ask& ask, auto before) { return ask_plainer(ask, before, 2); }},
                 {"other_cap", [](Ask& ask, auto before) { return ask_plainer(ask, before, 3); }},
                 {"no_switch", [](Ask& ask, auto before) { return ask_plainer(ask, before, 4); }},
                 {"whole", [](Ask& ask, auto before) { return ask_plainer(ask, before, 5); }}},
       .judge = judge_answer,
       .must_be_answered = true},
      {.name = "stream",
       .asks = "does a stream say what a whole reply says",
       .tries = {{"stream", [](Ask& ask, auto) { return ask_both_ways(ask, true); }},
                 {"whole", [](Ask& ask, auto) { return ask_both_ways(ask, false); }}},
       .judge = judge_stream},
      {.name = "stream_usage",
       .asks = "does it say what a stream used",
       .tries = {{"on", [](Ask& ask, auto) { return ask_usage(ask, true); }},
                 {"off", [](Ask& ask, auto) { return ask_usage(ask, false); }}},
       .judge = judge_stream_usage},
      {.name = "max_tokens_field",
       .asks = "which name has the cap of a reply, and is it kept",
       .tries = {{"own", [](Ask& ask, auto) { return ask_small_cap(ask, false); }, kSmallCap, 48},
                 {"other", [](Ask& ask, auto) { return ask_small_cap(ask, true); }, kSmallCap, 48}},
       .judge = judge_max_tokens_field},
      {.name = "output_cap",
       .asks = "how long a reply may be asked for",
       .tries = {{"32k", ask_cap<32'768>, 32'768},
                 {"16k", ask_cap<16'384>, 16'384},
                 {"8k", ask_cap<8'192>, 8'192},
                 {"4k", ask_cap<4'096>, 4'096}},
       .judge = judge_output_cap},
      {.name = "cut_call",
       .asks = "what a call looks like that the cap cuts",
       .tries = {{"call", ask_cut_call, 64, 64}},
       .judge = judge_cut_call},
      {.name = "prompt_cache_key",
       .asks = "does it take a key for its prompt cache",
       .tries = {{"on", ask_cache_key}},
       .judge = judge_cache_key},
      {.name = "cache",
       .asks = "is a prompt cheaper the second time",
       .tries = {{"first", ask_long_prompt}, {"again", ask_long_prompt_again}},
       .judge = judge_cache},
      {.name = "text",
       .asks = "does text in any script come whole",
       .tries = {{"unicode", ask_text}},
       .judge = judge_text},
  };
}

}  // namespace perdure::probe
