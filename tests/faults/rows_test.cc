// One request through the real client for each way in which an endpoint fails or lies, named after
// the rows of the fault table that the ids stand for. What a caller learns is one line: a whole
// reply, or an error that says whether it is tried again. A row that needs more than one answer has
// a test of its own in the other files of this folder.
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/model_exchange.h"

namespace perdure {
namespace {

using test::Asked;
using test::ByteScript;
using test::ByteStep;
using test::delta;
using test::hold;
using test::http_answer;
using test::http_chunk;
using test::kStreamHead;
using test::receive_request;
using test::reset;
using test::send;
using test::stream_of;
using test::wait_ms;
using testing::StartsWith;

// --- What the rows send ---

struct Row {
  std::string name;
  ByteScript answer;  // behind the request
  std::string end;    // what Asked::end() begins with
};

void PrintTo(const Row& row, std::ostream* out) {
  *out << row.name;
}

const std::string kText = delta(R"({"content":"Hello"})");
const std::string kStop = delta("{}", "stop");
const std::string kHello = "stop: Hello";
const std::string kCall =
    R"({"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{\"a\":1}"}}]})";
const std::string kHalfCall =
    R"({"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{\"a\":"}}]})";
const std::string kOneCall = "tool_calls: c1 f {\"a\":1}\n";
const std::string kCut = "later stream_cut: the reply ended before it was complete";
const std::string kTooManyHeaders = "later bad_reply: the reply has too many or too large headers";
const std::string kCompressed = "later bad_reply: the reply is compressed";

std::string events(std::vector<std::string> chunks, bool has_end_marker = true) {
  return stream_of({.chunks = std::move(chunks), .has_end_marker = has_end_marker});
}

std::string hello_events() {
  return events({kText, kStop});
}

std::string error_body(const std::string& type, const std::string& message) {
  return R"({"error":{"type":")" + type + R"(","message":")" + message + R"("}})";
}

ByteStep status(int number, const std::string& body = "", const std::string& headers = "") {
  return send(http_answer(body, headers, number));
}

// A stream of these chunks, closed properly behind them.
ByteStep stream(std::vector<std::string> chunks, bool has_end_marker = true) {
  return send(kStreamHead + events(std::move(chunks), has_end_marker));
}

// A stream that breaks after these chunks, when the client has read them.
ByteScript broken(std::vector<std::string> chunks) {
  return {stream(std::move(chunks), false), wait_ms(20), reset()};
}

std::string replaced(const std::string& text, const std::string& from, const std::string& to) {
  std::string out;
  std::size_t start = 0;
  for (std::size_t at = 0; (at = text.find(from, start)) != std::string::npos;) {
    out += text.substr(start, at - start) + to;
    start = at + from.size();
  }
  return out + text.substr(start);
}

std::string times(int count, const std::string& text) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

// --- The tables ---

