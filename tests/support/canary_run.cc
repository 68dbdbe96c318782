#include "tests/support/canary_run.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "os/process.h"
#include "store/sqlite/sqlite_journal.h"
#include "tests/support/json.h"
#include "tests/support/result.h"

namespace perdure::test {

std::string canary_script(int steps) {
  return fmt::format(R"(
model = "kimi-k2.6"
[[reply]]
repeat = {}
reasoning = "Step {{reply}}."
[[reply.call]]
name = "strike"
[reply.call.arguments]
n = "{{reply}}"
[[reply.call]]
name = "look"
[reply.call.arguments]
n = "{{reply}}"
[[reply.call]]
name = "look"
[reply.call.arguments]
n = "{{reply}}"
[[reply.call]]
name = "write_file"
[reply.call.arguments]
path = "file-{{reply}}"
content = "written {{reply}}"
[[reply]]
text = "Done."
)",
                     steps);
}

namespace {

// A command tool that takes the number of its step.
std::string marking_tool(std::string_view name, std::string_view does, std::string_view script,
                         std::string_view effect) {
  return fmt::format(R"([[tools.command]]
name = "{}"
description = "{}"
argv = ["/bin/sh", "-c", '{}', "{{n}}"]
effect = "{}"
[tools.command.parameters]
type = "object"
required = ["n"]
properties.n.type = "string"
)",
                     name, does, script, effect);
}

std::string agent_with(std::string_view builtin, const std::string& tools) {
  return fmt::format("name = \"canary\"\n[tools]\nbuiltin = [{}]\n", builtin) +
         marking_tool("strike", "Leaves a mark that must not be left twice.",
                      R"(echo "$0" >> canary; echo struck "$0")", "destructive") +
         tools + "[[policy]]\naction = \"allow\"\n";
}

}  // namespace

std::string canary_agent() {
  return agent_with(R"("write_file")",
                    marking_tool("look", "Leaves a mark too, and says that it only reads.",
                                 R"(echo "$0" >> looks; echo looked "$0")", "read"));
}

std::string pouring_agent() {
  return agent_with("", marking_tool("pour", "Says more than anybody reads.",
                                     R"(head -c 70000 /dev/zero | tr "\0" "$0")", "read"));
}

std::unique_ptr<MockThread> start_endpoint(std::string_view script) {
  Result<MockScript> parsed = parse_mock_script(script, "script.toml");
  EXPECT_TRUE(parsed.ok()) << to_text(parsed.error());
  Result<std::unique_ptr<MockThread>> endpoint = MockThread::start(std::move(parsed).value());
  EXPECT_TRUE(endpoint.ok()) << to_text(endpoint.error());
  return std::move(endpoint).value();
}

std::map<std::string, int> lines_of(const TemporaryDirectory& folder, const std::string& name) {
  std::map<std::string, int> counts;
  std::istringstream lines(folder.read(name));
  for (std::string line; std::getline(lines, line);) ++counts[line];
  return counts;
}

int Account::count(std::string_view kind) const {
  return static_cast<int>(std::count_if(
      events.begin(), events.end(), [&](const StoredEvent& event) { return event.kind == kind; }));
}

CanaryRun::CanaryRun(const MockThread& endpoint, std::string_view agent, int steps)
    : base_url_(endpoint.base_url()), steps_(steps) {
  std::filesystem::create_directories(place("workspace"));
  root_.write("config/perdure/agent.toml", agent);
}

