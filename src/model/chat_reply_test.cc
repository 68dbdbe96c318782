// What becomes of a reply: the message that goes back, byte for byte, what was changed in it, and
// how it ended. One row for each form that hosts are known to send, named for its fault. Usage and
// ends are in reply_reader_test.cc; how the pieces of calls find each other is in
// tool_call_assembly_test.cc.
#include "model/chat_reply.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/json.h"
#include "tests/support/replies.h"

namespace perdure {
namespace {

using test::calls_of;
using test::delta;
using test::edits_of;
using test::ReplyInput;

struct ReplyCase {
  const char* name;
  ReplyInput input;
  std::string fragment;
  std::string edits = "";  ///< "FIELD: REASON [ORIGINAL]", a line for each.
};

void PrintTo(const ReplyCase& row, std::ostream* out) {
  *out << row.name;
}

class Reply : public ::testing::TestWithParam<ReplyCase> {};

TEST_P(Reply, GoesBackAsItCame) {
  const Result<ModelReplied> reply = test::assemble(GetParam().input);
  ASSERT_TRUE(reply.ok()) << to_text(reply.error());
  EXPECT_EQ(reply->fragment, GetParam().fragment);
  EXPECT_EQ(edits_of(*reply), GetParam().edits);
}

const HostProfile kMoonshot{.id = "moonshot",
                            .empty_content = EmptyContent::kOmit,
                            .reasoning_required = true,
                            .reasoning_echo = {"reasoning_content"}};
const HostProfile kOpenRouter{.id = "openrouter",
                              .reasoning_echo = {"reasoning_details", "reasoning"}};
const HostProfile kVllm{.id = "vllm", .reasoning_echo = {"reasoning"}};
const HostProfile kCustom{.id = "custom"};
const HostProfile kNullContent{.id = "null", .empty_content = EmptyContent::kNull};
const HostProfile kEmptyContent{.id = "keep", .empty_content = EmptyContent::kKeep};

constexpr std::string_view kCallF =
    R"({"tool_calls":[{"index":0,"id":"f:0","type":"function",
                       "function":{"name":"f","arguments":"{}"}}]})";
constexpr std::string_view kEchoF =
    R"("tool_calls":[{"id":"f:0","type":"function","function":{"name":"f","arguments":"{}"}}])";

// ASSISTANT{MEMBERS,"tool_calls":[f:0]}
std::string with_call_f(std::string_view members) {
  return R"({"role":"assistant",)" + std::string(members) + std::string(kEchoF) + "}";
}