std::vector<Row> limit_rows() {
  return {
      {"N01_seconds", {status(429, "", "Retry-After: 7\r\n")}, "later rate_limited after 7000 ms"},
      {"N01_a_date_to_come",
       {status(429, "", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n")},
       "later rate_limited after 25"},
      {"N01_a_date_in_the_past",
       {status(429, "", "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n")},
       "later rate_limited after 0 ms"},
      {"N01_a_day",
       {status(429, "", "Retry-After: 86400\r\n")},
       "later rate_limited after 86400000 ms"},
      {"N01_of_a_host_that_is_down",
       {status(503, "", "Retry-After: 7\r\n")},
       "later overloaded after 7000 ms"},
      {"N02_no_header", {status(429)}, "later rate_limited: HTTP 429"},
      {"N02_reset_in_seconds",
       {status(429, "", "X-RateLimit-Reset-Requests: 12\r\n")},
       "later rate_limited after 12000 ms"},
      {"N02_reset_as_a_duration",
       {status(429, "", "x-ratelimit-reset-tokens: 6m0s\r\n")},
       "later rate_limited after 360000 ms"},
      {"N02_reset_in_milliseconds",
       {status(429, "", "x-ratelimit-reset-requests: 500ms\r\n")},
       "later rate_limited after 500 ms"},
      {"N02_reset_as_a_date",
       {status(429, "", "anthropic-ratelimit-requests-reset: 9999-12-31T23:59:59Z\r\n")},
       "later rate_limited after 25"},
      {"N02_reset_of_the_limit_that_is_used_up",
       {status(429, "",
               "x-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 1.5\r\n"
               "x-ratelimit-remaining-tokens: 7000\r\nx-ratelimit-reset-tokens: 3h\r\n")},
       "later rate_limited after 1500 ms"},
      {"N02_retry_after_is_stronger",
       {status(429, "", "x-ratelimit-reset-requests: 86400\r\nRetry-After: 3\r\n")},
       "later rate_limited after 3000 ms"},
      {"N02_reset_in_the_body_of_a_router",
       {status(
           429,
           R"({"error":{"code":429,"message":"Rate limit exceeded: free-models-per-min",)"
           R"("metadata":{"headers":{"X-RateLimit-Remaining":"0","X-RateLimit-Reset":"20"}}}})")},
       "later rate_limited after 20000 ms"},
      {"N02_reset_that_has_passed",
       {status(429, "", "x-ratelimit-reset: 946684800\r\n")},
       "later rate_limited: HTTP 429"},
      {"N02_reset_that_nobody_understands",
       {status(429, "", "x-ratelimit-reset-requests: tomorrow-ish\r\n")},
       "later rate_limited: HTTP 429"},
      {"N02_reset_beside_another_failure",
       {status(503, "", "x-ratelimit-reset-requests: 86400\r\n")},
       "later overloaded: HTTP 503"},
      {"N03_quota",
       {status(429, error_body("exceeded_current_quota_error", "check your account balance"),
               "Retry-After: 1\r\n")},
       "never quota"},
      {"N03_balance", {status(429, error_body("", "insufficient balance"))}, "never quota"},
      {"N03_spend",
       {status(429, error_body("rate_limit_error", "the monthly spend limit is reached"))},
       "never quota"},
      {"N03_spending",
       {status(429, error_body("", "You reached your spending limit"))},
       "never quota"},
      {"N03_billing", {status(429, error_body("billing_hard_limit_reached", ""))}, "never quota"},
  };
}

std::vector<Row> status_rows() {
  std::vector<Row> rows = {
      {"N06_overloaded_as_503", {status(503)}, "later overloaded"},
      {"N06_overloaded_as_529", {status(529)}, "later overloaded"},
      {"N06_overloaded_as_429",
       {status(429, error_body("engine_overloaded_error", "try again later"))},
       "later overloaded"},
      {"N07_context_too_long",
       {status(400,
               error_body("invalid_request_error",
                          "Invalid request: Your request exceeded model token limit: 262144"))},
       "never context_full"},
      {"N07_body_too_large", {status(413)}, "never too_large"},
      {"N08_a_call_without_its_answer",
       {status(400, error_body("invalid_request_error",
                               "an assistant message with 'tool_calls' must be followed by tool "
                               "messages responding to each 'tool_call_id'"))},
       "never bad_request: HTTP 400: an assistant message with 'tool_calls' must be followed"},
      {"N09_arguments_that_the_host_refuses",
       {status(400, error_body("invalid_request_error", "function.arguments is not valid JSON"))},
       "never bad_request: HTTP 400: function.arguments is not valid JSON"},
      {"N10_no_such_key", {status(401)}, "never key_rejected"},
      {"N10_no_balance", {status(402)}, "never quota"},
      {"N10_forbidden", {status(403)}, "never key_rejected"},
      {"N10_no_such_model", {status(404)}, "never model_not_found"},
      {"N16_no_content", {send("HTTP/1.1 204 No Content\r\n\r\n")}, "later bad_reply"},
      {"N16_an_empty_body", {status(200)}, "later bad_reply: the reply is empty"},
      {"N16_a_head_alone", {send(kStreamHead)}, "later bad_reply: the reply is empty"},
  };
  for (const int number : {408, 409, 425, 500, 502, 504, 520, 521, 522, 523, 524}) {
    rows.push_back({"N05_" + std::to_string(number),
                    {status(number, "<html>busy</html>")},
                    number == 408 ? "later timeout: HTTP 408" : "later server: HTTP "});
  }
  for (const int number : {301, 302, 307, 308}) {
    rows.push_back({"N11_" + std::to_string(number),
                    {status(number, "", "Location: http://127.0.0.1:1/\r\n")},
                    "never bad_request: HTTP " + std::to_string(number)});
  }
  return rows;
}

std::vector<Row> body_rows() {
  const std::string whole =
      R"({"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]})";
  const auto typed = [](const std::string& type) {
    return send("HTTP/1.1 200 OK\r\nContent-Type: " + type + "\r\n\r\n" + hello_events());
  };
  return {
      {"N12_a_page_instead_of_a_reply",
       {send(http_answer("<!DOCTYPE html><title>Gateway</title>", "Content-Type: text/html\r\n"))},
       "later bad_reply: the reply is no JSON: Gateway"},
      {"N12_words_instead_of_a_reply",
       {send(http_answer("upstream\nconnect error"))},
       "later bad_reply: the reply is no stream of events: upstream connect error"},
      {"N12_a_page_with_an_error",
       {send(http_answer("<html><h1>502</h1>Bad Gateway</html>", "", 502))},
       "later server: HTTP 502: 502 Bad Gateway"},
      {"N13_a_whole_body",
       {send(http_answer(whole, "Content-Type: application/json\r\n"))},
       kHello},
      {"N13_a_whole_body_that_says_it_is_a_stream", {send(kStreamHead + whole)}, kHello},
      {"N14_an_error_with_status_200",
       {send(http_answer(error_body("rate_limit_reached_error", "try again after 2 seconds")))},
       "later rate_limited after 2000 ms"},
      {"N14_an_error_for_good_with_status_200",
       {send(http_answer(error_body("exceeded_current_quota_error", "")))},
       "never quota"},
      {"N14_a_flat_error_with_status_200",
       {send(http_answer(R"({"object":"error","message":"no","code":404})"))},
       "never model_not_found"},
      {"N14_a_flat_error_in_a_stream",
       {stream({kText, R"({"object":"error","message":"no","code":503})"}, false)},
       "later overloaded"},
      {"N15_plain_text", {typed("text/plain")}, kHello},
      {"N15_json", {typed("application/json")}, kHello},
      {"N15_page", {typed("text/html; charset=iso-8859-1")}, kHello},
      {"N15_bytes", {typed("application/octet-stream")}, kHello},
      {"N15_nothing", {send("HTTP/1.1 200 OK\r\n\r\n" + hello_events())}, kHello},
      {"N15_utf8_without_a_charset",
       {stream({delta(R"({"content":"w\u00f6rld )"
                      "\xC3\xB6\"}"),
                kStop})},
       "stop: w\xC3\xB6rld \xC3\xB6"},
      {"N17_interim_answers",
       {send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
        stream({kText, kStop})},
       kHello},
      {"N17_http_1_0", {send("HTTP/1.0 200 OK\r\n\r\n" + hello_events())}, kHello},
      {"N18_a_large_header",
       {send("HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x') + "\r\n\r\n" + hello_events())},
       kTooManyHeaders},
      {"N18_many_headers",
       {send("HTTP/1.1 200 OK\r\n" + times(10'000, "a:b\r\n") + "\r\n" + hello_events())},
       kTooManyHeaders},
      {"N18_many_bytes_of_headers",
       {send("HTTP/1.1 200 OK\r\n" + times(70, "X: " + std::string(1'000, 'x') + "\r\n") + "\r\n" +
             hello_events())},
       kTooManyHeaders},
  };
}

std::vector<Row> cut_rows() {
  return {
      {"N23_reset_in_the_headers",
       {send("HTTP/1.1 200 OK\r\nContent-"), wait_ms(20), reset()},
       "later "},
      {"N24_reset_before_the_first_piece", broken({delta(R"({"role":"assistant"})")}), "later "},
      {"N24_reset_in_the_text", broken({kText}), "later "},
      {"N24_reset_in_the_reasoning", broken({delta(R"({"reasoning_content":"Hm"})")}), "later "},
      {"N24_reset_in_the_arguments", broken({delta(kHalfCall)}), "later "},
      {"N24_reset_behind_a_whole_call", broken({delta(kCall)}), "later "},
      {"N24_reset_behind_the_finish", broken({delta(kCall, "tool_calls")}), "later "},
      {"N25_an_end_in_the_text", {stream({kText}, false)}, kCut},
      {"N25_an_end_behind_a_whole_call", {stream({delta(kCall)}, false)}, kCut},
      {"N26_no_end_marker", {stream({delta(kCall, "tool_calls")}, false)}, kOneCall},
      {"N27_no_finish_behind_text", {stream({kText})}, kHello},
      {"N27_no_finish_behind_a_whole_call", {stream({delta(kCall)})}, kOneCall},
      {"N27_no_finish_in_a_call", {stream({delta(kHalfCall)})}, kCut},
      {"N28_more_behind_the_end_marker",
       {send(kStreamHead + hello_events() + events({delta(R"({"content":" again"})")})), hold()},
       kHello},
      {"N28_open_behind_the_end_marker", {stream({kText, kStop}), hold()}, kHello},
      {"N29_open_behind_an_error",
       {stream({kText, R"({"error":{"message":"boom"}})"}, false), hold()},
       "later server: the host reports an error: boom"},
  };
}

std::vector<Row> framing_rows() {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string hello = hello_events();
  const std::string no_marker = events({kText, kStop}, false);
  const std::string gzip("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", 10);
  const auto with_length = [](std::size_t length, const std::string& more = "") {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(length) + "\r\n" + more + "\r\n";
  };
  return {
      {"N35_no_last_chunk_behind_the_end_marker", {send(chunked + http_chunk(hello))}, kHello},
      {"N35_no_last_chunk", {send(chunked + http_chunk(no_marker))}, "later stream_cut"},
      {"N35_a_chunk_that_is_cut", {send(chunked + "fff\r\n" + no_marker)}, "later stream_cut"},
      {"N35_a_negative_size", {send(chunked + "-5\r\n" + hello)}, "later stream_cut"},
      {"N35_a_size_beyond_64_bits",
       {send(chunked + "fffffffffffffffff\r\n" + hello)},
       "later stream_cut"},
      {"N36_a_length_beyond_the_end",
       {send(with_length(no_marker.size() + 1) + no_marker)},
       "later stream_cut"},
      {"N36_a_length_within_the_reply",
       {send(with_length(events({kText}).size() / 2) + hello)},
       "later stream_cut"},
      {"N36_a_length_within_a_whole_body",
       {send(with_length(20) +
             R"({"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]})")},
       "later bad_reply: the reply is no JSON"},
      {"N36_two_lengths",
       {send(with_length(hello.size(), "Content-Length: 5\r\n") + hello)},
       "later bad_reply: the reply contradicts itself about its length"},
      {"N36_a_length_and_chunks",
       {send(with_length(hello.size(), "Transfer-Encoding: chunked\r\n") + http_chunk(hello) +
             http_chunk(""))},
       "later bad_reply: the reply contradicts itself about its length"},
      {"N37_compressed",
       {send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip + "data")},
       kCompressed},
      {"N37_compressed_and_not_declared", {send(kStreamHead + gzip + "data")}, kCompressed},
      {"N37_compressed_and_cut_in_its_head", {send(kStreamHead + "\x1f")}, kCompressed},
      {"N37_another_compression",
       {send("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n\x8b\x02\x80")},
       kCompressed},
      {"N37_compression_that_is_none",
       {send("HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\n\r\n" + hello)},
       kHello},
      // Asked in HTTP/1.1, a host that speaks HTTP/2 says first what it is, or that it leaves.
      {"N39_settings_of_http_2",
       {send(std::string("\x00\x00\x00\x04\x00\x00\x00\x00\x00", 9)), hold()},
       "later bad_reply"},
      {"N39_goaway_of_http_2",
       {send(std::string("\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01",
                         17))},
       "later bad_reply"},
      {"N39_upgrade_to_http_2",
       {send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")},
       "later "},
      {"N39_upgrade_required",
       {status(426, "", "Upgrade: h2c\r\nConnection: Upgrade\r\n")},
       "never bad_request: HTTP 426"},
  };
}

std::vector<Row> event_rows() {
  const auto bytes = [](const std::string& text) { return send(kStreamHead + text, 1); };
  const std::string hello = hello_events();
  const std::string marker = "\xEF\xBB\xBF";
  return {
      {"N42_line_feeds", {bytes(hello)}, kHello},
      {"N42_carriage_returns_and_line_feeds", {bytes(replaced(hello, "\n", "\r\n"))}, kHello},
      {"N42_carriage_returns", {bytes(replaced(hello, "\n", "\r"))}, kHello},
      {"N42_mixed", {bytes(replaced(hello, "\n\n", "\r\n\n"))}, kHello},
      {"N43_a_byte_order_mark", {bytes(marker + hello)}, kHello},
      {"N43_a_second_byte_order_mark", {bytes(marker + marker + "data: x\n\n" + hello)}, kHello},
      {"N44_other_fields",
       {bytes(": comment\nevent: message\nid: 7\nretry: 10\nfoo: bar\nfoo\n\n" + hello)},
       kHello},
      {"N45_no_space", {bytes(replaced(hello, "data: ", "data:"))}, kHello},
      {"N45_two_spaces_before_json",
       {bytes("data:  " + kText + "\n\ndata:  " + kStop + "\n\ndata: [DONE]\n\n")},
       kHello},
      {"N45_two_spaces_before_the_end_marker",
       {bytes(replaced(hello, " [DONE]", "  [DONE]")), hold()},
       kHello},
      {"N45_blanks_behind_the_end_marker",
       {bytes(replaced(hello, "[DONE]", "[DONE] \t ")), hold()},
       kHello},
      {"N45_no_space_before_the_end_marker",
       {bytes(replaced(hello, " [DONE]", "[DONE]")), hold()},
       kHello},
      {"N45_several_lines",
       {bytes(replaced(hello, "{\"choices\"", "{\ndata: \"choices\""))},
       kHello},
      {"N45_an_empty_event", {bytes("data:\n\ndata\n\ndata: \n\n" + hello)}, kHello},
      {"N46_characters_of_several_bytes",
       {bytes(events({delta("{\"content\":\"\xC3\xB6\xE2\x82\xAC\xF0\x9F\x98\x80\"}"), kStop}))},
       "stop: \xC3\xB6\xE2\x82\xAC\xF0\x9F\x98\x80"},
      {"N47_bytes_that_are_no_utf8",
       {stream({delta("{\"content\":\"a\xFFz\xC0\x80\"}"), kStop})},
       "stop: a\uFFFDz\uFFFD\uFFFD"},
      {"N47_half_a_surrogate_pair",
       {stream({delta(R"({"content":"a\ud83dz"})"), kStop})},
       "stop: a\uFFFDz"},
      {"N48_an_event_of_a_mebibyte",
       {stream({delta(R"({"content":")" + std::string(1 << 20, 'x') + R"("})"), kStop})},
       "stop: " + std::string(1 << 20, 'x')},
      {"N50_an_event_that_is_no_json",
       {stream({kText, R"({"choices":[)", kStop})},
       "later bad_reply"},
      {"N50_a_last_event_that_is_cut",
       {send(kStreamHead + events({delta(kHalfCall)}, false) + "data: {\"choices\":[{\"ind")},
       kCut},
      {"N51_too_deep",
       {stream({R"({"x":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}", kStop})},
       "later bad_reply"},
      {"N51_numbers_beside_the_reply",
       {stream({R"({"created":9223372036854775808,"x":-0,"x":1.5e300,"choices":[{"index":0,)"
                R"("delta":{"content":"Hello"}}]})",
                kStop})},
       kHello},
      {"N51_numbers_of_a_call",
       {stream({delta(R"({"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":)"
                      R"("{\"a\":1e400,\"b\":9223372036854775808,\"c\":-0}"}}]})",
                      "tool_calls")})},
       "tool_calls: c1 f {\"a\":1e400,\"b\":9223372036854775808,\"c\":-0}\n"},
  };
}

