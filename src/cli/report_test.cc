// The records of --output json and stream-json, byte for byte: programs read them
// (docs/events.md).
#include "cli/report.h"

#include <gtest/gtest.h>

#include "tests/support/json.h"

namespace perdure::cli {
namespace {

RunResult done() {
  return {.outcome = Outcome::kDone,
          .reason = "done",
          .text = "It is \"0.3\".\n",
          .run_id = "261120-143015-k3f9zq",
          .usage = {.steps = 4,
                    .calls = 3,
                    .input_tokens = 1758,
                    .cached_tokens = 1149,
                    .output_tokens = 140,
                    .reasoning_tokens = 65,
                    .usd = 0.0125,
                    .wall_ms = 3954}};
}

TEST(ResultRecord, of_a_run_that_is_done) {
  EXPECT_EQ(result_record(done()),
            R"({"type":"result","schema":1,"outcome":"done","reason":"done","message":"",)"
            R"("text":"It is \"0.3\".\n","run":"261120-143015-k3f9zq","steps":4,"calls":3,)"
            R"("tokens":{"input":1758,"cached":1149,"output":140,"reasoning":65},"usd":0.0125,)"
            R"("wall_ms":3954,"estimated":false,"exit_status":0})");
}

TEST(ResultRecord, of_a_run_that_an_error_ended) {
  RunResult result{.outcome = Outcome::kEndpointPermanent,
                   .reason = "key_rejected",
                   .message = "HTTP 401",
                   .run_id = "r",
                   .usage = {.estimated = true},
                   .error = Error{.code = ErrorCode::kKeyRejected,
                                  .message = "HTTP 401",
                                  .context = "https://api",
                                  .advice = "check the key"}};
  EXPECT_EQ(result_record(result),
            R"({"type":"result","schema":1,"outcome":"endpoint_permanent","reason":"key_rejected",)"
            R"("message":"HTTP 401","text":"","run":"r","steps":0,"calls":0,)"
            R"("tokens":{"input":0,"cached":0,"output":0,"reasoning":0},"usd":0,"wall_ms":0,)"
            R"("estimated":true,"exit_status":4,)"
            R"("error":{"code":"key_rejected","message":"HTTP 401","context":"https://api",)"
            R"("advice":"check the key"}})");
}

TEST(ResultRecord, is_one_line_of_valid_json_whatever_the_model_says) {
  for (const std::string& text :
       {std::string("a\nb\r\u2028c"), std::string("\x1b[31m\0x", 7), std::string("\xff\xfe"),
        std::string("\xed\xa0\x80"), std::string(100'000, '"')}) {
    RunResult result = done();
    result.text = text;
    result.message = text;
    const std::string record = result_record(result);
    EXPECT_EQ(record.find('\n'), std::string::npos);
    EXPECT_EQ(test::parse_json(record)["type"], "result");
  }
}

TEST(ExitStatus, is_that_of_the_error_when_the_run_never_began) {
  const Error error{.code = ErrorCode::kLocked, .message = "locked"};
  EXPECT_EQ(exit_status_of({.outcome = Outcome::kInvalid, .error = error}), 74);
  EXPECT_EQ(exit_status_of({.outcome = Outcome::kInvalid}), 2);
  EXPECT_EQ(exit_status_of({.outcome = Outcome::kInterrupted, .error = error}), 130);
}

TEST(EventRecord, of_the_journal_carries_its_payload_as_it_is) {
  EXPECT_EQ(event_record({.kind = "call_finished",
                          .run_id = "r",
                          .sequence = 14,
                          .at_ms = 1'795'185'015'123,
                          .payload = R"({"active_ms":1552,  "call":1})"}),
            R"({"type":"call_finished","run":"r","sequence":14,"at":"2026-11-20T14:30:15.123Z",)"
            R"("data":{"active_ms":1552,  "call":1}})");
}

TEST(EventRecord, of_a_delta_has_text_and_no_sequence) {
  EXPECT_EQ(event_record({.kind = "text_delta", .run_id = "r", .at_ms = 5, .text = "a\n\"b\""}),
            R"({"type":"text_delta","run":"r","text":"a\n\"b\""})");
  EXPECT_EQ(event_record({.kind = "text_delta", .run_id = "r", .text = "\xc3"}),
            "{\"type\":\"text_delta\",\"run\":\"r\",\"text\":\"\xEF\xBF\xBD\"}");
}

TEST(Fail, tells_what_where_and_what_to_do_and_nothing_to_the_terminal) {
  testing::internal::CaptureStderr();
  const int status = fail({.code = ErrorCode::kConfig,
                           .message = "no key is named 'modle\x1b[2J'",
                           .context = "agent.toml:1:1",
                           .advice = "did you mean 'model'?"});
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "perdure: no key is named 'modle\\x1b[2J'\n  at: agent.toml:1:1\n"
            "  do: did you mean 'model'?\n");
  EXPECT_EQ(status, 2);
}

}  // namespace
}  // namespace perdure::cli
