#include "json/schema/schema.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "json/parse.h"

namespace perdure {
namespace {

using Lines = std::vector<std::string>;

Json parsed(std::string_view text) {
  Result<Json> json = json::parse(text);
  EXPECT_TRUE(json.ok()) << text;
  return json.ok() ? std::move(*json) : Json();
}

Schema compiled(std::string_view text, const SchemaOptions& options = {}) {
  Result<Schema> schema = Schema::compile(parsed(text), options);
  EXPECT_TRUE(schema.ok()) << to_text(schema.error());
  return std::move(*schema);
}

// Each problem as "path|rule|message".
Lines problems(std::string_view schema, std::string_view value, const SchemaOptions& options = {}) {
  Lines lines;
  for (const Violation& violation : compiled(schema, options).validate(parsed(value))) {
    lines.push_back(violation.path + "|" + violation.rule + "|" + violation.message);
  }
  return lines;
}

// The only message.
std::string message(std::string_view schema, std::string_view value,
                    const SchemaOptions& options = {}) {
  const std::vector<Violation> found = compiled(schema, options).validate(parsed(value));
  EXPECT_LE(found.size(), 1U) << found[1].message;
  return found.empty() ? "valid" : found[0].message;
}

// "context|message|advice" of the mistake in a schema.
std::string mistake(std::string_view text, const SchemaOptions& options = {}) {
  const Result<Schema> schema = Schema::compile(parsed(text), options);
  if (schema.ok()) return "compiles";
  EXPECT_EQ(schema.error().code, ErrorCode::kConfig);
  const Error& error = schema.error();
  return error.context + "|" + error.message + (error.advice.empty() ? "" : "|" + error.advice);
}

constexpr std::string_view kWeather = R"({
  "type": "object",
  "properties": {
    "city": {"type": "string", "minLength": 1},
    "unit": {"enum": ["celsius", "fahrenheit"]},
    "days": {"type": "integer", "minimum": 1, "maximum": 14}
  },
  "required": ["city"],
  "additionalProperties": false
})";

TEST(SchemaMessages, AValueThatFitsHasNone) {
  EXPECT_EQ(problems(kWeather, R"({"city": "Berlin", "unit": "celsius", "days": 3.0})"), Lines{});
}

TEST(SchemaMessages, MissingAndUnknownProperties) {
  EXPECT_EQ(problems(kWeather, "{}"), Lines{"|required|missing required property 'city'"});
  EXPECT_EQ(problems(kWeather, R"({"citty": "Berlin"})"),
            (Lines{"|required|missing required property 'city'",
                   "/citty|additionalProperties|unknown property 'citty' (did you mean 'city'?)"}));
  EXPECT_EQ(message(kWeather, R"({"city": "Berlin", "country": "DE"})"),
            "unknown property 'country' (known are 'city', 'days', 'unit')");
  EXPECT_EQ(message(R"({"additionalProperties": false})", R"({"a": 1})"), "unknown property 'a'");
  EXPECT_EQ(message(R"({"required": ["city"]})", R"({"citty": "Berlin"})"),
            "missing required property 'city' (you wrote 'citty')");
  EXPECT_EQ(message(R"({"properties": {"a": {"items": {"required": ["b"]}}}})",
                    R"({"a": [{"b": 1}, {}]})"),
            "missing required property 'b' in 'a[1]'");
}

