// What costs the host's prompt cache is named, priced and announced once; what was billed is held
// against what was expected.
#include "core/prefix.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/core_runs.h"

namespace perdure {
namespace {

using test::TestRun;
using test::text_reply;

using Parts = std::vector<PrefixPart>;

const Parts kSent = {{.field = "base_url", .value = "http://a/v1"},
                     {.field = "model", .value = "kimi-k2.6"},
                     {.field = "thinking", .value = "on"},
                     {.field = "tools/read", .value = "01"},
                     {.field = "tools/write", .value = "02"}};

Parts with(std::size_t index, std::string value) {
  Parts parts = kSent;
  parts[index].value = std::move(value);
  return parts;
}

Parts without(std::size_t index) {
  Parts parts = kSent;
  parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(index));
  return parts;
}

Parts longer() {
  Parts parts = kSent;
  parts.push_back({.field = "tools/list", .value = "03"});
  return parts;
}

Parts swapped() {
  Parts parts = kSent;
  std::swap(parts[3], parts[4]);
  return parts;
}

RunStarted guarded() {
  RunStarted definition = test::definition_of_test();
  definition.prefix = kSent;
  definition.limits.window_tokens = 100'000;
  return definition;
}

ModelReplied billed(std::int64_t input, std::int64_t cached) {
  ModelReplied reply = text_reply("Yes.");
  reply.usage = {.input_tokens = input, .cached_tokens = cached, .output_tokens = 5};
  return reply;
}

RunResumed resumed(const Run& run, Parts prefix) {
  return {
      .version = "0.1.0", .budget = run.budget, .limits = run.limits, .prefix = std::move(prefix)};
}

TEST(Prefix, the_first_part_that_differs_is_named) {
  struct Case {
    const char* what;
    Parts next;
    const char* field;
    const char* summary;
  };
  const Case cases[] = {
      {"the same", kSent, "", ""},
      {"not known", {}, "", ""},
      {"another address", with(0, "http://b/v1"), "base_url",
       "base_url is 'http://b/v1', and was 'http://a/v1'"},
      {"another model", with(1, "kimi-k3"), "model", "model is 'kimi-k3', and was 'kimi-k2.6'"},
      {"another mode", with(2, "off"), "thinking", "thinking is 'off', and was 'on'"},
      {"a tool is changed", with(3, "09"), "tools/read", "tool 'read' is declared in another way"},
      {"the first tool is gone", without(3), "tools/read", "tool 'read' is gone"},
      {"the last tool is gone", without(4), "tools/write", "tool 'write' is gone"},
      {"a tool is new", longer(), "tools/list", "tool 'list' is new"},
      {"tools changed places", swapped(), "tools/write", "tool 'write' stands in another place"},
  };
  TestRun test(guarded());
  test.request();
  test.reply(billed(9'000, 0));
  for (const Case& row : cases) {
    SCOPED_TRACE(row.what);
    const std::optional<PrefixChanged> change =
        prefix_change(test.run(), row.next, Price{.input = 1, .cached = 0.25, .output = 4});
    EXPECT_EQ(change ? change->field : "", row.field);
    EXPECT_EQ(change ? change->summary : "", row.summary);
    if (!change) continue;
    EXPECT_EQ(change->message, -1);
    EXPECT_EQ(change->tokens, 9'000);
    EXPECT_DOUBLE_EQ(change->usd.value_or(0), 9'000 * 0.75 / 1e6);
  }
  EXPECT_FALSE(prefix_change(test.run(), with(1, "x"), std::nullopt)->usd) << "no price";
}

TEST(Prefix, nothing_is_lost_before_the_first_request) {
  const TestRun test(guarded());
  EXPECT_FALSE(prefix_change(test.run(), with(1, "kimi-k3"), std::nullopt));
}

TEST(Prefix, a_change_is_announced_once_before_the_request) {
  TestRun test(guarded());
  test.request();
  test.reply(billed(9'000, 0)).settle();
  test.add(resumed(test.run(), with(1, "kimi-k3")));
  test.say("And now?")
      .add(MessageAdded{.origin = MessageOrigin::kUser, .fragment = R"({"role":"user"})"});
  EXPECT_NE(test.next().find(R"(prefix_changed {"active_ms":0,"message":-1,"field":"model")"),
            std::string::npos)
      << test.next();
  test.settle();
  EXPECT_EQ(test.next().substr(0, 7), "request");
  EXPECT_NE(test.refusal(PrefixChanged{}), "");
  test.request();
  test.fail(ErrorCode::kNetwork).add(RetryScheduled{.delay_ms = 1}).add(RetryDue{});
  EXPECT_EQ(test.next().substr(0, 7), "request") << "the second attempt begins as the first";
}

TEST(Prefix, a_request_that_was_refused_leaves_the_cache_as_it_was) {
  TestRun test(guarded());
  test.request();
  test.reply(billed(9'000, 0)).settle();
  test.add(resumed(test.run(), with(1, "nonsense"))).say("And now?").request();
  test.fail(ErrorCode::kModelNotFound, Retry::kNo).settle();
  EXPECT_FALSE(prefix_change(test.run(), kSent, std::nullopt));
  EXPECT_TRUE(prefix_change(test.run(), with(1, "nonsense"), std::nullopt));
}

// Another version of the program could make other messages of a journal than its writer sent.
TEST(Prefix, messages_that_are_not_those_that_were_sent_are_named) {
  TestRun test(guarded());
  test.request();
  test.reply(billed(9'000, 0));
  const std::size_t agreed = test.run().messages_agreed;
  EXPECT_EQ(agreed, 2U) << "the instructions and the task";
  test.say("Go on.").settle();
  RequestSent other{.step = 2, .attempt = 1, .messages = 4, .messages_hash = "0123456789abcdef"};
  test.add(other).reply(billed(9'100, 9'000));
  const std::optional<PrefixChanged> change = prefix_change(test.run(), kSent, std::nullopt);
  ASSERT_TRUE(change);
  EXPECT_EQ(change->message, 2);
  EXPECT_EQ(change->field, "messages");
  EXPECT_GT(change->tokens, 0);
  EXPECT_LT(change->tokens, 9'100) << "what stands before it is still cached";
  test.say("Go on.").settle().request();
  EXPECT_FALSE(prefix_change(test.run(), kSent, std::nullopt)) << "from now on these were sent";
}

TEST(Prefix, requests_of_an_older_version_say_nothing_about_their_messages) {
  TestRun test(guarded());
  test.settle().add(RequestSent{.step = 1, .attempt = 1}).reply(billed(9'000, 0));
  EXPECT_FALSE(prefix_change(test.run(), kSent, std::nullopt));
}

TEST(Prefix, a_cache_that_missed_is_told_from_one_that_is_not_there) {
  struct Case {
    const char* what;
    std::int64_t first_cached;  // of the reply before
    std::int64_t expected;      // tokens of the prompt before
    ReplyUsage usage;
    std::int64_t unmet;
  };
  const Case cases[] = {
      {"all of it", 64, 9'000, {.input_tokens = 9'100, .cached_tokens = 9'000}, 0},
      {"half of it", 64, 9'000, {.input_tokens = 9'100, .cached_tokens = 4'500}, 0},
      {"less than half", 64, 9'000, {.input_tokens = 9'100, .cached_tokens = 4'499}, 9'000},
      {"nothing", 64, 9'000, {.input_tokens = 9'100}, 9'000},
      {"a short prompt", 64, 1'024, {.input_tokens = 1'100}, 0},
      {"one token more", 64, 1'025, {.input_tokens = 1'100}, 1'025},
      {"a host without a cache", 0, 9'000, {.input_tokens = 9'100}, 0},
      {"no usage", 64, 9'000, {.input_tokens = 9'100, .estimated = true}, 0},
  };
  for (const Case& row : cases) {
    SCOPED_TRACE(row.what);
    TestRun test(guarded());
    test.request();
    test.reply(billed(row.expected, row.first_cached)).say("More.").request();
    EXPECT_EQ(unmet_cached_tokens(test.run(), row.usage), row.unmet);
  }
}

TEST(Prefix, nothing_is_expected_of_the_cache_after_a_change) {
  TestRun test(guarded());
  test.request();
  test.reply(billed(9'000, 64)).settle();
  test.add(resumed(test.run(), with(1, "kimi-k3"))).say("More.").request();
  EXPECT_EQ(unmet_cached_tokens(test.run(), {.input_tokens = 9'100}), 0);
}

}  // namespace
}  // namespace perdure
