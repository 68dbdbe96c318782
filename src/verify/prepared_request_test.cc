// What is sent of a line: its bytes and its order, but for what the format and the options say.
#include "verify/prepared_request.h"

#include <gtest/gtest.h>

#include "tests/support/replies.h"

namespace perdure::verify {
namespace {

struct PreparedCase {
  const char* name;
  const char* line;
  Overrides overrides;
  const char* body;
  bool stream = false;
};

void PrintTo(const PreparedCase& row, std::ostream* out) {
  *out << row.name;
}

const PreparedCase kPreparedCases[] = {
    {"model replaced in its place",
     R"({"model":"x","messages":[{"role":"user","content":"a"}]})",
     {.model = "k2"},
     R"({"model":"k2","messages":[{"role":"user","content":"a"}]})"},
    {"model added, the order of everything kept",
     R"( {"tools": [ {"z":1,"a":2} ], "messages":[{"content":"é","role":"user"}], "top_p":0.950} )",
     {.model = "k2"},
     R"({"tools":[ {"z":1,"a":2} ],"messages":[{"content":"é","role":"user"}],"top_p":0.950,)"
     R"("model":"k2"})"},
    {"the role of the format",
     R"({"messages":[{"role":"_input","content":"s"},{"role":"user","content":"_input"}]})",
     {.model = "k2"},
     R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"_input"}],)"
     R"("model":"k2"})"},
    {"usage of a stream",
     R"({"messages":[{}],"stream":true})",
     {.model = "k2"},
     R"({"messages":[{}],"stream":true,"model":"k2","stream_options":{"include_usage":true}})",
     true},
    {"usage of a stream as the file wants it",
     R"({"messages":[{}],"stream":true,"stream_options":{"include_usage":false}})",
     {.model = "k2"},
     R"({"messages":[{}],"stream":true,"stream_options":{"include_usage":false},"model":"k2"})",
     true},
    {"a host without usage in streams",
     R"({"messages":[{}],"stream":true})",
     {.model = "k2", .stream_usage = false},
     R"({"messages":[{}],"stream":true,"model":"k2"})",
     true},
    {"streaming switched off",
     R"({"messages":[{}],"stream":true,"stream_options":{"include_usage":true}})",
     {.model = "k2", .stream = false},
     R"({"messages":[{}],"stream":false,"model":"k2"})"},
    {"streaming switched on",
     R"({"messages":[{}]})",
     {.model = "k2", .stream = true},
     R"({"messages":[{}],"model":"k2","stream":true,"stream_options":{"include_usage":true}})",
     true},
    {"sampling and length",
     R"({"temperature":0.6,"messages":[{}],"max_tokens":5})",
     {.model = "k2", .temperature = 1.0, .max_tokens = 64'000},
     R"({"temperature":1.0,"messages":[{}],"max_tokens":64000,"model":"k2"})"},
    {"length by its newer name",
     R"({"messages":[{}],"max_completion_tokens":5})",
     {.model = "k2", .max_tokens = 7},
     R"({"messages":[{}],"max_completion_tokens":7,"model":"k2"})"},
    {"of two members of a name the last",
     R"({"n":1,"messages":[{}],"n":2})",
     {.model = "k2"},
     R"({"n":2,"messages":[{}],"model":"k2"})"},
};

class Prepared : public ::testing::TestWithParam<PreparedCase> {};

TEST_P(Prepared, IsTheLineWithWhatIsSaid) {
  const Result<PreparedRequest> request = prepare_request(GetParam().line, GetParam().overrides);
  ASSERT_TRUE(request.ok()) << to_text(request.error());
  EXPECT_EQ(request->body, GetParam().body);
  EXPECT_EQ(request->stream, GetParam().stream);
}

INSTANTIATE_TEST_SUITE_P(Lines, Prepared, ::testing::ValuesIn(kPreparedCases),
                         [](const auto& row) { return test::case_name(row.param.name); });

// The hash was made by Python's json and hashlib from the request as it is sent.
TEST(PreparedRequest, HasTheHashThatTheFormatGivesIt) {
  const Result<PreparedRequest> request = prepare_request(
      R"({"messages":[{"role":"_input","content":"s"},{"content":"u","role":"user"}],)"
      R"("tools":[{"z":1,"a":2}],"model":"other","temperature":0.6})",
      {.model = "k2"});
  ASSERT_TRUE(request.ok()) << to_text(request.error());
  EXPECT_EQ(request->hash, "65960c5e3ecbbadb0147b03e18ef2e0a");
}

TEST(PreparedRequest, IsRefusedWhenItIsNone) {
  const std::pair<const char*, const char*> kWrong[] = {
      {"{\"messages\":[", "this line is no JSON"},
      {"[]", "this line is no JSON object"},
      {R"({"prompt":"a"})", "this line has a prompt for /v1/completions, which is not asked"},
      {R"({"prompt":"a","messages":[]})", "this request has no messages"},
      {R"({"messages":[]})", "this request has no messages"},
      {R"({"messages":"a"})", "this request has no messages"},
      {R"({"messages":["a"]})", "a message of this request is no JSON object"}};
  for (const auto& [line, words] : kWrong) {
    const Result<PreparedRequest> request = prepare_request(line, {.model = "k2"});
    ASSERT_FALSE(request.ok()) << line;
    EXPECT_EQ(request.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(request.error().message.find(words), 0U) << request.error().message;
  }
}

TEST(WithMembers, TakeThePlaceOfThoseOfTheirNames) {
  EXPECT_EQ(with_members(R"({"a":1,"b":2})", ""), R"({"a":1,"b":2})");
  EXPECT_EQ(with_members(R"({"a":1,"b":2})", R"({"b":{"x":[]},"c":3})"),
            R"({"a":1,"b":{"x":[]},"c":3})");
}

}  // namespace
}  // namespace perdure::verify
