// The real program, killed with SIGKILL at any moment of its life, then resumed until it is done.
// Tools that leave a mark each time they run show what really happened; the journal must account
// for all of it, and the strict endpoint refuses a resumed request that a host would refuse.
//
// 40 kill points by default; PERDURE_LONG=1 makes it 1,000. PERDURE_SEED chooses other moments.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <random>
#include <sstream>

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
#include "store/sqlite/sqlite_journal.h"
#include "tests/support/json.h"
#include "tests/support/program.h"
#include "tests/support/result.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;

using test::holds;
using test::parse_json;

constexpr int kSteps = 4;

// Each step strikes once (which must never happen twice), looks twice (which may), and writes a
// file.
constexpr std::string_view kScript = R"(
model = "kimi-k2.6"
[[reply]]
repeat = 4
reasoning = "Step {reply}."
[[reply.call]]
name = "strike"
[reply.call.arguments]
n = "{n}"
[[reply.call]]
name = "look"
[reply.call.arguments]
n = "{n}"
[[reply.call]]
name = "look"
[reply.call.arguments]
n = "{n}"
[[reply.call]]
name = "write_file"
[reply.call.arguments]
path = "file-{n}"
content = "written {n}"
[[reply]]
text = "Done."
)";

constexpr std::string_view kAgent = R"(
name = "canary"
[tools]
builtin = ["write_file"]
[[tools.command]]
name = "strike"
description = "Leaves a mark that must not be left twice."
argv = ["/bin/sh", "-c", "echo \"$0\" >> canary; echo struck \"$0\"", "{n}"]
effect = "destructive"
[tools.command.parameters]
type = "object"
required = ["n"]
properties.n.type = "string"
[[tools.command]]
name = "look"
description = "Leaves a mark too, and says that it only reads."
argv = ["/bin/sh", "-c", "echo \"$0\" >> looks; echo looked \"$0\"", "{n}"]
effect = "read"
[tools.command.parameters]
type = "object"
required = ["n"]
properties.n.type = "string"
[[policy]]
action = "allow"
)";

bool is_long() {
  const char* value = std::getenv("PERDURE_LONG");
  return value != nullptr && *value == '1';
}

int kill_points() {
  return is_long() ? 500 : 20;
}

std::uint32_t seed() {
  const char* value = std::getenv("PERDURE_SEED");
  return value != nullptr ? static_cast<std::uint32_t>(std::atoll(value)) : 20'261'120U;
}

// How often each line stands in a file.
std::map<std::string, int> lines_of(const TemporaryDirectory& folder, const std::string& name) {
  std::map<std::string, int> counts;
  std::istringstream lines(folder.read(name));
  for (std::string line; std::getline(lines, line);) ++counts[line];
  return counts;
}

// The endpoint that all runs of a test share: a run's id keeps its conversation apart.
std::unique_ptr<MockThread> start_endpoint(std::string_view script) {
  Result<MockScript> parsed = parse_mock_script(script, "script.toml");
  EXPECT_TRUE(parsed.ok()) << to_text(parsed.error());
  Result<std::unique_ptr<MockThread>> endpoint = MockThread::start(std::move(parsed).value());
  EXPECT_TRUE(endpoint.ok()) << to_text(endpoint.error());
  return std::move(endpoint).value();
}

// What the journal says of a run.
struct Account {
  std::string run_id;  ///< Empty when there is none yet.
  std::vector<StoredEvent> events;
  std::map<std::string, int> intended;      ///< "STEP.CALL": how often it was intended.
  std::map<std::string, std::string> ends;  ///< "STEP.CALL": the status of its end.
};

Account read_account(const std::string& state) {
  Account account;
  if (!fs::exists(state + "/perdure.db")) return account;
  Result<std::unique_ptr<Journal>> journal = open_sqlite_journal(state);
  EXPECT_TRUE(journal.ok()) << test::words_of(journal);
  if (!journal.ok()) return account;
  const Result<std::string> id = (*journal)->find("last");
  if (!id.ok()) return account;
  account.run_id = *id;
  Result<std::vector<StoredEvent>> events = (*journal)->read(*id);
  EXPECT_TRUE(events.ok()) << test::words_of(events);
  if (!events.ok()) return account;
  account.events = std::move(*events);
  int step = 0;
  for (const StoredEvent& event : account.events) {
    const Json data = parse_json(event.payload);
    if (event.kind == "model_replied") step = data.at("step").get<int>();
    const std::string call = fmt::format("{}.{}", step, data.value("call", 0));
    if (event.kind == "call_intended") ++account.intended[call];
    if (event.kind == "call_finished") {
      EXPECT_EQ(account.ends.count(call), 0U) << "call " << call << " has two ends";
      account.ends[call] = data.at("status").get<std::string>();
    }
  }
  return account;
}

