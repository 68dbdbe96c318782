// Tool calls that a host leaves in the text of a reply, in the model's own tokens (fault N69):
// whole runs at a scripted endpoint, and single replies that come in the smallest pieces. Which
// text is such a call is tested in src/model/leaked_calls_test.cc.
#include <atomic>
#include <ostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <perdure/agent.h>

#include "json/writer.h"
#include "model/model_client.h"
#include "tests/support/http_exchange.h"
#include "tests/support/replies.h"
#include "tests/support/run_bench.h"

namespace perdure {
namespace {

using test::delta;
using test::RunBench;
using testing::HasSubstr;
using testing::Not;

std::string call(const std::string& id, const std::string& arguments) {
  return "<|tool_call_begin|>" + id + "<|tool_call_argument_begin|>" + arguments +
         "<|tool_call_end|>";
}

std::string section(const std::string& calls) {
  return "<|tool_calls_section_begin|>" + calls + "<|tool_calls_section_end|>";
}

const std::string kCall = call("functions.look:0", R"({"n":1})");
const std::string kSection = section(kCall);
const std::string kCut = kSection.substr(0, kSection.size() - 30);

const std::string kMarks =
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.look:0<|tool_call_argument_begin|>{";

// A reply with this text.
std::string reply(const std::string& text, const std::string& more = "") {
  return "[[reply]]\ntext = '" + text + "'\n" + more;
}

// The scripted endpoint wants its text back as it sent it, which a leak must not be.
const std::string kAnyHistory = "strict = false\n";
const std::string kAnswer = "\n[[reply]]\ntext = 'Done.'\n";

struct LeakRow {
  std::string name;
  std::string script;
  std::string end;   // "OUTCOME REASON N requests, N calls run"
  std::string text;  // of the answer
};

void PrintTo(const LeakRow& row, std::ostream* out) {
  *out << row.name;
}

class LeakRuns : public testing::TestWithParam<LeakRow> {
 protected:
  RunResult run(RunBench& bench, const std::string& base_url = "") {
    AgentOptions options = bench.agent_options();
    if (!base_url.empty()) options.base_url = base_url;
    options.attempts_max = 2;
    Agent agent(options, bench.runtime());
    const Json parameters = Json::parse(R"({"type":"object","properties":{"n":{"type":"integer"},
                        "text":{"type":"string"}}})");
    agent.add_tool(test::tool_spec("look", EffectClass::kRead, parameters),
                   [this](const Json&, ToolContext&) -> Result<Json> {
                     ++calls_run_;
                     return Json("seen");
                   });
    return agent.run("Go.", bench.run_options());
  }

  std::string end_of(const RunBench& bench, const RunResult& result) const {
    return std::string(to_string(result.outcome)) + " " + result.reason + " " +
           std::to_string(bench.statistics().requests) + " requests, " +
           std::to_string(calls_run_) + " calls run";
  }

