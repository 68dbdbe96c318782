// A world around one run of the pure core, made of chance: a model that says anything, hosts that
// fail, people who say yes and no, and processes that die. It does what the driver does with the
// effects of decide(), in the same order (apply, commit, act), but in memory, and it can die after
// any event. Then the run is folded again from its encoded journal and resumed.
//
// Everything comes from the seed: the same seed is the same story.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/decide.h"
#include "core/run.h"
#include "model/history.h"
#include "tests/sim/core_checker.h"
#include "tests/sim/mutation.h"
#include "tests/sim/random.h"

namespace perdure::test {

/// How often each kind of thing happened: what never happens is not tested.
using Sites = std::map<std::string, std::int64_t, std::less<>>;

class CoreWorld {
 public:
  CoreWorld(const WorldOptions& options, Sites& sites);

  /// Plays the story to its end. Returns the promise that was broken, or empty.
  std::string play();

  /// The journal, one event a line, with the crashes between them.
  const std::vector<std::string>& story() const { return story_; }

 private:
  struct Stored {
    std::string kind;
    std::string payload;
  };
  /// Thrown where the process dies.
  struct Crash {};
  /// How the model is, for the whole story.
  enum class Mood : std::uint8_t { kMixed, kLooping, kCutShort, kSilent };

  // The process: what the driver does.
  void live();
  void begin();
  void advance();
  void record(EventBody body);
  void store(Stored event);
  /// Whether the planted bug shows now.
  bool errs(Mutation mutation) { return options_.mutation == mutation && random_.chance(25); }
  bool without(Without part) const { return (options_.without & part) != 0; }
  void check_outside();
  void perform(const Effect& effect);
  void repair(RequestRepaired event);
  void start_call(std::int64_t index);
  void resolve_doubt(std::int64_t index);
  void cancel_work();
  void check_history();
  void finish_call(std::int64_t index, CallStatus status, std::string_view text);
  void die_and_resume();
  void resume(bool more_budget);
  Run fold_journal();
  void try_an_impossible_event();
  void try_the_last_event_again();

  // The outside: what comes by chance.
  bool let_something_happen();
  void reply();
  void fail_request();
  void end_a_trial();
  void end_a_call();
  void answer_a_person();
  void interfere();
  RunStarted make_definition();
  Budget make_budget();
  std::vector<PolicyRule> make_policy();
  FallbackPlan make_fallback(const RequestLimits& own);
  Budget raised(Budget budget);
  ModelReplied make_reply();
  void make_words(ModelReplied& reply);
  std::vector<ToolCall> make_calls();
  ToolCall make_call();
  ReplyUsage make_usage(const ModelReplied& reply);
  Assessment assess(const ToolCall& call) const;
  /// Whether somebody can see after a crash if a call of this tool took effect.
  static bool can_probe(std::string_view tool_name);
  std::string some_text();

  void count(std::string_view site);
  void broken(const std::string& promise);
  CallState& call_state(std::int64_t index) {
    return live_.calls.at(static_cast<std::size_t>(index));
  }
  /// "step.call".
  std::string name_of(std::int64_t index) const;

  WorldOptions options_;
  Random random_;
  Sites& sites_;
  bool honest_;    // the host keeps to what was reserved
  bool headless_;  // nobody answers
  Mood mood_;
  std::int64_t loop_period_;  // of a model that loops
  CoreChecker checker_;
  std::string broken_;
  std::vector<std::string> story_;

  Run live_;
  Histories histories_;
  std::map<std::string, std::string> sent_;  // what each endpoint was sent last
  Run shadow_;                               // the fold of the decoded journal
  std::vector<Stored> journal_;
  std::int64_t active_ms_ = 0;
  std::int64_t crashes_left_;
  std::int64_t resumes_left_;
  std::int64_t events_to_crash_ = -1;
  std::int64_t calls_made_ = 0;
  std::vector<std::vector<ToolCall>> made_;  // the calls of each reply that had any

  // Under way outside. What was intended in a batch begins when the batch is durable.
  bool asked_model_ = false;
  bool waiting_retry_ = false;
  bool trying_ = false;
  bool checking_ = false;
  bool cancelling_ = false;
  std::set<std::int64_t> intended_;
  std::set<std::int64_t> running_;
  std::set<std::int64_t> asked_people_;
  std::map<std::string, std::int64_t> executed_;  // how often each call had its effect
  std::int64_t requests_left_ = 0;                // so many requests left the process
};

}  // namespace perdure::test
