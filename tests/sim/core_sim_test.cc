// The seeded simulator of the core: thousands of stories made of chance, in which a process may die
// after any event, and a checker that holds every promise against every one of them.
//
//   PERDURE_LONG=1                 plays 100,000 instead of 5,000
//   PERDURE_SEEDS='17 200..900'    plays these: './dev sim 17 200..900'. One alone is printed, and
//   so
//                                  is one that fails, with the shortest story that fails so
//   PERDURE_WITHOUT=5              tells it without some parts (tests/sim/mutation.h)
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <sstream>
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
    "a host goes on with a reply that was cut",
    "a stream breaks in a reply that can go on",
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

// A story that was told.
struct Told {
  WorldOptions options;
  std::string broken;
  std::vector<std::string> story;
};

Told tell(const WorldOptions& options, Sites& sites) {
  CoreWorld world(options, sites);
  std::string broken = world.play();
  return {.options = options, .broken = std::move(broken), .story = world.story()};
}

std::string name_of_story(const WorldOptions& options) {
  std::string name = "./dev sim " + std::to_string(options.seed);
  if (options.without != 0)
    name = "PERDURE_WITHOUT=" + std::to_string(options.without) + " " + name;
  return name;
}

// The shortest story near this one that breaks the same promise, with as little in it as may be.
Told shortest(const Told& failure, std::uint64_t seeds) {
  const auto promise = [](const Told& told) {
    return told.broken.substr(0, told.broken.find(':'));
  };
  std::vector<unsigned> masks = {failure.options.without, kWithoutAll};
  for (unsigned part = 1; part < kWithoutAll; part *= 2) masks.push_back(kWithoutAll & ~part);
  Told best = failure;
  for (std::uint64_t i = 0; i < seeds; ++i) {
    for (const unsigned without : masks) {
      Sites ignored;
      WorldOptions options = failure.options;
      options.seed += i;
      options.without = without;
      Told told = tell(options, ignored);
      if (promise(told) == promise(failure) && told.story.size() < best.story.size())
        best = std::move(told);
    }
  }
  return best;
}

std::string text_of_failure(const Told& failure) {
  constexpr std::uint64_t kSeedsNear = 100;
  std::string text =
      name_of_story(failure.options) + ": " + failure.broken + "\n" + text_of(failure.story);
  const Told least = shortest(failure, kSeedsNear);
  if (least.story.size() < failure.story.size()) {
    text += "The shortest near it, " + name_of_story(least.options) + ": " + least.broken + "\n" +
            text_of(least.story);
  }
  return text;
}

struct Range {
  std::uint64_t first = 1;
  std::uint64_t last = 1;
};

// Plays the seeds on all cores: a story has nothing in common with another.
std::vector<Told> play_all(const Range& range, unsigned without, Sites& sites) {
  std::mutex mutex;
  std::vector<Told> failures;
  std::atomic<std::uint64_t> next = range.first;
  const auto play = [&] {
    Sites seen;
    for (std::uint64_t seed = next++; seed <= range.last; seed = next++) {
      Told told = tell({.seed = seed, .without = without}, seen);
      if (told.broken.empty()) continue;
      const std::lock_guard lock(mutex);
      failures.push_back(std::move(told));
      if (failures.size() == kFailuresShown) next = range.last + 1;
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

// "17 200..900"
std::vector<Range> ranges_in(std::string_view text) {
  std::vector<Range> ranges;
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word;) {
    const std::size_t dots = word.find("..");
    Range range{.first = std::strtoull(word.c_str(), nullptr, 10)};
    range.last = dots == std::string::npos ? range.first
                                           : std::strtoull(word.c_str() + dots + 2, nullptr, 10);
    ranges.push_back(range);
  }
  return ranges;
}

TEST(CoreSimulator, KeepsEveryPromiseInEveryStory) {
  Sites sites;
  const bool is_long = std::getenv("PERDURE_LONG") != nullptr;
  std::vector<Range> ranges = {{.first = 1, .last = is_long ? kSeedsLong : kSeeds}};
  const char* chosen = std::getenv("PERDURE_SEEDS");
  if (chosen != nullptr) ranges = ranges_in(chosen);
  const char* parts = std::getenv("PERDURE_WITHOUT");
  const auto without =
      static_cast<unsigned>(parts != nullptr ? std::strtoul(parts, nullptr, 10) : 0);
  for (const Range& range : ranges) {
    for (const Told& failure : play_all(range, without, sites)) {
      ADD_FAILURE() << text_of_failure(failure);
    }
    if (range.first != range.last) continue;
    const Told told = tell({.seed = range.first, .without = without}, sites);
    std::fputs(text_of(told.story).c_str(), stdout);
  }
  if (chosen == nullptr && !HasFailure()) expect_that_everything_happened(sites);
}

// --- Planted bugs ---

class PlantedBugs : public testing::TestWithParam<std::pair<std::string_view, Mutation>> {};

TEST_P(PlantedBugs, are_found_told_shortly_and_found_again) {
  constexpr std::uint64_t kSeedsMost = 1'000;
  constexpr std::uint64_t kSeedsNear = 5;
  Sites sites;
  Told found;
  for (std::uint64_t seed = 1; found.broken.empty() && seed <= kSeedsMost; ++seed) {
    found = tell({.seed = seed, .mutation = GetParam().second}, sites);
  }
  ASSERT_NE(found.broken, "") << "nothing is found in " << kSeedsMost << " stories";
  Sites ignored;
  EXPECT_EQ(tell({.seed = found.options.seed}, ignored).broken, "")
      << "it is the bug that is found";
  const Told least = shortest(found, kSeedsNear);
  EXPECT_LE(least.story.size(), found.story.size());
  const Told again = tell(least.options, ignored);
  EXPECT_EQ(again.broken, least.broken);
  EXPECT_EQ(again.story, least.story);
  std::printf("           seed %llu: %s; %zu events, %zu in the shortest\n",
              static_cast<unsigned long long>(found.options.seed),
              found.broken.substr(0, 70).c_str(), found.story.size(), least.story.size());
}

INSTANTIATE_TEST_SUITE_P(CoreSimulator, PlantedBugs, testing::ValuesIn(kMutationNames),
                         [](const auto& bug) { return std::string(bug.param.first); });

}  // namespace
}  // namespace perdure::test
