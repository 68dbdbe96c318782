// Runs the examples as a new user would: the commands are read from the README of each folder and
// go through a shell to the real program, against the scripted endpoint. Only what cannot be the
// same in a test is replaced: the port, the scratch folders in /tmp, and the path of the program.
#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "mock/mock_thread.h"
#include "tests/support/json.h"
#include "tests/support/program.h"
#include "tests/support/suites.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr int kTimeoutMs = 180'000;

std::string read_text(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  EXPECT_TRUE(stream.good()) << path << " cannot be read";
  return text.str();
}

fs::path folder_of(const std::string& example) {
  return fs::path(PERDURE_SOURCE_DIR) / "examples" / example;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// The blocks ```sh below a heading of a README, up to the next heading of this rank.
std::vector<std::string> blocks_of(const std::string& example, std::string_view heading) {
  std::vector<std::string> blocks;
  bool in_section = false;
  bool in_block = false;
  std::istringstream lines(read_text(folder_of(example) / "README.md"));
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("## ", 0) == 0) in_section = line.substr(3) == heading;
    if (!in_section) continue;
    if (line == "```sh") {
      in_block = true;
      blocks.emplace_back();
    } else if (line.rfind("```", 0) == 0) {
      in_block = false;
    } else if (in_block) {
      blocks.back() += line + "\n";
    }
  }
  EXPECT_FALSE(blocks.empty()) << example << "/README.md has no commands below " << heading;
  return blocks;
}

// Whether a command succeeds in a shell; what an example needs and a machine may lack.
bool works(const std::string& command) {
  return run_program({.arguments = {"-c", command}, .program = "/bin/sh"}).exit_status == 0;
}

// One example with folders and an endpoint of its own.
class Scene {
 public:
  explicit Scene(std::string example) : example_(std::move(example)) {
    fs::create_directories(place("bin"));
    fs::create_directories(place("requests"));
    fs::create_directories(place("tmp"));
    fs::create_symlink(PERDURE_PROGRAM, place("bin/perdure"));
    const std::string file = (folder_of(example_) / "script.toml").string();
    Result<MockScript> parsed = parse_mock_script(read_text(file), file);
    EXPECT_TRUE(parsed.ok()) << to_text(parsed.error());
    script_ = *parsed;
    Result<std::unique_ptr<MockThread>> endpoint =
        MockThread::start(std::move(*parsed), {.record_directory = place("requests")});
    EXPECT_TRUE(endpoint.ok()) << to_text(endpoint.error());
    endpoint_ = std::move(*endpoint);
  }

  std::string place(const std::string& name) const { return root_.path() + "/" + name; }
  const MockScript& script() const { return script_; }
  MockStatistics statistics() const { return endpoint_->statistics(); }

  // Commands of a README, as they can be run here.
  std::string adapted(std::string commands) const {
    commands = replaced(std::move(commands), "/tmp/", place("tmp/"));
    commands = replaced(std::move(commands), "build/release/bin/perdure", PERDURE_PROGRAM);
    return replaced(std::move(commands), "--host mock",
                    "--host mock --base-url " + endpoint_->base_url());
  }

  ProgramOptions shell(const std::string& commands) const {
    const char* path = std::getenv("PATH");
    return {.arguments = {"-euc", commands},
            .program = "/bin/sh",
            .environment = {{"PATH", place("bin") + ":" + (path != nullptr ? path : "")},
                            {"TMPDIR", place("tmp")},
                            {"XDG_CONFIG_HOME", place("config")},
                            {"XDG_STATE_HOME", place("state")}},
            .directory = PERDURE_SOURCE_DIR,
            .timeout_ms = kTimeoutMs};
  }
  ProgramResult run(const std::string& commands) const { return run_program(shell(commands)); }

