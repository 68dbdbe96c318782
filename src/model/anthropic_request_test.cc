// Histories as Anthropic's messages API takes them, and that each request begins with the bytes of
// the last one.
#include "model/anthropic_request.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "json/parse.h"
#include "tests/support/json.h"

namespace perdure {
namespace {

std::string sent_bytes(const HttpBody& body) {
  std::string bytes;
  for (std::size_t i = 0; i < body.parts(); ++i) bytes += body.part(i);
  EXPECT_EQ(bytes.size(), body.size());
  return bytes;
}

Endpoint endpoint_at(const std::string& host, const std::string& model = "kimi-k2.6") {
  Result<Endpoint> endpoint =
      Catalog::open("")->resolve_without_key({.model = model, .host = host});
  if (endpoint.ok()) return std::move(*endpoint);
  ADD_FAILURE() << to_text(endpoint.error());
  return {};
}

const std::vector<ToolDeclaration> kTools = {
    {.name = "look", .description = "Looks.", .parameters = R"({"type":"object"})"},
    {.name = "change", .description = "Changes.", .parameters = R"({"type":"object"})"}};

ChatRequest request_at(const Endpoint& endpoint, const RequestOptions& options = {},
                       const std::vector<ToolDeclaration>& tools = kTools) {
  Result<ChatRequest> request = ChatRequest::make(endpoint, tools, options);
  if (!request.ok()) ADD_FAILURE() << to_text(request.error());
  return request.ok() ? std::move(*request) : ChatRequest();
}

Json json_request(const Endpoint& endpoint, const RequestOptions& options,
                  std::int64_t replies_in_turn = 0) {
  Transcript transcript;
  transcript.append(message_fragment("system", "Be brief."));
  transcript.append(message_fragment("user", "Go."));
  return test::parse_json(
      sent_bytes(request_at(endpoint, options).body(transcript, 1000, replies_in_turn)));
}

TEST(AnthropicRequest, HasEverythingWhereThatApiWantsIt) {
  const Json request =
      json_request(endpoint_at("moonshot-anthropic"), {.thinking = Thinking::kKeep});
  EXPECT_EQ(request, test::parse_json(R"({
      "model":"kimi-k2.6","stream":true,"max_tokens":1000,
      "thinking":{"type":"enabled"},
      "context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},
      "tools":[{"name":"look","description":"Looks.","input_schema":{"type":"object"}},
               {"name":"change","description":"Changes.","input_schema":{"type":"object"}}],
      "system":[{"type":"text","text":"Be brief."}],
      "messages":[{"role":"user","content":[{"type":"text","text":"Go."}]}]})"));
  const Json off = json_request(endpoint_at("moonshot-anthropic"), {.thinking = Thinking::kOff});
  EXPECT_EQ(off["thinking"], test::parse_json(R"({"type":"disabled"})"));
  EXPECT_FALSE(off.contains("context_management"));
}

TEST(AnthropicRequest, ChoosesToolsInItsOwnWords) {
  const auto choice = [](const char* mode, std::int64_t replies_in_turn = 0) {
    const Json request =
        json_request(endpoint_at("moonshot-anthropic"),
                     {.thinking = Thinking::kOff, .tool_choice = {mode}}, replies_in_turn);
    return request.contains("tool_choice") ? json::dump(request["tool_choice"]) : "";
  };
  EXPECT_EQ(choice("auto"), "");
  EXPECT_EQ(choice("none"), R"({"type":"none"})");
  EXPECT_EQ(choice("required"), R"({"type":"any"})");
  EXPECT_EQ(choice("look"), R"({"name":"look","type":"tool"})");
  EXPECT_EQ(choice("look", 1), "") << "only the first request of a turn is forced";
}

struct HistoryCase {
  std::string name;
  std::vector<std::string> messages;  // chat; those that begin with '!' are results of failed calls
  std::string wanted;                 // the messages of the request
};

void PrintTo(const HistoryCase& row, std::ostream* out) {
  *out << row.name;
}

class AnthropicHistories : public ::testing::TestWithParam<HistoryCase> {};

TEST_P(AnthropicHistories, BecomeBlocks) {
  Transcript transcript;
  for (const std::string& message : GetParam().messages) {
    message[0] == '!' ? transcript.append_failure(message.substr(1)) : transcript.append(message);
  }
  const HttpBody body =
      request_at(endpoint_at("moonshot-anthropic"), {}, {}).body(transcript, 1000, 0);
  const Json request = test::parse_json(sent_bytes(body));
  EXPECT_EQ(json::dump(request["messages"]), json::dump(test::parse_json(GetParam().wanted)));
}

const std::string kGo = message_fragment("user", "Go.");
const std::string kTwoCalls =
    R"({"role":"assistant","reasoning_content":"Two.","tool_calls":[)"
    R"({"id":"a","type":"function","function":{"name":"look","arguments":"{\"n\": 1}"}},)"
    R"({"id":"b","type":"function","function":{"name":"look","arguments":"{}"}}]})";