const ReplyCase kContentCases[] = {
    {"text",
     {.chunks = {delta(R"({"role":"assistant","content":""})"), delta(R"({"content":"Hel"})"),
                 delta(R"({"content":"lo, \"w\u00f6rld\"\n"})", "stop")}},
     R"({"role":"assistant","content":"Hello, \"wörld\"\n"})"},
    {"text_begins_with_a_space_and_keeps_it",
     {.chunks = {delta(R"({"content":" Hi "})", "stop")}},
     R"({"role":"assistant","content":" Hi "})"},
    {"N71_role_in_each_chunk_and_content_null",
     {.chunks = {delta(R"({"role":"assistant","content":null})"),
                 delta(R"({"role":"assistant","content":"Hi"})"),
                 delta(R"({"role":"assistant","content":null})", "stop")}},
     R"({"role":"assistant","content":"Hi"})"},
    {"N71_content_as_parts",
     {.chunks = {delta(
                     R"({"content":[{"type":"text","text":"Hel"},{"type":"image_url"},
                                 {"type":"text","text":"lo"}]})"),
                 delta(R"({"content":[{"type":"text","text":"!"}]})", "stop")}},
     R"({"role":"assistant","content":"Hello!"})"},
    {"N53_prelude_without_choices_and_delta_missing_or_null",
     {.chunks = {R"({"id":"c","choices":[],"prompt_filter_results":[{}]})",
                 R"({"choices":[{"index":0,"finish_reason":null}]})",
                 R"({"choices":[{"index":0,"delta":null}]})", delta(R"({"content":"Hi"})"),
                 R"({"choices":[{"index":0,"finish_reason":"stop"}]})"}},
     R"({"role":"assistant","content":"Hi"})"},
    {"N73_more_choices_than_one",
     {.chunks = {R"({"choices":[{"index":1,"delta":{"content":"other"}},
                           {"index":0,"delta":{"content":"first"}}]})",
                 R"({"choices":[{"index":1,"delta":{},"finish_reason":"length"}]})",
                 R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})"}},
     R"({"role":"assistant","content":"first"})"},
    {"N73_more_choices_than_one_in_a_whole_body",
     {.body = R"({"choices":[{"index":1,"message":{"content":"other"},"finish_reason":"stop"},
                             {"index":0,"message":{"content":"first"},"finish_reason":"stop"}]})"},
     R"({"role":"assistant","content":"first"})"},
    {"N73_id_and_model_change",
     {.chunks =
          {R"({"id":"a","model":"x","choices":[{"index":0,"delta":{"content":"Hi"}}]})",
           R"({"id":"b","model":"y","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})"}},
     R"({"role":"assistant","content":"Hi"})",
     "response_id: changed within the stream to b [a]\nmodel: changed within the stream to y "
     "[x]\n"},
    {"N73_what_changes_again_is_noted_once",
     {.chunks = {R"({"model":"x","choices":[{"index":0,"delta":{"content":"H"}}]})",
                 R"({"model":"y","choices":[{"index":0,"delta":{"content":"i"}}]})",
                 R"({"model":"z","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})"}},
     R"({"role":"assistant","content":"Hi"})",
     "model: changed within the stream to y [x]\n"},
    {"N70_thinking_in_the_content_goes_back_as_it_came",
     {.chunks = {delta(R"({"content":"<think>Hm.</think>\n\nHi"})", "stop")}},
     R"({"role":"assistant","content":"<think>Hm.</think>\n\nHi"})"},
    {"N59_refusal_in_pieces",
     {.chunks = {delta(R"({"content":null,"refusal":"I can"})"),
                 delta(R"({"refusal":"not."})", "stop")}},
     R"({"role":"assistant","content":"I cannot."})",
     "refusal: goes back as content [I cannot.]\n"},
    {"N59_refusal_in_a_whole_body",
     {.body =
          R"({"choices":[{"message":{"content":null,"refusal":"No."},"finish_reason":"stop"}]})"},
     R"({"role":"assistant","content":"No."})",
     "refusal: goes back as content [No.]\n"},
    {"N59_refusal_beside_content",
     {.chunks = {delta(R"({"content":"Hi","refusal":"no"})", "stop")}},
     R"({"role":"assistant","content":"Hi"})",
     "refusal: does not go back [no]\n"},
    {"empty_answer",
     {.chunks = {delta(R"({"content":"","reasoning_content":"Hm."})", "stop")}},
     "",
     "message: empty [Hm.]\n"},
    {"unknown_members_are_kept",
     {.chunks = {delta(R"({"content":"Hi","vendor":{"a":[1,true,null]},"note":"a"})"),
                 delta(R"({"note":"b","gone":null})", "stop")}},
     R"({"role":"assistant","content":"Hi","vendor":{"a":[1,true,null]},"note":"ab"})"},
    {"N47_lone_surrogates_and_controls",
     {.chunks = {delta(R"({"content":"a\ud83db\u0000\u001f \ud83d\ude00 \\ud83d \udc00"})",
                       "stop")}},
     "{\"role\":\"assistant\",\"content\":\"a\uFFFDb\\u0000\\u001f \U0001F600 \\\\ud83d \uFFFD\"}",
     "encoding: not valid UTF-8: what cannot be read became U+FFFD "
     "[{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\\ud83db\\u0000\\u001f \\ud83d\\ude00 "
     "\\\\ud83d "
     "\\udc00\"},\"finish_reason\":\"stop\"}]}]\n"},
    {"N47_invalid_bytes",
     {.chunks = {delta("{\"content\":\"a\xFF\xC3(\"}", "stop")}},
     "{\"role\":\"assistant\",\"content\":\"a\uFFFD\uFFFD(\"}",
     "encoding: not valid UTF-8: what cannot be read became U+FFFD "
     "[{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\uFFFD\uFFFD(\"},\"finish_reason\":"
     "\"stop\"}]}]\n"},
    {"N47_invalid_bytes_in_a_whole_body",
     {.body =
          "{\"choices\":[{\"message\":{\"content\":\"\xE2\x82\"},\"finish_reason\":\"stop\"}]}"},
     "{\"role\":\"assistant\",\"content\":\"\uFFFD\"}",
     "encoding: not valid UTF-8: what cannot be read became U+FFFD "
     "[{\"choices\":[{\"message\":{\"content\":\"\uFFFD\"},\"finish_reason\":\"stop\"}]}]\n"},
};
INSTANTIATE_TEST_SUITE_P(Content, Reply, ::testing::ValuesIn(kContentCases),
                         [](const auto& row) { return std::string(row.param.name); });

