// Shows a run to a person: reasoning dimmed as it streams, each call in a line with its arguments,
// time and result, the answer, and a status line with step, tokens, cached share, money and time.
// Fed with the events of the run; also shows stored runs, which have no deltas. Used from one
// thread, or from the loop's thread and tick() from another.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include <perdure/budget.h>
#include <perdure/event.h>
#include <perdure/json.h>

#include "tui/screen.h"

namespace perdure {

struct RunViewOptions {
  bool show_reasoning = true;
  /// Shows the text of replies from their record instead of from deltas: for stored runs, and where
  /// deltas would be cut by lines of other runs.
  bool text_from_record = false;
};

class RunView {
 public:
  RunView(Screen& screen, RunViewOptions options) : screen_(screen), options_(options) {}

  void show(const Event& event);
  /// Redraws the status line: time passes.
  void tick();

 private:
  struct Call {
    std::string name;
    std::string summary;
  };
  struct Price {  // USD for one million tokens
    double input = 0;
    double cached = 0;
    double output = 0;
  };
  void show_delta(const Event& event);
  void show_journal_event(std::string_view kind, const Json& payload);
  void show_started(const Json& payload);
  void show_message(const Json& payload);
  void show_reply(const Json& payload);
  void add_money(const Json& usage);
  void show_call(const Json& payload);
  void show_failure(const Json& payload);
  void show_end(const Json& payload);
  void update_status();

  Screen& screen_;
  RunViewOptions options_;
  std::mutex mutex_;
  Usage usage_;
  std::int64_t step_ = 0;
  std::int64_t started_ms_ = 0;  // CLOCK_MONOTONIC, less what earlier processes used
  std::map<std::int64_t, Call> calls_;
  std::size_t arguments_bytes_ = 0;
  std::string activity_;
  Price price_;
  bool priced_ = false;
  bool text_shown_ = false;  // deltas of the reply under way were shown
};

/// "step 12 · 34.1k tokens in (82% cached) · 1.2k out · $0.0123 · 1m 04s"
std::string usage_line(const Usage& usage, std::int64_t step, bool priced, std::int64_t elapsed_ms);

}  // namespace perdure
