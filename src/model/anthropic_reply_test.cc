// Replies in Anthropic's messages dialect: what is read from a stream or a body, how it goes back,
// and that a stream cut anywhere is never taken for a reply.
#include "model/anthropic_reply.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "json/parse.h"
#include "model/chat_request.h"
#include "tests/support/json.h"
#include "tests/support/messages.h"
#include "tests/support/replies.h"

namespace perdure {
namespace {

using test::arguments_delta;
using test::block_delta;
using test::block_start;
using test::block_stop;
using test::call_start;
using test::calls_of;
using test::edits_of;
using test::kMessageStart;
using test::kMessageStop;
using test::kPing;
using test::message_end;
using test::message_stream;
using test::text_delta;
using test::text_start;
using test::thinking_delta;
using test::thinking_start;
using test::usage_of;

const HostProfile kHost{.id = "messages", .dialect = Dialect::kAnthropic};

// Thinking, text and two calls whose deltas come one from each in turn, and a signature.
const std::vector<std::string> kInterleaved = {
    kMessageStart,
    thinking_start(0),
    kPing,
    text_start(1),
    call_start(2, "toolu_1", "look"),
    call_start(3, "toolu_2", "look"),
    arguments_delta(3, R"({\"n\": )"),
    thinking_delta(0, "I th"),
    text_delta(1, "Let me "),
    arguments_delta(2, ""),
    arguments_delta(2, R"({\")"),
    thinking_delta(0, "ink \\u00e4."),
    arguments_delta(3, "2}"),
    text_delta(1, "look."),
    arguments_delta(2, R"(n\":1})"),
    block_delta(0, R"({"type":"signature_delta","signature":"c2ln"})"),
    block_stop(3),
    block_stop(0),
    block_stop(1),
    block_stop(2),
    message_end("tool_use"),
    kMessageStop,
};

// The reply as a table shows it: an error, or how it ended, its text, its calls.
std::string outcome_of(const Result<ModelReplied>& reply) {
  if (!reply.ok()) {
    return std::string(reply.error().retry == Retry::kLater ? "later " : "never ") +
           std::string(to_string(reply.error().code)) + ": " + reply.error().message;
  }
  return std::string(to_string(reply->finish)) + ": " + reply->text + "\n" + calls_of(*reply);
}

Result<ModelReplied> read(std::vector<std::string> events, const HostProfile& host = kHost) {
  return test::assemble({.host = &host, .chunks = std::move(events), .has_end_marker = false});
}

// The assistant message of the next request.
std::string sent_back(const ModelReplied& reply, const HostProfile& host = kHost) {
  const Endpoint endpoint{
      .host = host, .wire_model = "m", .thinking = {.off = "", .on = std::nullopt}};
  const Result<ChatRequest> request = ChatRequest::make(endpoint, {}, {});
  if (!request.ok()) return to_text(request.error());
  Transcript transcript;
  transcript.append(message_fragment("user", "Go."));
  transcript.append(reply.fragment);
  const HttpBody body = request->body(transcript, 100, 0);
  std::string bytes;
  for (std::size_t i = 0; i < body.parts(); ++i) bytes += body.part(i);
  const Json messages = test::parse_json(bytes)["messages"];
  return messages.size() < 2 ? "" : json::dump(messages[1]["content"]);
}

TEST(AnthropicReply, PutsInterleavedBlocksTogetherByTheirIndex) {
  const Result<ModelReplied> reply = read(kInterleaved);
  EXPECT_EQ(outcome_of(reply),
            "tool_calls: Let me look.\ntoolu_1 look {\"n\":1}\ntoolu_2 look {\"n\": 2}\n");
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->response_id, "msg_1");
  EXPECT_EQ(reply->finish_text, "tool_use");
  EXPECT_EQ(usage_of(*reply), "128/64 in, 20/3 out, 8 kept");
  EXPECT_EQ(edits_of(*reply), "");
  EXPECT_EQ(test::parse_json(sent_back(*reply)), test::parse_json(R"([
                {"type":"thinking","thinking":"I think ä.","signature":"c2ln"},
                {"type":"text","text":"Let me look."},
                {"type":"tool_use","id":"toolu_1","name":"look","input":{"n":1}},
                {"type":"tool_use","id":"toolu_2","name":"look","input":{"n":2}}])"));
}

TEST(AnthropicReply, ShowsDeltasAsTheyCome) {
  std::string shown;
  const ReplyDeltas deltas{
      .reasoning = [&](std::string_view text) { shown += "<" + std::string(text) + ">"; },
      .text = [&](std::string_view text) { shown += text; },
      .arguments = [&](std::string_view text) { shown += "[" + std::string(text) + "]"; }};
  ASSERT_TRUE(
      test::assemble({.host = &kHost, .chunks = kInterleaved, .has_end_marker = false}, &deltas)
          .ok());
  EXPECT_EQ(shown, R"([{"n": ]<I th>Let me [{"]<ink ä.>[2}]look.[n":1}])");
}

