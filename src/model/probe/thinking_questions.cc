// Thinking: how it is switched, under which name it comes and goes back, and whether it stays.
#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "json/parse.h"
#include "model/probe/question.h"

namespace perdure::probe {
namespace {

// The ways in which hosts are known to switch thinking, tried in this order behind the profile's
// own.
struct Family {
  std::string_view off, on, keep;
};
constexpr std::array<Family, 4> kFamilies = {{
    {R"("chat_template_kwargs":{"thinking":false})", R"("chat_template_kwargs":{"thinking":true})",
     R"("chat_template_kwargs":{"preserve_thinking":true,"thinking":true})"},
    {R"("thinking":{"type":"disabled"})", R"("thinking":{"type":"enabled"})",
     R"("thinking":{"keep":"all","type":"enabled"})"},
    {R"("reasoning":{"enabled":false})", R"("reasoning":{"enabled":true})",
     R"("reasoning":{"enabled":true})"},
    {R"("reasoning_effort":"none")", "", ""},
}};

constexpr std::string_view kPuzzle =
    "A bat and a ball cost 1.10 together, the bat 1.00 more than the ball. What does the ball "
    "cost? Reply with the number alone.";

// --- thinking_on, thinking_off ---

// The profile's own way first. What the vendor's own API takes is the model's matter.
bool ask_mode(Ask& ask, Thinking mode, std::size_t index) {
  const std::optional<std::string>& of_model = ask.endpoint.model.thinking.of(mode);
  if (!of_model) return false;
  ask.options.thinking = mode;
  ask.say(kPuzzle);
  if (index == 0) return ask.offers(mode);
  if (ask.endpoint.host.native) return false;
  const Family& family = kFamilies[index - 1];
  const std::string fields(mode == Thinking::kOff ? family.off : family.on);
  const std::optional<std::string>& own = ask.endpoint.thinking.of(mode);
  if (own && *own == fields) return false;
  (mode == Thinking::kOff ? ask.endpoint.thinking.off : ask.endpoint.thinking.on) = fields;
  return true;
}

template <std::size_t index>
bool ask_on(Ask& ask, std::span<const Answer> /*before*/) {
  return ask_mode(ask, Thinking::kOn, index);
}
template <std::size_t index>
bool ask_off(Ask& ask, std::span<const Answer> /*before*/) {
  return ask_mode(ask, Thinking::kOff, index);
}

// How the fields of a family read in a row.
std::string named(std::string_view fields) {
  return fields.empty() ? "nothing" : std::string(fields);
}

bool was_any_asked(const Scene& scene) {
  return std::any_of(scene.answers.begin(), scene.answers.end(),
                     [](const Answer& answer) { return answer.was_asked; });
}

std::optional<Finding> judge_on(const Scene& scene) {
  const Answer& answer = scene.answers.back();
  const std::size_t index = scene.answers.size() - 1;
  if (answer.ok() && !answer.shape.reasoning.empty()) {
    const std::string seen = "thinks, and sends it as: " + answer.shape.reasoning;
    if (index == 0) return observes(HostVerdict::kGood, seen);
    const Family& family = kFamilies[index - 1];
    return decides(HostVerdict::kGood, seen + ", switched on by " + named(family.on), "thinking",
                   [family](HostProfile& host) {
                     host.thinking.on = family.on;
                     host.thinking.keep = family.keep;
                   });
  }
  if (!scene.is_last) return std::nullopt;
  if (!was_any_asked(scene))
    return observes(HostVerdict::kNotAsked, "the model's profile has no thinking");
  return observes(HostVerdict::kNote, "sends no reasoning, whatever switches it on");
}

std::optional<Finding> judge_off(const Scene& scene) {
  const Answer& answer = scene.answers.back();
  const std::size_t index = scene.answers.size() - 1;
  if (answer.ok() && answer.shape.reasoning.empty()) {
    if (index == 0) return observes(HostVerdict::kGood, "thinking can be switched off");
    const std::string fields(kFamilies[index - 1].off);
    return decides(HostVerdict::kGood, "thinking is switched off by " + named(fields), "thinking",
                   [fields](HostProfile& host) { host.thinking.off = fields; });
  }
  if (!scene.is_last) return std::nullopt;
  if (!was_any_asked(scene))
    return observes(HostVerdict::kNotAsked, "the model cannot be switched");
  const std::string seen = "thinking cannot be switched off";
  if (scene.endpoint.host.native) return observes(HostVerdict::kNote, seen);
  return decides(HostVerdict::kNote, seen + ": runs refuse --thinking off here", "thinking",
                 [](HostProfile& host) { host.thinking.off.reset(); });
}

// --- thinking_keep ---

// Of the family that switches it off.
std::optional<std::string> family_keep(const ThinkingFields& thinking) {
  for (const Family& family : kFamilies) {
    if (thinking.off == std::string(family.off)) return std::string(family.keep);
  }
  return std::nullopt;
}

bool ask_keep(Ask& ask, std::span<const Answer> before) {
  if (!ask.endpoint.model.thinking.keep) return false;
  ask.options.thinking = Thinking::kKeep;
  ask.say("Reply with the single word: ready");
  if (before.empty()) {
    const std::optional<std::string> keep = family_keep(ask.endpoint.thinking);
    if (ask.endpoint.host.native || !keep || ask.endpoint.thinking.keep == keep) return false;
    ask.endpoint.thinking.keep = keep;
  }
  return ask.endpoint.thinking.keep.has_value();
}

std::optional<Finding> judge_keep(const Scene& scene) {
  const Answer& answer = scene.answers.back();
  if (answer.ok() && scene.answers.size() == 1) {
    const std::string keep = family_keep(scene.endpoint.thinking).value_or("");
    return decides(HostVerdict::kGood, "takes " + named(keep), "thinking",
                   [keep](HostProfile& host) { host.thinking.keep = keep; });
  }
  if (!scene.is_last) return std::nullopt;
  if (!answer.was_asked) return observes(HostVerdict::kNotAsked, "there is no such mode here");
  if (answer.ok()) return observes(HostVerdict::kGood, "takes the switch that keeps thinking");
  const std::string seen = "refuses the switch that keeps thinking";
  if (scene.endpoint.host.native) return observes(HostVerdict::kNote, seen);
  return decides(HostVerdict::kNote, seen, "thinking", [](HostProfile& host) {
    if (!host.thinking.on) host.thinking.on = "";
    host.thinking.keep.reset();
  });
}

// --- reasoning_echo: a number that only the thinking knows ---

constexpr std::string_view kThinkOfNumber =
    "Think of a random number with six digits. Keep it in your thinking: write it neither into "
    "your answer nor into a call. ";
constexpr std::string_view kTellNumber =
    "Now tell me the number with six digits that you thought of before, and nothing else.";
constexpr std::string_view kNote = "note_done";

bool ask_for_number(Ask& ask, std::span<const Answer> /*before*/) {
  ask.add_tool(kNote, "Says that you are done thinking of a number.",
               R"({"type":"object","properties":{}})");
  ask.say(std::string(kThinkOfNumber) +
          "Then call note_done. When its result has come, tell me the number.");
  return ask.endpoint.default_thinking() != Thinking::kOff;
}

// The names to try: the one under which it went back now, the profile's, and those under which it
// comes elsewhere.
std::vector<std::string> echo_names(const HostProfile& host, const Answer& first) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  const bool has_details = first.reply.fragment.find("\"reasoning_details\":") != std::string::npos;
  if (has_details) add("reasoning_details");
  for (const std::string& name : host.reasoning_echo) {
    if (name != "reasoning_details") add(name);
  }
  if (first.shape.reasoning.starts_with("reasoning_content")) add("reasoning_content");
  if (first.shape.reasoning.starts_with("reasoning")) add("reasoning");
  add("reasoning_content");
  return names;
}

std::string with_reasoning(const std::string& fragment, const std::string& name,
                           const std::string& reasoning) {
  Result<Json> message = json::parse(fragment);
  if (!message.ok() || message->contains(name)) return fragment;
  for (const char* other : {"reasoning_content", "reasoning", "reasoning_details"})
    message->erase(other);
  if (!name.empty()) (*message)[name] = reasoning;
  return json::dump(*message);
}

template <std::size_t index>
bool ask_echo(Ask& ask, std::span<const Answer> before) {
  const Answer& first = before.front();
  if (!first.called(kNote) || first.reasoning.empty()) return false;
  const std::vector<std::string> names = echo_names(ask.endpoint.host, first);
  if (index >= names.size()) return false;
  ask.add_tool(kNote, "Says that you are done thinking of a number.",
               R"({"type":"object","properties":{}})");
  Answer echoed = first;
  echoed.reply.fragment = with_reasoning(first.reply.fragment, names[index], first.reasoning);
  ask.go_on(echoed, "Noted. Now tell me the number.");
  return true;
}

// Whether a number of the reasoning stands in the answer. A model that has not its reasoning before
// it makes up another one.
bool knows_number(const std::string& reasoning, const std::string& answer) {
  constexpr std::size_t kDigits = 6;
  const auto is_digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  for (std::size_t at = 0; at < answer.size();) {
    std::size_t end = at;
    while (end < answer.size() && is_digit(answer[end])) ++end;
    if (end - at >= kDigits && reasoning.find(answer.substr(at, end - at)) != std::string::npos)
      return true;
    at = end + 1;
  }
  return false;
}

std::optional<Finding> judge_echo(const Scene& scene) {
  const Answer& first = scene.answers.front();
  if (!first.was_asked) return observes(HostVerdict::kNotAsked, "nothing thinks here");
  if (!first.called(kNote) || first.reasoning.empty()) {
    return observes(HostVerdict::kUnanswered, first.error ? refusal(first)
                                              : first.reasoning.empty()
                                                  ? "no reasoning came"
                                                  : "the model called no tool");
  }
  const std::vector<std::string> names = echo_names(scene.endpoint.host, first);
  const auto decide_for = [&](HostVerdict verdict, std::size_t index, const std::string& seen) {
    std::vector<std::string> echo = {names[index]};
    // Details come for some models only: what stands behind them stays.
    if (names[index] == "reasoning_details") echo.emplace_back("reasoning");
    return decides(verdict, names[index] + seen, "reasoning_echo",
                   [echo](HostProfile& host) { host.reasoning_echo = echo; });
  };
  const Answer& answer = scene.answers.back();
  const std::size_t tried = scene.answers.size() - 1;
  if (tried > 0 && answer.ok() && knows_number(first.reasoning, answer.reply.text))
    return decide_for(HostVerdict::kGood, tried - 1, " goes back, and the model reads it");
  if (!scene.is_last) return std::nullopt;
  for (std::size_t i = 1; i < scene.answers.size(); ++i) {
    if (scene.answers[i].ok())
      return decide_for(HostVerdict::kNote, i - 1, " is taken, but the model does not read it");
  }
  return observes(HostVerdict::kNote, "reasoning is refused: " + refusal(scene.answers[1]));
}

// --- reasoning_keep, reasoning_required ---

bool ask_for_number_alone(Ask& ask, std::span<const Answer> /*before*/) {
  ask.say(std::string(kThinkOfNumber) + "Then answer with the single word: done");
  return ask.endpoint.default_thinking() != Thinking::kOff;
}

bool ask_for_number_later(Ask& ask, std::span<const Answer> before) {
  ask.go_on(before[0], kTellNumber);
  return before[0].ok() && !before[0].reasoning.empty();
}

std::optional<Finding> judge_reasoning_keep(const Scene& scene) {
  if (scene.answers.size() < 2) return std::nullopt;
  const Answer& first = scene.answers[0];
  const Answer& second = scene.answers[1];
  if (!first.was_asked) return observes(HostVerdict::kNotAsked, "nothing thinks here");
  if (!first.ok() || first.reasoning.empty() || !second.ok()) {
    return observes(HostVerdict::kUnanswered, first.error    ? refusal(first)
                                              : second.error ? refusal(second)
                                                             : "no reasoning came");
  }
  const std::string mode(to_string(scene.endpoint.default_thinking()));
  if (knows_number(first.reasoning, second.reply.text))
    return observes(HostVerdict::kGood, "earlier thinking stays in the prompt (mode " + mode + ")");
  return observes(HostVerdict::kNote,
                  "earlier thinking is dropped from the prompt (mode " + mode + ")");
}

bool ask_ping(Ask& ask, std::span<const Answer> /*before*/) {
  ask.add_tool("ping", "Checks that a service is there.",
               R"({"type":"object","properties":{"service":{"type":"string"}},)"
               R"("required":["service"]})");
  ask.say("Call ping once, for the service 'billing'. Write nothing else before its result.");
  return ask.endpoint.default_thinking() != Thinking::kOff;
}

bool ask_without_reasoning(Ask& ask, std::span<const Answer> before) {
  if (!before[0].called("ping")) return false;
  ask_ping(ask, {});
  Answer bare = before[0];
  bare.reply.fragment = with_reasoning(before[0].reply.fragment, "", "");
  ask.go_on(bare, "It is there.");
  return true;
}

std::optional<Finding> judge_required(const Scene& scene) {
  if (scene.answers.size() < 2) return std::nullopt;
  const Answer& second = scene.answers[1];
  if (!scene.answers[0].was_asked) return observes(HostVerdict::kNotAsked, "nothing thinks here");
  if (!second.was_asked || second.broken()) {
    return observes(HostVerdict::kUnanswered,
                    second.was_asked ? refusal(second) : "the model called no tool");
  }
  const bool required = second.refused();
  return decides(HostVerdict::kGood,
                 required ? "calls without reasoning are refused: " + refusal(second)
                          : "calls in the history need no reasoning",
                 "reasoning_required",
                 [required](HostProfile& host) { host.reasoning_required = required; });
}

}  // namespace

