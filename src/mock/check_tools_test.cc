#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/mock_requests.h"

namespace perdure::mock {
namespace {

std::string tool(std::string_view name, std::string_view more = "") {
  return fmt::format(R"({{"type":"function","function":{{"name":"{}"{}}}}})", name, more);
}

std::string with_tools(std::string_view tools, std::string_view fields = "",
                       std::string_view model = "kimi-k2.6") {
  return chat_of(kHello, fmt::format(R"("tools":[{}],{})", tools, fields), model);
}

// One function whose parameters have this one property.
std::string with_property(std::string_view schema) {
  return with_tools(tool(
      "f", fmt::format(R"(,"parameters":{{"type":"object","properties":{{"x":{}}}}})", schema)));
}

std::string with_parameters(std::string_view schema) {
  return with_tools(tool("f", fmt::format(R"(,"parameters":{})", schema)));
}

TEST(CheckTools, ChecksDeclarations) {
  std::string too_many;
  for (int i = 0; i < 129; ++i) too_many += (i > 0 ? "," : "") + tool("f" + std::to_string(i));
  const RuleCase cases[] = {
      {"good", with_tools(tool("read_file", R"(,"description":"Reads.","strict":true)")), ""},
      {"names", with_tools(tool("_A-z9") + "," + tool("b")), ""},
      {"a name of 256", with_tools(tool(std::string(256, 'a'))), ""},
      {"a name of 257", with_tools(tool(std::string(257, 'a'))), "function name is invalid"},
      {"an empty name", with_tools(tool("")), "function name is invalid"},
      {"a name with a dot", with_tools(tool("a.b")), "(tools[0].function.name is \"a.b\")"},
      {"a name that begins with a digit", with_tools(tool("1a")), "function name is invalid"},
      {"a dollar", with_tools(tool("$web_search")), "function name is invalid"},
      {"a built-in", with_tools(R"({"type":"builtin_function","function":{"name":"$web_search"}})"),
       ""},
      {"a name twice", with_tools(tool("a") + "," + tool("b") + "," + tool("a")),
       "Invalid request: function name a is duplicated (tools[2])"},
      {"another type", with_tools(R"({"type":"tool","function":{"name":"a"}})"),
       "tools[0].type must be function"},
      {"an unknown field", with_tools(R"({"type":"function","fn":1,"function":{"name":"a"}})"),
       "tools[0] has the unknown field \"fn\""},
      {"an unknown field of a function", with_tools(tool("a", R"(,"params":{})")),
       "tools[0].function has the unknown field \"params\""},
      {"a description that is none", with_tools(tool("a", R"(,"description":1)")),
       "description must be a string"},
      {"strict that is no truth value", with_tools(tool("a", R"(,"strict":"no")")),
       "strict must be"},
      {"129 tools", with_tools(too_many), "129 tools, at most 128 are allowed"},
  };
  EXPECT_EQ(wrong_answers(cases), "");
}

TEST(CheckTools, ChecksChoice) {
  const std::string off = R"("thinking":{"type":"disabled"},)";
  const std::string required = R"("tool_choice":"required",)";
  const std::string named = R"("tool_choice":{"type":"function","function":{"name":"a"}},)";
  const std::string a = tool("a");
  const RuleCase cases[] = {
      {"auto", with_tools(a, R"("tool_choice":"auto",)"), ""},
      {"none without tools", chat_of(kHello, R"("tool_choice":"none",)"), ""},
      {"another word", with_tools(a, R"("tool_choice":"any",)"), "tool_choice \"any\" is unknown"},
      {"another shape", with_tools(a, R"("tool_choice":{"name":"a"},)"),
       "tool_choice must be auto"},
      {"a name that is no tool",
       with_tools(a, R"("tool_choice":{"type":"function","function":{"name":"b"}},)"),
       "tool_choice names the function \"b\", which is not in tools"},
      {"required without tools", chat_of(kHello, off + required), "'required' needs tools"},
      {"required with thinking", with_tools(a, required),
       "Invalid request: tool_choice 'required' is incompatible with thinking enabled"},
      {"named with thinking", with_tools(a, named),
       "Invalid request: tool_choice 'specified' is incompatible with thinking enabled"},
      {"required without thinking", with_tools(a, off + required), ""},
      {"named without thinking", with_tools(a, off + named), ""},
      {"k2.7-code", with_tools(a, required, "kimi-k2.7-code"),
       "incompatible with thinking enabled"},
      {"k3 required", with_tools(a, required, "kimi-k3"), ""},
      {"k3 named", with_tools(a, named, "kimi-k3"), "tool_choice 'specified' is not supported"},
      {"instruct", with_tools(a, named, "kimi-k2-instruct"), ""},
  };
  EXPECT_EQ(wrong_answers(cases), "");
}

TEST(CheckTools, ChecksSchemas) {
  const std::string start =
      "Invalid request: tools.function.parameters is not a valid moonshot flavored json schema, "
      "details: <At path '";
  const std::string type_missing = ": type is not defined> (tools[0], function f)";
  const RuleCase cases[] = {
      {"no parameters", with_tools(tool("f")), ""},
      {"empty parameters", with_parameters("{}"), ""},
      {"no object", with_parameters("[]"), "tools.function.parameters must be an object"},
      {"no type at the root", with_parameters(R"({"properties":{}})"),
       "tools.function.parameters.type is required and must be \"object\""},
      {"another type at the root", with_parameters(R"({"type":"array"})"),
       "tools.function.parameters.type is required and must be \"object\""},
      {"a property without a type", with_property(R"({"enum":["a"]})"),
       start + "properties.x'" + type_missing},
      {"an empty property", with_property("{}"), start + "properties.x'" + type_missing},
      {"a property that is no object", with_property("true"),
       start + "properties.x'" + type_missing},
      {"a nested property", with_property(R"({"type":"object","properties":{"y":{"minimum":1}}})"),
       start + "properties.x.properties.y'" + type_missing},
      {"items without a type", with_property(R"({"type":"array","items":{"enum":[1]}})"),
       start + "properties.x.items'" + type_missing},
      {"items in a list", with_property(R"({"type":"array","items":[{"type":"string"}]})"),
       start + "properties.x.items': items must be an object"},
      {"type beside anyOf", with_property(R"({"type":"string","anyOf":[{"type":"string"}]})"),
       start + "properties.x': when using anyOf, type should be defined in anyOf items instead of "
               "the parent schema"},
      {"anyOf beside type at the root",
       with_parameters(R"({"type":"object","anyOf":[{"type":"object"}]})"),
       start + "root': when using anyOf"},
      {"a mistake in a branch",
       with_property(R"({"anyOf":[{"type":"null"},{"type":"object","properties":{"z":{}}}]})"),
       start + "properties.x.anyOf{1}.properties.z'" + type_missing},
      {"a branch without a type",
       with_property(R"({"anyOf":[{"type":"null"},{"description":"any"}]})"), ""},
      {"an empty anyOf", with_property(R"({"anyOf":[]})"), "anyOf must be an array"},
      {"type beside $ref", with_property(R"({"type":"object","$ref":"#"})"),
       start + "properties.x': when using $ref, type should be defined in the referenced schema"},
      {"a reference out of $defs", with_property(R"({"$ref":"#/properties/y"})"),
       start + "properties.x.$ref': references must start with #/$defs/"},
      {"a remote reference", with_property(R"({"$ref":"https://example.com/s"})"),
       start + "properties.x.$ref': references must start with #/$defs/"},
      {"a reference to nothing", with_property(R"({"$ref":"#/$defs/y"})"),
       "invalid $ref path: #/$defs/y"},
      {"another type", with_property(R"({"type":"text"})"), start + "properties.x': invalid type"},
      {"a required name that is none",
       with_parameters(R"({"type":"object","properties":{},"required":["q"]})"),
       start + "required': property \"q\" is not defined in properties"},
      {"a mistake in $defs",
       with_parameters(R"({"type":"object","properties":{},"$defs":{"d":{"minimum":1}}})"),
       start + "$defs.d'" + type_missing},
      {"all that is good",
       with_parameters(R"({"type":"object","required":["a"],"additionalProperties":false,
         "properties":{"a":{"type":["string","null"],"description":"A."},"b":{"$ref":"#/$defs/n"},
         "c":{"anyOf":[{"type":"integer","enum":[1,2]},{"type":"null"}]},"d":{"$ref":"#"},
         "e":{"type":"array","items":{"type":"number","default":1}}},
         "$defs":{"n":{"type":"object","properties":{"v":{"type":"boolean"}}}}})"),
       ""},
      {"not checked when not strict",
       with_tools(
           tool("f", R"(,"strict":false,"parameters":{"type":"object","properties":{"x":{}}})")),
       ""},
  };
  EXPECT_EQ(wrong_answers(cases), "");
}

TEST(CheckTools, LeavesSchemasOfOtherDialectsAlone) {
  const RuleCase cases[] = {
      {"a schema", with_property("{}"), ""},
      {"a choice", with_tools(tool("a"), R"("tool_choice":"required",)"), ""},
  };
  EXPECT_EQ(wrong_answers(cases, "dialect = 'vllm'\n"), "");
}

TEST(CheckTools, TakesToolsOfSystemMessagesWhereTheModelDoes) {
  const std::string declared =
      std::string(kHello) + R"(,{"role":"system","tools":[)" + tool("late") + "]}";
  const RuleCase cases[] = {
      {"k3", chat_of(declared, "", "kimi-k3"), ""},
      {"k3 twice", chat_of(declared, R"("tools":[)" + tool("late") + "],", "kimi-k3"),
       "function name late is duplicated (messages[1].tools[0])"},
      {"k3 with content",
       chat_of(
           std::string(kHello) + R"(,{"role":"system","content":"x","tools":[)" + tool("a") + "]}",
           "", "kimi-k3"),
       "a system message with tools must have no content (messages[1])"},
      {"k2.6", chat_of(declared), "unknown field \"tools\" of a message"},
  };
  EXPECT_EQ(wrong_answers(cases), "");
}

}  // namespace
}  // namespace perdure::mock
