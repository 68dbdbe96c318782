#include "loop/loop.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kTooLongMs = 30'000;

// Runs a loop until the test stops it; one that nobody stops fails the test.
void run_bounded(Loop& loop) {
  Timer guard = loop.start_timer(kTooLongMs, [&] {
    ADD_FAILURE() << "what the test waits for did not happen";
    loop.stop();
  });
  loop.run();
}

// Two ends of a connection; what is written to one is read from the other.
struct Pair {
  int near = -1;
  int far = -1;

  Pair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
    near = ends[0];
    far = ends[1];
  }
  ~Pair() {
    ::close(near);
    if (far >= 0) ::close(far);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  void send(std::string_view bytes) const {
    EXPECT_EQ(::write(far, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  std::string receive(std::size_t bytes_max = 64) const {
    std::string bytes(bytes_max, '\0');
    const ssize_t got = ::read(near, bytes.data(), bytes.size());
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }
  void hang_up() { ::close(std::exchange(far, -1)); }
};

TEST(Timer, RunsOnceInTheOrderOfTheirTime) {
  Loop loop;
  std::vector<int> order;
  Timer last = loop.start_timer(30, [&] {
    order.push_back(3);
    loop.stop();
  });
  Timer second = loop.start_timer(2, [&] { order.push_back(2); });
  Timer first = loop.start_timer(0, [&] { order.push_back(1); });
  Timer past = loop.start_timer(-100, [&] { order.push_back(1); });
  EXPECT_THAT(order, IsEmpty()) << "never from within the call";
  EXPECT_TRUE(first.pending());
  run_bounded(loop);
  EXPECT_THAT(order, ElementsAre(1, 1, 2, 3));
  EXPECT_FALSE(first.pending());
  EXPECT_FALSE(last.pending());
}

TEST(Timer, CancelledDestroyedAndReplacedOnesDoNotRun) {
  Loop loop;
  int wrong = 0;
  int right = 0;
  Timer cancelled = loop.start_timer(0, [&] { ++wrong; });
  cancelled.cancel();
  cancelled.cancel();
  EXPECT_FALSE(cancelled.pending());
  {
    const Timer destroyed = loop.start_timer(0, [&] { ++wrong; });
  }
  Timer replaced = loop.start_timer(0, [&] { ++wrong; });
  replaced = loop.start_timer(1, [&] { ++right; });
  Timer original = loop.start_timer(1, [&] { ++right; });
  const Timer moved = std::move(original);
  Timer other;
  Timer by_another = loop.start_timer(0, [&] { other.cancel(); });
  other = loop.start_timer(1, [&] { ++wrong; });
  Timer end = loop.start_timer(20, [&] { loop.stop(); });
  run_bounded(loop);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(right, 2);
}

// Handles are used again: nothing of the task before may be left in them.
TEST(Timer, LetsGoOfItsTaskWhenItIsCancelledAndWhenItRan) {
  Loop loop;
  const auto held = std::make_shared<int>(0);
  Timer cancelled = loop.start_timer(kTooLongMs, [held] {});
  EXPECT_EQ(held.use_count(), 2);
  cancelled.cancel();
  EXPECT_EQ(held.use_count(), 1);
  Timer ran = loop.start_timer(0, [held] { ++*held; });
  Timer end = loop.start_timer(20, [&] { loop.stop(); });
  run_bounded(loop);
  EXPECT_EQ(*held, 1);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Loop, KnowsWhenItsTurnBegan) {
  const auto clock_ms = [] {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  };
  Loop loop;
  const std::int64_t before = clock_ms();
  std::int64_t seen = 0;
  Timer timer = loop.start_timer(2, [&] {
    seen = loop.now_ms();
    loop.stop();
  });
  run_bounded(loop);
  EXPECT_GT(seen, before);
  EXPECT_LE(seen, clock_ms());
}

TEST(Timer, ItsTaskMayStartItAnewAndDestroyIt) {
  Loop loop;
  int count = 0;
  Timer repeating;
  std::function<void()> again = [&] {
    EXPECT_FALSE(repeating.pending());
    if (++count < 3) repeating = loop.start_timer(0, again);
  };
  repeating = loop.start_timer(0, again);

  auto owned = std::make_unique<Timer>();
  auto alive = std::make_shared<bool>(true);
  *owned = loop.start_timer(0, [&, alive] {
    owned.reset();
    EXPECT_TRUE(*alive) << "the task lives as long as it runs";
  });
  Timer end = loop.start_timer(20, [&] { loop.stop(); });
  run_bounded(loop);
  EXPECT_EQ(count, 3);
  EXPECT_EQ(owned, nullptr);
  EXPECT_EQ(alive.use_count(), 1) << "and no longer";
}

TEST(Loop, TasksRunInTheOrderOfPosting) {
  Loop loop;
  std::vector<int> order;
  loop.post([&] {
    order.push_back(1);
    loop.post([&] {
      order.push_back(3);
      loop.stop();
    });
  });
  loop.post([&] { order.push_back(2); });
  run_bounded(loop);
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TEST(Loop, TasksOfManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kTasks = 2'000;
  Loop loop;
  std::vector<std::vector<int>> seen(kThreads);
  int ended = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int task = 0; task < kTasks; ++task) {
        loop.post([&seen, i, task] { seen[static_cast<std::size_t>(i)].push_back(task); });
      }
      loop.post([&] {
        if (++ended == kThreads) loop.stop();
      });
    });
  }
  run_bounded(loop);
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<int>& tasks : seen) {
    ASSERT_EQ(tasks.size(), static_cast<std::size_t>(kTasks));
    EXPECT_TRUE(std::is_sorted(tasks.begin(), tasks.end()));
  }
}

