// What `perdure probe` asks a host, as data: questions, the requests that each of them sends, and
// pure judges that say what an answer means for the host's profile. Who sends them, waits and
// counts is runtime/probe.cc. Plain values; any thread.
//
// A request is made by the same code as those of runs, from the profile as it is known by then with
// one thing changed. A judge that is content changes the profile in the same way, so that a run
// sends what was answered here.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/model.h>
#include <perdure/result.h>

#include "core/event.h"
#include "model/catalog.h"
#include "model/chat_request.h"
#include "model/reply_shape.h"

namespace perdure::probe {

/// What came of one request. Waiting and asking again is over by then.
struct Answer {
  bool was_asked = false;  ///< A request that does not apply is not sent.
  std::optional<Error> error;
  ModelReplied reply;
  ReplyShape shape;
  std::string reasoning;              ///< All of it, whatever its name.
  std::vector<std::string> messages;  ///< That were sent, as JSON texts.
  std::string conversation;           ///< The same for requests that go on with each other.
  bool had_stream = false;            ///< What the profile said when it was sent.
  bool had_stream_usage = false;
  std::int64_t first_byte_ms = 0;
  std::int64_t longest_gap_ms = 0;  ///< Between two pieces of the reply.

  bool ok() const { return was_asked && !error; }
  /// The host does not take such a request.
  bool refused() const;
  /// What came was no whole reply.
  bool broken() const;
  /// Says nothing about the host: no connection, a limit, a failure of its own.
  bool is_lost() const { return was_asked && error && !refused() && !broken(); }
  bool called(std::string_view tool) const;
};

/// A request before it is sent.
struct Ask {
  Endpoint endpoint;  ///< As it is known by now; a request changes its copy.
  RequestOptions options;
  std::vector<ToolDeclaration> tools;
  std::vector<std::string> messages;
  std::string conversation;
  std::string tag;  ///< "[probe: QUESTION/REQUEST] ": the first message begins with it.

  /// A message of the user.
  void say(std::string_view text);
  /// Goes on behind a reply: with what the tools gave, or with a message when it called none.
  void go_on(const Answer& before, std::string_view text);
  /// A tool with its parameters in the endpoint's dialect.
  void add_tool(std::string_view name, std::string_view description, std::string_view parameters);
  bool offers(Thinking mode) const { return endpoint.thinking.of(mode).has_value(); }
};

struct Try {
  std::string_view name;
  /// Of this question so far, one for each try before this one. False: it does not apply.
  bool (*make)(Ask& ask, std::span<const Answer> before);
  std::int64_t output_tokens_max = 2'048;
  std::int64_t likely_output_tokens = 250;
};

/// A line of the profile that an answer decides.
struct Change {
  std::string key;
  std::function<void(HostProfile&)> apply;
};

struct Finding {
  HostVerdict verdict = HostVerdict::kGood;
  std::string seen;
  std::vector<Change> changes = {};
};

struct Scene {
  const Endpoint& endpoint;         ///< As it is known by now.
  std::span<const Answer> answers;  ///< Of this question.
  std::span<const Answer> all;      ///< Of the questions before, too.
  bool is_last = false;             ///< No try is left.
};

struct Question {
  std::string_view name;
  std::string_view asks;  ///< What it is about, for people.
  std::vector<Try> tries;
  /// Nothing: the next try is needed. After the last try it must decide.
  std::optional<Finding> (*judge)(const Scene& scene);
  bool must_be_answered = false;  ///< Without this answer the others mean nothing.
};

/// In the order in which they are asked: what an early one learns is used by the later ones.
const std::vector<Question>& questions();

/// Their parts, a file each.
std::vector<Question> transport_questions();
std::vector<Question> thinking_questions();
std::vector<Question> tool_questions();
/// These ask nothing: they look at all answers.
std::vector<Question> closing_questions();

/// What of the answers a later run can compare.
ProbedFacts facts_of(const Endpoint& endpoint, std::span<const Answer> all);

/// A finding that changes one key.
Finding decides(HostVerdict verdict, std::string seen, std::string key,
                std::function<void(HostProfile&)> apply);
/// One that changes nothing.
Finding observes(HostVerdict verdict, std::string seen);
/// What the host said when it refused, short enough for a row.
std::string refusal(const Answer& answer);

}  // namespace perdure::probe
