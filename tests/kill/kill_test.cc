// The real program, killed with SIGKILL at any moment of its life, then resumed until it is done.
// Tools that leave a mark each time they run show what really happened; the journal must account
// for all of it, and the strict endpoint refuses a resumed request that a host would refuse.
//
// 1,000 kill points, half at random moments and half at the boundaries of the records;
// PERDURE_LONG=1 makes it 10,000. PERDURE_SEED chooses other moments. What makes a point cheap: the
// disk does not wait for its plates (tests/support/failing_disk.cc), which a kill does not touch.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <random>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "mock/mock_thread.h"
#include "os/clock.h"
#include "os/descriptor.h"
#include "os/process.h"
#include "tests/support/canary_run.h"
#include "tests/support/failing_disk.h"
#include "tests/support/json.h"
#include "tests/support/program.h"
#include "tests/support/result.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

using test::Account;
using test::canary_agent;
using test::canary_script;
using test::CanaryRun;
using test::FailingDisk;
using test::holds;
using test::lines_of;
using test::parse_json;
using test::start_endpoint;

constexpr int kSteps = 4;

bool is_long() {
  const char* value = std::getenv("PERDURE_LONG");
  return value != nullptr && *value == '1';
}

// Of each of the two kinds, over all groups: the shards of the tests share them.
constexpr int kGroups = 8;
int kill_points() {
  return (is_long() ? 5'000 : 500) / kGroups;
}

std::uint32_t seed() {
  const char* value = std::getenv("PERDURE_SEED");
  return value != nullptr ? static_cast<std::uint32_t>(std::atoll(value)) : 20'261'120U;
}

// Runs until the moment, or to its end when that comes first.
ProgramResult run_and_kill_after(const ProgramOptions& options, int delay_ms) {
  RunningProgram program(options);
  program.wait_for("(a text that never comes)", delay_ms);
  program.signal(SIGKILL);
  return program.wait();
}

struct Tally {
  int points = 0;
  int killed = 0;
  int before_the_run = 0;
  int in_doubt = 0;

  void count(const CanaryRun& trial, const ProgramResult& result) {
    ++points;
    if (result.exit_status == 128 + SIGKILL) ++killed;
    if (trial.account().run_id.empty()) ++before_the_run;
  }
  void count_doubts(const CanaryRun& trial) {
    for (const auto& [call, status] : trial.account().ends) in_doubt += status == "in_doubt";
  }
  void print() const {
    std::printf("           %d of %d killed (%d before the run began), %d calls in doubt\n", killed,
                points, before_the_run, in_doubt);
  }
};

class Points : public testing::TestWithParam<int> {
 protected:
  Points() : endpoint_(start_endpoint(canary_script(kSteps))), group_(GetParam()) {}

  // A run that nobody kills: how long it takes here, and how many syncs it makes.
  void live() {
    const CanaryRun trial(*endpoint_, canary_agent(), kSteps);
    const FailingDisk disk(trial.state());
    ProgramOptions options = trial.run();
    disk.put_under(options);
    const std::int64_t begin_ms = monotonic_ms();
    EXPECT_EQ(run_program(options).exit_status, 0);
    life_ms_ = std::max(static_cast<int>(monotonic_ms() - begin_ms), 10);
    syncs_ = static_cast<int>(disk.calls("sync"));
    trial.expect_story();
  }
  // Runs until the moment, or to its end when that comes first.
  ProgramResult kill_after(const CanaryRun& trial, ProgramOptions options, int delay_ms) {
    const FailingDisk disk(trial.state());
    disk.put_under(options);
    return judge(trial, run_and_kill_after(options, delay_ms));
  }
  // A commit is a sync: before it, a record is written and nobody has been told; behind it, it is
  // durable and nothing has come of it yet.
  ProgramResult kill_at_sync(const CanaryRun& trial, ProgramOptions options, int nth,
                             const char* side) {
    const FailingDisk disk(trial.state());
    disk.put_under(options, {"sync", static_cast<std::uint64_t>(nth), side});
    return judge(trial, run_program(options));
  }
  ProgramResult judge(const CanaryRun& trial, ProgramResult result) {
    tally_.count(trial, result);
    trial.expect_accounted(result);
    return result;
  }
  void finish(const CanaryRun& trial) {
    ProgramOptions options = trial.resume();
    const FailingDisk disk(trial.state());
    disk.put_under(options);
    trial.finish(options);
    trial.expect_story();
    tally_.count_doubts(trial);
  }
  void expect_no_refusal() {
    tally_.print();
    EXPECT_EQ(endpoint_->statistics().refused, 0) << "each resumed request was accepted";
    EXPECT_GT(tally_.killed, 0);
  }

  std::unique_ptr<MockThread> endpoint_;
  int group_;
  int life_ms_ = 0;
  int syncs_ = 0;
  Tally tally_;
};

TEST_P(Points, at_random_moments) {
  live();
  std::mt19937 random(seed() + static_cast<std::uint32_t>(group_));
  std::uniform_int_distribution<int> moment(0, life_ms_);
  while (tally_.points < kill_points() && !HasFailure()) {
    SCOPED_TRACE(fmt::format("kill point {} of group {}, seed {}", tally_.points, group_, seed()));
    const CanaryRun trial(*endpoint_, canary_agent(), kSteps);
    kill_after(trial, trial.run(), moment(random));
    // Every third time its successor dies too.
    if (tally_.points % 3 == 2 && !trial.has_ended())
      kill_after(trial, trial.resume(), moment(random) / 2);
    finish(trial);
  }
  expect_no_refusal();
}

TEST_P(Points, at_the_boundaries_of_the_records) {
  live();
  ASSERT_GT(syncs_, 2 * kSteps);
  for (int point = group_; tally_.points < kill_points() && !HasFailure(); ++point) {
    const int nth = point / 2 % syncs_ + 1;
    const char* side = point % 2 == 0 ? "before" : "after";
    SCOPED_TRACE(fmt::format("{} sync {}, group {}", side, nth, group_));
    const CanaryRun trial(*endpoint_, canary_agent(), kSteps);
    EXPECT_EQ(kill_at_sync(trial, trial.run(), nth, side).exit_status, 128 + SIGKILL);
    if (point % 3 == 2 && !trial.has_ended())
      kill_at_sync(trial, trial.resume(), point % 7 + 1, side);
    finish(trial);
  }
  expect_no_refusal();
}

// What was shown is durable, and no more is asked of the record: at each event of the stream.
TEST_P(Points, when_an_event_was_shown) {
  live();
  for (int sequence = 1 + group_; sequence <= 40 && !HasFailure(); sequence += kGroups) {
    SCOPED_TRACE(fmt::format("killed at event {}", sequence));
    const CanaryRun trial(*endpoint_, canary_agent(), kSteps);
    const FailingDisk disk(trial.state());
    ProgramOptions options = trial.run();
    disk.put_under(options);
    RunningProgram program(options);
    program.wait_for(fmt::format("\"sequence\":{},", sequence));
    program.signal(SIGKILL);
    judge(trial, program.wait());
    finish(trial);
  }
  expect_no_refusal();
}

INSTANTIATE_TEST_SUITE_P(Kill, Points, testing::Range(0, kGroups));

// The first signal stops in order: the run says that it was interrupted, and its lease is free.
TEST(Kill, a_signal_stops_in_order) {
  const std::unique_ptr<MockThread> endpoint = start_endpoint(canary_script(kSteps));
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    SCOPED_TRACE(::strsignal(signal));
    const CanaryRun trial(*endpoint, canary_agent(), kSteps);
    RunningProgram program(trial.run());
    ASSERT_TRUE(program.wait_for("\"type\":\"call_intended\""));
    program.signal(signal);
    const ProgramResult result = program.wait();
    EXPECT_EQ(result.exit_status, 130) << result.errors;
    EXPECT_PRED2(holds, result.output, "\"outcome\":\"interrupted\"");
    trial.expect_accounted(result);
    EXPECT_EQ(kill_marked_processes(trial.account().run_id), 0U);
    trial.finish();
    const Account account = trial.account();
    EXPECT_EQ(parse_json(account.events.back().payload)["outcome"], "done");
    for (const auto& [n, count] : lines_of(trial.root(), "workspace/canary")) EXPECT_EQ(count, 1);
  }
  EXPECT_EQ(endpoint->statistics().refused, 0);
}

