#include "mock/plan.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "json/parse.h"
#include "tests/support/json.h"
#include "tests/support/mock_requests.h"
#include "tests/support/raw_http.h"

namespace perdure::mock {
namespace {

constexpr std::string_view kStream = R"("stream":true,)";

// The plans for requests to a script with one reply and this fault before it.
class Faulty {
 public:
  explicit Faulty(const std::string& fault, const std::string& head = "")
      : endpoint_(
            script_of(head +
                      "[[reply]]\nreasoning = 'hm'\ntext = 'a longer answer'\n[[reply.fault]]\n" +
                      fault),
            {}) {}

  ResponsePlan streamed() { return plan_for(endpoint_, chat_of(kHello, kStream)); }
  ResponsePlan whole() { return plan_for(endpoint_, chat_of(kHello)); }
  MockStatistics statistics() const { return endpoint_.statistics(); }

 private:
  Endpoint endpoint_;
};

test::RawResponse response_of(const ResponsePlan& plan) {
  return test::parse_response(bytes_of(plan));
}

// The stream of the same reply without a fault.
std::string good_stream() {
  Faulty faulty("status = 500");
  faulty.streamed();
  return response_of(faulty.streamed()).body;
}

TEST(Plan, SendsEachFaultOnceAndThenTheReply) {
  Faulty faulty("status = 503\n[[reply.fault]]\nstatus = 429\n");
  EXPECT_EQ(response_of(faulty.whole()).status, 503);
  EXPECT_EQ(response_of(faulty.whole()).status, 429);
  EXPECT_EQ(response_of(faulty.whole()).status, 200);
  EXPECT_EQ(response_of(faulty.whole()).status, 200);
  EXPECT_EQ(faulty.statistics().faults, 2);
  EXPECT_EQ(faulty.statistics().replies, 2);
}

TEST(Plan, CountsFaultsPerConversationAndReply) {
  Endpoint endpoint(script_of("[[reply]]\nrepeat = 2\ntext = 'x'\n[[reply.fault]]\nstatus = 500\n"),
                    {});
  const std::string other = R"({"role":"user","content":"other"})";
  const std::string second =
      std::string(kHello) + R"(,{"role":"assistant","content":"x"},)" + std::string(kHello);
  for (const std::string& messages : {std::string(kHello), other, second}) {
    EXPECT_EQ(ask(endpoint, chat_of(messages)).status, 500) << messages;
    EXPECT_EQ(ask(endpoint, chat_of(messages)).status, 200) << messages;
  }
}

TEST(Plan, SendsNoFaultToARequestThatBreaksARule) {
  Faulty faulty("status = 503");
  Endpoint endpoint(script_of("[[reply]]\ntext = 'x'\n[[reply.fault]]\nstatus = 500\n"), {});
  EXPECT_EQ(ask(endpoint, chat_of(kHello, R"("n":2,)")).status, 400);
  EXPECT_EQ(ask(endpoint, chat_of(kHello)).status, 500);
}

TEST(Plan, AnswersWithAStatus) {
  struct Case {
    std::string keys;
    int status;
    std::string type;
    std::string message;
  };
  const Case cases[] = {
      {"status = 400", 400, "invalid_request_error", "malformed"},
      {"status = 401", 401, "invalid_authentication_error", "Invalid Authentication"},
      {"status = 403", 403, "permission_denied_error", "not open"},
      {"status = 404", 404, "resource_not_found_error", "Not found the model"},
      {"status = 413", 413, "invalid_request_error", "Request exceeds the maximum size"},
      {"status = 429", 429, "rate_limit_reached_error", "please try again after 1 seconds"},
      {"status = 429\ntype = 'engine_overloaded_error'", 429, "engine_overloaded_error",
       "The engine is currently overloaded, please try again later"},
      {"status = 429\ntype = 'exceeded_current_quota_error'", 429, "exceeded_current_quota_error",
       "please check your account balance"},
      {"status = 500", 500, "server_error", "error"},
      {"status = 503", 503, "server_unavailable", "unavailable"},
      {"status = 529", 529, "server_unavailable", "overloaded"},
      {"status = 418", 418, "server_error", "scripted status 418"},
      {"status = 418\ntype = 'teapot'", 418, "teapot", "scripted status 418"},
  };
  for (const Case& row : cases) {
    const Answer answer = answer_of(Faulty(row.keys).streamed());
    EXPECT_EQ(answer.status, row.status) << row.keys;
    EXPECT_EQ(answer.type(), row.type) << row.keys;
    EXPECT_NE(answer.message().find(row.message), std::string::npos) << row.keys;
  }
}

TEST(Plan, AnswersWithAnythingElse) {
  const ResponsePlan plan =
      Faulty(
          "status = 429\nretry_after = '7'\nbody = '<h1>slow</h1>'\ncontent_type = 'text/html'\n"
          "headers = { x-trace-id = 'abc' }\ndelay_ms = 50\n")
          .streamed();
  EXPECT_EQ(bytes_of(plan),
            "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/html\r\nContent-Length: 13\r\n"
            "x-trace-id: abc\r\nRetry-After: 7\r\n\r\n<h1>slow</h1>");
  EXPECT_EQ(plan.steps[0].delay_ms, 50);
  EXPECT_EQ(plan.end, ConnectionEnd::kKeep);
  EXPECT_EQ(
      response_of(Faulty("body = 'data: {'\ncontent_type = 'text/event-stream'").streamed()).status,
      200);
}

TEST(Plan, SendsRawBytes) {
  const ResponsePlan plan = Faulty("raw = \"HTTP/1.1 200 OK\\r\\n\\u0001junk\"").streamed();
  EXPECT_EQ(bytes_of(plan), "HTTP/1.1 200 OK\r\n\x01junk");
  EXPECT_EQ(plan.end, ConnectionEnd::kClose);
}

TEST(Plan, ClosesAndResets) {
  EXPECT_EQ(bytes_of(Faulty("close = true").streamed()), "");
  EXPECT_EQ(Faulty("close = true").streamed().end, ConnectionEnd::kClose);
  EXPECT_EQ(bytes_of(Faulty("reset = true").streamed()), "");
  EXPECT_EQ(Faulty("reset = true").streamed().end, ConnectionEnd::kReset);
}

TEST(Plan, CutsAStreamAtEveryByte) {
  const std::string whole = good_stream();
  for (std::size_t bytes = 0; bytes <= whole.size() + 1; bytes += 1) {
    const std::string keys = "cut_after_bytes = " + std::to_string(bytes) + "\n";
    const ResponsePlan plan = Faulty(keys).streamed();
    const test::RawResponse response = response_of(plan);
    ASSERT_EQ(response.body, whole.substr(0, bytes));
    ASSERT_FALSE(response.whole);
    ASSERT_EQ(plan.end, ConnectionEnd::kClose);
  }
}

TEST(Plan, CutsWithAResetOrAsIfItWereTheEnd) {
  const std::string whole = good_stream();
  const ResponsePlan reset = Faulty("cut_after_bytes = 300\nreset = true").streamed();
  EXPECT_EQ(response_of(reset).body, whole.substr(0, 300));
  EXPECT_EQ(reset.end, ConnectionEnd::kReset);
  const ResponsePlan clean = Faulty("cut_after_bytes = 300\nclean_end = true").streamed();
  EXPECT_EQ(response_of(clean).body, whole.substr(0, 300));
  EXPECT_TRUE(response_of(clean).whole);
  EXPECT_EQ(clean.end, ConnectionEnd::kKeep);
}

TEST(Plan, CutsABodyThatIsNoStream) {
  const test::RawResponse cut = response_of(Faulty("cut_after_bytes = 20").whole());
  EXPECT_EQ(cut.body.size(), 20U);
  EXPECT_GT(std::stoi(cut.header("content-length")), 20);
  EXPECT_FALSE(cut.whole);
  const test::RawResponse clean =
      response_of(Faulty("cut_after_bytes = 20\nclean_end = true").whole());
  EXPECT_EQ(clean.header("content-length"), "20");
  EXPECT_TRUE(clean.whole);
}

TEST(Plan, StallsInTheMiddle) {
  const std::string whole = good_stream();
  const ResponsePlan plan = Faulty("stall_ms = 2000\nafter_bytes = 100").streamed();
  ASSERT_EQ(plan.steps.size(), 2U);
  EXPECT_EQ(plan.steps[1].delay_ms, 2000);
  EXPECT_EQ(response_of({.steps = {plan.steps[0]}}).body, whole.substr(0, 100));
  EXPECT_EQ(response_of(plan).body, whole);
  EXPECT_TRUE(response_of(plan).whole);
  const ResponsePlan half = Faulty("stall_ms = 2000").streamed();
  EXPECT_EQ(response_of({.steps = {half.steps[0]}}).body, whole.substr(0, whole.size() / 2));
}

TEST(Plan, ReportsAnErrorInsideOfAStream) {
  const test::RawResponse streamed =
      response_of(Faulty("stream_error = 'upstream is gone'\nafter_bytes = 100").streamed());
  EXPECT_EQ(streamed.status, 200);
  EXPECT_TRUE(streamed.whole);
  EXPECT_EQ(streamed.events().back(),
            R"({"error":{"message":"upstream is gone","type":"server_error"}})");
  // Left to itself, it stands between events that are whole.
  const test::RawResponse between =
      response_of(Faulty("stream_error = 'upstream is gone'").streamed());
  const std::vector<std::string> events = between.events();
  ASSERT_GT(events.size(), 2U);
  EXPECT_EQ(events.back(), streamed.events().back());
  for (const std::string& event : events) EXPECT_TRUE(test::parse_json(event).is_object());

  const Answer whole = answer_of(Faulty("stream_error = 'upstream is gone'").whole());
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.message(), "upstream is gone");
}

TEST(Plan, LeavesDoneOut) {
  const test::RawResponse response = response_of(Faulty("without_done = true").streamed());
  EXPECT_TRUE(response.whole);
  EXPECT_EQ(response.body + "data: [DONE]\n\n", good_stream());
}

TEST(Plan, SendsAnEmptyReply) {
  const Json choice =
      test::parse_json(response_of(Faulty("empty = true").whole()).body)["choices"][0];
  EXPECT_EQ(json::dump(choice["message"]),
            R"({"content":"","reasoning_content":"hm","role":"assistant"})");
  EXPECT_EQ(choice["finish_reason"], "stop");
}

TEST(Plan, DelaysRepliesAndChunks) {
  Endpoint endpoint(
      script_of("delay_ms = 30\nchunk_delay_ms = 5\n[[reply]]\ntext = 'x'\nrepeat = 1\n"
                "[[reply]]\ntext = 'y'\ndelay_ms = 0\nchunk_delay_ms = 0\n"),
      {});
  const ResponsePlan slow = plan_for(endpoint, chat_of(kHello, kStream));
  EXPECT_EQ(slow.steps.size(), 4U);  // role, text, finish, [DONE]
  EXPECT_EQ(slow.steps[0].delay_ms, 30);
  EXPECT_EQ(slow.steps[1].delay_ms, 5);
  const ResponsePlan fast = plan_for(
      endpoint,
      chat_of(std::string(kHello) + R"(,{"role":"assistant","content":"x"},)" + std::string(kHello),
              kStream));
  EXPECT_EQ(fast.steps.size(), 1U);
  EXPECT_EQ(fast.steps[0].delay_ms, 0);
  const ResponsePlan later = Faulty("delay_ms = 70", "delay_ms = 30\n").whole();
  EXPECT_EQ(later.steps[0].delay_ms, 100);
  EXPECT_EQ(response_of(later).status, 200);
}

TEST(Plan, CutsTheWireAnywhere) {
  Endpoint endpoint(
      script_of("wire_bytes = 7\n[[reply]]\nreasoning = 'hm'\ntext = 'a longer answer'\n"), {});
  const test::RawResponse response = response_of(plan_for(endpoint, chat_of(kHello, kStream)));
  EXPECT_EQ(response.body, good_stream());
  ASSERT_GT(response.chunks.size(), 10U);
  for (std::size_t i = 0; i + 1 < response.chunks.size(); ++i)
    EXPECT_EQ(response.chunks[i].size(), 7U);
}

TEST(Plan, EndsTheConnectionWhereTheClientCannotTellTheEnd) {
  Endpoint endpoint(script_of("[[reply]]\ntext = 'x'\n"), {});
  const auto plan = [&](bool keep_alive, bool takes_chunks) {
    return endpoint.answer({.method = "POST",
                            .path = "/v1/chat/completions",
                            .keep_alive = keep_alive,
                            .takes_chunks = takes_chunks,
                            .body = chat_of(kHello, kStream)});
  };
  EXPECT_EQ(plan(true, true).end, ConnectionEnd::kKeep);
  EXPECT_EQ(plan(false, true).end, ConnectionEnd::kClose);
  const ResponsePlan old = plan(true, false);
  EXPECT_EQ(old.end, ConnectionEnd::kClose);
  EXPECT_EQ(bytes_of(old).find("Transfer-Encoding"), std::string::npos);
  EXPECT_NE(bytes_of(old).find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_TRUE(bytes_of(old).ends_with("data: [DONE]\n\n"));
}

}  // namespace
}  // namespace perdure::mock