  // The section that runs it offline; its first block starts the endpoint, which is already there.
  std::string offline_commands() const {
    const std::vector<std::string> blocks = blocks_of(example_, "Run it offline");
    EXPECT_EQ(blocks.front(), "perdure mock examples/" + example_ + "/script.toml\n");
    std::string commands;
    for (std::size_t i = 1; i < blocks.size(); ++i) commands += blocks[i];
    return adapted(std::move(commands));
  }

  // The events of a stored run, oldest first.
  std::vector<Json> events(const std::string& run_id = "last") const {
    const ProgramResult shown = run("perdure show " + run_id + " --json");
    EXPECT_EQ(shown.exit_status, 0) << shown.errors;
    std::vector<Json> list;
    std::istringstream lines(shown.output);
    for (std::string line; std::getline(lines, line);) list.push_back(test::parse_json(line));
    return list;
  }

  // The ids of the stored runs, oldest first.
  std::vector<std::string> runs() const {
    std::vector<std::string> ids;
    for (const Json& run : test::parse_json(run("perdure runs --json").output))
      ids.insert(ids.begin(), run["run"].get<std::string>());
    return ids;
  }

  // The n-th request body, from 1; 0 for the last.
  Json request(std::size_t number) const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(place("requests")))
      files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    EXPECT_GE(files.size(), number);
    return test::parse_json(read_text(number == 0 ? files.back() : files.at(number - 1)));
  }

 private:
  std::string example_;
  TemporaryDirectory root_;
  MockScript script_;
  std::unique_ptr<MockThread> endpoint_;
};

std::vector<std::string> values_of(const std::vector<Json>& events, const std::string& kind,
                                   const char* field) {
  std::vector<std::string> values;
  for (const Json& event : events) {
    if (event["type"] != kind) continue;
    const Json& value = event["data"].at(field);
    values.push_back(value.is_string() ? value.get<std::string>() : value.dump());
  }
  return values;
}

std::vector<std::string> kinds_of(const std::vector<Json>& events) {
  std::vector<std::string> kinds;
  for (const Json& event : events) kinds.push_back(event["type"].get<std::string>());
  return kinds;
}

std::vector<std::string> reasonings_in(const Json& request) {
  std::vector<std::string> list;
  for (const Json& message : request["messages"]) {
    if (message.contains("reasoning_content"))
      list.push_back(message["reasoning_content"].get<std::string>());
  }
  return list;
}

// Each call of a request must be answered once, behind it, in its order.
void expect_every_call_answered(const Json& request, std::size_t calls) {
  std::vector<std::string> called;
  std::vector<std::string> answered;
  for (const Json& message : request["messages"]) {
    if (message["role"] == "tool") answered.push_back(message["tool_call_id"].get<std::string>());
    if (message["role"] == "assistant") {
      EXPECT_EQ(called, answered);
    }
    for (const Json& call : message.value("tool_calls", Json::array()))
      called.push_back(call["id"].get<std::string>());
  }
  EXPECT_EQ(called, answered);
  EXPECT_EQ(called.size(), calls);
  EXPECT_EQ(std::set<std::string>(called.begin(), called.end()).size(), calls);
}

TEST(Example, TwoToolsAnswersTwiceAndKeepsItsReasoning) {
  const Scene scene("two-tools");
  const ProgramResult result = scene.run(scene.offline_commands());
  EXPECT_EQ(result.exit_status, 0) << result.errors;
  const std::vector<ScriptedReply>& replies = scene.script().conversations[0].replies;
  EXPECT_EQ(result.output, replies[2].text + "\n" + replies[4].text + "\n") << result.errors;
  EXPECT_THAT(result.errors, HasSubstr("list_files"));
  EXPECT_THAT(result.errors, HasSubstr("calculate"));
  EXPECT_THAT(result.errors, HasSubstr("% cached"));
  EXPECT_THAT(result.errors, Not(HasSubstr(replies[2].text)));

  EXPECT_EQ(scene.statistics().requests, 5);
  EXPECT_EQ(scene.statistics().refused, 0);
  // The second turn begins with the fourth request: what was thought in the first is all there.
  EXPECT_THAT(reasonings_in(scene.request(4)),
              ElementsAre(replies[0].reasoning, replies[1].reasoning, replies[2].reasoning));
  EXPECT_EQ(scene.request(4)["thinking"]["keep"], "all");
  expect_every_call_answered(scene.request(0), 4);
}