const ReplyCase kEmptyContentCases[] = {
    {"omitted",
     {.host = &kMoonshot, .chunks = {delta(R"({"content":""})"), delta(kCallF, "tool_calls")}},
     with_call_f("")},
    {"null",
     {.host = &kNullContent, .chunks = {delta(kCallF, "tool_calls")}},
     with_call_f(R"("content":null,)")},
    {"kept",
     {.host = &kEmptyContent, .chunks = {delta(kCallF, "tool_calls")}},
     with_call_f(R"("content":"",)")},
    {"only_a_space_is_content",
     {.host = &kMoonshot, .chunks = {delta(R"({"content":" "})"), delta(kCallF, "tool_calls")}},
     with_call_f(R"("content":" ",)")},
};
INSTANTIATE_TEST_SUITE_P(EmptyContent, Reply, ::testing::ValuesIn(kEmptyContentCases),
                         [](const auto& row) { return std::string(row.param.name); });

constexpr std::string_view kDetail1 =
    R"({"content":"","reasoning":"I ","reasoning_details":[
        {"type":"reasoning.text","text":"I ","format":"unknown","index":0}]})";
constexpr std::string_view kDetail2 =
    R"({"reasoning":"see\n","reasoning_details":[
        {"type":"reasoning.text","text":"see\n","format":"unknown","index":0}]})";
constexpr std::string_view kDetail3 =
    R"({"reasoning_details":[
        {"type":"reasoning.encrypted","data":"ab==","id":"r1","index":1,"signature":null},
        {"type":"reasoning.text","text":"!","index":0,"signature":"s"},
        {"type":"reasoning.text","text":"","format":null,"index":0,"signature":null}]})";
const std::string kDetailsEcho =
    R"("reasoning_details":[{"type":"reasoning.text","text":"I see\n!","format":"unknown",)"
    R"("index":0,"signature":"s"},)"
    R"({"type":"reasoning.encrypted","data":"ab==","id":"r1","index":1,"signature":null}],)";

const std::string kReasoningContentEcho = with_call_f(R"("reasoning_content":" a\n",)");
const std::string kReasoningEcho = with_call_f(R"("reasoning":" a\n",)");

