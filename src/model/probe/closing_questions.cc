// What all answers together say: no requests of their own.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/text.h"
#include "model/probe/question.h"

namespace perdure::probe {
namespace {

// Answers to requests that were put as runs will put theirs.
std::vector<const Answer*> usual_answers(const Endpoint& endpoint, std::span<const Answer> all) {
  std::vector<const Answer*> usual;
  for (const Answer& answer : all) {
    const bool is_usual = answer.had_stream == endpoint.host.stream &&
                          answer.had_stream_usage == endpoint.host.stream_usage;
    if (answer.ok() && is_usual) usual.push_back(&answer);
  }
  return usual;
}

// The value that all have: what comes one way and then another is no fact.
std::string common(const std::vector<const Answer*>& answers, std::string ReplyShape::* field,
                   const std::string& for_empty) {
  std::map<std::string, std::size_t> counts;
  std::size_t total = 0;
  for (const Answer* answer : answers) {
    const std::string& value = answer->shape.*field;
    if (value.empty() && for_empty.empty()) continue;
    ++counts[value.empty() ? for_empty : value];
    ++total;
  }
  return counts.size() == 1 && total > 0 ? counts.begin()->first : "";
}

std::string all_values(const std::vector<const Answer*>& answers, std::string ReplyShape::* field) {
  std::vector<std::string> values;
  for (const Answer* answer : answers) {
    const std::string& value = answer->shape.*field;
    if (!value.empty() && std::find(values.begin(), values.end(), value) == values.end())
      values.push_back(value);
  }
  return join(values, " or ");
}

std::optional<Finding> judge_usage(const Scene& scene) {
  const std::vector<const Answer*> answers = usual_answers(scene.endpoint, scene.all);
  const std::string places = all_values(answers, &ReplyShape::usage);
  if (places.empty()) return observes(HostVerdict::kNote, "no usage: costs are estimated");
  const bool always = common(answers, &ReplyShape::usage, "none") == places;
  return observes(always ? HostVerdict::kGood : HostVerdict::kNote,
                  (always ? "always in: " : "not always there, or in: ") + places);
}

std::optional<Finding> judge_ids(const Scene& scene) {
  const std::string forms =
      all_values(usual_answers(scene.endpoint, scene.all), &ReplyShape::call_ids);
  if (forms.empty()) return observes(HostVerdict::kUnanswered, "no reply called a tool");
  return observes(
      forms == "functions.NAME:N" || forms == "NAME:N" ? HostVerdict::kGood : HostVerdict::kNote,
      forms == "functions.NAME:N" || forms == "NAME:N"
          ? "ids are " + forms
          : "ids are " + forms + ", not those that Kimi models are trained on");
}

std::optional<Finding> judge_leaks(const Scene& scene) {
  const auto leaked = std::count_if(scene.all.begin(), scene.all.end(), [](const Answer& answer) {
    return answer.was_asked && answer.shape.has_leak;
  });
  const auto replies = std::count_if(scene.all.begin(), scene.all.end(),
                                     [](const Answer& answer) { return answer.ok(); });
  if (leaked == 0) return observes(HostVerdict::kGood, fmt::format("none in {} replies", replies));
  return observes(
      HostVerdict::kNote,
      fmt::format("in {} of {} replies calls came as text: runs read them, or ask again", leaked,
                  replies));
}

std::optional<Finding> judge_end_marker(const Scene& scene) {
  std::size_t streams = 0;
  std::size_t ended = 0;
  for (const Answer& answer : scene.all) {
    if (!answer.ok() || !answer.shape.is_stream) continue;
    ++streams;
    if (answer.shape.has_end_marker) ++ended;
  }
  if (streams == 0) return observes(HostVerdict::kNotAsked, "replies come whole");
  if (ended == streams) return observes(HostVerdict::kGood, "every stream ends with [DONE]");
  return observes(HostVerdict::kNote,
                  fmt::format("{} of {} streams had no [DONE]: a cut at the very end does not show",
                              streams - ended, streams));
}

std::optional<Finding> judge_gaps(const Scene& scene) {
  constexpr std::int64_t kLongGapMs = 60'000;
  std::int64_t first = 0;
  std::int64_t gap = 0;
  for (const Answer& answer : scene.all) {
    if (!answer.ok()) continue;
    first = std::max(first, answer.first_byte_ms);
    gap = std::max(gap, answer.longest_gap_ms);
  }
  return observes(gap < kLongGapMs ? HostVerdict::kGood : HostVerdict::kNote,
                  fmt::format("first byte within {}, then silent for at most {}",
                              duration_text(first), duration_text(gap)));
}

}  // namespace

ProbedFacts facts_of(const Endpoint& endpoint, std::span<const Answer> all) {
  const std::vector<const Answer*> answers = usual_answers(endpoint, all);
  return {.model = endpoint.wire_model,
          .call_ids = common(answers, &ReplyShape::call_ids, ""),
          .reasoning = common(answers, &ReplyShape::reasoning, ""),
          .usage = common(answers, &ReplyShape::usage, "none")};
}

std::vector<Question> closing_questions() {
  return {
      {.name = "usage", .asks = "where usage stands", .tries = {}, .judge = judge_usage},
      {.name = "call_ids", .asks = "what ids of calls look like", .tries = {}, .judge = judge_ids},
      {.name = "leaks", .asks = "do calls come as text", .tries = {}, .judge = judge_leaks},
      {.name = "end_marker",
       .asks = "do streams say that they end",
       .tries = {},
       .judge = judge_end_marker},
      {.name = "idle_gaps", .asks = "how long it is silent", .tries = {}, .judge = judge_gaps},
  };
}

}  // namespace perdure::probe
