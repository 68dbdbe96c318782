// The endpoint asked in Anthropic's messages dialect: what it answers with, and what it refuses.
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/parse.h"
#include "tests/support/mock_requests.h"

namespace perdure::mock {
namespace {

using testing::HasSubstr;

constexpr std::string_view kLookScript = R"(
model = "kimi-k2.6"
[[reply]]
reasoning = "I look first."
text = "Looking."
[[reply.call]]
name = "list_files"
arguments_text = '{"path": "."}'
[[reply.call]]
name = "git_status"
[[reply]]
expect = ["a b"]
text = "Done."
)";

// The second request of kLookScript, to be changed by a test.
Json second_request() {
  return test::parse_json(R"({"model":"kimi-k2.6","max_tokens":1000,
      "system":[{"type":"text","text":"Be brief."}],
      "tools":[{"name":"list_files","description":"Lists.",
                "input_schema":{"type":"object","properties":{}}},
               {"name":"git_status","description":"Tells.",
                "input_schema":{"type":"object","properties":{}}}],
      "messages":[
        {"role":"user","content":[{"type":"text","text":"hello"}]},
        {"role":"assistant","content":[
          {"type":"thinking","thinking":"I look first."},
          {"type":"text","text":"Looking."},
          {"type":"tool_use","id":"list_files_0","name":"list_files","input":{"path": "."}},
          {"type":"tool_use","id":"git_status_1","name":"git_status","input":{}}]},
        {"role":"user","content":[
          {"type":"tool_result","tool_use_id":"list_files_0",
           "content":[{"type":"text","text":"a b"}]},
          {"type":"tool_result","tool_use_id":"git_status_1","content":"clean",
           "is_error":true}]}]})");
}

// As a client sends it: this reply's arguments with their space.
std::string body_of(const Json& request) {
  std::string body = json::dump(request);
  const std::string_view input = R"({"path":"."})";
  if (const std::size_t at = body.find(input); at != std::string::npos)
    body.replace(at, input.size(), R"({"path": "."})");
  return body;
}

Answer ask_messages(Endpoint& endpoint, std::string_view body,
                    std::vector<std::pair<std::string, std::string>> headers = {
                        {"anthropic-version", "2023-06-01"}}) {
  return answer_of(endpoint.answer({.method = "POST",
                                    .path = "/v1/messages",
                                    .headers = std::move(headers),
                                    .body = std::string(body)}));
}

Json first_request() {
  Json request = second_request();
  request["messages"] = Json::array({request["messages"][0]});
  return request;
}

TEST(Messages, AnswerWithTheReplyThatIsDue) {
  Endpoint endpoint(script_of(kLookScript), {});
  const Answer first = ask_messages(endpoint, body_of(first_request()));
  ASSERT_EQ(first.status, 200) << first.message();
  Json message = first.json();
  EXPECT_EQ(message["content"], second_request()["messages"][1]["content"]);
  EXPECT_EQ(message["stop_reason"], "tool_use");
  EXPECT_EQ(message["role"], "assistant");
  EXPECT_EQ(message["usage"]["cache_read_input_tokens"], 0);
  const Answer second = ask_messages(endpoint, body_of(second_request()));
  ASSERT_EQ(second.status, 200) << second.message();
  EXPECT_EQ(second.json()["content"], test::parse_json(R"([{"type":"text","text":"Done."}])"));
  EXPECT_EQ(second.json()["stop_reason"], "end_turn");
  EXPECT_EQ(second.json()["usage"]["cache_read_input_tokens"], message["usage"]["input_tokens"])
      << "the messages of the first request are in the cache";
  Endpoint fresh(script_of(kLookScript), {});
  const Json uncached = ask_messages(fresh, body_of(second_request())).json()["usage"];
  EXPECT_EQ(uncached["cache_read_input_tokens"], 0);
  EXPECT_EQ(second.json()["usage"]["input_tokens"].get<int>() +
                second.json()["usage"]["cache_read_input_tokens"].get<int>(),
            uncached["input_tokens"])
      << "cached tokens are counted apart";
  EXPECT_GT(second.json()["usage"]["output_tokens"], 0);
  EXPECT_EQ(endpoint.statistics().replies, 2);
}