const std::string kTwoCallsWritten = R"({"role":"assistant","content":[
    {"type":"thinking","thinking":"Two."},
    {"type":"tool_use","id":"a","name":"look","input":{"n":1}},
    {"type":"tool_use","id":"b","name":"look","input":{}}]})";
const std::string kGoWritten = R"({"role":"user","content":[{"type":"text","text":"Go."}]})";

const HistoryCase kHistories[] = {
    {"a_task", {kGo}, "[" + kGoWritten + "]"},
    {"results_are_one_message_in_order",
     {kGo, kTwoCalls, result_fragment("a", "\"one\"\n"), "!" + result_fragment("b", "broken")},
     "[" + kGoWritten + "," + kTwoCallsWritten + R"(,{"role":"user","content":[
        {"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"\"one\"\n"}]},
        {"type":"tool_result","tool_use_id":"b","content":[{"type":"text","text":"broken"}],
         "is_error":true}]}])"},
    {"a_message_behind_results_joins_them",
     {kGo, kTwoCalls, result_fragment("a", "1"), result_fragment("b", "2"),
      message_fragment("user", "Stop.")},
     "[" + kGoWritten + "," + kTwoCallsWritten + R"(,{"role":"user","content":[
        {"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"1"}]},
        {"type":"tool_result","tool_use_id":"b","content":[{"type":"text","text":"2"}]},
        {"type":"text","text":"Stop."}]}])"},
    {"messages_of_users_are_merged",
     {kGo, message_fragment("user", "Now.")},
     R"([{"role":"user","content":[{"type":"text","text":"Go."},{"type":"text","text":"Now."}]}])"},
    {"a_system_message_in_the_middle_is_text",
     {kGo, message_fragment("system", "Be \"brief\".")},
     R"([{"role":"user","content":[{"type":"text","text":"Go."},
         {"type":"text","text":"<system>Be \"brief\".</system>"}]}])"},
    {"reasoning_of_another_name",
     {kGo, R"({"role":"assistant","content":"Yes.","reasoning":"Hm."})", kGo},
     "[" + kGoWritten + R"(,{"role":"assistant","content":[{"type":"thinking","thinking":"Hm."},
        {"type":"text","text":"Yes."}]},)" +
         kGoWritten + "]"},
    {"reasoning_in_details",
     {kGo,
      R"({"role":"assistant","content":"Yes.","reasoning_details":[{"text":"H"},{"text":"m."}]})"},
     "[" + kGoWritten + R"(,{"role":"assistant","content":[{"type":"thinking","thinking":"Hm."},
        {"type":"text","text":"Yes."}]}])"},
    {"texts_and_calls_stand_where_they_stood",
     {kGo,
      R"({"role":"assistant","content":"One. Zwö. Three.","anthropic_blocks":[)"
      R"({"type":"text","bytes":5},{"type":"tool_use"},{"type":"text","bytes":6},)"
      R"({"type":"tool_use"},{"type":"text","bytes":6}],"tool_calls":[)"
      R"({"id":"a","type":"function","function":{"name":"look","arguments":"{}"}},)"
      R"({"id":"b","type":"function","function":{"name":"change","arguments":"{}"}}]})",
      result_fragment("a", "1"), result_fragment("b", "2")},
     "[" + kGoWritten + R"(,{"role":"assistant","content":[{"type":"text","text":"One. "},
        {"type":"tool_use","id":"a","name":"look","input":{}},{"type":"text","text":"Zwö. "},
        {"type":"tool_use","id":"b","name":"change","input":{}},{"type":"text","text":"Three."}]},
        {"role":"user","content":[
        {"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"1"}]},
        {"type":"tool_result","tool_use_id":"b","content":[{"type":"text","text":"2"}]}]}])"},
    {"a_layout_that_does_not_fit_counts_nothing",
     {kGo, R"({"role":"assistant","content":"Yes.","reasoning_content":"Hm.","anthropic_blocks":[)"
           R"({"type":"text","bytes":9},{"type":"thinking","bytes":9,"signature":"c2ln"}]})"},
     "[" + kGoWritten + R"(,{"role":"assistant","content":[{"type":"thinking","thinking":"Hm."},
        {"type":"text","text":"Yes."}]}])"},
    {"sealed_thinking_needs_nothing_in_its_place",
     {kGo,
      R"({"role":"assistant","reasoning_content":" ","anthropic_blocks":[)"
      R"({"type":"redacted_thinking","data":"c2VjcmV0"},{"type":"tool_use"}],"tool_calls":[)"
      R"({"id":"a","type":"function","function":{"name":"look","arguments":"{}"}}]})",
      result_fragment("a", "1")},
     "[" + kGoWritten + R"(,{"role":"assistant","content":[
        {"type":"redacted_thinking","data":"c2VjcmV0"},
        {"type":"tool_use","id":"a","name":"look","input":{}}]},{"role":"user","content":[
        {"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"1"}]}]}])"},
    {"what_says_nothing_is_left_out",
     {kGo, R"({"role":"assistant","content":" \n"})", kGo},
     R"([{"role":"user","content":[{"type":"text","text":"Go."},{"type":"text","text":"Go."}]}])"},
    {"images",
     {R"({"role":"user","content":[{"type":"text","text":"See"},)"
      R"({"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},)"
      R"({"type":"video_url","video_url":{"url":"ms://v1"}}]})"},
     R"([{"role":"user","content":[{"type":"text","text":"See"},
        {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},
        {"type":"video","source":{"type":"url","url":"ms://v1"}}]}])"},
};

