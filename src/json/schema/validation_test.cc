// Hostile schemas and values: everything ends, nothing is accepted by giving up.
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "json/schema/schema.h"

namespace perdure {
namespace {

// A value inside of so many arrays, whatever json::parse would say.
Json nested(std::size_t depth) {
  Json value = 1;
  for (std::size_t i = 0; i < depth; ++i) {
    Json outer = Json::array();
    outer.push_back(std::move(value));
    value = std::move(outer);
  }
  return value;
}

std::string limit(const Json& schema, const Json& value) {
  const Result<Schema> compiled = Schema::compile(schema);
  if (!compiled.ok()) return to_text(compiled.error());
  const std::vector<Violation> found = compiled->validate(value);
  if (found.empty()) return "valid";
  return found[0].rule == "limit" ? found[0].message : found[0].rule + ": " + found[0].message;
}

constexpr const char* kTooManySteps = "the value takes too many steps to validate";
constexpr const char* kTooDeep = "the value or its schema is nested too deeply";

TEST(SchemaLimits, RecursiveSchemasGoOnlySoDeep) {
  const Json list = {{"items", {{"$ref", "#"}}}};
  EXPECT_EQ(limit(list, nested(400)), "valid");
  EXPECT_EQ(limit(list, nested(100'000)), kTooDeep);
}

TEST(SchemaLimits, DepthIsNoWayAroundNot) {
  const Json schema = {{"$defs", {{"list", {{"items", {{"$ref", "#/$defs/list"}}}}}}},
                       {"not", {{"$ref", "#/$defs/list"}}}};
  EXPECT_EQ(limit(schema, nested(100'000)), kTooDeep);
}

TEST(SchemaLimits, LoopsThatDependOnTheValueEnd) {
  EXPECT_EQ(limit({{"anyOf", {{{"type", "string"}}, {{"$ref", "#"}}}}}, 1), kTooDeep);
  EXPECT_EQ(limit({{"not", {{"$ref", "#"}}}}, 1), kTooDeep);
  EXPECT_EQ(limit({{"if", {{"$ref", "#"}}}}, 1), kTooDeep);
}

TEST(SchemaLimits, DoublingEnds) {
  Json defs = {{"d0", {{"type", "string"}}}};
  for (int i = 1; i <= 60; ++i) {
    const Json next = {{"$ref", fmt::format("#/$defs/d{}", i - 1)}};
    defs[fmt::format("d{}", i)] = {{"anyOf", {next, next}}};
  }
  EXPECT_EQ(limit({{"$defs", defs}, {"$ref", "#/$defs/d60"}}, 1), kTooManySteps);
  EXPECT_EQ(limit({{"$defs", defs}, {"not", {{"$ref", "#/$defs/d60"}}}}, 1), kTooManySteps);
}

TEST(SchemaLimits, ExplainingEnds) {
  Json branch = {{"const", "x"}};
  for (int i = 0; i < 12; ++i) {
    branch = {
        {"anyOf", {{{"type", "string"}, {"minLength", 3}}, branch, {{"maximum", 0}}, branch}}};
  }
  const Result<Schema> schema = Schema::compile(branch);
  ASSERT_TRUE(schema.ok());
  const std::vector<Violation> found = schema->validate(5);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].rule, "anyOf");
  EXPECT_LT(found[0].message.size(), 2'000U);
}

TEST(SchemaLimits, ExplainingLooksAtSoManyBranches) {
  // The last branch is the closest one, but to write down what is wrong with so many takes too
  // long.
  Json branches(2'000, {{"required", {"a", "b"}}});
  branches.push_back({{"required", {"a"}}});
  const Result<Schema> schema = Schema::compile({{"anyOf", branches}});
  ASSERT_TRUE(schema.ok());
  const std::vector<Violation> found = schema->validate(Json::object());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].message.find("and 1989 more; closest is (1): missing required property 'a'"),
            std::string::npos)
      << found[0].message;
}

TEST(SchemaLimits, PatternsThatExplodeRefuseTheValue) {
  const Json schema = {{"pattern", "^(a+)+$"}};
  const std::string text = std::string(50, 'a') + "!";
  EXPECT_EQ(limit(schema, text), "the pattern ^(a+)+$ takes too many steps on the value");
  EXPECT_EQ(limit({{"not", schema}}, text),
            "the pattern ^(a+)+$ takes too many steps on the value");
  EXPECT_EQ(limit({{"patternProperties", {{"^(a+)+$", true}}}}, {{text, 1}}),
            "the pattern ^(a+)+$ takes too many steps on the value");
}

TEST(SchemaLimits, ManyCheapPatternsShareOneBudget) {
  const Json schema = {{"items", {{"pattern", "a*[bc]"}}}};
  EXPECT_EQ(limit(schema, Json(std::vector<std::string>(2'000, std::string(2'000, 'a')))),
            "pattern: '[0]' must match the pattern a*[bc]; got \"" + std::string(60, 'a') + "…\"");
  const Json either = {{"items", {{"anyOf", {schema["items"], {{"type", "string"}}}}}}};
  EXPECT_EQ(limit(either, Json(std::vector<std::string>(2'000, std::string(2'000, 'a')))),
            "the pattern a*[bc] takes too many steps on the value");
}

TEST(SchemaLimits, LongListsAreFine) {
  Json numbers = Json::array();
  for (int i = 0; i < 200'000; ++i) numbers.push_back(i);
  EXPECT_EQ(limit({{"uniqueItems", true}, {"items", {{"type", "integer"}}}}, numbers), "valid");
  numbers.push_back(77.0);
  EXPECT_EQ(limit({{"uniqueItems", true}}, numbers),
            "uniqueItems: the value must not have equal items; items 77 and 200000 are 77");
}

TEST(SchemaLimits, ElementsThatHashAlikeEnd) {
  Json elements = Json::array();
  for (int i = 0; i < 20'000; ++i) {
    Json element = i;
    for (int depth = 0; depth < 12; ++depth) element = Json::array({std::move(element)});
    elements.push_back(std::move(element));
  }
  EXPECT_EQ(limit({{"uniqueItems", true}}, elements), kTooManySteps);
}

TEST(SchemaLimits, ComparingDeepValuesEnds) {
  EXPECT_EQ(limit({{"uniqueItems", true}}, Json::array({nested(50'000), nested(50'000)})),
            kTooManySteps);
}

TEST(SchemaLimits, SchemasAreBounded) {
  Json deep = Json::object();
  for (int i = 0; i < 50'000; ++i) {
    Json outer = Json::object();
    outer["not"] = std::move(deep);
    deep = std::move(outer);
  }
  EXPECT_EQ(limit(deep, 1), "the schema is nested deeper than 512 levels");
  Json wide = Json::object();
  for (int i = 0; i < 100'001; ++i) wide["properties"][std::to_string(i)] = true;
  EXPECT_EQ(limit(wide, 1), "the schema has more than 100000 subschemas");
  Json patterns = Json::object();
  for (int i = 0; i < 1'001; ++i) patterns["patternProperties"][std::to_string(i)] = true;
  EXPECT_NE(limit(patterns, 1).find("more than 1000 patterns"), std::string::npos);
}

TEST(SchemaLimits, DocumentsAreBounded) {
  SchemaOptions options;
  int asked = 0;
  options.remote = [&asked](std::string_view uri) -> std::optional<Json> {
    ++asked;
    return Json{{"$ref", std::string(uri) + "x"}};
  };
  const Result<Schema> schema = Schema::compile({{"$ref", "https://example.com/"}}, options);
  ASSERT_FALSE(schema.ok());
  EXPECT_EQ(schema.error().message, "the schema refers to more than 64 documents");
  EXPECT_EQ(asked, 64);
}

}  // namespace
}  // namespace perdure
