// What the dialect refuses, its limits, hostile schemas, and the public suite.
#include "model/schema_dialect.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/parse.h"
#include "tests/support/mfjs_checker.h"
#include "tests/support/suites.h"

namespace perdure {
namespace {

using ::perdure::testing::MfjsChecker;
using ::perdure::testing::parsed;
using ::perdure::testing::violations;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Result<NormalizedSchema> to_mfjs(const Json& schema) {
  return normalize_schema(schema, SchemaDialect::kMfjs);
}

// A tool whose one argument has this schema.
Json property_x(Json schema) {
  return {{"type", "object"}, {"properties", {{"x", std::move(schema)}}}};
}

// The schema, put into itself `levels` times by `wrap`.
template <class Wrap>
Json nested(std::size_t levels, Wrap wrap) {
  Json schema = {{"type", "string"}};
  for (std::size_t i = 0; i < levels; ++i) schema = wrap(std::move(schema));
  return schema;
}

Json in_object(Json schema) {
  return {{"type", "object"}, {"properties", {{"a", std::move(schema)}}}};
}
Json in_array(Json schema) {
  return {{"type", "array"}, {"items", std::move(schema)}};
}

// The message of the refusal, or "accepted".
std::string refusal(const Json& schema) {
  const Result<NormalizedSchema> result = to_mfjs(schema);
  if (result.ok()) return "accepted";
  EXPECT_EQ(result.error().code, ErrorCode::kConfig);
  return result.error().message;
}

TEST(MfjsChecker, RefusesWhatTheHostsRefused) {
  const auto check = [](std::string_view property) {
    return MfjsChecker::check(property_x(parsed(property)));
  };
  EXPECT_EQ(check(R"({"type":"string","enum":["a"],"description":"D"})"), "");
  EXPECT_THAT(check(R"({"description":"D"})"), HasSubstr("type is not defined"));
  EXPECT_THAT(check(R"({"type":"object","anyOf":[{"type":"object"}]})"), HasSubstr("keyword type"));
  EXPECT_THAT(check(R"({"$ref":"#","description":"D"})"), HasSubstr("keyword description"));
  EXPECT_THAT(check(R"({"$ref":"#/definitions/A"})"), HasSubstr("$ref #/definitions/A"));
  EXPECT_THAT(check(R"({"$ref":"#/$defs/A"})"), HasSubstr("$ref #/$defs/A"));
  EXPECT_THAT(check(R"({"type":["string","null"]})"), HasSubstr("type"));
  EXPECT_THAT(check(R"({"type":"string","format":"uri"})"), HasSubstr("keyword format"));
  EXPECT_THAT(check(R"({"type":"string","enum":["a",1]})"), HasSubstr("mixed types"));
  EXPECT_THAT(check(R"({"type":"object","required":["a"]})"), HasSubstr("is not defined"));
  EXPECT_THAT(check(R"({"type":"array","items":{}})"), HasSubstr("type is not defined"));
  EXPECT_NE(MfjsChecker::check(parsed(R"({"anyOf":[{"type":"object"}]})")), "");
}

struct Refusal {
  const char* name;
  const char* schema;
  const char* message;
  const char* context;
};

TEST(SchemaDialect, RefusesWithThePlace) {
  const std::vector<Refusal> refusals = {
      {"no object", R"({"type":"string"})", "are an object", ""},
      {"false", "false", "are an object", ""},
      {"no schema", "[]", "must be an object, true or false", ""},
      {"external", R"({"properties":{"a":{"$ref":"http://a/b.json"}}})", "http://a/b.json",
       "/properties/a/$ref"},
      {"nowhere", R"({"properties":{"a":{"$ref":"#/$defs/A"}}})", "leads nowhere",
       "/properties/a/$ref"},
      {"dynamic", R"({"properties":{"a":{"$dynamicRef":"#a"}}})", "$dynamicRef",
       "/properties/a/$dynamicRef"},
      {"only itself", R"({"$ref":"#"})", "only back to itself", ""},
      {"circle", R"({"properties":{"a":{"$ref":"#/$defs/A"}},
          "$defs":{"A":{"$ref":"#/$defs/B"},"B":{"$ref":"#/$defs/A"}}})",
       "only back to itself", "/$defs/A"},
      {"circle of alternatives", R"({"properties":{"a":{"$ref":"#/$defs/A"}},
          "$defs":{"A":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/A"}]}}})",
       "only back to itself", "/$defs/A"},
      {"circle beside constraints",
       R"({"properties":{"a":{"$ref":"#/$defs/A","required":["b"]}},"$defs":{"A":{
          "anyOf":[{"properties":{"b":{"type":"null"}}},{"$ref":"#/$defs/A"}]}}})",
       "only back to itself", "/$defs/A"},
      {"circle at the root",
       R"({"$ref":"#/$defs/A","required":["b"],"$defs":{"A":{
          "anyOf":[{"properties":{"b":{"type":"null"}}},{"$ref":"#/$defs/A"}]}}})",
       "only back to itself", "/$defs/A"},
      {"no end", R"({"properties":{"next":{"$ref":"#"}},"required":["next"]})", "without end", ""},
      {"no end below", R"({"properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":{
          "properties":{"next":{"$ref":"#/$defs/A"}},"required":["next"]}}})",
       "without end", "/$defs/A"},
      {"contradiction", R"({"properties":{"a":{"allOf":[{"type":"string"},{"type":"null"}]}}})",
       "contradicts", "/properties/a/allOf/1"},
      {"contradicting enums", R"({"properties":{"a":{"allOf":[{"enum":[1]},{"const":2}]}}})",
       "contradicts", "/properties/a/allOf/1"},
      {"impossible", R"({"required":["a"],"additionalProperties":false})", "'/a' is required", ""},
      {"type", R"({"properties":{"a":{"type":"str"}}})", "no type \"str\"", "/properties/a/type"},
      {"types", R"({"properties":{"a":{"type":[]}}})", "must not be empty", "/properties/a/type"},
      {"required", R"({"properties":{"a":{"type":"string","required":true}}})",
       "'required' must be an array", "/properties/a/required"},
      {"anyOf", R"({"properties":{"a":{"anyOf":[]}}})", "must not be empty", "/properties/a/anyOf"},
      {"properties", R"({"properties":[]})", "must be an object", "/properties"},
      {"property", R"({"properties":{"a":"string"}})", "must be an object", "/properties/a"},
  };
  for (const Refusal& row : refusals) {
    const Result<NormalizedSchema> result = to_mfjs(parsed(row.schema));
    ASSERT_FALSE(result.ok()) << row.name << ": " << result->schema;
    EXPECT_EQ(result.error().code, ErrorCode::kConfig) << row.name;
    EXPECT_THAT(result.error().message, HasSubstr(row.message)) << row.name;
    EXPECT_EQ(result.error().context, row.context) << row.name;
  }
}

