// Bugs that are planted into the simulated driver and store, to show that the checker finds each:
// a simulator that finds nothing in a broken runtime says nothing about a whole one.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace perdure::test {

enum class Mutation : std::uint8_t {
  kNone,
  kSkipCommit,
  kSwapCommits,
  kTearCommit,
  kAnswerTwice,
  kAnswerForAnother,
  kSendBeforeCommit,
  kBeginBeforeCommit,
  kRunAgain,
  kForgetDoubt,
  kForgetBudget,
  kChangeReply,
  kReserveTooLittle,
  kIgnoreRules,
  kGoOnAfterStop,
};

inline constexpr std::array<std::pair<std::string_view, Mutation>, 14> kMutationNames = {{
    {"a_commit_is_skipped", Mutation::kSkipCommit},
    {"two_commits_are_swapped", Mutation::kSwapCommits},
    {"a_crash_tears_a_commit", Mutation::kTearCommit},
    {"an_id_is_answered_twice", Mutation::kAnswerTwice},
    {"a_result_has_the_id_of_another_call", Mutation::kAnswerForAnother},
    {"a_request_leaves_before_its_commit", Mutation::kSendBeforeCommit},
    {"an_effect_begins_before_its_intent", Mutation::kBeginBeforeCommit},
    {"a_destructive_call_in_doubt_runs_again", Mutation::kRunAgain},
    {"a_call_of_a_dead_process_is_taken_for_new", Mutation::kForgetDoubt},
    {"the_budget_of_an_earlier_process_is_forgotten", Mutation::kForgetBudget},
    {"the_bytes_of_a_reply_are_changed", Mutation::kChangeReply},
    {"less_is_reserved_than_may_be_used", Mutation::kReserveTooLittle},
    {"a_denied_call_is_allowed", Mutation::kIgnoreRules},
    {"a_call_starts_after_a_stop", Mutation::kGoOnAfterStop},
}};

/// What a story may be without: a failing one is told again with less, until it is short.
enum Without : unsigned {
  kWithoutCrashes = 1,
  kWithoutResumes = 2,
  kWithoutPeople = 4,
  kWithoutFailures = 8,
  kWithoutFallback = 16,
  kWithoutPolicy = 32,
  kWithoutAcceptance = 64,
};
inline constexpr unsigned kWithoutAll = 127;

struct WorldOptions {
  std::uint64_t seed = 1;
  unsigned without = 0;
  Mutation mutation = Mutation::kNone;
};

}  // namespace perdure::test
