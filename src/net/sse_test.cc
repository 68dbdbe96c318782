#include "net/sse.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// "type|data|id" of each event that a stream in these pieces has.
std::vector<std::string> events_of(const std::vector<std::string>& pieces) {
  std::vector<std::string> events;
  SseParser parser([&](const SseEvent& event) {
    events.push_back(std::string(event.type) + "|" + std::string(event.data) + "|" +
                     std::string(event.last_event_id));
  });
  for (const std::string& piece : pieces) EXPECT_TRUE(parser.feed(piece).ok());
  return events;
}

// The data of the events, which must not depend on where the stream is cut.
std::vector<std::string> data_of(const std::string& stream) {
  const auto read = [&](std::size_t piece_bytes) {
    std::vector<std::string> data;
    SseParser parser([&](const SseEvent& event) { data.emplace_back(event.data); });
    for (std::size_t at = 0; at < stream.size(); at += piece_bytes) {
      EXPECT_TRUE(parser.feed(std::string_view(stream).substr(at, piece_bytes)).ok());
    }
    return data;
  };
  const std::vector<std::string> whole = read(stream.size() + 1);
  for (const std::size_t piece_bytes : {1U, 2U, 3U, 5U}) {
    EXPECT_EQ(read(piece_bytes), whole) << "in pieces of " << piece_bytes;
  }
  return whole;
}

TEST(Sse, EndsOfLines_N42) {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    EXPECT_THAT(data_of("data: 1" + end + end + "data: 2" + end + end), ElementsAre("1", "2"));
  }
  EXPECT_THAT(data_of("data: 1\r\ndata: 2\rdata: 3\n\r\ndata: 4\r\r\n"),
              ElementsAre("1\n2\n3", "4"));
  // A line feed belongs to the carriage return before it, wherever the network cuts.
  EXPECT_THAT(events_of({"data: 1\r", "\ndata: 2\r", "\n\r", "\n"}), ElementsAre("message|1\n2|"));
  EXPECT_THAT(events_of({"data: 1\r", "", "\r", "data: 2\n", "", "\n"}),
              ElementsAre("message|1|", "message|2|"));
  EXPECT_THAT(events_of({"data: 1\n", "\n"}), ElementsAre("message|1|"));
}

TEST(Sse, TheEventComesWithTheCarriageReturnThatEndsIt) {
  // A host that ends lines with CR alone may wait for an answer before it sends more.
  EXPECT_THAT(events_of({"data: 1\r\r"}), ElementsAre("message|1|"));
}

TEST(Sse, OneByteOrderMark_N43) {
  EXPECT_THAT(data_of("\xEF\xBB\xBF"
                      "data: 1\n\n"),
              ElementsAre("1"));
  EXPECT_THAT(events_of({"\xEF", "\xBB", "\xBF", "data: 1\n\n"}), ElementsAre("message|1|"));
  // The second one begins the name of an unknown field.
  EXPECT_THAT(data_of("\xEF\xBB\xBF\xEF\xBB\xBF"
                      "data: 1\n\ndata: 2\n\n"),
              ElementsAre("2"));
  // What begins like one and is none is kept.
  EXPECT_THAT(data_of("\xEF\xBB"
                      "data: 1\n\ndata: 2\n\n"),
              ElementsAre("2"));
  EXPECT_THAT(events_of({"\xEF", "data: 1\ndata: 2\n\n"}), ElementsAre("message|2|"));
}

TEST(Sse, Fields_N44_N45) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {": ping\n\n", {}},
      {":\n\n", {}},
      {"data:1\n\n", {"message|1|"}},
      {"data: 1\n\n", {"message|1|"}},
      {"data:  1\n\n", {"message| 1|"}},
      {"data:\t1\n\n", {"message|\t1|"}},
      {"data\n\n", {"message||"}},
      {"data:\n\n", {"message||"}},
      {"data: a\ndata\ndata:b\n\n", {"message|a\n\nb|"}},
      {"data: a:b: c\n\n", {"message|a:b: c|"}},
      {"Data: 1\n data: 2\ndata : 3\n\n", {}},
      {"event: error\ndata: x\n\ndata: y\n\n", {"error|x|", "message|y|"}},
      {"event: a\nevent: b\ndata: x\n\n", {"b|x|"}},
      {"event: ping\n\ndata: x\n\n", {"message|x|"}},
      {"id: 7\ndata: x\n\ndata: y\n\n", {"message|x|7", "message|y|7"}},
      {"id: 7\ndata: x\n\nid\ndata: y\n\n", {"message|x|7", "message|y|"}},
      {std::string("id: 7\ndata: x\n\nid: 8\0\ndata: y\n\n", 32), {"message|x|7", "message|y|7"}},
      {"foo: bar\nfoo\ndata: x\n\n", {"message|x|"}},
      {"\n\n\ndata: x\n\n\n\n", {"message|x|"}},
  };
  for (const auto& [stream, events] : cases) {
    EXPECT_THAT(events_of({stream}), testing::ElementsAreArray(events)) << stream;
  }
}

