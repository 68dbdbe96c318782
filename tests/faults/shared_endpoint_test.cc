// Many runs at one endpoint and key, through the real client: what one run is told, all of them
// keep to (fault N04), and an endpoint that fails is asked by one probe at a time (fault N06). What
// the gate decides is tested without a clock in src/model/endpoint_gate_test.cc.
#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <perdure/agent.h>
#include <perdure/runtime.h>

#include "tests/support/byte_server.h"
#include "tests/support/replies.h"
#include "tests/support/run_bench.h"

namespace perdure {
namespace {

using test::ByteScript;
using test::ByteServer;
using test::ByteStep;
using test::call;
using test::delta;
using test::hold;
using test::http_answer;
using test::receive_request;
using test::SeenEvents;
using test::send;
using test::stream_of;
using test::wait_ms;
using testing::HasSubstr;

const std::string kHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
const std::string kBegin =
    stream_of({.chunks = {delta(R"({"content":"Hel"})")}, .has_end_marker = false});
const std::string kEnd = stream_of({.chunks = {delta(R"({"content":"lo"})", "stop")}});

// Counts the requests that the endpoint is working on.
class Busy {
 public:
  ByteStep enter() {
    return call([this] {
      const int now = ++now_;
      ++sum_;
      for (int most = most_; now > most && !most_.compare_exchange_weak(most, now);) continue;
    });
  }
  // Before the answer: what the client does next comes after it.
  ByteStep leave() {
    return call([this] { --now_; });
  }
  int most() const { return most_; }
  int sum() const { return sum_; }

 private:
  std::atomic<int> now_ = 0;
  std::atomic<int> most_ = 0;
  std::atomic<int> sum_ = 0;
};

class FaultShared : public testing::Test {
 protected:
  // An answer that begins at once and ends after a while.
  ByteScript answer(std::size_t milliseconds) {
    return {receive_request(),     busy_.enter(), send(kHead + kBegin),
            wait_ms(milliseconds), busy_.leave(), send(kEnd)};
  }
  ByteScript refuse(int status, const std::string& body, const std::string& headers = "") {
    return {receive_request(), busy_.enter(), busy_.leave(),
            send(http_answer(body, headers, status))};
  }

  AgentOptions agent_options(const ByteServer& server) {
    return {.name = "shared", .host = "custom", .base_url = server.url("/v1")};
  }
  RunOptions run_options() { return {.workspace = folder_.path(), .observer = seen_.observer()}; }
  std::vector<RunHandle> start(Agent& agent, int count) {
    std::vector<RunHandle> runs;
    for (int i = 0; i < count; ++i) runs.push_back(agent.start("Greet.", run_options()));
    return runs;
  }
  static int done(std::vector<RunHandle>& runs) {
    int count = 0;
    for (RunHandle& run : runs) {
      const RunResult result = run.wait();
      EXPECT_EQ(result.outcome, Outcome::kDone) << result.message;
      count += result.text == "Hello" ? 1 : 0;
    }
    return count;
  }
  std::vector<std::string> runs_of(std::string_view kind) const {
    std::vector<std::string> ids;
    for (const test::SeenEvent& event : seen_.all()) {
      if (event.kind == kind) ids.push_back(event.run_id);
    }
    return ids;
  }
  std::string waiting_text() const {
    std::string text;
    for (const test::SeenEvent& event : seen_.all()) {
      if (event.kind == "request_waiting") text += event.text + "\n";
    }
    return text;
  }