const ReplyCase kReasoningCases[] = {
    {"N70_reasoning_content",
     {.host = &kMoonshot,
      .chunks = {delta(R"({"reasoning_content":" a"})"), delta(R"({"reasoning_content":"\n"})"),
                 delta(kCallF, "tool_calls")}},
     kReasoningContentEcho},
    {"N70_reasoning",
     {.host = &kVllm,
      .chunks = {delta(R"({"reasoning":" a","reasoning_content":null})"),
                 delta(R"({"reasoning":"\n"})"), delta(kCallF, "tool_calls")}},
     kReasoningEcho},
    {"N70_reasoning_goes_back_under_the_name_that_the_host_reads",
     {.host = &kVllm,
      .chunks = {delta(R"({"reasoning_content":" a\n"})"), delta(kCallF, "tool_calls")}},
     kReasoningEcho},
    {"N70_an_unknown_host_gets_the_name_under_which_it_came_reasoning_content",
     {.host = &kCustom,
      .chunks = {delta(R"({"reasoning_content":" a\n"})"), delta(kCallF, "tool_calls")}},
     kReasoningContentEcho},
    {"N70_an_unknown_host_gets_the_name_under_which_it_came_reasoning",
     {.host = &kCustom, .chunks = {delta(R"({"reasoning":" a\n"})"), delta(kCallF, "tool_calls")}},
     kReasoningEcho},
    {"N70_an_unknown_host_that_sends_details_too_gets_the_text",
     {.host = &kCustom,
      .chunks = {delta(kDetail1), delta(kDetail2), delta(kDetail3), delta(kCallF, "tool_calls")}},
     with_call_f(R"("reasoning":"I see\n",)")},
    {"N70_two_names_at_once",
     {.host = &kCustom,
      .chunks = {delta(R"({"reasoning_content":" a\n","reasoning":" a\n"})"),
                 delta(kCallF, "tool_calls")}},
     kReasoningContentEcho},
    {"N70_two_names_one_after_the_other",
     {.host = &kMoonshot,
      .chunks = {delta(R"({"reasoning":" a\n"})"), delta(kCallF, "tool_calls")}},
     kReasoningContentEcho},
    {"N70_details_merged_and_sent_back_unmodified",
     {.host = &kOpenRouter,
      .chunks = {delta(kDetail1), delta(kDetail2), delta(kDetail3), delta(kCallF, "tool_calls")}},
     with_call_f(kDetailsEcho)},
    {"N70_nothing_but_details",
     {.host = &kMoonshot,
      .chunks = {delta(R"({"reasoning_details":[{"type":"reasoning.text","text":"a"}]})"),
                 delta(R"({"reasoning_details":[{"type":"reasoning.text","text":"b"}]})"),
                 delta(R"({"content":"Hi"})", "stop")}},
     R"({"role":"assistant","content":"Hi",)"
     R"("reasoning_details":[{"type":"reasoning.text","text":"ab"}]})"},
    {"N70_details_of_a_whole_body_stay_apart",
     {.host = &kOpenRouter,
      .body =
          R"({"choices":[{"message":{"reasoning":"ab","reasoning_details":[
         {"type":"reasoning.text","text":"a"},{"type":"reasoning.text","text":"b"}],
         "tool_calls":[{"id":"f:0","function":{"name":"f","arguments":"{}"}}]},
         "finish_reason":"tool_calls"}]})"},
     with_call_f(R"("reasoning_details":[{"type":"reasoning.text","text":"a"},)"
                 R"({"type":"reasoning.text","text":"b"}],)")},
    {"N70_openrouter_without_details",
     {.host = &kOpenRouter,
      .chunks = {delta(R"({"reasoning":" a\n"})"), delta(kCallF, "tool_calls")}},
     kReasoningEcho},
    {"N70_reasoning_after_content",
     {.host = &kMoonshot,
      .chunks = {delta(R"({"reasoning_content":"Hm."})"), delta(R"({"content":"Hi"})"),
                 delta(R"({"reasoning_content":" Yes."})", "stop")}},
     R"({"role":"assistant","content":"Hi","reasoning_content":"Hm. Yes."})"},
    {"N70_think_tags_in_content_stay",
     {.host = &kVllm,
      .chunks = {delta(R"({"content":"<think>Hm."})"),
                 delta(R"({"content":"</think>Hi"})", "stop")}},
     R"({"role":"assistant","content":"<think>Hm.</think>Hi"})"},
    {"reasoning_that_the_host_demands_is_made_up",
     {.host = &kMoonshot, .thinking = Thinking::kKeep, .chunks = {delta(kCallF, "tool_calls")}},
     with_call_f(R"("reasoning_content":" ",)"),
     "reasoning_content: the host demands one []\n"},
    {"reasoning_is_not_made_up_without_thinking",
     {.host = &kMoonshot, .thinking = Thinking::kOff, .chunks = {delta(kCallF, "tool_calls")}},
     with_call_f("")},
    {"reasoning_is_not_made_up_for_other_hosts",
     {.host = &kVllm, .thinking = Thinking::kKeep, .chunks = {delta(kCallF, "tool_calls")}},
     with_call_f("")},
    {"reasoning_is_not_made_up_without_calls",
     {.host = &kMoonshot,
      .thinking = Thinking::kKeep,
      .chunks = {delta(R"({"content":"Hi"})", "stop")}},
     R"({"role":"assistant","content":"Hi"})"},
};
INSTANTIATE_TEST_SUITE_P(Reasoning, Reply, ::testing::ValuesIn(kReasoningCases),
                         [](const auto& row) { return std::string(row.param.name); });

