// The search for what a host refuses, against hosts that refuse given parts: it ends, finds exactly
// them, and takes no more trials than halving does.
#include "core/repair.h"

#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/message_parts.h"
#include "tests/support/core_runs.h"

namespace perdure {
namespace {

using test::call_of;
using test::TestRun;
using ::testing::HasSubstr;

const Error kNoWords{.code = ErrorCode::kBadRequest, .message = "HTTP 400: no"};

RunStarted definition_with(int tools) {
  RunStarted definition = test::definition_of_test();
  definition.limits.window_tokens = 1'000'000;
  definition.prefix = {{.field = "model", .value = "m"}};
  for (int i = 0; i < tools; ++i)
    definition.prefix.push_back({.field = "tools/tool" + std::to_string(i), .value = "x"});
  return definition;
}

// Refuses what has any of these parts.
struct PickyHost {
  RequestParts guilty;
  Error error = kNoWords;
  std::vector<std::string> tools = {};  // with the path that it names
  int trials = 0;

  bool takes(const Run& run, const RequestParts& without = {}) const {
    const auto gone = [](const auto& part, const auto& a, const auto& b) {
      return a.count(part) > 0 || b.count(part) > 0;
    };
    for (const std::string& tool : guilty.tools) {
      if (!gone(tool, run.repair.tools, without.tools)) return false;
    }
    for (const std::int64_t message : guilty.messages) {
      if (!gone(message, run.repair.messages, without.messages)) return false;
    }
    for (const std::int64_t message : guilty.media) {
      const bool shown = has_media(run.transcript.fragment(static_cast<std::size_t>(message)));
      if (shown && without.media.count(message) == 0) return false;
    }
    return true;
  }

  // Plays the host until it takes a request, which is answered, or the run ends.
  void play(TestRun& test) {
    for (int rounds = 0; rounds < 200 && !test.run().ended; ++rounds) {
      for (const Effect& effect : decide(test.run())) {
        if (!std::holds_alternative<CallModel>(effect)) {
          carry_out(test, effect);
          continue;
        }
        test.add(std::get<CallModel>(effect).request);
        if (takes(test.run())) {
          test.reply(test::text_reply("Done."));
          return;
        }
        test.add(RequestFailed{.step = test.run().step,
                               .attempt = test.run().attempt,
                               .error = error,
                               .structural = true,
                               .tools = tools});
      }
    }
  }