TEST(SchemaMessages, Types) {
  EXPECT_EQ(message(kWeather, R"({"city": 5})"),
            "'city' must be a string; got 5 (write it in quotes)");
  EXPECT_EQ(message(kWeather, R"({"city": "Rome", "days": "3"})"),
            "'days' must be an integer; got the string \"3\" (write it without quotes)");
  EXPECT_EQ(message(kWeather, R"({"city": "Rome", "days": null})"),
            "'days' must be an integer; got null (leave it out instead)");
  EXPECT_EQ(message(kWeather, R"({"city": null})"), "'city' must be a string; got null");
  EXPECT_EQ(message(kWeather, R"({"city": "Rome", "days": 2.5})"),
            "'days' must be an integer; got 2.5");
  EXPECT_EQ(
      message(kWeather, R"("{\"city\": \"Rome\"}")"),
      "the value must be an object; got the string \"{\\\"city\\\": \\\"Rome\\\"}\" (write it as "
      "JSON, not as a string)");
  EXPECT_EQ(message(R"({"type": ["integer", "number", "boolean", "null"]})", R"(["a"])"),
            "the value must be a number or a boolean or null; got [\"a\"]");
}

TEST(SchemaMessages, Choices) {
  EXPECT_EQ(message(R"({"properties": {"service": {"enum": ["checkout", "payments"]}}})",
                    R"({"service": "chekout"})"),
            "'service' must be one of \"checkout\", \"payments\"; got \"chekout\" (did you mean "
            "\"checkout\"?)");
  EXPECT_EQ(message(R"({"type": "string", "enum": ["a", "b"]})", "7"),
            "the value must be one of \"a\", \"b\"; got 7");
  EXPECT_EQ(message(R"({"enum": ["5", null, 6]})", "5"),
            "the value must be one of \"5\", null, 6; got 5 (did you mean \"5\"?)");
  EXPECT_EQ(message(R"({"enum": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]})", "0"),
            "the value must be one of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 2 more; got 0");
  EXPECT_EQ(message(R"({"enum": []})", "0"), "the value must be one of no values; got 0");
  EXPECT_EQ(problems(R"({"const": {"a": [1]}})", R"({"a": [2]})"),
            Lines{"|const|the value must be {\"a\":[1]}; got {\"a\":[2]}"});
}

TEST(SchemaMessages, Numbers) {
  EXPECT_EQ(message(R"({"minimum": 1})", "0"), "the value must be at least 1; got 0");
  EXPECT_EQ(message(R"({"maximum": 2.5})", "3"), "the value must be at most 2.5; got 3");
  EXPECT_EQ(message(R"({"exclusiveMinimum": 0})", "0"), "the value must be more than 0; got 0");
  EXPECT_EQ(message(R"({"exclusiveMaximum": 1e3})", "1000"),
            "the value must be less than 1000; got 1000");
  EXPECT_EQ(message(R"({"multipleOf": 0.1})", "0.25"),
            "the value must be a multiple of 0.1; got 0.25");
}

TEST(SchemaMessages, Strings) {
  EXPECT_EQ(message(R"({"minLength": 2})", R"("ü")"),
            "the value must have at least 2 characters; it has 1");
  EXPECT_EQ(message(R"({"maxLength": 1})", R"("ab")"),
            "the value must have at most 1 character; it has 2");
  EXPECT_EQ(message(R"({"pattern": "^[a-z]+$"})", R"("A")"),
            "the value must match the pattern ^[a-z]+$; got \"A\"");
  const SchemaOptions asserting{.format = FormatMode::kAssert};
  EXPECT_EQ(
      message(R"({"format": "date-time"})", R"("yesterday")", asserting),
      "the value must have the format date-time, as in 2026-01-31T08:30:00Z; got \"yesterday\"");
  EXPECT_EQ(message(R"({"format": "date-time"})", R"("yesterday")"), "valid");
  EXPECT_EQ(message(R"({"format": "colour"})", R"("yesterday")", asserting), "valid");
}

TEST(SchemaMessages, Arrays) {
  EXPECT_EQ(message(R"({"minItems": 2})", "[1]"), "the value must have at least 2 items; it has 1");
  EXPECT_EQ(message(R"({"maxItems": 1})", "[1, 2]"),
            "the value must have at most 1 item; it has 2");
  EXPECT_EQ(problems(R"({"prefixItems": [{"type": "string"}], "items": false})", R"(["a", "b"])"),
            Lines{"|items|the value must have at most 1 item; it has 2"});
  EXPECT_EQ(message(R"({"uniqueItems": true})", R"([1, "a", {"b": [1]}, {"b": [1.0]}])"),
            "the value must not have equal items; items 2 and 3 are {\"b\":[1]}");
  EXPECT_EQ(problems(R"({"contains": {"type": "string"}})", "[1]"),
            Lines{"|contains|the value must have at least 1 item like this: a string; it has 0"});
  EXPECT_EQ(problems(R"({"contains": {"const": 1}, "maxContains": 1})", "[1, 1]"),
            Lines{"|maxContains|the value must have at most 1 item like this: 1; it has 2"});
  EXPECT_EQ(problems(R"({"prefixItems": [true], "unevaluatedItems": false})", "[1, 2]"),
            Lines{"/1|unevaluatedItems|'[1]' is one item too many"});
}

TEST(SchemaMessages, Objects) {
  EXPECT_EQ(message(R"({"minProperties": 2})", R"({"a": 1})"),
            "the value must have at least 2 properties; it has 1");
  EXPECT_EQ(message(R"({"dependentRequired": {"card": ["address"]}})", R"({"card": 1})"),
            "missing property 'address', which 'card' requires");
  EXPECT_EQ(problems(R"({"properties": {"env": {"propertyNames": {"pattern": "^[A-Z]+$"}}}})",
                     R"({"env": {"home": "x"}})"),
            Lines{"/env/home|pattern|the property name 'home' in 'env' must match the pattern "
                  "^[A-Z]+$; got \"home\""});
  EXPECT_EQ(problems(R"({"properties": {"old": false}})", R"({"old": 1})"),
            Lines{"/old|false|'old' is not allowed"});
  EXPECT_EQ(
      problems(R"({"allOf": [{"properties": {"name": true}}], "unevaluatedProperties": false})",
               R"({"nane": 1})"),
      Lines{"/nane|unevaluatedProperties|unknown property 'nane' (did you mean 'name'?)"});
}

constexpr std::string_view kShape = R"({
  "properties": {"shape": {"anyOf": [
    {"type": "object", "properties": {"kind": {"const": "circle"}, "radius": {"type": "number"}},
     "required": ["kind", "radius"]},
    {"type": "object", "properties": {"kind": {"const": "square"}, "side": {"type": "number"}},
     "required": ["kind", "side"]},
    {"type": "null"}
  ]}}
})";

