// The event stream cases of the web platform tests, restated as data (suites/eventsource), through
// the parser of net/sse.h: whole, byte by byte, and cut in two at every place. The events must be
// the same each time, because a network cuts where it likes.
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "net/sse.h"
#include "tests/support/json.h"
#include "tests/support/suites.h"

namespace perdure {
namespace {

std::string decode_base64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6U | static_cast<unsigned>(kDigits.find(c));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> static_cast<unsigned>(count) & 0xFFU);
  }
  return bytes;
}

// What a stream said: a line for each event, then the reconnection time when it was set.
class Listener {
 public:
  void feed(std::string_view bytes) { EXPECT_TRUE(parser_.feed(bytes).ok()); }
  Json heard() const {
    Json all = {{"events", events_}};
    if (const std::optional<int> time = parser_.reconnection_time_ms()) {
      all["reconnection_time_ms"] = *time;
    }
    return all;
  }

 private:
  Json events_ = Json::array();
  SseParser parser_{[this](const SseEvent& event) {
    events_.push_back(
        {{"type", event.type}, {"data", event.data}, {"lastEventId", event.last_event_id}});
  }};
};

Json expected_of(const Json& example) {
  Json all = {{"events", example.at("events")}};
  if (example.contains("reconnection_time_ms")) {
    all["reconnection_time_ms"] = example["reconnection_time_ms"];
  }
  return all;
}

void run_case(const Json& example) {
  SCOPED_TRACE(example.at("name").get<std::string>());
  const std::string stream = decode_base64(example.at("stream_base64").get<std::string>());
  const Json expected = expected_of(example);
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    Listener listener;
    listener.feed(std::string_view(stream).substr(0, cut));
    listener.feed(std::string_view(stream).substr(cut));
    ASSERT_EQ(listener.heard(), expected) << "cut at byte " << cut;
  }
  Listener listener;
  for (const char c : stream) listener.feed({&c, 1});
  EXPECT_EQ(listener.heard(), expected) << "byte by byte";
}

TEST(EventStreamSuite, EveryCaseAtEveryCut) {
  PERDURE_FIND_SUITE(suite, "eventsource");
  std::ifstream stream(suite / "cases.json", std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(stream)),
                         std::istreambuf_iterator<char>());
  const Json document = test::parse_json(text);
  ASSERT_TRUE(document.is_object());
  for (const Json& example : document.at("cases")) run_case(example);
  EXPECT_GE(document.at("cases").size(), 30U);
}

}  // namespace
}  // namespace perdure