INSTANTIATE_TEST_SUITE_P(All, AnthropicHistories, ::testing::ValuesIn(kHistories),
                         [](const auto& row) { return row.param.name; });

// Steps of a run with parallel calls, and a nudge: what was sent stands in the next request byte by
// byte, and what was closed is the same memory, not written again.
TEST(AnthropicRequest, BeginsWithTheBytesOfTheLastOne) {
  const ChatRequest request = request_at(endpoint_at("moonshot-anthropic"));
  Transcript transcript;
  transcript.append(message_fragment("system", "Be brief."));
  transcript.append(kGo);
  std::string before = sent_bytes(request.body(transcript, 1000, 0));
  const char* first_closed = nullptr;
  for (int step = 0; step < 50; ++step) {
    const std::string number = std::to_string(step);
    if (step == 7) {
      transcript.append(message_fragment("user", "Your last reply was empty."));
    } else {
      std::string calls = kTwoCalls;
      for (const char* id : {"\"a\"", "\"b\""})
        calls.replace(calls.find(id), 3, "\"" + std::string(1, id[1]) + number + "\"");
      transcript.append(calls);
      transcript.append(result_fragment("a" + number, "ä result"));
      transcript.append_failure(result_fragment("b" + number, "a failure"));
    }
    const HttpBody body = request.body(transcript, 1000 - step, step);
    const std::string now = sent_bytes(body);
    // Up to where the last message ended: its bracket, that of the messages, and the tail.
    const std::size_t shared = before.rfind("}]}],\"max_tokens\"");
    ASSERT_NE(shared, std::string::npos);
    ASSERT_EQ(now.substr(0, shared), before.substr(0, shared)) << "step " << step;
    ASSERT_FALSE(body.middle.empty());
    if (first_closed == nullptr) first_closed = body.middle[0].data();
    ASSERT_EQ(body.middle[0].data(), first_closed);
    ASSERT_EQ(now, sent_bytes(request.body(transcript, 1000 - step, step))) << "sent again";
    before = now;
  }
  // Another process, which begins with the whole history, writes the same.
  const Transcript copy = transcript;
  EXPECT_EQ(sent_bytes(request_at(endpoint_at("moonshot-anthropic")).body(copy, 951, 49)), before);
  EXPECT_EQ(sent_bytes(request.body(copy, 951, 49)), before) << "another transcript, same request";
}

