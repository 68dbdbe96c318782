#include "mock/endpoint.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "json/parse.h"
#include "tests/support/mock_requests.h"

namespace perdure::mock {
namespace {

constexpr std::string_view kTwoSteps = R"(
model = "kimi-k2.6"
[[reply]]
reasoning = "I look first."
text = "Looking."
[[reply.call]]
name = "list_files"
[reply.call.arguments]
path = "."
[[reply.call]]
name = "git_status"
[[reply]]
reasoning = "That is all."
text = "Done."
)";

std::string call_json(std::string_view id, std::string_view name, std::string_view arguments) {
  Json call = {
      {"id", id}, {"type", "function"}, {"function", {{"name", name}, {"arguments", arguments}}}};
  return json::dump(call);
}

// The second request of kTwoSteps, with parts that can be replaced.
struct SecondRequest {
  std::string user = std::string(kHello);
  std::string reasoning = "I look first.";
  std::string content = "Looking.";
  std::string first_call = call_json("functions.list_files:0", "list_files", R"({"path":"."})");
  std::string second_call = call_json("functions.git_status:1", "git_status", "{}");
  std::string first_result = "a b";
  std::string fields;
  std::string more;

  std::string body() const {
    return chat_of(
        user + R"(,{"role":"assistant","content":)" + json::dump(Json(content)) +
            R"(,"reasoning_content":)" + json::dump(Json(reasoning)) + R"(,"tool_calls":[)" +
            first_call + "," + second_call +
            R"(]},{"role":"tool","tool_call_id":"functions.list_files:0","content":)" +
            json::dump(Json(first_result)) +
            R"(},{"role":"tool","tool_call_id":"functions.git_status:1","content":"clean"})" + more,
        fields);
  }
};

TEST(Endpoint, AnswersWithTheReplyThatIsDue) {
  Endpoint endpoint(script_of(kTwoSteps), {});
  const Answer first = ask(endpoint, chat_of(kHello));
  ASSERT_EQ(first.status, 200) << first.message();
  const Json message = first.json()["choices"][0]["message"];
  EXPECT_EQ(message["role"], "assistant");
  EXPECT_EQ(message["content"], "Looking.");
  EXPECT_EQ(message["reasoning_content"], "I look first.");
  ASSERT_EQ(message["tool_calls"].size(), 2U);
  EXPECT_EQ(message["tool_calls"][0]["id"], "functions.list_files:0");
  EXPECT_EQ(message["tool_calls"][0]["type"], "function");
  EXPECT_EQ(message["tool_calls"][0]["function"]["name"], "list_files");
  EXPECT_EQ(message["tool_calls"][0]["function"]["arguments"], R"({"path":"."})");
  EXPECT_EQ(message["tool_calls"][1]["id"], "functions.git_status:1");
  EXPECT_EQ(first.json()["choices"][0]["finish_reason"], "tool_calls");
  EXPECT_EQ(first.json()["model"], "kimi-k2.6");

  const Answer second = ask(endpoint, SecondRequest{}.body());
  ASSERT_EQ(second.status, 200) << second.message();
  EXPECT_EQ(second.json()["choices"][0]["message"]["content"], "Done.");
  EXPECT_EQ(second.json()["choices"][0]["finish_reason"], "stop");
  EXPECT_NE(first.json()["id"], second.json()["id"]);
  EXPECT_EQ(endpoint.statistics().requests, 2);
  EXPECT_EQ(endpoint.statistics().replies, 2);
}

TEST(Endpoint, GivesTheSameBytesForTheSameRequest) {
  Endpoint one(script_of(kTwoSteps), {});
  Endpoint other(script_of(kTwoSteps), {});
  EXPECT_EQ(bytes_of(plan_for(one, chat_of(kHello))), bytes_of(plan_for(other, chat_of(kHello))));
}

TEST(Endpoint, GoesOnWithAResumedClient) {
  // An endpoint that never saw the beginning still gives the right reply, and still checks what
  // comes back.
  Endpoint fresh(script_of(kTwoSteps), {});
  EXPECT_EQ(ask(fresh, SecondRequest{}.body()).json()["choices"][0]["message"]["content"], "Done.");
  Endpoint strict(script_of(kTwoSteps), {});
  EXPECT_NE(
      ask(strict, SecondRequest{.reasoning = "I look."}.body()).message().find("reasoning_content"),
      std::string::npos);
}

TEST(Endpoint, SaysWhenTheScriptIsOver) {
  Endpoint endpoint(script_of("[[reply]]\ntext = 'one'\n"), {});
  const std::string answered =
      std::string(kHello) + R"(,{"role":"assistant","content":"one"},)" + std::string(kHello);
  const Answer answer = ask(endpoint, chat_of(answered));
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.message(),
            "Invalid request: the script has no more replies: it has 1, and the request holds 1 "
            "assistant message");
}

