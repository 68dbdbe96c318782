#include "runtime/worker_pool.h"

#include <atomic>

#include <gtest/gtest.h>

#include "tests/support/run_bench.h"

namespace perdure {
namespace {

using test::Meeting;

TEST(WorkerPool, runs_what_is_queued_before_it_ends) {
  std::atomic<int> ran = 0;
  {
    WorkerPool pool(2);
    for (int i = 0; i < 1'000; ++i) pool.post([&] { ++ran; });
  }
  EXPECT_EQ(ran, 1'000);
}

TEST(WorkerPool, uses_all_its_threads_and_no_more) {
  constexpr int kThreads = 3;
  Meeting all;
  std::atomic<int> met = 0;
  std::atomic<int> at_work = 0;
  std::atomic<int> at_work_max = 0;
  {
    WorkerPool pool(kThreads);
    for (int i = 0; i < 4 * kThreads; ++i) {
      pool.post([&] {
        const int now = ++at_work;
        for (int seen = at_work_max; now > seen && !at_work_max.compare_exchange_weak(seen, now);) {
        }
        if (all.arrive_and_wait_for(kThreads)) ++met;
        --at_work;
      });
    }
  }
  EXPECT_EQ(met, 4 * kThreads);
  EXPECT_EQ(at_work_max, kThreads);
}

TEST(WorkerPool, one_thread_keeps_the_order) {
  std::string order;
  {
    WorkerPool pool(1);
    for (const char letter : {'a', 'b', 'c', 'd'}) pool.post([&order, letter] { order += letter; });
  }
  EXPECT_EQ(order, "abcd");
}

TEST(WorkerPool, work_may_post_work) {
  Meeting done;
  WorkerPool pool(1);
  pool.post([&] { pool.post([&] { done.arrive(); }); });
  EXPECT_TRUE(done.wait_for(1));
}

// A wake that gets lost would leave the third piece of a round where it is.
TEST(WorkerPool, one_wake_is_enough_for_what_was_added_before_it) {
  constexpr int kRounds = 1'000;
  Meeting done;
  WorkerPool pool(2);
  for (int round = 1; round <= kRounds; ++round) {
    bool wakes = false;
    for (int i = 0; i < 3; ++i) wakes = pool.add([&] { done.arrive(); }) || wakes;
    if (wakes) pool.wake();
    ASSERT_TRUE(done.wait_for(3 * round)) << "round " << round;
  }
}

TEST(WorkerPool, takes_work_from_several_threads) {
  std::atomic<int> ran = 0;
  {
    WorkerPool pool(4);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < 250; ++k) pool.post([&] { ++ran; });
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(ran, 1'000);
}

}  // namespace
}  // namespace perdure
