#include "tools/command_tool.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "json/parse.h"
#include "tests/support/tool_bench.h"

namespace perdure {
namespace {

CommandTool command_of(std::vector<std::string> argv) {
  return {.spec = {.name = "tool",
                   .description = "",
                   .parameters = json::literal(R"({"type":"object","properties":{
                       "name":{"type":"string"},"count":{"type":"integer"},
                       "more":{"type":"array"},"flag":{"type":"boolean"},
                       "deep":{"type":"object"}}})"),
                   .effect = EffectClass::kRead},
          .argv = std::move(argv),
          .directory = "/agents/on-call"};
}

// The words in brackets, or the error.
std::string filled(std::vector<std::string> argv, std::string_view arguments) {
  const Result<std::vector<std::string>> words =
      fill_argv(command_of(std::move(argv)), json::literal(arguments));
  if (!words.ok()) return words.error().message;
  std::string text;
  for (const std::string& word : *words) text += "[" + word + "]";
  return text;
}

TEST(CommandTool, FillsTheTemplate) {
  struct Case {
    std::vector<std::string> argv;
    const char* arguments;
    const char* words;
  };
  const Case cases[] = {
      {{"p", "{name}"}, R"({"name":"a b"})", "[p][a b]"},
      {{"p", "{name}"}, R"({"name":"$(id); `id` 'x' \"y\" *"})", "[p][$(id); `id` 'x' \"y\" *]"},
      {{"p", "{name}"}, R"({"name":""})", "[p][]"},
      {{"p", "{name}"}, R"({})", "[p]"},
      {{"p", "{name}"}, R"({"name":null})", "[p]"},
      {{"p", "--name={name}"}, R"({"name":"x"})", "[p][--name=x]"},
      {{"p", "{count}", "{flag}", "{deep}"},
       R"({"count":-3,"flag":true,"deep":{"a":[1]}})",
       R"([p][-3][true][{"a":[1]}])"},
      {{"p", "{more}", "end"}, R"({"more":["a","b c",3]})", "[p][a][b c][3][end]"},
      {{"p", "{more}", "end"}, R"({"more":[]})", "[p][end]"},
      {{"p", "{name}-{count}"}, R"({"name":"x","count":2})", "[p][x-2]"},
      {{"{agent_dir}/run", "{agent_dir}"}, R"({})", "[/agents/on-call/run][/agents/on-call]"},
      // What a value holds is never a template itself.
      {{"p", "{name}", "{name}/x"},
       R"({"name":"{agent_dir}{count}","count":1})",
       "[p][{agent_dir}{count}][{agent_dir}{count}/x]"},
      // Braces that are no placeholder are text.
      {{"p", "{", "}", "{}", "{a b}", "{{name}}"}, R"({"name":"x"})", "[p][{][}][{}][{a b}][{x}]"},
  };
  for (const Case& row : cases) EXPECT_EQ(filled(row.argv, row.arguments), row.words);
}

TEST(CommandTool, A49AnOperandIsNeverAnOption) {
  const std::string refused =
      "'name' must not begin with '-': the program would take it for an option";
  struct Case {
    std::vector<std::string> argv;
    const char* arguments;
    std::string expected;
  };
  const Case cases[] = {
      {{"p", "{name}"}, R"({"name":"-rf"})", refused},
      {{"p", "{name}"}, R"({"name":"--output=/x"})", refused},
      {{"p", "{name}"}, R"({"name":"-"})", refused},
      {{"p", "{name}"}, R"({"name":"--"})", refused},
      {{"p", "{name}.txt"}, R"({"name":"--pre=sh"})", refused},
      {{"p", "{name}{count}"}, R"({"name":"-n","count":1})", refused},
      {{"p", "{more}"},
       R"({"more":["a","--pre=sh"]})",
       "'more' must not begin with '-': the program would take it for an option"},
      // Where the template ends the options, or is one itself, nothing is taken for one.
      {{"p", "--", "{name}"}, R"({"name":"-rf"})", "[p][--][-rf]"},
      {{"p", "--", "{name}.txt"}, R"({"name":"-rf"})", "[p][--][-rf.txt]"},
      {{"p", "--name={name}"}, R"({"name":"-rf"})", "[p][--name=-rf]"},
      {{"p", "-{name}"}, R"({"name":"-rf"})", "[p][--rf]"},
      {{"p", "{more}", "{name}"},
       R"({"more":["--"],"name":"-rf"})",
       "'more' must not begin with '-': the program would take it for an option"},
  };
  for (const Case& row : cases) EXPECT_EQ(filled(row.argv, row.arguments), row.expected);
}

TEST(CommandTool, ANulIsRefused) {
  EXPECT_EQ(filled({"p", "{name}"}, R"({"name":"a\u0000b"})"), "an argument holds a NUL character");
  EXPECT_EQ(filled({"p", "x={name}"}, R"({"name":"\u0000"})"), "an argument holds a NUL character");
}