// A piece of the first call, or of the one at `index`: its id, name and arguments as JSON, or ""
// for what is left out.
std::string piece(const std::string& index, const std::string& id, const std::string& name,
                  const std::string& arguments) {
  const std::string function = (name.empty() ? "" : R"("name":)" + name + ",") + R"("arguments":)" +
                               (arguments.empty() ? R"("")" : arguments);
  return delta(R"({"tool_calls":[{)" + (index.empty() ? "" : R"("index":)" + index + ",") +
               (id.empty() ? "" : R"("id":)" + id + ",") + R"("function":{)" + function + "}}]}");
}

std::vector<Row> reply_rows() {
  const std::string end = delta("{}", "tool_calls");
  return {
      {"N53_a_prelude_and_deltas_that_are_none",
       {stream({R"({"choices":[]})", R"({"choices":[{"index":0,"delta":null}]})",
                R"({"choices":[{"index":0}]})", kText, kStop})},
       kHello},
      {"N55_an_unknown_finish", {stream({kText, delta("{}", "weary")})}, "other: Hello"},
      {"N56_stop_with_calls", {stream({delta(kCall, "stop")})}, kOneCall},
      {"N57_calls_that_are_missing", {stream({kText, end})}, "later calls_missing"},
      {"N58_cut_in_the_arguments",
       {stream({delta(kHalfCall), delta("{}", "length")})},
       "length: c1 f {\"a\":\n"},
      {"N59_filtered",
       {stream({kText, delta(kCall), delta("{}", "content_filter")})},
       "content_filter: Hello"},
      {"N60_the_id_in_the_first_piece",
       {stream(
           {piece("0", R"("c1")", R"("f")", R"("{\"a\"")"), piece("0", "", "", R"(":1}")"), end})},
       kOneCall},
      {"N60_the_id_in_each_piece",
       {stream({piece("0", R"("c1")", R"("f")", R"("{\"a\"")"),
                piece("0", R"("c1")", "", R"(":1}")"), end})},
       kOneCall},
      {"N60_another_id_in_each_piece",
       {stream({piece("0", R"("c1")", R"("f")", R"("{\"a\"")"),
                piece("0", R"("c2")", "", R"(":1}")"), end})},
       kOneCall},
      {"N61_no_id",
       {stream({piece("0", "", R"("f")", R"("{}")"), end})},
       "tool_calls: functions.f:0 f {}\n"},
      {"N61_an_id_that_is_null",
       {stream({piece("0", "null", R"("f")", R"("{}")"), end})},
       "tool_calls: functions.f:0 f {}\n"},
      {"N61_an_empty_id",
       {stream({piece("0", R"("")", R"("f")", R"("{}")"), end})},
       "tool_calls: functions.f:0 f {}\n"},
      {"N62_one_id_for_two_calls",
       {stream({piece("0", R"("c1")", R"("f")", R"("{}")"),
                piece("1", R"("c1")", R"("g")", R"("{}")"), end})},
       "tool_calls: c1 f {}\nfunctions.g:1 g {}\n"},
      {"N63_no_index",
       {stream(
           {piece("", R"("c1")", R"("f")", R"("{\"a\"")"), piece("", "", "", R"(":1}")"), end})},
       kOneCall},
      {"N63_an_index_that_begins_with_1",
       {stream({piece("1", R"("c1")", R"("f")", R"("{\"a\":1}")"), end})},
       kOneCall},
      {"N63_gaps",
       {stream({piece("0", R"("c1")", R"("f")", R"("{}")"),
                piece("7", R"("c2")", R"("g")", R"("{}")"), end})},
       "tool_calls: c1 f {}\nc2 g {}\n"},
      {"N63_one_index_for_two_calls",
       {stream({piece("0", R"("c1")", R"("f")", R"("{}")"),
                piece("0", R"("c2")", R"("g")", R"("{}")"), end})},
       "tool_calls: c1 f {}\nc2 g {}\n"},
      {"N63_an_index_as_text",
       {stream({piece(R"("0")", R"("c1")", R"("f")", R"("{\"a\"")"),
                piece(R"("0")", "", "", R"(":1}")"), end})},
       kOneCall},
      {"N64_interleaved",
       {stream({piece("0", R"("c1")", R"("f")", R"("{\"a\"")"),
                piece("1", R"("c2")", R"("g")", R"("{")"), piece("0", "", "", R"(":1}")"),
                piece("1", "", "", R"("}")"), end})},
       kOneCall + "c2 g {}\n"},
  };
}

std::vector<Row> shape_rows() {
  const std::string end = delta("{}", "tool_calls");
  const std::string two = R"({"choices":[{"index":1,"delta":{"content":"no"}},{"index":0,)"
                          R"("delta":{"content":"Hello"}}]})";
  return {
      {"N65_a_name_in_pieces",
       {stream({piece("0", R"("c1")", R"("fo")", ""), piece("0", "", R"("o")", R"("{}")"), end})},
       "tool_calls: c1 foo {}\n"},
      {"N65_a_name_in_each_piece",
       {stream({piece("0", R"("c1")", R"("foo")", R"("{")"), piece("0", "", R"("foo")", R"("}")"),
                end})},
       "tool_calls: c1 foo {}\n"},
      {"N66_an_object", {stream({piece("0", R"("c1")", R"("f")", R"({"a":1})"), end})}, kOneCall},
      {"N66_null", {stream({piece("0", R"("c1")", R"("f")", "null"), end})}, "tool_calls: c1 f \n"},
      {"N66_empty", {stream({piece("0", R"("c1")", R"("f")", ""), end})}, "tool_calls: c1 f \n"},
      {"N67_one_brace_too_many",
       {stream({piece("0", R"("c1")", R"("f")", R"("{\"a\":1}}")"), end})},
       "tool_calls: c1 f {\"a\":1}}\n"},
      {"N70_reasoning_behind_the_text",
       {stream({kText, delta(R"({"reasoning_content":"Hm"})"), kStop})},
       kHello},
      {"N70_reasoning_under_another_name",
       {stream({delta(R"({"reasoning":"Hm"})"), kText, kStop})},
       kHello},
      {"N70_thinking_in_the_content",
       {stream({delta(R"({"content":"<thi"})"), delta(R"({"content":"nk>Hm.</th"})"),
                delta(R"({"content":"ink>\n\nHello"})"), kStop})},
       kHello},
      {"N70_such_marks_in_an_answer",
       {stream({delta(R"({"content":"`<think>a</think>`"})"), kStop})},
       "stop: `<think>a</think>`"},
      {"N71_a_role_in_each_piece_and_null",
       {stream({delta(R"({"role":"assistant","content":null})"),
                delta(R"({"role":"assistant","content":"Hello"})"), kStop})},
       kHello},
      {"N71_parts",
       {stream({delta(R"({"content":[{"type":"text","text":"Hello"}]})"), kStop})},
       kHello},
      {"N72_an_error_that_may_pass",
       {stream({kText, R"({"error":{"message":"overloaded","code":503}})"}, false)},
       "later overloaded"},
      {"N72_an_error_for_good",
       {stream(
           {delta(kCall, "tool_calls"), R"({"error":{"message":"check your account balance"}})"})},
       "never quota"},
      {"N73_a_function_call",
       {stream({delta(R"({"function_call":{"name":"f","arguments":"{\"a\":1}"}})"),
                delta("{}", "function_call")})},
       "tool_calls: functions.f:0 f {\"a\":1}\n"},
      {"N73_two_choices", {stream({two, kStop})}, kHello},
      {"N73_another_model_in_the_middle",
       {stream({R"({"id":"a","model":"m","choices":[{"index":0,"delta":{"content":"Hel"}}]})",
                R"({"id":"b","model":"n","choices":[{"index":0,"delta":{"content":"lo"}}]})",
                kStop})},
       kHello},
  };
}

std::string name_of(const testing::TestParamInfo<Row>& row) {
  return row.param.name;
}

class FaultRows : public test::ModelExchangeTest, public testing::WithParamInterface<Row> {};

TEST_P(FaultRows, EndAsTheTableSays) {
  ByteScript script = {receive_request()};
  script.insert(script.end(), GetParam().answer.begin(), GetParam().answer.end());
  const Asked asked = ask(std::move(script));
  if (GetParam().end.starts_with("later ") || GetParam().end.starts_with("never ")) {
    EXPECT_THAT(asked.end(), StartsWith(GetParam().end));
  } else {
    EXPECT_EQ(asked.end(), GetParam().end);
  }
}

INSTANTIATE_TEST_SUITE_P(Limits, FaultRows, testing::ValuesIn(limit_rows()), name_of);
INSTANTIATE_TEST_SUITE_P(Status, FaultRows, testing::ValuesIn(status_rows()), name_of);
INSTANTIATE_TEST_SUITE_P(Bodies, FaultRows, testing::ValuesIn(body_rows()), name_of);
INSTANTIATE_TEST_SUITE_P(Cuts, FaultRows, testing::ValuesIn(cut_rows()), name_of);
INSTANTIATE_TEST_SUITE_P(Framing, FaultRows, testing::ValuesIn(framing_rows()), name_of);
INSTANTIATE_TEST_SUITE_P(Replies, FaultRows, testing::ValuesIn(reply_rows()), name_of);
INSTANTIATE_TEST_SUITE_P(Shapes, FaultRows, testing::ValuesIn(shape_rows()), name_of);
INSTANTIATE_TEST_SUITE_P(Events, FaultRows, testing::ValuesIn(event_rows()), name_of);

}  // namespace
}  // namespace perdure