TEST(SchemaMessages, AlternativesNameTheClosest) {
  constexpr const char* kNone =
      "'shape' fits none of the 3 alternatives: (1) an object with 'kind': \"circle\", 'radius', "
      "(2) an object with 'kind': \"square\", 'side', (3) null; ";
  EXPECT_EQ(message(kShape, R"({"shape": {"kind": "square", "side": "2"}})"),
            std::string(kNone) +
                "closest is (2): 'shape.side' must be a number; got the string \"2\" "
                "(write it without quotes)");
  EXPECT_EQ(message(kShape, R"({"shape": {"kind": "square"}})"),
            std::string(kNone) + "closest is (2): missing required property 'side' in 'shape'");
  EXPECT_EQ(message(kShape, R"({"shape": 7})"), std::string(kNone) + "got 7");
}

TEST(SchemaMessages, ADiscriminatorSaysMoreThanTheNumberOfProblems) {
  EXPECT_EQ(message(R"({"anyOf": [{"properties": {"kind": {"const": "a"}}, "required": ["kind"]},
                                  {"properties": {"kind": {"const": "b"}},
                                   "required": ["kind", "x", "y"]}]})",
                    R"({"kind": "b"})"),
            "the value fits none of the 2 alternatives: (1) an object with 'kind': \"a\", (2) an "
            "object with 'kind': \"b\", 'x', 'y'; closest is (2): missing required property 'x'");
}

TEST(SchemaMessages, AlternativesOfTypesReadAsOneType) {
  EXPECT_EQ(problems(R"({"anyOf": [{"type": "integer"}, {"type": "null"}]})", R"("3")"),
            Lines{"|anyOf|the value must be an integer or null; got the string \"3\" (write it "
                  "without quotes)"});
  EXPECT_EQ(message(R"({"anyOf": [{"type": "integer"}]})", "true"),
            "the value must be an integer; got true");
}

