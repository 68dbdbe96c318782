#include "runtime/redaction.h"

#include <gtest/gtest.h>

namespace perdure {
namespace {

struct RedactionRow {
  const char* name;
  const char* text;
  const char* expected;
};

const RedactionRow kRedactionRows[] = {
    {"Prose", "The secret of bread is time; skip the rest.", nullptr},
    {"AKnownKey", "x 0123-known-key y", "x [secret] y"},
    {"ServiceKeys", "sk-abcdefghijklmnop1234 and ghp_ABCDEFGHIJKLMNOP1234",
     "[secret] and [secret]"},
    {"InsideAWord", "task-abcdefghijklmnopqrstuvwxyz", nullptr},
    {"AShortTail", "sk-learn", nullptr},
    {"AnAssignment", "PASSWORD=swordfish99; next", "PASSWORD=[secret]; next"},
    {"InJson", R"({"api_key":"abcdef123456","n":1})", R"({"api_key":"[secret]","n":1})"},
    {"InEscapedJson", R"({\"api_key\": \"abcdef123456\"})", R"({\"api_key\": \"[secret]\"})"},
    {"AHeader", "Authorization: Bearer abc.def-ghi", "Authorization: Bearer [secret]"},
    {"AToken", "access_token: bearer", nullptr},
    {"ABlock", "a\n-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nb",
     "a\n[secret]\nb"},
    {"ACutBlock", "-----BEGIN PRIVATE KEY-----\nMII", "[secret]"},
};

class RedactionTest : public testing::TestWithParam<RedactionRow> {};
INSTANTIATE_TEST_SUITE_P(Texts, RedactionTest, testing::ValuesIn(kRedactionRows),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_P(RedactionTest, hides_what_looks_like_a_secret) {
  const Redaction redaction({"0123-known-key", "short"});
  const RedactionRow& row = GetParam();
  EXPECT_EQ(redaction.redact(row.text), row.expected == nullptr ? row.text : row.expected);
}

TEST(Redaction, leaves_words_that_are_too_short_for_a_key) {
  EXPECT_EQ(Redaction({"short", ""}).redact("a short text"), "a short text");
}

}  // namespace
}  // namespace perdure
