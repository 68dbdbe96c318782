// Time is a number here: every story of a limit or an outage is told step by step.
#include "model/endpoint_gate.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/decide.h"
#include "net/retry.h"

namespace perdure {
namespace {

using Ticket = EndpointGate::Ticket;

constexpr std::uint64_t kRandom = 0x123456789abcdef0;

Error failure(ErrorCode code, std::int64_t retry_after_ms = -1, std::string message = "no") {
  return {.code = code,
          .message = std::move(message),
          .retry = Retry::kLater,
          .retry_after_ms = retry_after_ms};
}

// A gate with a clock.
class Story {
 public:
  std::vector<Ticket> join(int count, const EndpointGate::Demand& demand = {}) {
    std::vector<Ticket> tickets;
    for (int i = 0; i < count; ++i) tickets.push_back(gate.join(demand));
    return tickets;
  }
  std::vector<Ticket> admit() {
    std::vector<Ticket> tickets;
    while (const std::optional<Ticket> ticket = gate.admit(now)) tickets.push_back(*ticket);
    return tickets;
  }
  std::vector<Ticket> enter(int count, const EndpointGate::Demand& demand = {}) {
    join(count, demand);
    return admit();
  }
  std::int64_t fail(Ticket ticket, const Error& error, std::int64_t attempt = 1) {
    return gate.failed(ticket, error, attempt, kRandom, now);
  }
  void answer(Ticket ticket) {
    gate.begun(ticket, now);
    gate.leave(ticket);
  }

  // How long one more request waits for time to pass; -1: for those before it, or for an end.
  std::int64_t wait_ms() {
    const bool is_first = gate.waiting() == 0;
    const Ticket ticket = gate.join({});
    const std::optional<std::int64_t> wait = gate.next_ms(now);
    gate.leave(ticket);
    return is_first || wait.value_or(0) > 0 ? wait.value_or(-1) : -1;
  }