Account CanaryRun::account() const {
  Account account;
  if (!std::filesystem::exists(state() + "/perdure.db")) return account;
  Result<std::unique_ptr<Journal>> journal = open_sqlite_journal(state());
  EXPECT_TRUE(journal.ok()) << words_of(journal);
  if (!journal.ok()) return account;
  const Result<std::string> id = (*journal)->find("last");
  if (!id.ok()) return account;
  account.run_id = *id;
  Result<std::vector<StoredEvent>> events = (*journal)->read(*id);
  EXPECT_TRUE(events.ok()) << words_of(events);
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

ProgramOptions CanaryRun::options(std::vector<std::string> arguments) const {
  return {.arguments = std::move(arguments),
          .environment = {{"XDG_CONFIG_HOME", place("config")},
                          {"XDG_STATE_HOME", place("state")},
                          {"HOME", place("home")},
                          {"PERDURE_HOST", "mock"},
                          {"PERDURE_BASE_URL", base_url_}},
          .directory = place("workspace")};
}

ProgramOptions CanaryRun::run() const {
  return options(
      {"run", "--agent", place("config/perdure/agent.toml"), "Strike.", "--output", "stream-json"});
}

ProgramOptions CanaryRun::resume() const {
  if (account().run_id.empty()) return run();
  return options({"resume", "last", "--output", "stream-json"});
}

void CanaryRun::expect_accounted(const ProgramResult& killed) const {
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
    EXPECT_EQ(account.intended.count(n + ".0"), 1U) << "strike " << n << " has no intent";
  }
}

bool CanaryRun::has_ended() const {
  const Account account = this->account();
  return !account.events.empty() && account.events.back().kind == "run_ended" &&
         parse_json(account.events.back().payload)["outcome"] == "done";
}

void CanaryRun::finish(const ProgramOptions& resume) const {
  if (has_ended()) return;
  const ProgramResult last = run_program(resume);
  EXPECT_EQ(last.exit_status, 0) << last.output << last.errors;
  const std::size_t result = last.output.rfind("{\"type\":\"result\"");
  ASSERT_NE(result, std::string::npos) << last.output;
  const Json record = parse_json(std::string_view(last.output).substr(result));
  EXPECT_EQ(record["outcome"], "done");
  EXPECT_EQ(record["text"], "Done.");
  EXPECT_EQ(record["steps"], steps_ + 1) << "no reply is counted twice, none is lost";
}

void CanaryRun::expect_story() const {
  const Account account = this->account();
  ASSERT_FALSE(account.events.empty());
  EXPECT_EQ(account.events.back().kind, "run_ended");
  EXPECT_EQ(parse_json(account.events.back().payload)["outcome"], "done");
  EXPECT_EQ(account.count("model_replied"), steps_ + 1);
  for (int step = 1; step <= steps_; ++step) expect_step(account, step);
  EXPECT_EQ(kill_marked_processes(account.run_id), 0U) << "nothing is left running";
  for (const auto& entry : std::filesystem::directory_iterator(place("workspace"))) {
    EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
  }
}

// A strike is the first call of its step; the other calls are known by what they are.
void CanaryRun::expect_step(const Account& account, int step) const {
  const std::string name = std::to_string(step);
  std::map<std::string, int> strikes = lines_of(root_, "workspace/canary");
  const auto end = account.ends.find(name + ".0");
  ASSERT_NE(end, account.ends.end()) << "strike " << step << " has no end";
  EXPECT_LE(strikes[name], 1) << "strike " << step << " happened twice";
  if (end->second != "in_doubt") {
    EXPECT_EQ(end->second, "ok");
    EXPECT_EQ(strikes[name], 1) << "strike " << step << " is said to have happened";
  }
  if (account.ends.count(name + ".3") == 0) return;
  EXPECT_GE(lines_of(root_, "workspace/looks")[name], 2)
      << "what only reads is repeated until it has an answer";
  EXPECT_EQ(account.ends.at(name + ".1"), "ok");
  EXPECT_EQ(account.ends.at(name + ".2"), "ok");
  const std::string written = account.ends.at(name + ".3");
  EXPECT_TRUE(written == "ok" || written == "in_doubt") << written;
  if (written == "ok") {
    EXPECT_EQ(root_.read("workspace/file-" + name), "written " + name);
  }
}

}  // namespace perdure::test