// A call with this id, name and arguments as a whole body.
ReplyInput one_call(std::string_view id, std::string_view name, std::string_view arguments) {
  std::string call = R"({"choices":[{"message":{"tool_calls":[{)";
  call += id.empty() ? "" : R"("id":")" + std::string(id) + R"(",)";
  call += R"("type":"function","function":{"name":")" + std::string(name) + R"(","arguments":)";
  call += std::string(arguments) + R"(}}]},"finish_reason":"tool_calls"}]})";
  return {.body = call};
}

std::string one_echo(std::string_view id, std::string_view name, std::string_view arguments) {
  return R"({"role":"assistant","tool_calls":[{"id":")" + std::string(id) +
         R"(","type":"function","function":{"name":")" + std::string(name) + R"(","arguments":)" +
         std::string(arguments) + "}}]}";
}

const std::set<std::string> kUsedIds = {"functions.f:0", "functions.g:7", "f:0"};

struct CallCase {
  const char* name;
  ReplyInput input;
  std::string fragment;
  std::string edits;
  std::string call;  ///< "ID NAME ARGUMENTS" as the tools get it.
};

void PrintTo(const CallCase& row, std::ostream* out) {
  *out << row.name;
}

class ReplyCall : public ::testing::TestWithParam<CallCase> {};

TEST_P(ReplyCall, IsLegalInTheHistoryAndUnchangedForTheTools) {
  const Result<ModelReplied> reply = test::assemble(GetParam().input);
  ASSERT_TRUE(reply.ok()) << to_text(reply.error());
  EXPECT_EQ(reply->fragment, GetParam().fragment);
  EXPECT_EQ(edits_of(*reply), GetParam().edits);
  ASSERT_EQ(reply->calls.size(), 1U);
  const ToolCall& call = reply->calls[0];
  EXPECT_EQ(call.id + " " + call.name + " " + call.arguments, GetParam().call);

  // A run that is taken up again reads the calls from the journal: they must be the same.
  const Result<RunEvent> stored = decode("model_replied", encode({.body = *reply}));
  ASSERT_TRUE(stored.ok()) << to_text(stored.error());
  EXPECT_EQ(calls_of(std::get<ModelReplied>(stored->body)), GetParam().call + "\n");
}

constexpr std::string_view kNotAnObject = "not a JSON object, which hosts refuse in a history";
constexpr std::string_view kNotAName = "not a name that hosts accept in a history";

std::string arguments_edit(std::string_view original) {
  return "tool_calls/0/function/arguments: " + std::string(kNotAnObject) + " [" +
         std::string(original) + "]\n";
}

std::string name_edit(std::string_view original) {
  return "tool_calls/0/function/name: " + std::string(kNotAName) + " [" + std::string(original) +
         "]\n";
}

ReplyInput later(ReplyInput input) {
  input.calls_before = 7;
  input.used_ids = &kUsedIds;
  return input;
}

