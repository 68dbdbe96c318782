#include "core/transcript.h"

#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace perdure {
namespace {

// What a request carries between its head and its tail.
std::string body_of(const Transcript& transcript) {
  std::string body;
  for (const std::string_view piece : transcript.pieces().list) body += piece;
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

// A request in flight shares the bytes while the run goes on.
TEST(Transcript, BytesStayWhereTheyAreWhileItGrows) {
  Transcript transcript;
  std::string whole;
  Transcript::Pieces early;
  std::string early_whole;
  for (std::size_t i = 0; i < 3'000; ++i) {
    // Mostly small; some larger than any block.
    const std::string message(i % 1'000 == 500 ? 200'000 : i % 100, 'x');
    transcript.append(message);
    whole += (i == 0 ? "" : ",") + message;
    if (i != 50) continue;
    early = transcript.pieces();
    early_whole = whole;
  }
  EXPECT_EQ(body_of(transcript), whole);
  EXPECT_EQ(transcript.bytes(), whole.size());
  EXPECT_EQ(transcript.fragment(1'500).size(), 200'000U);
  EXPECT_EQ(transcript.fragment(99), std::string(99, 'x'));
  std::string seen;
  for (const std::string_view piece : early.list) seen += piece;
  EXPECT_EQ(seen, early_whole);
  EXPECT_EQ(early.list.front().data(), transcript.pieces().list.front().data());
}

// Thousands of small messages go out in a few pieces, and a short run stays small.
TEST(Transcript, BlocksGrowWithTheHistory) {
  Transcript transcript;
  for (int i = 0; i < 10'000; ++i) transcript.append(std::string(400, 'x'));
  EXPECT_LT(transcript.pieces().list.size(), 100U);
  EXPECT_GT(transcript.pieces().list.size(), 50U);
}

TEST(Transcript, LivesAsLongAsARequestNeedsIt) {
  Transcript::Pieces pieces;
  {
    Transcript transcript;
    transcript.append("{}");
    pieces = transcript.pieces();
  }
  ASSERT_EQ(pieces.list.size(), 1U);
  EXPECT_EQ(pieces.list[0], "{}");
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

TEST(Transcript, KnowsTheResultsOfCallsThatFailed) {
  Transcript transcript;
  transcript.append("{}");
  transcript.append_failure("[1]");
  transcript.append("[2]");
  for (const Transcript& which : {transcript, Transcript(transcript)}) {
    EXPECT_EQ(body_of(which), "{},[1],[2]");
    EXPECT_FALSE(which.is_failure(0));
    EXPECT_TRUE(which.is_failure(1));
    EXPECT_FALSE(which.is_failure(2));
  }
}

// Journals keep it: the value never changes.
TEST(Transcript, TheHashIsThatOfTheBytes) {
  Transcript transcript;
  EXPECT_EQ(transcript.hash(), "cbf29ce484222325");
  transcript.append("{}");
  transcript.append("[1]");
  EXPECT_EQ(transcript.hash(), "1b292c8ef19b596a");
  const Transcript copy = transcript;
  transcript.append("[2]");
  EXPECT_EQ(copy.hash(), "1b292c8ef19b596a");
  EXPECT_NE(transcript.hash(), copy.hash());
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