// Few descriptors are left to a program among many: the run is done, or says what it lacks.
TEST(Kill, few_descriptors_are_enough) {
  const std::unique_ptr<MockThread> endpoint = start_endpoint(canary_script(kSteps));
  const CanaryRun trial(*endpoint, canary_agent(), kSteps);
  ProgramOptions options = trial.run();
  options.program = "/bin/sh";
  options.arguments.insert(options.arguments.begin(),
                           {"-c", "ulimit -n 64; exec \"$0\" \"$@\"", PERDURE_PROGRAM});
  EXPECT_EQ(run_program(options).exit_status, 0);
  trial.expect_story();
}

// --- Leftovers ---

// A tool whose child leaves its process group, waits at a gate, and would then do its damage.
constexpr std::string_view kLingering = R"(
[[tools.command]]
name = "linger"
description = "Does something later."
argv = ["/bin/sh", "-c", "setsid sh -c 'echo here > begun; cat gate; echo late >> damage' & wait"]
effect = "additive"
)";

Descriptor open_pipe(const std::string& path, int flags) {
  return Descriptor(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK));
}

// The dead process's tools must be gone before the resumed run says what is in doubt: otherwise the
// model is told of a world that goes on changing.
TEST(Kill, leftovers_are_gone_before_the_verdict) {
  const std::unique_ptr<MockThread> endpoint = start_endpoint(R"(
[[reply]]
[[reply.call]]
name = "linger"
[[reply]]
expect = ["In doubt:", "Verify before you repeat it"]
text = "Done."
)");
  const CanaryRun trial(*endpoint, kLingering, 1);
  for (const char* name : {"begun", "gate"}) {
    ASSERT_EQ(::mkfifo(trial.place(std::string("workspace/") + name).c_str(), 0600), 0);
  }
  const Descriptor begun = open_pipe(trial.place("workspace/begun"), O_RDWR);
  {
    RunningProgram program(trial.run());
    pollfd ready{.fd = begun.get(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&ready, 1, 60'000), 1) << "the tool began";
    program.signal(SIGKILL);
    program.wait();
  }
  const ProgramResult resumed = run_program(trial.resume());
  EXPECT_EQ(resumed.exit_status, 0) << resumed.output << resumed.errors;
  EXPECT_EQ(trial.account().ends.at("1.0"), "in_doubt");
  EXPECT_EQ(trial.account().intended.at("1.0"), 1) << "it is not repeated on a guess";
  EXPECT_FALSE(open_pipe(trial.place("workspace/gate"), O_WRONLY).valid())
      << "somebody still waits at the gate";
  EXPECT_FALSE(trial.root().exists("workspace/damage"));
  EXPECT_EQ(endpoint->statistics().refused, 0);
}

// The same for a check of the answer: it runs again, so that its first attempt must be gone.
TEST(Kill, a_check_that_was_under_way_is_ended_and_runs_again) {
  const std::unique_ptr<MockThread> endpoint =
      start_endpoint("[[reply]]\nreasoning = 'Easy.'\ntext = 'Done.'\n");
  const CanaryRun trial(*endpoint,
                        "accept = [\"test -e again || { touch again; setsid sh -c "
                        "'echo here > begun; cat gate' & wait; }\"]\n",
                        0);
  for (const char* name : {"begun", "gate"}) {
    ASSERT_EQ(::mkfifo(trial.place(std::string("workspace/") + name).c_str(), 0600), 0);
  }
  const Descriptor begun = open_pipe(trial.place("workspace/begun"), O_RDWR);
  {
    RunningProgram program(trial.run());
    pollfd ready{.fd = begun.get(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&ready, 1, 60'000), 1) << "the check began";
    program.signal(SIGKILL);
    program.wait();
  }
  const ProgramResult resumed = run_program(trial.resume());
  EXPECT_EQ(resumed.exit_status, 0) << resumed.output << resumed.errors;
  EXPECT_PRED2(holds, resumed.output, "\"outcome\":\"done\"");
  EXPECT_FALSE(open_pipe(trial.place("workspace/gate"), O_WRONLY).valid())
      << "somebody still waits at the gate";
  EXPECT_EQ(endpoint->statistics().requests, 1) << "the answer is not asked for again";
}

}  // namespace
}  // namespace perdure