  std::atomic<int> calls_run_ = 0;
};

// What the observers were shown of text and thinking while it came.
std::string shown(RunBench& bench) {
  std::string all;
  for (const test::SeenEvent& event : bench.seen().all()) {
    if (event.kind == "text_delta" || event.kind == "reasoning_delta") all += event.text;
  }
  return all;
}

TEST_P(LeakRuns, EndAsTheTableSays) {
  RunBench bench(kAnyHistory + GetParam().script);
  const RunResult result = run(bench);
  EXPECT_EQ(end_of(bench, result), GetParam().end) << result.message;
  EXPECT_EQ(result.text, GetParam().text);
}

const std::string kRun = "done done 2 requests, 1 calls run";

// The endpoint sends the same again.
const std::string kRetried = "endpoint_temporary bad_reply 2 requests, 0 calls run";

const LeakRow kRows[] = {
    {"N69_a_section_in_the_content", reply("I look. " + kSection) + kAnswer, kRun, "Done."},
    {"N69_a_call_alone", reply(kCall) + kAnswer, kRun, "Done."},
    {"N69_the_host_says_that_it_calls_tools", reply(kSection, "finish = 'tool_calls'\n") + kAnswer,
     kRun, "Done."},
    {"N69_two_calls", reply(section(kCall + call("functions.look:1", R"({"n":2})"))) + kAnswer,
     "done done 2 requests, 2 calls run", "Done."},
    {"N69_an_open_think_block", reply("<think>I look" + kSection) + kAnswer, kRun, "Done."},
    {"N69_in_the_reasoning", "[[reply]]\nreasoning = 'I look. " + kSection + "'\n" + kAnswer, kRun,
     "Done."},
    {"N69_arguments_of_another_schema",
     reply(section(call("functions.look:0", R"({"n":"one"})"))) + kAnswer,
     "done done 2 requests, 0 calls run", "Done."},
    {"N69_a_tool_that_does_not_exist", reply(section(call("functions.lok:0", "{}"))) + kAnswer,
     "done done 2 requests, 0 calls run", "Done."},
    {"N69_cut_at_the_limit", reply(kSection, "finish = 'length'\n") + kAnswer,
     "done done 2 requests, 0 calls run", "Done."},
    {"N69_cut_in_a_call_at_the_limit", reply("I look. " + kCut, "finish = 'length'\n") + kAnswer,
     "done done 2 requests, 0 calls run", "Done."},
    {"N69_cut_in_the_arguments_at_the_limit",
     reply(kSection.substr(0, kSection.find("}")), "finish = 'length'\n") + kAnswer,
     "done done 2 requests, 0 calls run", "Done."},
    {"N69_a_part_of_a_section", reply("I look. " + kCut) + kAnswer, kRetried, ""},
    {"N69_a_part_of_a_section_in_the_reasoning",
     "[[reply]]\nreasoning = 'I look. " + kCut + "'\n" + kAnswer, kRetried, ""},
    {"N69_in_the_thinking_before_an_answer",
     "[[reply]]\nreasoning = 'Perhaps " + kSection + "'\ntext = 'It is 4.'\n",
     "done done 1 requests, 0 calls run", "It is 4."},
    {"N69_an_answer_about_it", reply("Write `" + kSection + "`, with `<|tool_call_begin|>`."),
     "done done 1 requests, 0 calls run", "Write `" + kSection + "`, with `<|tool_call_begin|>`."},
    {"N69_beside_a_call",
     reply(kSection, "[[reply.call]]\nname = 'look'\narguments_text = '{\"n\":3}'\n") + kAnswer,
     kRun, "Done."},
    {"N69_in_the_arguments_of_a_call",
     "[[reply]]\n[[reply.call]]\nname = 'look'\narguments_text = '{\"text\":\"" + kMarks +
         "\"}'\n" + kAnswer,
     kRun, "Done."},
};
INSTANTIATE_TEST_SUITE_P(Rows, LeakRuns, testing::ValuesIn(kRows),
                         [](const auto& row) { return row.param.name; });

using LeakFaults = LeakRuns;

// The record keeps what came, and the host gets a call that it can read.
TEST_F(LeakFaults, N69_TheRecordSaysWhereTheCallsCameFrom) {
  RunBench bench(kAnyHistory + reply("I look. " + kSection) + kAnswer);
  const RunResult result = run(bench);
  const std::vector<Json> replies = bench.seen().payloads("model_replied");
  ASSERT_EQ(replies.size(), 2U);
  const Json& edit = replies[0].at("edits").at(0);
  EXPECT_EQ(edit.at("field"), "content");
  EXPECT_EQ(edit.at("original"), "I look. " + kSection);
  EXPECT_EQ(edit.at("reason"), "tool calls in the model's own tokens became calls");
  const Json& fragment = replies[0].at("fragment");
  EXPECT_EQ(fragment.at("content"), "I look. ");
  EXPECT_EQ(fragment.at("tool_calls").at(0).at("id"), "functions.look:0");
  EXPECT_THAT(bench.request(2), Not(HasSubstr("<|tool_call")));
  EXPECT_THAT(shown(bench), Not(HasSubstr("<|")));
  EXPECT_THAT(shown(bench), HasSubstr("I look. "));
}

// The model learns that its call was cut, as of any call that was (fault N58).
TEST_F(LeakFaults, N69_ACallThatIsCutAtTheLimitIsAnswered) {
  RunBench bench(kAnyHistory +
                 reply("I look. " + kSection.substr(0, kSection.find("}")), "finish = 'length'\n") +
                 kAnswer);
  run(bench);
  const std::vector<Json> replies = bench.seen().payloads("model_replied");
  ASSERT_EQ(replies.size(), 2U);
  EXPECT_EQ(replies[0].at("edits").at(0).at("reason"),
            "the reply was cut at its limit in a tool call");
  EXPECT_EQ(replies[0].at("fragment").at("tool_calls").at(0).at("function").at("arguments"), "{}");
  EXPECT_THAT(bench.request(2), HasSubstr("Not run: your reply was cut at the limit"));
  EXPECT_EQ(shown(bench), "I look. Done.");
}

// A host whose parser fails now and then: asked again, it sends the call as it should.
TEST_F(LeakFaults, N69_ARetryAfterAPartRunsTheCallOnce) {
  const std::string head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
  std::string part = R"({"content":)";
  json::append_string(part, "I look. " + kCut);
  const std::string call =
      R"({"tool_calls":[{"index":0,"id":"functions.look:0","function":{"name":"look",)"
      R"("arguments":"{\"n\":1}"}}]})";
  const auto stream = [&](const std::string& members, const std::string& finish) {
    return test::ByteScript{
        test::receive_request(),
        test::send(head + test::stream_of({.chunks = {delta(members, finish)}}))};
  };
  const test::ByteServer server({stream(part + "}", "stop"), stream(call, "tool_calls"),
                                 stream(R"({"content":"Done."})", "stop")});
  RunBench bench("[[reply]]\ntext = 'unused'\n");
  const RunResult result = run(bench, server.url("/v1"));
  EXPECT_EQ(result.outcome, Outcome::kDone) << result.message;
  EXPECT_EQ(result.text, "Done.");
  EXPECT_EQ(calls_run_, 1);
  ASSERT_EQ(server.requests().size(), 3U);
  EXPECT_EQ(server.requests()[1], server.requests()[0]) << "asked the same again";
  // What was shown of the reply that does not count is taken back before the next one comes.
  EXPECT_EQ(shown(bench), "I look. Done.");
  std::string order;
  for (const test::SeenEvent& event : bench.seen().all()) {
    if (event.kind == "text_delta" || event.kind == "request_failed" ||
        event.kind == "model_replied")
      order += event.kind + " ";
  }
  EXPECT_EQ(order, "text_delta request_failed model_replied text_delta model_replied ");
  EXPECT_GT(bench.seen().payloads("request_failed")[0].at("received_bytes"), 0);
}

