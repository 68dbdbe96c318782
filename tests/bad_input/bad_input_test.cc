// Everything that a person can get wrong, through the real program: the message says what, where
// and what to do; the exit status is the documented one; standard output stays empty, or holds the
// one record that a program reads; and nothing is lost.
#include <csignal>
#include <filesystem>
#include <map>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mock/mock_thread.h"
#include "os/descriptor.h"
#include "tests/support/json.h"
#include "tests/support/program.h"
#include "tests/support/result.h"
#include "tests/support/small_disk.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;

using test::holds;
using test::parse_json;
using test::SmallDisk;

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
  return text;
}

// Folders, an endpoint, and the program between them.
class Desk {
 public:
  explicit Desk(std::string_view script = "[[reply]]\ntext = 'Done.'\n") {
    for (const char* name : {"config/perdure", "work", "home"}) {
      fs::create_directories(place(name));
    }
    Result<MockScript> parsed = parse_mock_script(script, "script.toml");
    EXPECT_TRUE(parsed.ok()) << test::words_of(parsed);
    Result<std::unique_ptr<MockThread>> endpoint = MockThread::start(std::move(parsed).value());
    EXPECT_TRUE(endpoint.ok()) << test::words_of(endpoint);
    endpoint_ = std::move(endpoint).value();
    environment_ = {{"XDG_CONFIG_HOME", place("config")},
                    {"XDG_STATE_HOME", place("state")},
                    {"HOME", place("home")}};
  }

  std::string place(const std::string& name) const { return root_.path() + "/" + name; }
  const TemporaryDirectory& root() const { return root_; }
  MockStatistics statistics() const { return endpoint_->statistics(); }
  std::string base_url() const { return endpoint_->base_url(); }
  /// {root} and {endpoint} stand for what they are here.
  std::string filled(const std::string& text) const {
    return replaced(replaced(text, "{root}", root_.path()), "{endpoint}", endpoint_->base_url());
  }

  void set(const std::string& name, const std::string& value) { environment_[name] = value; }
  /// Runs go to the endpoint of this desk.
  void use_endpoint() {
    set("PERDURE_HOST", "mock");
    set("PERDURE_BASE_URL", base_url());
  }

  ProgramOptions options(std::vector<std::string> arguments, const std::string& input = "") const {
    for (std::string& argument : arguments) argument = filled(argument);
    return {.arguments = std::move(arguments),
            .environment = environment_,
            .directory = place("work"),
            .input = input};
  }
  ProgramResult run(std::vector<std::string> arguments, const std::string& input = "") const {
    return run_program(options(std::move(arguments), input));
  }

 private:
  TemporaryDirectory root_;
  std::unique_ptr<MockThread> endpoint_;
  std::map<std::string, std::string> environment_;
};

void expect_words(const ProgramResult& result, const Desk& desk,
                  const std::vector<std::string>& words) {
  for (const std::string& part : words) EXPECT_PRED2(holds, result.errors, desk.filled(part));
}

// The record of a run that ended badly.
Json record_of(const ProgramResult& result) {
  const Json record = parse_json(result.output);
  EXPECT_EQ(record.value("type", ""), "result") << result.output;
  EXPECT_EQ(record.value("exit_status", -1), result.exit_status);
  EXPECT_TRUE(record.contains("error")) << result.output;
  return record;
}

// --- What is refused before anything begins ---

struct Case {
  const char* name;
  std::vector<std::string> arguments;
  int exit_status = 0;
  const char* code = "";           ///< In the record; empty for a command without records.
  std::vector<std::string> words;  ///< On standard error: what, where, what to do.
  std::map<std::string, std::string> files = {};
  std::map<std::string, std::string> environment = {};
  std::string input = {};
};

const std::map<std::string, std::string> kMock = {{"PERDURE_HOST", "mock"},
                                                  {"PERDURE_BASE_URL", "{endpoint}"}};

