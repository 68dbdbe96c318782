// JSONTestSuite through both readers of JSON: json::parse, which builds values, and json::Reader,
// which only looks. Files named y_ must be read, n_ must be refused, i_ may be either.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "json/parse.h"
#include "json/reader.h"
#include "tests/support/suites.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The text of the value that a reader finds, or nothing with what it says.
struct Reading {
  bool accepted = false;
  std::string text;
};

Reading read_by_parse(std::string_view text) {
  const Result<Json> value = json::parse(text);
  if (!value.ok()) return {false, to_text(value.error())};
  return {true, json::dump(*value)};
}

Reading read_by_reader(std::string_view text) {
  json::Reader reader;
  const Result<json::Value> value = reader.parse(text);
  if (!value.ok()) return {false, to_text(value.error())};
  return {true, value->text()};
}

// Reads every file by one reader; what it accepts must be JSON again, with the same value.
// There is no list of exceptions: both hold for every file.
void run_suite(const fs::path& folder, Reading (*read)(std::string_view)) {
  std::size_t count = 0;
  for (const fs::path& path : files_of(folder)) {
    const std::string name = path.filename().string();
    const Reading reading = read(read_file(path));
    ++count;
    if (reading.accepted) {
      EXPECT_TRUE(is_valid_utf8(reading.text)) << name;
      const Reading again = read(reading.text);
      EXPECT_EQ(again.text, reading.text) << name;
    }
    if (name[0] == 'i') continue;
    EXPECT_EQ(reading.accepted, name[0] == 'y') << name << ": " << reading.text.substr(0, 200);
  }
  EXPECT_GE(count, 318U);
}

TEST(JsonSuite, Parse) {
  PERDURE_FIND_SUITE(suite, "JSONTestSuite");
  run_suite(suite / "test_parsing", read_by_parse);
}

TEST(JsonSuite, Reader) {
  PERDURE_FIND_SUITE(suite, "JSONTestSuite");
  run_suite(suite / "test_parsing", read_by_reader);
}

// What becomes of values that RFC 8259 leaves open: as each reader writes it again, or "refused".
struct Transform {
  std::string_view file;
  std::string_view parsed;
  std::string_view looked_at;
};

// Arguments are read by json::parse alone: the last of equal keys wins there, and their text is
// kept beside the value. What the Reader refuses for its encoding is repaired before.
constexpr std::string_view kRefused = "refused";
constexpr std::array<Transform, 22> kTransforms = {{
    {"number_-9223372036854775808.json", "[-9223372036854775808]", "[-9223372036854775808]"},
    {"number_-9223372036854775809.json", "[-9.223372036854776e+18]", kRefused},
    {"number_1.0.json", "[1.0]", "[1.0]"},
    {"number_1.000000000000000005.json", "[1.0]", "[1.0]"},
    {"number_1000000000000000.json", "[1000000000000000]", "[1000000000000000]"},
    {"number_10000000000000000999.json", "[10000000000000000999]", "[10000000000000000999]"},
    {"number_1e-999.json", "[0.0]", "[0.0]"},
    {"number_1e6.json", "[1000000.0]", "[1000000.0]"},
    {"number_9223372036854775807.json", "[9223372036854775807]", "[9223372036854775807]"},
    {"number_9223372036854775808.json", "[9223372036854775808]", "[9223372036854775808]"},
    {"object_key_nfc_nfd.json", "{\"e\u0301\":\"NFD\",\"\u00e9\":\"NFC\"}",
     "{\"\u00e9\":\"NFC\",\"e\u0301\":\"NFD\"}"},
    {"object_key_nfd_nfc.json", "{\"e\u0301\":\"NFD\",\"\u00e9\":\"NFC\"}",
     "{\"e\u0301\":\"NFD\",\"\u00e9\":\"NFC\"}"},
    {"object_same_key_different_values.json", R"({"a":2})", R"({"a":1,"a":2})"},
    {"object_same_key_same_value.json", R"({"a":1})", R"({"a":1,"a":1})"},
    {"object_same_key_unclear_values.json", R"({"a":0})", R"({"a":0,"a":0})"},
    {"string_1_escaped_invalid_codepoint.json", kRefused, kRefused},
    {"string_1_invalid_codepoint.json", kRefused, kRefused},
    {"string_2_escaped_invalid_codepoints.json", kRefused, kRefused},
    {"string_2_invalid_codepoints.json", kRefused, kRefused},
    {"string_3_escaped_invalid_codepoints.json", kRefused, kRefused},
    {"string_3_invalid_codepoints.json", kRefused, kRefused},
    {"string_with_escaped_NULL.json", R"(["A\u0000B"])", R"(["A\u0000B"])"},
}};

TEST(JsonSuite, Transform) {
  PERDURE_FIND_SUITE(suite, "JSONTestSuite");
  EXPECT_EQ(files_of(suite / "test_transform").size(), kTransforms.size());
  const auto verdict = [](const Reading& reading) {
    return reading.accepted ? reading.text : std::string(kRefused);
  };
  for (const Transform& transform : kTransforms) {
    const std::string text = read_file(suite / "test_transform" / transform.file);
    EXPECT_EQ(verdict(read_by_parse(text)), transform.parsed) << transform.file;
    EXPECT_EQ(verdict(read_by_reader(text)), transform.looked_at) << transform.file;
  }
}

}  // namespace
}  // namespace perdure
