#include "json/parse.h"

#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/utf8.h"

namespace perdure {
namespace {

std::string nested(std::size_t depth, std::string_view open, std::string_view close) {
  std::string text;
  for (std::size_t i = 0; i < depth; ++i) text += open;
  text += "1";
  for (std::size_t i = 0; i < depth; ++i) text += close;
  return text;
}

TEST(JsonParse, Values) {
  const std::vector<std::pair<std::string, Json>> cases = {
      {"null", nullptr},
      {" true ", true},
      {"\t\r\n\"a\"", "a"},
      {R"("\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00")", "\"\\/\b\f\n\r\t\u00e9\U0001F600"},
      {R"("\u0000")", std::string(1, '\0')},
      {"[]", Json::array()},
      {"{}", Json::object()},
      {R"({"a":[1,{"b":null}],"":""})", {{"a", {1, {{"b", nullptr}}}}, {"", ""}}},
      {R"({"a":{"x":1},"a":2})", {{"a", 2}}},
      {R"({"a":1,"a":{"x":[2]}})", {{"a", {{"x", {2}}}}}},
      {"\xEF\xBB\xBF[1]", {1}},
  };
  for (const auto& [text, value] : cases) {
    const Result<Json> parsed = json::parse(text);
    ASSERT_TRUE(parsed.ok()) << text << ": " << to_text(parsed.error());
    EXPECT_EQ(*parsed, value) << text;
    EXPECT_EQ(parsed->type_name(), std::string(value.type_name())) << text;
  }
}

TEST(JsonParse, Numbers_N51) {
  struct Case {
    std::string text;
    std::string written;  // again, or "refused"
    bool is_integer;
  };
  const std::vector<Case> cases = {
      {"0", "0", true},
      {"-0", "0", true},
      {"-0.0", "-0.0", false},
      {"9223372036854775807", "9223372036854775807", true},
      {"9223372036854775808", "9223372036854775808", true},
      {"18446744073709551615", "18446744073709551615", true},
      {"18446744073709551616", "1.8446744073709552e+19", false},
      {"-9223372036854775808", "-9223372036854775808", true},
      {"-9223372036854775809", "-9.223372036854776e+18", false},
      {"1e308", "1e+308", false},
      {"1E2", "100.0", false},
      {"0.1", "0.1", false},
      {"1e-400", "0.0", false},
      {"1e400", "refused", false},
      {"-1e400", "refused", false},
      {"NaN", "refused", false},
      {"Infinity", "refused", false},
      {"+1", "refused", false},
      {"01", "refused", false},
      {"1.", "refused", false},
      {".5", "refused", false},
      {"0x10", "refused", false},
  };
  for (const Case& example : cases) {
    const Result<Json> parsed = json::parse(example.text);
    EXPECT_EQ(parsed.ok() ? json::dump(*parsed) : "refused", example.written) << example.text;
    EXPECT_EQ(parsed.ok() && parsed->is_number_integer(), example.is_integer) << example.text;
  }
}

// A model reads these messages: what is wrong, and where.
TEST(JsonParse, MistakesAreNamedWithTheirPlace) {
  struct Case {
    std::string text;
    std::string context;
    std::string reason;  // a part of the message
  };
  const std::vector<Case> cases = {
      {"", "line 1, column 1", "unexpected end of input"},
      {"   ", "line 1, column 4", "unexpected end of input"},
      {"{\"a\":1,}", "line 1, column 8", "unexpected '}'; expected string literal"},
      {"[1,\n 2,\n x]", "line 3, column 2", "invalid literal"},
      {"{\n\n'a':1}", "line 3, column 1", "expected string literal"},
      {"{\"a\" 1}", "line 1, column 6", "expected ':'"},
      {"{\"\u00e9\U0001F600\":x}", "line 1, column 7", "invalid literal"},
      {"{\"a\":\"b", "line 1, column 8", "missing closing quote"},
      {"{\"a\":1} done", "line 1, column 9", "expected end of input"},
      {"{\"a\":1}{\"b\":2}", "line 1, column 8", "expected end of input"},
      {"[1e400]", "line 1, column 6", "not valid JSON: number overflow parsing '1e400'"},
      {"\"a\nb\"", "line 1, column 3", "must be escaped"},
      {"\"\\ud83d\"", "line 1, column 8", "must be followed by U+DC00..U+DFFF"},
      {"[\"\xff\"]", "line 1, column 3", "ill-formed UTF-8"},
      {"// note\n1", "line 1, column 1", "invalid literal"},
      {std::string("{}\0{}", 5), "line 1, column 3", "a NUL byte after the value"},
      {std::string("1\n\0", 3), "line 2, column 1", "a NUL byte after the value"},
  };
  for (const Case& example : cases) {
    const Result<Json> parsed = json::parse(example.text);
    ASSERT_FALSE(parsed.ok()) << example.text;
    const Error& error = parsed.error();
    EXPECT_EQ(error.code, ErrorCode::kInvalidArguments) << example.text;
    EXPECT_EQ(error.context, example.context) << example.text << "\n" << error.message;
    EXPECT_THAT(error.message, testing::StartsWith("not valid JSON: ")) << example.text;
    EXPECT_THAT(error.message, testing::HasSubstr(example.reason)) << example.text;
    EXPECT_THAT(error.message, testing::Not(testing::HasSubstr("json.exception")));
    EXPECT_TRUE(is_valid_utf8(error.message)) << example.text;
  }
}

TEST(JsonParse, Depth_N51) {
  for (const auto& [open, close] : {std::pair("[", "]"), std::pair("{\"a\":", "}")}) {
    EXPECT_TRUE(json::parse(nested(json::kDepthMax, open, close)).ok());
    for (const std::size_t depth : {json::kDepthMax + 1, std::size_t{100'000}}) {
      const Result<Json> parsed = json::parse(nested(depth, open, close));
      ASSERT_FALSE(parsed.ok());
      EXPECT_EQ(parsed.error().message, "not valid JSON: nested deeper than 512 levels");
    }
  }
  // Without an end, and with brackets in strings that do not count.
  const std::string many(json::kDepthMax, '[');
  EXPECT_EQ(json::parse(many + "[[[").error().context, "line 1, column 513");
  EXPECT_EQ(json::parse("[\"[[\\\"[\",\n" + many).error().context, "line 2, column 512");
  EXPECT_TRUE(json::parse("\"" + many + many + "\"").ok());
  std::string flat = "[";
  for (std::size_t i = 0; i < 2 * json::kDepthMax; ++i) flat += "[],";
  EXPECT_TRUE(json::parse(flat + "{}]").ok());
}

TEST(JsonParse, Dump) {
  const Json value = {{"b", {1, 2.5, "\u00e9"}}, {"a", nullptr}};
  EXPECT_EQ(json::dump(value), "{\"a\":null,\"b\":[1,2.5,\"\u00e9\"]}");
  EXPECT_EQ(json::dump({{"a", {1}}}, 2), "{\n  \"a\": [\n    1\n  ]\n}");
  EXPECT_EQ(json::dump("\xff"
                       "a\xc3"),
            "\"\uFFFD"
            "a\uFFFD\"");
  EXPECT_EQ(json::dump(std::numeric_limits<double>::infinity()), "null");
}

TEST(JsonParse, LiteralEndsTheProgramWhenItIsNone) {
  EXPECT_EQ(json::literal("[1]"), Json({1}));
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(json::literal("[1"), "JSON that is part of the program is valid");
}

}  // namespace
}  // namespace perdure