TEST(Loop, WhatWasPostedBeforeStopRuns) {
  Loop loop;
  int count = 0;
  // Before run(): kept until then.
  for (int i = 0; i < 3; ++i) loop.post([&] { ++count; });
  loop.stop();
  run_bounded(loop);
  EXPECT_EQ(count, 3);
  // A loop can run again, and be stopped from elsewhere.
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) loop.post([&] { ++count; });
    loop.stop();
  });
  run_bounded(loop);
  other.join();
  EXPECT_EQ(count, 1003);
}

TEST(Loop, WhatIsPostedToALoopThatEndsIsDestroyedUnrun) {
  const auto alive = std::make_shared<bool>(true);
  {
    Loop loop;
    auto timer = std::make_shared<Timer>(loop.start_timer(kTooLongMs, [] {}));
    loop.post([alive, timer] { ADD_FAILURE() << "nobody runs the loop"; });
  }
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(Mailbox, ReachesTheLoopWhileItLives) {
  const auto alive = std::make_shared<bool>(true);
  Mailbox mailbox;
  mailbox.post([alive] { ADD_FAILURE() << "of no loop"; });
  {
    Loop loop;
    mailbox = loop.mailbox();
    int count = 0;
    std::thread other([mailbox, &count, &loop] {
      mailbox.post([&] { ++count; });
      mailbox.post([&] { loop.stop(); });
    });
    run_bounded(loop);
    other.join();
    EXPECT_EQ(count, 1);
  }
  mailbox.post([alive] { ADD_FAILURE() << "the loop is gone"; });
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(Watch, CallsBackWhileThereIsSomethingToRead) {
  Loop loop;
  const Pair pair;
  pair.send("abcd");
  std::string read;
  Watch watch = loop.watch(pair.near, {.readable = true}, [&](Readiness ready) {
    EXPECT_TRUE(ready.readable);
    EXPECT_FALSE(ready.writable);
    read += pair.receive(1);
    if (read.size() == 4) loop.stop();
  });
  run_bounded(loop);
  EXPECT_EQ(read, "abcd");
}

TEST(Watch, Changes) {
  Loop loop;
  const Pair pair;
  std::vector<std::string> calls;
  Watch watch;
  watch = loop.watch(pair.near, {.writable = true}, [&](Readiness ready) {
    calls.push_back(std::string(ready.readable ? "r" : "") + (ready.writable ? "w" : ""));
    if (calls.size() == 1) {
      watch.change({.readable = true});
      pair.send("x");
    } else if (calls.size() == 2) {
      watch.change({.readable = true, .writable = true});
    } else {
      // Asking for nothing is allowed: the watch rests.
      watch.change({});
      loop.post([&] { loop.stop(); });
    }
  });
  run_bounded(loop);
  EXPECT_THAT(calls, ElementsAre("w", "r", "rw"));
  EXPECT_TRUE(watch.active());
}

TEST(Watch, EndsWithinItsOwnCallback) {
  Loop loop;
  const Pair pair;
  pair.send("x");
  auto watch = std::make_unique<Watch>();
  auto alive = std::make_shared<bool>(true);
  int count = 0;
  *watch = loop.watch(pair.near, {.readable = true}, [&, alive](Readiness) {
    ++count;
    watch.reset();
    EXPECT_TRUE(*alive) << "the callback lives as long as it runs";
  });
  Timer end = loop.start_timer(20, [&] { loop.stop(); });
  run_bounded(loop);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(Watch, OneThatAnotherCancelsIsNotCalledAnyMore) {
  Loop loop;
  const std::array<Pair, 2> pairs;
  std::array<Watch, 2> watches;
  int count = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    pairs[i].send("x");
    watches[i] = loop.watch(pairs[i].near, {.readable = true}, [&](Readiness) {
      ++count;
      // Both are ready in the same turn of the loop.
      for (Watch& watch : watches) watch.cancel();
      loop.post([&] { loop.stop(); });
    });
  }
  run_bounded(loop);
  EXPECT_EQ(count, 1);
}

TEST(Watch, MovesWithItsOwner) {
  Loop loop;
  const Pair pair;
  pair.send("x");
  int count = 0;
  Watch first = loop.watch(pair.near, {.readable = true}, [&](Readiness) {
    ++count;
    pair.receive();
    loop.stop();
  });
  Watch second = std::move(first);
  EXPECT_FALSE(first.active());  // NOLINT: that a moved one is empty is what is tested
  EXPECT_TRUE(second.active());
  run_bounded(loop);
  EXPECT_EQ(count, 1);
  second = Watch();
  EXPECT_FALSE(second.active());
}

TEST(Watch, HangUpIsReadable) {
  Loop loop;
  Pair pair;
  pair.send("ab");
  pair.hang_up();
  std::string read;
  Watch watch;
  watch = loop.watch(pair.near, {.readable = true}, [&](Readiness ready) {
    EXPECT_TRUE(ready.readable);
    const std::string bytes = pair.receive(1);
    read += bytes.empty() ? "|" : bytes;
    if (!bytes.empty()) return;
    watch.cancel();
    loop.stop();
  });
  run_bounded(loop);
  EXPECT_EQ(read, "ab|");
}

// A descriptor with an error may still have bytes: whoever reads them piece by piece must be called
// until the error itself was read. libuv ends a watch at the first error.
TEST(Watch, GoesOnAfterAnError) {
  Loop loop;
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
  const auto [reader, writer] = ends;
  ::close(reader);  // the writer's end now has an error, for good
  int count = 0;
  Watch watch;
  watch = loop.watch(writer, {.writable = true}, [&](Readiness ready) {
    EXPECT_TRUE(ready.readable && ready.writable);
    if (++count < 3) return;
    watch.cancel();
    loop.stop();
  });
  run_bounded(loop);
  EXPECT_EQ(count, 3);
  ::close(writer);
}

TEST(LoopDeathTest, MistakesOfTheCaller) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Loop loop;
        const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        const Watch watch = loop.watch(file, {.readable = true}, [](Readiness) {});
      },
      "a watched descriptor is a socket, pipe, pidfd or eventfd");
  EXPECT_DEATH(Watch().change({.readable = true}), "only an active watch changes");
  EXPECT_DEATH(
      {
        std::optional<Loop> loop(std::in_place);
        const Timer timer = loop->start_timer(kTooLongMs, [] {});
        loop.reset();
      },
      "timers and watches end before their loop");
}

}  // namespace
}  // namespace perdure