  void carry_out(TestRun& test, const Effect& effect) {
    if (const auto* record = std::get_if<Record>(&effect)) {
      test.add(record->event);
    } else if (const auto* repair = std::get_if<RepairRequest>(&effect)) {
      RequestRepaired event = repair->event;
      if (event.kind == RepairKind::kStrict) event.left_out = {"thinking"};
      event.prefix = test.run().prefix;
      std::erase_if(event.prefix,
                    [&](const PrefixPart& part) { return part.field == "tools/" + event.tool; });
      test.add(event);
    } else if (const auto* trial = std::get_if<TryRequest>(&effect)) {
      ++trials;
      test.add(trial->trial);
      const bool taken = takes(test.run(), trial->without);
      test.add(TrialAnswered{.step = test.run().step,
                             .trial = trial->trial.trial,
                             .outcome = taken ? TrialOutcome::kTaken : TrialOutcome::kRefused,
                             .error = taken ? Error() : kNoWords});
    } else if (const auto* report = std::get_if<ReportRefusal>(&effect)) {
      test.add(report->end);
    } else {
      FAIL() << test::describe(effect);
    }
  }
};

TestRun history_of(int tools, int steps) {
  TestRun test(definition_with(tools));
  for (int i = 0; i < steps; ++i) {
    const std::string number = std::to_string(i);
    test.step({call_of("id" + number, "touch", "{\"i\":" + number + "}")});
  }
  test.settle();
  return test;
}

int log2_of(std::size_t count) {
  int log = 0;
  for (std::size_t size = 1; size < count; size *= 2) ++log;
  return log;
}

TEST(Repair, finds_the_one_guilty_part_by_halving) {
  for (const int tools : {0, 1, 2, 7, 20}) {
    for (const int steps : {0, 1, 2, 9}) {
      std::vector<RequestParts> all;
      for (int i = 0; i < tools; ++i) all.push_back({.tools = {"tool" + std::to_string(i)}});
      const std::size_t messages = history_of(tools, steps).run().transcript.size();
      for (std::size_t i = 2; i < messages; ++i)
        all.push_back({.messages = {static_cast<std::int64_t>(i)}});
      for (const RequestParts& guilty : all) {
        TestRun test = history_of(tools, steps);
        PickyHost host{.guilty = guilty};
        host.play(test);
        EXPECT_FALSE(test.run().ended) << (test.run().ended ? test.run().ended->message : "");
        EXPECT_EQ(test.run().repair.tools, guilty.tools);
        EXPECT_EQ(test.run().repair.messages, guilty.messages);
        EXPECT_LE(host.trials, 3 + log2_of(messages + static_cast<std::size_t>(tools)))
            << tools << " tools, " << steps << " steps, " << describe_parts(guilty)[0];
        EXPECT_FALSE(test.run().repair.strict) << "what was found helps by itself";
      }
    }
  }
}

TEST(Repair, finds_two_guilty_parts_one_after_the_other) {
  for (int pair = 0; pair < 25; ++pair) {
    for (const std::int64_t message : {2, 3, 5, 6}) {
      TestRun test = history_of(5, 3);
      PickyHost host{.guilty = {.tools = {"tool" + std::to_string(pair / 5),
                                          "tool" + std::to_string(pair % 5)},
                                .messages = {message}}};
      host.play(test);
      ASSERT_FALSE(test.run().ended) << test.run().ended->message;
      EXPECT_EQ(test.run().repair.tools, host.guilty.tools);
      EXPECT_EQ(test.run().repair.messages, host.guilty.messages);
      EXPECT_LE(host.trials, kTrialsMax);
    }
  }
}

// Steps, and behind each a message of the user with an image.
TestRun history_with_images(int steps) {
  TestRun test(definition_with(5));
  for (int i = 0; i < steps; ++i) {
    const std::string number = std::to_string(i);
    test.step({call_of("id" + number)}).say("See " + number);
    test.add(MessageAdded{.origin = MessageOrigin::kUser,
                          .fragment = R"({"role":"user","content":[{"type":"text","text":"See )" +
                                      number +
                                      R"("},{"type":"image_url","image_url":{"url":"data:"}}]})"});
  }
  test.settle();
  return test;
}

TEST(Repair, finds_the_one_guilty_image_and_keeps_the_words_beside_it) {
  for (const char* words : {"HTTP 400: no", "HTTP 400: unsupported image url"}) {
    for (const std::int64_t message : {4, 7, 10, 13}) {
      TestRun test = history_with_images(4);
      PickyHost host{.guilty = {.media = {message}},
                     .error = {.code = ErrorCode::kBadRequest, .message = words}};
      host.play(test);
      ASSERT_FALSE(test.run().ended) << test.run().ended->message;
      EXPECT_TRUE(test.run().repair.tools.empty());
      EXPECT_TRUE(test.run().repair.messages.empty());
      for (const std::int64_t other : {4, 7, 10, 13}) {
        const std::string_view fragment =
            test.run().transcript.fragment(static_cast<std::size_t>(other));
        EXPECT_EQ(has_media(fragment), other != message) << words << " " << other;
        EXPECT_THAT(fragment, HasSubstr("See "));
      }
      EXPECT_LE(host.trials, 7) << words;
    }
  }
}

TEST(Repair, describes_parts_in_ranges) {
  EXPECT_THAT(
      describe_parts({.tools = {"b", "a"}, .messages = {1, 3, 4, 5, 9}, .media = {2, 3, 12}}),
      ::testing::ElementsAre("tools/a", "tools/b", "messages/1", "messages/3-5", "messages/9",
                             "media/2-3", "media/12"));
  EXPECT_THAT(describe_parts({}), ::testing::IsEmpty());
}