std::vector<Case> endpoint_cases() {
  return {
      {"unknown_model",
       {"run", "--model", "kimi-k9", "Go."},
       2,
       "unknown_model",
       {"no model is named 'kimi-k9'", "did you mean 'kimi-k3'?", "known: "}},
      {"unknown_host",
       {"run", "--host", "moonshoot", "Go."},
       2,
       "unknown_host",
       {"no host is named 'moonshoot'", "did you mean 'moonshot'?"}},
      {"model_that_the_host_does_not_serve",
       {"run", "--host", "moonshot", "--model", "kimi-k2-thinking", "Go."},
       2,
       "unknown_model",
       {"host 'moonshot' is not known to serve 'kimi-k2-thinking'", "it serves: "}},
      {"missing_key",
       {"run", "Go."},
       2,
       "missing_key",
       {"needs an API key, and none was found", "at: https://api.moonshot.ai/v1",
        "export MOONSHOT_API_KEY=", "key_file"}},
      {"missing_key_file",
       {"run", "Go."},
       2,
       "missing_key",
       {"the key file cannot be read", "at: /nowhere/key"},
       {{"config/perdure/config.toml", "key_file = '/nowhere/key'\n"}}},
      {"empty_key_file",
       {"run", "Go."},
       2,
       "missing_key",
       {"the key file is empty", "at: {root}/key"},
       {{"config/perdure/config.toml", "key_file = '{root}/key'\n"}, {"key", " \n"}}},
      {"no_url",
       {"run", "--base-url", "localhost", "Go."},
       2,
       "config",
       {"not a usable URL", "at: localhost", "give something like http://localhost:8080/v1"}},
      {"a_cap_on_money_without_a_price",
       {"run", "--model", "other", "--max-cost", "1", "Go."},
       2,
       "config",
       {"is not known, so a cap on money cannot be held", "[price]"},
       {},
       kMock},
  };
}

std::vector<Case> file_cases() {
  const std::string kCommand =
      "[[tools.command]]\nname = 'x'\ndescription = 'y'\nargv = ['true']\n";
  const std::vector<std::string> kRunAgent = {"run", "--agent", "{root}/config/perdure/a.toml",
                                              "Go."};
  return {
      {"mistake_in_config_toml",
       {"run", "Go."},
       2,
       "config",
       {"unknown key 'modle'", "at: {root}/config/perdure/config.toml:2:1",
        "did you mean 'model'?"},
       {{"config/perdure/config.toml", "name = 'x'\nmodle = 'y'\n"}},
       kMock},
      {"no_toml_at_all",
       {"run", "Go."},
       2,
       "config",
       {"not valid TOML", "at: {root}/config/perdure/config.toml:2:"},
       {{"config/perdure/config.toml", "name = 'x'\nmodel = = 'y'\n"}},
       kMock},
      {"mistake_in_perdure_toml",
       {"run", "Go."},
       2,
       "config",
       {"unknown key 'stepz'", "at: perdure.toml:2:3", "did you mean 'steps'?"},
       {{"work/perdure.toml", "[budget]\n  stepz = 5\n"}},
       kMock},
      {"mistake_in_an_agent_file",
       kRunAgent,
       2,
       "config",
       {"'thinking' must be one of default, off, on, keep, not 'loud'",
        "at: {root}/config/perdure/a.toml:1:1"},
       {{"config/perdure/a.toml", "thinking = 'loud'\n"}},
       kMock},
      {"missing_agent_file",
       kRunAgent,
       2,
       "config",
       {"cannot open the file", "at: {root}/config/perdure/a.toml", "name a file that exists"},
       {},
       kMock},
      {"mistake_in_a_host_profile",
       {"run", "--host", "mine", "Go."},
       2,
       "config",
       {"unknown key 'base_ulr'", "at: {root}/config/perdure/hosts/mine.toml:3:1",
        "did you mean 'base_url'?"},
       {{"config/perdure/hosts/mine.toml", "id = 'mine'\nname = 'm'\nbase_ulr = 'http://x'\n"}}},
      {"mistake_in_a_model_profile",
       {"run", "--model", "mine", "Go."},
       2,
       "config",
       {"unknown key 'window_token'", "at: {root}/config/perdure/models/mine.toml:3:1",
        "did you mean 'window_tokens'?"},
       {{"config/perdure/models/mine.toml", "id = 'mine'\nname = 'm'\nwindow_token = 5\n"}},
       kMock},
      {"mistake_in_a_mock_script",
       {"mock", "{root}/s.toml"},
       2,
       "",
       {"unknown key 'txt'", "at: {root}/s.toml:2:1", "did you mean 'text'?"},
       {{"s.toml", "[[reply]]\ntxt = 'x'\n"}}},
      {"missing_mock_script",
       {"mock", "{root}/s.toml"},
       2,
       "",
       {"the script cannot be read", "at: {root}/s.toml", "name a file that exists"}},
      {"invalid_tool_schema",
       kRunAgent,
       2,
       "config",
       {"the parameters of tool 'x' are not a JSON Schema", "'type' names no type",
        "at: {root}/config/perdure/a.toml:6:14"},
       {{"config/perdure/a.toml",
         kCommand + "[tools.command.parameters]\nproperties.a.type = 'strin'\n"}},
       kMock},
      {"two_tools_of_one_name",
       kRunAgent,
       2,
       "config",
       {"there are two tools named 'x'", "at: {root}/config/perdure/a.toml:6:1",
        "give one of them another name"},
       {{"config/perdure/a.toml", kCommand + kCommand}},
       kMock},
      {"a_tool_named_as_a_built_in_one",
       kRunAgent,
       2,
       "config",
       {"there are two tools named 'calculate'", "at: {root}/config/perdure/a.toml:2:1"},
       {{"config/perdure/a.toml", replaced(kCommand, "'x'", "'calculate'")}},
       kMock},
      {"unknown_built_in_tool",
       kRunAgent,
       2,
       "config",
       {"'reed_file'", "at: {root}/config/perdure/a.toml:2:1", "did you mean 'read_file'?"},
       {{"config/perdure/a.toml", "[tools]\nbuiltin = ['reed_file']\n"}},
       kMock},
      {"untrusted_agent_that_redirects_the_endpoint",
       {"run", "--agent", "{root}/else/a.toml", "Go."},
       2,
       "untrusted",
       {"asks for what only a trusted folder may: base_url ({root}/else/a.toml:2:1)",
        "look at the file", "perdure trust {root}/else"},
       {{"else/a.toml", "name = 'x'\nbase_url = 'http://127.0.0.1:9/v1'\n"}},
       kMock},
      {"untrusted_project_that_takes_the_key",
       {"run", "Go."},
       2,
       "untrusted",
       {"key_file (perdure.toml:1:1)", "perdure trust {root}/work"},
       {{"work/perdure.toml", "key_file = '/etc/passwd'\n"}},
       kMock},
  };
}

