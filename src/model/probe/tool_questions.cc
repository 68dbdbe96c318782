// Tools: calls at the same time, their ids, forced ones, long ones, and schemas.
#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "json/parse.h"
#include "model/probe/question.h"

namespace perdure::probe {
namespace {

constexpr std::string_view kService =
    R"({"type":"object","properties":{"service":{"type":"string"}},"required":["service"]})";

void add_lookup(Ask& ask) {
  ask.add_tool("lookup_port", "The port that a service listens at.", kService);
}

// --- empty_content ---

// The profile's own way first.
EmptyContent content_way(const HostProfile& host, std::size_t index) {
  std::vector<EmptyContent> ways = {host.empty_content};
  for (const EmptyContent way : {EmptyContent::kOmit, EmptyContent::kNull, EmptyContent::kKeep}) {
    if (way != host.empty_content) ways.push_back(way);
  }
  return ways[index];
}

bool ask_lookup(Ask& ask, std::span<const Answer> /*before*/) {
  add_lookup(ask);
  ask.say(
      "Look up the port of the service 'billing' with lookup_port. Write nothing beside the call. "
      "When I ask for another service, look that up in the same way.");
  return true;
}

template <std::size_t index>
bool ask_content(Ask& ask, std::span<const Answer> before) {
  if (!before[0].called("lookup_port")) return false;
  add_lookup(ask);
  Answer edited = before[0];
  Result<Json> message = json::parse(edited.reply.fragment);
  if (!message.ok()) return false;
  const EmptyContent way = content_way(ask.endpoint.host, index);
  message->erase("content");
  if (way == EmptyContent::kNull) (*message)["content"] = nullptr;
  if (way == EmptyContent::kKeep) (*message)["content"] = "";
  edited.reply.fragment = json::dump(*message);
  ask.go_on(edited, "8080");
  return true;
}

std::optional<Finding> judge_content(const Scene& scene) {
  if (scene.answers.size() < 2) return std::nullopt;
  const Answer& answer = scene.answers.back();
  if (!answer.was_asked) return observes(HostVerdict::kUnanswered, "the model called no tool");
  if (answer.ok()) {
    const EmptyContent way = content_way(scene.endpoint.host, scene.answers.size() - 2);
    const std::string name = way == EmptyContent::kOmit   ? "left out"
                             : way == EmptyContent::kNull ? "null"
                                                          : "\"\"";
    return decides(HostVerdict::kGood, "the content beside calls may be " + name, "empty_content",
                   [way](HostProfile& host) { host.empty_content = way; });
  }
  if (!scene.is_last) return std::nullopt;
  return observes(HostVerdict::kNote, "a history with calls is refused: " + refusal(answer));
}

// --- parallel_calls ---

bool ask_two(Ask& ask, bool say_so) {
  ask.endpoint.host.parallel_tool_calls = say_so;
  add_lookup(ask);
  ask.say(
      "Look up the ports of the services 'billing' and 'search' with lookup_port: write both "
      "calls in this one reply, and nothing else.");
  return true;
}

std::optional<Finding> judge_two(const Scene& scene) {
  const Answer& answer = scene.answers.back();
  const bool said_so = scene.answers.size() == 2;
  if (answer.ok() && answer.reply.calls.size() >= 2) {
    return decides(
        HostVerdict::kGood,
        said_so ? "several calls in a reply, when it is told so" : "several calls in a reply",
        "parallel_tool_calls",
        [said_so](HostProfile& host) { host.parallel_tool_calls = said_so; });
  }
  if (!said_so) return std::nullopt;
  return decides(HostVerdict::kNote, "one call in a reply, also when two are wanted",
                 "parallel_tool_calls",
                 [](HostProfile& host) { host.parallel_tool_calls = false; });
}

// --- next_ids ---

bool ask_next_service(Ask& ask, std::span<const Answer> before) {
  if (!before[0].called("lookup_port")) return false;
  add_lookup(ask);
  ask.go_on(before[0], "8080. Now look up 'search' in the same way.");
  return true;
}

std::optional<Finding> judge_next_ids(const Scene& scene) {
  if (scene.answers.size() < 2) return std::nullopt;
  const Answer& second = scene.answers[1];
  if (!second.was_asked || !second.ok() || second.reply.calls.empty()) {
    return observes(HostVerdict::kUnanswered,
                    second.error ? refusal(second) : "the model called no tool");
  }
  const bool repeats =
      std::any_of(second.reply.edits.begin(), second.reply.edits.end(), [](const ReplyEdit& edit) {
        return edit.field.ends_with("/id") && edit.reason == "repeated";
      });
  if (repeats)
    return observes(HostVerdict::kNote, "ids begin anew in each reply: runs make new ones");
  return observes(HostVerdict::kGood, "ids are new in each reply");
}

// --- forced_choice ---

void add_ping_and_pong(Ask& ask) {
  ask.add_tool("ping", "Sends a ping.", kService);
  ask.add_tool("pong", "Sends a pong.", kService);
}

bool ask_forced(Ask& ask, const char* choice, Thinking thinking) {
  if (thinking != Thinking::kDefault && !ask.offers(thinking)) return false;
  ask.endpoint.forced_choice = ForcedChoice::kAlways;
  ask.options.thinking = thinking;
  ask.options.tool_choice.mode = choice;
  add_ping_and_pong(ask);
  // Nothing that would make a model call the right tool of its own.
  ask.say(choice == std::string_view("pong") ? "Send a ping to the service 'billing'."
                                             : "Say hello. No tool is needed for that.");
  return true;
}

bool ask_required(Ask& ask, std::span<const Answer> /*before*/) {
  return ask_forced(ask, "required", Thinking::kDefault);
}
bool ask_named(Ask& ask, std::span<const Answer> before) {
  return !before[0].reply.calls.empty() && ask_forced(ask, "pong", Thinking::kDefault);
}
bool ask_required_off(Ask& ask, std::span<const Answer> before) {
  return before[0].reply.calls.empty() && ask.endpoint.default_thinking() != Thinking::kOff &&
         ask_forced(ask, "required", Thinking::kOff);
}
bool ask_named_off(Ask& ask, std::span<const Answer> before) {
  return !before[2].reply.calls.empty() && ask_forced(ask, "pong", Thinking::kOff);
}

std::optional<Finding> judge_forced(const Scene& scene) {
  const auto works = [&](std::size_t index) { return !scene.answers[index].reply.calls.empty(); };
  const auto decide_for = [&](HostVerdict verdict, const std::string& seen, ForcedChoice choice) {
    return decides(verdict, seen, "forced_tool_choice",
                   [choice](HostProfile& host) { host.forced_choice = choice; });
  };
  if (scene.answers.size() < 2) return std::nullopt;
  if (works(0)) {
    if (scene.answers[1].called("pong"))
      return decide_for(HostVerdict::kGood, "calls can be forced, also of one tool",
                        ForcedChoice::kAlways);
    return decide_for(HostVerdict::kNote, "a call can be forced, but not which one",
                      ForcedChoice::kRequiredOnly);
  }
  if (!scene.is_last) return std::nullopt;
  if (works(2) && scene.answers[3].called("pong")) {
    return decide_for(HostVerdict::kNote, "calls can be forced while thinking is off",
                      ForcedChoice::kThinkingOff);
  }
  const Answer& first = scene.answers[0];
  return decide_for(HostVerdict::kNote,
                    first.error ? "forced calls are refused: " + refusal(first)
                                : "a forced choice is taken and not kept",
                    ForcedChoice::kNever);
}

// --- sampling, tool_schema ---

bool ask_sampling(Ask& ask, std::span<const Answer> /*before*/) {
  ask.endpoint.sampling_pinned = false;
  ask.options.sampling = Json{{"temperature", 0.3}};
  ask.say("Reply with the single word: ready");
  return true;
}

std::optional<Finding> judge_sampling(const Scene& scene) {
  const Answer& answer = scene.answers.back();
  if (answer.broken()) return observes(HostVerdict::kUnanswered, refusal(answer));
  const bool pinned = answer.refused();
  return decides(pinned ? HostVerdict::kNote : HostVerdict::kGood,
                 pinned ? "sampling is fixed: " + refusal(answer) : "takes a temperature",
                 "sampling", [pinned](HostProfile& host) { host.sampling_pinned = pinned; });
}

// What tools of MCP servers have and Moonshot's dialect has not.
constexpr std::string_view kOddSchema =
    R"({"$schema":"http://json-schema.org/draft-07/schema#","title":"Event","type":"object",)"
    R"("properties":{"when":{"type":"string","format":"date-time"},)"
    R"("size":{"type":["integer","null"],"exclusiveMinimum":0},)"
    R"("who":{"oneOf":[{"type":"string"},{"type":"integer"}]},)"
    R"("more":{"description":"Anything."},)"
    R"("place":{"$ref":"#/definitions/place","description":"Where."}},)"
    R"("definitions":{"place":{"type":"string","pattern":"^[a-z]+$"}},"required":["when"]})";

bool ask_schema(Ask& ask, SchemaDialect dialect) {
  ask.endpoint.host.tool_schema = dialect;
  ask.add_tool("make_event", "Makes an entry in a calendar.", kOddSchema);
  ask.say("Reply with the single word: ready. Call no tool.");
  return !ask.tools.empty();
}

std::optional<Finding> judge_schema(const Scene& scene) {
  const Answer& answer = scene.answers.back();
  const bool is_plain = scene.answers.size() == 1;
  const auto decide_for = [&](HostVerdict verdict, std::string seen, SchemaDialect dialect) {
    return decides(verdict, std::move(seen), "tool_schema",
                   [dialect](HostProfile& host) { host.tool_schema = dialect; });
  };
  if (answer.ok()) {
    return is_plain ? decide_for(HostVerdict::kGood, "takes any JSON Schema", SchemaDialect::kPlain)
                    : decide_for(HostVerdict::kNote,
                                 "takes only Moonshot's dialect: " + refusal(scene.answers[0]),
                                 SchemaDialect::kMfjs);
  }
  if (is_plain) return std::nullopt;
  return observes(HostVerdict::kUnanswered, refusal(answer));
}

// --- long_arguments ---

constexpr std::size_t kLongBytes = 20'000;

bool ask_long(Ask& ask, std::span<const Answer> /*before*/) {
  if (ask.offers(Thinking::kOff)) ask.options.thinking = Thinking::kOff;
  ask.add_tool("save_text", "Saves a text.",
               R"({"type":"object","properties":{"text":{"type":"string"}},"required":["text"]})");
  ask.say(
      "Call save_text once. Its text has 420 lines: line N is N, a colon and \"the quick brown fox "
      "jumps over the lazy dog\". Write all of them out, and nothing before the call.");
  return true;
}

std::optional<Finding> judge_long(const Scene& scene) {
  const Answer& answer = scene.answers.back();
  if (answer.broken())
    return observes(HostVerdict::kNote, "long arguments do not come whole: " + refusal(answer));
  if (!answer.called("save_text")) {
    return observes(HostVerdict::kUnanswered,
                    answer.error ? refusal(answer) : "the model did not call");
  }
  const std::string& arguments = answer.reply.calls.front().arguments;
  const std::string size = bytes_text(arguments.size());
  if (!json::parse(arguments).ok()) {
    return observes(HostVerdict::kNote, answer.reply.finish == FinishReason::kLength
                                            ? size + " of arguments came before the cap"
                                            : "arguments of " + size + " came damaged");
  }
  if (arguments.size() >= kLongBytes)
    return observes(HostVerdict::kGood, "arguments of " + size + " come whole");
  return observes(HostVerdict::kUnanswered, "the model wrote only " + size);
}

}  // namespace

std::vector<Question> tool_questions() {
  return {
      {.name = "empty_content",
       .asks = "what may stand for no content beside calls",
       .tries = {{"call", ask_lookup},
                 {"own", ask_content<0>},
                 {"second", ask_content<1>},
                 {"third", ask_content<2>}},
       .judge = judge_content},
      {.name = "parallel_calls",
       .asks = "may a reply have several calls",
       .tries = {{"plain", [](Ask& ask, auto) { return ask_two(ask, false); }},
                 {"told", [](Ask& ask, auto) { return ask_two(ask, true); }}},
       .judge = judge_two},
      {.name = "next_ids",
       .asks = "do the ids of calls begin anew",
       .tries = {{"call", ask_lookup}, {"next", ask_next_service}},
       .judge = judge_next_ids},
      {.name = "forced_choice",
       .asks = "can a call be forced",
       .tries = {{"required", ask_required},
                 {"named", ask_named},
                 {"required_off", ask_required_off},
                 {"named_off", ask_named_off}},
       .judge = judge_forced},
      {.name = "sampling",
       .asks = "does it take a temperature",
       .tries = {{"cool", ask_sampling}},
       .judge = judge_sampling},
      {.name = "tool_schema",
       .asks = "which JSON Schema may tools have",
       .tries = {{"plain", [](Ask& ask, auto) { return ask_schema(ask, SchemaDialect::kPlain); }},
                 {"mfjs", [](Ask& ask, auto) { return ask_schema(ask, SchemaDialect::kMfjs); }}},
       .judge = judge_schema},
      {.name = "long_arguments",
       .asks = "do 20 KB of arguments come whole",
       .tries = {{"text", ask_long, 16'384, 6'500}},
       .judge = judge_long},
  };
}

}  // namespace perdure::probe
