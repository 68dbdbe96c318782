#include "json/writer.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/json.h"

namespace perdure {
namespace {

std::string written(const std::function<void(json::Writer&)>& write) {
  std::string out;
  json::Writer writer(out);
  write(writer);
  return out;
}

TEST(JsonWriter, StringsAreEscapedInOneWay) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", R"("")"},
      {"plain text", R"("plain text")"},
      {"\"\\/", R"("\"\\/")"},
      {"\b\f\n\r\t", R"("\b\f\n\r\t")"},
      {std::string("\0\x01\x1f", 3), R"("\u0000\u0001\u001f")"},
      {"\x7f", "\"\x7f\""},
      {"\u00e9\u2028\U0001F600", "\"\u00e9\u2028\U0001F600\""},
      {"a\"b", R"("a\"b")"},
      {"\n", R"("\n")"},
  };
  for (const auto& [text, expected] : cases) {
    std::string out = "[";
    json::append_string(out, text);
    EXPECT_EQ(out, "[" + expected);
    EXPECT_EQ(test::parse_json(expected), text);
  }
}

TEST(JsonWriter, EveryByteThatJsonForbidsIsEscaped) {
  for (int c = 0; c < 0x80; ++c) {
    std::string out;
    json::append_string(out, std::string(1, static_cast<char>(c)));
    EXPECT_EQ(test::parse_json(out), std::string(1, static_cast<char>(c))) << c;
  }
}

TEST(JsonWriter, Commas) {
  EXPECT_EQ(written([](json::Writer& writer) {
              writer.begin_object().key("a").integer(1).key("b").begin_array();
              writer.string("x").boolean(true).boolean(false).null().raw("{ }");
              writer.begin_array().end_array().begin_object().end_object().number(0.5).end_array();
              writer.key("c").begin_object().key("d\"").null().end_object().end_object();
            }),
            R"({"a":1,"b":["x",true,false,null,{ },[],{},0.5],"c":{"d\"":null}})");
}

TEST(JsonWriter, Integers) {
  for (const std::int64_t number :
       {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::max(),
        std::numeric_limits<std::int64_t>::min()}) {
    EXPECT_EQ(written([&](json::Writer& writer) { writer.integer(number); }),
              std::to_string(number));
  }
}

TEST(JsonWriter, NumbersReadBackAsTheSame) {
  for (const double number :
       {0.0, -0.0, 1.0, 0.1, 1e21, 1e300, -2.5e-300, 1.0 / 3.0, std::numeric_limits<double>::max(),
        std::numeric_limits<double>::denorm_min()}) {
    const std::string text = written([&](json::Writer& writer) { writer.number(number); });
    EXPECT_EQ(test::parse_json(text).get<double>(), number) << text;
  }
  for (const double number : {std::numeric_limits<double>::infinity(), std::nan("")}) {
    EXPECT_EQ(written([&](json::Writer& writer) { writer.number(number); }), "null");
  }
  EXPECT_EQ(written([](json::Writer& writer) { writer.number(0.1); }), "0.1");
}

}  // namespace
}  // namespace perdure
