// How replies end, what they are billed for, and what is no reply at all: a call of a reply that
// did not end must never get as far as a tool. One row for each form, named for its fault.
#include "model/reply_reader.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/replies.h"

namespace perdure {
namespace {

using test::delta;
using test::ReplyInput;

constexpr std::string_view kWholeCall =
    R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]})";
constexpr std::string_view kHalfCall =
    R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}]})";
constexpr std::string_view kText = R"({"content":"Hi"})";

struct EndCase {
  const char* name;
  ReplyInput input;
  std::string end;         ///< The finish reason, or "CODE: MESSAGE" of the error.
  std::string edits = "";  ///< As edits_of() shows them.
};

void PrintTo(const EndCase& row, std::ostream* out) {
  *out << row.name;
}

class ReplyEnd : public ::testing::TestWithParam<EndCase> {};

std::string end_of(const Result<ModelReplied>& reply) {
  if (reply.ok()) return std::string(to_string(reply->finish));
  const std::string later = reply.error().retry == Retry::kLater ? "later " : "";
  return later + std::string(to_string(reply.error().code)) + ": " + reply.error().message;
}

TEST_P(ReplyEnd, IsTakenAsMeant) {
  const Result<ModelReplied> reply = test::assemble(GetParam().input);
  EXPECT_EQ(end_of(reply), GetParam().end);
  EXPECT_EQ(reply.ok() ? test::edits_of(*reply) : "", GetParam().edits);
}

const char* const kCut = "later stream_cut: the reply ended before it was complete";
const char* const kNoCall =
    "later calls_missing: the reply says that it calls tools, but holds no call";
const char* const kNoEndMarker = "end_marker: missing []\n";
const Error kReset{.code = ErrorCode::kNetwork, .message = "reset", .retry = Retry::kLater};