struct NamedRow {
  std::string words;
  RequestParts guilty;
  int trials = 1;
  std::vector<std::string> tools = {};
};

TEST(Repair, begins_with_what_the_host_names) {
  const std::vector<NamedRow> rows = {
      {"HTTP 400: function name tool13 is duplicated", {.tools = {"tool13"}}},
      {"HTTP 400: function name tool1 is duplicated", {.tools = {"tool1"}}},
      {"HTTP 400: tools[7].function.parameters: bad", {.tools = {"tool7"}}},
      {"HTTP 400: tools.3.function.parameters: bad", {.tools = {"tool3"}}},
      {"HTTP 400: Invalid 'messages.5.content'", {.messages = {5}}},
      {"HTTP 400: messages[7].content is bad", {.messages = {7}}},
      {"HTTP 422: messages[4]: must not be empty", {.messages = {4}}},
      {"HTTP 400: the message at position 7 with role 'tool' must not be empty", {.messages = {7}}},
      {"HTTP 400: Invalid request: tool_call_id id2 is not found", {.messages = {7}}, 2},
      {"HTTP 400: At path 'properties.x': type is not defined", {.tools = {"tool9"}}, 1, {"tool9"}},
      {"HTTP 400: At path 'properties.x': type is not defined",
       {.tools = {"tool9"}},
       2,
       {"tool8", "tool9"}}};
  for (const NamedRow& row : rows) {
    TestRun test = history_of(20, 6);
    PickyHost host{.guilty = row.guilty,
                   .error = {.code = ErrorCode::kBadRequest, .message = row.words},
                   .tools = row.tools};
    host.play(test);
    EXPECT_EQ(test.run().repair.tools, row.guilty.tools) << row.words;
    EXPECT_EQ(test.run().repair.messages, row.guilty.messages) << row.words;
    EXPECT_EQ(host.trials, row.trials) << row.words;
  }
}

// A host counts the messages that it got: in the strict form two of the user that follow each other
// are one.
TEST(Repair, counts_messages_as_the_host_got_them) {
  TestRun test(definition_with(20));
  test.say("One more thing.").step({call_of("id0")}).step({call_of("id1")}).settle();
  ASSERT_THAT(test.run().transcript.fragment(2), HasSubstr("One more thing."));
  ASSERT_THAT(test.run().transcript.fragment(6), HasSubstr("tool_call_id"));
  PickyHost host{
      .guilty = {.messages = {6}},
      .error = {.code = ErrorCode::kBadRequest, .message = "HTTP 400: messages[5].content is bad"}};
  host.play(test);
  EXPECT_EQ(test.run().repair.messages, host.guilty.messages);
  EXPECT_EQ(host.trials, 1) << "it is the first that is looked at";
}

// Names that mislead cost a trial, not the result.
TEST(Repair, finds_what_the_host_does_not_name) {
  TestRun test = history_of(4, 2);
  PickyHost host{
      .guilty = {.messages = {3}},
      .error = {.code = ErrorCode::kBadRequest, .message = "HTTP 400: tool2 messages[99]"}};
  host.play(test);
  EXPECT_EQ(test.run().repair.messages, host.guilty.messages);
  EXPECT_TRUE(test.run().repair.tools.empty());
}

TEST(Repair, ends_when_nothing_helps) {
  TestRun test = history_of(3, 2);
  PickyHost host{.guilty = {.tools = {"a tool that is not there"}}};
  host.play(test);
  ASSERT_TRUE(test.run().ended);
  EXPECT_EQ(test.run().ended->outcome, Outcome::kEndpointPermanent);
  EXPECT_THAT(test.run().ended->message, HasSubstr("HTTP 400: no"));
  EXPECT_THAT(test.run().ended->message, HasSubstr("thinking"));
}

