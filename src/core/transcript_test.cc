#include "core/transcript.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace perdure {
namespace {

// What a request carries between its head and its tail.
std::string body_of(const Transcript& transcript) {
  std::string body;
  for (const std::string& piece : *transcript.pieces()) body += piece;
  return body;
}

TEST(Transcript, IsAListOfMessagesWithCommas) {
  Transcript transcript;
  EXPECT_EQ(transcript.size(), 0U);
  EXPECT_EQ(transcript.bytes(), 0U);
  EXPECT_EQ(body_of(transcript), "");
  transcript.append(R"({"a":1})");
  EXPECT_EQ(body_of(transcript), R"({"a":1})");
  transcript.append(R"({ "b" : 2 })");
  transcript.append(R"({})");
  EXPECT_EQ(body_of(transcript), R"({"a":1},{ "b" : 2 },{})");
  EXPECT_EQ(transcript.bytes(), body_of(transcript).size());
  ASSERT_EQ(transcript.size(), 3U);
  EXPECT_EQ(transcript.fragment(0), R"({"a":1})");
  EXPECT_EQ(transcript.fragment(1), R"({ "b" : 2 })");
  EXPECT_EQ(transcript.fragment(2), "{}");
}

// A request in flight shares the pieces while the run goes on.
TEST(Transcript, PiecesStayWhereTheyAreWhileItGrows) {
  Transcript transcript;
  transcript.append("{}");
  const std::shared_ptr<const Transcript::Pieces> shared = transcript.pieces();
  const std::string* first = &shared->front();
  const char* bytes = first->data();
  for (int i = 0; i < 10'000; ++i) transcript.append(std::string(i % 100, 'x'));
  EXPECT_EQ(&shared->front(), first);
  EXPECT_EQ(shared->front().data(), bytes);
  EXPECT_EQ(shared->size(), 10'001U);
  EXPECT_EQ(transcript.pieces(), shared);
}

TEST(Transcript, CopiesAreTheirOwn) {
  Transcript original;
  original.append("{}");
  Transcript copy = original;
  copy.append("[1]");
  Transcript assigned;
  assigned.append("[2]");
  assigned = original;
  original.append("[3]");
  EXPECT_EQ(body_of(original), "{},[3]");
  EXPECT_EQ(body_of(copy), "{},[1]");
  EXPECT_EQ(copy.bytes(), 6U);
  EXPECT_EQ(body_of(assigned), "{}");
  EXPECT_EQ(assigned.bytes(), 2U);
  const Transcript moved = std::move(copy);
  EXPECT_EQ(body_of(moved), "{},[1]");
  EXPECT_EQ(moved.bytes(), 6U);
}

TEST(Transcript, MessagesOfTheRuntime) {
  EXPECT_EQ(message_fragment("user", "Do it."), R"({"role":"user","content":"Do it."})");
  EXPECT_EQ(message_fragment("system", ""), R"({"role":"system","content":""})");
  EXPECT_EQ(message_fragment("user", "\"\\\n\t\x01 é 你"),
            R"({"role":"user","content":"\"\\\n\t\u0001 é 你"})");
}

TEST(Transcript, ResultsNameTheirCall) {
  EXPECT_EQ(result_fragment("functions.list_files:0", "a\nb"),
            R"({"role":"tool","tool_call_id":"functions.list_files:0","content":"a\nb"})");
  // Ids go back as they came, whatever is in them.
  EXPECT_EQ(result_fragment("a\"b\\ {", "x"),
            R"({"role":"tool","tool_call_id":"a\"b\\ {","content":"x"})");
  // Hosts refuse an empty result.
  EXPECT_EQ(result_fragment("a", ""),
            R"-({"role":"tool","tool_call_id":"a","content":"(no output)"})-");
}

}  // namespace
}  // namespace perdure