// What calculate said must be what the receipts say, or the scripted answer would be a lie.
TEST(Example, TwoToolsIsRightAboutItsReceipts) {
  double trains = 0;
  for (const auto& entry : fs::directory_iterator(folder_of("two-tools") / "receipts")) {
    const std::string name = entry.path().stem().string();
    const std::size_t amount = name.rfind('-') + 1;
    EXPECT_THAT(read_text(entry.path()), HasSubstr(": " + name.substr(amount)));
    if (name.find("train") != std::string::npos) trains += std::stod(name.substr(amount));
  }
  EXPECT_NEAR(trains, 170.60, 0.001);
}

TEST(Example, IncidentPagesOnceAndForcesOneTool) {
  if (!works("python3 --version")) {
    if (test::are_suites_required()) FAIL() << "there is no python3";
    GTEST_SKIP() << "there is no python3";
  }
  const Scene scene("incident");
  const ProgramResult untrusted =
      scene.run("perdure run --agent examples/incident/agent.toml 'Hello?'");
  EXPECT_EQ(untrusted.exit_status, 2);
  EXPECT_THAT(untrusted.errors, HasSubstr("perdure trust"));

  const ProgramResult result = scene.run(scene.offline_commands());
  EXPECT_EQ(result.exit_status, 0) << result.errors;
  for (const char* part : {"18.4 %", "4,210 ms", "14:09 UTC", "64 to 8", "paged Tomas Vrba",
                           "Yes: search is ok at 14:32 UTC"}) {
    EXPECT_THAT(result.output, HasSubstr(part)) << result.errors;
  }
  EXPECT_THAT(result.errors, HasSubstr("% cached"));
  EXPECT_EQ(scene.statistics().requests, 5);
  EXPECT_EQ(scene.statistics().refused, 0);

  // The page was written once, and the README shows it with `cat`.
  const std::string pages = read_text(scene.place("tmp/oncall/pages.jsonl"));
  EXPECT_EQ(std::count(pages.begin(), pages.end(), '\n'), 1);
  EXPECT_EQ(test::parse_json(pages)["engineer"], "Tomas Vrba");
  EXPECT_THAT(result.output, HasSubstr(pages));

  const std::vector<std::string> runs = scene.runs();
  ASSERT_EQ(runs.size(), 2U);
  const std::vector<Json> events = scene.events(runs[0]);
  EXPECT_THAT(values_of(events, "call_finished", "status"), ElementsAre("ok", "ok", "ok", "ok"));
  // All three began before one of them had ended.
  std::vector<std::string> calls;
  for (const std::string& kind : kinds_of(events)) {
    if (kind == "call_intended" || kind == "call_finished") calls.push_back(kind);
  }
  EXPECT_THAT(calls,
              ElementsAre("call_intended", "call_intended", "call_intended", "call_finished",
                          "call_finished", "call_finished", "call_intended", "call_finished"));

  const Json forced = scene.request(4);
  EXPECT_EQ(forced["tool_choice"]["function"]["name"], "get_service_health");
  EXPECT_EQ(forced["thinking"]["type"], "disabled");
  EXPECT_FALSE(scene.request(5).contains("tool_choice"));
}

// The book as it is: where a balance does not follow from the one before, and what it should end
// with, in cents.
struct Audit {
  std::int64_t entries = 0;
  std::vector<std::int64_t> wrong;
  std::int64_t end = 0;
};

std::int64_t cents(const std::string& amount) {
  return std::llround(std::stod(amount) * 100);
}