TEST(Repair, keeps_to_its_trials_however_much_is_guilty) {
  TestRun test = history_of(0, 40);
  PickyHost host;
  for (std::int64_t i = 2; i < 80; ++i) host.guilty.messages.insert(i);
  host.play(test);
  ASSERT_TRUE(test.run().ended);
  EXPECT_LE(host.trials, kTrialsMax);
  EXPECT_THAT(test.run().ended->message, HasSubstr("was not found in 24 trials"));
}

TEST(Repair, replaces_neither_instructions_nor_task) {
  for (const std::int64_t message : {0, 1}) {
    TestRun test = history_of(2, 0);
    PickyHost host{.guilty = {.messages = {message}}};
    host.play(test);
    ASSERT_TRUE(test.run().ended);
    EXPECT_THAT(test.run().ended->message, HasSubstr("message " + std::to_string(message)));
  }
}

TrialAnswered answer_to(const TryRequest& asked, TrialOutcome outcome) {
  return {.step = asked.trial.step,
          .trial = asked.trial.trial,
          .outcome = outcome,
          .error = {.code = ErrorCode::kOverloaded, .retry = Retry::kLater},
          .delay_ms = 700};
}

// An overloaded host says nothing about the parts: the same trial is asked again, also when the
// host has other words for its refusal by then.
// A forced choice that the strict form leaves out is told in words, but not once a reply has come.
TEST(Repair, a_choice_that_was_met_is_not_told_again) {
  for (const int steps : {0, 1}) {
    TestRun test = history_of(1, steps);
    test.request();
    test.add(RequestFailed{.step = test.run().step,
                           .attempt = test.run().attempt,
                           .error = kNoWords,
                           .structural = true});
    test.add(RequestRepaired{
        .kind = RepairKind::kStrict, .left_out = {"tool_choice"}, .told_choice = "required"});
    EXPECT_EQ(test.run().choice_met, steps > 0);
    EXPECT_EQ(test.run().repair.told_choice, "required");
  }
}

TEST(Repair, a_trial_that_says_nothing_is_asked_again) {
  TestRun test = history_of(4, 0);
  PickyHost host{.guilty = {.tools = {"tool3"}}};
  const auto refuse = [&](const std::string& words) {
    test.request();
    test.add(RequestFailed{.step = test.run().step,
                           .attempt = test.run().attempt,
                           .error = {.code = ErrorCode::kBadRequest, .message = words},
                           .structural = true});
  };
  refuse("HTTP 400: no");
  host.carry_out(test, decide(test.run()).at(0));
  refuse("HTTP 400: no");
  const auto first = std::get<TryRequest>(decide(test.run()).at(0));
  test.add(first.trial).add(answer_to(first, TrialOutcome::kTaken));
  const auto asked = std::get<TryRequest>(decide(test.run()).at(0));
  test.add(asked.trial).add(answer_to(asked, TrialOutcome::kUnknown));
  EXPECT_EQ(test.next(), "wait 700");
  test.add(RetryScheduled{.delay_ms = 700}).add(RetryDue{});
  refuse("HTTP 400: tool0 may be bad");
  const auto again = std::get<TryRequest>(decide(test.run()).at(0));
  EXPECT_EQ(again.trial.trial, asked.trial.trial + 1);
  EXPECT_EQ(again.trial.without, asked.trial.without);
  host.play(test);
  EXPECT_EQ(test.run().repair.tools, host.guilty.tools);
}

TEST(Repair, a_crash_in_a_trial_is_billed_and_begins_the_search_anew) {
  TestRun test = history_of(4, 0);
  PickyHost host{.guilty = {.tools = {"tool1"}}};
  test.request();
  test.add(RequestFailed{.step = 1, .attempt = 1, .error = kNoWords, .structural = true});
  host.carry_out(test, decide(test.run()).at(0));
  test.request();
  test.add(RequestFailed{.step = 1, .attempt = 1, .error = kNoWords, .structural = true});
  const auto asked = std::get<TryRequest>(decide(test.run()).at(0));
  test.add(asked.trial);
  const std::int64_t before = test.run().usage.input_tokens;
  test.resume();
  EXPECT_EQ(test.run().usage.input_tokens, before + asked.trial.input_tokens_estimate);
  EXPECT_TRUE(test.run().repair.strict) << "what was left out stays out";
  EXPECT_EQ(test.run().repair.trials_sent, 0);
  host.play(test);
  EXPECT_EQ(test.run().repair.tools, host.guilty.tools);
}