const CallCase kCallCases[] = {
    {"native_id_is_kept", one_call("f:3", "f", R"("{\"a\": 1.0}")"),
     one_echo("f:3", "f", R"("{\"a\": 1.0}")"), "", R"(f:3 f {"a": 1.0})"},
    {"foreign_id_is_kept", one_call("call_00 x", "f", R"("{}")"),
     one_echo("call_00 x", "f", R"("{}")"), "", "call_00 x f {}"},
    {"N61_missing_id", one_call("", "f", R"("{}")"), one_echo("functions.f:0", "f", R"("{}")"),
     "tool_calls/0/id: missing []\n", "functions.f:0 f {}"},
    {"N61_missing_id_counts_over_the_conversation", later(one_call("", "f", R"("{}")")),
     one_echo("functions.f:7", "f", R"("{}")"), "tool_calls/0/id: missing []\n",
     "functions.f:7 f {}"},
    {"N61_missing_id_avoids_those_that_are_used", later(one_call("", "g", R"("{}")")),
     one_echo("functions.g:8", "g", R"("{}")"), "tool_calls/0/id: missing []\n",
     "functions.g:8 g {}"},
    {"N62_id_of_an_earlier_turn", later(one_call("f:0", "f", R"("{}")")),
     one_echo("functions.f:7", "f", R"("{}")"), "tool_calls/0/id: repeated [f:0]\n",
     "functions.f:7 f {}"},
    {"N65_prefix", one_call("a", "functions.f", R"("{}")"), one_echo("a", "f", R"("{}")"),
     name_edit("functions.f"), "a f {}"},
    {"N65_illegal_name_is_not_taken_for_a_tool_that_looks_like_it",
     one_call("a", "read file", R"("{}")"), one_echo("a", "read_file", R"("{}")"),
     name_edit("read file"), "a read file {}"},
    {"N65_name_begins_with_a_digit", one_call("a", "2fa", R"("{}")"),
     one_echo("a", "_2fa", R"("{}")"), name_edit("2fa"), "a 2fa {}"},
    {"N65_empty_name", one_call("a", "", R"("{}")"), one_echo("a", "_", R"("{}")"), name_edit(""),
     "a  {}"},
    {"N65_longest_name_is_kept", one_call("a", std::string(64, 'n'), R"("{}")"),
     one_echo("a", std::string(64, 'n'), R"("{}")"), "", "a " + std::string(64, 'n') + " {}"},
    {"N65_longer_name", one_call("a", std::string(65, 'n'), R"("{}")"),
     one_echo("a", std::string(63, 'n'), R"("{}")"), name_edit(std::string(65, 'n')),
     "a " + std::string(65, 'n') + " {}"},
    {"N66_empty_arguments", one_call("a", "f", R"("")"), one_echo("a", "f", R"("{}")"),
     arguments_edit(""), "a f "},
    {"N66_null_arguments", one_call("a", "f", "null"), one_echo("a", "f", R"("{}")"),
     arguments_edit(""), "a f "},
    {"N66_object_arguments", one_call("a", "f", R"({ "x": [1] })"),
     one_echo("a", "f", R"("{ \"x\": [1] }")"), "", R"(a f { "x": [1] })"},
    {"N66_double_encoded", one_call("a", "f", R"("\"{\\\"x\\\":1}\"")"),
     one_echo("a", "f", R"("{}")"), arguments_edit(R"("{\"x\":1}")"), R"(a f "{\"x\":1}")"},
    {"N66_list", one_call("a", "f", R"("[1]")"), one_echo("a", "f", R"("{}")"),
     arguments_edit("[1]"), "a f [1]"},
    {"N67_trailing_bracket", one_call("a", "f", R"("{}}")"), one_echo("a", "f", R"("{}")"),
     arguments_edit("{}}"), "a f {}}"},
    {"N67_prose", one_call("a", "f", R"("Sure: {}")"), one_echo("a", "f", R"("{}")"),
     arguments_edit("Sure: {}"), "a f Sure: {}"},
    {"N67_fence", one_call("a", "f", R"("```json\n{}\n```")"), one_echo("a", "f", R"("{}")"),
     arguments_edit("```json\n{}\n```"), "a f ```json\n{}\n```"},
    {"N67_python", one_call("a", "f", R"("{'x': True}")"), one_echo("a", "f", R"("{}")"),
     arguments_edit("{'x': True}"), "a f {'x': True}"},
    {"N67_cut", one_call("a", "f", R"("{\"x\": \"")"), one_echo("a", "f", R"("{}")"),
     arguments_edit(R"({"x": ")"), R"(a f {"x": ")"},
    {"N51_numbers_are_kept_as_text",
     one_call("a", "f", R"("{\"x\":12345678901234567890123,\"y\":-0,\"z\":1e5,\"w\":1.50}")"),
     one_echo("a", "f", R"("{\"x\":12345678901234567890123,\"y\":-0,\"z\":1e5,\"w\":1.50}")"), "",
     R"(a f {"x":12345678901234567890123,"y":-0,"z":1e5,"w":1.50})"},
    {"N73_legacy_function_call",
     {.chunks = {delta(R"({"function_call":{"name":"f","arguments":""}})"),
                 delta(R"({"function_call":{"arguments":"{}"}})", "function_call")}},
     one_echo("functions.f:0", "f", R"("{}")"),
     "tool_calls/0/id: missing []\n",
     "functions.f:0 f {}"},
};
INSTANTIATE_TEST_SUITE_P(Calls, ReplyCall, ::testing::ValuesIn(kCallCases),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(ReplyCalls, OfOneMessageGetIdsThatDiffer) {  // N61, N62
  const Result<ModelReplied> reply = test::assemble(
      {.calls_before = 7, .used_ids = &kUsedIds, .body = R"({"choices":[{"message":{"tool_calls":[
         {"id":"functions.g:8","function":{"name":"g","arguments":"{}"}},
         {"id":"functions.g:8","function":{"name":"g","arguments":"{\"n\":2}"}},
         {"function":{"name":"f","arguments":"{}"}},
         {"id":"f:0","function":{"name":"f","arguments":"{}"}},
         {"function":{"name":"f","arguments":"{bad"}}]},"finish_reason":"tool_calls"}]})"});
  ASSERT_TRUE(reply.ok()) << to_text(reply.error());
  EXPECT_EQ(calls_of(*reply),
            "functions.g:8 g {}\nfunctions.g:9 g {\"n\":2}\nfunctions.f:9 f {}\n"
            "functions.f:10 f {}\nfunctions.f:11 f {bad\n");
  EXPECT_EQ(edits_of(*reply),
            "tool_calls/1/id: repeated [functions.g:8]\ntool_calls/2/id: missing []\n"
            "tool_calls/3/id: repeated [f:0]\ntool_calls/4/id: missing []\n"
            "tool_calls/4/function/arguments: not a JSON object, which hosts refuse in a history "
            "[{bad]\n");
  EXPECT_EQ(reply->fragment.find("{bad"), std::string::npos);
}

TEST(ReplyCalls, OfAWholeBodyStayApart) {  // N62
  const Result<ModelReplied> reply =
      test::assemble({.body = R"({"choices":[{"message":{"tool_calls":[
         {"id":"a","function":{"name":"f","arguments":"{\"cut"}},
         {"id":"a","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]})"});
  ASSERT_TRUE(reply.ok()) << to_text(reply.error());
  EXPECT_EQ(calls_of(*reply), "a f {\"cut\nfunctions.f:1 f {}\n");
}

TEST(ReplyCalls, InOneDeltaWithoutIndexOrIdAreSeveral) {  // N63
  const Result<ModelReplied> reply =
      test::assemble({.chunks = {delta(R"({"tool_calls":[{"function":{"name":"f","arguments":""}},
                                          {"function":{"name":"g","arguments":""}}]})",
                                       "tool_calls")}});
  ASSERT_TRUE(reply.ok()) << to_text(reply.error());
  EXPECT_EQ(calls_of(*reply), "functions.f:0 f \nfunctions.g:1 g \n");
}

TEST(ReplyCalls, KeepTheirUnknownMembers) {
  const Result<ModelReplied> reply = test::assemble(
      {.chunks = {delta(R"({"tool_calls":[{"index":0,"id":"a","extra_content":{"signature":"s"},
                            "function":{"name":"f","arguments":"{}"}}]})",
                        "tool_calls")}});
  ASSERT_TRUE(reply.ok()) << to_text(reply.error());
  EXPECT_EQ(reply->fragment,
            R"({"role":"assistant","tool_calls":[{"id":"a","type":"function","function":)"
            R"({"name":"f","arguments":"{}"},"extra_content":{"signature":"s"}}]})");
}

TEST(ReplyCalls, MayBeManyInOneReply) {  // N74
  ReplyInput input;
  for (int i = 0; i < 128; ++i) {
    const std::string number = std::to_string(i);
    input.chunks.push_back(delta(R"({"tool_calls":[{"index":)" + number + R"(,"id":"f:)" + number +
                                 R"(","function":{"name":"f","arguments":"{}"}}]})"));
  }
  input.chunks.push_back(delta("{}", "tool_calls"));
  const Result<ModelReplied> reply = test::assemble(input);
  ASSERT_TRUE(reply.ok()) << to_text(reply.error());
  EXPECT_EQ(reply->calls.size(), 128U);
  EXPECT_EQ(reply->calls[127].id, "f:127");
  EXPECT_TRUE(reply->edits.empty());
}

