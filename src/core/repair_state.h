// What was changed about the requests of a run so that its host takes them, and how far the search
// for what it refuses has come. Part of the state of a run; repair.h decides by it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace perdure {

struct RepairState {
  bool strict = false;                ///< Requests leave out what is optional...
  std::vector<std::string> left_out;  ///< ...which is this...
  std::string told_choice;            ///< ...and the forced choice that was among it.
  std::set<std::string> tools;        ///< Not declared any more.
  std::set<std::int64_t> messages;    ///< Whose content is a note now.
  std::vector<std::string> untold;    ///< What the model is to be told before the next request.
  std::int64_t task_message = 0;      ///< The user message that opened the turn.
  std::int64_t messages_taken = 0;  ///< So many first messages were in a request that was answered.

  // Of the request under way.
  std::string words;                    ///< Of the host, when the search began...
  std::vector<std::string> named;       ///< ...and the tools that they mean by a path.
  std::vector<bool> trials;             ///< Whether the host took each trial of the search.
  std::int64_t trials_sent = 0;         ///< Of all searches.
  std::int64_t trial_input_tokens = 0;  ///< Estimate of the last one.

  /// Another one may take what this one refused.
  void leave_endpoint() {
    strict = false;
    left_out.clear();
    told_choice.clear();
    tools.clear();
    trials.clear();
    trials_sent = 0;
    messages_taken = 0;
  }
  bool changes_requests() const { return strict || !tools.empty(); }
  bool operator==(const RepairState&) const = default;
};

}  // namespace perdure
