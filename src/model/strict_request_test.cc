// What a strict host could refuse and the model can do without: field by field, message by message.
#include "model/strict_request.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/json.h"

namespace perdure {
namespace {

using ::testing::ElementsAre;

Endpoint strict_endpoint_of(const std::string& model, const std::string& host) {
  Result<Endpoint> endpoint =
      Catalog::open("")->resolve_without_key({.model = model, .host = host});
  if (endpoint.ok()) return std::move(*endpoint);
  ADD_FAILURE() << to_text(endpoint.error());
  return {};
}

std::string strict_body_of(const StrictRequest& request) {
  const Result<ChatRequest> chat =
      ChatRequest::make(request.endpoint, request.tools, request.options);
  EXPECT_TRUE(chat.ok());
  const HttpBody body = chat->body(Transcript(), 100, 0);
  return *body.head + body.tail;
}

const std::vector<ToolDeclaration> kStrictTools = {
    {.name = "plain", .description = "d", .parameters = R"({"type":"object","properties":{}})"},
    {.name = "rich",
     .description = "d",
     .parameters =
         R"({"type":"object","properties":{"a":{"type":"string","format":"date","title":"A"}}})"}};

TEST(StrictRequest, leaves_out_what_a_host_need_not_know) {
  const Endpoint endpoint = strict_endpoint_of("kimi-k2.6", "vllm");
  const StrictRequest strict = make_strict(
      endpoint, kStrictTools,
      {.tool_choice = {"required"}, .sampling = {{"temperature", 0.5}}, .cache_key = "run"}, "no");
  EXPECT_THAT(strict.left_out,
              ElementsAre("stream_options", "sampling/temperature", "tool_choice", "thinking",
                          "tools/plain/parameters", "tools/rich/parameters"));
  const Json body = test::parse_json(strict_body_of(strict));
  std::vector<std::string> members;
  for (const auto& [name, value] : body.items()) members.push_back(name);
  EXPECT_THAT(members, ElementsAre("max_tokens", "messages", "model", "stream", "tools"));
  EXPECT_FALSE(body["tools"][1]["function"]["parameters"]["properties"]["a"].contains("title"));
}

TEST(StrictRequest, keeps_what_a_vendors_own_host_does_not_do_by_itself) {
  const Endpoint endpoint = strict_endpoint_of("kimi-k2.6", "moonshot");
  const StrictRequest off =
      make_strict(endpoint, {}, {.thinking = Thinking::kOff, .cache_key = "run"}, "no");
  EXPECT_THAT(off.left_out, ElementsAre("stream_options", "prompt_cache_key"));
  EXPECT_EQ(test::parse_json(strict_body_of(off))["thinking"]["type"], "disabled");
  const StrictRequest keep =
      make_strict(endpoint, {}, {.thinking = Thinking::kKeep, .cache_key = "run"}, "no");
  EXPECT_THAT(keep.left_out, ElementsAre("stream_options", "prompt_cache_key", "thinking"));
  EXPECT_TRUE(keep.keeps_reasoning);
  EXPECT_FALSE(test::parse_json(strict_body_of(keep)).contains("thinking"));
}

// What is not sent cannot be left out.
TEST(StrictRequest, does_not_claim_what_was_never_there) {
  for (const bool stream : {true, false}) {
    Endpoint endpoint = strict_endpoint_of("kimi-k2.6", "moonshot");
    endpoint.host.stream = stream;
    endpoint.host.stream_usage = !stream;
    const StrictRequest strict = make_strict(endpoint, {}, {.thinking = Thinking::kOff}, "no");
    EXPECT_THAT(strict.left_out, ElementsAre());
    EXPECT_FALSE(strict.endpoint.host.stream_usage);
    EXPECT_FALSE(test::parse_json(strict_body_of(strict)).contains("stream_options"));
  }
}

TEST(StrictRequest, changes_the_name_of_the_cap_by_the_words_of_the_host) {
  const Endpoint other = strict_endpoint_of("kimi-k2.6", "vllm");
  EXPECT_EQ(make_strict(other, {}, {}, "no").endpoint.host.max_tokens_field, "max_tokens");
  EXPECT_EQ(make_strict(other, {}, {}, "Use 'max_completion_tokens' instead.")
                .endpoint.host.max_tokens_field,
            "max_completion_tokens");
  const Endpoint vendor = strict_endpoint_of("kimi-k2.6", "moonshot");
  EXPECT_EQ(make_strict(vendor, {}, {}, "no").endpoint.host.max_tokens_field,
            "max_completion_tokens");
  EXPECT_EQ(
      make_strict(vendor, {}, {}, "unknown max_completion_tokens").endpoint.host.max_tokens_field,
      "max_tokens");
}

struct StrictCase {
  std::string fragment;
  std::string strict;
};

TEST(StrictMessage, has_what_the_protocol_demands_and_nothing_else) {
  const std::vector<StrictCase> cases = {
      {R"({"role":"user","name":"Ann","content":"x"})", R"({"role":"user","content":"x"})"},
      {R"({"role":"tool","tool_call_id":"a:0","content":"x","is_error":true})",
       R"({"role":"tool","tool_call_id":"a:0","content":"x"})"},
      {R"({"role":"assistant","content":"x","reasoning":"hm","refusal":null})",
       R"({"role":"assistant","content":"x"})"},
      {R"({"role":"assistant","reasoning_content":"hm","tool_calls":[{"id":"a:0","type":)"
       R"("function","function":{"name":"a","arguments":"{ \"x\": 1}"},"index":0}]})",
       R"({"role":"assistant","content":null,"tool_calls":[{"id":"a:0","type":"function",)"
       R"("function":{"name":"a","arguments":"{ \"x\": 1}"}}]})"},
      {R"({"role":"assistant","content":"","tool_calls":[{"id":"a:0","type":"function",)"
       R"("function":{"name":"functions.a b","arguments":"[1]"}}]})",
       R"({"role":"assistant","content":null,"tool_calls":[{"id":"a:0","type":"function",)"
       R"("function":{"name":"a_b","arguments":"{\"arguments\":\"[1]\"}"}}]})"},
      {R"({"role":"assistant","tool_calls":[{"id":"a:0","type":"function","function":{"name":)"
       R"("9","arguments":""}}]})",
       R"({"role":"assistant","content":null,"tool_calls":[{"id":"a:0","type":"function",)"
       R"("function":{"name":"_9","arguments":"{}"}}]})"},
      {R"({"role":"assistant","tool_calls":[{"id":"a:0","type":"function","function":{"name":)"
       R"("functions."}}]})",
       R"({"role":"assistant","content":null,"tool_calls":[{"id":"a:0","type":"function",)"
       R"("function":{"name":"_","arguments":"{}"}}]})"},
      {R"({"role":"user"})", R"x({"role":"user","content":"(empty)"})x"},
      {R"({"role":"tool","tool_call_id":"a:0","content":""})",
       R"x({"role":"tool","tool_call_id":"a:0","content":"(empty)"})x"}};
  const StrictRequest rules{.null_content = true};
  for (const StrictCase& row : cases) {
    EXPECT_EQ(strict_message(row.fragment, rules), row.strict);
    EXPECT_EQ(strict_message(row.strict, rules), row.strict) << "once is enough";
  }
}

