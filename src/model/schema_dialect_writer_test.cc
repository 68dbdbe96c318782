// One row for each rule of the dialect: what goes in, and what comes out.
#include "model/schema_dialect_writer.h"

#include <algorithm>
#include <cctype>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/parse.h"
#include "model/schema_dialect.h"
#include "tests/support/mfjs_checker.h"

namespace perdure {
namespace {

using ::perdure::testing::MfjsChecker;
using ::perdure::testing::parsed;
using ::perdure::testing::violations;
using ::testing::IsEmpty;

Result<NormalizedSchema> moonshot_schema(const Json& schema) {
  return normalize_schema(schema, SchemaDialect::kMfjs);
}

// One rule: what goes in, what comes out, and values that both must let through.
struct Case {
  std::string name;
  std::string before;
  std::string after;
  std::vector<std::string> valid = {};
};

void PrintTo(const Case& row, std::ostream* out) {
  *out << row.name;
}

void expect_case(const Case& row, const Json& before, const Json& after,
                 const std::vector<Json>& valid) {
  const Result<NormalizedSchema> result = moonshot_schema(before);
  ASSERT_TRUE(result.ok()) << result.error().message << " at " << result.error().context;
  EXPECT_EQ(json::dump(result->schema), json::dump(after)) << row.name;
  EXPECT_EQ(MfjsChecker::check(result->schema), "");
  const Result<NormalizedSchema> again = moonshot_schema(result->schema);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(json::dump(again->schema), json::dump(result->schema)) << "not idempotent";
  EXPECT_THAT(again->notes, IsEmpty());
  for (const Json& value : valid) {
    EXPECT_THAT(violations(before, value), IsEmpty()) << "the case itself is wrong: " << value;
    EXPECT_THAT(violations(result->schema, value), IsEmpty()) << "stricter: " << value;
  }
}

std::string case_name(const ::testing::TestParamInfo<Case>& info) {
  std::string name = info.param.name;
  std::replace_if(name.begin(), name.end(), [](char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

constexpr const char* kAnything = R"({"anyOf":[{"type":"string"},{"type":"number"},
    {"type":"boolean"},{"type":"object"},{"type":"array"},{"type":"null"}]})";

// The schema of one property.
class PropertyCase : public ::testing::TestWithParam<Case> {};

TEST_P(PropertyCase, IsNormalized) {
  const Case& row = GetParam();
  const auto around = [](std::string_view text) {
    return Json{{"type", "object"}, {"properties", {{"x", parsed(text)}}}};
  };
  std::vector<Json> valid;
  for (const std::string& value : row.valid) valid.push_back({{"x", parsed(value)}});
  expect_case(row, around(row.before), around(row.after), valid);
}

INSTANTIATE_TEST_SUITE_P(
    Types, PropertyCase,
    ::testing::Values(
        // "At path 'properties.X': type is not defined".
        Case{"empty", "{}", kAnything, {"1", "[]", "null", "{}"}},
        Case{"true", "true", kAnything, {"1.5", "true"}},
        Case{"type from enum", R"({"enum":["a","b"]})", R"({"type":"string","enum":["a","b"]})"},
        Case{"type from integers", R"({"enum":[1,2]})", R"({"type":"integer","enum":[1,2]})"},
        Case{"type from numbers", R"({"enum":[1,2.5]})", R"({"type":"number","enum":[1,2.5]})"},
        Case{"type from const", R"({"const":"a"})", R"({"type":"string","enum":["a"]})"},
        Case{"type from properties", R"({"properties":{"a":{"type":"null"}}})",
             R"({"type":"object","properties":{"a":{"type":"null"}}})"},
        Case{"type from items", R"({"items":{"type":"null"}})",
             R"({"type":"array","items":{"type":"null"}})"},
        Case{"type from default", R"({"default":"a"})", R"({"type":"string","default":"a"})"},
        Case{"default number", R"({"default":1})", R"({"type":"number","default":1})", {"1.5"}},
        Case{"default null tells nothing", R"({"default":null})", kAnything, {"1"}},
        Case{"type from length", R"({"minLength":2})",
             R"({"type":"string","description":"At least 2 characters."})"},
        Case{"types from two", R"({"minimum":2,"items":{}})",
             R"({"anyOf":[{"type":"number"},{"type":"array"}],"description":"Must be >= 2."})"},
        Case{"items of anything", R"({"type":"array","items":{}})", R"({"type":"array"})", {"[1]"}},
        Case{"type array",
             R"({"type":["null","string"],"description":"Who","minLength":1})",
             R"({"anyOf":[{"type":"string"},{"type":"null"}],
                 "description":"Who. At least 1 character."})",
             {"null", "\"a\""}},
        Case{"type array of one", R"({"type":["integer"]})", R"({"type":"integer"})"},
        Case{"all types",
             R"({"type":["string","number","boolean","object","array","null"],"items":{"const":1},
                 "default":"a"})",
             R"({"anyOf":[{"type":"string"},{"type":"number"},{"type":"boolean"},{"type":"object"},
                 {"type":"array","items":{"type":"integer","enum":[1]}},{"type":"null"}],
                 "description":"Default: \"a\"."})",
             {"1", "[1]", "null", "{}"}},
        Case{"integer within number", R"({"type":["integer","number"]})", R"({"type":"number"})"},
        Case{"keywords go to their type",
             R"({"type":["object","array","null"],"items":{"type":"integer"},
                 "properties":{"a":{"type":"string"}},"required":["a"]})",
             R"({"anyOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},
                 {"type":"array","items":{"type":"integer"}},{"type":"null"}]})",
             {"null", "[1]", R"({"a":"b"})"}},
        // Enums are of strings or numbers, of one type.
        Case{"const", R"({"type":"string","const":"a"})", R"({"type":"string","enum":["a"]})"},
        Case{"enum and null",
             R"({"type":["string","null"],"enum":["a",null]})",
             R"({"anyOf":[{"type":"string","enum":["a"]},{"type":"null"}]})",
             {"null", "\"a\""}},
        Case{"enum of mixed types",
             R"({"enum":["a",1,true,null,{"b":2},[3]]})",
             R"({"anyOf":[{"type":"string","enum":["a"]},{"type":"integer","enum":[1]},
                 {"type":"boolean","description":"Must be true."},
                 {"type":"object","description":"Must be {\"b\":2}."},
                 {"type":"array","description":"Must be [3]."},{"type":"null"}]})",
             {"true", R"({"b":2})", "[3]", "1"}},
        Case{"enum beside type", R"({"type":"integer","enum":[1,"a",2.5]})",
             R"({"type":"integer","enum":[1]})"},
        Case{"enum of numbers",
             R"({"type":"number","enum":[1,2]})",
             R"({"type":"number","enum":[1,2]})",
             {"1", "2.0"}},
        Case{"enum of booleans", R"({"type":"boolean","enum":[true,false]})",
             R"({"type":"boolean"})"},
        Case{"const beside enum", R"({"enum":["a","b"],"const":"b"})",
             R"({"type":"string","enum":["b"]})"}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Dropped, PropertyCase,
    ::testing::Values(
        Case{"silent",
             R"({"type":"string","$comment":"c","$id":"http://a/b","$anchor":"d","title":"X"})",
             R"({"type":"string"})"},
        Case{"title that tells", R"({"type":"string","title":"Name of the service"})",
             R"({"type":"string","description":"Name of the service"})"},
        Case{"format", R"({"type":"string","description":"When","format":"date-time"})",
             R"({"type":"string","description":"When. Format: date-time."})"},
        Case{"said already", R"({"type":"string","description":"Format: uri.","format":"uri"})",
             R"({"type":"string","description":"Format: uri."})"},
        Case{"format of a number", R"({"format":"int32"})",
             R"({"type":"number","description":"Format: int32."})"},
        Case{"bounds", R"({"type":"integer","minimum":1,"maximum":10,"multipleOf":3})",
             R"({"type":"integer",
                 "description":"Must be >= 1. Must be <= 10. Must be a multiple of 3."})"},
        Case{"bounds that say nothing", R"({"type":"string","minLength":0})",
             R"({"type":"string"})"},
        Case{"exclusive bounds", R"({"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1.5})",
             R"({"type":"number","description":"Must be > 0. Must be < 1.5."})"},
        Case{"pattern", R"({"type":"string","pattern":"^a+$","maxLength":1})",
             R"({"type":"string","description":
                 "Must match the regular expression `^a+$`. At most 1 character."})"},
        Case{"array limits", R"({"type":"array","minItems":1,"maxItems":3,"uniqueItems":true})",
             R"({"type":"array",
                 "description":"At least 1 item. At most 3 items. Items must be unique."})"},
        Case{"contains", R"({"type":"array","contains":{"type":"null"},"maxContains":2})",
             R"({"type":"array",
                 "description":"Items that match {\"type\":\"null\"}: at least 1. At most 2."})"},
        Case{"tuple",
             R"({"prefixItems":[{"type":"number"},{"type":"string"}],"items":false})",
             R"({"type":"array","items":{"anyOf":[{"type":"number"},{"type":"string"}]},
                 "description":
                 "Items in this order: {\"type\":\"number\"}, {\"type\":\"string\"}."})",
             {R"([1,"a"])", "[]"}},
        Case{"open tuple",
             R"({"type":"array","prefixItems":[{"type":"number"}]})",
             R"({"type":"array","description":"Items in this order: {\"type\":\"number\"}."})",
             {R"([1,"a",null])"}},
        Case{"bounded tuple",
             R"({"type":"array","prefixItems":[{"type":"number"}],"minItems":1,"maxItems":1})",
             R"({"type":"array","items":{"type":"number"},"description":
                 "Items in this order: {\"type\":\"number\"}. At least 1 item. At most 1 item."})",
             {"[1]"}},
        Case{"unevaluated",
             R"({"type":"object","unevaluatedProperties":false,"unevaluatedItems":true})",
             R"({"type":"object","description":"No other properties."})"},
        Case{"pattern properties",
             R"({"type":"object","patternProperties":{"^x-":{"type":"string"}},
                 "additionalProperties":false})",
             R"({"type":"object","additionalProperties":{"type":"string"},"description":
                 "Names that match `^x-`: {\"type\":\"string\"}. No other names."})",
             {R"({"x-a":"b"})", "{}"}},
        Case{"pattern properties beside others",
             R"({"type":"object","patternProperties":{"^x-":{"type":"string"}}})",
             R"({"type":"object","description":"Names that match `^x-`: {\"type\":\"string\"}."})",
             {R"({"x-a":"b","y":1})"}},
        Case{"names", R"({"type":"object","propertyNames":{"maxLength":3},"maxProperties":2})",
             R"({"type":"object","description":
                 "Names must match {\"maxLength\":3}. At most 2 properties."})"},
        Case{"dependent", R"({"type":"object","dependentRequired":{"a":["b","c"]}})",
             R"({"type":"object","description":"If \"a\" is given, so must be: \"b\", \"c\"."})"},
        // "Conflict in schema definitions for key 'if'".
        Case{"conditions",
             R"({"type":"object","allOf":[
                 {"if":{"required":["a"]},"then":{"required":["b"]}},
                 {"if":{"required":["c"]},"then":{"required":["d"]},"else":false}]})",
             R"({"type":"object","description":")"
             R"(If it matches {\"required\":[\"a\"]}, must match {\"required\":[\"b\"]}. )"
             R"(If it matches {\"required\":[\"c\"]}, must match {\"required\":[\"d\"]}. )"
             R"(Else must match false."})"},
        Case{"not", R"({"type":"string","not":{"const":"a"}})",
             R"({"type":"string","description":"Must not match {\"const\":\"a\"}."})"},
        Case{"examples", R"({"type":"string","examples":["a","b","c","d"]})",
             R"({"type":"string","description":"Examples: \"a\", \"b\", \"c\"."})"},
        Case{"default of an array", R"({"type":"array","default":[]})",
             R"({"type":"array","description":"Default: []."})"},
        Case{"default of several types", R"({"type":["integer","null"],"default":5})",
             R"({"anyOf":[{"type":"integer"},{"type":"null"}],"description":"Default: 5."})"},
        Case{"unknown keyword", R"({"type":"string","x-order":1})", R"({"type":"string"})"}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Combined, PropertyCase,
    ::testing::Values(
        // "when using anyOf, type should be defined in anyOf items instead of the parent schema".
        Case{"type beside anyOf",
             R"({"type":"object","description":"D","anyOf":[{"properties":{"a":{"type":"null"}}},
                 {"properties":{"b":{"type":"null"}}}]})",
             R"({"description":"D","anyOf":[{"type":"object","properties":{"a":{"type":"null"}}},
                 {"type":"object","properties":{"b":{"type":"null"}}}]})",
             {R"({"a":null})"}},
        Case{"type beside anyOf that excludes",
             R"({"type":"string","anyOf":[{"enum":["a"]},{"type":"integer"}]})",
             R"({"type":"string","enum":["a"]})",
             {"\"a\""}},
        Case{"properties beside anyOf",
             R"({"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},
                 "additionalProperties":false,"anyOf":[{"required":["a"]},{"required":["b"]}]})",
             R"({"anyOf":[{"type":"object","additionalProperties":false,"required":["a"],
                 "properties":{"a":{"type":"string"},"b":{"type":"string"}}},
                 {"type":"object","additionalProperties":false,"required":["b"],
                 "properties":{"a":{"type":"string"},"b":{"type":"string"}}}]})",
             {R"({"a":"x"})", R"({"b":"x"})"}},
        Case{"oneOf",
             R"({"oneOf":[{"type":"string"},{"type":"null"}],"default":null})",
             R"({"anyOf":[{"type":"string"},{"type":"null"}]})",
             {"null"}},
        Case{"nested anyOf",
             R"({"anyOf":[{"type":"null"},{"anyOf":[{"type":"string"},{"type":"null"}]}]})",
             R"({"anyOf":[{"type":"null"},{"type":"string"}]})"},
        Case{"anyOf of one", R"({"description":"D","anyOf":[{"type":"null","description":"E"}]})",
             R"({"type":"null","description":"D. E"})"},
        Case{"allOf",
             R"({"allOf":[{"type":"object","properties":{"a":{"type":"number"}},"required":["a"]},
                 {"properties":{"a":{"type":"integer"},"b":{"type":"string"}},"required":["b","a"],
                  "description":"D"}]})",
             R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}},
                 "required":["a","b"],"description":"D"})",
             {R"({"a":1,"b":"c"})"}},
        Case{"allOf keeps null",
             R"({"type":["string","null"],"allOf":[{"minLength":1}]})",
             R"({"anyOf":[{"type":"string"},{"type":"null"}],
                 "description":"At least 1 character."})",
             {"null"}},
        Case{"allOf of a closed object",
             R"({"type":"object","allOf":[
                 {"properties":{"a":{"type":"null"}},"additionalProperties":false},
                 {"properties":{"b":{"type":"null"}}}]})",
             R"({"type":"object","properties":{"a":{"type":"null"}},"additionalProperties":false})",
             {R"({"a":null})"}},
        Case{"closed object within allOf",
             R"({"type":"object","properties":{"b":{"type":"null"}},"allOf":[
                 {"properties":{"a":{"type":"null"}},"additionalProperties":false}]})",
             R"({"type":"object","properties":{"a":{"type":"null"}},"additionalProperties":false})",
             {R"({"a":null})"}},
        Case{"false",
             R"({"type":"object","properties":{"a":false,"b":{"type":"null"}}})",
             R"({"type":"object","properties":{"b":{"type":"null"}}})",
             {R"({"b":null})"}},
        Case{"items false",
             R"({"type":"array","items":false})",
             R"({"type":"array","description":"Must be empty."})",
             {"[]"}},
        Case{"required that is not listed",
             R"({"type":"object","required":["a"],
                 "additionalProperties":{"type":"string"}})",
             R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"],
                 "additionalProperties":{"type":"string"}})",
             {R"({"a":"b","c":"d"})"}},
        Case{"additional properties stay",
             R"({"type":"object","additionalProperties":true})",
             R"({"type":"object","additionalProperties":true})",
             {R"({"a":1})"}},
        Case{"map",
             R"({"type":"object","additionalProperties":{"items":{"const":1}}})",
             R"({"type":"object","additionalProperties":
                 {"type":"array","items":{"type":"integer","enum":[1]}}})",
             {R"({"a":[1]})"}},
        Case{"map by pattern",
             R"({"type":"object","patternProperties":{"^.*$":{"type":"null"}}})",
             R"({"type":"object","additionalProperties":{"type":"null"}})",
             {R"({"a":null})"}},
        Case{"reserved names",
             R"({"type":"object","properties":{"required":{"type":"boolean"},"a":{"type":"null"}},
                 "required":["a","required"],"additionalProperties":false})",
             R"({"type":"object","properties":{"a":{"type":"null"}},"required":["a"],
                 "additionalProperties":true,
                 "description":"Required property \"required\": {\"type\":\"boolean\"}."})",
             {R"({"a":null,"required":true})"}}),
    case_name);