TEST(SchemaMessages, ExactlyOneAlternative) {
  EXPECT_EQ(problems(R"({"oneOf": [{"type": "integer"}, {"minimum": 2}, {"title": "Any"}]})", "3"),
            Lines{"|oneOf|the value must fit exactly one of the 3 alternatives, but fits 3: (1) an "
                  "integer, (2) {\"minimum\":2}, (3) {\"title\":\"Any\"}"});
  EXPECT_EQ(message(R"({"not": {"type": "string"}})", R"("a")"),
            "the value must be something else than a string; got \"a\"");
}

TEST(SchemaMessages, ConditionsSpeakForTheirBranch) {
  constexpr std::string_view kSchema = R"({"if": {"properties": {"mode": {"const": "append"}}},
      "then": {"required": ["text"]}, "else": {"required": ["path"]}})";
  EXPECT_EQ(message(kSchema, R"({"mode": "append"})"), "missing required property 'text'");
  EXPECT_EQ(message(kSchema, R"({"mode": "read"})"), "missing required property 'path'");
}

TEST(SchemaMessages, TheSameProblemIsSaidOnce) {
  EXPECT_EQ(message(R"({"allOf": [{"type": "string"}, {"type": "string"}]})", "1"),
            "the value must be a string; got 1 (write it in quotes)");
}

TEST(SchemaMessages, OnlySoMany) {
  const Schema schema = compiled(R"({"items": {"type": "string"}})");
  EXPECT_EQ(schema.validate(parsed("[1, 2, 3, 4]"), 2).size(), 2U);
  EXPECT_EQ(schema.validate(parsed("[1, 2, 3, 4]"), 0).size(), 1U);
  EXPECT_EQ(schema.validate(parsed("[1,2,3,4,5,6,7,8,9,10]")).size(), 8U);
}

TEST(SchemaMessages, NamesAndValuesOfAnyKindAreReadable) {
  EXPECT_EQ(
      problems(R"({"additionalProperties": {"items": {"type": "string"}}})", R"({"a b/c~": [1]})"),
      Lines{"/a b~1c~0/0|type|'[\"a b/c~\"][0]' must be a string; got 1 (write it in quotes)"});
  const std::string text(500, 'x');
  EXPECT_EQ(message(R"({"type": "null"})", "\"" + text + "\""),
            "the value must be null; got the string \"" + text.substr(0, 60) + "…\"");
  EXPECT_EQ(message(R"({"type": "null"})",
                    R"([111111111, 222222222, 333333333, 444444444, 555555555, 666666666])"),
            "the value must be null; got an array of 6 items");
  Json value = Json::object();
  value["k\xff"] = "\xfe";
  const auto found = compiled(R"({"additionalProperties": {"type": "null"}})").validate(value);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].message, "'[\"k\uFFFD\"]' must be null; got the string \"\uFFFD\"");
}

TEST(SchemaNumbers, AreComparedExactly) {
  EXPECT_EQ(message(R"({"const": 9007199254740993})", "9007199254740992.0"),
            "the value must be 9007199254740993; got 9007199254740992");
  EXPECT_EQ(message(R"({"const": 1})", "1.0"), "valid");
  EXPECT_EQ(message(R"({"maximum": 18446744073709551614})", "18446744073709551615"),
            "the value must be at most 18446744073709551614; got 18446744073709551615");
  EXPECT_EQ(message(R"({"type": "integer"})", "123456789012345678901234567890"), "valid");
  EXPECT_EQ(message(R"({"enum": [0, false]})", "-0.0"), "valid");
  EXPECT_EQ(message(R"({"const": 0})", "false"), "the value must be 0; got false");
}

TEST(SchemaNumbers, MultiplesAreOnesOfDecimals) {
  EXPECT_EQ(message(R"({"multipleOf": 0.01})", "19.99"), "valid");
  EXPECT_EQ(message(R"({"multipleOf": 0.01})", "19.995"),
            "the value must be a multiple of 0.01; got 19.995");
  EXPECT_EQ(message(R"({"multipleOf": 1e-300})", "1e300"), "valid");
  EXPECT_EQ(message(R"({"multipleOf": 7})", "18446744073709551615"),
            "the value must be a multiple of 7; got 18446744073709551615");
  EXPECT_EQ(message(R"({"multipleOf": 3})", "-9223372036854775806"), "valid");
  EXPECT_EQ(message(R"({"multipleOf": 100})", "0"), "valid");
}