TEST(ReplyDeltas, AreToldAsTheyCome) {
  std::string told;
  const ReplyDeltas deltas{
      .reasoning = [&](std::string_view text) { told += "R[" + std::string(text) + "]"; },
      .text = [&](std::string_view text) { told += "T[" + std::string(text) + "]"; },
      .arguments = [&](std::string_view text) { told += "A[" + std::string(text) + "]"; }};
  const std::vector<std::string> chunks = {
      delta(R"({"reasoning":"a","reasoning_content":"a"})"),  // the same twice: shown once
      delta(R"({"content":"","reasoning_content":"b"})"),
      delta(R"({"content":"c"})"),
      delta(R"({"tool_calls":[{"index":0,"id":"x","function":{"name":"f","arguments":""}}]})"),
      delta(R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]})"),
      delta(R"({"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]})", "tool_calls")};
  ASSERT_TRUE(test::assemble({.chunks = chunks}, &deltas).ok());
  EXPECT_EQ(told, R"(R[a]R[b]T[c]A[{"a"]A[:1}])");

  told.clear();
  const std::string body =
      R"({"choices":[{"message":{"content":"c","reasoning":"a"},"finish_reason":"stop"}]})";
  ASSERT_TRUE(test::assemble({.body = body}, &deltas).ok());
  EXPECT_EQ(told, "R[a]T[c]");
}

// A fragment is a message: it parses, and what it says is what the reply said.
TEST(ReplyFragment, IsOneJsonMessage) {
  std::string all;
  for (int c = 0; c < 0x80; ++c) {
    all += c < 0x20 || c == '"' || c == '\\' ? fmt::format("\\u{:04x}", c)
                                             : std::string(1, static_cast<char>(c));
  }
  const Result<ModelReplied> reply = test::assemble(
      {.host = &kCustom, .chunks = {delta(R"({"content":")" + all + R"(\u2028é😀"})", "stop")}});
  ASSERT_TRUE(reply.ok()) << to_text(reply.error());
  const Json message = test::parse_json(reply->fragment);
  EXPECT_EQ(message["content"], reply->text);
  EXPECT_EQ(reply->text.size(), 0x80U + 3 + 2 + 4);
}

}  // namespace
}  // namespace perdure
