#include "json/reader.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure {
namespace {

using json::Kind;

TEST(JsonReader, KindsAndValues) {
  json::Reader reader;
  const Result<json::Value> root = reader.parse(
      R"({"null":null,"yes":true,"int":-7,"big":18446744073709551615,"real":2.5,"round":3.0,)"
      R"("huge":1e300,"text":"a\u00e9\n","list":[1,"b",null],"object":{"x":{"y":1}}})");
  ASSERT_TRUE(root.ok());
  const std::vector<std::pair<std::string, Kind>> kinds = {
      {"null", Kind::kNull},  {"yes", Kind::kBoolean},   {"int", Kind::kInteger},
      {"big", Kind::kNumber}, {"real", Kind::kNumber},   {"text", Kind::kString},
      {"list", Kind::kArray}, {"object", Kind::kObject}, {"none", Kind::kAbsent},
  };
  for (const auto& [key, kind] : kinds) EXPECT_EQ(root->get(key).kind(), kind) << key;
  EXPECT_EQ(root->get("int").integer(), -7);
  EXPECT_EQ(root->get("int").number(), -7.0);
  EXPECT_EQ(root->get("round").integer(), 3);
  EXPECT_EQ(root->get("real").integer(), std::nullopt);
  EXPECT_EQ(root->get("huge").integer(), std::nullopt);
  EXPECT_EQ(root->get("big").integer(), std::nullopt);
  EXPECT_EQ(root->get("real").number(), 2.5);
  EXPECT_EQ(root->get("yes").boolean(), true);
  EXPECT_EQ(root->get("text").string(), "a\u00e9\n");
  EXPECT_EQ(root->get("object").get("x").get("y").integer_or(0), 1);
  EXPECT_EQ(root->get("list").elements().size(), 3U);
  EXPECT_EQ(root->get("list").elements()[1].string_or(""), "b");
  EXPECT_EQ(root->get("object").text(), R"({"x":{"y":1}})");
  std::string keys;
  for (const auto& [key, value] : root->members()) keys += std::string(key) + " ";
  EXPECT_EQ(keys, "null yes int big real round huge text list object ");
}

// What a host leaves out or sends as something else is nothing, however deep one asks.
TEST(JsonReader, WhatIsNotThereIsNothing) {
  json::Reader reader;
  const Result<json::Value> root = reader.parse(R"({"null":null,"text":"1","number":1})");
  ASSERT_TRUE(root.ok());
  for (const json::Value& value :
       {json::Value(), root->get("none"), root->get("null"), root->get("text").get("x"),
        root->get("number").get("x").get("y"), root->get("null").get("x")}) {
    EXPECT_FALSE(value);
    EXPECT_TRUE(value.is_nothing());
    EXPECT_EQ(value.string(), std::nullopt);
    EXPECT_EQ(value.string_or("f"), "f");
    EXPECT_EQ(value.integer(), std::nullopt);
    EXPECT_EQ(value.integer_or(9), 9);
    EXPECT_EQ(value.number(), std::nullopt);
    EXPECT_EQ(value.boolean(), std::nullopt);
    EXPECT_TRUE(value.elements().empty());
    EXPECT_TRUE(value.members().empty());
  }
  EXPECT_EQ(json::Value().text(), "");
  EXPECT_EQ(root->get("null").text(), "null");
  EXPECT_EQ(root->get("text").integer(), std::nullopt);
  EXPECT_EQ(root->get("number").string(), std::nullopt);
  EXPECT_EQ(root->get("number").boolean(), std::nullopt);
}

TEST(JsonReader, OfRepeatedKeysTheFirstIsFoundAndAllAreMembers) {
  json::Reader reader;
  const Result<json::Value> root = reader.parse(R"({"a":1,"a":2})");
  ASSERT_TRUE(root.ok());
  EXPECT_EQ(root->get("a").integer_or(0), 1);
  EXPECT_EQ(root->members().size(), 2U);
}

TEST(JsonReader, RefusesWhatIsNoJson) {
  json::Reader reader;
  const std::vector<std::string> texts = {
      "",         " ",       "{",        "{\"a\":}",
      "[1,]",     "nul",     "\"\xff\"", "\"\\ud83d\"",
      "1e400",    "[1] [2]", "{} x",     std::string("{}\0", 3),
      "\"a\nb\"", "'a'",     "[DONE]",   std::string(2000, '[')};
  for (const std::string& text : texts) {
    const Result<json::Value> value = reader.parse(text);
    ASSERT_FALSE(value.ok()) << text;
    EXPECT_EQ(value.error().code, ErrorCode::kBadReply) << text;
    EXPECT_THAT(value.error().message, testing::StartsWith("not valid JSON: ")) << text;
  }
  // A refusal leaves no trace.
  EXPECT_EQ(reader.parse(R"({"a":1})")->get("a").integer_or(0), 1);
}

TEST(JsonReader, Depth_N51) {
  json::Reader reader;
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(reader.parse(nested(1'000)).ok());
  EXPECT_FALSE(reader.parse(nested(1'025)).ok());
  EXPECT_FALSE(reader.parse(nested(100'000)).ok());
}

TEST(JsonReader, BuffersAreReusedForTextsOfAnySize) {
  json::Reader reader;
  for (const std::size_t size : {1U, 100'000U, 3U, 1'000'000U, 0U}) {
    const std::string text = "[\"" + std::string(size, 'x') + "\"]";
    const Result<json::Value> value = reader.parse(text);
    ASSERT_TRUE(value.ok());
    EXPECT_EQ(value->elements()[0].string_or("?").size(), size);
  }
  json::Reader moved = std::move(reader);
  EXPECT_TRUE(moved.parse("[1]").ok());
}

}  // namespace
}  // namespace perdure