TEST(Repair, another_endpoint_is_asked_anew) {
  TestRun test = history_of(3, 1);
  PickyHost host{.guilty = {.tools = {"tool1"}}};
  host.play(test);
  std::vector<PrefixPart> next = test.run().prefix;
  EXPECT_EQ(repairs_after_resume(test.run(), next).tools, host.guilty.tools);
  next[0].value = "another model";
  EXPECT_TRUE(repairs_after_resume(test.run(), next).tools.empty());
}

TEST(Repair, waits_for_a_run_that_pauses) {
  TestRun test = history_of(3, 1);
  test.request();
  test.add(StopRequested{.cause = StopCause::kPause});
  test.add(
      RequestFailed{.step = test.run().step, .attempt = 1, .error = kNoWords, .structural = true});
  test.settle();
  ASSERT_TRUE(test.run().ended);
  EXPECT_EQ(test.run().ended->outcome, Outcome::kInterrupted) << test.run().ended->message;
}

TEST(Repair, impossible_events_are_refused) {
  TestRun test = history_of(1, 1);
  EXPECT_THAT(test.refusal(RequestRepaired{}), HasSubstr("request_repaired"));
  EXPECT_THAT(test.refusal(TrialSent{.step = 2}), HasSubstr("trial_sent"));
  test.request();
  test.add(RequestFailed{.step = 2, .attempt = 1, .error = kNoWords, .structural = true});
  EXPECT_THAT(
      test.refusal(RequestRepaired{.kind = RepairKind::kMessage, .message = 99, .fragment = "{}"}),
      HasSubstr("not there"));
  EXPECT_THAT(test.refusal(TrialAnswered{.step = 2}), HasSubstr("another trial"));
}

struct NoteCase {
  std::string fragment;
  bool content;
  bool media;
  std::string without;
};

TEST(RepairMessage, keeps_role_ids_and_names) {
  const std::string note = "[This content was left out: the host refuses it.]";
  const std::string medium = "[An image or video was left out: the host refuses it.]";
  const std::vector<NoteCase> cases = {
      {R"({"role":"user","content":"x"})", true, false,
       R"({"role":"user","content":")" + note + "\"}"},
      {R"({"role":"tool","tool_call_id":"a:0","content":"x"})", true, false,
       R"({"role":"tool","tool_call_id":"a:0","content":")" + note + "\"}"},
      {R"({"role":"assistant","reasoning_content":"hm","tool_calls":[{"id":"a:0","type":)"
       R"("function","function":{"name":"a","arguments":"{\"x\":1}"},"index":0}]})",
       true, false,
       R"({"role":"assistant","reasoning_content":" ","tool_calls":[{"id":"a:0","type":)"
       R"("function","function":{"name":"a","arguments":"{}"}}]})"},
      {R"({"role":"assistant","content":null,"reasoning":"hm"})", true, false,
       R"({"role":"assistant","content":null})"},
      {R"({"role":"user","content":[{"type":"text","text":"x"},{"type":"image_url","image_url":)"
       R"({"url":"data:"}}]})",
       false, true,
       R"({"role":"user","content":[{"type":"text","text":"x"},{"type":"text","text":")" + medium +
           "\"}]}"},
      {R"({"role":"user","content":[{"type":"text","text":"x"},{"type":"image_url","image_url":)"
       R"({"url":"data:"}}]})",
       true, false,
       R"({"role":"user","content":[{"type":"text","text":")" + note +
           R"("},{"type":"image_url","image_url":{"url":"data:"}}]})"}};
  for (const NoteCase& row : cases)
    EXPECT_EQ(message_without(row.fragment, row.content, row.media), row.without);
}

}  // namespace
}  // namespace perdure