// One run in folders of its own.
class Trial {
 public:
  Trial(const MockThread& endpoint, std::string_view agent) : base_url_(endpoint.base_url()) {
    fs::create_directories(place("workspace"));
    root_.write("config/perdure/agent.toml", agent);
  }

  std::string place(const std::string& name) const { return root_.path() + "/" + name; }
  std::string state() const { return place("state/perdure"); }
  const TemporaryDirectory& root() const { return root_; }
  Account account() const { return read_account(state()); }

  ProgramOptions run() const {
    return options({"run", "--agent", place("config/perdure/agent.toml"), "Strike.", "--output",
                    "stream-json"});
  }
  // Goes on; or begins when the program died before the run came into being.
  ProgramOptions resume() const {
    if (account().run_id.empty()) return run();
    return options({"resume", "last", "--output", "stream-json"});
  }

  // What was shown before the death stands in the journal, word for word, and what happened was
  // intended there before.
  void expect_accounted(const ProgramResult& killed) const {
    const Account account = this->account();
    std::istringstream lines(killed.output);
    for (std::string line; std::getline(lines, line);) {
      if (lines.eof()) break;  // the last line may be cut
      const Json shown = parse_json(line);
      if (!shown.contains("sequence")) continue;
      const auto sequence = shown["sequence"].get<std::size_t>();
      ASSERT_LE(sequence, account.events.size()) << "shown, and lost: " << line;
      EXPECT_EQ(account.events[sequence - 1].kind, shown["type"].get<std::string>());
      EXPECT_EQ(parse_json(account.events[sequence - 1].payload), shown["data"]);
    }
    for (const auto& [n, count] : lines_of(root_, "workspace/canary")) {
      const std::string call = fmt::format("{}.0", std::stoi(n) + 1);
      EXPECT_EQ(account.intended.count(call), 1U) << "strike " << n << " has no intent";
    }
  }

  bool has_ended() const {
    const Account account = this->account();
    return !account.events.empty() && account.events.back().kind == "run_ended" &&
           parse_json(account.events.back().payload)["outcome"] == "done";
  }
  void finish() const {
    if (has_ended()) return;
    const ProgramResult last = run_program(resume());
    EXPECT_EQ(last.exit_status, 0) << last.output << last.errors;
    const std::size_t result = last.output.rfind("{\"type\":\"result\"");
    ASSERT_NE(result, std::string::npos) << last.output;
    const Json record = parse_json(std::string_view(last.output).substr(result));
    EXPECT_EQ(record["outcome"], "done");
    EXPECT_EQ(record["text"], "Done.");
    EXPECT_EQ(record["steps"], kSteps + 1) << "no reply is counted twice, none is lost";
  }

  // The run is done: the journal and the marks of the tools tell the same story.
  void expect_story() const {
    const Account account = this->account();
    ASSERT_FALSE(account.events.empty());
    EXPECT_EQ(account.events.back().kind, "run_ended");
    EXPECT_EQ(parse_json(account.events.back().payload)["outcome"], "done");
    EXPECT_EQ(std::count_if(account.events.begin(), account.events.end(),
                            [](const StoredEvent& event) { return event.kind == "model_replied"; }),
              kSteps + 1);
    std::map<std::string, int> strikes = lines_of(root_, "workspace/canary");
    std::map<std::string, int> looks = lines_of(root_, "workspace/looks");
    for (int n = 0; n < kSteps; ++n) {
      const std::string step = std::to_string(n + 1);
      const std::string name = std::to_string(n);
      const auto end = account.ends.find(step + ".0");
      ASSERT_NE(end, account.ends.end()) << "strike " << n << " has no end";
      EXPECT_LE(strikes[name], 1) << "strike " << n << " happened twice";
      if (end->second != "in_doubt") {
        EXPECT_EQ(end->second, "ok");
        EXPECT_EQ(strikes[name], 1) << "strike " << n << " is said to have happened";
      }
      EXPECT_GE(looks[name], 2) << "what only reads is repeated until it has an answer";
      EXPECT_EQ(account.ends.at(step + ".1"), "ok");
      EXPECT_EQ(account.ends.at(step + ".2"), "ok");
      const std::string written = account.ends.at(step + ".3");
      EXPECT_TRUE(written == "ok" || written == "in_doubt") << written;
      if (written == "ok") {
        EXPECT_EQ(root_.read("workspace/file-" + name), "written " + name);
      }
    }
    EXPECT_EQ(kill_marked_processes(account.run_id), 0U) << "nothing is left running";
    for (const auto& entry : fs::directory_iterator(place("workspace"))) {
      EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
    }
  }