TEST(CommandTool, ATemplateThatCannotWorkIsRefusedAtOnce) {
  struct Case {
    std::vector<std::string> argv;
    const char* message;
    const char* advice;
  };
  const Case cases[] = {
      {{}, "the command of tool 'tool' is empty", ""},
      {{""}, "the command of tool 'tool' is empty", ""},
      {{"p", "{nmae}"},
       "the command of tool 'tool' uses {nmae}, which is no property of its parameters",
       "did you mean {name}?"},
      {{"p", "x={other}"},
       "the command of tool 'tool' uses {other}, which is no property of its parameters",
       "properties: count, deep, flag, more, name"},
      {{"{name}", "x"},
       "the program of tool 'tool' is {name}: a model must not choose it",
       "name the program, or one tool for each"},
      {{"/bin/{name}"},
       "the program of tool 'tool' is {name}: a model must not choose it",
       "name the program, or one tool for each"},
  };
  for (const Case& row : cases) {
    const Result<Tool> tool = make_command_tool(command_of(row.argv));
    ASSERT_FALSE(tool.ok()) << row.message;
    EXPECT_EQ(tool.error().code, ErrorCode::kConfig);
    EXPECT_EQ(tool.error().message, row.message);
    EXPECT_EQ(tool.error().advice, row.advice);
  }
}

// --- Run for real ---

class CommandToolRun : public testing::Test {
 protected:
  void add(CommandTool command) {
    command.directory = bench_.around().path();
    Result<Tool> tool = make_command_tool(command);
    ASSERT_TRUE(tool.ok()) << to_text(tool.error());
    ASSERT_TRUE(bench_.add(std::move(*tool)).ok());
  }
  test::ToolBench bench_;
};

TEST_F(CommandToolRun, RunsInTheWorkspaceWithoutAShell) {
  add(command_of({"sh", "-c", "pwd -P; printf '[%s]' \"$@\"", "sh", "{name}", "{more}"}));
  EXPECT_EQ(bench_.answer("tool", R"({"name":"$HOME; x","more":[1,"b"]})"),
            bench_.path() + "\n[$HOME; x][1][b]");
}

TEST_F(CommandToolRun, ProgramsOfTheAgentsFolderAreFound) {
  bench_.around().write("check.sh", "#!/bin/sh\necho checked $1\n");
  std::filesystem::permissions(bench_.around().path() + "/check.sh",
                               std::filesystem::perms::owner_all);
  add(command_of({"{agent_dir}/check.sh", "{name}"}));
  EXPECT_EQ(bench_.answer("tool", R"({"name":"checkout"})"), "checked checkout\n");
}

TEST_F(CommandToolRun, GetsItsArgumentsAsJsonWhenItAsksFor) {
  CommandTool command = command_of({"cat"});
  command.input = CommandInput::kJson;
  add(command);
  EXPECT_EQ(bench_.answer("tool", R"({"name":"ä\n","count":2})"),
            "{\"count\":2,\"name\":\"ä\\n\"}\n");
}

TEST_F(CommandToolRun, NothingOnItsInputOtherwise) {
  add(command_of({"sh", "-c", "readlink /proc/self/fd/0; cat"}));
  EXPECT_EQ(bench_.answer("tool", "{}"), "/dev/null\n");
}

TEST_F(CommandToolRun, TheIdempotencyKeyIsInItsEnvironmentAndNoOther) {
  add(command_of({"sh", "-c", "env | grep -c KEY; echo $PERDURE_IDEMPOTENCY_KEY"}));
  EXPECT_EQ(bench_.answer("tool", "{}"), "1\nkey-of-the-call\n");
}

TEST_F(CommandToolRun, StandardErrorSaysWhyItFailed) {
  add(command_of({"sh", "-c", "echo out; echo why >&2; exit $1", "sh", "{count}"}));
  EXPECT_EQ(bench_.answer("tool", R"({"count":0})"), "out\n");
  EXPECT_EQ(bench_.answer("tool", R"({"count":3})"), "error: [exit status 3]\nout\nwhy\n");
}

TEST_F(CommandToolRun, EndsAtItsDeadline) {
  CommandTool command = command_of({"sleep", "600"});
  command.spec.timeout_ms = 200;
  add(command);
  EXPECT_EQ(bench_.answer("tool", "{}").rfind("timeout: [stopped at its deadline after", 0), 0u);
}

TEST_F(CommandToolRun, AProgramThatIsNotThereIsAResult) {
  add(command_of({"no-such-program", "{name}"}));
  EXPECT_EQ(bench_.answer("tool", "{}"),
            "error: Error: cannot run 'no-such-program': no such program in PATH");
}

TEST_F(CommandToolRun, APersonIsShownTheExactCommand) {
  CommandTool command = command_of({"page", "--to", "{name}"});
  command.input = CommandInput::kJson;
  add(command);
  EXPECT_EQ(bench_.preview("tool", R"({"name":"a b"})"),
            "page --to 'a b'\n{\n  \"name\": \"a b\"\n}");
  EXPECT_EQ(bench_.preview("tool", R"({"name":"-x"})"),
            "'name' must not begin with '-': the program would take it for an option");
}

}  // namespace
}  // namespace perdure