TEST_F(LeakFaults, N69_APartIsNeverShownAndTheErrorNamesIt) {
  RunBench bench("[[reply]]\nreasoning = 'Hm. " + kCut + "'\n" + kAnswer);
  const RunResult result = run(bench);
  const std::vector<Json> failures = bench.seen().payloads("request_failed");
  ASSERT_FALSE(failures.empty());
  EXPECT_THAT(failures[0].dump(), HasSubstr("the host left a part of a tool call in the "
                                            "reasoning_content of the reply"));
  EXPECT_EQ(shown(bench), "Hm. Hm. ");
}

// A stream of one-character deltas, one byte for each write, through the real client.
class LeakStreams : public test::HttpExchangeTest {
 protected:
  struct End {
    std::string shown;
    std::string text;
    std::string calls;
  };

  static std::string one_by_one(const std::string& member, const std::string& text) {
    test::ReplyInput input;
    for (const char c : text) {
      std::string members = "{\"" + member + "\":";
      json::append_string(members, {&c, 1});
      input.chunks.push_back(delta(members + "}"));
    }
    input.chunks.push_back(delta("{}", "stop"));
    return test::stream_of(input);
  }

  End ask(const std::string& stream) {
    const test::ByteServer server(
        {{test::receive_request(), test::send("HTTP/1.1 200 OK\r\n\r\n" + stream, 50)}});
    const Endpoint endpoint{.base_url = server.url("/v1")};
    End end;
    ModelClient::Observer observer;
    const auto note = [&end](std::string_view piece) { end.shown += piece; };
    observer.deltas = {.reasoning = note, .text = note};
    observer.replied = [&](const ModelReplied& reply) {
      end.text = reply.text;
      end.calls = test::calls_of(reply);
      loop_.stop();
    };
    observer.failed = [&](const ModelFailure& failure) {
      end.text = failure.error.message;
      loop_.stop();
    };
    const std::unique_ptr<HttpExchange> exchange =
        models_.ask(endpoint, test::body_of("{}"), {}, {}, std::move(observer));
    run_bounded();
    return end;
  }