// Neither text nor arguments are written anew: they stand in the request byte by byte.
TEST(AnthropicRequest, HasTextsAndArgumentsAsTheyAreWritten) {
  Transcript transcript;
  transcript.append(R"({"role":"user","content":"\u00e4 \/ ä"})");
  std::string calls = kTwoCalls;
  const std::string written = R"({\"n\": 1.50, \"a\" :\"\\u00e4\"})";
  calls.replace(calls.find(R"({\"n\": 1})"), std::string(R"({\"n\": 1})").size(), written);
  transcript.append(calls);
  transcript.append(R"({"role":"tool","tool_call_id":"a","content":"\u0031"})");
  transcript.append(result_fragment("b", "2"));
  const std::string sent =
      sent_bytes(request_at(endpoint_at("moonshot-anthropic")).body(transcript, 1000, 0));
  for (const char* bytes :
       {R"({"type":"text","text":"\u00e4 \/ ä"})", R"("input":{"n": 1.50, "a" :"\u00e4"})",
        R"([{"type":"text","text":"\u0031"}])"}) {
    EXPECT_NE(sent.find(bytes), std::string::npos) << bytes << "\n" << sent;
  }
}

TEST(AnthropicRequest, MarksWhatToCacheOnlyWhereTheHostAsks) {
  Endpoint endpoint = endpoint_at("moonshot-anthropic");
  endpoint.host.cache_control = true;
  const ChatRequest request = request_at(endpoint);
  Transcript transcript;
  transcript.append(message_fragment("system", "Be brief."));
  transcript.append(kGo);
  transcript.append(kTwoCalls);
  transcript.append(result_fragment("a", "1"));
  transcript.append(result_fragment("b", "2"));
  const Json sent = test::parse_json(sent_bytes(request.body(transcript, 1000, 0)));
  const Json mark = test::parse_json(R"({"type":"ephemeral"})");
  EXPECT_EQ(sent["system"][0]["cache_control"], mark);
  EXPECT_EQ(sent["messages"][2]["content"][1]["cache_control"], mark);
  EXPECT_FALSE(sent["messages"][2]["content"][0].contains("cache_control"));
  transcript.append(message_fragment("user", "More."));
  const Json next = test::parse_json(sent_bytes(request.body(transcript, 1000, 0)));
  EXPECT_FALSE(next["messages"][2]["content"][1].contains("cache_control"));
  EXPECT_EQ(next["messages"][2]["content"][2]["cache_control"], mark);
  const ChatRequest plain = request_at(endpoint_at("moonshot-anthropic"));
  EXPECT_EQ(sent_bytes(plain.body(transcript, 1000, 0)).find("cache_control"), std::string::npos);
}

}  // namespace
}  // namespace perdure