TEST(SchemaDialect, SaysWhatWasDropped) {
  const Json schema = parsed(R"({"type":"object","properties":{"when":{"type":"string",
      "format":"date-time","title":"When","x-order":3},"a":{"description":"D"},
      "b":{"oneOf":[{"type":"string"},{"type":"null"}]}}})");
  const Result<NormalizedSchema> result = to_mfjs(schema);
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(
      result->notes,
      ElementsAre("oneOf at /properties/b: sent as anyOf, so the host lets values through that "
                  "match several",
                  "format at /properties/when: dropped, moved into the description",
                  "x-order at /properties/when: dropped",
                  "type at /properties/a: missing, so every type is allowed"));
}

TEST(SchemaDialect, BoundsNotes) {
  Json schema = property_x({{"type", "string"}});
  for (int i = 0; i < 300; ++i) schema["properties"][std::to_string(i)] = {{"format", "uri"}};
  const Result<NormalizedSchema> result = to_mfjs(schema);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->notes.size(), 64U);
}

TEST(SchemaDialect, PlainOnlyDropsTheDialectAtTheRoot) {
  const Json schema = parsed(R"({"$schema":"a","$id":"b","type":"object",
      "properties":{"$schema":{"$schema":"c","type":["string"],"format":"uri"}}})");
  Json expected = schema;
  expected.erase("$schema");
  const Result<NormalizedSchema> result = normalize_schema(schema, SchemaDialect::kPlain);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->schema, expected);
  EXPECT_THAT(result->notes, IsEmpty());
  EXPECT_EQ(normalize_schema(Json(true), SchemaDialect::kPlain)->schema, Json(true));
}

TEST(SchemaDialect, IsByteStable) {
  const std::string_view text = R"({"properties":{"b":{"type":["null","string"]},
      "a":{"enum":["z",1,"y"]}},"required":["b","a"],"anyOf":[{"required":["a"]},{}]})";
  EXPECT_EQ(json::dump(to_mfjs(parsed(text))->schema), json::dump(to_mfjs(parsed(text))->schema));
}