std::vector<Question> thinking_questions() {
  return {
      {.name = "thinking_on",
       .asks = "does it think, and under which name does that come",
       .tries = {{"own", ask_on<0>},
                 {"kwargs", ask_on<1>},
                 {"thinking", ask_on<2>},
                 {"reasoning", ask_on<3>}},
       .judge = judge_on},
      {.name = "thinking_off",
       .asks = "how thinking is switched off",
       .tries = {{"own", ask_off<0>},
                 {"kwargs", ask_off<1>},
                 {"thinking", ask_off<2>},
                 {"reasoning", ask_off<3>},
                 {"effort", ask_off<4>}},
       .judge = judge_off},
      {.name = "thinking_keep",
       .asks = "does it take the switch that keeps thinking",
       .tries = {{"family", ask_keep}, {"own", ask_keep}},
       .judge = judge_keep},
      {.name = "reasoning_echo",
       .asks = "under which name does the model read its reasoning again",
       .tries = {{"number", ask_for_number, 4'096, 500},
                 {"first", ask_echo<0>},
                 {"second", ask_echo<1>},
                 {"third", ask_echo<2>}},
       .judge = judge_echo},
      {.name = "reasoning_keep",
       .asks = "is earlier thinking still there in the next turn",
       .tries = {{"number", ask_for_number_alone, 4'096, 500}, {"later", ask_for_number_later}},
       .judge = judge_reasoning_keep},
      {.name = "reasoning_required",
       .asks = "must calls in the history have their reasoning",
       .tries = {{"call", ask_ping}, {"bare", ask_without_reasoning}},
       .judge = judge_required},
  };
}

}  // namespace perdure::probe