TEST(StrictMessage, keeps_the_reasoning_that_a_host_demands_beside_calls) {
  const StrictRequest rules{.keeps_reasoning = true};
  const std::string calls =
      R"("tool_calls":[{"id":"a:0","type":"function","function":{"name":"a","arguments":"{}"}}]})";
  EXPECT_EQ(strict_message(R"({"role":"assistant","reasoning_content":"hm",)" + calls, rules),
            R"({"role":"assistant","reasoning_content":"hm",)" + calls);
  EXPECT_EQ(strict_message(R"({"role":"assistant",)" + calls, rules),
            R"({"role":"assistant","reasoning_content":" ",)" + calls);
  EXPECT_EQ(strict_message(R"({"role":"assistant","reasoning_content":"hm","content":"x"})", rules),
            R"({"role":"assistant","content":"x"})");
}

std::string lines_of(const Transcript& transcript) {
  std::string text;
  for (std::size_t i = 0; i < transcript.size(); ++i)
    text += std::string(transcript.fragment(i)) + "\n";
  return text;
}

TEST(StrictHistory, joins_user_messages_and_grows_with_the_run) {
  Transcript transcript;
  transcript.append(message_fragment("system", "s"));
  transcript.append(message_fragment("user", "a"));
  StrictHistory history(StrictRequest{});
  EXPECT_EQ(StrictHistory::first_change(transcript, {}), std::nullopt);
  EXPECT_EQ(lines_of(history.project(transcript)), lines_of(transcript));
  transcript.append(message_fragment("user", "b"));
  EXPECT_EQ(StrictHistory::first_change(transcript, {}), 1U);
  transcript.append(R"({"role":"assistant","content":"c","x":1})");
  EXPECT_EQ(lines_of(history.project(transcript)),
            message_fragment("system", "s") + "\n" + message_fragment("user", "a\n\nb") + "\n" +
                R"({"role":"assistant","content":"c"})" + "\n");
}

// What was written for one request is the same memory in the next.
TEST(StrictHistory, writes_each_message_once) {
  Transcript transcript;
  transcript.append(message_fragment("user", "a"));
  StrictHistory history(StrictRequest{});
  const char* first = history.project(transcript).fragment(0).data();
  for (int i = 0; i < 10; ++i) {
    transcript.append(R"({"role":"assistant","content":"c","x":1})");
    transcript.append(message_fragment("user", "b"));
    const Transcript& messages = history.project(transcript);
    EXPECT_EQ(messages.size(), transcript.size());
    EXPECT_EQ(messages.fragment(0).data(), first);
  }
}

}  // namespace
}  // namespace perdure