Audit audit_book() {
  Audit audit;
  std::int64_t before = 104'250;
  std::int64_t off = 0;
  std::istringstream lines(read_text(folder_of("long-chain") / "book.csv"));
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    const std::vector<std::string_view> fields = split(line, ',');
    EXPECT_EQ(fields.size(), 5U) << line;
    const std::int64_t balance = cents(std::string(fields[4]));
    const std::int64_t right = before + cents(std::string(fields[3]));
    ++audit.entries;
    if (balance != right) audit.wrong.push_back(audit.entries);
    off += balance - right;
    before = balance;
  }
  audit.end = before - off;
  return audit;
}

void expect_right_answer(const std::string& answer) {
  const Audit audit = audit_book();
  EXPECT_EQ(audit.entries, 284);
  EXPECT_THAT(answer, HasSubstr("all " + std::to_string(audit.entries) + " entries"));
  ASSERT_EQ(audit.wrong.size(), 2U);
  for (const std::int64_t entry : audit.wrong)
    EXPECT_THAT(answer, HasSubstr("- Entry " + std::to_string(entry) + " "));
  const std::string end =
      std::to_string(audit.end / 100) + "." + std::to_string(100 + audit.end % 100).substr(1);
  EXPECT_THAT(answer, HasSubstr("ought to end with " + end));
}

TEST(Example, LongChainIsRightAfterThreeHundredCalls) {
  const Scene scene("long-chain");
  const ProgramResult result = scene.run(scene.offline_commands());
  EXPECT_EQ(result.exit_status, 0) << result.errors;
  expect_right_answer(result.output);

  const MockStatistics counts = scene.statistics();
  EXPECT_EQ(counts.refused, 0);
  EXPECT_EQ(counts.faults, 11);
  // A stream without its last line is a reply; every other fault made the client ask again.
  const auto replies = scene.script().conversations[0].reply_count();
  EXPECT_EQ(counts.requests, replies + 9);
  expect_every_call_answered(scene.request(0), 300);

  std::map<std::string, int> statuses;
  const std::vector<Json> events = scene.events();
  for (const std::string& status : values_of(events, "call_finished", "status")) ++statuses[status];
  const std::map<std::string, int> expected = {
      {"ok", 287}, {"error", 4}, {"invalid", 6}, {"truncated", 3}};
  EXPECT_EQ(statuses, expected);
  EXPECT_THAT(values_of(events, "run_ended", "outcome"), ElementsAre("done"));
}

TEST(Example, LongChainGoesOnAfterKill9) {
  const Scene scene("long-chain");
  // The shell has something left to do, so that it waits for the program and does not become it.
  RunningProgram first(scene.shell(scene.offline_commands() + "\nexit 0\n"));
  ASSERT_TRUE(first.wait_for(R"(get_entry {"number":100})", kTimeoutMs));
  const std::string shell = std::to_string(first.pid());
  const std::string child = read_text("/proc/" + shell + "/task/" + shell + "/children");
  ASSERT_EQ(::kill(std::stoi(child), SIGKILL), 0) << child;
  EXPECT_EQ(first.wait(kTimeoutMs).exit_status, 128 + SIGKILL);

  const std::vector<std::string> blocks = blocks_of("long-chain", "Kill it");
  const ProgramResult resumed = scene.run(blocks.front());
  EXPECT_EQ(resumed.exit_status, 0) << resumed.errors;
  expect_right_answer(resumed.output);
  // A call that the death left in doubt is still known by its arguments.
  EXPECT_THAT(resumed.errors, Not(HasSubstr("interruption: \n")));
  EXPECT_EQ(scene.statistics().refused, 0);
  expect_every_call_answered(scene.request(0), 300);
  EXPECT_THAT(kinds_of(scene.events()), Contains("run_resumed"));
}