TEST(Messages, AreStreamed) {
  Json request = first_request();
  request["stream"] = true;
  Endpoint endpoint(script_of(kLookScript), {});
  const std::string body = ask_messages(endpoint, body_of(request)).body;
  std::size_t at = 0;
  for (const char* part :
       {R"(event: message_start)", R"("cache_read_input_tokens":0,"output_tokens":0)",
        R"({"type":"ping"})", R"("index":0,"content_block":{"type":"thinking","thinking":""})",
        R"({"type":"thinking_delta","thinking":"I look)",
        R"({"type":"content_block_stop","index":0})", R"("index":1,"content_block":{"type":"text")",
        R"("index":1,"delta":{"type":"text_delta","text":"Looking.)",
        R"({"type":"content_block_stop","index":1})",
        R"("index":2,"content_block":{"type":"tool_use","id":"list_files_0","name":"list_files",)"
        R"("input":{}})",
        R"("index":2,"delta":{"type":"input_json_delta","partial_json":"{\"path\": \".)",
        R"("index":3,"content_block":{"type":"tool_use","id":"git_status_1")",
        R"({"type":"content_block_stop","index":3})",
        R"("delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":)",
        R"({"type":"message_stop"})"}) {
    const std::size_t found = body.find(part, at);
    ASSERT_NE(found, std::string::npos) << part << "\nnot behind byte " << at << " of\n" << body;
    at = found;
  }
}

struct MessagesRule {
  std::string name;
  std::function<void(Json&)> change;
  std::string message;  // of the refusal; empty: it is taken
};

void PrintTo(const MessagesRule& row, std::ostream* out) {
  *out << row.name;
}

class MessagesRules : public ::testing::TestWithParam<MessagesRule> {};

TEST_P(MessagesRules, AreEnforced) {
  Json request = second_request();
  GetParam().change(request);
  Endpoint endpoint(script_of(kLookScript), {});
  const Answer answer = ask_messages(endpoint, body_of(request));
  EXPECT_EQ(answer.status, GetParam().message.empty() ? 200 : 400) << answer.message();
  EXPECT_THAT(answer.message(), HasSubstr(GetParam().message));
  if (answer.status == 200) return;
  EXPECT_EQ(answer.json()["type"], "error");
  EXPECT_EQ(answer.type(), "invalid_request_error");
}

Json& content(Json& request, std::size_t message) {
  return request["messages"][message]["content"];
}

