// What must hold of every run, whatever happens to it, checked event by event. This is a second,
// naive fold: it is written from the promises (docs/events.md), not from src/core, and keeps its
// own books of messages, calls, usage and reservations, which must agree with the production
// state after each event.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/decide.h"
#include "core/run.h"
#include "model/history_check.h"

namespace perdure::test {

class CoreChecker {
 public:
  /// `honest`: the host never uses more than was reserved, so that no cap may be passed at all.
  explicit CoreChecker(bool honest) : honest_(honest) {}

  /// decide() asks for this, and it is about to be done.
  void asked(const Effect& effect);
  /// This has been applied; `run` is the state after it.
  void happened(const RunEvent& event, const Run& run);

  /// The first thing that was wrong, or empty.
  const std::string& violation() const { return violation_; }

  // One kind of event each.
  void operator()(const RunStarted& event);
  void operator()(const MessageQueued& event);
  void operator()(const MessageAdded& event);
  void operator()(const PrefixChanged& event);
  void operator()(const HostDiffers& event);
  void operator()(const MediaUploaded& event);
  void operator()(const MediaOmitted& event);
  void operator()(const RunForked& event);
  void operator()(const RequestSent& event);
  void operator()(const RequestFailed& event);
  void operator()(const RetryScheduled& event);
  void operator()(const RetryDue& event);
  void operator()(const EndpointChanged& event);
  void operator()(const ModelReplied& event);
  void operator()(const CallAssessed& event);
  void operator()(const CallAuthorized& event);
  void operator()(const ApprovalAsked& event);
  void operator()(const ApprovalGiven& event);
  void operator()(const CallIntended& event);
  void operator()(const CallFinished& event);
  void operator()(const AcceptanceStarted& event);
  void operator()(const AcceptanceFinished& event);
  void operator()(const StopRequested& event);
  void operator()(const RunEnded& event);
  void operator()(const RunResumed& event);
  void operator()(const RequestRepaired& event);
  void operator()(const TrialSent& event);
  void operator()(const TrialAnswered& event);

 private:
  struct Call {
    std::string id;
    std::string tool;
    std::string arguments;
    std::optional<Assessment> assessment;
    bool allowed = false;
    bool denied = false;
    bool running = false;
    bool in_doubt = false;        // its process died while it ran
    bool doubt_resolved = false;  // ... and somebody was told to find out
    std::int64_t intents = 0;
    std::optional<std::string> answer;
  };

  void expect(bool holds, std::string_view promise);
  void add_message(const std::string& fragment);
  void take_words(const std::string& fragment, const std::string& text);
  void replace_message(std::size_t index, const std::string& fragment);
  void charge(const ReplyUsage& usage);
  void check_reservation(const RequestSent& event);
  void check_sent_bytes(const Run& run);
  void check_protocol(std::string_view fragment);
  void check_books(const Run& run);
  void check_caps();
  bool is_forbidden(const Call& call) const;
  void note_step();
  bool is_loop() const;
  Call* call(std::int64_t index);

  bool honest_;
  std::string violation_;
  std::int64_t active_ms_ = 0;
  std::int64_t decided_ms_ = 0;  // what decide() could know of the time

  RunStarted definition_;
  RequestLimits limits_;
  Budget budget_;
  std::deque<MessageQueued> queue_;
  std::int64_t media_tokens_ = 0;  // that joined since the host counted
  std::set<std::string> media_omitted_;
  std::vector<std::string> messages_;
  std::size_t bytes_ = 0;  // of the messages with the commas between them

  std::vector<EndpointPlan> endpoints_;
  std::int64_t endpoint_ = 0;
  bool trying_ = false;          // the run's own again, after a while elsewhere
  bool failed_ = false;          // the last word is a failure
  bool may_pass_ = false;        // it may pass
  std::set<std::int64_t> left_;  // in the step under way
  std::set<std::int64_t> left_early_;
  std::int64_t waited_ms_ = 0;
  FallbackPlan fallback_;
  std::int64_t away_at_ms_ = 0;
  std::vector<PrefixPart> prefix_;
  std::vector<PrefixPart> prefix_sent_;
  bool prefix_announced_ = false;
  std::set<std::string> host_differences_;

  bool in_flight_ = false;
  bool retry_due_ = false;
  std::int64_t attempt_ = 0;
  RequestSent sent_;
  std::int64_t known_tokens_ = 0;
  std::size_t known_bytes_ = 0;
  bool refused_ = false;  // for its form
  bool in_trial_ = false;
  std::int64_t trial_tokens_ = 0;
  std::size_t taken_ = 0;         // messages of the last request that was answered
  bool message_changed_ = false;  // of those
  std::set<std::string> gone_tools_;
  std::string sent_body_;             // all messages of the last request
  std::size_t checked_messages_ = 0;  // as a strict host has seen them
  std::deque<std::string> unanswered_;
  HistoryCheck history_check_;

  std::vector<Call> calls_;
  std::vector<std::string> steps_;  // what each step of this process did, without ids
  FinishReason finish_ = FinishReason::kStop;
  bool ends_open_ = false;   // the last message is a reply that may go on...
  std::string open_text_;    // ...and all of its answer that came
  bool has_answer_ = false;  // the last word is an answer of the model
  bool accepting_ = false;
  bool accepted_ = false;
  bool ended_ = false;
  std::optional<StopCause> stop_;

  Usage usage_;
  Usage before_last_charge_;
};

}  // namespace perdure::test
