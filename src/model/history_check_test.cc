// Every way in which a history can be wrong is found, whenever it joins; and no right one is.
#include "model/history_check.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/transcript.h"

namespace perdure {
namespace {

using ::testing::HasSubstr;

const std::string kSystem = message_fragment("system", "Be brief.");
const std::string kUser = message_fragment("user", "Go.");
const std::string kReply = message_fragment("assistant", "Done.");

std::string call_json(const std::string& id, const std::string& name = "look",
                      const std::string& arguments = "{}") {
  return R"({"id":")" + id + R"(","type":"function","function":{"name":")" + name +
         R"(","arguments":")" + arguments + "\"}}";
}

std::string calls_message(const std::string& list) {
  return R"({"role":"assistant","tool_calls":[)" + list + "]}";
}

std::string answer_message(const std::string& id) {
  return result_fragment(id, "ok");
}

struct CheckedHistory {
  std::string name;
  std::vector<std::string> messages;
  std::string wrong;  // empty: nothing
};

const std::vector<CheckedHistory>& history_cases() {
  static const std::vector<CheckedHistory> kCases = {
      {"plain", {kSystem, kUser}, ""},
      {"two notes", {kSystem, kUser, kUser}, ""},
      {"calls",
       {kSystem, kUser, calls_message(call_json("a") + "," + call_json("b")), answer_message("a"),
        answer_message("b")},
       ""},
      {"the same id again",
       {kUser, calls_message(call_json("a")), answer_message("a"), kUser,
        calls_message(call_json("a")), answer_message("a")},
       ""},
      {"a second turn", {kSystem, kUser, kReply, kUser}, ""},
      {"no JSON", {kSystem, kUser, "{"}, "message 2 of its history is no JSON object"},
      {"a list", {"[]"}, "is no JSON object"},
      {"no role", {kUser, "{}"}, "has the role ''"},
      {"another role", {kUser, message_fragment("function", "x")}, "has the role 'function'"},
      {"system behind others", {kUser, kSystem}, "is of the system"},
      {"orphan", {kUser, answer_message("a")}, "answers call 'a'"},
      {"out of order",
       {kUser, calls_message(call_json("a") + "," + call_json("b")), answer_message("b"),
        answer_message("a")},
       "answers call 'b'"},
      {"answered twice",
       {kUser, calls_message(call_json("a")), answer_message("a"), answer_message("a")},
       "answers call 'a'"},
      {"not answered", {kUser, calls_message(call_json("a"))}, "call a has no result"},
      {"something between",
       {kUser, calls_message(call_json("a")), kUser, answer_message("a")},
       "stands between call a and its result"},
      {"half answered",
       {kUser, calls_message(call_json("a") + "," + call_json("b")), answer_message("a"), kReply},
       "stands between call b and its result"},
      {"the same id twice",
       {kUser, calls_message(call_json("a") + "," + call_json("a")), answer_message("a"),
        answer_message("a")},
       "two calls with the id a"},
      {"no id", {kUser, calls_message(call_json("")), answer_message("")}, "without an id"},
      {"name",
       {kUser, calls_message(call_json("a", "look it")), answer_message("a")},
       "a name that no host takes"},
      {"no name",
       {kUser, calls_message(call_json("a", "")), answer_message("a")},
       "a name that no host takes"},
      {"arguments",
       {kUser, calls_message(call_json("a", "look", "{oops")), answer_message("a")},
       "no JSON object"},
      {"arguments that are a list",
       {kUser, calls_message(call_json("a", "look", "[]")), answer_message("a")},
       "no JSON object"},
      {"nothing to answer", {kSystem}, "nothing to answer"},
      {"ends with a reply", {kSystem, kUser, kReply}, "nothing to answer"},
  };
  return kCases;
}

TEST(HistoryCheck, N08_finds_what_a_host_must_refuse) {
  for (const CheckedHistory& row : history_cases()) {
    Transcript transcript;
    for (const std::string& message : row.messages) transcript.append(message);
    const Status status = HistoryCheck().check(transcript);
    EXPECT_EQ(status.ok(), row.wrong.empty()) << row.name;
    if (status.ok()) continue;
    EXPECT_THAT(status.error().message, HasSubstr(row.wrong)) << row.name;
    EXPECT_EQ(status.error().code, ErrorCode::kInternal);
  }
}

// What was right is not looked at again; what joins later is.
TEST(HistoryCheck, N08_goes_on_where_it_was) {
  for (const CheckedHistory& row : history_cases()) {
    Transcript transcript;
    transcript.append(kSystem);
    transcript.append(kUser);
    HistoryCheck check;
    ASSERT_TRUE(check.check(transcript).ok());
    for (const std::string& message : row.messages) {
      if (message != kSystem) transcript.append(message);
    }
    if (row.wrong.empty()) {
      EXPECT_TRUE(check.check(transcript).ok()) << row.name;
      transcript.append(answer_message("never asked for"));
      EXPECT_FALSE(check.check(transcript).ok()) << row.name;
    } else if (row.name.find("system") == std::string::npos && row.name != "nothing to answer") {
      EXPECT_FALSE(check.check(transcript).ok()) << row.name;
    }
  }
}

}  // namespace
}  // namespace perdure
