#include "model/delta_shape.h"

#include <functional>
#include <random>

#include <gtest/gtest.h>

#include "json/writer.h"
#include "model/chat_reply.h"
#include "model/reply_reader.h"

namespace perdure {
namespace {

std::string chunk_of(std::string_view delta, std::string_view rest = "") {
  return R"({"id":"c","choices":[{"index":0,"delta":{)" + std::string(delta) +
         R"(},"finish_reason":null}])" + std::string(rest) + "}";
}

// "text" when the second chunk is read by the shape of the first one, else "-".
std::string matched(const std::string& first, const std::string& second) {
  json::Reader reader;
  DeltaShape shape;
  const Result<json::Value> chunk = reader.parse(first);
  EXPECT_TRUE(chunk.ok()) << first;
  shape.learn(first, *chunk);
  const std::optional<TextDelta> delta = shape.match(second);
  return delta ? std::string(delta->text) : "-";
}

struct ShapeRow {
  const char* name;
  std::string first, second, text;
};

class Shape : public testing::TestWithParam<ShapeRow> {};

TEST_P(Shape, matches_what_differs_in_one_plain_text) {
  EXPECT_EQ(matched(GetParam().first, GetParam().second), GetParam().text);
}

const std::string kFirst = chunk_of(R"("content":"one")");

const ShapeRow kShapes[] = {
    {"another_text", kFirst, chunk_of(R"("content":"two words")"), "two words"},
    {"characters", kFirst, chunk_of("\"content\":\"\xE4\xBD\xA0\""), "\xE4\xBD\xA0"},
    {"space_behind_the_colon", chunk_of(R"("content": "one")"), chunk_of(R"("content": "2")"), "2"},
    {"reasoning", chunk_of(R"("role":"assistant","content":"","reasoning_content":"a")"),
     chunk_of(R"("role":"assistant","content":"","reasoning_content":"b")"), "b"},
    {"nulls_beside", chunk_of(R"("tool_calls":null,"reasoning":"a")"),
     chunk_of(R"("tool_calls":null,"reasoning":"b")"), "b"},
    {"empty_text", kFirst, chunk_of(R"("content":"")"), "-"},
    {"escape", kFirst, chunk_of(R"("content":"a\nb")"), "-"},
    {"quotation_mark", kFirst, chunk_of(R"("content":"a","role":"b")"), "-"},
    {"control_character", kFirst, chunk_of("\"content\":\"a\tb\""), "-"},
    {"bytes_that_are_no_text", kFirst, chunk_of("\"content\":\"\xFF\""), "-"},
    {"another_member", kFirst, chunk_of(R"("reasoning":"one")"), "-"},
    {"more_behind", kFirst, chunk_of(R"("content":"two")", R"(,"usage":{})"), "-"},
    {"another_id", kFirst, R"({"id":"d","choices":[{"index":0,"delta":{"content":"x"}}]})", "-"},
    {"cut", kFirst, kFirst.substr(0, kFirst.size() - 1), "-"},
    {"first_with_a_call", chunk_of(R"("content":"a","tool_calls":[{"index":0}])"),
     chunk_of(R"("content":"b","tool_calls":[{"index":0}])"), "-"},
    {"first_with_details", chunk_of(R"("reasoning":"a","reasoning_details":[{"text":"a"}])"),
     chunk_of(R"("reasoning":"b","reasoning_details":[{"text":"a"}])"), "-"},
    {"first_with_an_extra", chunk_of(R"("content":"a","signature":"s")"),
     chunk_of(R"("content":"b","signature":"s")"), "-"},
    {"first_with_two_texts", chunk_of(R"("content":"a","reasoning":"a")"),
     chunk_of(R"("content":"b","reasoning":"a")"), "-"},
    {"first_with_usage", chunk_of(R"("content":"a")", R"(,"usage":{"prompt_tokens":1})"),
     chunk_of(R"("content":"b")", R"(,"usage":{"prompt_tokens":1})"), "-"},
    {"first_with_the_text_twice", chunk_of(R"("content":"a")", R"(,"x":{"content":"a"})"),
     chunk_of(R"("content":"b")", R"(,"x":{"content":"a"})"), "-"},
    {"first_with_an_escape", chunk_of(R"("content":"a\n")"), chunk_of(R"("content":"b\n")"), "-"},
};

INSTANTIATE_TEST_SUITE_P(Rows, Shape, testing::ValuesIn(kShapes),
                         [](const auto& row) { return std::string(row.param.name); });

// Both ways give the same reply: random streams through the reader, and chunk by chunk.
TEST(Shape, changes_nothing_but_the_cost) {
  constexpr std::uint32_t kSeeds = 300;
  const char* members[] = {"content", "reasoning_content", "reasoning"};
  const char* texts[] = {"a", " word", "\xE4\xBD\xA0", "line\n", "\"", "\\", "", "a", "\x01", "0"};
  for (std::uint32_t seed = 0; seed < kSeeds; ++seed) {
    std::mt19937 random(seed);
    const HostProfile host;
    json::Reader json;
    ReplyReader reader(json, host, {}, nullptr);
    ReplyAssembly slow(host, {}, nullptr);
    reader.take_head({.status = 200});
    const std::size_t count = random() % 30;
    for (std::size_t i = 0; i <= count; ++i) {
      std::string delta = "\"" + std::string(members[random() % (1 + seed % 3)]) + "\":";
      json::append_string(delta, texts[random() % std::size(texts)]);
      if (random() % 8 == 0) delta += R"(,"extra":"e")";
      std::string chunk =
          chunk_of(delta, random() % 8 == 0 ? R"(,"usage":{"prompt_tokens":3})" : "");
      if (i == count) chunk = R"({"choices":[{"delta":{},"finish_reason":"stop"}]})";
      reader.feed("data: " + chunk + "\n\n");
      ASSERT_TRUE(slow.add_chunk(*json.parse(chunk), chunk).ok());
    }
    const Result<ModelReplied> fast = reader.finish({}, 0);
    const Result<ModelReplied> wanted = slow.finish();
    ASSERT_EQ(fast.ok(), wanted.ok()) << "seed " << seed;
    if (!fast.ok()) continue;
    EXPECT_EQ(fast->fragment, wanted->fragment) << "seed " << seed;
    EXPECT_EQ(fast->text, wanted->text) << "seed " << seed;
    EXPECT_EQ(fast->usage.output_tokens, wanted->usage.output_tokens) << "seed " << seed;
  }
}

}  // namespace
}  // namespace perdure