struct EchoCase {
  SecondRequest request;
  std::string message;
};

TEST(Endpoint, RefusesAReplyThatComesBackChanged) {
  const std::string place = "Invalid request: messages[1].";
  const EchoCase cases[] = {
      {{}, ""},
      {{.reasoning = "I look firs."},
       place + "reasoning_content is not what reply 1 sent; they part at byte 11"},
      {{.content = "Looking"}, place + "content is not what reply 1 sent"},
      {{.content = "Looking. "}, place + "content is not what reply 1 sent"},
      {{.first_call = call_json("functions.list_files:0", "list_file", R"({"path":"."})")},
       place + "tool_calls[0].function.name is not what reply 1 sent"},
      {{.first_call = call_json("functions.list_files:0", "list_files", R"({"path": "."})")},
       place +
           "tool_calls[0].function.arguments is not what reply 1 sent; they part at byte 8: sent "
           "\"{\"path\":\".\"}\", came back as \"{\"path\": \".\"}\""},
  };
  for (const EchoCase& row : cases) {
    for (const bool seen_before : {true, false}) {
      Endpoint endpoint(script_of(kTwoSteps), {});
      if (seen_before) ask(endpoint, chat_of(kHello));
      const Answer answer = ask(endpoint, row.request.body());
      EXPECT_EQ(answer.status, row.message.empty() ? 200 : 400) << answer.message();
      EXPECT_EQ(answer.message().substr(0, row.message.size()), row.message);
    }
  }
}

TEST(Endpoint, RefusesCallsThatAreLeftOutOrRenamed) {
  Endpoint endpoint(script_of(kTwoSteps), {});
  const std::string renamed = chat_of(std::string(kHello) +
                                      R"(,{"role":"assistant","content":"Looking.",)"
                                      R"("reasoning_content":"I look first.","tool_calls":[)" +
                                      call_json("a", "list_files", R"({"path":"."})") +
                                      R"(]},{"role":"tool","tool_call_id":"a","content":"x"})");
  const std::string message = ask(endpoint, renamed).message();
  EXPECT_NE(
      message.find("messages[1].tool_calls is not what reply 1 sent; the reply had 2 calls, not 1"),
      std::string::npos)
      << message;
}

TEST(Endpoint, TakesWhatCannotComeBackAsItWas) {
  // Arguments that are no object, an empty id, an id that was there before, and names that no tool
  // may have: any good value may stand for them.
  Endpoint endpoint(script_of(R"(
[[reply]]
[[reply.call]]
name = "f"
id = "x"
arguments_text = '{"path": '
[[reply.call]]
name = "functions.f"
id = ""
[[reply.call]]
name = "f of x"
id = "x"
[[reply]]
text = "good"
)"),
                    {});
  const std::string body = chat_of(
      std::string(kHello) + R"(,{"role":"assistant","reasoning_content":" ","tool_calls":[)" +
      call_json("x", "f", "{}") + "," + call_json("made:1", "f", "{}") + "," +
      call_json("made:2", "f_of_x", "{}") +
      R"(]},{"role":"tool","tool_call_id":"x","content":"1"},)"
      R"({"role":"tool","tool_call_id":"made:1","content":"2"},)"
      R"({"role":"tool","tool_call_id":"made:2","content":"3"})");
  EXPECT_EQ(ask(endpoint, body).status, 200) << ask(endpoint, body).message();
}