const MessagesRule kRules[] = {
    {"as_it_is", [](Json&) {}, ""},
    {"a_mark_of_what_to_cache",
     [](Json& r) { content(r, 2)[1]["cache_control"] = {{"type", "ephemeral"}}; }, ""},
    {"five_marks",
     [](Json& r) {
       const Json mark = {{"type", "ephemeral"}};
       for (Json* list : {&r["tools"], &content(r, 2)}) {
         (*list)[0]["cache_control"] = mark;
         (*list)[1]["cache_control"] = mark;
       }
       r["system"][0]["cache_control"] = mark;
     },
     "a maximum of 4 blocks with cache_control may be provided"},
    {"a_message_behind_results",
     [](Json& r) { content(r, 2).push_back({{"type", "text"}, {"text", "Go on."}}); }, ""},
    {"no_max_tokens", [](Json& r) { r.erase("max_tokens"); }, "max_tokens is required"},
    {"a_misspelt_field", [](Json& r) { r["max_token"] = 1; },
     "unknown field \"max_token\", did you mean 'max_tokens'?"},
    {"a_field_of_chat", [](Json& r) { r["messages"][0]["name"] = "x"; },
     "messages[0]: unknown field \"name\""},
    {"a_system_message", [](Json& r) { r["messages"][0]["role"] = "system"; },
     "unexpected role \"system\""},
    {"two_messages_of_a_user",
     [](Json& r) { r["messages"].push_back({{"role", "user"}, {"content", "Go on."}}); },
     "roles must alternate between \"user\" and \"assistant\": merge the messages (messages[3])"},
    {"an_assistant_first", [](Json& r) { r["messages"].erase(0); },
     "the first message must be of the user"},
    {"an_assistant_last",
     [](Json& r) {
       content(r, 1) = Json::array({{{"type", "text"}, {"text", "Looking."}}});
       r["messages"].erase(2);
     },
     "the last message is of the assistant"},
    {"an_unanswered_call", [](Json& r) { content(r, 2).erase(1); },
     "`tool_use` ids were found without `tool_result` blocks immediately after: git_status_1"},
    {"no_answers_at_all", [](Json& r) { r["messages"].erase(2); },
     "without `tool_result` blocks immediately after: list_files_0, git_status_1"},
    {"an_answer_twice", [](Json& r) { content(r, 2).push_back(Json(content(r, 2)[1])); },
     "unexpected `tool_use_id` found in `tool_result` blocks: \"git_status_1\""},
    {"answers_in_another_order", [](Json& r) { std::swap(content(r, 2)[0], content(r, 2)[1]); },
     "\"git_status_1\" came before \"list_files_0\""},
    {"text_before_answers",
     [](Json& r) {
       content(r, 2).insert(content(r, 2).begin(), Json{{"type", "text"}, {"text", "So:"}});
     },
     "tool_result blocks come before all others (messages[2].content[1])"},
    {"nothing_but_white_space", [](Json& r) { content(r, 0)[0]["text"] = " \n"; },
     "text content blocks must contain non-whitespace text (messages[0].content[0])"},
    {"an_id_twice", [](Json& r) { content(r, 1)[3]["id"] = "list_files_0"; },
     "`tool_use` ids must be unique"},
    {"an_input_that_is_text", [](Json& r) { content(r, 1)[2]["input"] = "{}"; },
     "the input of a tool_use block must be an object (messages[1].content[2])"},
    {"thinking_behind_a_call", [](Json& r) { std::swap(content(r, 1)[0], content(r, 1)[2]); },
     "thinking comes before calls"},
    {"no_thinking", [](Json& r) { content(r, 1).erase(0); },
     "thinking is enabled but reasoning_content is missing in assistant tool call message at index "
     "1"},
    {"other_thinking", [](Json& r) { content(r, 1)[0]["thinking"] = "I looked first."; },
     "messages[1].thinking is not what reply 1 sent; they part at byte 6"},
    {"another_result", [](Json& r) { content(r, 2)[0]["content"] = "b c"; },
     "expects \"a b\" in the messages from messages[2].content[0] on"},
    {"a_tool_without_a_schema", [](Json& r) { r["tools"][0].erase("input_schema"); },
     "tools: \"list_files\" needs an input_schema"},
    {"a_choice_that_is_text", [](Json& r) { r["tool_choice"] = "any"; },
     "tool_choice must be an object whose type is auto, any, tool or none"},
    {"a_choice_that_thinking_forbids", [](Json& r) { r["tool_choice"] = {{"type", "any"}}; },
     "tool_choice 'required' is incompatible with thinking enabled"},
    {"a_budget_of_thinking",
     [](Json& r) { r["thinking"] = {{"type", "enabled"}, {"budget_tokens", 1024}}; },
     "invalid thinking: unknown field \"budget_tokens\""},
    {"a_schema_that_the_host_refuses",
     [](Json& r) { r["tools"][0]["input_schema"]["properties"]["a"] = Json::object(); },
     "type is not defined"},
};

INSTANTIATE_TEST_SUITE_P(All, MessagesRules, ::testing::ValuesIn(kRules),
                         [](const auto& row) { return row.param.name; });

