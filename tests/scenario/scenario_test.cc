// Plays the scenario files of this folder (README.md): the real program against the scripted
// endpoint.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "json/parse.h"
#include "json/toml.h"
#include "mock/mock_thread.h"
#include "tests/support/json.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::vector<fs::path> scenario_files() {
  std::vector<fs::path> files;
  for (const auto& entry :
       fs::directory_iterator(fs::path(PERDURE_SOURCE_DIR) / "tests/scenario")) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
  return text;
}

// One story under way: the folders, the endpoint, and what the commands so far have left.
class Story {
 public:
  explicit Story(const std::string& script, const std::string& agent) {
    Result<MockScript> parsed = parse_mock_script(script, "script");
    EXPECT_TRUE(parsed.ok()) << to_text(parsed.error());
    fs::create_directories(place("requests"));
    fs::create_directories(place("workspace"));
    const auto count = [this](std::string_view) {
      const std::lock_guard lock(mutex_);
      ++answered_;
      answered_more_.notify_all();
    };
    Result<std::unique_ptr<MockThread>> endpoint = MockThread::start(
        std::move(*parsed), {.log = count, .record_directory = place("requests")});
    EXPECT_TRUE(endpoint.ok()) << to_text(endpoint.error());
    endpoint_ = std::move(*endpoint);
    if (agent.empty()) return;
    root_.write("agents/agent.toml", agent);
    root_.write("state/perdure/trusted", place("agents") + "\n");
  }

  std::string place(const std::string& name) const { return root_.path() + "/" + name; }
  const TemporaryDirectory& root() const { return root_; }
  MockStatistics statistics() const { return endpoint_->statistics(); }

  // A word of a command with the names of this story filled in.
  std::string filled(std::string word) {
    const std::pair<const char*, std::string> kNames[] = {{"{workspace}", place("workspace")},
                                                          {"{config}", place("config/perdure")},
                                                          {"{state}", place("state/perdure")},
                                                          {"{url}", endpoint_->base_url()}};
    for (const auto& [name, value] : kNames) word = replaced(word, name, value);
    if (word.find("{run}") != std::string::npos) word = replaced(word, "{run}", last_run());
    return word;
  }

  ProgramOptions options_of(const Json& command) {
    std::vector<std::string> arguments;
    for (const Json& word : command.at("arguments"))
      arguments.push_back(filled(word.get<std::string>()));
    const bool takes_agent = arguments[0] == "run" || arguments[0] == "chat";
    if (takes_agent && root_.exists("agents/agent.toml")) {
      arguments.insert(arguments.begin() + 1, {"--agent", place("agents/agent.toml")});
    }
    ProgramOptions options{.arguments = std::move(arguments),
                           .environment = {{"XDG_CONFIG_HOME", place("config")},
                                           {"XDG_STATE_HOME", place("state")},
                                           {"HOME", place("home")},
                                           {"PERDURE_HOST", "mock"},
                                           {"PERDURE_BASE_URL", endpoint_->base_url()}},
                           .directory = place("workspace"),
                           .input = command.value("input", "")};
    const Json environment = command.value("environment", Json::object());
    for (const auto& [name, value] : environment.items())
      options.environment[name] = filled(value.get<std::string>());
    return options;
  }

  ProgramResult play(const Json& command) {
    RunningProgram program(options_of(command));
    const std::pair<const char*, int> kSignals[] = {
        {"interrupt_at", SIGINT}, {"terminate_at", SIGTERM}, {"kill_at", SIGKILL}};
    for (const auto& [key, signal] : kSignals) {
      if (!command.contains(key)) continue;
      EXPECT_TRUE(program.wait_for(command[key].get<std::string>()))
          << "never seen: " << command[key];
      wait_for_requests(command.value("after_requests", 0));
      program.signal(signal);
    }
    return program.wait();
  }

  void wait_for_requests(int count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(answered_more_.wait_for(lock, std::chrono::seconds(30),
                                        [&] { return answered_ >= count; }));
  }

  Json show(const std::string& run) {
    const ProgramResult shown = play({{"arguments", {"show", run, "--json"}}});
    Json events = Json::array();
    std::istringstream lines(shown.output);
    for (std::string line; std::getline(lines, line);) events.push_back(test::parse_json(line));
    return events;
  }

  std::string last_run() {
    const ProgramResult runs = play({{"arguments", {"runs", "--json", "--limit", "1"}}});
    const Json list = test::parse_json(runs.output);
    return list.is_array() && !list.empty() ? list[0]["run"].get<std::string>() : "";
  }

  // The bodies of all requests, in order.
  std::vector<std::string> requests() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(place("requests")))
      files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    std::vector<std::string> bodies;
    for (const fs::path& file : files) bodies.push_back(read_text(file));
    return bodies;
  }

 private:
  TemporaryDirectory root_;
  std::mutex mutex_;
  std::condition_variable answered_more_;
  int answered_ = 0;  // requests that the endpoint has begun to answer; guarded by mutex_
  std::unique_ptr<MockThread> endpoint_;
};

void expect_kinds(const Json& events, const Json& wanted) {
  std::size_t next = 0;
  std::string seen;
  for (const Json& event : events) {
    seen += event["type"].get<std::string>() + " ";
    if (next < wanted.size() && event["type"] == wanted[next]) ++next;
  }
  EXPECT_EQ(next, wanted.size()) << "the events are: " << seen;
}