std::vector<Case> line_cases() {
  return {
      {"missing_workspace",
       {"run", "--workspace", "{root}/none", "Go."},
       2,
       "workspace",
       {"cannot use the workspace", "at: {root}/none", "--workspace"},
       {},
       kMock},
      {"workspace_that_is_a_file",
       {"run", "--workspace", "{root}/file", "Go."},
       2,
       "workspace",
       {"cannot use the workspace", "at: {root}/file", "--workspace"},
       {{"file", ""}},
       kMock},
      {"no_task",
       {"run"},
       2,
       "invalid_argument",
       {"the task is empty", "as an argument, with --task-file, or on standard input"},
       {},
       kMock},
      {"empty_task", {"run", " \n"}, 2, "invalid_argument", {"the task is empty"}, {}, kMock},
      {"empty_task_file",
       {"run", "--task-file", "{root}/task"},
       2,
       "invalid_argument",
       {"the task is empty"},
       {{"task", "\n\n"}},
       kMock},
      {"missing_task_file",
       {"run", "--task-file", "{root}/task"},
       2,
       "invalid_argument",
       {"the task cannot be read", "at: {root}/task", "name a file that exists"},
       {},
       kMock},
      {"empty_standard_input",
       {"run", "-"},
       2,
       "invalid_argument",
       {"the task is empty"},
       {},
       kMock,
       "\n"},
      {"two_tasks",
       {"run", "--task-file", "{root}/task", "Go."},
       2,
       "invalid_argument",
       {"there are two tasks", "give one of them"},
       {{"task", "Go."}},
       kMock},
      {"no_such_run",
       {"resume", "251120"},
       2,
       "not_found",
       {"there is no run '251120'", "'perdure runs' lists"}},
      {"no_run_named",
       {"resume"},
       2,
       "invalid_argument",
       {"RUN is required", "perdure resume --help"}},
      {"steps_below_one",
       {"run", "--max-steps", "0", "Go."},
       2,
       "invalid_argument",
       {"--max-steps: takes a whole number above 0, not '0'", "perdure run --help"}},
      {"no_time",
       {"run", "--timeout", "x", "Go."},
       2,
       "invalid_argument",
       {"--timeout: takes a time like 90s, 15m or 2h, not 'x'"}},
      {"no_amount",
       {"run", "--max-cost", "-1", "Go."},
       2,
       "invalid_argument",
       {"--max-cost: takes an amount above 0, like 2.50, not '-1'"}},
      {"no_way_of_thinking",
       {"run", "--thinking", "hard", "Go."},
       2,
       "invalid_argument",
       {"--thinking: takes off, on, keep or default, not 'hard'"}},
      {"unknown_option",
       {"run", "--max-step", "5", "Go."},
       2,
       "invalid_argument",
       {"perdure run has no option '--max-step'", "did you mean --max-steps?"}},
      {"unknown_command",
       {"rnu", "Go."},
       2,
       "invalid_argument",
       {"no command is named 'rnu'", "did you mean 'run'?", "commands: run, resume"}},
      {"a_task_of_several_words",
       {"run", "fix", "it"},
       2,
       "invalid_argument",
       {"'it' is one word too many", "put the text into quotes"}},
      {"trust_of_a_missing_folder",
       {"trust", "{root}/none"},
       2,
       "",
       {"there is no folder '{root}/none'", "name an existing folder"}},
      {"state_folder_that_is_a_file",
       {"run", "--state", "{root}/file", "Go."},
       74,
       "store",
       {"the journal", "at: {root}/file", "choose another with --state"},
       {{"file", ""}},
       kMock},
      {"state_folder_below_a_file",
       {"runs", "--state", "{root}/file/state"},
       74,
       "",
       {"cannot make the directory", "at: {root}/file/state", "choose another with --state"},
       {{"file", ""}}},
      {"journal_that_is_no_database",
       {"run", "Go."},
       74,
       "corrupt",
       {"the journal", "at: {root}/state/perdure/perdure.db", "keep a copy of the file"},
       {{"state/perdure/perdure.db", "This was a database until somebody wrote over it.\n"}},
       kMock},
  };
}