TEST(Endpoint, RefusesAChangedPrefix) {
  const std::string key = R"("prompt_cache_key":"run 1",)";
  const auto after = [&](const SecondRequest& changed) {
    Endpoint endpoint(script_of(std::string(kTwoSteps) + "[[reply]]\ntext = 'more'\n"), {});
    EXPECT_EQ(ask(endpoint, chat_of(kHello, key)).status, 200);
    EXPECT_EQ(ask(endpoint, SecondRequest{.fields = key}.body()).status, 200);
    return ask(endpoint, changed.body()).message();
  };
  const std::string next =
      R"(,{"role":"assistant","content":"Done.","reasoning_content":"That is all."},)" +
      std::string(kHello);
  EXPECT_EQ(after({.fields = key, .more = next}), "");
  EXPECT_EQ(after({.fields = key}), "") << "the same again";
  EXPECT_EQ(
      after({.first_result = "a c", .fields = key, .more = next}),
      "Invalid request: the prefix changed: messages[2] (role tool) is not byte for byte what "
      "the last request of this conversation had; it had 71 bytes and has 71");
  EXPECT_EQ(
      after({.user = R"({"role":"user", "content":"hello"})", .fields = key, .more = next}),
      "Invalid request: the prefix changed: the messages before the first assistant message are "
      "not those of the conversation with this prompt_cache_key");
  EXPECT_EQ(after({.fields = key + R"("tools":[],)", .more = next}),
            "Invalid request: the prefix changed: tools is not what the last request of this "
            "conversation had");
  EXPECT_EQ(
      after({.fields = key + R"("thinking":{"type":"enabled"},)", .more = next}).substr(0, 51),
      "Invalid request: the prefix changed: thinking is no");
}

TEST(Endpoint, LetsAClientStartOver) {
  Endpoint endpoint(script_of(kTwoSteps), {});
  EXPECT_EQ(ask(endpoint, chat_of(kHello)).status, 200);
  EXPECT_EQ(ask(endpoint, SecondRequest{}.body()).status, 200);
  EXPECT_EQ(ask(endpoint, chat_of(kHello)).json()["choices"][0]["message"]["content"], "Looking.");
  EXPECT_EQ(ask(endpoint, SecondRequest{.first_result = "other files"}.body()).status, 200);
}

TEST(Endpoint, LetsAPrefixChangeWhereTheScriptSaysSo) {
  const auto status_of_another_change = [](std::string_view keys) {
    Endpoint endpoint(script_of(std::string(keys) + R"(
[[reply]]
text = "one"
[[reply]]
text = "two"
[[reply]]
text = "three"
new_prefix = true
[[reply]]
text = "four"
)"),
                      {});
    const auto history = [](std::string_view answer) {
      return std::string(kHello) + R"(,{"role":"assistant","content":")" + std::string(answer) +
             R"("},{"role":"user","content":"go on"})";
    };
    const std::string third = R"(,{"role":"assistant","content":"two"},)" + std::string(kHello);
    const std::string fourth = R"(,{"role":"assistant","content":"three"},)" + std::string(kHello);
    EXPECT_EQ(ask(endpoint, chat_of(history("one"))).status, 200);
    EXPECT_EQ(ask(endpoint, chat_of(history("(cleared)") + third)).status, 200);
    EXPECT_EQ(ask(endpoint, chat_of(history("(cleared)") + third + fourth)).status, 200)
        << "what was changed with leave stays so";
    return ask(endpoint, chat_of(history("(changed)") + third + fourth)).status;
  };
  EXPECT_EQ(status_of_another_change(""), 400);
  EXPECT_EQ(status_of_another_change("check_prefix = false\n"), 200);
  EXPECT_EQ(status_of_another_change("strict = false\n"), 200);
}