 private:
  ProgramOptions options(std::vector<std::string> arguments) const {
    return {.arguments = std::move(arguments),
            .environment = {{"XDG_CONFIG_HOME", place("config")},
                            {"XDG_STATE_HOME", place("state")},
                            {"HOME", place("home")},
                            {"PERDURE_HOST", "mock"},
                            {"PERDURE_BASE_URL", base_url_}},
            .directory = place("workspace")};
  }

  TemporaryDirectory root_;
  std::string base_url_;
};

// Runs until the moment, or to its end when that comes first.
ProgramResult run_and_kill_after(const ProgramOptions& options, int delay_ms) {
  RunningProgram program(options);
  program.wait_for("(a text that never comes)", delay_ms);
  program.signal(SIGKILL);
  return program.wait();
}

// How long a run takes here that nobody kills; it is a trial of its own.
int life_ms(const MockThread& endpoint) {
  const Trial trial(endpoint, kAgent);
  const std::int64_t begin_ms = monotonic_ms();
  EXPECT_EQ(run_program(trial.run()).exit_status, 0);
  const auto life = static_cast<int>(monotonic_ms() - begin_ms);
  trial.expect_story();
  return std::max(life, 10);
}

struct Tally {
  int killed = 0;
  int before_the_run = 0;
  int in_doubt = 0;

  void count(const Trial& trial, const ProgramResult& result) {
    if (result.exit_status == 128 + SIGKILL) ++killed;
    if (trial.account().run_id.empty()) ++before_the_run;
  }
  void count_doubts(const Trial& trial) {
    for (const auto& [call, status] : trial.account().ends) in_doubt += status == "in_doubt";
  }
  void print() const {
    std::printf("           %d killed (%d before the run began), %d calls in doubt\n", killed,
                before_the_run, in_doubt);
  }
};

TEST(Kill, at_random_moments) {
  const std::unique_ptr<MockThread> endpoint = start_endpoint(kScript);
  const int life = life_ms(*endpoint);
  std::mt19937 random(seed());
  std::uniform_int_distribution<int> moment(0, life);
  Tally tally;
  for (int point = 0; point < kill_points(); ++point) {
    SCOPED_TRACE(fmt::format("kill point {} of seed {}", point, seed()));
    const Trial trial(*endpoint, kAgent);
    ProgramResult result = run_and_kill_after(trial.run(), moment(random));
    tally.count(trial, result);
    trial.expect_accounted(result);
    // Every third time its successor dies too.
    if (point % 3 == 2 && !trial.has_ended()) {
      result = run_and_kill_after(trial.resume(), moment(random) / 2);
      tally.count(trial, result);
      trial.expect_accounted(result);
    }
    trial.finish();
    trial.expect_story();
    tally.count_doubts(trial);
    if (HasFailure()) break;
  }
  tally.print();
  EXPECT_EQ(endpoint->statistics().refused, 0) << "each resumed request was accepted";
  EXPECT_GT(tally.killed, 0);
}

TEST(Kill, at_each_event) {
  const std::unique_ptr<MockThread> endpoint = start_endpoint(kScript);
  std::size_t events = 0;
  {
    const Trial trial(*endpoint, kAgent);
    EXPECT_EQ(run_program(trial.run()).exit_status, 0);
    trial.expect_story();
    events = trial.account().events.size();
  }
  Tally tally;
  for (int point = 0; point < kill_points(); ++point) {
    // Spread over the run; the long version meets each event many times.
    const std::size_t sequence =
        1 + static_cast<std::size_t>(point) * (is_long() ? 1 : events / 20) % events;
    SCOPED_TRACE(fmt::format("killed at event {}", sequence));
    const Trial trial(*endpoint, kAgent);
    ProgramResult result;
    {
      RunningProgram program(trial.run());
      program.wait_for(fmt::format("\"sequence\":{},", sequence));
      program.signal(SIGKILL);
      result = program.wait();
    }
    tally.count(trial, result);
    trial.expect_accounted(result);
    trial.finish();
    trial.expect_story();
    tally.count_doubts(trial);
    if (HasFailure()) break;
  }
  tally.print();
  EXPECT_EQ(endpoint->statistics().refused, 0);
  EXPECT_GT(tally.killed, 0);
}

// The first signal stops in order: the run says that it was interrupted, and its lease is free.
TEST(Kill, a_signal_stops_in_order) {
  const std::unique_ptr<MockThread> endpoint = start_endpoint(kScript);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    SCOPED_TRACE(::strsignal(signal));
    const Trial trial(*endpoint, kAgent);
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
  const std::unique_ptr<MockThread> endpoint = start_endpoint(kScript);
  const Trial trial(*endpoint, kAgent);
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
  const Trial trial(*endpoint, kLingering);
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
  const Trial trial(*endpoint,
                    "accept = [\"test -e again || { touch again; setsid sh -c "
                    "'echo here > begun; cat gate' & wait; }\"]\n");
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
