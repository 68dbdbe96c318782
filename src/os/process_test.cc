#include "os/process.h"

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "os/directories.h"
#include "os/random.h"
#include "tests/support/run_process.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

using test::ProcessRun;
using test::run_process;
using test::shell;

std::string unique_marker() {
  return "process-test-" + random_text(12);
}

// A process that waits until it is killed, whatever it is told. It says "ready" first.
std::string stubborn(const std::string& before = "") {
  return before + "trap '' TERM HUP INT; echo ready; while :; do sleep 1; done";
}

// The number that a command wrote into a file.
int number_in(const TemporaryDirectory& place, const std::string& name) {
  const std::string text = place.read(name);
  return text.empty() ? -1 : std::stoi(text);
}

TEST(Process, SaysHowItEnded) {
  struct Case {
    const char* command;
    int exit_code;
    int signal;
  };
  for (const Case& row : {Case{"exit 0", 0, 0}, Case{"exit 3", 3, 0}, Case{"exit 255", 255, 0},
                          Case{"kill -KILL $$", -1, SIGKILL}, Case{"kill -SEGV $$", -1, SIGSEGV}}) {
    const ProcessRun run = run_process(shell(row.command));
    EXPECT_EQ(run.exit.exit_code, row.exit_code) << row.command;
    EXPECT_EQ(run.exit.signal, row.signal) << row.command;
    EXPECT_FALSE(run.exit.timed_out || run.exit.stopped) << row.command;
    EXPECT_EQ(run.exit.survivors, 0u) << row.command;
  }
}

TEST(Process, BothStreamsArriveWholeAndApart) {
  const ProcessRun run = run_process(
      shell("i=0; while [ $i -lt 3000 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done"));
  const std::vector<std::string_view> lines = split_lines(run.output);
  ASSERT_EQ(lines.size(), 3000u);
  EXPECT_EQ(lines[2999], "out 2999");
  EXPECT_EQ(split_lines(run.errors).size(), 3000u);
}

