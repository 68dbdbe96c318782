// Shows a run to a person: reasoning dimmed as it streams, each call in a line with its arguments,
// time and result, the answer, and a status line with step, tokens, cached share, money and time.
// Fed with the events of the run; also shows stored runs, which have no deltas. Used from one
// thread, or from the loop's thread and tick() from another.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include <perdure/budget.h>
#include <perdure/event.h>
#include <perdure/json.h>

#include "tui/endpoint_prices.h"
#include "tui/screen.h"

namespace perdure {

struct RunViewOptions {
  bool show_reasoning = true;
  /// Shows the text of replies from their record instead of from deltas, and no status line: for
  /// stored runs, and where deltas would be cut by lines of other runs.
  bool text_from_record = false;
  /// Somebody else prints the answer of a run that is done, so it is not shown twice.
  bool answer_elsewhere = false;
  /// The reader has just typed what opens each turn: no headings between turns, no echo.
  bool in_chat = false;
  /// CLOCK_MONOTONIC when it is empty.
  std::function<std::int64_t()> now_ms = {};
};

class RunView {
 public:
  RunView(Screen& screen, RunViewOptions options);

  void show(const Event& event);
  /// Takes in an event of an earlier process without showing it: what a resumed run has used and
  /// what it is about.
  void recall(const Event& event);
  /// Redraws the status line: time passes. Without a live terminal, says once a minute what the
  /// run waits for.
  void tick();
  /// What the run has used, in a line: "4 steps · ...".
  std::string summary();

 private:
  struct Call {
    std::string name;
    std::string summary;
  };
  struct Failure {
    std::string message;
    std::int64_t attempt = 1;
  };

  void show_delta(const Event& event);
  void show_started(const Json& payload);
  void show_resumed(const Json& payload);
  void begin_fork(const Json& payload);
  void show_forked(const Json& payload);
  void show_message(const Json& payload);
  void show_prefix(const Json& payload);
  void show_difference(const Json& payload);
  void show_upload(const Json& payload);
  void show_repair(const Json& payload);
  void show_trial(const Json& payload);
  void show_trial_end(const Json& payload);
  void charge_usage(const Json& usage);
  void show_missed_cache(const Json& usage);
  void show_request(const Json& payload);
  void show_failure(const Json& payload);
  void show_retry(const Json& payload);
  void show_endpoint(const Json& payload);
  void show_reply(const Json& payload);
  void show_assessed(const Json& payload);
  void show_approval(const Json& payload);
  void show_intended(const Json& payload);
  void show_call(const Json& payload);
  void show_acceptance_begin(const Json& payload);
  void show_acceptance_end(const Json& payload);
  void show_end(const Json& payload);
  void show_reasoning_of(const Json& fragment);
  void show_held_text();

  void begin_clock(const Json& payload);
  void charge(const Json& usage);
  void charge_failed(const Json& payload);
  void charge_left_behind();
  void charge_estimate(std::int64_t input_tokens, std::int64_t output_tokens);
  std::string status_line() const;
  void set_activity(std::string activity);
  void update_status();
  std::int64_t now_ms() const { return options_.now_ms(); }
  std::string look(Style style, std::string_view text) const;
  void say(Style style, std::string_view text);
  void note(std::string_view text);
  std::size_t columns() const;

  Screen& screen_;
  RunViewOptions options_;
  std::mutex mutex_;
  std::string run_id_;
  Usage usage_;
  std::int64_t shared_ms_ = 0;  // of the parent, when this is a fork
  std::int64_t step_ = 0;
  std::int64_t started_ms_ = 0;       // CLOCK_MONOTONIC, less what earlier processes used
  std::int64_t active_ms_ = 0;        // of the last event
  std::int64_t last_event_ms_ = 0;    // or since the last sign of life
  std::int64_t prompt_estimate_ = 0;  // of the request under way; 0 when there is none
  std::map<std::int64_t, Call> calls_;
  std::size_t arguments_bytes_ = 0;
  std::string activity_;
  std::string task_;  // what the user said last
  std::string workspace_;
  EndpointPrices prices_;
  Failure failure_;
  bool text_shown_ = false;       // deltas of the reply under way were shown
  bool reasoning_shown_ = false;  // the same of its reasoning
  bool nobody_said_ = false;      // that nobody can be asked here
  bool reply_cut_ = false;        // the last reply ended at the output limit
  std::string held_text_;         // may be the answer, which somebody else prints
};

/// "12 steps", "1 step".
std::string steps_text(std::int64_t steps);
/// "step 12 · 34.1k in (82% cached) · 1.2k out · $0.0123 · 1m 04s"; `head` is its beginning.
std::string usage_line(const Usage& usage, std::string_view head, bool priced,
                       std::int64_t elapsed_ms);

}  // namespace perdure