// Texts that are long are shown with their ends only: a request is 10 KB.
std::string shortened(const std::string& text) {
  constexpr std::size_t kShown = 3'000;
  if (text.size() <= 2 * kShown) return text;
  return text.substr(0, kShown) + "\n[...]\n" + text.substr(text.size() - kShown);
}

void expect_parts(Story& story, const Json& command, const char* key, const std::string& text,
                  bool wanted) {
  for (const Json& part : command.value(key, Json::array())) {
    const std::string filled = story.filled(part.get<std::string>());
    EXPECT_EQ(text.find(filled) != std::string::npos, wanted) << key << ": " << filled << "\nin:\n"
                                                              << shortened(text);
  }
}

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

void check_requests(Story& story, const Json& command) {
  const MockStatistics counts = story.statistics();
  EXPECT_EQ(counts.refused, command.value("refused", 0));
  if (command.contains("requests")) {
    EXPECT_EQ(counts.requests, command["requests"].get<int>());
  }
  const std::vector<std::string> bodies = story.requests();
  const std::string last = bodies.empty() ? "" : bodies.back();
  expect_parts(story, command, "request_contains", last, true);
  expect_parts(story, command, "request_lacks", last, false);
  expect_parts(story, command, "first_request_contains", bodies.empty() ? "" : bodies.front(),
               true);
}

void check_events(Story& story, const Json& command) {
  if (!command.contains("kinds") && !command.contains("kinds_absent")) return;
  const Json events = story.show(story.last_run());
  expect_kinds(events, command.value("kinds", Json::array()));
  for (const Json& kind : command.value("kinds_absent", Json::array())) {
    const bool there = std::any_of(events.begin(), events.end(),
                                   [&](const Json& event) { return event["type"] == kind; });
    EXPECT_FALSE(there) << kind;
  }
}

// What one [[command]] table expects of its result.
void check(Story& story, const Json& command, const ProgramResult& result) {
  EXPECT_EQ(result.exit_status, command.value("exit", 0)) << result.errors;
  if (command.contains("answer")) {
    EXPECT_EQ(result.output, story.filled(command["answer"].get<std::string>())) << result.errors;
  }
  expect_parts(story, command, "answer_contains", result.output, true);
  expect_parts(story, command, "answer_lacks", result.output, false);
  expect_parts(story, command, "last_line_contains", last_line(result.output), true);
  expect_parts(story, command, "errors_contain", result.errors, true);
  expect_parts(story, command, "errors_lack", result.errors, false);
  check_requests(story, command);
  check_events(story, command);
  const Json files = command.value("files", Json::object());
  for (const auto& [name, content] : files.items()) {
    if (content == "(absent)") {
      EXPECT_FALSE(story.root().exists("workspace/" + name)) << name;
    } else {
      EXPECT_EQ(story.root().read("workspace/" + name), content.get<std::string>()) << name;
    }
  }
}

// A word that nobody reads would be an expectation that nobody checks.
void expect_known_keys(const Json& command) {
  constexpr std::string_view kKeys[] = {"arguments",
                                        "input",
                                        "environment",
                                        "interrupt_at",
                                        "after_requests",
                                        "terminate_at",
                                        "kill_at",
                                        "exit",
                                        "answer",
                                        "answer_contains",
                                        "answer_lacks",
                                        "last_line_contains",
                                        "errors_contain",
                                        "errors_lack",
                                        "kinds",
                                        "kinds_absent",
                                        "requests",
                                        "refused",
                                        "request_contains",
                                        "request_lacks",
                                        "first_request_contains",
                                        "files"};
  for (const auto& [key, value] : command.items()) {
    EXPECT_NE(std::find(std::begin(kKeys), std::end(kKeys), key), std::end(kKeys))
        << "a command has no key '" << key << "' (tests/scenario/README.md)";
  }
}

class Scenario : public testing::TestWithParam<fs::path> {};

TEST_P(Scenario, plays) {
  Result<TomlDocument> document = TomlDocument::parse(read_text(GetParam()), GetParam().string());
  ASSERT_TRUE(document.ok()) << to_text(document.error());
  TomlTable root = document->root();
  const std::string about = root.string("about").value_or("");
  EXPECT_NE(about, "") << "a scenario says what it is about";
  SCOPED_TRACE(about);
  Story story(root.string("script").value_or(""), root.string("agent").value_or(""));
  const std::pair<const char*, const char*> kFolders[] = {{"files", "workspace/"},
                                                          {"config", "config/perdure/"}};
  for (const auto& [key, folder] : kFolders) {
    const Json files = root.json(key).value_or(Json::object());
    for (const auto& [name, content] : files.items())
      story.root().write(folder + name, story.filled(content.get<std::string>()));
  }
  const Json commands = root.json("command").value_or(Json::array());
  ASSERT_FALSE(commands.empty());
  for (const Json& command : commands) {
    SCOPED_TRACE(testing::PrintToString(command.at("arguments").get<std::vector<std::string>>()));
    expect_known_keys(command);
    check(story, command, story.play(command));
  }
  // What ran makes the same requests when it is replayed; other statuses say that nothing ran.
  const ProgramResult replay = run_program(story.options_of({{"arguments", {"replay", "last"}}}));
  EXPECT_NE(replay.exit_status, 1) << replay.output;
  EXPECT_TRUE(document->finish().empty()) << to_text(document->finish().front());
}

std::string name_of(const testing::TestParamInfo<fs::path>& scenario) {
  std::string name = scenario.param.stem().string();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Files, Scenario, testing::ValuesIn(scenario_files()), name_of);

}  // namespace
}  // namespace perdure