TEST(Endpoint, KeepsConversationsApart) {
  Endpoint endpoint(script_of(kTwoSteps), {});
  const SecondRequest other{.user = R"({"role":"user","content":"another task"})"};
  EXPECT_EQ(ask(endpoint, chat_of(kHello)).status, 200);
  EXPECT_EQ(ask(endpoint, chat_of(other.user)).status, 200);
  EXPECT_EQ(ask(endpoint, SecondRequest{}.body()).status, 200);
  EXPECT_EQ(ask(endpoint, other.body()).status, 200);
}

TEST(Endpoint, ChoosesAConversationByItsOpening) {
  Endpoint endpoint(script_of(R"(
[[conversation]]
opening = ["You review", "code"]
[[conversation.reply]]
text = "looks good"
[[reply]]
text = "main"
)"),
                    {});
  const auto text_for = [&](std::string_view user) {
    return ask(endpoint, chat_of(R"({"role":"user","content":")" + std::string(user) + R"("})"))
        .json()["choices"][0]["message"]["content"];
  };
  EXPECT_EQ(text_for("You review this code"), "looks good");
  EXPECT_EQ(text_for("You review"), "main");

  Endpoint only(
      script_of("[[conversation]]\nopening = ['x']\n[[conversation.reply]]\ntext = 'y'\n"), {});
  EXPECT_EQ(ask(only, chat_of(kHello)).message(),
            "Invalid request: no conversation of the script has this opening");
}

TEST(Endpoint, RepeatsAReplyWithItsNumbers) {
  Endpoint endpoint(script_of(R"(
[[reply]]
text = "keeps {n}"
[[reply]]
repeat = 3
text = "part {n} of reply {reply}"
[[reply.call]]
name = "read_{n}"
arguments_text = '{"first_line": {n}}'
[[reply]]
text = "end"
)"),
                    {});
  std::string history(kHello);
  std::vector<std::string> texts;
  for (int step = 0; step < 5; ++step) {
    const Answer answer = ask(endpoint, chat_of(history));
    ASSERT_EQ(answer.status, 200) << answer.message();
    Json message = answer.json()["choices"][0]["message"];
    texts.push_back(message["content"]);
    message["reasoning_content"] = " ";
    history += "," + json::dump(message);
    if (!message.contains("tool_calls")) {
      history += "," + std::string(kHello);
      continue;
    }
    const Json& call = message["tool_calls"][0];
    texts.push_back(call["id"].get<std::string>() +
                    call["function"]["arguments"].get<std::string>());
    history += R"(,{"role":"tool","content":"x","tool_call_id":")" + call["id"].get<std::string>() +
               R"("})";
  }
  EXPECT_EQ(texts, (std::vector<std::string>{
                       "keeps {n}", "part 0 of reply 2", R"(functions.read_0:0{"first_line": 0})",
                       "part 1 of reply 3", R"(functions.read_1:1{"first_line": 1})",
                       "part 2 of reply 4", R"(functions.read_2:2{"first_line": 2})", "end"}));
}

TEST(Endpoint, ExpectsTextInTheLastMessages) {
  Endpoint endpoint(
      script_of("[[reply]]\ntext = 'one'\n[[reply]]\ntext = 'two'\nexpect = ['wor', 'ld']\n"), {});
  const auto second = [&](std::string_view content) {
    return ask(endpoint, chat_of(std::string(kHello) + R"(,{"role":"assistant","content":"one"},)" +
                                 R"({"role":"user","content":")" + std::string(content) + R"("})"));
  };
  EXPECT_EQ(
      second("hello").message(),
      "Invalid request: reply 2 of the script expects \"wor\" in the messages from messages[2] "
      "on; they are \"hello\\n\"");
  EXPECT_EQ(second("hello world").status, 200);
}