  ModelClient models_{loop_, client_};
};

TEST_F(LeakStreams, N69_SplitAtEveryCharacter) {
  const std::string found = "functions.look:0 look {\"n\":1}\n";
  const End content = ask(one_by_one("content", "a < b " + kSection));
  EXPECT_EQ(content.shown, "a < b ");
  EXPECT_EQ(content.text, "a < b ");
  EXPECT_EQ(content.calls, found);
  for (const char* member : {"reasoning_content", "reasoning"}) {
    const End reasoning = ask(one_by_one(member, "Hm. " + kSection));
    EXPECT_EQ(reasoning.shown, "Hm. ") << member;
    EXPECT_EQ(reasoning.calls, found) << member;
  }
}

TEST_F(LeakStreams, N69_WhatTurnsOutToBeTextIsShownInTheEnd) {
  const std::string text = "`" + kSection + "` begins with <|tool";
  const End end = ask(one_by_one("content", text));
  EXPECT_EQ(end.shown, text);
  EXPECT_EQ(end.text, text);
  EXPECT_EQ(end.calls, "");
}

// Routers that send reasoning as a list of details, alone or beside the same as text.
TEST_F(LeakStreams, N69_InTheDetailsOfTheReasoning) {
  std::string text;
  json::append_string(text, "Hm. " + kSection);
  const std::string details =
      R"("reasoning_details":[{"type":"reasoning.text","text":)" + text + R"(,"index":0}])";
  const End alone = ask(test::stream_of({.chunks = {delta("{" + details + "}", "stop")}}));
  EXPECT_EQ(alone.calls, "functions.look:0 look {\"n\":1}\n");
  const End both = ask(test::stream_of(
      {.chunks = {delta(R"({"reasoning":)" + text + "," + details + "}", "tool_calls")}}));
  EXPECT_EQ(both.calls, "functions.look:0 look {\"n\":1}\n");
  EXPECT_EQ(both.shown, "Hm. ");
  std::string part;
  json::append_string(part, kCut);
  const End cut = ask(test::stream_of(
      {.chunks = {delta(R"({"reasoning_details":[{"type":"reasoning.text","text":)" + part + "}]}",
                        "stop")}}));
  EXPECT_EQ(cut.text,
            "the host left a part of a tool call in the reasoning_details/0 of the reply, in the "
            "model's own tokens");
}

// Hosts that send the reasoning under two names send one call.
TEST_F(LeakStreams, N69_TwoNamesOfTheReasoning) {
  std::string both = R"({"reasoning_content":)";
  json::append_string(both, kSection);
  both += R"(,"reasoning":)";
  json::append_string(both, kSection);
  const End end = ask(test::stream_of({.chunks = {delta(both + "}", "stop")}}));
  EXPECT_EQ(end.calls, "functions.look:0 look {\"n\":1}\n");
  EXPECT_EQ(end.shown, "");
}

TEST_F(LeakStreams, N69_AContentFilterIsNotAskedAgain) {
  std::string members = R"({"content":)";
  json::append_string(members, "Hm. " + kCut);
  const End end = ask(test::stream_of({.chunks = {delta(members + "}", "content_filter")}}));
  EXPECT_EQ(end.text, "Hm. ");
  EXPECT_EQ(end.shown, "Hm. ");
  EXPECT_EQ(end.calls, "");
}

}  // namespace
}  // namespace perdure
