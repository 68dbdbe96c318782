// The real program on a disk that fails: in a run of 50 steps each opening, write, sync,
// truncation, removal, renaming and new folder of the state fails in turn, in each way that it can
// fail, or is the last thing that the process does (faults N78 and N79, promises P1, P2, P11).
//
// A few of the calls by default, the first and the last among them; all with PERDURE_LONG=1.
#include <csignal>
#include <cstdlib>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/canary_run.h"
#include "tests/support/failing_disk.h"
#include "tests/support/json.h"
#include "tests/support/result.h"

namespace perdure {
namespace {

using test::Account;
using test::CanaryRun;
using test::DiskFault;
using test::FailingDisk;
using test::holds;
using test::parse_json;
using test::pouring_agent;
using test::start_endpoint;

constexpr int kToolSteps = 49;
constexpr std::uint64_t kCallsChosen = 3;

// Each step strikes; two of them also pour out more than the model is shown, which is stored in a
// file of its own.
constexpr std::string_view kStoringScript = R"(
model = "kimi-k2.6"
[[reply]]
repeat = 20
[[reply.call]]
name = "strike"
arguments.n = "{reply}"
[[reply]]
repeat = 2
[[reply.call]]
name = "strike"
arguments.n = "{reply}"
[[reply.call]]
name = "pour"
arguments.n = "{reply}"
[[reply]]
repeat = 27
[[reply.call]]
name = "strike"
arguments.n = "{reply}"
[[reply]]
text = "Done."
)";

bool takes_its_time() {
  const char* value = std::getenv("PERDURE_LONG");
  return value != nullptr && *value == '1';
}

// Which of the calls fail: all, or these.
std::vector<std::uint64_t> chosen(std::uint64_t calls, std::uint64_t most) {
  std::vector<std::uint64_t> list;
  if (takes_its_time() || calls <= most) most = calls;
  for (std::uint64_t i = 0; i < most; ++i) {
    list.push_back(most == 1 ? 1 : 1 + i * (calls - 1) / (most - 1));
  }
  return list;
}

struct Failing {
  const char* call;
  const char* how;
};

std::string name_of_failing(const Failing& failing) {
  return std::string(failing.call) + "_" + failing.how;
}

class StorageFaults : public testing::TestWithParam<Failing> {
 protected:
  StorageFaults() : endpoint_(start_endpoint(kStoringScript)) {}

  std::uint64_t calls_of_a_whole_run() {
    const CanaryRun run(*endpoint_, pouring_agent(), kToolSteps);
    const FailingDisk disk(run.state());
    ProgramOptions options = run.run();
    disk.put_under(options);
    const ProgramResult result = run_program(options);
    EXPECT_EQ(result.exit_status, 0) << result.output << result.errors;
    run.expect_story();
    return disk.calls(GetParam().call);
  }
  void fail_at(std::uint64_t nth);
  void expect_stopped(const CanaryRun& run, const ProgramResult& result,
                      std::int64_t requests) const;

  std::unique_ptr<MockThread> endpoint_;
  int stopped_ = 0;
};

// It has stopped before the next effect, and said so; or what failed was nothing that a run needs.
void StorageFaults::expect_stopped(const CanaryRun& run, const ProgramResult& result,
                                   std::int64_t requests) const {
  const std::string_view how = GetParam().how;
  run.expect_accounted(result);
  const Account account = run.account();
  EXPECT_LE(requests, account.count("request_sent")) << "a request left that is not in the journal";
  if (how == "before" || how == "after") {
    EXPECT_EQ(result.exit_status, 128 + SIGKILL) << result.output << result.errors;
    return;
  }
  if (how == "short") {
    EXPECT_EQ(result.exit_status, 0) << "what is written in part is written on";
  }
  if (result.exit_status == 0) {
    EXPECT_TRUE(run.has_ended()) << result.output;
    return;
  }
  EXPECT_EQ(result.exit_status, 74) << result.output << result.errors;
  const std::size_t at = result.output.rfind("{\"type\":\"result\"");
  if (at == std::string::npos) {  // it never began
    EXPECT_PRED2(holds, result.errors, run.state());
    return;
  }
  const Json record = parse_json(std::string_view(result.output).substr(at));
  EXPECT_TRUE(record["outcome"] == "store_failed" || record["outcome"] == "invalid")
      << result.output;
  EXPECT_FALSE(record["error"]["message"].get<std::string>().empty());
}

void StorageFaults::fail_at(std::uint64_t nth) {
  const CanaryRun run(*endpoint_, pouring_agent(), kToolSteps);
  const FailingDisk disk(run.state());
  ProgramOptions options = run.run();
  disk.put_under(options, {GetParam().call, nth, GetParam().how});
  const std::int64_t before = endpoint_->statistics().requests;
  const ProgramResult result = run_program(options);
  EXPECT_TRUE(disk.has_failed()) << "the call was not made this time";
  expect_stopped(run, result, endpoint_->statistics().requests - before);
  if (result.exit_status != 0) ++stopped_;
  ProgramOptions resume = run.resume();
  disk.put_under(resume);  // it works again
  run.finish(resume);
  run.expect_story();
}

TEST_P(StorageFaults, stop_the_run_and_lose_nothing) {
  const std::uint64_t calls = calls_of_a_whole_run();
  ASSERT_GT(calls, 0U) << "no call of this kind is made";
  for (const std::uint64_t nth : chosen(calls, kCallsChosen)) {
    SCOPED_TRACE(fmt::format("call {} of {}", nth, calls));
    fail_at(nth);
    if (HasFailure()) return;
  }
  std::printf("           %d of %llu calls, %d stopped the run\n",
              static_cast<int>(chosen(calls, kCallsChosen).size()),
              static_cast<unsigned long long>(calls), stopped_);
  EXPECT_EQ(endpoint_->statistics().refused, 0) << "each resumed request was accepted";
}

constexpr Failing kFailing[] = {
    {"open", "eio"},       {"open", "enospc"},   {"open", "before"},   {"open", "after"},
    {"write", "eio"},      {"write", "enospc"},  {"write", "short"},   {"write", "torn"},
    {"write", "before"},   {"write", "after"},   {"sync", "eio"},      {"sync", "enospc"},
    {"sync", "before"},    {"sync", "after"},    {"truncate", "eio"},  {"truncate", "before"},
    {"truncate", "after"}, {"remove", "eio"},    {"remove", "before"}, {"remove", "after"},
    {"rename", "eio"},     {"rename", "enospc"}, {"rename", "before"}, {"rename", "after"},
    {"make", "eio"},       {"make", "enospc"},   {"make", "before"},   {"make", "after"},
};

INSTANTIATE_TEST_SUITE_P(Kill, StorageFaults, testing::ValuesIn(kFailing),
                         [](const auto& failing) { return name_of_failing(failing.param); });

void PrintTo(const Failing& failing, std::ostream* out) {
  *out << name_of_failing(failing);
}

}  // namespace
}  // namespace perdure