const EndCase kEndCases[] = {
    {"stop", {.chunks = {delta(kText, "stop")}}, "stop"},
    {"tool_calls", {.chunks = {delta(kWholeCall, "tool_calls")}}, "tool_calls"},
    {"finish_in_a_chunk_of_its_own", {.chunks = {delta(kText), delta("{}", "stop")}}, "stop"},
    {"finish_repeated_with_the_usage",
     {.chunks =
          {delta(kWholeCall, "tool_calls"),
           R"({"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}],"usage":{}})"}},
     "tool_calls"},
    {"finish_null_with_the_usage",
     {.chunks = {delta(kText, "stop"),
                 R"({"choices":[{"index":0,"delta":{},"finish_reason":null}],"usage":{}})"}},
     "stop"},
    {"finish_on_the_first_of_two_calls_as_DeepInfra_sends",
     {.chunks = {delta(R"({"tool_calls":[{"id":"0","function":{"name":"f","arguments":"{}"}}]})",
                       "tool_calls"),
                 delta(R"({"tool_calls":[{"id":"1","function":{"name":"g","arguments":"{}"}}]})",
                       "tool_calls")}},
     "tool_calls"},
    {"N56_stop_with_calls", {.chunks = {delta(kWholeCall, "stop")}}, "tool_calls"},
    {"N57_tool_calls_without_calls", {.chunks = {delta(kText, "tool_calls")}}, kNoCall},
    {"N57_function_call_without_call", {.chunks = {delta(kText, "function_call")}}, kNoCall},
    {"N57_tool_calls_with_an_empty_list",
     {.chunks = {delta(R"({"tool_calls":[]})", "tool_calls")}},
     kNoCall},
    {"N57_tool_calls_with_an_empty_element",
     {.chunks = {delta(R"({"tool_calls":[{"index":0}]})", "tool_calls")}},
     kNoCall},
    {"N58_length_inside_arguments",
     {.chunks = {delta(kHalfCall), delta("{}", "length")}},
     "length",
     "tool_calls/0/function/arguments: not a JSON object, which hosts refuse in a history "
     "[{\"x\":]\n"},
    {"N58_length_in_text", {.chunks = {delta(kText, "length")}}, "length"},
    {"N58_max_tokens", {.chunks = {delta(kText, "max_tokens")}}, "length"},
    {"N59_content_filter", {.chunks = {delta(kText, "content_filter")}}, "content_filter"},
    {"N59_content_filter_drops_the_calls",
     {.chunks = {delta(kText), delta(kWholeCall, "content_filter")}},
     "content_filter",
     "tool_calls/0: the content filter ended the reply [f {}]\n"},
    {"N55_no_finish_but_the_end_marker",
     {.chunks = {delta(kText)}},
     "stop",
     "finish_reason: missing []\n"},
    {"N55_no_finish_but_the_end_marker_after_a_whole_call",
     {.chunks = {delta(kWholeCall)}},
     "tool_calls",
     "finish_reason: missing []\n"},
    {"N55_no_finish_but_the_end_marker_in_a_call", {.chunks = {delta(kHalfCall)}}, kCut},
    {"N55_no_finish_but_the_end_marker_after_reasoning_alone",
     {.chunks = {delta(R"({"reasoning_content":"Hm."})")}},
     kCut},
    {"N55_unknown_finish",
     {.chunks = {delta(kText, "unexpected_state")}},
     "other",
     "finish_reason: unknown [unexpected_state]\n"},
    {"N55_unknown_finish_after_a_whole_call",
     {.chunks = {delta(kWholeCall, "unexpected_state")}},
     "tool_calls",
     "finish_reason: unknown [unexpected_state]\n"},
    {"N55_unknown_finish_in_a_call", {.chunks = {delta(kHalfCall, "unexpected_state")}}, kCut},
    {"N55_error_as_the_finish",
     {.chunks = {delta(kWholeCall, "error")}},
     "later server: the host gave up in the middle of the reply"},
    {"N25_nothing_that_ends_it", {.chunks = {delta(kText)}, .has_end_marker = false}, kCut},
    {"N25_nothing_that_ends_a_whole_call",
     {.chunks = {delta(kWholeCall)}, .has_end_marker = false},
     kCut},
    {"N26_finish_and_a_proper_close",
     {.chunks = {delta(kWholeCall, "tool_calls")}, .has_end_marker = false},
     "tool_calls",
     kNoEndMarker},
    {"N24_finish_and_a_reset",
     {.chunks = {delta(kWholeCall, "tool_calls")}, .has_end_marker = false, .transfer = kReset},
     "later network: reset"},
    {"N28_end_marker_and_a_reset",
     {.chunks = {delta(kWholeCall, "tool_calls")}, .transfer = kReset},
     "tool_calls"},
    {"N28_data_after_the_end_marker",
     {.chunks = {delta(kText, "stop"), "[DONE]", delta(R"({"content":" and more"})"), "{bad"}},
     "stop"},
    {"N50_bad_json_in_one_event",
     {.chunks = {delta(kText), R"({"choices":[)", delta("{}", "stop")}},
     "later bad_reply: not valid JSON: The JSON document has an improper structure: missing or "
     "superfluous commas, braces, missing keys, etc."},
    {"N72_error_in_the_stream",
     {.chunks = {delta(kWholeCall), R"({"error":{"message":"boom","type":"server_error"}})"}},
     "later server: the host reports an error: boom"},
    {"N72_error_beside_a_finish_as_OpenRouter_sends",
     {.chunks = {delta(kText),
                 R"({"id":"x","error":{"code":"server_error","message":"Provider disconnected"},
                     "choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]})"}},
     "later server: the host reports an error: Provider disconnected"},
    {"N72_error_null_is_none",
     {.chunks = {R"({"error":null,"choices":[{"index":0,"delta":{"content":"Hi"}}]})",
                 delta("{}", "stop")}},
     "stop"},
    {"N13_whole_body",
     {.body = R"({"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]})"},
     "stop"},
    {"N13_whole_body_behind_blank_lines",
     {.body = "\n   \n\n{\"choices\":[{\"message\":{\"content\":\"Hi\"},\"finish_reason\":null}]}"},
     "stop"},
    {"N13_whole_body_cut",
     {.body = R"({"choices":[{"message":{"content":"Hi)"},
     "later bad_reply: the reply is no JSON: {\"choices\":[{\"message\":{\"content\":\"Hi"},
    {"N53_whole_body_without_choices",
     {.body = R"({"id":"x","choices":[]})"},
     "later bad_reply: the reply has no choices"},
    {"N14_error_as_a_body",
     {.body = R"({"error":{"message":"no credit","code":402}})"},
     "quota: the host reports an error: no credit"},
    {"N12_page_of_a_proxy",
     {.body = "<html>\x1b[1mBad gateway</html>"},
     "later bad_reply: the reply is no JSON: \\x1b[1mBad gateway"},
    {"N12_words",
     {.body = "upstream error\nsk-abcdefghijklmnop"},
     "later bad_reply: the reply is no stream of events: upstream error sk-***"},
    {"N12_words_with_a_colon",
     {.body = "Error: no upstream\n\n"},
     "later bad_reply: the reply is no stream of events: Error: no upstream"},
    {"N12_comments_alone", {.body = ": waiting\n\n"}, kCut},
    {"N14_flat_error_as_a_body",
     {.body =
          R"({"object":"error","message":"the engine died","type":"x","param":null,"code":503})"},
     "later overloaded: the host reports an error: the engine died"},
    {"N14_flat_error_of_the_request",
     {.body =
          R"({"object":"error","message":"no such thing","type":"BadRequestError","code":400})"},
     "bad_request: the host reports an error: no such thing"},
    {"N14_flat_error_with_its_status_as_text",
     {.body = R"({"object":"error","message":"no","code":"404"})"},
     "model_not_found: the host reports an error: no"},
    {"N14_flat_error_in_a_stream",
     {.chunks = {delta(kText), R"({"object":"error","message":"too long","code":400})"}},
     "bad_request: the host reports an error: too long"},
    {"N14_detail",
     {.body = R"({"detail":"Not Found"})"},
     "later server: the host reports an error: Not Found"},
    {"N14_words_beside_choices",
     {.body =
          R"({"message":"ok","choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]})"},
     "stop"},
    {"N16_empty", {.body = ""}, "later bad_reply: the reply is empty"},
    {"N16_blank", {.body = " \n"}, "later bad_reply: the reply is empty"},
    {"N16_end_marker_alone", {.body = "data: [DONE]\n\n"}, kCut},
};
INSTANTIATE_TEST_SUITE_P(Cases, ReplyEnd, ::testing::ValuesIn(kEndCases),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(ReplyEnd, KeepsTheFirstIdAndTheHostsWord) {
  const Result<ModelReplied> reply = test::assemble(
      {.chunks = {R"({"id":"chatcmpl-1","choices":[{"index":0,"delta":{"role":"assistant"}}]})",
                  R"({"id":"gen-2","choices":[{"index":0,"delta":{"content":"Hi"}}]})",
                  delta("{}", "end_turn")}});
  ASSERT_TRUE(reply.ok()) << to_text(reply.error());
  EXPECT_EQ(reply->response_id, "chatcmpl-1");
  EXPECT_EQ(reply->finish_text, "end_turn");
  EXPECT_EQ(reply->finish, FinishReason::kStop);
}

struct UsageCase {
  const char* name;
  ReplyInput input;
  std::string usage;
};

void PrintTo(const UsageCase& row, std::ostream* out) {
  *out << row.name;
}

class ReplyUsageOf : public ::testing::TestWithParam<UsageCase> {};

TEST_P(ReplyUsageOf, IsReadWhereItStands) {
  const Result<ModelReplied> reply = test::assemble(GetParam().input);
  ASSERT_TRUE(reply.ok()) << to_text(reply.error());
  EXPECT_EQ(test::usage_of(*reply), GetParam().usage);
}

// A chunk that ends the reply, with USAGE in its choice.
std::string end_with(const std::string& usage) {
  return R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":)" + usage + "}]}";
}
// A chunk without choices and USAGE at the top.
std::string top(const std::string& usage) {
  return R"({"choices":[],"usage":)" + usage + "}";
}
std::string tokens(int prompt, int completion, const std::string& more = "") {
  return R"({"prompt_tokens":)" + std::to_string(prompt) + R"(,"completion_tokens":)" +
         std::to_string(completion) + more + "}";
}

const UsageCase kUsageCases[] = {
    {"in_the_last_chunk",
     {.chunks = {delta(kText, "stop"), top(tokens(10, 5))}},
     "10/0 in, 5/0 out"},
    {"in_the_choice_as_Moonshot_sends",
     {.chunks = {delta(kText), end_with(tokens(8, 11, R"(,"total_tokens":19,"cached_tokens":8)"))}},
     "8/8 in, 11/0 out"},
    {"null_in_all_chunks_but_the_last",
     {.chunks = {R"({"choices":[{"index":0,"delta":{"content":"Hi"}}],"usage":null})",
                 R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null})",
                 top(tokens(10, 5))}},
     "10/0 in, 5/0 out"},
    {"cumulative",
     {.chunks = {top(tokens(10, 1)), top(tokens(10, 2)), delta(kText, "stop"), top(tokens(10, 5))}},
     "10/0 in, 5/0 out"},
    {"the_top_wins_in_one_chunk",
     {.chunks = {delta(kText),
                 R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":)" +
                     tokens(1, 1) + R"(}],"usage":)" + tokens(10, 5) + "}"}},
     "10/0 in, 5/0 out"},
    {"the_top_wins_over_a_later_choice",
     {.chunks = {delta(kText), top(tokens(10, 5)), end_with(tokens(1, 1))}},
     "10/0 in, 5/0 out"},
    {"three_times_as_Groq_sends_and_not_summed",
     {.chunks =
          {delta(kText),
           R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"usage":)" +
               tokens(10, 5) + R"(},"usage":)" + tokens(10, 5) + "}",
           top(tokens(10, 5))}},
     "10/0 in, 5/0 out"},
    {"in_x_groq_alone",
     {.chunks = {delta(kText, "stop"),
                 R"({"choices":[],"x_groq":{"usage":)" + tokens(10, 5) + "}}"}},
     "10/0 in, 5/0 out"},
    {"details",
     {.chunks = {delta(kText, "stop"),
                 top(tokens(100, 66,
                            R"(,"cost":0.00016236,"prompt_tokens_details":{"cached_tokens":64},
                                         "completion_tokens_details":{"reasoning_tokens":47})"))}},
     "100/64 in, 66/47 out $0.00016236"},
    {"written_into_the_cache",
     {.chunks = {delta(kText, "stop"),
                 top(tokens(100, 5, R"(,"prompt_tokens_details":{"cache_write_tokens":30})"))}},
     "100/0 in, 5/0 out, 30 kept"},
    {"more_cached_than_sent",
     {.chunks = {delta(kText, "stop"), top(tokens(10, 5, R"(,"cached_tokens":64)"))}},
     "10/10 in, 5/0 out"},
    {"negative_and_absurd",
     {.chunks = {delta(kText, "stop"),
                 top(R"({"prompt_tokens":-3,"completion_tokens":"5","cost":-1})")}},
     "0/0 in, 0/0 out"},
    {"not_an_object", {.chunks = {delta(kText, "stop"), top("[1]")}}, "0/0 in, 0/0 out estimated"},
    {"missing",
     {.chunks = {delta(R"({"content":"123456789"})", "stop")}},
     "0/0 in, 3/0 out estimated"},
    {"missing_with_reasoning_and_arguments",
     {.chunks = {delta(R"({"reasoning_content":"123456","reasoning":"123456"})"),
                 delta(kWholeCall, "tool_calls")}},
     "0/0 in, 4/2 out estimated"},
    {"reasoning_left_out",
     {.chunks = {delta(R"({"reasoning_content":"123456789"})"), delta(kText, "stop"),
                 top(tokens(10, 5))}},
     "10/0 in, 5/3 out"},
    {"of_a_whole_body",
     {.body = R"({"choices":[{"message":{"content":"Hi"},"finish_reason":"stop","usage":)" +
              tokens(1, 1) + R"(}],"usage":)" + tokens(8, 11, R"(,"cached_tokens":8)") + "}"},
     "8/8 in, 11/0 out"},
};
INSTANTIATE_TEST_SUITE_P(N54, ReplyUsageOf, ::testing::ValuesIn(kUsageCases),
                         [](const auto& row) { return std::string(row.param.name); });

// --- A reply that broke off ---

struct BrokenCase {
  const char* name;
  std::vector<std::string> chunks;
  std::string kept;  ///< Of its text.
  Error error = {.code = ErrorCode::kNetwork, .message = "reset", .retry = Retry::kLater};
};

UnfinishedReply unfinished_of(std::string_view bytes, const Error& error) {
  static const HostProfile host{.id = "plain"};
  json::Reader json;
  ReplyReader reader(json, host, {}, nullptr);
  reader.take_head({.status = 200});
  reader.feed(bytes);
  const Result<ModelReplied> reply = reader.finish(error, 0);
  return reply.ok() ? UnfinishedReply{} : reader.unfinished(reply.error());
}

class BrokenReply : public ::testing::TestWithParam<BrokenCase> {};

TEST_P(BrokenReply, keeps_what_a_host_can_go_on_with) {
  const BrokenCase& row = GetParam();
  const std::string bytes = test::stream_of({.chunks = row.chunks, .has_end_marker = false});
  const UnfinishedReply unfinished = unfinished_of(bytes, row.error);
  EXPECT_EQ(unfinished.text, row.kept);
  EXPECT_EQ(unfinished.fragment.empty(), row.kept.empty());
}

const std::string kHalf = delta(R"({"content":"Half a"})");
const BrokenCase kBrokenCases[] = {
    {"text", {delta(R"({"reasoning_content":"Hm."})"), kHalf}, "Half a"},
    {"reasoning", {delta(R"({"reasoning_content":"Hm."})")}, ""},
    {"white_space", {delta(R"({"content":" \n"})")}, ""},
    {"a_call_behind_text", {kHalf, delta(kWholeCall)}, ""},
    {"text_that_has_ended", {kHalf, delta("{}", "tool_calls")}, ""},
    {"a_marker_that_has_begun", {delta(R"({"content":"Half a<|tool_ca"})")}, "Half a"},
    {"a_leaked_call",
     {delta(R"({"content":"Half a<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0"})")},
     ""},
    {"thinking_in_the_content", {delta(R"({"content":"<think>Half a"})")}, ""},
    {"a_refusal", {kHalf, delta(R"({"refusal":"No."})")}, ""},
    {"an_event_that_is_no_JSON", {kHalf, "{"}, ""},
    {"what_waiting_does_not_help",
     {kHalf},
     "",
     {.code = ErrorCode::kTls, .message = "bad certificate"}},
};
INSTANTIATE_TEST_SUITE_P(Table, BrokenReply, ::testing::ValuesIn(kBrokenCases),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(BrokenReply, of_a_stream_that_is_cut_anywhere_keeps_a_beginning_of_the_text) {
  const std::string whole = "Caf\xc3\xa9 \"one\"\n\xf0\x9f\x98\x80 <|two three";
  std::vector<std::string> chunks = {delta(R"({"role":"assistant","content":""})")};
  chunks.push_back(delta(R"({"reasoning_content":"I count."})"));
  for (const char* text : {R"(Caf\u00e9 )", R"(\"one\"\n)", R"(\ud83d\ude00)", " <|two ", "three"})
    chunks.push_back(delta(R"({"content":")" + std::string(text) + R"("})"));
  const std::string bytes = test::stream_of({.chunks = chunks, .has_end_marker = false});
  std::set<std::string> kept;
  for (std::size_t at = 0; at <= bytes.size(); ++at) {
    const Error reset{.code = ErrorCode::kNetwork, .message = "reset", .retry = Retry::kLater};
    const UnfinishedReply unfinished = unfinished_of(bytes.substr(0, at), reset);
    EXPECT_TRUE(whole.starts_with(unfinished.text)) << at;
    kept.insert(unfinished.text);
  }
  EXPECT_GE(kept.size(), 5U);
  EXPECT_EQ(kept.count(whole), 1U);
}

}  // namespace
}  // namespace perdure