  EndpointGate gate;
  std::int64_t now = 1'000'000;
};

TEST(EndpointGate, WhereNothingIsKnownAllGoAtOnceInTheirOrder) {
  Story story;
  const std::vector<Ticket> joined = story.join(1000);
  EXPECT_EQ(story.wait_ms(), -1) << "behind those in line";
  EXPECT_EQ(story.admit(), joined);
  EXPECT_EQ(story.wait_ms(), 0);
  EXPECT_EQ(story.gate.next_ms(story.now), std::nullopt);
}

TEST(EndpointGate, ATicketLeavesFromWhereverItIs) {
  Story story;
  const EndpointGate::Demand one{.limits = {.requests_at_once = 1}};
  const std::vector<Ticket> joined = story.join(3, one);
  EXPECT_EQ(story.admit(), (std::vector<Ticket>{joined[0]}));
  EXPECT_EQ(story.gate.wait_of(joined[2], story.now).before, 1U);
  EXPECT_EQ(story.gate.wait_of(joined[2], story.now).wait_ms, -1);
  story.gate.leave(joined[1]);
  EXPECT_EQ(story.gate.wait_of(joined[2], story.now).before, 0U);
  story.gate.leave(joined[0]);
  story.gate.leave(joined[0]);
  EXPECT_EQ(story.admit(), (std::vector<Ticket>{joined[2]}));
}

TEST(EndpointGate, WhatOneIsToldAllWaitFor_N04) {
  Story story;
  const std::vector<Ticket> sent = story.enter(1);
  const std::int64_t delay = story.fail(sent[0], failure(ErrorCode::kRateLimited, 7'000));
  EXPECT_EQ(delay, retry_delay_ms(failure(ErrorCode::kRateLimited, 7'000), 1, kRandom))
      << "a lone run waits as long as without a gate";
  const std::vector<Ticket> joined = story.join(5);
  EXPECT_TRUE(story.admit().empty());
  EXPECT_EQ(story.gate.next_ms(story.now), delay);
  EXPECT_EQ(story.wait_ms(), delay);
  story.now += delay - 1;
  EXPECT_TRUE(story.admit().empty());
  story.now += 1;
  EXPECT_EQ(story.admit(), (std::vector<Ticket>{joined[0]})) << "one probe";
  EXPECT_EQ(story.gate.next_ms(story.now), std::nullopt) << "nobody waits for time";
  story.now += 100'000;
  EXPECT_TRUE(story.admit().empty()) << "until it is answered";
  story.answer(joined[0]);
  EXPECT_EQ(story.admit(), (std::vector<Ticket>{joined[1], joined[2]}));
  story.answer(joined[1]);
  story.answer(joined[2]);
  EXPECT_EQ(story.admit(), (std::vector<Ticket>{joined[3], joined[4]}));
}

TEST(EndpointGate, AProbeThatIsGivenUpMakesWay_N04) {
  Story story;
  story.now += story.fail(story.enter(1)[0], failure(ErrorCode::kRateLimited, 10));
  const std::vector<Ticket> joined = story.join(2);
  EXPECT_EQ(story.admit(), (std::vector<Ticket>{joined[0]}));
  story.gate.leave(joined[0]);
  EXPECT_EQ(story.admit(), (std::vector<Ticket>{joined[1]}));
}

// A thousand requests went out before anybody knew of the limit. What they are told is one
// cool-down and not a thousand, and the probes that follow are one for each cool-down.
TEST(EndpointGate, OneBurstIsOneCoolDown_N04) {
  Story story;
  const std::vector<Ticket> sent = story.enter(1000);
  std::int64_t longest = 0;
  for (const Ticket ticket : sent) {
    longest = std::max(longest, story.fail(ticket, failure(ErrorCode::kRateLimited, 5'000)));
  }
  EXPECT_LE(longest, 5'500);
  std::vector<Ticket> joined = story.join(1000);
  int probes = 0;
  for (int refusal = 1; refusal <= 6; ++refusal) {
    story.now += *story.gate.next_ms(story.now);
    const std::vector<Ticket> probe = story.admit();
    ASSERT_EQ(probe.size(), 1U);
    ++probes;
    story.fail(probe[0], failure(ErrorCode::kRateLimited, 5'000));
    EXPECT_TRUE(story.admit().empty());
  }
  EXPECT_EQ(probes, 6);
  // What was sent before the refusal and is answered now does not open the gate.
  EXPECT_TRUE(story.admit().empty());
}

TEST(EndpointGate, WithoutAWordOfTheHostTheCoolDownGrows_N04) {
  Story story;
  std::int64_t before = 0;
  for (std::int64_t refusal = 1; refusal <= 7; ++refusal) {
    const std::vector<Ticket> probe = story.enter(1);
    ASSERT_EQ(probe.size(), 1U);
    // Each time another run, for which it is the first attempt.
    const std::int64_t delay = story.fail(probe[0], failure(ErrorCode::kRateLimited));
    EXPECT_EQ(delay, retry_delay_ms(failure(ErrorCode::kRateLimited), refusal, kRandom));
    EXPECT_GE(delay, before);
    before = delay;
    story.now += delay;
  }
  EXPECT_GT(before, 3'000);
  story.answer(story.enter(1)[0]);
  EXPECT_EQ(story.fail(story.enter(1)[0], failure(ErrorCode::kRateLimited)),
            retry_delay_ms(failure(ErrorCode::kRateLimited), 1, kRandom))
      << "an answer begins anew";
}

// A person who resumes a run wants an answer now, and gets it from the host: once.
TEST(EndpointGate, WhoeverInsistsIsTheProbe_N01) {
  const EndpointGate::Demand insists{.insists = true};
  Story story;
  story.fail(story.enter(1)[0], failure(ErrorCode::kRateLimited, 500'000));
  EXPECT_TRUE(story.enter(1).empty());
  EXPECT_TRUE(story.enter(1, insists).empty()) << "behind others in line";
  Story alone;
  alone.fail(alone.enter(1)[0], failure(ErrorCode::kRateLimited, 500'000));
  const std::vector<Ticket> probe = alone.enter(2, insists);
  ASSERT_EQ(probe.size(), 1U);
  alone.fail(probe[0], failure(ErrorCode::kRateLimited, 500'000));
  EXPECT_TRUE(alone.admit().empty()) << "not one after the other";
  alone.now += *alone.gate.next_ms(alone.now);
  alone.answer(alone.admit().at(0));
  alone.fail(alone.enter(1)[0], failure(ErrorCode::kRateLimited, 500'000));
  const std::vector<Ticket> next = alone.enter(1, insists);
  ASSERT_EQ(next.size(), 1U);
  alone.answer(next[0]);
  EXPECT_EQ(alone.enter(1).size(), 1U) << "the host answers, so the cool-down is over";
}

// A run that is told to come back tomorrow pauses; the others find out for themselves, one by one.
TEST(EndpointGate, AWaitForWhichARunPausesHoldsNobody_N01) {
  Story story;
  const Error tomorrow = failure(ErrorCode::kRateLimited, 86'400'000);
  EXPECT_GT(story.fail(story.enter(1)[0], tomorrow), kRetryAfterMax_ms);
  const std::vector<Ticket> joined = story.join(3);
  for (const Ticket ticket : joined) {
    EXPECT_EQ(story.admit(), (std::vector<Ticket>{ticket}));
    EXPECT_GT(story.fail(ticket, tomorrow), kRetryAfterMax_ms);
  }
}

TEST(EndpointGate, NamedLimitsAreHeld_N04) {
  struct Case {
    const char* message;
    std::size_t at_once;      // admitted together, once the gate is wide open
    std::size_t in_a_minute;  // admitted in one minute when each is answered at once
  };
  const Case cases[] = {
      {"request reached organization max RPM: 3, please try again after 1 seconds", 3, 3},
      {"request reached max organization concurrency: 2, please try again after 1 seconds", 2, 50},
      {"organization TPM rate limit, current: 140586, limit: 4000", 4, 4},
      {"slow down", 50, 50},
  };
  for (const Case& row : cases) {
    Story story;
    const EndpointGate::Demand demand{.input_tokens = 600, .tokens = 1'000};
    story.now +=
        story.fail(story.enter(1, demand)[0], failure(ErrorCode::kRateLimited, 1'000, row.message));
    // Past the minute of the refused one, and calm enough that no window is left.
    story.now += 60'000 + kCalm_ms;
    story.answer(story.enter(1, demand)[0]);
    story.now += 60'000;
    EXPECT_EQ(story.enter(50, demand).size(), row.at_once) << row.message;
    Story other;
    other.now +=
        other.fail(other.enter(1, demand)[0], failure(ErrorCode::kRateLimited, 1'000, row.message));
    other.now += 60'000 + kCalm_ms;
    std::size_t admitted = 0;
    other.join(50, demand);
    while (true) {
      const std::vector<Ticket> now = other.admit();
      if (now.empty()) break;
      admitted += now.size();
      for (const Ticket ticket : now) other.answer(ticket);
    }
    EXPECT_EQ(admitted, row.in_a_minute) << row.message;
  }
}

TEST(EndpointGate, ANamedLimitIsForgotten_N04) {
  Story story;
  story.now += story.fail(story.enter(1)[0],
                          failure(ErrorCode::kRateLimited, 10, "max organization concurrency: 1"));
  story.answer(story.enter(1)[0]);
  EXPECT_EQ(story.enter(2).size(), 1U);
  story.now += kLearnedFor_ms;
  EXPECT_EQ(story.admit().size(), 1U);
}

TEST(EndpointGate, ConfiguredLimitsAreHeldFromTheFirstRequest_N04) {
  Story story;
  const EndpointGate::Demand minute{.tokens = 10, .limits = {.requests_per_minute = 3}};
  EXPECT_EQ(story.enter(5, minute).size(), 3U);
  EXPECT_EQ(story.gate.next_ms(story.now), 60'000);
  story.now += 60'000;
  EXPECT_EQ(story.admit().size(), 2U);

  Story tokens;
  const EndpointGate::Demand large{.tokens = 700, .limits = {.tokens_per_minute = 1'000}};
  EXPECT_EQ(tokens.enter(2, large).size(), 1U);
  tokens.now += 59'999;
  EXPECT_TRUE(tokens.admit().empty());
  tokens.now += 1;
  EXPECT_EQ(tokens.admit().size(), 1U);
  tokens.now += 60'000;
  const EndpointGate::Demand huge{.tokens = 5'000, .limits = {.tokens_per_minute = 1'000}};
  EXPECT_EQ(tokens.enter(1, huge).size(), 1U) << "one that is larger than the limit goes alone";

  Story once;
  EXPECT_EQ(once.enter(5, {.limits = {.requests_at_once = 2}}).size(), 2U);
}

TEST(EndpointGate, HeadersHoldRequestsBackBeforeTheHostRefuses_N04) {
  struct Case {
    const char* name;
    RateLimits limits;
    std::size_t admitted;                 // of ten with 100 tokens of prompt each
    std::optional<std::int64_t> next_ms;  // for the others
  };
  const Case cases[] = {
      {"two left", {.requests = {.limit = 60, .remaining = 2, .reset_ms = 9'000}}, 2, 9'000},
      {"none left", {.requests = {.remaining = 0, .reset_ms = 9'000}}, 0, 9'000},
      {"tokens for three", {.tokens = {.limit = 9'000, .remaining = 350, .reset_ms = 500}}, 3, 500},
      {"a limit below one prompt",
       {.tokens = {.limit = 50, .remaining = 50, .reset_ms = 500}},
       1,
       500},
      {"for days", {.requests = {.remaining = 0, .reset_ms = 90'000'000}}, 0, kHeaderHoldMax_ms},
      {"nobody says until when", {.requests = {.remaining = 0}}, 10, std::nullopt},
      {"nobody says how many", {.requests = {.limit = 1, .reset_ms = 9'000}}, 10, std::nullopt},
      {"enough", {.requests = {.remaining = 500, .reset_ms = 9'000}}, 10, std::nullopt},
  };
  for (const Case& row : cases) {
    Story story;
    story.gate.learn(row.limits, story.now);
    EXPECT_EQ(story.enter(10, {.input_tokens = 100}).size(), row.admitted) << row.name;
    EXPECT_EQ(story.gate.next_ms(story.now), row.next_ms) << row.name;
  }
  // After the reset there is as much as the limit says.
  Story story;
  story.gate.learn({.requests = {.limit = 4, .remaining = 0, .reset_ms = 9'000}}, story.now);
  EXPECT_TRUE(story.enter(10).empty());
  story.now += 9'000;
  EXPECT_EQ(story.admit().size(), 4U);
}

// --- The circuit breaker ---

TEST(EndpointGate, OpensAfterFailuresInARowAndProbes_N06) {
  for (const ErrorCode code :
       {ErrorCode::kServer, ErrorCode::kOverloaded, ErrorCode::kNetwork, ErrorCode::kTimeout}) {
    Story story;
    for (std::int64_t i = 1; i < kBreakerFailures; ++i) {
      story.fail(story.enter(1)[0], failure(code));
      EXPECT_EQ(story.wait_ms(), 0) << "closed after " << i;
    }
    const std::int64_t delay = story.fail(story.enter(1)[0], failure(code));
    EXPECT_EQ(delay, retry_delay_ms(failure(code), kBreakerFailures, kRandom));
    EXPECT_EQ(story.wait_ms(), delay);
    const std::vector<Ticket> joined = story.join(4);
    EXPECT_EQ(story.gate.wait_of(joined[1], story.now).why, EndpointGate::Why::kFailing);
    story.now += delay;
    EXPECT_EQ(story.admit(), (std::vector<Ticket>{joined[0]})) << "one probe";
    EXPECT_GT(story.fail(joined[0], failure(code)), 0);
    EXPECT_TRUE(story.admit().empty()) << "a failed probe opens it again";
    story.now += *story.gate.next_ms(story.now);
    EXPECT_EQ(story.admit(), (std::vector<Ticket>{joined[1]}));
    story.answer(joined[1]);
    EXPECT_EQ(story.admit(), (std::vector<Ticket>{joined[2], joined[3]})) << "closed";
  }
}

TEST(EndpointGate, AnOverloadedHostIsLeftAloneForLonger_N06) {
  const auto cool_down = [](ErrorCode code) {
    Story story;
    for (std::int64_t i = 1; i <= kBreakerFailures; ++i) {
      story.fail(story.enter(1)[0], failure(code));
    }
    return story.wait_ms();
  };
  EXPECT_GT(cool_down(ErrorCode::kOverloaded), 3 * cool_down(ErrorCode::kServer));
}

// What a lone run waits is what it waited without a gate, to the millisecond.
TEST(EndpointGate, ALoneRunWaitsOnce_N06) {
  for (const ErrorCode code :
       {ErrorCode::kServer, ErrorCode::kOverloaded, ErrorCode::kRateLimited}) {
    Story story;
    for (std::int64_t attempt = 1; attempt <= 10; ++attempt) {
      const std::vector<Ticket> sent = story.enter(1);
      ASSERT_EQ(sent.size(), 1U) << "the gate is open when its own wait is over";
      const std::int64_t delay = story.fail(sent[0], failure(code), attempt);
      EXPECT_EQ(delay, retry_delay_ms(failure(code), attempt, kRandom));
      story.now += delay;
    }
    story.answer(story.enter(1)[0]);
  }
}

TEST(EndpointGate, ABurstOfFailuresIsOneOutage_N06) {
  Story story;
  std::int64_t longest = 0;
  for (const Ticket ticket : story.enter(1000)) {
    longest = std::max(longest, story.fail(ticket, failure(ErrorCode::kServer)));
  }
  EXPECT_EQ(longest, retry_delay_ms(failure(ErrorCode::kServer), kBreakerFailures, kRandom));
  EXPECT_EQ(story.wait_ms(), longest);
}

TEST(EndpointGate, WhatShowsThatTheEndpointIsThereIsNoOutage_N06) {
  const Error refused{.code = ErrorCode::kBadRequest, .message = "no"};
  const Error cut = failure(ErrorCode::kStreamCut);
  Story story;
  for (int i = 0; i < 20; ++i) {
    story.fail(story.enter(1)[0], failure(ErrorCode::kServer));
    // Between two failures a reply, a refusal for good.
    if (i % 2 == 0) {
      story.answer(story.enter(1)[0]);
    } else {
      story.fail(story.enter(1)[0], refused);
    }
    story.fail(story.enter(1)[0], cut);
    EXPECT_EQ(story.wait_ms(), 0) << i;
  }
}

}  // namespace
}  // namespace perdure
