// The seeded simulator of the core: thousands of stories made of chance, in which a process may die
// after any event, and a checker that holds every promise against every one of them.
//
//   PERDURE_SEED=17     plays this one alone and prints it
//   PERDURE_LONG=1      plays 100,000 instead of 5,000
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "core/event_names.h"
#include "tests/sim/core_world.h"

namespace perdure::test {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kSeeds = 1'000;  // a sanitizer needs several times as long for each
#else
constexpr std::uint64_t kSeeds = 5'000;
#endif
constexpr std::uint64_t kSeedsLong = 100'000;
constexpr std::size_t kFailuresShown = 3;

std::string text_of(const std::vector<std::string>& story) {
  std::string text;
  for (const std::string& line : story) text += "  " + line + "\n";
  return text;
}

// What must have happened somewhere, beside every kind of event and a crash after it, or the
// simulator tests less than it says.
constexpr std::array kSites = {
    "a history is re-projected",
    "a host that says what it billed",
    "a person says something",
    "a probe says that a call had its effect",
    "a probe says that a call had no effect",
    "a repeatable call in doubt runs again",
    "a reply without usage",
    "end done done",
    "end endpoint_permanent bad_request",
    "end endpoint_permanent key_rejected",
    "end endpoint_permanent quota",
    "end endpoint_temporary rate_limited",
    "end endpoint_temporary server",
    "end failed acceptance",
    "end failed content_filtered",
    "end failed length",
    "end interrupted interrupted",
    "end paused context_full",
    "end paused input_tokens",
    "end paused output_tokens",
    "end paused rate_limited",
    "end paused reasoning_tokens",
    "end paused steps",
    "end paused usd",
    "end paused wall_time",
    "end stuck empty_replies",
    "end stuck repeated_calls",
    "left in line",
    "nobody knows what a call did",
    "refused call_finished",
    "refused endpoint_changed",
    "repair message",
    "repair strict",
    "repair tool",
    "refused message_added",
    "refused model_replied",
    "refused run_ended",
    "result cancelled",
    "result denied",
    "result error",
    "result in_doubt",
    "result invalid",
    "result ok",
    "result timeout",
    "result truncated",
    "stop interrupt",
    "stop pause",
    "stop wall_time",
    "work is cancelled",
};

void expect_that_everything_happened(const Sites& sites) {
  std::vector<std::string> names(kSites.begin(), kSites.end());
  for (const std::string_view kind : kEventKinds) {
    if (kind == "run_forked") continue;  // the world has one run; see tests/stored/fork_test.cc
    names.emplace_back(kind);
    // The first events of a run are one commit.
    if (kind != "run_started") names.push_back("crash after " + std::string(kind));
  }
  for (const std::string& name : names) {
    EXPECT_TRUE(sites.contains(name)) << "never happened: " << name;
  }
}

struct Failure {
  std::uint64_t seed = 0;
  std::string text;
};

// Plays the seeds on all cores: a story has nothing in common with another.
std::vector<Failure> play_all(std::uint64_t seeds, Sites& sites) {
  std::mutex mutex;
  std::vector<Failure> failures;
  std::atomic<std::uint64_t> next = 1;
  const auto play = [&] {
    Sites seen;
    for (std::uint64_t seed = next++; seed <= seeds; seed = next++) {
      CoreWorld world(seed, seen);
      const std::string broken = world.play();
      if (broken.empty()) continue;
      const std::lock_guard lock(mutex);
      failures.push_back({seed, broken + "\n" + text_of(world.story())});
      if (failures.size() == kFailuresShown) next = seeds + 1;
    }
    const std::lock_guard lock(mutex);
    for (const auto& [name, count] : seen) sites[name] += count;
  };
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) {
    threads.emplace_back(play);
  }
  threads.clear();
  return failures;
}

TEST(CoreSimulator, KeepsEveryPromiseInEveryStory) {
  Sites sites;
  if (const char* chosen = std::getenv("PERDURE_SEED")) {
    CoreWorld world(std::strtoull(chosen, nullptr, 10), sites);
    const std::string broken = world.play();
    std::fputs(text_of(world.story()).c_str(), stdout);
    EXPECT_EQ(broken, "") << "in seed " << chosen;
    return;
  }
  const std::uint64_t seeds = std::getenv("PERDURE_LONG") != nullptr ? kSeedsLong : kSeeds;
  for (const Failure& failure : play_all(seeds, sites)) {
    ADD_FAILURE() << "seed " << failure.seed << ": " << failure.text
                  << "Play it alone: PERDURE_SEED=" << failure.seed;
  }
  if (!HasFailure()) expect_that_everything_happened(sites);
}

}  // namespace
}  // namespace perdure::test
