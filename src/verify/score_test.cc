// Scores, with the numbers worked out by hand.
#include "verify/score.h"

#include <vector>

#include <gtest/gtest.h>

#include "tests/support/json.h"
#include "tests/support/replies.h"

namespace perdure::verify {
namespace {

Outcome finished(const char* reason, bool valid = false) {
  return {.is_success = true, .finish_reason = reason, .calls_valid = valid};
}

struct TriggerCase {
  const char* name;
  TriggerScore counts;
  std::optional<double> precision;
  std::optional<double> recall;
  std::optional<double> f1;
};

const TriggerCase kTriggers[] = {
    // 6/8 = 0.75, 6/9 = 0.6667, 12/(12+2+3) = 0.70588
    {"mixed", {6, 2, 3, 9}, 0.75, 6.0 / 9, 12.0 / 17},
    {"the same", {5, 0, 0, 5}, 1.0, 1.0, 1.0},
    {"never both", {0, 2, 3, 1}, 0.0, 0.0, 0.0},
    {"the host never calls", {0, 0, 4, 1}, std::nullopt, 0.0, 0.0},
    {"the reference never calls", {0, 4, 0, 1}, 0.0, std::nullopt, 0.0},
    {"nobody calls", {0, 0, 0, 9}, std::nullopt, std::nullopt, std::nullopt},
    {"nothing compared", {}, std::nullopt, std::nullopt, std::nullopt},
};

TEST(TriggerScore, IsPrecisionRecallAndTheirHarmonicMean) {
  for (const TriggerCase& row : kTriggers) {
    const auto expect = [&](const std::optional<double>& got, const std::optional<double>& wanted) {
      ASSERT_EQ(got.has_value(), wanted.has_value()) << row.name;
      if (wanted) {
        EXPECT_NEAR(*got, *wanted, 1e-12) << row.name;
      }
    };
    expect(row.counts.precision(), row.precision);
    expect(row.counts.recall(), row.recall);
    expect(row.counts.f1(), row.f1);
  }
}

// By hand: of requests 1 to 8 the reference called tools at 1, 2, 3, answered 4, 5, 6, failed at 7,
// and never saw 8. Compared are 1 to 5: 6 failed here. TP 1, 2; FN 3; FP 4; TN 5.
Summary eight() {
  const Reference reference = {{1, true}, {2, true}, {3, true}, {4, false}, {5, false}, {6, false}};
  const std::vector<Outcome> outcomes = {finished("tool_calls", true),
                                         finished("tool_calls", false),
                                         finished("length"),
                                         finished("tool_calls", true),
                                         finished("stop"),
                                         {.error_type = "server"},
                                         finished("tool_calls", true),
                                         finished("content_filter")};
  Summary summary{.model = "k2", .base_url = "http://x/v1", .requests = 10};
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    summary.count(static_cast<std::int64_t>(i) + 1, outcomes[i], &reference);
  return summary;
}

TEST(Summary, ComparesWhatBothAnswered) {
  const Summary summary = eight();
  ASSERT_TRUE(summary.trigger.has_value());
  EXPECT_EQ(summary.trigger->true_positives, 2);
  EXPECT_EQ(summary.trigger->false_negatives, 1);
  EXPECT_EQ(summary.trigger->false_positives, 1);
  EXPECT_EQ(summary.trigger->true_negatives, 1);
  EXPECT_EQ(summary.trigger->compared(), 5);
  EXPECT_NEAR(*summary.trigger->f1(), 4.0 / 6, 1e-12);
}

TEST(Summary, CountsEnds) {
  const Summary summary = eight();
  EXPECT_EQ(summary.succeeded, 7);
  EXPECT_EQ(summary.failed, 1);
  EXPECT_EQ(summary.pending(), 2);
  EXPECT_EQ(summary.finished_with("tool_calls"), 4);
  EXPECT_EQ(summary.valid_calls, 3);
  EXPECT_NEAR(*summary.schema_accuracy(), 0.75, 1e-12);
  EXPECT_EQ(summary.errors, (std::map<std::string, std::int64_t>{{"server", 1}}));
}

TEST(Summary, HasNoScoresOfNothing) {
  Summary summary{.requests = 2};
  summary.count(1, finished("stop"), nullptr);
  summary.count(2, {}, nullptr);
  EXPECT_FALSE(summary.schema_accuracy().has_value());
  EXPECT_FALSE(summary.trigger.has_value());
  EXPECT_EQ(summary.errors, (std::map<std::string, std::int64_t>{{"unknown", 1}}));
}

TEST(Summary, IsWrittenInTheFormat) {
  Summary summary = eight();
  summary.prompt_tokens = 100;
  summary.completion_tokens = 20;
  summary.started_ms = 1'700'000'000'000;
  summary.finished_ms = 1'700'000'001'500;
  EXPECT_EQ(test::parse_json(summary_json(summary)), test::parse_json(R"({
    "model":"k2","success_count":7,"failure_count":1,"finish_stop":1,"finish_tool_calls":4,
    "finish_others":2,"finish_others_detail":{"length":1,"content_filter":1},
    "schema_validation_error_count":1,"successful_tool_call_count":3,
    "usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120},
    "eval_started_at":"2023-11-14T22:13:20.000Z","eval_finished_at":"2023-11-14T22:13:21.500Z",
    "eval_duration_ms":1500,"base_url":"http://x/v1","request_count":10,"pending_count":2,
    "schema_accuracy":0.75,"tool_call_f1":0.6666666666666666,
    "tool_call_precision":0.6666666666666666,"tool_call_recall":0.6666666666666666,
    "compared_count":5,"true_positives":2,"false_positives":1,"false_negatives":1,
    "true_negatives":1,"errors":{"server":1}})"));
  const Json without = test::parse_json(summary_json({}));
  EXPECT_TRUE(without["schema_accuracy"].is_null());
  EXPECT_FALSE(without.contains("tool_call_f1"));
}

}  // namespace
}  // namespace perdure::verify