// What was accepted once must come back byte by byte, but for marks of what to cache.
TEST(Messages, RefuseAChangedPrefix) {
  const auto after = [](const std::function<void(Json&)>& change) {
    Endpoint endpoint(script_of(std::string(kLookScript) + "[[reply]]\ntext = 'more'\n"), {});
    Json marked = second_request();
    content(marked, 2)[1]["cache_control"] = {{"type", "ephemeral"}};
    EXPECT_EQ(ask_messages(endpoint, body_of(first_request())).status, 200);
    EXPECT_EQ(ask_messages(endpoint, body_of(marked)).status, 200);
    Json request = second_request();
    request["messages"].push_back(
        test::parse_json(R"({"role":"assistant","content":[{"type":"text","text":"Done."}]})"));
    request["messages"].push_back({{"role", "user"}, {"content", "More."}});
    change(request);
    return ask_messages(endpoint, body_of(request)).message();
  };
  EXPECT_EQ(after([](Json&) {}), "");
  EXPECT_THAT(after([](Json& r) { content(r, 1)[0]["thinking"] = "I look."; }),
              HasSubstr("messages[1].thinking is not what reply 1 sent"));
  EXPECT_THAT(after([](Json& r) { content(r, 1)[0]["signature"] = "c2ln"; }),
              HasSubstr("the prefix changed: messages[1] (role assistant) is not byte for byte"));
  EXPECT_THAT(after([](Json& r) { content(r, 2)[0]["content"] = "a b!"; }),
              HasSubstr("the prefix changed: messages[2].content[0] (role tool)"));
  EXPECT_THAT(after([](Json& r) { r["tools"].erase(1); }),
              HasSubstr("the prefix changed: tools is not what"));
}

TEST(Messages, RefuseTheFieldsThatTheirScriptSays) {
  Endpoint endpoint(script_of("refuses = ['system', 'metadata']\n[[reply]]\ntext = 'Hi.'\n"), {});
  const auto body = [](const std::string& more) {
    return R"({"model":"m","max_tokens":9,)" + more +
           R"("messages":[{"role":"user","content":"hello"}]})";
  };
  EXPECT_EQ(ask_messages(endpoint, body("")).status, 200);
  const Answer refused = ask_messages(endpoint, body(R"("system":"Be brief.",)"));
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.message(), HasSubstr("argument supplied: system"));
  EXPECT_EQ(ask_messages(endpoint, body(R"("metadata":{"user_id":"u"},)")).status, 400);
}

TEST(Messages, WantAKeyAndAVersion) {
  Endpoint endpoint(script_of("key = 'k'\n[[reply]]\ntext = 'Hi.'\n"), {});
  const std::string body =
      R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hello"}]})";
  const std::pair<std::string, std::string> version = {"anthropic-version", "2023-06-01"};
  EXPECT_EQ(ask_messages(endpoint, body, {version, {"x-api-key", "k"}}).status, 200);
  EXPECT_EQ(ask_messages(endpoint, body, {version, {"authorization", "Bearer k"}}).status, 200);
  const Answer refused = ask_messages(endpoint, body, {version, {"x-api-key", "other"}});
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.type(), "authentication_error");
  EXPECT_THAT(ask_messages(endpoint, body, {{"x-api-key", "k"}}).message(),
              HasSubstr("the header anthropic-version is required"));
}

TEST(Messages, FailInTheirOwnWords) {
  const auto answer = [](const std::string& fault) {
    Endpoint endpoint(script_of("[[reply]]\ntext = 'Hi.'\n[[reply.fault]]\n" + fault), {});
    return ask_messages(endpoint, R"({"model":"m","max_tokens":9,"stream":true,)"
                                  R"("messages":[{"role":"user","content":"hello"}]})");
  };
  EXPECT_EQ(answer("status = 529").type(), "overloaded_error");
  EXPECT_EQ(answer("status = 429").type(), "rate_limit_error");
  EXPECT_EQ(answer("status = 418").type(), "api_error");
  EXPECT_EQ(answer("status = 429\ntype = 'engine_overloaded_error'").type(), "overloaded_error");
  EXPECT_EQ(answer("status = 500\nbody = 'x'").body, "x");
  const Answer broken = answer("stream_error = 'boom'\nafter_bytes = 0");
  EXPECT_EQ(broken.status, 200);
  EXPECT_THAT(broken.body, HasSubstr("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
                                     "\"api_error\",\"message\":\"boom\"}}"));
  EXPECT_THAT(answer("without_done = true").body, testing::Not(HasSubstr("message_stop")));
}

}  // namespace
}  // namespace perdure::mock