// Whole schemas: the root, and references.
class SchemaCase : public ::testing::TestWithParam<Case> {};

TEST_P(SchemaCase, IsNormalized) {
  const Case& row = GetParam();
  std::vector<Json> valid;
  for (const std::string& value : row.valid) valid.push_back(parsed(value));
  expect_case(row, parsed(row.before), parsed(row.after), valid);
}

INSTANTIATE_TEST_SUITE_P(
    Root, SchemaCase,
    ::testing::Values(
        Case{"true", "true", R"({"type":"object","properties":{}})", {R"({"a":1})"}},
        Case{"empty", "{}", R"({"type":"object","properties":{}})"},
        // Some models echo $schema into their arguments.
        Case{"dialect",
             R"({"$schema":"http://json-schema.org/draft-07/schema#","title":"Arguments"})",
             R"({"type":"object","properties":{}})"},
        Case{"unknown dialect", R"({"$schema":"http://json-schema.org/draft-04/schema#",
                 "properties":{"a":{"type":"number","minimum":0,"exclusiveMinimum":true}}})",
             R"({"type":"object","properties":
                 {"a":{"type":"number","description":"Must be > 0."}}})"},
        Case{"nullable",
             R"({"type":["object","null"],"additionalProperties":false})",
             R"({"type":"object","properties":{},"additionalProperties":false})",
             {"{}"}},
        Case{"alternatives",
             R"({"type":"object","description":"D","anyOf":[
                 {"properties":{"name":{"type":"string"},"text":{"type":"string"}},
                  "required":["name","text"]},
                 {"properties":{"name":{"type":"string"},"url":{"type":"string"},
                  "depth":{"type":"integer"}},"required":["name","url"]}]})",
             R"({"type":"object","description":"D. Give one of: (text) or (url, optional: depth).",
                 "properties":{"name":{"type":"string"},"text":{"type":"string"},
                 "url":{"type":"string"},"depth":{"type":"integer"}},"required":["name"]})",
             {R"({"name":"a","text":"b"})", R"({"name":"a","url":"b"})"}},
        Case{"tagged alternatives",
             R"({"oneOf":[{"$ref":"#/$defs/A"},{"$ref":"#/$defs/B"}],"$defs":{
                 "A":{"type":"object","properties":{"kind":{"const":"a"},"v":{"type":"string"}},
                      "required":["kind","v"],"additionalProperties":false},
                 "B":{"type":"object","properties":{"kind":{"const":"b"},"v":{"type":"integer"}},
                      "required":["kind"],"additionalProperties":false}}})",
             R"({"type":"object","required":["kind"],"additionalProperties":false,
                 "description":"Give one of: (kind = \"a\", v) or (kind = \"b\", optional: v).",
                 "properties":{"kind":{"type":"string","enum":["a","b"]},
                               "v":{"anyOf":[{"type":"string"},{"type":"integer"}]}}})",
             {R"({"kind":"a","v":"x"})", R"({"kind":"b","v":1})"}},
        Case{"open and closed alternatives",
             R"({"anyOf":[{"properties":{"a":{"type":"null"}},"additionalProperties":false},
                 {"properties":{"b":{"type":"null"}}}]})",
             R"({"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"}},
                 "description":"Give one of: (optional: a) or (optional: b)."})",
             {R"({"b":null,"c":1})"}},
        Case{"openly open alternatives",
             R"({"anyOf":[{"properties":{"a":{"type":"null"}},"additionalProperties":true},
                 {"properties":{"a":{"type":"null"}},"additionalProperties":{"type":"string"}}]})",
             R"({"type":"object","properties":{"a":{"type":"null"}}})",
             {R"({"b":1})"}},
        Case{"closed alternatives",
             R"({"anyOf":[{"properties":{"a":{"type":"null"}},"additionalProperties":false},
                 {"properties":{"a":{"type":"null"}},"additionalProperties":{"type":"string"}}]})",
             R"({"type":"object","properties":{"a":{"type":"null"}},
                 "additionalProperties":{"type":"string"}})",
             {R"({"b":"c"})"}},
        Case{"alternative requirements",
             R"({"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"}},
                 "anyOf":[{"required":["a"]},{"required":["b"]}]})",
             R"({"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"}},
                 "description":"Give one of: (a, optional: b) or (b, optional: a)."})",
             {R"({"b":null})"}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    References, SchemaCase,
    ::testing::Values(
        Case{"definitions become $defs",
             R"({"properties":{"a":{"$ref":"#/definitions/A"}},
                 "definitions":{"A":{"const":1},"Unused":{"type":"string"}}})",
             R"({"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},
                 "$defs":{"A":{"type":"integer","enum":[1]}}})",
             {R"({"a":1})"}},
        Case{"nested definitions are hoisted",
             R"({"properties":{"a":{"$ref":"#/properties/b/$defs/A"},
                 "b":{"type":"object","$defs":{"A":{"type":"null"}}}}})",
             R"({"type":"object","properties":{"a":{"$ref":"#/$defs/A"},"b":{"type":"object"}},
                 "$defs":{"A":{"type":"null"}}})"},
        Case{"slashes within definitions",
             R"({"properties":{"a":{"$ref":"#/$defs/A"},"c/d":{"type":"null"}},"$defs":{"A":{
                 "type":"object","properties":{"text/html":{"type":"string"}}}}})",
             R"({"type":"object","properties":{"a":{"$ref":"#/$defs/A"},"c/d":{"type":"null"}},
                 "$defs":{"A":{"type":"object","description":
                 "Optional property \"text/html\": {\"type\":\"string\"}."}}})",
             {R"({"a":{"text/html":"x"},"c/d":null})"}},
        Case{"names without escapes",
             R"({"properties":{"a":{"$ref":"#/$defs/a~1b"},"b":{"$ref":"#/$defs/a_b"}},
                 "$defs":{"a/b":{"type":"null"},"a_b":{"type":"string"}}})",
             R"({"type":"object","properties":{"a":{"$ref":"#/$defs/a_b_2"},
                 "b":{"$ref":"#/$defs/a_b"}},
                 "$defs":{"a_b":{"type":"string"},"a_b_2":{"type":"null"}}})"},
        // "references must start with #/$defs/".
        Case{"other places are written out",
             R"({"properties":{"a":{"type":"string","format":"uri"},"c":{"$ref":"#/properties/a"},
                 "b":{"$ref":"#/properties/a","description":"B"}}})",
             R"({"type":"object","properties":{"a":{"type":"string","description":"Format: uri."},
                 "b":{"type":"string","description":"B. Format: uri."},
                 "c":{"type":"string","description":"Format: uri."}}})"},
        Case{"anchors", R"({"properties":{"a":{"$ref":"#here"}},
                 "$defs":{"A":{"$anchor":"here","type":"null"}}})",
             R"({"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},
                 "$defs":{"A":{"type":"null"}}})"},
        Case{"description beside $ref",
             R"({"properties":{"a":{"$ref":"#/$defs/A","description":"Which","default":"x"}},
                 "$defs":{"A":{"enum":["x","y"]}}})",
             R"({"type":"object","properties":{"a":{"type":"string","enum":["x","y"],
                 "default":"x","description":"Which"}}})"},
        Case{"allOf of one $ref",
             R"({"properties":{"a":{"allOf":[{"$ref":"#/$defs/A"}],"description":"Which"}},
                 "$defs":{"A":{"type":"null"}}})",
             R"({"type":"object","properties":{"a":{"type":"null","description":"Which"}}})"},
        Case{"recursion",
             R"({"properties":{"tree":{"$ref":"#/$defs/N","description":"T"}},"$defs":{"N":{
                 "type":"object","properties":{"kids":{"type":"array","items":{"$ref":"#/$defs/N"}},
                 "up":{"$ref":"#","title":"Back"}}}}})",
             R"({"type":"object","properties":{"tree":{"anyOf":[{"$ref":"#/$defs/N"}],
                 "description":"T"}},"$defs":{"N":{"type":"object","properties":{"kids":{
                 "type":"array","items":{"$ref":"#/$defs/N"}},
                 "up":{"anyOf":[{"$ref":"#"}],"description":"Back"}}}}})",
             {R"({"tree":{"kids":[{"kids":[]}]}})"}},
        Case{"constraints beside $ref",
             R"({"properties":{"a":{"$ref":"#/$defs/A","required":["b"]}},"$defs":{
                 "A":{"type":"object","properties":{"b":{"$ref":"#/$defs/A","required":["b"]}}}}})",
             R"({"type":"object","properties":{"a":{"type":"object","required":["b"],
                 "properties":{"b":{"$ref":"#/$defs/A"}}}},"$defs":{"A":{"type":"object",
                 "properties":{"b":{"$ref":"#/$defs/A"}}}}})"},
        Case{"inheritance",
             R"({"properties":{"d":{"$ref":"#/$defs/D"}},"$defs":{
                 "B":{"type":"object","properties":{"kids":{"items":{"$ref":"#/$defs/D"}}}},
                 "D":{"allOf":[{"$ref":"#/$defs/B"},{"properties":{"v":{"type":"null"}}}]}}})",
             R"({"type":"object","properties":{"d":{"$ref":"#/$defs/D"}},"$defs":{"D":{
                 "type":"object","properties":{"v":{"type":"null"},
                 "kids":{"type":"array","items":{"$ref":"#/$defs/D"}}}}}})",
             {R"({"d":{"kids":[{"v":null}]}})"}},
        Case{"type beside alternatives of references",
             R"({"properties":{"s":{"type":"object","oneOf":[{"$ref":"#/$defs/A"},
                 {"$ref":"#/$defs/B"}]}},"$defs":{"A":{"required":["a"]},"B":{"type":"object"}}})",
             std::string(R"({"type":"object","properties":{"s":{"anyOf":[{"$ref":"#/$defs/A"},
                 {"$ref":"#/$defs/B"}]}},"$defs":{"B":{"type":"object"},
                 "A":{"type":"object","required":["a"],"properties":{"a":)") +
                 kAnything + "}}}}"},
        Case{"root of draft 7 that is a reference",
             R"({"$schema":"http://json-schema.org/draft-07/schema#","$ref":"#/definitions/My.Args",
                 "definitions":{"My.Args":{"type":"object","properties":{
                 "a":{"$ref":"#/definitions/My.Args"}},"additionalProperties":false}}})",
             R"({"type":"object","properties":{"a":{"$ref":"#/$defs/My_Args"}},
                 "additionalProperties":false,"$defs":{"My_Args":{"type":"object","properties":{
                 "a":{"$ref":"#/$defs/My_Args"}},"additionalProperties":false}}})",
             {R"({"a":{"a":{}}})"}},
        Case{"root that is a reference",
             R"({"$ref":"#/definitions/R","definitions":{"R":{"type":"object",
                 "properties":{"r":{"$ref":"#/definitions/R"}}}}})",
             R"({"type":"object","properties":{"r":{"$ref":"#/$defs/R"}},"$defs":{"R":{
                 "type":"object","properties":{"r":{"$ref":"#/$defs/R"}}}}})",
             {R"({"r":{"r":{}}})"}},
        Case{"what draft 7 ignores",
             R"({"$schema":"http://json-schema.org/draft-07/schema#","properties":{"a":{
                 "$ref":"#/definitions/A","maxLength":3,"type":"integer"}},
                 "definitions":{"A":{"type":"string"}}})",
             R"({"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},
                 "$defs":{"A":{"type":"string"}}})",
             {R"({"a":"long"})"}}),
    case_name);

}  // namespace
}  // namespace perdure