TEST(Process, OutputAfterTheLastLineIsNotLost) {
  // The leader ends with a full pipe behind it.
  const ProcessRun run = run_process(shell("head -c 60000 /dev/zero; exit 7"));
  EXPECT_EQ(run.output.size(), 60'000u);
  EXPECT_EQ(run.exit.exit_code, 7);
}

TEST(Process, InputIsGivenAndEnds) {
  ProcessSpec spec = shell("cat");
  spec.input = std::string(500'000, 'i');  // more than a pipe holds
  EXPECT_EQ(run_process(spec).output, spec.input);
  // Without input: the end at once, never a wait for somebody who types.
  EXPECT_EQ(run_process(shell("cat; echo end")).output, "end\n");
}

TEST(Process, AChildThatDoesNotReadItsInputEndsAllTheSame) {
  ProcessSpec spec = shell("exec <&-; echo done");
  spec.input = std::string(500'000, 'i');
  EXPECT_EQ(run_process(spec).output, "done\n");
}

TEST(Process, TheDeadlineEndsItGently) {
  ProcessSpec spec = shell("trap 'echo bye; exit 4' TERM; echo ready; while :; do sleep 1; done");
  spec.timeout_ms = 1'000;
  const ProcessRun run = run_process(spec);
  EXPECT_TRUE(run.exit.timed_out);
  EXPECT_EQ(run.output, "ready\nbye\n");
  EXPECT_EQ(run.exit.exit_code, 4);
}

TEST(Process, A33WhoIgnoresTheDeadlineIsKilledAfterTheGrace) {
  ProcessSpec spec = shell(stubborn());
  spec.timeout_ms = 1'000;
  spec.grace_ms = 100;
  const ProcessRun run = run_process(spec);
  EXPECT_TRUE(run.exit.timed_out);
  EXPECT_EQ(run.exit.signal, SIGKILL);
  EXPECT_EQ(run.output, "ready\n");
}

TEST(Process, A33WhoStopsItselfIsEndedAllTheSame) {
  for (const char* command : {"kill -STOP $$; echo went on", "trap '' TERM; kill -STOP $$; :"}) {
    ProcessSpec spec = shell(command);
    spec.timeout_ms = 300;
    spec.grace_ms = 100;
    const ProcessRun run = run_process(spec);
    EXPECT_TRUE(run.exit.timed_out) << command;
    EXPECT_EQ(run.output, "") << command;
  }
}

TEST(Process, StopEndsItAndSaysSo) {
  const ProcessRun run = run_process(shell("trap 'exit 5' TERM; while :; do sleep 1; done"),
                                     {.started = [](Loop&, Process& process) { process.stop(); }});
  EXPECT_TRUE(run.exit.stopped);
  EXPECT_FALSE(run.exit.timed_out);
}

TEST(Process, StopAgainDoesNotPutOffTheEnd) {
  ProcessSpec spec = shell(stubborn());
  spec.grace_ms = 500;
  Timer timer;
  std::function<void()> again;
  int stops = 0;
  // Far more often than the grace lasts: only the first one begins it.
  const auto started = [&](Loop& loop, Process& process) {
    again = [&] {
      process.stop();
      if (++stops < 200) timer = loop.start_timer(50, again);
    };
  };
  const auto output = [&](OutputStream, std::string_view) { again(); };
  const ProcessRun run =
      run_process(spec, {.started = started, .ended = [&] { timer.cancel(); }, .output = output});
  EXPECT_EQ(run.exit.signal, SIGKILL);
  EXPECT_LT(stops, 200);
}

TEST(Process, DestroyingItKillsItsTree) {
  const TemporaryDirectory place;
  const std::string marker = unique_marker();
  Loop loop;
  std::unique_ptr<Process> process;
  loop.post([&] {
    ProcessSpec spec = shell(
        fmt::format("cd {}; setsid sh -c 'echo $$ > daemon; exec sleep 600' & echo $$ > leader; "
                    "until [ -s daemon ]; do sleep 0.01; done; echo ready; wait",
                    place.path()));
    spec.marker = marker;
    Process::Observer observer{.output = [&](OutputStream, std::string_view) { loop.stop(); },
                               .exit = [&](const ProcessExit&) { ADD_FAILURE() << "exit"; }};
    process = *Process::start(loop, spec, std::move(observer));
  });
  loop.run();
  process.reset();
  EXPECT_TRUE(test::wait_until_gone(number_in(place, "leader")));
  EXPECT_TRUE(test::wait_until_gone(number_in(place, "daemon")));
  EXPECT_TRUE(test::marked_processes(marker).empty());
}

TEST(Process, A32AGrandchildThatKeepsTheOutputOpenDoesNotHoldTheCall) {
  const TemporaryDirectory place;
  // In the group, and out of it without a marker to find it by.
  for (const char* how : {"sleep 600 &", "env -i setsid sleep 600 &"}) {
    ProcessSpec spec = shell(fmt::format("cd {}; {} echo $! > pid; echo done", place.path(), how));
    spec.marker = unique_marker();
    const ProcessRun run = run_process(spec);
    EXPECT_EQ(run.output, "done\n") << how;
    EXPECT_EQ(run.exit.exit_code, 0) << how;
    EXPECT_FALSE(run.exit.timed_out) << how;
    ::kill(number_in(place, "pid"), SIGKILL);
  }
}

TEST(Process, A31ADaemonDoesNotOutliveItsCall) {
  const TemporaryDirectory place;
  // Two forks and a session of its own, its streams closed: the classic daemon.
  ProcessSpec spec = shell(fmt::format(
      "cd {}; (setsid sh -c '(echo $$ > outer; exec 0</dev/null >/dev/null 2>&1; sleep 600 & "
      "echo $! > inner; wait)' &) ; until [ -s inner ]; do sleep 0.01; done; echo done",
      place.path()));
  spec.marker = unique_marker();
  const ProcessRun run = run_process(spec);
  EXPECT_EQ(run.output, "done\n");
  EXPECT_GE(run.exit.survivors, 2u);
  EXPECT_TRUE(test::wait_until_gone(number_in(place, "outer")));
  EXPECT_TRUE(test::wait_until_gone(number_in(place, "inner")));
  EXPECT_TRUE(test::marked_processes(spec.marker).empty());
}

TEST(Process, WhatItLeavesBehindIsCounted) {
  ProcessSpec spec = shell("sleep 600 & setsid sleep 600 & echo started");
  spec.marker = unique_marker();
  const ProcessRun run = run_process(spec);
  EXPECT_EQ(run.exit.survivors, 2u);
  EXPECT_TRUE(test::marked_processes(spec.marker).empty());
}

TEST(Process, A31WhatStaysInTheGroupIsKilledWithIt) {
  const TemporaryDirectory place;
  ProcessSpec spec = shell(fmt::format("cd {}; env -i sleep 600 >/dev/null 2>&1 & echo $! > {}/pid",
                                       place.path(), place.path()));
  EXPECT_EQ(run_process(spec).exit.exit_code, 0);
  EXPECT_TRUE(test::wait_until_gone(number_in(place, "pid")));
}

struct Flood {
  const char* name;
  const char* command;
};

TEST(Process, A30AFloodNeitherGrowsMemoryNorHoldsTheDeadline) {
  const Flood floods[] = {
      {"lines without end", "exec yes"},
      {"one line without end", "exec tr '\\0' x < /dev/zero"},
      {"binary, on both streams", "cat /dev/zero >&2 & exec cat /dev/zero"},
  };
  for (const Flood& flood : floods) {
    ProcessSpec spec = shell(flood.command);
    spec.timeout_ms = 700;
    spec.grace_ms = 100;
    test::reset_memory_peak();
    const std::int64_t before = test::memory_peak_bytes();
    std::uint64_t bytes = 0;
    const ProcessRun run = run_process(
        spec, {.output = [&](OutputStream, std::string_view piece) { bytes += piece.size(); }});
    EXPECT_TRUE(run.exit.timed_out) << flood.name;
    EXPECT_GT(bytes, 16u << 20) << flood.name;
    EXPECT_LT(test::memory_peak_bytes() - before, test::memory_limit_bytes(8 << 20)) << flood.name;
  }
}

// --- Leftovers by their marker ---

TEST(KillMarkedProcesses, FindsTheMarkerAndWhatIsBelowItOnly) {
  const std::string run_id = unique_marker();
  const TemporaryDirectory place;
  const std::string ready = place.path() + "/ready";
  // Started without a marker of the library: these stand for the leftovers of a dead process.
  const auto start = [&](const std::string& name, const std::string& marker) {
    return fmt::format(
        "PERDURE_CALL={0} setsid sh -c 'echo $$ > {1}/{2}; exec sleep 600' >/dev/null 2>&1 & "
        "until [ -s {1}/{2} ]; do sleep 0.01; done\n",
        marker, place.path(), name);
  };
  run_process(shell(start("call", run_id + "/4.1") + start("whole", run_id) +
                    start("longer", run_id + "x/4.1") + start("other", "x" + run_id)));
  EXPECT_EQ(kill_marked_processes(run_id), 2u);
  EXPECT_TRUE(test::wait_until_gone(number_in(place, "call")));
  EXPECT_TRUE(test::wait_until_gone(number_in(place, "whole")));
  EXPECT_TRUE(test::is_running(number_in(place, "longer")));
  EXPECT_TRUE(test::is_running(number_in(place, "other")));
  EXPECT_EQ(kill_marked_processes(run_id + "x"), 1u);
  EXPECT_EQ(kill_marked_processes("x" + run_id), 1u);
  EXPECT_EQ(kill_marked_processes(run_id), 0u);
}

TEST(KillMarkedProcesses, EndsThoseThatKeepForking) {
  const std::string marker = unique_marker();
  ProcessSpec spec = shell(
      "f() { setsid sh -c \"$1\" _ \"$1\" >/dev/null 2>&1 & }; "
      "f 'i=0; while [ $i -lt 200 ]; do setsid sleep 600 & i=$((i+1)); sleep 0.002; done'; "
      "sleep 0.1");
  spec.marker = marker;
  run_process(spec);
  kill_marked_processes(marker);
  EXPECT_TRUE(test::marked_processes(marker).empty());
}

}  // namespace
}  // namespace perdure
