#include "tools/registry.h"

#include <set>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "json/parse.h"
#include "tools/builtin/arguments.h"

namespace perdure {
namespace {

constexpr std::string_view kPageSchema = R"({"type":"object","properties":{
    "service":{"type":"string","enum":["checkout","payments"]},
    "severity":{"type":"integer","minimum":1,"maximum":5},
    "notes":{"type":"array","items":{"type":"object","properties":{"text":{"type":"string"}},
        "required":["text"]}}},
    "required":["service","severity"],"additionalProperties":false})";

Tool tool_of(const std::string& name, std::string_view schema,
             EffectClass effect = EffectClass::kDestructive) {
  return {.spec = {.name = name, .parameters = json::literal(schema), .effect = effect},
          .body = ToolBody([](const Json&, CallContext&) { return ToolOutcome{.text = "done"}; })};
}

class RegistryTest : public testing::Test {
 protected:
  RegistryTest() {
    add(tool_of("page_engineer", kPageSchema));
    add(tool_of("look", R"({"type":"object"})", EffectClass::kRead));
    add(tool_of("look_at", R"({"type":"object","required":["x"]})", EffectClass::kRead));
    Tool file = tool_of("touch", R"({"type":"object","properties":{"path":{"type":"string"}}})");
    file.scope = writing_scope;
    add(std::move(file));
  }
  void add(Tool tool) {
    const Status added = registry_.add(std::move(tool));
    EXPECT_TRUE(added.ok());
  }
  PreparedCall prepare(const std::string& name, const std::string& arguments) const {
    return registry_.prepare({.id = "x", .name = name, .arguments = arguments}, "/work");
  }
  // What the model reads of a call that cannot run; empty for one that can.
  std::string problem(const std::string& name, const std::string& arguments) const {
    const PreparedCall call = prepare(name, arguments);
    EXPECT_EQ(call.tool == nullptr, call.assessment.problem.has_value());
    return call.assessment.problem ? failure(*call.assessment.problem).text : "";
  }

  Registry registry_;
};

