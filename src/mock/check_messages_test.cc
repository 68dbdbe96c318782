#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/mock_requests.h"

namespace perdure::mock {
namespace {

constexpr std::string_view kUser = R"({"role":"user","content":"go"})";

std::string call(std::string_view id, std::string_view arguments = R"("{}")") {
  return fmt::format(R"({{"id":"{}","type":"function","function":{{"name":"f","arguments":{}}}}})",
                     id, arguments);
}

// An assistant message with reasoning and these calls.
std::string calling(std::string_view calls, std::string_view more = "") {
  return fmt::format(R"({{"role":"assistant","reasoning_content":"because",{}"tool_calls":[{}]}})",
                     more, calls);
}

std::string result(std::string_view id, std::string_view content = R"("done")") {
  return fmt::format(R"({{"role":"tool","tool_call_id":"{}","content":{}}})", id, content);
}

// The messages behind a first user message, as a request.
std::string history(std::initializer_list<std::string> messages) {
  std::string all(kUser);
  for (const std::string& message : messages) all += "," + message;
  return chat_of(all);
}

TEST(CheckMessages, ChecksRoles) {
  const std::string user(kUser);
  const std::string system = R"({"role":"system","content":"be kind"})";
  const RuleCase cases[] = {
      {"good", chat_of(system + "," + user), ""},
      {"two at the start", chat_of(system + "," + system + "," + user), ""},
      {"only system", chat_of(system), "there is nothing to answer but system messages"},
      {"a system message later", chat_of(user + "," + system + "," + user),
       "system messages stand before all others (messages[1])"},
      {"an unknown role", chat_of(R"({"role":"developer","content":"x"})"),
       "unknown role \"developer\": system, user, assistant and tool are known (messages[0])"},
      {"no role", chat_of(R"({"content":"x"})"), "unknown role \"\""},
      {"no object", chat_of("3"), "a message must be an object (messages[0])"},
      {"two users", chat_of(user + "," + user), ""},
      {"assistant last", history({R"({"role":"assistant","content":"x"})"}),
       "the last message is of the assistant and not partial"},
      {"partial last", history({R"({"role":"assistant","content":"{","partial":true})"}), ""},
      {"partial before", history({R"({"role":"assistant","content":"{","partial":true})", user}),
       "partial is only allowed on the last message (messages[1])"},
  };
  EXPECT_EQ(wrong_answers(cases), "");
}

TEST(CheckMessages, ChecksFields) {
  const RuleCase cases[] = {
      {"of a user", chat_of(R"({"role":"user","content":"x","contents":"y"})"),
       "unknown field \"contents\" of a message, did you mean 'content'? (messages[0])"},
      {"of an assistant",
       history({R"({"role":"assistant","content":"x","reasoning":"y"})", std::string(kUser)}),
       "unknown field \"reasoning\" of a message"},
      {"of a tool message",
       history(
           {calling(call("a")), R"({"role":"tool","tool_call_id":"a","content":"x","id":"a"})"}),
       "unknown field \"id\" of a message"},
      {"of a call",
       history({calling(R"({"id":"a","type":"function","name":"f",)"
                        R"("function":{"name":"f","arguments":"{}"}})"),
                result("a")}),
       "unknown field \"name\" of a tool call (messages[1]: tool_calls[0])"},
      {"an index of a call",
       history({calling(R"({"index":0,"id":"a","type":"function",)"
                        R"("function":{"name":"f","arguments":"{}"}})"),
                result("a")}),
       ""},
  };
  EXPECT_EQ(wrong_answers(cases), "");
}

TEST(CheckMessages, ChecksContent) {
  const auto part = [](std::string_view json) {
    return chat_of(fmt::format(R"({{"role":"user","content":[{}]}})", json));
  };
  const RuleCase cases[] = {
      {"an empty user message", chat_of(R"({"role":"user","content":""})"),
       "Invalid request: the message at position 0 with role 'user' must not be empty"},
      {"no content", chat_of(R"({"role":"user"})"), "the message at position 0 with role 'user'"},
      {"null", chat_of(R"({"role":"user","content":null})"), "must not be empty"},
      {"no parts", chat_of(R"({"role":"user","content":[]})"), "must not be empty"},
      {"a number", chat_of(R"({"role":"user","content":3})"),
       "content must be a string or an array"},
      {"an empty system message",
       chat_of(R"({"role":"system","content":""},)" + std::string(kUser)),
       "the message at position 0 with role 'system' must not be empty"},
      {"a text part", part(R"({"type":"text","text":"x"})"), ""},
      {"an empty text part", part(R"({"type":"text","text":""})"),
       "text content is empty (messages[0])"},
      {"an image",
       part(R"({"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}})"),
       ""},
      {"an image as a string", part(R"({"type":"image_url","image_url":"ms://file"})"),
       "no file \"ms://file\" was uploaded"},
      {"a remote image", part(R"({"type":"image_url","image_url":{"url":"https://x/y.png"}})"),
       "unsupported image url"},
      {"an image that is no Base64",
       part(R"({"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}})"),
       "invalid image or video (messages[0]: the data is not Base64)"},
      {"an image that is another one",
       part(R"({"type":"image_url","image_url":{"url":"data:image/gif;base64,iVBORw0KGgo="}})"),
       "the data is not image/gif"},
      {"an image of no type",
       part(R"({"type":"image_url","image_url":{"url":"data:image/svg;base64,iVBORw0KGgo="}})"),
       "\"image/svg\" is no type of an image"},
      {"a video of the type of an image",
       part(R"({"type":"video_url","video_url":{"url":"data:image/png;base64,iVBORw0KGgo="}})"),
       "\"image/png\" is no type of a video"},
      {"audio", part(R"({"type":"input_audio"})"), "unsupported content type \"input_audio\""},
      {"a video for a model without",
       chat_of(R"({"role":"user","content":[{"type":"video_url","video_url":{"url":"ms://v"}}]})",
               "", "kimi-k2.7-code"),
       "this model does not take video_url content"},
      {"an empty assistant message",
       history({R"({"role":"assistant","content":""})", std::string(kUser)}),
       "the message at position 1 with role 'assistant' must not be empty"},
      {"an assistant message without anything",
       history({R"({"role":"assistant","reasoning_content":"x"})", std::string(kUser)}),
       "the message at position 1 with role 'assistant' must not be empty"},
      {"an empty result", history({calling(call("a")), result("a", R"("")")}),
       "the message at position 2 with role 'tool' must not be empty"},
      {"a result of parts",
       history({calling(call("a")), result("a", R"([{"type":"text","text":"x"}])")}), ""},
  };
  EXPECT_EQ(wrong_answers(cases), "");
}

TEST(CheckMessages, ChecksCalls) {
  const RuleCase cases[] = {
      {"good", history({calling(call("a") + "," + call("b")), result("a"), result("b")}), ""},
      {"with content", history({calling(call("a"), R"("content":"I look.",)"), result("a")}), ""},
      {"with content null", history({calling(call("a"), R"("content":null,)"), result("a")}), ""},
      {"with empty content", history({calling(call("a"), R"("content":"",)"), result("a")}),
       "Invalid request: text content is empty (messages[1]: leave content out beside tool_calls)"},
      {"an empty list", history({calling(""), std::string(kUser)}),
       "tool_calls must be an array that is not"},
      {"no id", history({calling(call("")), result("")}), "a tool call needs an id"},
      {"an id twice in a message", history({calling(call("a") + "," + call("a")), result("a")}),
       "Invalid request: tool call id a is duplicated (messages[1]: tool_calls[1])"},
      {"an id twice in the conversation",
       history({calling(call("a")), result("a"), calling(call("a")), result("a")}),
       "tool call id a is duplicated (messages[3]: tool_calls[0])"},
      {"another type",
       history({calling(R"({"id":"a","type":"x","function":{"name":"f","arguments":"{}"}})"),
                result("a")}),
       "the type of a tool call must be function"},
      {"no name",
       history(
           {calling(R"({"id":"a","type":"function","function":{"arguments":"{}"}})"), result("a")}),
       "a tool call needs function.name"},
      {"a name that no tool may have",
       history({calling(R"({"id":"a","type":"function",)"
                        R"("function":{"name":"f of x","arguments":"{}"}})"),
                result("a")}),
       "Invalid request: function name is invalid (messages[1]: tool_calls[0] has \"f of x\")"},
      {"a name of a tool that the host brings",
       history({calling(R"({"id":"a","type":"function",)"
                        R"("function":{"name":"$web_search","arguments":"{}"}})"),
                result("a", R"("{}")")}),
       ""},
      {"a result of the host's own that is not its arguments",
       history({calling(R"({"id":"a","type":"function",)"
                        R"("function":{"name":"$web_search","arguments":"{ }"}})"),
                result("a", R"("{}")")}),
       "the result of a function of the host must be its arguments, unchanged (messages[2]: "
       "\"a\")"},
      {"arguments that are an object", history({calling(call("a", "{}")), result("a")}),
       "function.arguments of a tool call must be a string"},
      {"arguments that are no JSON", history({calling(call("a", R"("{\"p\":")")), result("a")}),
       "function.arguments of a tool call must hold a JSON object (messages[1]: tool_calls[0] has "
       "\"{"},
      {"empty arguments", history({calling(call("a", R"("")")), result("a")}),
       "must hold a JSON object"},
      {"arguments that are a list", history({calling(call("a", R"("[1]")")), result("a")}),
       "must hold a JSON object"},
  };
  EXPECT_EQ(wrong_answers(cases), "");
}

TEST(CheckMessages, ChecksAnswers) {
  const std::string two = calling(call("a") + "," + call("b"));
  const std::string user(kUser);
  const RuleCase cases[] = {
      {"no call before it", chat_of(result("a")),
       "Invalid request: tool_call_id  is not found (messages[0]"},
      {"no id", history({calling(call("a")), R"({"role":"tool","content":"x"})"}),
       "Invalid request: tool_call_id  is not found (messages[2]: a tool message needs a "
       "tool_call_id)"},
      {"an unknown id", history({calling(call("a")), result("x")}),
       "tool_call_id  is not found (messages[2]: \"x\" is no call"},
      {"answered twice", history({calling(call("a")), result("a"), result("a")}),
       "the tool call \"a\" is answered twice (messages[3])"},
      {"answered twice, later", history({calling(call("a")), result("a"), user, result("a")}),
       "the tool call \"a\" is answered twice (messages[4])"},
      {"another order", history({two, result("b"), result("a")}),
       "tool messages must answer the calls in their order (messages[2]: \"b\" came before \"a\")"},
      {"one missing before a user message", history({two, result("a"), user}),
       "an assistant message with 'tool_calls' must be followed by tool messages responding to "
       "each "
       "'tool_call_id'. The following tool_call_ids did not have response messages: b "
       "(messages[3])"},
      {"all missing before an assistant message", history({two, calling(call("c")), result("c")}),
       "did not have response messages: a, b (messages[2])"},
      {"not adjacent", history({two, result("a"), user, result("b")}),
       "did not have response messages: b"},
      {"missing at the end", history({two, result("a")}), "did not have response messages: b"},
  };
  EXPECT_EQ(wrong_answers(cases), "");
}

TEST(CheckMessages, WantsReasoningBeforeCalls) {
  const std::string bare = R"({"role":"assistant","tool_calls":[)" + call("a") + "]}";
  const std::string empty =
      R"({"role":"assistant","reasoning_content":"","tool_calls":[)" + call("a") + "]}";
  const std::string space =
      R"({"role":"assistant","reasoning_content":" ","tool_calls":[)" + call("a") + "]}";
  const auto behind_user = [&](const std::string& message, std::string_view fields,
                               std::string_view model) {
    return chat_of(std::string(kUser) + "," + message + "," + result("a"), fields, model);
  };
  const std::string missing =
      "Invalid request: thinking is enabled but reasoning_content is missing in assistant tool "
      "call "
      "message at index 1";
  const RuleCase cases[] = {
      {"k2.6", behind_user(bare, "", "kimi-k2.6"), missing},
      {"k2.6 with an empty one", behind_user(empty, "", "kimi-k2.6"), missing},
      {"k2.6 with a space", behind_user(space, "", "kimi-k2.6"), ""},
      {"k2.6 without thinking",
       behind_user(bare, R"("thinking":{"type":"disabled"},)", "kimi-k2.6"), ""},
      {"k2.7-code", behind_user(bare, "", "kimi-k2.7-code"), missing},
      {"k3", behind_user(bare, "", "kimi-k3"), missing},
      {"instruct", behind_user(bare, "", "kimi-k2-instruct"), ""},
      {"a model without rules", behind_user(bare, "", "some-model"), ""},
      {"without calls", history({R"({"role":"assistant","content":"x"})", std::string(kUser)}), ""},
  };
  EXPECT_EQ(wrong_answers(cases), "");
}

}  // namespace
}  // namespace perdure::mock
