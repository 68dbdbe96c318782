// Plays the scenario files of this folder (README.md): the real program against the scripted
// endpoint.
#include <algorithm>
#include <filesystem>
#include <fstream>
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

// One story under way: the folders, the endpoint, and what the commands so far have left.
class Story {
 public:
  explicit Story(const std::string& script, const std::string& agent) {
    Result<MockScript> parsed = parse_mock_script(script, "script");
    EXPECT_TRUE(parsed.ok()) << to_text(parsed.error());
    fs::create_directories(place("requests"));
    fs::create_directories(place("workspace"));
    Result<std::unique_ptr<MockThread>> endpoint =
        MockThread::start(std::move(*parsed), {.record_directory = place("requests")});
    EXPECT_TRUE(endpoint.ok()) << to_text(endpoint.error());
    endpoint_ = std::move(*endpoint);
    if (agent.empty()) return;
    root_.write("agents/agent.toml", agent);
    root_.write("state/perdure/trusted", place("agents") + "\n");
  }

  std::string place(const std::string& name) const { return root_.path() + "/" + name; }
  const TemporaryDirectory& root() const { return root_; }
  MockStatistics statistics() const { return endpoint_->statistics(); }

  ProgramResult command(std::vector<std::string> arguments, const std::string& input) {
    for (std::string& argument : arguments) {
      if (argument == "{run}") argument = last_run();
    }
    const bool takes_agent = arguments[0] == "run" || arguments[0] == "chat";
    if (takes_agent && root_.exists("agents/agent.toml")) {
      arguments.insert(arguments.begin() + 1, {"--agent", place("agents/agent.toml")});
    }
    return run_program({.arguments = std::move(arguments),
                        .environment = {{"XDG_CONFIG_HOME", place("config")},
                                        {"XDG_STATE_HOME", place("state")},
                                        {"HOME", place("home")},
                                        {"PERDURE_HOST", "mock"},
                                        {"PERDURE_BASE_URL", endpoint_->base_url()}},
                        .directory = place("workspace"),
                        .input = input});
  }

  Json show(const std::string& run) {
    const ProgramResult shown = command({"show", run, "--json"}, "");
    Json events = Json::array();
    std::istringstream lines(shown.output);
    for (std::string line; std::getline(lines, line);) events.push_back(test::parse_json(line));
    return events;
  }

  std::string last_run() {
    const ProgramResult runs = command({"runs", "--json", "--limit", "1"}, "");
    const Json list = test::parse_json(runs.output);
    return list.is_array() && !list.empty() ? list[0]["run"].get<std::string>() : "";
  }

  std::string last_request() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(place("requests")))
      files.push_back(entry.path());
    return files.empty() ? "" : read_text(*std::max_element(files.begin(), files.end()));
  }

 private:
  TemporaryDirectory root_;
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

// What one [[command]] table expects of its result.
void check(Story& story, const Json& expected, const ProgramResult& result) {
  EXPECT_EQ(result.exit_status, expected.value("exit", 0)) << result.errors;
  if (expected.contains("answer")) {
    EXPECT_EQ(result.output, expected["answer"].get<std::string>()) << result.errors;
  }
  for (const Json& part : expected.value("answer_contains", Json::array())) {
    EXPECT_NE(result.output.find(part.get<std::string>()), std::string::npos)
        << part << " is not in the answer:\n"
        << result.output;
  }
  for (const Json& part : expected.value("errors_contain", Json::array())) {
    EXPECT_NE(result.errors.find(part.get<std::string>()), std::string::npos)
        << part << " is not in:\n"
        << result.errors;
  }
  for (const Json& part : expected.value("errors_lack", Json::array())) {
    EXPECT_EQ(result.errors.find(part.get<std::string>()), std::string::npos) << part << " is in:\n"
                                                                              << result.errors;
  }
  const MockStatistics counts = story.statistics();
  EXPECT_EQ(counts.refused, expected.value("refused", 0));
  if (expected.contains("requests")) {
    EXPECT_EQ(counts.requests, expected["requests"].get<int>());
  }
  for (const Json& part : expected.value("request_contains", Json::array())) {
    const std::string request = story.last_request();
    EXPECT_NE(request.find(part.get<std::string>()), std::string::npos) << part << " is not in:\n"
                                                                        << request;
  }
  if (expected.contains("kinds") || expected.contains("kinds_absent")) {
    const Json events = story.show(story.last_run());
    expect_kinds(events, expected.value("kinds", Json::array()));
    for (const Json& kind : expected.value("kinds_absent", Json::array())) {
      const bool there = std::any_of(events.begin(), events.end(),
                                     [&](const Json& event) { return event["type"] == kind; });
      EXPECT_FALSE(there) << kind;
    }
  }
  for (const auto& [name, content] : expected.value("files", Json::object()).items()) {
    if (content == "(absent)") {
      EXPECT_FALSE(story.root().exists("workspace/" + name)) << name;
    } else {
      EXPECT_EQ(story.root().read("workspace/" + name), content.get<std::string>()) << name;
    }
  }
}

class Scenario : public testing::TestWithParam<fs::path> {};

TEST_P(Scenario, plays) {
  Result<TomlDocument> document = TomlDocument::parse(read_text(GetParam()), GetParam().string());
  ASSERT_TRUE(document.ok()) << to_text(document.error());
  TomlTable root = document->root();
  SCOPED_TRACE(root.string("about").value_or("a scenario says what it is about"));
  Story story(root.string("script").value_or(""), root.string("agent").value_or(""));
  const Json files = root.json("files").value_or(Json::object());
  for (const auto& [name, content] : files.items()) {
    story.root().write("workspace/" + name, content.get<std::string>());
  }
  const Json commands = root.json("command").value_or(Json::array());
  ASSERT_FALSE(commands.empty());
  for (const Json& command : commands) {
    const auto arguments = command.at("arguments").get<std::vector<std::string>>();
    SCOPED_TRACE(testing::PrintToString(arguments));
    check(story, command, story.command(arguments, command.value("input", "")));
  }
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