class BadInput : public testing::TestWithParam<Case> {
 protected:
  BadInput() {
    for (const auto& [name, content] : GetParam().files) {
      desk_.root().write(name, desk_.filled(content));
    }
    for (const auto& [name, value] : GetParam().environment) desk_.set(name, desk_.filled(value));
  }

  Desk desk_;
};

TEST_P(BadInput, is_told) {
  const Case& bad = GetParam();
  const ProgramResult text = desk_.run(bad.arguments, bad.input);
  EXPECT_EQ(text.exit_status, bad.exit_status) << text.errors;
  EXPECT_EQ(text.output, "");
  expect_words(text, desk_, bad.words);
  if (*bad.code == '\0') return;

  std::vector<std::string> arguments = bad.arguments;
  arguments.insert(arguments.begin() + 1, {"--output", "json"});
  const ProgramResult json = desk_.run(arguments, bad.input);
  EXPECT_EQ(json.exit_status, bad.exit_status) << json.errors;
  const Json record = record_of(json);
  EXPECT_EQ(record["error"].value("code", ""), bad.code);
  EXPECT_EQ(record.value("run", "?"), "") << "there is no run that could be named";
  expect_words(json, desk_, bad.words);
  EXPECT_EQ(desk_.statistics().requests, 0) << "nothing was asked of a model";
}

std::string case_name(const testing::TestParamInfo<Case>& bad) {
  return bad.param.name;
}

void PrintTo(const Case& bad, std::ostream* out) {
  *out << bad.name;
}