TEST_F(RegistryTest, RefusesToolsThatCannotBeOffered) {
  struct Case {
    const char* name;
    const char* schema;
    const char* message;
  };
  const Case cases[] = {
      {"look", R"({"type":"object"})", "there are two tools named 'look'"},
      {"a b", R"({"type":"object"})", "a b"},
      {"", R"({"type":"object"})", ""},
      {"1st", R"({"type":"object"})", "1st"},
      {"list", R"({"type":"array"})",
       "the parameters of tool 'list' must be a schema of type object"},
      {"text", R"("object")", "the parameters of tool 'text' must be a schema of type object"},
      {"bad", R"({"type":"object","properties":{"a":{"type":"strnig"}}})",
       "the parameters of tool 'bad' are not a JSON Schema"},
      {"pattern", R"({"type":"object","properties":{"a":{"pattern":"("}}})",
       "the parameters of tool 'pattern' are not a JSON Schema"},
  };
  for (const Case& row : cases) {
    const Status added = registry_.add(tool_of(row.name, row.schema));
    ASSERT_FALSE(added.ok()) << row.name;
    EXPECT_EQ(added.error().code, ErrorCode::kConfig) << row.name;
    EXPECT_NE(added.error().message.find(row.message), std::string::npos) << added.error().message;
  }
  EXPECT_EQ(registry_.tools().size(), 4u);
}

TEST_F(RegistryTest, S3AnUnknownToolIsAResultWithTheNearNames) {
  EXPECT_EQ(problem("page_enginer", "{}"),
            "Error: there is no tool named 'page_enginer'\nDid you mean 'page_engineer'? The tools "
            "are: page_engineer, look, look_at, touch.");
  EXPECT_EQ(problem("frobnicate", "{}"),
            "Error: there is no tool named 'frobnicate'\nThe tools are: page_engineer, look, "
            "look_at, touch.");
  EXPECT_EQ(prepare("frobnicate", "{}").assessment.problem->code, ErrorCode::kUnknownTool);
  EXPECT_EQ(prepare("frobnicate", "{}").assessment.effect, EffectClass::kDestructive);
}

TEST_F(RegistryTest, S2ArgumentsThatDoNotParseAreAResult) {
  const char* cases[] = {
      R"({"service":"checkout","severity":)",     // cut
      R"({"service":"checkout","severity":1}})",  // one brace too many (fault N67)
      "```json\n{\"service\":\"checkout\",\"severity\":1}\n```",
      R"({'service': 'checkout', 'severity': 1})",  // Python
      R"(Sure! {"service":"checkout","severity":1})",
      "{\"service\":\"check\xff\",\"severity\":1}",
      R"({"service":"checkout","severity":NaN})",
      "\x01",
  };
  for (const char* arguments : cases) {
    const PreparedCall call = prepare("page_engineer", arguments);
    ASSERT_TRUE(call.assessment.problem.has_value()) << arguments;
    EXPECT_EQ(call.assessment.problem->code, ErrorCode::kInvalidArguments) << arguments;
    EXPECT_EQ(call.tool, nullptr) << arguments;
  }
  // The model sees what it sent, where it is wrong, and what to do.
  const std::string text = problem("page_engineer", "{\"service\":\x1b[2J");
  EXPECT_NE(text.find("You sent: {\"service\":\\x1b[2J\nSend the call again with complete, valid "
                      "JSON."),
            std::string::npos)
      << text;
}

TEST_F(RegistryTest, ManyBytesOfWrongArgumentsAreShownInPart) {
  const std::string text = problem("page_engineer", "{\"service\":\"" + std::string(100'000, 'x'));
  EXPECT_LT(text.size(), 1'000u);
  EXPECT_LT(
      prepare("look", "{\"a\":\"" + std::string(100'000, 'x') + "\"}").assessment.summary.size(),
      300u);
}

TEST_F(RegistryTest, DeepNestingIsRefused) {
  const std::string deep =
      "{\"service\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  EXPECT_NE(problem("page_engineer", deep), "");
}

TEST_F(RegistryTest, EmptyArgumentsStandForNoneOnlyWhereNothingCanGoWrong) {
  // Fault N66.
  EXPECT_EQ(problem("look", ""), "");
  EXPECT_EQ(problem("look", " \n"), "");
  EXPECT_EQ(*prepare("look", "").arguments, Json::object());
  EXPECT_EQ(problem("look_at", ""),
            "Error: the call has no arguments\nSend the arguments as a JSON object.");
  EXPECT_EQ(problem("touch", ""),
            "Error: the call has no arguments\nSend the arguments as a JSON object.");
  EXPECT_EQ(problem("look", "null"), "Error: the arguments must be a JSON object, not null");
  EXPECT_EQ(problem("look", "[]"), "Error: the arguments must be a JSON object, not array");
}

TEST_F(RegistryTest, ArgumentsThatWereEncodedTwiceAreDecodedOnlyWhereNothingCanGoWrong) {
  // Fault N66.
  EXPECT_EQ(problem("look_at", R"("{\"x\":1}")"), "");
  EXPECT_EQ(*prepare("look_at", R"("{\"x\":1}")").arguments, Json({{"x", 1}}));
  EXPECT_NE(problem("look_at", R"("\"{}\"")"), "");
  EXPECT_NE(problem("look_at", R"("checkout")"), "");
  EXPECT_EQ(problem("page_engineer", R"("{\"service\":\"checkout\",\"severity\":1}")"),
            "Error: the arguments must be a JSON object, not string\n"
            "Send the object itself, not its text inside of a string.");
}

TEST_F(RegistryTest, AViolationNamesPathRuleAndWhatWasExpected) {
  struct Case {
    const char* arguments;
    std::set<std::string> words;
  };
  const Case cases[] = {
      {R"({"severity":1})", {"service", "required"}},
      {R"({"service":"checkout","severity":"high"})", {"/severity", "integer", "string"}},
      {R"({"service":"checkout","severity":9})", {"/severity", "5"}},
      {R"({"service":"search","severity":1})", {"/service", "checkout", "payments"}},
      {R"({"service":"checkout","severity":1,"extra":2})", {"extra"}},
      {R"({"service":"checkout","severity":1,"notes":[{"text":"a"},{}]})", {"/notes/1", "text"}},
  };
  for (const Case& row : cases) {
    const std::string text = problem("page_engineer", row.arguments);
    EXPECT_EQ(text.rfind("Error: the arguments do not fit the schema of page_engineer:\n- ", 0), 0u)
        << text;
    for (const std::string& word : row.words) {
      EXPECT_NE(text.find(word), std::string::npos) << word << " in: " << text;
    }
  }
}

TEST_F(RegistryTest, ManyViolationsAreNamedUpToALimit) {
  std::string notes;
  for (int i = 0; i < 1'000; ++i) notes += i == 0 ? "{}" : ",{}";
  const std::string text =
      problem("page_engineer", R"({"service":"checkout","severity":1,"notes":[)" + notes + "]}");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5) << text;
}

TEST_F(RegistryTest, TheHashIsThatOfTheMeaning) {
  const auto hash = [&](const char* name, const char* arguments) {
    return prepare(name, arguments).assessment.hash;
  };
  EXPECT_EQ(hash("look", R"({"a":1,"b":2})"), hash("look", R"({ "b" : 2, "a" : 1 })"));
  EXPECT_NE(hash("look", R"({"a":1})"), hash("look", R"({"a":2})"));
  EXPECT_NE(hash("look", R"({"a":1})"), hash("touch", R"({"a":1})"));
  // Name and arguments do not run into each other.
  EXPECT_NE(hash("look", "x"), hash("loo", "kx"));
}

TEST_F(RegistryTest, TheScopeSaysWhatACallTouches) {
  const Assessment writes = prepare("touch", R"({"path":"a//./b/../c"})").assessment;
  EXPECT_EQ(writes.writes, std::vector<std::string>{"a/c"});
  EXPECT_FALSE(writes.exclusive);
  EXPECT_EQ(prepare("touch", R"({"path":"../x"})").assessment.problem->code,
            ErrorCode::kPathEscape);
  // Of a tool that declares nothing nobody knows: alone, unless it only reads.
  EXPECT_TRUE(
      prepare("page_engineer", R"({"service":"checkout","severity":1})").assessment.exclusive);
  EXPECT_FALSE(prepare("look", "{}").assessment.exclusive);
}

TEST_F(RegistryTest, SummariesAreForATerminal) {
  EXPECT_EQ(prepare("look", "{\"a\":\"x\\u001b[2J\\ny\"}").assessment.summary,
            "look {\"a\":\"x\\u001b[2J\\ny\"}");
  EXPECT_EQ(prepare("look", "{\n\"a\":\"\xe2\x80\xae\"}").assessment.summary,
            "look {\\n\"a\":\"\\u{202e}\"}");
}

}  // namespace
}  // namespace perdure
