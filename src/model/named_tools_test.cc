#include "model/named_tools.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<ToolDeclaration> kSchemas = {
    {.name = "weather", .parameters = R"({"properties":{"city":{},"day":{"anyOf":[{},{}]}}})"},
    {.name = "time", .parameters = R"({"properties":{"city":{"items":{}}}})"},
    {.name = "broken", .parameters = "{"}};

TEST(NamedTools, HaveThePathThatTheHostNames) {
  EXPECT_THAT(tools_with_path("HTTP 400: At path 'properties.city': type is not defined", kSchemas),
              ElementsAre("weather", "time"));
  EXPECT_THAT(tools_with_path("error at path \"properties.city.items\"", kSchemas),
              ElementsAre("time"));
  EXPECT_THAT(tools_with_path("at path `properties.day.anyOf.1`: no", kSchemas),
              ElementsAre("weather"));
}

TEST(NamedTools, AreNoneWithoutSuchAPath) {
  for (const char* words :
       {"properties.city", "at path properties.city", "at path 'properties.city", "at path ''",
        "at path ", "at path 'properties.day.anyOf.2'", "at path 'properties.x'",
        "at path 'properties.city.city'"}) {
    EXPECT_THAT(tools_with_path(words, kSchemas), IsEmpty()) << words;
  }
}

}  // namespace
}  // namespace perdure