  TemporaryDirectory folder_;
  SeenEvents seen_;
  Busy busy_;
  Runtime runtime_{{.state_directory = folder_.path() + "/state",
                    .config_directory = folder_.path() + "/config",
                    .journal = JournalMode::kMemory}};
};

TEST_F(FaultShared, N04_AThousandRunsOfOneLimitAllEndInTheirOrder) {
  constexpr int kRuns = 1000;
  const ByteServer server({answer(1)});
  AgentOptions options = agent_options(server);
  options.limits.requests_at_once = 4;
  Agent agent(options, runtime_);
  std::vector<RunHandle> runs = start(agent, kRuns);
  EXPECT_EQ(done(runs), kRuns);
  EXPECT_EQ(busy_.sum(), kRuns) << "nobody was refused";
  EXPECT_LE(busy_.most(), 4);
  EXPECT_EQ(runs_of("request_sent"), runs_of("run_started")) << "in the order of coming";
  EXPECT_THAT(waiting_text(), HasSubstr("waiting for the shared limit of 127.0.0.1, 0 before it"));
}

TEST_F(FaultShared, N04_WhenOneRunIsToldToWaitAllWaitAndOneProbeGoes) {
  std::atomic<int> during_probe = 0;
  ByteScript probe = {receive_request(), busy_.enter(),
                      wait_ms(200),      call([&] { during_probe = busy_.sum(); }),
                      busy_.leave(),     send(kHead + kBegin + kEnd)};
  const ByteServer server({refuse(429, "{}", "Retry-After: 0.3\r\n"), std::move(probe), answer(1)});
  Agent agent(agent_options(server), runtime_);
  std::vector<RunHandle> first = start(agent, 1);
  ASSERT_TRUE(seen_.wait_for("retry_scheduled"));
  std::vector<RunHandle> others = start(agent, 10);
  EXPECT_EQ(done(first), 1);
  EXPECT_EQ(done(others), 10);
  EXPECT_EQ(during_probe, 2) << "the refused one and the probe";
  EXPECT_EQ(busy_.sum(), 12) << "one refusal was enough";
  EXPECT_THAT(waiting_text(), HasSubstr("waiting for the shared limit of 127.0.0.1, 9 before it"));
}

TEST_F(FaultShared, N04_ALimitThatTheHostNamesIsHeld) {
  const std::string body =
      R"({"error":{"type":"rate_limit_reached_error","message":"request reached max organization )"
      R"(concurrency: 2, please try again after 0.01 seconds"}})";
  const ByteServer server({refuse(429, body), answer(20)});
  Agent agent(agent_options(server), runtime_);
  std::vector<RunHandle> first = start(agent, 1);
  ASSERT_TRUE(seen_.wait_for("retry_scheduled"));
  std::vector<RunHandle> others = start(agent, 20);
  EXPECT_EQ(done(first), 1);
  EXPECT_EQ(done(others), 20);
  EXPECT_EQ(busy_.most(), 2);
  EXPECT_EQ(busy_.sum(), 22);
}

// Another key is another quota.
TEST_F(FaultShared, N04_OtherEndpointsDoNotWait) {
  const ByteServer limited({refuse(429, "{}", "Retry-After: 500\r\n")});
  const ByteServer free({answer(1)});
  Agent waits(agent_options(limited), runtime_);
  std::vector<RunHandle> stuck = start(waits, 1);
  ASSERT_TRUE(seen_.wait_for("retry_scheduled"));
  Agent agent(agent_options(free), runtime_);
  std::vector<RunHandle> runs = start(agent, 3);
  EXPECT_EQ(done(runs), 3);
  stuck[0].cancel();
  EXPECT_EQ(stuck[0].wait().outcome, Outcome::kInterrupted);
}

TEST_F(FaultShared, N04_ARunInLineCanBeStoppedAndHasUsedNothingUp) {
  const ByteServer server({{receive_request(), hold()}});
  AgentOptions options = agent_options(server);
  options.limits.requests_at_once = 1;
  Agent agent(options, runtime_);
  std::vector<RunHandle> runs = start(agent, 2);
  ASSERT_TRUE(seen_.wait_for("request_waiting"));
  runs[1].cancel();
  const RunResult waited = runs[1].wait();
  EXPECT_EQ(waited.outcome, Outcome::kInterrupted);
  EXPECT_EQ(waited.usage.input_tokens, 0);
  EXPECT_THAT(runs_of("request_sent"), testing::Not(testing::Contains(waited.run_id)));
  // Ends also what waits when the runtime ends.
  std::vector<RunHandle> last = start(agent, 1);
  ASSERT_TRUE(seen_.wait_for("request_waiting", 2));
  runs[0].cancel();
  EXPECT_EQ(runs[0].wait().outcome, Outcome::kInterrupted);
  last[0].cancel();
  EXPECT_EQ(last[0].wait().outcome, Outcome::kInterrupted);
}

TEST_F(FaultShared, N04_HeadersThatSayNothingIsLeftHoldTheNextRequest) {
  const std::string head =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
      "x-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 300ms\r\n\r\n";
  const ByteServer server(
      {{receive_request(), busy_.enter(), send(head + kBegin + kEnd), busy_.leave()}, answer(1)});
  Agent agent(agent_options(server), runtime_);
  std::vector<RunHandle> first = start(agent, 1);
  EXPECT_EQ(done(first), 1);
  std::vector<RunHandle> second = start(agent, 1);
  EXPECT_EQ(done(second), 1);
  EXPECT_THAT(waiting_text(), HasSubstr("waiting for the shared limit of 127.0.0.1, 0 before it, "
                                        "next request in "));
}