TEST(SchemaMistakes, KeywordsOfTheWrongType) {
  EXPECT_EQ(mistake("5"), "|a schema must be an object, true or false, not 5");
  EXPECT_EQ(
      mistake(R"({"properties": {"a": {"type": "int"}}})"),
      "/properties/a/type|'type' names no type of JSON Schema: \"int\"|types are null, boolean, "
      "integer, number, string, array, object");
  EXPECT_EQ(mistake(R"({"type": "sting"})"),
            "/type|'type' names no type of JSON Schema: \"sting\"|did you mean \"string\"?");
  EXPECT_EQ(mistake(R"({"properties": {"a/b": {"required": true}}})"),
            "/properties/a~1b/required|'required' must be an array of strings, not true");
  EXPECT_EQ(mistake(R"({"minLength": -1})"),
            "/minLength|'minLength' must be an integer of 0 or more, not -1");
  EXPECT_EQ(mistake(R"({"multipleOf": 0})"),
            "/multipleOf|'multipleOf' must be a number above 0, not 0");
  EXPECT_EQ(mistake(R"({"anyOf": []})"), "/anyOf|'anyOf' must be an array of schemas, not []");
  EXPECT_EQ(mistake(R"({"items": [{}]})"),
            "/items|'items' must be a schema, not an array|use 'prefixItems', or declare "
            "http://json-schema.org/draft-07/schema# in '$schema'");
  EXPECT_EQ(mistake(R"({"allOf": [{}, {"items": 3}]})"),
            "/allOf/1/items|a schema must be an object, true or false, not 3");
  EXPECT_EQ(mistake(R"({"$id": 5})"), "/$id|'$id' must be a string");
}

TEST(SchemaMistakes, Patterns) {
  EXPECT_EQ(mistake(R"json({"pattern": "a)"})json"),
            "/pattern|not a valid pattern: a ) without its ( at offset 1: \"a)\"");
  EXPECT_EQ(mistake(R"({"patternProperties": {"[": {}}})"),
            "/patternProperties|not a valid pattern: a [ without its ] at offset 1: \"[\"");
  EXPECT_EQ(message(R"({"pattern": "(?i)^abc\\Z"})", R"("ABC")"), "valid") << "Python's dialect";
}

TEST(SchemaMistakes, ReferencesThatLeadNowhere) {
  EXPECT_EQ(mistake(R"({"$ref": "#/$defs/a"})"),
            "/$ref|'$ref' leads nowhere: /$defs/a does not exist");
  EXPECT_EQ(mistake(R"({"$ref": "#adress", "$defs": {"a": {"$anchor": "address"}}})"),
            "/$ref|'$ref' leads to no anchor: #adress|did you mean #address?");
  EXPECT_EQ(mistake(R"({"$ref": "#"})"), "|the schema refers only back to itself");
  EXPECT_EQ(mistake(R"({"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]},
                        "b": {"$ref": "#/$defs/a"}}})"),
            "/$defs/a|the schema refers only back to itself");
  EXPECT_EQ(mistake(R"({"$defs": {"a": {"$anchor": "x"}, "b": {"$anchor": "x"}}})"),
            "/$defs/b/$anchor|the anchor 'x' is used twice");
  EXPECT_EQ(mistake(R"({"$defs": {"a": {"$id": "x"}, "b": {"$id": "x"}}})"),
            "/$defs/b/$id|the '$id' x is used twice");
}

// Attack A83.
TEST(SchemaMistakes, NothingIsFetched) {
  for (const std::string uri : {"file:///etc/passwd", "http://127.0.0.1/x.json", "other.json"}) {
    EXPECT_EQ(mistake("{\"$ref\": \"" + uri + "\"}"),
              "/$ref|'$ref' leads to " + uri +
                  ", which is not part of the schema|schemas are never "
                  "read from files or servers: put it under $defs");
  }
}