// The names begin with Program: tests of this program alone leave them out.
INSTANTIATE_TEST_SUITE_P(ProgramEndpoint, BadInput, testing::ValuesIn(endpoint_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(ProgramFile, BadInput, testing::ValuesIn(file_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(ProgramLine, BadInput, testing::ValuesIn(line_cases()), case_name);

// --- What ends a run that had begun: it can go on ---

void expect_done(const ProgramResult& result) {
  EXPECT_EQ(result.exit_status, 0) << result.errors;
  EXPECT_EQ(result.output, "Done.\n");
}

TEST(ProgramBadInput, a_rejected_key_ends_the_run_until_there_is_a_better_one) {
  Desk desk("key = 'right'\n[[reply]]\ntext = 'Done.'\n");
  const std::vector<std::string> run = {"run", "--host", "moonshot", "--base-url", "{endpoint}"};
  desk.set("MOONSHOT_API_KEY", "wrong-key");
  std::vector<std::string> arguments = run;
  arguments.emplace_back("Go.");
  const ProgramResult text = desk.run(arguments);
  EXPECT_EQ(text.exit_status, 4) << text.errors;
  EXPECT_EQ(text.output, "");
  expect_words(text, desk,
               {"401", "at: {endpoint}", "check the key", "perdure doctor", "perdure resume"});
  EXPECT_FALSE(holds(text.errors, "wrong-key"));
  arguments.insert(arguments.begin() + 1, {"--output", "json"});
  const Json record = record_of(desk.run(arguments));
  EXPECT_EQ(record["outcome"], "endpoint_permanent");
  EXPECT_EQ(record["error"]["code"], "key_rejected");
  desk.set("MOONSHOT_API_KEY", "right");
  expect_done(desk.run({"resume", record["run"].get<std::string>()}));
}

// A port that was free a moment ago.
std::string closed_endpoint() {
  const Desk gone;
  return gone.base_url();
}

TEST(ProgramBadInput, an_endpoint_that_cannot_be_reached_ends_the_run_for_now) {
  Desk desk;
  desk.root().write("config/perdure/config.toml", "attempts_max = 1\n");
  desk.set("PERDURE_HOST", "mock");
  const std::string closed = closed_endpoint();
  const ProgramResult text = desk.run({"run", "--base-url", closed, "Go."});
  EXPECT_EQ(text.exit_status, 75) << text.errors;
  EXPECT_EQ(text.output, "");
  expect_words(text, desk, {"connect", "at: " + closed, "perdure doctor", "perdure resume"});
  const Json record = record_of(desk.run({"run", "--output", "json", "--base-url", closed, "Go."}));
  EXPECT_EQ(record["outcome"], "endpoint_temporary");
  EXPECT_EQ(record["error"]["code"], "network");
  expect_done(desk.run({"resume", record["run"].get<std::string>(), "--base-url", "{endpoint}"}));
}

// A tool that says that it began and waits at a gate; what only reads runs again after a death.
constexpr std::string_view kWaiting = R"(
[[tools.command]]
name = "wait"
description = "Waits."
argv = ["/bin/sh", "-c", "echo here > begun; cat gate"]
effect = "read"
)";

TEST(ProgramBadInput, the_second_of_two_resumes_is_told_who_the_first_is) {
  Desk desk("[[reply]]\n[[reply.call]]\nname = 'wait'\n[[reply]]\ntext = 'Done.'\n");
  desk.use_endpoint();
  desk.root().write("config/perdure/a.toml", kWaiting);
  for (const char* name : {"work/begun", "work/gate"}) {
    ASSERT_EQ(::mkfifo(desk.place(name).c_str(), 0600), 0);
  }
  const Descriptor begun(::open(desk.place("work/begun").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  const auto wait_until_begun = [&] {
    pollfd ready{.fd = begun.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&ready, 1, 60'000), 1) << "the tool began";
    char line[8];
    EXPECT_GT(::read(begun.get(), line, sizeof line), 0);
  };
  {
    RunningProgram program(desk.options({"run", "--agent", "{root}/config/perdure/a.toml", "Go."}));
    wait_until_begun();
    program.signal(SIGKILL);
    program.wait();
  }
  RunningProgram first(desk.options({"resume", "last"}));
  wait_until_begun();
  const std::string holder = "is being written by process " + std::to_string(first.pid());
  const ProgramResult second = desk.run({"resume", "last"});
  EXPECT_EQ(second.exit_status, 74) << second.errors;
  EXPECT_EQ(second.output, "");
  expect_words(second, desk, {holder, "wait for that process"});
  EXPECT_EQ(record_of(desk.run({"resume", "last", "--output", "json"}))["error"]["code"], "locked");

  {
    const Descriptor gate(::open(desk.place("work/gate").c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_TRUE(write_all(gate.get(), "open\n").ok());
  }
  expect_done(first.wait());
  EXPECT_EQ(desk.statistics().refused, 0);
}

// The disk fills up in the middle of a run: nothing more is done, and with room again it goes on.
TEST(ProgramBadInput, a_full_disk_stops_the_run_until_there_is_room) {
  const SmallDisk disk(1 << 20);
  if (!disk.mounted()) GTEST_SKIP() << disk.why_not();
  Desk desk(R"(
[[reply]]
[[reply.call]]
name = "fill"
[[reply]]
repeat = 100
[[reply.call]]
name = "count"
[reply.call.arguments]
text = "{n}"
[[reply]]
text = "Done."
)");
  desk.use_endpoint();
  desk.root().write("config/perdure/a.toml", R"(
[[tools.command]]
name = "fill"
description = "Takes all space."
argv = ["/bin/sh", "-c", "head -c 2000000 /dev/zero > )" +
                                                 disk.path() + R"(/filler; true"]
effect = "additive"
[[tools.command]]
name = "count"
description = "Says how far it is."
argv = ["/bin/echo", "--", "{text}"]
effect = "read"
[tools.command.parameters]
type = "object"
properties.text.type = "string"
)");
  const std::string state = disk.path() + "/state";
  const ProgramResult full = desk.run({"run", "--agent", "{root}/config/perdure/a.toml", "--state",
                                       state, "--output", "json", "Go."});
  EXPECT_EQ(full.exit_status, 74) << full.output << full.errors;
  const Json record = record_of(full);
  EXPECT_EQ(record["outcome"], "store_failed");
  EXPECT_EQ(record["error"]["code"], "store_full");
  EXPECT_PRED2(holds, record["error"]["advice"].get<std::string>(), "free some space");
  EXPECT_LT(record["steps"], 102);

  // Still full: said again, as text.
  const ProgramResult again = desk.run({"resume", "last", "--state", state});
  EXPECT_EQ(again.exit_status, 74) << again.errors;
  EXPECT_EQ(again.output, "");
  expect_words(again, desk, {"full", "free some space"});

  disk.free_space();
  // More room than before, as a person would make: the rest of the run needs some.
  const TemporaryDirectory roomy;
  fs::copy(state, roomy.path(), fs::copy_options::recursive);
  expect_done(desk.run({"resume", "last", "--state", roomy.path()}));
  EXPECT_EQ(desk.statistics().refused, 0);
}

// --- Without the right to write ---

// The program as a user who is nobody: root may write everywhere. The program is copied to where
// nobody can reach it.
class Nobody {
 public:
  explicit Nobody(Desk& desk) : desk_(desk) {
    fs::permissions(desk.root().path(), fs::perms(0755));
    if (::geteuid() == 0) fs::copy_file(PERDURE_PROGRAM, desk.place("perdure"));
  }

  ProgramResult run(std::vector<std::string> arguments) const {
    ProgramOptions options = desk_.options(std::move(arguments));
    if (::geteuid() != 0) return run_program(options);
    options.program = "/usr/bin/setpriv";
    options.arguments.insert(options.arguments.begin(), {"--reuid=65534", "--regid=65534",
                                                         "--clear-groups", desk_.place("perdure")});
    return run_program(options);
  }

 private:
  Desk& desk_;
};

TEST(ProgramBadInput, a_workspace_that_cannot_be_written_is_refused_for_an_agent_that_writes) {
  Desk desk;
  desk.use_endpoint();
  const Nobody nobody(desk);
  fs::create_directories(desk.place("state"));
  fs::permissions(desk.place("state"), fs::perms(0777));
  fs::permissions(desk.place("work"), fs::perms(0555));
  const ProgramResult refused = nobody.run({"run", "Go."});
  EXPECT_EQ(refused.exit_status, 2) << refused.errors;
  EXPECT_EQ(refused.output, "");
  expect_words(refused, desk,
               {"the workspace cannot be written", "at: {root}/work",
                "change its permissions, or give the agent only reading tools"});
  EXPECT_EQ(record_of(nobody.run({"run", "--output", "json", "Go."}))["error"]["code"],
            "workspace");
  desk.root().write("config/perdure/config.toml", "[tools]\nbuiltin = ['read_file']\n");
  fs::permissions(desk.place("config/perdure/config.toml"), fs::perms(0644));
  expect_done(nobody.run({"run", "Go."}));
  fs::permissions(desk.place("work"), fs::perms(0755));
}

TEST(ProgramBadInput, a_state_folder_that_cannot_be_written_keeps_a_run_from_beginning) {
  Desk desk;
  desk.use_endpoint();
  const Nobody nobody(desk);
  fs::create_directories(desk.place("state"));
  fs::permissions(desk.place("state"), fs::perms(0555));
  fs::permissions(desk.place("work"), fs::perms(0777));
  const ProgramResult refused = nobody.run({"run", "Go."});
  EXPECT_EQ(refused.exit_status, 74) << refused.errors;
  EXPECT_EQ(refused.output, "");
  expect_words(refused, desk,
               {"Permission denied", "at: {root}/state/perdure",
                "check the permissions of the state folder, or choose another"});
  EXPECT_EQ(record_of(nobody.run({"run", "--output", "json", "Go."}))["error"]["code"], "store");
  EXPECT_EQ(desk.statistics().requests, 0) << "nothing is done that cannot be kept";
  fs::permissions(desk.place("state"), fs::perms(0755));
}

}  // namespace
}  // namespace perdure