TEST(Endpoint, ComputesUsage) {
  Endpoint endpoint(script_of(kTwoSteps), {});
  const Json first = ask(endpoint, chat_of(kHello)).json()["usage"];
  EXPECT_EQ(first["prompt_tokens"], kHello.size() / 4);
  EXPECT_EQ(first["cached_tokens"], 0);
  EXPECT_EQ(first["completion_tokens"], (13 + 8 + 10 + 12 + 10 + 2) / 4);
  EXPECT_EQ(first["total_tokens"],
            first["prompt_tokens"].get<int>() + first["completion_tokens"].get<int>());
  const Json second = ask(endpoint, SecondRequest{}.body()).json()["usage"];
  EXPECT_EQ(second["cached_tokens"], first["prompt_tokens"]);
  EXPECT_GT(second["prompt_tokens"], second["cached_tokens"]);
  const Json again = ask(endpoint, SecondRequest{}.body()).json()["usage"];
  EXPECT_EQ(again["cached_tokens"], again["prompt_tokens"]);
}

TEST(Endpoint, ReportsScriptedUsage) {
  Endpoint endpoint(script_of("[[reply]]\ntext = 'x'\nusage = { prompt_tokens = 1000, "
                              "cached_tokens = 900, completion_tokens = 80 }\n"),
                    {});
  const Json usage = ask(endpoint, chat_of(kHello)).json()["usage"];
  EXPECT_EQ(
      json::dump(usage),
      R"({"cached_tokens":900,"completion_tokens":80,"prompt_tokens":1000,"total_tokens":1080})");
}

TEST(Endpoint, SendsNoReasoningWithoutThinking) {
  Endpoint endpoint(script_of(kTwoSteps), {});
  const Json message = ask(endpoint, chat_of(kHello, R"("thinking":{"type":"disabled"},)"))
                           .json()["choices"][0]["message"];
  EXPECT_FALSE(message.contains("reasoning_content"));

  const std::pair<std::string, std::string> rows[] = {
      {"vllm", R"("chat_template_kwargs":{"thinking":false},)"},
      {"openrouter", R"("reasoning":{"enabled":false},)"},
      {"openrouter", R"("reasoning":{"effort":"none"},)"},
      {"groq", R"("reasoning_effort":"none",)"},
  };
  for (const auto& [dialect, fields] : rows) {
    Endpoint other(script_of("dialect = '" + dialect + "'\n" + std::string(kTwoSteps)), {});
    const Json silent = ask(other, chat_of(kHello, fields)).json()["choices"][0]["message"];
    EXPECT_EQ(silent["content"], "Looking.");
    EXPECT_FALSE(silent.contains("reasoning")) << fields;
    EXPECT_TRUE(ask(other, chat_of(R"({"role":"user","content":"new"})"))
                    .json()["choices"][0]["message"]
                    .contains("reasoning"));
  }
}

TEST(Endpoint, RefusesTheFieldsThatItsScriptSays) {
  Endpoint endpoint(script_of("refuses = [\"stream_options\", \"tool_choice\"]\nstrict = "
                              "false\n[[reply]]\ntext = 'ok'\n"),
                    {});
  const Answer refused =
      ask(endpoint, chat_of(kHello, R"("stream":true,"stream_options":{"include_usage":true},)"));
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.message(),
            "Invalid request: Unrecognized request argument supplied: stream_options");
  EXPECT_EQ(ask(endpoint, chat_of(kHello, R"("tool_choice":"required",)")).status, 400);
  EXPECT_EQ(ask(endpoint, chat_of(kHello, R"("tool_choice":"auto",)")).status, 200);
  EXPECT_EQ(ask(endpoint, chat_of(kHello)).status, 200);
  EXPECT_EQ(endpoint.statistics().refused, 2);
}

TEST(Endpoint, KeepsAFaultOfStreamsForThem) {
  Endpoint endpoint(script_of("[[reply]]\ntext = 'ok'\n[[reply.fault]]\nstatus = 503\n"
                              "streams_only = true\n"),
                    {});
  EXPECT_EQ(ask(endpoint, chat_of(kHello)).status, 200);
  EXPECT_EQ(ask(endpoint, chat_of(kHello, R"("stream":true,)")).status, 503);
  EXPECT_EQ(ask(endpoint, chat_of(kHello, R"("stream":true,)")).status, 200);
}