TEST(SchemaMistakes, OtherDocumentsAreNamed) {
  SchemaOptions options;
  options.remote = [](std::string_view uri) -> std::optional<Json> {
    if (uri == "https://example.com/a.json") return json::literal(R"({"items": {"type": "x"}})");
    return std::nullopt;
  };
  EXPECT_EQ(mistake(R"({"$ref": "https://example.com/a.json"})", options),
            "https://example.com/a.json#/items/type|'type' names no type of JSON Schema: "
            "\"x\"|types are null, boolean, integer, number, string, array, object");
}

TEST(SchemaDrafts, AreChosenBySchemaOrByOption) {
  constexpr std::string_view kTuple =
      R"({"items": [{"type": "string"}], "additionalItems": false})";
  const SchemaOptions draft7{.draft = SchemaDraft::kDraft7};
  EXPECT_EQ(problems(kTuple, R"(["a", 2])", draft7),
            Lines{"|additionalItems|the value must have at most 1 item; it has 2"});
  EXPECT_EQ(
      message(R"({"$schema": "http://json-schema.org/draft-07/schema#", "items": [false]})", "[1]"),
      "'[0]' is not allowed");
  EXPECT_EQ(message(R"({"prefixItems": [false]})", "[1]", draft7), "valid");
  EXPECT_EQ(message(R"({"$schema": "http://json-schema.org/draft-06/schema#", "const": 1})", "1"),
            "valid");
  EXPECT_EQ(
      mistake(R"({"$schema": "http://json-schema.org/draft-04/schema#"})"),
      "/$schema|'$schema' names an unknown dialect: "
      "http://json-schema.org/draft-04/schema#|use https://json-schema.org/draft/2020-12/schema");
}

TEST(SchemaDrafts, RecursionOf2019_09) {
  constexpr std::string_view kStrictTree = R"({
    "$schema": "https://json-schema.org/draft/2019-09/schema",
    "$id": "https://example.com/strict", "$recursiveAnchor": true,
    "$ref": "tree", "unevaluatedProperties": false,
    "$defs": {"tree": {"$id": "tree", "$recursiveAnchor": true,
      "properties": {"data": true, "children": {"items": {"$recursiveRef": "#"}}}}}
  })";
  EXPECT_EQ(message(kStrictTree, R"({"children": [{"data": 1}]})"), "valid");
  EXPECT_EQ(message(kStrictTree, R"({"children": [{"daat": 1}]})"),
            "unknown property 'daat' in 'children[0]' (did you mean 'data'?)");
}

TEST(SchemaDrafts, MetaschemasAreAtHand) {
  constexpr std::string_view k2020 = R"({"$ref": "https://json-schema.org/draft/2020-12/schema"})";
  EXPECT_EQ(message(k2020, R"({"properties": {"a": {"minLength": 1}}})"), "valid");
  EXPECT_EQ(message(k2020, R"({"properties": {"a": {"minLength": -1}}})"),
            "'properties.a.minLength' must be at least 0; got -1");
  EXPECT_EQ(
      message(R"({"$ref": "http://json-schema.org/draft-07/schema#"})", R"({"required": "a"})"),
      "'required' must be an array; got the string \"a\"");
}

TEST(Schema, ReadsOnlyWhatIsReferredTo) {
  EXPECT_EQ(mistake(R"({"$defs": {"unused": {"type": "nonsense"}}})"), "compiles");
}

TEST(Schema, OutlivesWhatItWasMadeOfAndServesManyThreads) {
  auto json = std::make_unique<Json>(parsed(kWeather));
  Result<Schema> made = Schema::compile(*json);
  ASSERT_TRUE(made.ok());
  json.reset();
  const Schema schema = *made;
  const Json good = parsed(R"({"city": "Berlin", "unit": "celsius"})");
  const Json bad = parsed(R"({"city": "", "unit": "kelvin"})");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 200; ++n) {
        EXPECT_TRUE(schema.validate(good).empty());
        EXPECT_EQ(schema.validate(bad).size(), 2U);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace perdure