TEST(SchemaDialect, KeepsTheLimits) {
  EXPECT_EQ(refusal(nested(30, in_object)), "accepted");
  EXPECT_THAT(refusal(nested(31, in_object)), HasSubstr("depth"));
  EXPECT_THAT(refusal(property_x(nested(30, in_object))), HasSubstr("depth"));
  EXPECT_EQ(refusal(property_x(nested(100, in_array))), "accepted");

  const auto described = [](std::size_t bytes) {
    return property_x({{"type", "string"}, {"description", std::string(bytes, 'a')}});
  };
  const std::size_t frame = json::dump(described(1)).size() - 1;
  EXPECT_EQ(refusal(described(120'000 - frame)), "accepted");
  EXPECT_THAT(refusal(described(120'001 - frame)), HasSubstr("size of the schema"));

  const auto enumerated = [](std::size_t count, std::size_t bytes) {
    Json values = Json::array();
    for (std::size_t i = 0; i < count; ++i) values.push_back(fmt::format("{:0{}}", i, bytes));
    return property_x({{"type", "string"}, {"enum", std::move(values)}});
  };
  EXPECT_EQ(refusal(enumerated(750, 100)), "accepted");
  EXPECT_THAT(refusal(enumerated(751, 100)), HasSubstr("strings in its enums"));
  EXPECT_EQ(refusal(enumerated(1'000, 5)), "accepted");
  EXPECT_THAT(refusal(enumerated(1'001, 5)), HasSubstr("values of an enum"));

  const auto alternatives = [](std::size_t count) {
    Json branches = Json::array();
    for (std::size_t i = 0; i < count; ++i) branches.push_back({{"const", std::to_string(i)}});
    return property_x({{"anyOf", std::move(branches)}});
  };
  EXPECT_EQ(refusal(alternatives(500)), "accepted");
  EXPECT_THAT(refusal(alternatives(501)), HasSubstr("alternatives"));

  const auto with_properties = [](std::size_t count) {
    Json properties = Json::object();
    for (std::size_t i = 0; i < count; ++i) properties[std::to_string(i)] = {{"type", "null"}};
    return Json{{"properties", std::move(properties)}};
  };
  EXPECT_EQ(refusal(with_properties(3'000)), "accepted");
  EXPECT_THAT(refusal(with_properties(3'001)), HasSubstr("number of properties"));
}

TEST(SchemaDialect, SurvivesDepth) {
  EXPECT_THAT(refusal(property_x(nested(240, in_array))), HasSubstr("nested deeper than 200"));
  EXPECT_THAT(refusal(nested(100'000, in_array)), HasSubstr("nested deeper than"));
  EXPECT_THAT(refusal(property_x({{"type", "string"}, {"default", nested(100'000, in_array)}})),
              HasSubstr("nested deeper than"));
  EXPECT_FALSE(normalize_schema(nested(100'000, in_array), SchemaDialect::kPlain).ok());
}

// `count` definitions d0, d1, ..., each made by `make` from its number.
template <class Make>
Json with_definitions(std::size_t count, Make make) {
  Json schema = property_x({{"$ref", "#/$defs/d0"}, {"description", "D"}});
  for (std::size_t i = 0; i < count; ++i) schema["$defs"][fmt::format("d{}", i)] = make(i);
  schema["$defs"][fmt::format("d{}", count)] = {{"type", "object"}};
  return schema;
}

Json reference_to(std::size_t number, const std::string& description = "") {
  Json reference = {{"$ref", fmt::format("#/$defs/d{}", number)}};
  if (!description.empty()) reference["description"] = description;
  return reference;
}

TEST(SchemaDialect, SurvivesSchemasThatGrow) {
  const auto doubled = [](std::size_t i) {
    return Json{{"type", "object"},
                {"properties", {{"l", reference_to(i + 1, "L")}, {"r", reference_to(i + 1, "R")}}}};
  };
  EXPECT_THAT(refusal(with_definitions(60, doubled)), HasSubstr("too large"));
  const auto chained = [](std::size_t i) { return in_array(reference_to(i + 1)); };
  EXPECT_NE(refusal(with_definitions(20'000, chained)), "accepted");
  const auto constrained = [](std::size_t i) {
    return Json{{"required", {"a"}}, {"allOf", {reference_to(i + 1), reference_to(i + 1)}}};
  };
  EXPECT_NE(refusal(with_definitions(5'000, constrained)), "accepted");
  const auto clique = [](std::size_t) {
    Json properties = Json::object();
    for (std::size_t j = 0; j < 60; ++j) properties[std::to_string(j)] = reference_to(j, "D");
    return Json{{"properties", properties}};
  };
  EXPECT_NE(refusal(with_definitions(60, clique)), "accepted");
  const auto alternatives = [](std::size_t i) {
    return Json{{"anyOf", {reference_to(i + 1), reference_to(i + 2), {{"type", "null"}}}}};
  };
  EXPECT_EQ(refusal(with_definitions(1, alternatives)),
            "'$ref' leads nowhere: /$defs/d2 does not exist");

  Json groups = Json::array();
  for (int i = 0; i < 40; ++i) {
    groups.push_back(
        {{"anyOf",
          {{{"required", {fmt::format("a{}", i)}}}, {{"required", {fmt::format("b{}", i)}}}}}});
  }
  EXPECT_THAT(refusal(property_x({{"type", "object"}, {"allOf", groups}})), HasSubstr("too large"));
}

TEST(SchemaDialect, RefusesWhatCannotBeWritten) {
  EXPECT_THAT(refusal(property_x({{"description", "\xff"}})), HasSubstr("UTF-8"));
  EXPECT_THAT(refusal({{"properties", {{"\xff", true}}}}), HasSubstr("UTF-8"));
  EXPECT_THAT(refusal(property_x({{"const", std::numeric_limits<double>::infinity()}})),
              HasSubstr("no JSON"));
  EXPECT_THAT(refusal(property_x({{"const", Json::binary({1, 2})}})), HasSubstr("no JSON"));
  EXPECT_FALSE(normalize_schema(Json("\xff"), SchemaDialect::kPlain).ok());
}

// Every schema of the public suite, as the arguments and as one of them: sent in a form that a host
// takes, or refused; and no value that the suite calls valid becomes invalid, but for those of
// another type where only keywords of one type were given (schema_dialect.h says why).
class SuiteRun {
 public:
  void run(const std::string& file, const Json& group) {
    const std::string name = file + ": " + group["description"].get<std::string>();
    check(name, group["schema"], group["tests"], [](const Json& value) { return value; });
    Json inner = group["schema"];
    if (inner.is_object() && !inner.contains("$id")) inner["$id"] = "http://suite.test/schema";
    const Json outer = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                        {"properties", {{"x", std::move(inner)}}}};
    check(name + ", as a property", outer, group["tests"],
          [](const Json& value) { return Json{{"x", value}}; });
  }

  int accepted = 0;
  int refused = 0;
  int values = 0;

 private:
  template <class Wrap>
  void check(const std::string& name, const Json& schema, const Json& tests, Wrap wrap) {
    const Result<NormalizedSchema> result = to_mfjs(schema);
    if (!result.ok()) {
      ++refused;
      EXPECT_EQ(result.error().code, ErrorCode::kConfig) << name;
      return;
    }
    ++accepted;
    EXPECT_EQ(MfjsChecker::check(result->schema), "") << name << "\n" << result->schema;
    const Result<NormalizedSchema> again = to_mfjs(result->schema);
    ASSERT_TRUE(again.ok()) << name << ": " << again.error().message;
    EXPECT_EQ(json::dump(again->schema), json::dump(result->schema)) << name;
    for (const Json& test : tests) {
      const Json value = wrap(test["data"]);
      if (test["valid"] == true && value.is_object()) check_value(name, *result, value);
    }
  }

  void check_value(const std::string& name, const NormalizedSchema& result, const Json& value) {
    const bool is_inferred = std::any_of(
        result.notes.begin(), result.notes.end(),
        [](const std::string& note) { return note.find("missing, inferred") != note.npos; });
    // A root without `type` is an object as well, also where "#" leads back to it.
    const bool is_root_inner = json::dump(result.schema).find(R"("$ref":"#")") != std::string::npos;
    if (is_inferred || is_root_inner) return;
    ++values;
    EXPECT_THAT(violations(result.schema, value), IsEmpty()) << name << "\n"
                                                             << result.schema << "\n"
                                                             << value;
  }
};

TEST(SchemaDialect, TakesThePublicSuite) {
  PERDURE_FIND_SUITE(folder, "json-schema-test-suite");
  SuiteRun suite;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "tests" / "draft2020-12")) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream file(entry.path());
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    for (const Json& group : parsed(text)) suite.run(entry.path().filename().string(), group);
  }
  EXPECT_GT(suite.accepted, 500);
  EXPECT_GT(suite.values, 300);
  EXPECT_LT(suite.refused, suite.accepted);
}

}  // namespace
}  // namespace perdure