// Feeds the pieces, one call each.
Result<ModelReplied> read_pieces(const std::vector<std::string_view>& pieces,
                                 const Status& transfer = {}) {
  json::Reader json;
  ReplyReader reader(json, kHost, {}, nullptr);
  reader.take_head({.status = 200});
  for (const std::string_view piece : pieces) reader.feed(piece);
  return reader.finish(transfer, 0);
}

TEST(AnthropicReply, IsTheSameHoweverTheStreamIsSplit) {
  const std::string stream = message_stream(kInterleaved);
  const std::string whole = read_pieces({stream})->fragment;
  std::vector<std::string_view> bytes;
  for (std::size_t at = 0; at < stream.size(); ++at) {
    const std::string_view all = stream;
    bytes.push_back(all.substr(at, 1));
    const Result<ModelReplied> reply = read_pieces({all.substr(0, at), all.substr(at)});
    ASSERT_TRUE(reply.ok()) << "split at " << at << ": " << to_text(reply.error());
    ASSERT_EQ(reply->fragment, whole) << "split at " << at;
  }
  const Result<ModelReplied> reply = read_pieces(bytes);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->fragment, whole);
}

// Every prefix is either asked for again or, from the stop reason on, the whole reply.
TEST(AnthropicReply, IsAskedForAgainWhereverItIsCut_N52) {
  const std::string stream = message_stream(kInterleaved);
  const std::string whole = read_pieces({stream})->fragment;
  const std::size_t said_its_end = stream.find("message_delta\"");
  const std::size_t ended = stream.find("message_stop\"");
  json::Reader json;
  ReplyReader reader(json, kHost, {}, nullptr);
  reader.take_head({.status = 200});
  for (std::size_t at = 0; at < stream.size(); ++at) {
    const std::string_view front = std::string_view(stream).substr(0, at);
    const Result<ModelReplied> closed = read_pieces({front});
    EXPECT_EQ(outcome_of(ReplyReader(reader).finish({}, 0)), outcome_of(closed)) << "a copy";
    reader.feed(std::string_view(stream).substr(at, 1));
    if (closed.ok()) {
      EXPECT_EQ(closed->fragment, whole) << "cut at " << at;
      EXPECT_GT(at, said_its_end);
    } else {
      EXPECT_EQ(closed.error().retry, Retry::kLater) << "cut at " << at;
    }
    const Result<ModelReplied> broken =
        read_pieces({front}, Error{.code = ErrorCode::kNetwork, .retry = Retry::kLater});
    EXPECT_TRUE(!broken.ok() || at > ended) << "reset at " << at;
  }
}

struct MessageCase {
  std::string name;
  std::vector<std::string> events;  // between message_start and message_stop
  std::string end;
  std::string sent_back = {};  // as JSON
  std::string edits = {};
};

void PrintTo(const MessageCase& row, std::ostream* out) {
  *out << row.name;
}

class AnthropicReplies : public ::testing::TestWithParam<MessageCase> {};

TEST_P(AnthropicReplies, AreReadAndGoBack) {
  std::vector<std::string> events = {kMessageStart};
  events.insert(events.end(), GetParam().events.begin(), GetParam().events.end());
  events.push_back(kMessageStop);
  const Result<ModelReplied> reply = read(events);
  EXPECT_EQ(outcome_of(reply), GetParam().end);
  if (!reply.ok()) return;
  EXPECT_EQ(edits_of(*reply), GetParam().edits);
  if (GetParam().sent_back.empty()) return;
  EXPECT_EQ(test::parse_json(sent_back(*reply)), test::parse_json(GetParam().sent_back));
}

std::vector<std::string> said(std::string_view text, std::string_view stop_reason) {
  return {text_start(0), text_delta(0, text), block_stop(0), message_end(stop_reason)};
}