// By which a host's support finds all that was sent for one request.
TEST_F(FaultShared, N05_TheAttemptsOfARequestCarryOneId) {
  const ByteServer server({refuse(500, "{}"), refuse(502, "{}"), answer(1)});
  Agent agent(agent_options(server), runtime_);
  std::vector<RunHandle> runs = start(agent, 1);
  EXPECT_EQ(done(runs), 1);
  EXPECT_THAT(server.requests(),
              testing::AllOf(testing::SizeIs(3),
                             testing::Each(HasSubstr("X-Request-Id: " + runs[0].id() + "-1\r\n"))));
}

TEST_F(FaultShared, N06_AnEndpointThatFailsIsAskedByOneProbe) {
  constexpr int kRuns = 8;
  std::vector<ByteScript> scripts(kRuns, refuse(500, "{}"));
  std::atomic<int> during_probe = 0;
  scripts.push_back({receive_request(), busy_.enter(), wait_ms(200),
                     call([&] { during_probe = busy_.sum(); }), busy_.leave(),
                     send(kHead + kBegin + kEnd)});
  scripts.push_back(answer(1));
  const ByteServer server(scripts);
  Agent agent(agent_options(server), runtime_);
  std::vector<RunHandle> runs = start(agent, kRuns);
  ASSERT_TRUE(seen_.wait_for("retry_scheduled", 5));
  std::vector<RunHandle> late = start(agent, 1);
  EXPECT_EQ(done(runs), kRuns);
  EXPECT_EQ(done(late), 1);
  EXPECT_EQ(during_probe, kRuns + 1);
  EXPECT_EQ(busy_.sum(), 2 * kRuns + 1);
  EXPECT_THAT(waiting_text(), HasSubstr("waiting for 127.0.0.1, which fails"));
}

// --- With a fallback, no run stands before a closed gate ---

class FaultPatience : public FaultShared {
 protected:
  AgentOptions with_fallback(const ByteServer& first) {
    AgentOptions options = agent_options(first);
    options.fallback = {{.host = "custom", .base_url = second_.url("/v1")}};
    return options;
  }
  // "reason" of each change.
  std::vector<std::string> changes() const {
    std::vector<std::string> list;
    for (const Json& event : seen_.payloads("endpoint_changed"))
      list.push_back(event.value("reason", ""));
    return list;
  }

  const ByteServer second_{{{receive_request(), send(kHead + kBegin + kEnd)}}};
};

TEST_F(FaultPatience, N06_AnOpenCircuitIsLeftByAllRuns) {
  const ByteServer server({refuse(500, "{}")});
  Agent agent(with_fallback(server), runtime_);
  std::vector<RunHandle> runs = start(agent, 5);
  ASSERT_TRUE(seen_.wait_for("request_failed", 5));
  std::vector<RunHandle> late = start(agent, 1);
  EXPECT_EQ(done(late), 1);
  EXPECT_THAT(runs_of("request_failed"), testing::Not(testing::Contains(late[0].id())))
      << "it need not fail itself";
  EXPECT_EQ(done(runs), 5);
  EXPECT_THAT(changes(), testing::Contains("overloaded"));
  EXPECT_THAT(changes(), testing::SizeIs(6));
}

TEST_F(FaultPatience, N01_AHostThatAsksToWaitForLongIsLeftByAllRuns) {
  const ByteServer server({refuse(429, "{}", "Retry-After: 500\r\n")});
  Agent agent(with_fallback(server), runtime_);
  for (int i = 0; i < 2; ++i) {
    std::vector<RunHandle> runs = start(agent, 1);
    EXPECT_EQ(done(runs), 1);
  }
  EXPECT_THAT(changes(), testing::ElementsAre("rate_limited", "rate_limited"));
  EXPECT_EQ(busy_.sum(), 1) << "the second run did not ask what the first was told";
  EXPECT_EQ(seen_.count("retry_scheduled"), 0);
}

TEST_F(FaultPatience, N04_ARunLeavesALineThatIsTooSlow) {
  const ByteServer server({{receive_request(), busy_.enter(), hold()}});
  AgentOptions options = with_fallback(server);
  options.limits.requests_at_once = 1;
  options.fallback_after_ms = 50;
  Agent agent(options, runtime_);
  std::vector<RunHandle> first = start(agent, 1);
  ASSERT_TRUE(seen_.wait_for("request_sent"));
  std::vector<RunHandle> second = start(agent, 1);
  EXPECT_EQ(done(second), 1);
  EXPECT_THAT(runs_of("endpoint_changed"), testing::ElementsAre(second[0].id()));
  EXPECT_EQ(busy_.sum(), 1);
  first[0].cancel();
  EXPECT_EQ(first[0].wait().outcome, Outcome::kInterrupted);
}

}  // namespace
}  // namespace perdure