TEST(Sse, ReconnectionTime_N44) {
  const std::vector<std::pair<std::string, std::optional<int>>> cases = {
      {"retry: 1500\n", 1500},
      {"retry:0\n", 0},
      {"retry: -1\n", std::nullopt},
      {"retry: 1x\n", std::nullopt},
      {"retry\n", std::nullopt},
      {"retry: +5\n", std::nullopt},
      {"retry: 99999999999999\n", std::nullopt}};
  for (const auto& [line, time] : cases) {
    SseParser parser([](const SseEvent&) { ADD_FAILURE() << "no event"; });
    EXPECT_TRUE(parser.feed(line + "\n").ok());
    EXPECT_EQ(parser.reconnection_time_ms(), time) << line;
  }
}

TEST(Sse, CharactersOfSeveralBytes_N46) {
  const std::string text = "\u00e9 \u20ac \U0001F9D1\u200D\U0001F4BB";
  EXPECT_THAT(data_of("data: " + text + "\n\n"), ElementsAre(text));
  // Bytes are not judged here: the reader of the data does that.
  EXPECT_THAT(data_of("data: \xff\xc3\n\n"), ElementsAre("\xff\xc3"));
}

TEST(Sse, AnEventThatTheStreamEndsInsideOfIsDropped_N50) {
  EXPECT_THAT(events_of({"data: 1\n\ndata: 2\n"}), ElementsAre("message|1|"));
  EXPECT_THAT(events_of({"data: 1"}), IsEmpty());
}

TEST(Sse, LargeEvents_N48) {
  const std::string megabyte(1 << 20, 'x');
  EXPECT_THAT(data_of("data: " + megabyte + "\n\n"), ElementsAre(megabyte));

  constexpr std::size_t kLimit = 100;
  const std::string line = "data: " + std::string(40, 'x') + "\n";
  const std::vector<std::pair<std::string, std::string>> too_large = {
      {"one line", "data: " + std::string(kLimit, 'x')},
      {"many lines", line + line + line},
      {"a comment", ": " + std::string(kLimit, 'x')},
      {"the name of an event", "event: " + std::string(kLimit, 'x')}};
  for (const auto& [name, stream] : too_large) {
    for (const std::size_t piece_bytes : {stream.size(), std::size_t{1}}) {
      SseParser parser([](const SseEvent&) { ADD_FAILURE() << "no event"; }, kLimit);
      Status status;
      for (std::size_t at = 0; status.ok() && at < stream.size(); at += piece_bytes) {
        status = parser.feed(std::string_view(stream).substr(at, piece_bytes));
      }
      ASSERT_FALSE(status.ok()) << name;
      EXPECT_EQ(status.error().code, ErrorCode::kBadReply);
      EXPECT_EQ(status.error().retry, Retry::kLater);
      EXPECT_EQ(status.error().message, "an event of the stream has more than 100 bytes");
    }
  }
}

TEST(Sse, TheLimitIsOfOneEvent_N48) {
  std::size_t count = 0;
  SseParser parser([&](const SseEvent&) { ++count; }, 100);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(
        parser.feed(": a comment of some size\ndata: " + std::string(60, 'x') + "\n\n").ok());
  }
  EXPECT_EQ(count, 1000U);
}

TEST(Sse, ManySmallEventsAndOneLarge_N49) {
  constexpr std::size_t kCount = 100'000;
  std::string stream;
  std::string all;
  for (std::size_t i = 0; i < kCount; ++i) {
    const char letter = static_cast<char>('a' + i % 26);
    stream += std::string("data: ") + letter + "\n\n";
    all += letter;
  }
  std::string joined;
  SseParser parser([&](const SseEvent& event) { joined += event.data; });
  EXPECT_TRUE(parser.feed(stream).ok());
  EXPECT_EQ(joined, all);
  EXPECT_THAT(events_of({"data: " + all + "\n\n"}), ElementsAre("message|" + all + "|"));
}

TEST(Sse, ManyCarriageReturnsCostNoMoreThanLineFeeds_N49) {
  // Looking for the next line feed at each carriage return would take minutes here.
  const std::string stream(8 << 20, '\r');
  EXPECT_THAT(events_of({"data: 1\r", stream}), ElementsAre("message|1|"));
}

}  // namespace
}  // namespace perdure