const MessageCase kReplies[] = {
    {"end_turn", said("Hello.", "end_turn"), "stop: Hello.\n",
     R"([{"type":"text","text":"Hello."}])"},
    {"stop_sequence", said("Hello.", "stop_sequence"), "stop: Hello.\n"},
    {"max_tokens", said("Hel", "max_tokens"), "length: Hel\n"},
    {"context_window", said("Hel", "model_context_window_exceeded"), "length: Hel\n"},
    {"pause_turn", said("Hel", "pause_turn"), "length: Hel\n"},
    {"refusal", said("No.", "refusal"), "content_filter: No.\n"},
    {"unknown_reason", said("Hello.", "finished"), "other: Hello.\n", "",
     "finish_reason: unknown [finished]\n"},
    {"tool_use_without_a_call", said("I call.", "tool_use"),
     "later calls_missing: the reply says that it calls tools, but holds no call"},
    {"end_turn_with_a_call_N56",
     {call_start(0, "a", "look"), message_end("end_turn")},
     "tool_calls: \na look {}\n",
     R"([{"type":"tool_use","id":"a","name":"look","input":{}}])"},
    {"unsigned_thinking",
     {thinking_start(0), thinking_delta(0, "So."), text_start(1), text_delta(1, "Hi."),
      message_end("end_turn")},
     "stop: Hi.\n",
     R"([{"type":"thinking","thinking":"So."},{"type":"text","text":"Hi."}])"},
    {"redacted_thinking",
     {block_start(0, R"({"type":"redacted_thinking","data":"c2VjcmV0"})"), thinking_start(1),
      block_delta(1, R"({"type":"signature_delta","signature":"c2ln"})"),
      call_start(2, "a", "look"), arguments_delta(2, "{}"), message_end("tool_use")},
     "tool_calls: \na look {}\n",
     R"([{"type":"redacted_thinking","data":"c2VjcmV0"},
         {"type":"thinking","thinking":"","signature":"c2ln"},
         {"type":"tool_use","id":"a","name":"look","input":{}}])"},
    {"thinking_between_texts",
     {text_start(0), text_delta(0, "One. "), thinking_start(1), thinking_delta(1, "Hm."),
      text_start(2), text_delta(2, "Two."), message_end("end_turn")},
     "stop: One. Two.\n",
     R"([{"type":"text","text":"One. "},{"type":"thinking","thinking":"Hm."},
         {"type":"text","text":"Two."}])"},
    {"texts_written_in_turn",
     {text_start(0), text_start(1), text_delta(1, "Two."), text_delta(0, "One. "),
      message_end("end_turn")},
     "stop: One. Two.\n",
     R"([{"type":"text","text":"One. "},{"type":"text","text":"Two."}])"},
    {"blocks_that_begin_in_another_order",
     {call_start(2, "b", "look"), text_start(1), text_delta(1, "Hi."), thinking_start(0),
      thinking_delta(0, "Hm."), message_end("tool_use")},
     "tool_calls: Hi.\nb look {}\n",
     R"([{"type":"thinking","thinking":"Hm."},{"type":"text","text":"Hi."},
         {"type":"tool_use","id":"b","name":"look","input":{}}])"},
    {"calls_that_begin_in_another_order",
     {call_start(1, "b", "look"), call_start(0, "a", "look"), arguments_delta(1, R"({\"n\":1})"),
      message_end("tool_use")},
     "tool_calls: \na look {}\nb look {\"n\":1}\n"},
    {"two_calls_of_one_index",
     {call_start(0, "a", "look"), arguments_delta(0, R"({\"n\":1})"), call_start(0, "b", "look"),
      arguments_delta(0, R"({\"n\":2})"), message_end("tool_use")},
     "tool_calls: \na look {\"n\":1}\nb look {\"n\":2}\n"},
    {"blocks_of_the_host",
     {block_start(0, R"({"type":"server_tool_use","id":"s","name":"web_search"})"), text_start(1),
      text_delta(1, "Hi."), message_end("end_turn")},
     "stop: Hi.\n",
     R"([{"type":"text","text":"Hi."}])",
     R"(content/0: a block of an unknown kind does not go back [{"type":"server_tool_use",)"
     R"("id":"s","name":"web_search"}])"
     "\n"},
    {"a_text_that_never_began", {text_delta(0, "Hi."), message_end("end_turn")}, "stop: Hi.\n"},
    {"arguments_that_never_began",
     {arguments_delta(0, "{}"), message_end("tool_use")},
     "later bad_reply: the reply has arguments of a call that never began (block 0)"},
    {"a_call_that_began_twice",
     {call_start(0, "a", "look"), call_start(0, "a", "look"), message_end("tool_use")},
     "tool_calls: \na look {}\n"},
    {"arguments_at_once",
     {block_start(0, R"({"type":"tool_use","id":"a","name":"look","input":{"n":1}})"),
      message_end("tool_use")},
     "tool_calls: \na look {\"n\":1}\n"},
    {"an_id_that_is_missing",
     {call_start(0, "", "look"), message_end("tool_use")},
     "tool_calls: \nlook_0 look {}\n",
     R"([{"type":"tool_use","id":"look_0","name":"look","input":{}}])",
     "tool_calls/0/id: missing []\n"},
    {"nothing_but_white_space_beside_a_call",
     {text_start(0), text_delta(0, "\\n\\n"), call_start(1, "a", "look"), message_end("tool_use")},
     "tool_calls: \n\n\na look {}\n",
     R"([{"type":"tool_use","id":"a","name":"look","input":{}}])"},
    {"a_call_in_the_models_own_tokens_N69",
     {text_start(0),
      text_delta(0, R"(I look. <|tool_calls_section_begin|><|tool_call_begin|>functions.look:0)"
                    R"(<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>)"),
      text_start(1), message_end("end_turn")},
     "tool_calls: I look. \nfunctions.look:0 look {}\n",
     R"([{"type":"text","text":"I look. "},
         {"type":"tool_use","id":"functions.look:0","name":"look","input":{}}])",
     "content: tool calls in the model's own tokens became calls [I look. "
     "<|tool_calls_section_begin|><|tool_call_begin|>functions.look:0<|tool_call_argument_begin|>{}"
     "<|tool_call_end|><|tool_calls_section_end|>]\n"},
};

