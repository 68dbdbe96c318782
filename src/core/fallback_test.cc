#include "core/fallback.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/core_runs.h"

namespace perdure {
namespace {

using test::call_of;
using test::definition_of_test;
using test::TestRun;
using test::text_reply;
using testing::HasSubstr;

EndpointPlan plan_at(const std::string& host, const std::string& port) {
  return {.model = "kimi-k2.6",
          .host = host,
          .base_url = "http://127.0.0.1:" + port + "/v1",
          .limits = {.window_tokens = 50'000,
                     .output_tokens_max = 4'096,
                     .head_bytes = 100,
                     .price = Price{.input = 1, .cached = 1, .output = 1},
                     .attempts_max = 3,
                     .parallel_calls_max = 2},
          .prefix = {{.field = "base_url", .value = port}}};
}

// "moonshot", then "vllm" and "groq".
RunStarted definition() {
  RunStarted definition = definition_of_test();
  definition.prefix = {{.field = "base_url", .value = "1"}};
  definition.fallback = {.endpoints = {plan_at("vllm", "2"), plan_at("groq", "3")},
                         .return_ms = 60'000};
  return definition;
}

std::string in_use(const TestRun& test) {
  return test.run().endpoints.at(test.run().endpoint).host;
}

// Fails the request under way as often as it is tried.
void fail_for_good(TestRun& test, ErrorCode code) {
  for (std::int64_t left = attempts_allowed(test.run()); left > 1; --left) {
    test.fail(code).add(RetryScheduled{}).add(RetryDue{}).request();
  }
  test.fail(code).settle();
}

struct FailureRow {
  const char* name;
  ErrorCode code;
  Retry retry;
  std::int64_t delay_ms;
  const char* then;  // the host that is used, or how the run ended
};

class FallbackRows : public testing::TestWithParam<FailureRow> {};

const FailureRow kFailures[] = {
    {"quota", ErrorCode::kQuota, Retry::kNo, 0, "vllm"},
    {"N20_no_such_host", ErrorCode::kNoSuchHost, Retry::kNo, 0, "vllm"},
    {"a_wait_that_is_too_long", ErrorCode::kRateLimited, Retry::kLater, kRetryAfterMax_ms + 1,
     "vllm"},
    {"an_attempt_is_left", ErrorCode::kOverloaded, Retry::kLater, 10, "moonshot"},
    {"key", ErrorCode::kKeyRejected, Retry::kNo, 0, "endpoint_permanent"},
    {"model", ErrorCode::kModelNotFound, Retry::kNo, 0, "endpoint_permanent"},
    {"request", ErrorCode::kBadRequest, Retry::kNo, 0, "endpoint_permanent"},
    {"window", ErrorCode::kContextFull, Retry::kNo, 0, "paused"},
    {"filter", ErrorCode::kContentFiltered, Retry::kNo, 0, "failed"},
};
INSTANTIATE_TEST_SUITE_P(OfTheOwnEndpoint, FallbackRows, testing::ValuesIn(kFailures),
                         [](const auto& row) { return row.param.name; });

TEST_P(FallbackRows, GoOnElsewhereWhereThatHelps) {
  TestRun test(definition());
  test.request();
  test.fail(GetParam().code, GetParam().retry, GetParam().delay_ms).settle();
  const auto& ended = test.run().ended;
  EXPECT_EQ(ended ? to_string(ended->outcome) : in_use(test), GetParam().then);
}

TEST(Fallback, TakesOverBeyondTheAttemptsWithLimitsPriceAndPrefixOfItsOwn) {
  TestRun test(definition());
  test.step({call_of("a")});
  test.request();
  fail_for_good(test, ErrorCode::kServer);
  EXPECT_EQ(in_use(test), "vllm");
  EXPECT_EQ(test.run().limits.window_tokens, 50'000);
  EXPECT_TRUE(test.run().prefix_announced) << "the cache of the first host does not help";
  EXPECT_EQ(test.request().attempt, 1);
  EXPECT_GT(test.run().sent.reserved_usd, 0) << "the first endpoint has no price";
  test.reply(text_reply("Done."));
  EXPECT_NEAR(test.run().usage.usd, 110 / 1e6, 1e-12);
  EXPECT_TRUE(test.run().given_up.empty());
}

TEST(Fallback, EndsWhenNoneIsLeftAndSaysWhatEachDid) {
  TestRun test(definition());
  test.request();
  fail_for_good(test, ErrorCode::kQuota);
  test.request();
  fail_for_good(test, ErrorCode::kOverloaded);
  EXPECT_EQ(in_use(test), "groq");
  test.request();
  test.fail(ErrorCode::kKeyRejected, Retry::kNo).settle();
  ASSERT_TRUE(test.run().ended);
  EXPECT_EQ(test.run().ended->outcome, Outcome::kEndpointTemporary) << "waiting helps with one";
  EXPECT_EQ(test.run().ended->reason, "overloaded");
  EXPECT_EQ(test.run().ended->message,
            "kimi-k2.6 at moonshot: it failed; kimi-k2.6 at vllm: it failed; "
            "kimi-k2.6 at groq: it failed");
}

TEST(Fallback, SkipsOneThatRefusesForGoodAndAsksItNoMore) {
  TestRun test(definition());
  test.request();
  fail_for_good(test, ErrorCode::kQuota);
  test.request();
  test.fail(ErrorCode::kKeyRejected, Retry::kNo).settle();
  EXPECT_EQ(in_use(test), "groq");
  test.request();
  test.reply(text_reply("One.")).settle().resume().say("Next.").request();
  EXPECT_EQ(in_use(test), "groq");
}

TEST(Fallback, NeverGoesBackToOneThatRefusedForGood) {
  TestRun test(definition());
  test.request();
  fail_for_good(test, ErrorCode::kQuota);
  test.request();
  test.fail(ErrorCode::kKeyRejected, Retry::kNo).settle();
  test.step({call_of("a")});
  for (const char* left : {"groq", "moonshot"}) {
    EXPECT_EQ(in_use(test), left);
    test.request();
    fail_for_good(test, ErrorCode::kQuota);
  }
  EXPECT_TRUE(test.run().ended) << "not at vllm, which knows no such key";
}

TEST(Fallback, AnEndpointThatSaidNothingIssuedNothing) {
  TestRun test(definition());
  test.step({call_of("a")});
  test.request();
  fail_for_good(test, ErrorCode::kQuota);
  test.request();
  fail_for_good(test, ErrorCode::kQuota);
  ASSERT_EQ(in_use(test), "groq");
  test.step({call_of("b")});
  ASSERT_EQ(test.run().issuers.size(), 2U);
  EXPECT_EQ(test.run().issuers[0].host, "moonshot");
  EXPECT_EQ(test.run().issuers[1].host, "groq");
}

TEST(Fallback, WithAWindowThatIsTooSmallIsPassedOver) {
  RunStarted small = definition();
  small.fallback.endpoints[0].limits.window_tokens = 2'000;
  TestRun test(std::move(small));
  test.request();
  fail_for_good(test, ErrorCode::kQuota);
  EXPECT_EQ(in_use(test), "groq");
}

TEST(Fallback, IsLeftForTheNextAndThenForTheOwnInALaterStep) {
  TestRun test(definition());
  test.request();
  fail_for_good(test, ErrorCode::kQuota);
  test.step({call_of("a")});
  for (const char* host : {"groq", "moonshot"}) {
    test.request();
    fail_for_good(test, ErrorCode::kServer);
    EXPECT_EQ(in_use(test), host);
  }
}

// A run that is at its first fallback, one step later.
TestRun away() {
  TestRun test(definition());
  test.request();
  fail_for_good(test, ErrorCode::kQuota);
  test.step({call_of("a")});
  return test;
}

TEST(WayBack, IsTakenAfterAWhileBetweenTwoSteps) {
  TestRun test = away();
  test.request();
  EXPECT_EQ(in_use(test), "vllm") << "too early";
  test.add(RequestFailed{.step = test.run().step,
                         .attempt = 1,
                         .error = {.code = ErrorCode::kServer, .retry = Retry::kLater}},
           60'000);
  test.settle().add(RetryScheduled{}).add(RetryDue{}).request();
  EXPECT_EQ(in_use(test), "vllm") << "not in the middle of a step";
  test.reply(text_reply("One.")).settle().resume().say("Next.");
  test.add(StopRequested{.cause = StopCause::kPause}, 600'000).settle();
  EXPECT_EQ(in_use(test), "vllm") << "a run that stops goes nowhere";
  EXPECT_TRUE(test.run().ended);
}

TEST(WayBack, IsTheOwnEndpointFromItsFirstReplyOn) {
  TestRun test = away();
  test.add(MessageQueued{.text = "Hurry."}, 60'000);
  test.request();
  EXPECT_EQ(in_use(test), "moonshot");
  EXPECT_EQ(test.run().limits.window_tokens, 100'000);
  test.reply(text_reply("Done."));
  EXPECT_EQ(in_use(test), "moonshot");
  EXPECT_FALSE(test.run().tried_from);
}

TEST(WayBack, IsOneRequestAndCostsNoStepWhenItFails) {
  TestRun test = away();
  test.add(MessageQueued{.text = "Hurry."}, 60'000);
  const std::int64_t step = test.request().step;
  test.fail(ErrorCode::kServer).settle();
  EXPECT_EQ(in_use(test), "vllm");
  EXPECT_EQ(test.request().step, step);
  EXPECT_EQ(in_use(test), "vllm") << "it was tried just now";
  test.reply(text_reply("Done."));
  EXPECT_EQ(test.run().usage.steps, step);
}

TEST(WayBack, CountsFromTheChange) {
  TestRun test(definition());
  test.request();
  test.add(RequestFailed{.step = 1, .attempt = 1, .error = {.code = ErrorCode::kQuota}}, 50'000);
  test.settle().step({call_of("a")});
  test.add(MessageQueued{.text = "Hurry."}, 60'000).step({call_of("b")});
  EXPECT_EQ(in_use(test), "vllm");
  test.add(MessageQueued{.text = "And?"}, 110'000).request();
  EXPECT_EQ(in_use(test), "moonshot");
}

// What it was asked with before was forgotten when it was left.
TEST(WayBack, RepairsARequestAsBefore) {
  TestRun test = away();
  test.add(MessageQueued{.text = "Hurry."}, 60'000).request();
  test.add(RequestFailed{.step = test.run().step,
                         .attempt = 1,
                         .error = {.code = ErrorCode::kBadRequest, .message = "HTTP 400: no"},
                         .structural = true});
  const std::vector<Effect> effects = decide(test.run());
  ASSERT_EQ(effects.size(), 1U);
  const auto* repair = std::get_if<RepairRequest>(&effects[0]);
  ASSERT_NE(repair, nullptr) << test::describe(effects[0]);
  EXPECT_EQ(repair->event.kind, RepairKind::kStrict);
  test.add(repair->event).settle();
  EXPECT_EQ(in_use(test), "vllm") << "it looks for no guilty part";
}

TEST(WayBack, IsNotTakenToOneThatRefusesForGood) {
  TestRun test = away();
  test.add(MessageQueued{.text = "Hurry."}, 60'000).request();
  test.fail(ErrorCode::kKeyRejected, Retry::kNo).settle();
  test.step({call_of("b")});
  test.add(MessageQueued{.text = "And?"}, 600'000).request();
  EXPECT_EQ(in_use(test), "vllm");
}

TEST(StrictPrefix, KeepsARunAtTheEndpointThatHasItsCache) {
  RunStarted strict = definition();
  strict.fallback.strict_prefix = true;
  TestRun test(std::move(strict));
  test.request();
  fail_for_good(test, ErrorCode::kQuota);
  EXPECT_EQ(in_use(test), "vllm") << "nothing was answered, so no cache is lost";
  test.step({call_of("a")});
  test.add(MessageQueued{.text = "Hurry."}, 600'000).request();
  EXPECT_EQ(in_use(test), "vllm") << "no way back";
  test.fail(ErrorCode::kQuota, Retry::kNo).settle();
  ASSERT_TRUE(test.run().ended);
  EXPECT_EQ(test.run().ended->outcome, Outcome::kEndpointPermanent);
  EXPECT_THAT(test.run().ended->message, HasSubstr("strict_prefix keeps the run"));
}

TEST(EndpointChange, ThatIsImpossibleIsRefused) {
  TestRun test(definition());
  EXPECT_EQ(test.refusal(EndpointChanged{.from = 0, .to = 1}),
            "an event does not fit the run: endpoint_changed")
      << "nothing failed";
  test.request();
  EXPECT_NE(test.refusal(EndpointChanged{.from = 0, .to = 1}), "accepted") << "in flight";
  test.fail(ErrorCode::kQuota, Retry::kNo);
  for (const std::int64_t to : {-1, 0, 3})
    EXPECT_NE(test.refusal(EndpointChanged{.from = 0, .to = to}), "accepted") << to;
  EXPECT_NE(test.refusal(EndpointChanged{.from = 1, .to = 2}), "accepted");
}

TEST(EndpointChange, InsteadOfWaitingIsForWhoAsks) {
  TestRun test(definition());
  test.request();
  test.reply(test::calls_reply({call_of("a")}));
  const EndpointChanged change{.from = 0, .to = 1, .reason = "overloaded"};
  EXPECT_NE(test.refusal(change), "accepted") << "a call is open";
  test.assess(0, test::pure()).settle().start(0).finish(0);
  test.add(change);
  test.request();
  test.reply(text_reply("Done."));
  EXPECT_NE(test.refusal(EndpointChanged{.from = 1, .to = 2, .reason = "overloaded"}), "accepted")
      << "nobody asks";
}

TEST(Resume, GoesOnAtTheEndpointInUse) {
  TestRun test = away();
  const std::vector<EndpointPlan> same = test.run().endpoints;
  EXPECT_EQ(endpoint_to_go_on_at(test.run(), same), 1U);
  EXPECT_EQ(endpoint_to_go_on_at(test.run(), {same[0], same[2], same[1]}), 2U);
  EXPECT_EQ(endpoint_to_go_on_at(test.run(), {same[0], same[2]}), 0U) << "it is there no more";
  EXPECT_EQ(endpoint_to_go_on_at(test.run(), {same[2], same[1]}), 0U) << "another one was named";
  test.add(MessageQueued{.text = "Hurry."}, 60'000).request();
  EXPECT_EQ(in_use(test), "moonshot");
  EXPECT_EQ(endpoint_to_go_on_at(test.run(), same), 1U) << "the own one was only being tried";
}

// Journals of before have no name of the endpoint in run_resumed, but its address in the prefix.
TEST(Resume, OfAnOlderJournalKnowsTheEndpointByItsPrefix) {
  TestRun test(definition_of_test());
  test.step({call_of("a")});
  test.add(RunResumed{.limits = test.run().limits,
                      .prefix = {{.field = "base_url", .value = "http://other/v1"}}});
  ASSERT_EQ(test.run().issuers.size(), 2U);
  EXPECT_EQ(test.run().issuers[1].first_message, test.run().transcript.size());
  EXPECT_EQ(test.run().issuers[1].base_url, "http://other/v1");
}

// One host at two addresses is two endpoints: neither has sent what the other has.
TEST(Fallback, TwoAddressesOfOneHostAreTwoEndpoints) {
  RunStarted definition = perdure::definition();
  definition.fallback.endpoints = {plan_at("moonshot", "2")};
  TestRun test(definition);
  test.step({call_of("a")});
  test.request();
  fail_for_good(test, ErrorCode::kServer);
  ASSERT_EQ(test.run().endpoint, 1U);
  ASSERT_EQ(test.run().issuers.size(), 2U);
  EXPECT_EQ(test.run().issuers[1].base_url, "http://127.0.0.1:2/v1");
  const std::vector<EndpointPlan> same = test.run().endpoints;
  EXPECT_EQ(endpoint_to_go_on_at(test.run(), same), 1U);
  std::vector<EndpointPlan> moved = same;
  moved[1].base_url = "http://127.0.0.1:3/v1";
  EXPECT_EQ(endpoint_to_go_on_at(test.run(), moved), 0U) << "that address is there no more";
}

// --- Patience ---

// With attempts enough, so that only time decides.
RunStarted patient_definition() {
  RunStarted definition = perdure::definition();
  definition.limits.attempts_max = 10;
  return definition;
}

// Fails the request under way, and waits for the next attempt.
void wait_after_failure(TestRun& test, std::int64_t delay_ms) {
  test.fail(ErrorCode::kServer, Retry::kLater, delay_ms);
  ASSERT_EQ(test.next(), "wait " + std::to_string(delay_ms));
  test.add(RetryScheduled{.delay_ms = delay_ms}).add(RetryDue{}).request();
}

TEST(Fallback, N06_TakesOverWhenAStepHasWaitedForLong) {
  TestRun test(patient_definition());
  test.request();
  wait_after_failure(test, 40'000);
  wait_after_failure(test, 20'000);
  EXPECT_EQ(in_use(test), "moonshot") << "a minute, and no more";
  test.fail(ErrorCode::kServer, Retry::kLater, 1).settle();
  EXPECT_EQ(in_use(test), "vllm");
  EXPECT_EQ(test.run().waited_ms, 0) << "there it is another minute";
}

TEST(Fallback, N01_TakesOverWhenTheHostAsksToWaitForLonger) {
  TestRun test(patient_definition());
  test.request();
  test.fail(ErrorCode::kRateLimited, Retry::kLater, 60'001).settle();
  EXPECT_EQ(in_use(test), "vllm");
}

TEST(Fallback, N30_CountsTheTimeOfAttemptsThatBroughtNothing) {
  for (const std::int64_t received : {0, 9}) {
    TestRun test(patient_definition());
    test.request();
    test.add(RequestFailed{.step = 1,
                           .attempt = 1,
                           .error = {.code = ErrorCode::kTimeout, .retry = Retry::kLater},
                           .received_bytes = received,
                           .delay_ms = 500},
             60'000);
    test.settle();
    EXPECT_EQ(in_use(test), received > 0 ? "moonshot" : "vllm");
  }
}

TEST(Fallback, N06_TakesOverAtOnceWhereAllRunsFail) {
  TestRun test(patient_definition());
  test.request();
  test.add(RequestFailed{.step = 1,
                         .attempt = 1,
                         .error = {.code = ErrorCode::kServer, .retry = Retry::kLater},
                         .delay_ms = 1,
                         .circuit_open = true});
  test.settle();
  EXPECT_EQ(in_use(test), "vllm");
}

TEST(Fallback, WithoutAnyTheRunWaits) {
  RunStarted alone = patient_definition();
  alone.fallback = {};
  TestRun test(alone);
  test.request();
  wait_after_failure(test, 500'000);
}

struct LineRow {
  const char* name;
  Delay delay;
  const char* reason;  // of the change; empty: it waits
  std::int64_t left_ms;
};

class FallbackInLine : public testing::TestWithParam<LineRow> {};

const LineRow kLines[] = {
    {"short", {.waited_ms = 50'000, .wait_ms = 10'000}, "", 10'001},
    {"nobody_knows_how_long", {.waited_ms = 60'000}, "", 1},
    {"long", {.waited_ms = 50'000, .wait_ms = 10'001}, "rate_limited", 10'001},
    {"has_waited", {.waited_ms = 60'001}, "rate_limited", -1},
    {"circuit_open", {.circuit_open = true}, "overloaded", 60'001},
};
INSTANTIATE_TEST_SUITE_P(N04, FallbackInLine, testing::ValuesIn(kLines),
                         [](const auto& row) { return row.param.name; });

TEST_P(FallbackInLine, ARunGoesElsewhereInsteadOfWaitingForLong) {
  const LineRow& row = GetParam();
  TestRun test(definition());
  test.settle();
  const std::optional<EndpointChanged> change = endpoint_instead_of_waiting(test.run(), row.delay);
  EXPECT_EQ(change ? change->reason : "", row.reason);
  EXPECT_EQ(patience_left(test.run(), row.delay).value_or(-1), row.left_ms);
  if (!change) return;
  test.add(*change);
  EXPECT_EQ(in_use(test), "vllm");
  EXPECT_EQ(test.request().attempt, 1);
  EXPECT_THAT(test.run().given_up.at(0).failure.error.message, testing::Not(testing::IsEmpty()));
}

TEST(Fallback, WhatARunHasWaitedBeforeCountsInLine) {
  TestRun test(patient_definition());
  test.request();
  test.fail(ErrorCode::kServer, Retry::kLater, 40'000);
  test.add(RetryScheduled{.delay_ms = 40'000}).add(RetryDue{});
  const auto change = endpoint_instead_of_waiting(test.run(), {.waited_ms = 20'001});
  ASSERT_TRUE(change);
  EXPECT_EQ(change->reason, "server") << "its own failure says more";
  EXPECT_EQ(patience_left(test.run(), {.waited_ms = 5'000}), 15'001);
  test.add(*change);
  EXPECT_EQ(in_use(test), "vllm");
}

TEST(Fallback, OneThatWasLeftEarlyIsAskedAgainWhenTheOthersFail) {
  RunStarted definition = patient_definition();
  definition.limits.attempts_max = 2;
  TestRun test(definition);
  test.settle().add(*endpoint_instead_of_waiting(test.run(), {.circuit_open = true}));
  test.request();
  fail_for_good(test, ErrorCode::kServer);
  EXPECT_EQ(in_use(test), "groq") << "one that was not asked comes first";
  test.request();
  fail_for_good(test, ErrorCode::kServer);
  ASSERT_EQ(in_use(test), "moonshot");
  EXPECT_FALSE(endpoint_instead_of_waiting(test.run(), {.circuit_open = true}))
      << "nobody is left: here it waits";
  EXPECT_FALSE(patience_left(test.run(), {}));
  test.request();
  fail_for_good(test, ErrorCode::kServer);
  ASSERT_TRUE(test.run().ended);
  EXPECT_EQ(test.run().ended->message,
            "kimi-k2.6 at vllm: it failed; kimi-k2.6 at groq: it failed; "
            "kimi-k2.6 at moonshot: it failed (2 attempts)");
}

TEST(Fallback, ACacheIsWorthWaitingFor) {
  RunStarted strict = patient_definition();
  strict.fallback.strict_prefix = true;
  TestRun test(strict);
  test.step({call_of("a")});
  EXPECT_FALSE(endpoint_instead_of_waiting(test.run(), {.circuit_open = true}));
  EXPECT_FALSE(patience_left(test.run(), {}));
}

TEST(Fallback, TheWayBackToOneThatFailsIsLeftForWhereItCameFrom) {
  TestRun test(definition());
  test.request();
  fail_for_good(test, ErrorCode::kServer);
  test.request();
  test.reply(text_reply("Done.")).say("More.");
  test.add(MessageAdded{.origin = MessageOrigin::kUser, .fragment = R"({"role":"user"})"}, 99'000);
  test.settle();
  ASSERT_EQ(in_use(test), "moonshot");
  const auto change = endpoint_instead_of_waiting(test.run(), {.circuit_open = true});
  ASSERT_TRUE(change);
  test.add(*change, 99'000);
  EXPECT_EQ(in_use(test), "vllm");
  EXPECT_EQ(test.run().away_at_ms, 99'000) << "and is tried again later";
}

}  // namespace
}  // namespace perdure
