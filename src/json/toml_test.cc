#include "json/toml.h"

#include <array>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TomlDocument document_of(std::string_view text) {
  Result<TomlDocument> document = TomlDocument::parse(text, "test.toml");
  if (!document.ok()) ADD_FAILURE() << to_text(document.error());
  return std::move(document).value();
}

// "place: message (advice)" of each mistake that a reader finds.
std::vector<std::string> mistakes_of(std::string_view text,
                                     const std::function<void(TomlTable&)>& read) {
  TomlDocument document = document_of(text);
  TomlTable root = document.root();
  read(root);
  std::vector<std::string> mistakes;
  for (const Error& error : document.finish()) {
    EXPECT_EQ(error.code, ErrorCode::kConfig);
    mistakes.push_back(error.context + ": " + error.message +
                       (error.advice.empty() ? "" : " (" + error.advice + ")"));
  }
  return mistakes;
}

TEST(Toml, ValuesOfEachType) {
  TomlDocument document = document_of(
      "text = 'a'\nyes = true\ncount = 7\nhex = 0x10\nreal = 2.5\nlist = ['a', 'b']\n"
      "empty = []\nmode = 'two'\nany = {x = [1, {y = 2.5}], z = 'q'}\n"
      "[table]\nx = 1\n[[rows]]\nid = 1\n[[rows]]\nid = 2\n");
  TomlTable root = document.root();
  constexpr std::array<std::string_view, 2> kModes = {"one", "two"};
  EXPECT_EQ(root.string("text"), "a");
  EXPECT_EQ(root.boolean("yes"), true);
  EXPECT_EQ(root.integer("count", 7, 7), 7);
  EXPECT_EQ(root.integer("hex", 0, 100), 16);
  EXPECT_EQ(root.number("real", 2.5), 2.5);
  EXPECT_EQ(root.number("count", 0), 7.0);
  EXPECT_EQ(root.strings("list"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(root.strings("empty"), std::vector<std::string>());
  EXPECT_EQ(root.choice("mode", kModes), "two");
  EXPECT_EQ(root.json("any"), (Json{{"x", {1, {{"y", 2.5}}}}, {"z", "q"}}));
  EXPECT_EQ(root.table("table")->integer("x", 0, 9), 1);
  std::vector<std::int64_t> ids;
  for (TomlTable& row : root.tables("rows")) ids.push_back(row.integer("id", 0, 9).value_or(-1));
  EXPECT_THAT(ids, ElementsAre(1, 2));
  EXPECT_THAT(root.keys(), ElementsAre("any", "count", "empty", "hex", "list", "mode", "real",
                                       "rows", "table", "text", "yes"));
  EXPECT_TRUE(root.has("text"));
  EXPECT_FALSE(root.has("none"));
  EXPECT_THAT(document.finish(), testing::IsEmpty());
}

TEST(Toml, WhatIsAbsentIsNoMistake) {
  EXPECT_THAT(mistakes_of("",
                          [](TomlTable& root) {
                            constexpr std::array<std::string_view, 1> kModes = {"one"};
                            EXPECT_EQ(root.string("a"), std::nullopt);
                            EXPECT_EQ(root.boolean("a"), std::nullopt);
                            EXPECT_EQ(root.integer("a", 1, 2), std::nullopt);
                            EXPECT_EQ(root.number("a", 1), std::nullopt);
                            EXPECT_EQ(root.strings("a"), std::nullopt);
                            EXPECT_EQ(root.choice("a", kModes), std::nullopt);
                            EXPECT_EQ(root.json("a"), std::nullopt);
                            EXPECT_FALSE(root.table("a").has_value());
                            EXPECT_TRUE(root.tables("a").empty());
                          }),
              testing::IsEmpty());
}

TEST(Toml, WrongTypes) {
  constexpr std::string_view kText =
      "t = 'x'\nb = true\ni = 1\nr = 1.5\nl = [1]\nd = 1979-05-27\no = {}\n";
  struct Case {
    std::function<void(TomlTable&)> read;
    std::string mistake;
  };
  const std::vector<Case> cases = {
      {[](TomlTable& t) { t.string("i"); }, "test.toml:3:1: 'i' must be a string, not an integer"},
      {[](TomlTable& t) { t.string("b"); },
       "test.toml:2:1: 'b' must be a string, not true or false"},
      {[](TomlTable& t) { t.string("d"); },
       "test.toml:6:1: 'd' must be a string, not a date or time"},
      {[](TomlTable& t) { t.boolean("t"); },
       "test.toml:1:1: 't' must be true or false, not a string"},
      {[](TomlTable& t) { t.integer("r", 0, 9); },
       "test.toml:4:1: 'r' must be an integer, not a number"},
      {[](TomlTable& t) { t.number("t", 0); }, "test.toml:1:1: 't' must be a number, not a string"},
      {[](TomlTable& t) { t.strings("l"); },
       "test.toml:5:1: 'l' must be an array of strings, not an array"},
      {[](TomlTable& t) { t.strings("t"); },
       "test.toml:1:1: 't' must be an array of strings, not a string"},
      {[](TomlTable& t) { t.table("l"); }, "test.toml:5:1: 'l' must be a table, not an array"},
      {[](TomlTable& t) { t.tables("o"); },
       "test.toml:7:1: 'o' must be a list of tables ([[o]]), not a table"},
      {[](TomlTable& t) { t.tables("l"); },
       "test.toml:5:1: 'l' must be a list of tables ([[l]]), not an integer"},
  };
  for (const Case& example : cases) {
    const auto read = [&](TomlTable& root) {
      for (const std::string& key : root.keys()) root.json(key);
      example.read(root);
    };
    EXPECT_THAT(mistakes_of(kText, read), ElementsAre(example.mistake));
  }
}

TEST(Toml, LimitsOfValues) {
  constexpr std::string_view kText =
      "low = -1\nhigh = 11\nreal = 0.5\nbig = inf\nnone = nan\nm = 'x'\n";
  EXPECT_THAT(mistakes_of(kText,
                          [](TomlTable& root) {
                            constexpr std::array<std::string_view, 2> kModes = {"on", "off"};
                            EXPECT_EQ(root.integer("low", 0, 10), std::nullopt);
                            EXPECT_EQ(root.integer("high", 0, 10), std::nullopt);
                            EXPECT_EQ(root.number("real", 1), std::nullopt);
                            EXPECT_EQ(root.number("big", 0), std::nullopt);
                            EXPECT_EQ(root.number("none", 0), std::nullopt);
                            EXPECT_EQ(root.choice("m", kModes), std::nullopt);
                          }),
              ElementsAre("test.toml:1:1: 'low' must be between 0 and 10, not -1",
                          "test.toml:2:1: 'high' must be between 0 and 10, not 11",
                          "test.toml:3:1: 'real' must be at least 1, not 0.5",
                          "test.toml:4:1: 'big' must be at least 0, not inf",
                          "test.toml:5:1: 'none' must be at least 0, not nan",
                          "test.toml:6:1: 'm' must be one of on, off, not 'x'"));
}

// All of them at once: one run of the program shows everything that is to be corrected.
TEST(Toml, AllMistakesThenUnknownKeysInTheOrderOfTheFile) {
  constexpr std::string_view kText =
      "zzz = 1\n"
      "modle = 'k'\n"
      "steps = 'many'\n"
      "  [budget]\n"
      "  stepps = 1\n"
      "[[tool]]\n"
      "name = 1\n"
      "[[tool]]\n"
      "nmae = 'x'\n"
      "\"a/b~c\" = 1\n"
      "[free]\n"
      "anything = {goes = 1}\n"
      "[another]\n"
      "x = 1\n";
  EXPECT_THAT(
      mistakes_of(kText,
                  [](TomlTable& root) {
                    root.string("model");
                    root.integer("steps", 0, 9);
                    root.table("budget")->integer("steps", 0, 9);
                    for (TomlTable& tool : root.tables("tool")) tool.string("name");
                    root.json("free");
                  }),
      ElementsAre("test.toml:3:1: 'steps' must be an integer, not a string",
                  "test.toml:7:1: 'name' must be a string, not an integer",
                  "test.toml:1:1: unknown key 'zzz' (known keys here: budget, free, model, steps, "
                  "tool)",
                  "test.toml:2:1: unknown key 'modle' (did you mean 'model'?)",
                  "test.toml:5:3: unknown key 'stepps' (did you mean 'steps'?)",
                  "test.toml:9:1: unknown key 'nmae' (did you mean 'name'?)",
                  "test.toml:10:1: unknown key 'a/b~c' (known keys here: name)",
                  "test.toml:13:2: unknown key 'another' (known keys here: budget, free, model, "
                  "steps, tool)"));
}

// A line belongs to the table before it, which people forget who add one at the end of a file.
TEST(Toml, AKeyThatStandsBelowAnotherTableIsToldWhereItBelongs) {
  constexpr std::string_view kText =
      "[tools]\n"
      "builtin = ['x']\n"
      "model = 'k'\n"
      "[[tools.command]]\n"
      "name = 'x'\n"
      "builtin = []\n"
      "steps = 5\n";
  EXPECT_THAT(mistakes_of(kText,
                          [](TomlTable& root) {
                            root.string("model");
                            root.table("budget");
                            TomlTable tools = *root.table("tools");
                            tools.strings("builtin");
                            for (TomlTable& tool : tools.tables("command")) tool.string("name");
                          }),
              ElementsAre("test.toml:3:1: unknown key 'model' ('model' belongs above the first "
                          "[table] of the file: below [tools] it is a key of that)",
                          "test.toml:6:1: unknown key 'builtin' ('builtin' is a key of [tools])",
                          "test.toml:7:1: unknown key 'steps' (known keys here: name)"));
}

TEST(Toml, MistakesOfReaders) {
  EXPECT_THAT(mistakes_of("[a]\nx = 1\n",
                          [](TomlTable& root) {
                            TomlTable table = *root.table("a");
                            table.integer("x", 0, 9);
                            table.mistake("x", "x is odd", "make it even");
                            table.mistake("", "a is incomplete");
                            table.mistake("y", "y is missing");
                          }),
              ElementsAre("test.toml:2:1: x is odd (make it even)",
                          "test.toml:1:2: a is incomplete", "test.toml: y is missing"));
}

TEST(Toml, Places) {
  TomlDocument document = document_of("a = 1\n[b]\nc = [1, {d = 2}]\n\"\u00e9/x\" = 1\n");
  EXPECT_EQ(document.place("/a"), "test.toml:1:1");
  EXPECT_EQ(document.place("/b"), "test.toml:2:2");
  EXPECT_EQ(document.place("/b/c/1/d"), "test.toml:3:10");
  EXPECT_EQ(document.place("/b/\u00e9~1x"), "test.toml:4:1");
  EXPECT_EQ(document.place("/none"), "test.toml");
  EXPECT_EQ(document.root().table("b")->place("c"), "test.toml:3:1");
  EXPECT_EQ(document.root().table("b")->place(), "test.toml:2:2");
}

TEST(Toml, TextThatIsNone) {
  struct Case {
    std::string text;
    std::string place;
    std::string message;
  };
  const std::vector<Case> cases = {
      {"a = ", "test.toml:1:5", "end-of-file"},
      {"a = 1\n\na = 2\n", "test.toml:3:5", "cannot redefine existing integer 'a'"},
      {"[a]\nb = \"x\n", "test.toml:2:7", "a string has no closing quote in its line"},
      {"a = 99999999999999999999", "test.toml:1:25", "not representable in 64 bits"},
      {"model kimi\n", "test.toml:1:7", ""},
      {"{\"model\": \"kimi\"}\n", "test.toml:1:1", ""},
      {"a = '\xff'\n", "test.toml:1:5", "utf-8"},
      {"[.a]\n", "test.toml:1:2", "expected bare key"},
      {"[\na = 1\n", "test.toml:1:2", ""},
      {"a = 'ä' # ö\nb = \"\"\"ü\\\"\"\"\" \n[É]\n", "test.toml:3:2", "are not ASCII"},
      {"a = \"\"\nä = \"x", "test.toml:2:1", "are not ASCII"},
      {"a = \"ä\nö\"", "test.toml:2:1", "are not ASCII"},
      {"a = \"\"\"x\"\"\"\" É", "test.toml:1:14", "are not ASCII"},
      {"a = " + std::string(1000, '[') + std::string(1000, ']'),
       "test.toml:1:", "nested value depth of 256"},
  };
  for (const Case& example : cases) {
    const Result<TomlDocument> document = TomlDocument::parse(example.text, "test.toml");
    ASSERT_FALSE(document.ok()) << example.text;
    EXPECT_EQ(document.error().code, ErrorCode::kConfig);
    EXPECT_THAT(document.error().context, testing::StartsWith(example.place)) << example.text;
    EXPECT_THAT(document.error().message, testing::StartsWith("not valid TOML: "));
    EXPECT_THAT(document.error().message, HasSubstr(example.message));
  }
  // Windows editors write these.
  EXPECT_EQ(document_of("\xEF\xBB\xBF"
                        "a = 'x'\r\nb = 'y'\r\n")
                .root()
                .string("b"),
            "y");
}

}  // namespace
}  // namespace perdure