// Processes that were started with this text in their arguments.
std::vector<std::string> processes_with(const std::string& text) {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    std::ifstream stream(entry.path() / "cmdline", std::ios::binary);
    std::string words((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    std::replace(words.begin(), words.end(), '\0', ' ');
    if (words.find(text) != std::string::npos) found.push_back(words);
  }
  return found;
}

TEST(Example, RefactorSplitsCommitsAndPassesItsTests) {
  // As in demo.sh: the python3 of the system may be another one, and the one with pytest.
  const std::string pytest = "python3 -m pytest --version || PATH=/usr/bin:$PATH python3 -m pytest";
  if (!works("git --version && (" + pytest + " --version)")) {
    const char* reason = "git or pytest is missing: apt-get install git python3-pytest";
    if (test::are_suites_required()) FAIL() << reason;
    GTEST_SKIP() << reason;
  }
  const Scene scene("refactor");
  const ProgramResult result =
      scene.run(scene.adapted(blocks_of("refactor", "Run it offline").front()));
  EXPECT_EQ(result.exit_status, 0) << result.errors;
  for (const char* part : {"The model is scripted", "35 passed", "All 35 tests pass", "git log",
                           "shop/orders.py    | 321 ", "+    return amount.quantize(CENT, rounding",
                           "--host moonshot --max-cost 2"}) {
    EXPECT_THAT(result.output, HasSubstr(part)) << result.errors;
  }
  EXPECT_THAT(result.errors, HasSubstr("write_file shop/orders.py"));
  EXPECT_THAT(result.errors, HasSubstr("[exit status 1] 3 failed, 32 passed"));
  EXPECT_THAT(result.output + result.errors, Not(HasSubstr("\x1b[")));
  EXPECT_THAT(processes_with(scene.place("tmp")), IsEmpty());

  std::string work;
  for (const auto& entry : fs::directory_iterator(scene.place("tmp"))) {
    if (entry.path().stem() == "perdure-demo") work = entry.path();
  }
  const ProgramResult git = scene.run("git -C " + work + "/project status --porcelain; git -C " +
                                      work + "/project log --format=%s; git -C " + work +
                                      "/project diff --stat HEAD~1 -- tests");
  EXPECT_EQ(git.output,
            "Split shop/orders.py into modules with one concern each\n"
            "Sell things: prices, stock, order file, reports\n")
      << git.errors;
  const fs::path shop = fs::path(work) / "project/shop";
  for (const char* module : {"errors", "money", "model", "pricing", "inventory", "storage"})
    EXPECT_TRUE(fs::exists(shop / (std::string(module) + ".py"))) << module;

  const ProgramResult shown =
      scene.run("XDG_STATE_HOME=" + work + "/state perdure show last --json");
  std::vector<Json> events;
  std::istringstream lines(shown.output);
  for (std::string line; std::getline(lines, line);) events.push_back(test::parse_json(line));
  // One test run fails, the next one passes, and then the acceptance.
  std::map<std::string, int> statuses;
  for (const std::string& status : values_of(events, "call_finished", "status")) ++statuses[status];
  EXPECT_EQ(statuses["error"], 1);
  EXPECT_EQ(statuses.size(), 2U);
  EXPECT_THAT(values_of(events, "acceptance_finished", "passed"), ElementsAre("true"));
}

// Without a key every command of this section must get as far as asking for one.
TEST(Example, CommandsForARealModelAreAccepted) {
  for (const char* example : {"two-tools", "incident", "long-chain"}) {
    SCOPED_TRACE(example);
    const Scene scene(example);
    std::string commands = blocks_of(example, "Run it on a real model").front();
    EXPECT_EQ(commands.rfind("export MOONSHOT_API_KEY=...\n", 0), 0U);
    commands = commands.substr(commands.find('\n') + 1);
    const ProgramResult result = scene.run("perdure trust examples/" + std::string(example) +
                                           "\nmkdir -p /tmp/oncall /tmp/audit\n" + commands);
    EXPECT_EQ(result.exit_status, 2);
    EXPECT_THAT(result.errors, HasSubstr("needs an API key"));
    EXPECT_EQ(scene.statistics().requests, 0);
  }
}

}  // namespace
}  // namespace perdure
