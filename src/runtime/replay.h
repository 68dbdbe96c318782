// A stored run once more, offline: what came from outside (replies, results, answers of people,
// failures) is fed back through the core that decides and the code that writes requests, and what
// they make of it is compared with what the journal says was done and sent. Nothing is sent, run or
// stored.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <perdure/runtime.h>

#include "core/decide.h"
#include "core/run.h"
#include "runtime/engine.h"
#include "runtime/request_recorder.h"
#include "runtime/run_driver.h"
#include "store/journal.h"

namespace perdure {

class Replayer {
 public:
  Replayer(Engine& engine, std::string run_id, std::vector<StoredEvent> events);

  /// Errors: kCorrupt with the event that does not fit; those of finding model and host.
  Result<Replay> replay();

 private:
  Status take(std::size_t index);
  Status make_setup(std::size_t index, const std::string& agent);

  void compare_decision(const StoredEvent& stored, const RunEvent& event);
  std::optional<EventBody> decided(const Effect& effect, const EventBody& event);
  void compare_request(const StoredEvent& stored, const std::string& was, const std::string& now,
                       std::int64_t step);
  void compare_text(const StoredEvent& stored, const Json& was, const Json& now,
                    const std::string& member, std::int64_t step);
  void follow_repairs(const EventBody& body, std::optional<RepairedRequest> repaired);
  void differ(ReplayDifference difference);

  Engine& engine_;
  std::string run_id_;
  std::vector<StoredEvent> events_;
  Run run_;
  RunSetup setup_;
  std::vector<Effect> due_;                   // of the last decision, as far as they are not seen
  std::map<std::string, std::string> heads_;  // of sent requests, by their hash
  std::int64_t agreed_messages_ = 0;          // of the last request that was the same
  std::string version_;                       // that wrote what is read now
  bool is_own_ = true;                        // else it is history that a fork shares with another
  bool was_forked_ = false;                   // its own run_forked has been seen
  Replay replay_;
};

}  // namespace perdure