INSTANTIATE_TEST_SUITE_P(All, AnthropicReplies, ::testing::ValuesIn(kReplies),
                         [](const auto& row) { return row.param.name; });

TEST(AnthropicReply, IsReadFromOneBody) {
  const std::string body = R"({"id":"msg_2","type":"message","role":"assistant","content":[
      {"type":"thinking","thinking":"So.","signature":"c2ln"},
      {"type":"tool_use","id":"a","name":"look","input":{"n": 1.50}}],
      "stop_reason":"tool_use",
      "usage":{"input_tokens":5,"cache_read_input_tokens":7,"output_tokens":9}})";
  const Result<ModelReplied> reply = test::assemble({.host = &kHost, .body = body});
  EXPECT_EQ(outcome_of(reply), "tool_calls: \na look {\"n\": 1.50}\n");
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(usage_of(*reply), "12/7 in, 9/1 out");
  EXPECT_EQ(test::parse_json(sent_back(*reply))[0],
            test::parse_json(R"({"type":"thinking","thinking":"So.","signature":"c2ln"})"));

  EXPECT_EQ(
      outcome_of(test::assemble({.host = &kHost, .body = R"({"type":"message","content":"Hi."})"})),
      "stop: Hi.\n");
  EXPECT_EQ(outcome_of(test::assemble({.host = &kHost, .body = R"({"type":"message"})"})),
            "later bad_reply: the reply is no message: it has no content");
}

// Some counts come at the start, some at the end, and none of them is the sum.
TEST(AnthropicReply, CountsUsageWhereverItStands_N54) {
  const auto usage = [](std::string_view start, std::string_view end) {
    const Result<ModelReplied> reply =
        read({R"({"type":"message_start","message":{"usage":)" + std::string(start) + "}}",
              text_start(0), text_delta(0, "Hello there."),
              R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":)" +
                  std::string(end) + "}",
              kMessageStop});
    return reply.ok() ? usage_of(*reply) : to_text(reply.error());
  };
  EXPECT_EQ(usage(R"({"input_tokens":10,"output_tokens":1})", R"({"output_tokens":5})"),
            "10/0 in, 5/0 out");
  EXPECT_EQ(usage(R"({"input_tokens":0,"output_tokens":0})",
                  R"({"input_tokens":10,"cache_read_input_tokens":4,"output_tokens":5})"),
            "14/4 in, 5/0 out");
  EXPECT_EQ(usage(R"({"input_tokens":10,"cache_read_input_tokens":4})",
                  R"({"input_tokens":0,"output_tokens":5})"),
            "14/4 in, 5/0 out")
      << "a 0 at the end takes nothing back";
  EXPECT_EQ(usage(R"({"input_tokens":10,"cache_creation_input_tokens":6})",
                  R"({"cache_read_input_tokens":4,"output_tokens":5})"),
            "20/4 in, 5/0 out, 6 kept");
  EXPECT_EQ(usage(R"({"input_tokens":10,"output_tokens":1})", "null"), "10/0 in, 4/0 out estimated")
      << "the first event cannot know the output";
  EXPECT_EQ(usage("null", "null"), "0/0 in, 4/0 out estimated");
}

TEST(AnthropicReply, ThinkingOfThatHostGoesBackOnlySignedWhereItMustBe) {
  HostProfile host = kHost;
  host.unsigned_thinking = false;
  const Result<ModelReplied> plain =
      read({kMessageStart, thinking_start(0), thinking_delta(0, "A"), call_start(1, "a", "look"),
            message_end("tool_use"), kMessageStop},
           host);
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(sent_back(*plain, host), R"([{"id":"a","input":{},"name":"look","type":"tool_use"}])");
  const Result<ModelReplied> is_signed = read(kInterleaved, host);
  ASSERT_TRUE(is_signed.ok());
  EXPECT_EQ(test::parse_json(sent_back(*is_signed, host))[0]["signature"], "c2ln");
}

}  // namespace
}  // namespace perdure