TEST(Endpoint, ServesOnlyItsModel) {
  Endpoint endpoint(script_of(kTwoSteps), {});
  const Answer answer = ask(endpoint, chat_of(kHello, "", "kimi-k3"));
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.type(), "resource_not_found_error");
  EXPECT_EQ(answer.message(), "Not found the model kimi-k3 or Permission denied");
}

TEST(Endpoint, ChecksTheKey) {
  Endpoint endpoint(script_of("key = 'test-key'\n[[reply]]\ntext = 'x'\n"), {});
  const auto status_with = [&](std::vector<std::pair<std::string, std::string>> headers) {
    return answer_of(endpoint.answer({.method = "POST",
                                      .path = "/v1/chat/completions",
                                      .headers = std::move(headers),
                                      .body = chat_of(kHello)}));
  };
  EXPECT_EQ(status_with({}).status, 401);
  EXPECT_EQ(status_with({{"authorization", "Bearer other"}}).message(), "Invalid Authentication");
  EXPECT_EQ(status_with({{"authorization", "Bearer other"}}).type(),
            "invalid_authentication_error");
  EXPECT_EQ(status_with({{"authorization", "Basic test-key"}}).status, 401);
  EXPECT_EQ(status_with({{"authorization", "Bearer test-key"}}).status, 200);
  EXPECT_EQ(status_with({{"authorization", "bearer test-key"}}).status, 200);
  EXPECT_EQ(answer_of(endpoint.answer({.method = "GET", .path = "/v1/models"})).status, 401);
}

TEST(Endpoint, ListsModels) {
  const auto list = [](std::string_view script) {
    Endpoint endpoint(script_of(script), {});
    return answer_of(endpoint.answer({.method = "GET", .path = "/v1/models"})).json();
  };
  const Json one = list(kTwoSteps);
  EXPECT_EQ(one["object"], "list");
  ASSERT_EQ(one["data"].size(), 1U);
  EXPECT_EQ(one["data"][0]["id"], "kimi-k2.6");
  EXPECT_EQ(one["data"][0]["context_length"], 262144);
  EXPECT_EQ(one["data"][0]["supports_image_in"], true);
  EXPECT_GT(list("[[reply]]\n")["data"].size(), 5U);
}

TEST(Endpoint, KnowsItsPathsAndMethods) {
  Endpoint endpoint(script_of(kTwoSteps), {});
  const auto status_of = [&](std::string method, std::string path) {
    return answer_of(endpoint.answer({.method = std::move(method), .path = std::move(path)}));
  };
  EXPECT_EQ(status_of("GET", "/").status, 404);
  EXPECT_EQ(status_of("POST", "/chat/completions").status, 404);
  EXPECT_EQ(status_of("GET", "/v1/messages").status, 405);
  EXPECT_EQ(status_of("GET", "/v1/chat/completions").status, 405);
  EXPECT_NE(status_of("GET", "/v1/chat/completions").head.find("\r\nAllow: POST\r\n"),
            std::string::npos);
  EXPECT_EQ(status_of("POST", "/v1/models").status, 405);
  EXPECT_EQ(endpoint.statistics().malformed, 6);
  EXPECT_EQ(endpoint.statistics().requests, 0);
}

TEST(Endpoint, WritesRecordsAndLines) {
  const std::filesystem::path directory =
      std::filesystem::path(testing::TempDir()) / "perdure-mock-records";
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  std::vector<std::string> lines;
  Endpoint endpoint(script_of(kTwoSteps),
                    {.log = [&](std::string_view line) { lines.emplace_back(line); },
                     .record_directory = directory.string()});
  ask(endpoint, chat_of(kHello));
  ask(endpoint, "no\nJSON \x1b[31m");
  const auto content = [&](const char* name) {
    std::ifstream file(directory / name);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_EQ(content("0001.json"), chat_of(kHello));
  EXPECT_EQ(content("0002.json"), "no\nJSON \x1b[31m");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0],
            "kimi-k2.6, 1 message, 0 of 8 prompt tokens cached: reply 1 (tool_calls, 2 calls)");
  EXPECT_EQ(lines[1].substr(0, 12), "refused 400:");
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace perdure::mock
