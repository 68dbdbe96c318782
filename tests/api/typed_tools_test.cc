// Tools whose arguments are structs of the embedder's: the schema that a struct is, and what the
// function gets.
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <perdure/agent.h>
#include <perdure/schema.h>

#include "tests/support/json.h"
#include "tests/support/result.h"
#include "tests/support/run_bench.h"

namespace perdure {

struct TypedPlace {
  std::string city;
  bool inside = false;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TypedPlace, city, inside)

struct TypedQuery {
  std::string service;
  int minutes = 5;
  unsigned lines = 9;
  double share = 0.5;
  TypedPlace place;
  std::vector<std::string> words;
  std::vector<TypedPlace> others = {{}};
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TypedQuery, service, minutes, lines, share, place, words, others)

namespace {

using test::holds;
using test::parse_json;
using test::RunBench;

TEST(TypedTools, schema_of_a_struct_needs_every_member_and_takes_no_other) {
  const Json place = parse_json(R"({
    "type": "object",
    "properties": {"city": {"type": "string"}, "inside": {"type": "boolean"}},
    "required": ["city", "inside"],
    "additionalProperties": false})");
  const Json query = schema::of<TypedQuery>();
  EXPECT_EQ(query["properties"]["service"], parse_json(R"({"type": "string"})"));
  EXPECT_EQ(query["properties"]["minutes"], parse_json(R"({"type": "integer"})"));
  EXPECT_EQ(query["properties"]["lines"], parse_json(R"({"type": "integer"})"));
  EXPECT_EQ(query["properties"]["share"], parse_json(R"({"type": "number"})"));
  EXPECT_EQ(query["properties"]["place"], place);
  EXPECT_EQ(query["properties"]["words"], parse_json(R"({"type": "array"})"));
  EXPECT_EQ(query["properties"]["others"], Json({{"type", "array"}, {"items", place}}));
  EXPECT_EQ(query["required"].size(), query["properties"].size());
  EXPECT_EQ(query["additionalProperties"], false);
}

TEST(TypedTools, an_example_that_says_nothing_takes_anything) {
  EXPECT_EQ(schema::like(nullptr), Json::object());
  EXPECT_EQ(schema::like(Json::object()), parse_json(R"({"type": "object"})"));
}

// The model's call that does not fit is told, the one that fits reaches the function, and what it
// throws is a result.
TEST(TypedTools, function_gets_the_struct_with_or_without_the_context) {
  RunBench bench(R"(
[[reply]]
[[reply.call]]
name = "greet"
arguments = { city = "Oslo" }
[[reply.call]]
name = "greet"
arguments = { city = "Oslo", inside = true }
[[reply.call]]
name = "where"
arguments = { city = "Bergen", inside = false }
[[reply]]
expect = ["hello Oslo, inside", "Bergen at step "]
[[reply.call]]
name = "greet"
arguments = { city = "", inside = true }
[[reply]]
expect = ["no such city"]
text = "Done."
)");
  Agent agent(bench.agent_options(), bench.runtime());
  agent.add_tool<TypedPlace>("greet", "Greets.", EffectClass::kRead, [](const TypedPlace& place) {
    if (place.city.empty()) throw std::runtime_error("no such city");
    return "hello " + place.city + (place.inside ? ", inside" : ", outside");
  });
  agent.add_tool<TypedPlace>("where", "Says where.", EffectClass::kRead,
                             [](const TypedPlace& place, ToolContext& context) {
                               return place.city + " at step " + std::to_string(context.step);
                             });
  const RunResult result = agent.run("Go.", bench.run_options());
  EXPECT_EQ(result.outcome, Outcome::kDone) << result.message;
  EXPECT_EQ(result.text, "Done.");
  const Json tools = parse_json(bench.request(1))["tools"];
  ASSERT_EQ(tools.size(), 2U);
  EXPECT_EQ(tools[0]["function"]["parameters"], schema::of<TypedPlace>());
  EXPECT_PRED2(holds, bench.request(2), "hello Oslo, inside");
}

}  // namespace
}  // namespace perdure
