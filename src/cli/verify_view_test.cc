// What a person sees of a verification.
#include "cli/verify_view.h"

#include <gtest/gtest.h>

namespace perdure::cli {
namespace {

using verify::Summary;
using verify::VerifyProgress;

TEST(VerifyProgressBar, ShowsHowFarItIs) {
  EXPECT_EQ(progress_bar({.requests = 4'000}, 0), "░░░░░░░░░░░░░░░░░░░░░░░░ 0/4,000 · 0%");
  EXPECT_EQ(
      progress_bar({.requests = 4'000, .stored = 900, .succeeded = 990, .failed = 10}, 10'000),
      "██████░░░░░░░░░░░░░░░░░░ 1,000/4,000 · 25% · 10 failed · 5m 00s left");
  EXPECT_EQ(progress_bar({.requests = 2, .succeeded = 2}, 10'000),
            "████████████████████████ 2/2 · 100%");
}

TEST(VerifyProgressBar, SaysWhatItWaitsFor) {
  const VerifyProgress waits{.requests = 2,
                             .succeeded = 1,
                             .waiting = 1,
                             .last_problem = "HTTP 429\x1b[31m: Your account has reached ..."};
  EXPECT_EQ(progress_bar(waits, 2'000),
            "████████████░░░░░░░░░░░░ 1/2 · 50% · 2.0 s left · 1 waiting: HTTP 429\\x1b[31m");
}

TEST(VerifyPlainProgress, IsALineAtEachTenth) {
  PlainProgress plain;
  EXPECT_EQ(plain.next({.requests = 100}, 0), std::nullopt);
  EXPECT_EQ(plain.next({.requests = 100, .succeeded = 9}, 900), std::nullopt);
  EXPECT_EQ(plain.next({.requests = 100, .succeeded = 10}, 1'000), "10/100 · 10% · 9.0 s left");
  EXPECT_EQ(plain.next({.requests = 100, .succeeded = 11}, 1'100), std::nullopt);
  EXPECT_EQ(plain.next({.requests = 100, .succeeded = 45}, 4'500), "45/100 · 45% · 5.5 s left");
  EXPECT_EQ(plain.next({.requests = 100, .succeeded = 45}, 64'499), std::nullopt);
  EXPECT_NE(plain.next({.requests = 100, .succeeded = 45}, 64'500), std::nullopt) << "a minute";
  EXPECT_EQ(plain.next({.requests = 100, .succeeded = 100}, 65'000), "100/100 · 100%");
}

// What was there before is no news.
TEST(VerifyPlainProgress, BeginsWhereTheLastCallEnded) {
  PlainProgress plain;
  EXPECT_EQ(plain.next({.requests = 10, .stored = 5, .succeeded = 5}, 0), std::nullopt);
  EXPECT_NE(plain.next({.requests = 10, .stored = 5, .succeeded = 6}, 10), std::nullopt);
}

TEST(VerifyTable, ShowsEverything) {
  const Summary summary{.requests = 4'000,
                        .succeeded = 3'990,
                        .failed = 4,
                        .finish_reasons = {{"stop", 2'000}, {"tool_calls", 1'950}, {"length", 40}},
                        .errors = {{"server", 1}, {"timeout", 3}},
                        .valid_calls = 1'900,
                        .prompt_tokens = 12'345'678,
                        .completion_tokens = 987'654,
                        .trigger = verify::TriggerScore{6, 2, 3, 9},
                        .started_ms = 0,
                        .finished_ms = 725'000};
  EXPECT_EQ(summary_table(summary),
            "  requests                    4,000\n"
            "    answered                  3,990   99.75%\n"
            "    failed                        4    0.10%\n"
            "      server                      1\n"
            "      timeout                     3\n"
            "    not asked                     6    0.15%\n"
            "  finish reason\n"
            "    length                       40    1.00%\n"
            "    stop                      2,000   50.13%\n"
            "    tool_calls                1,950   48.87%\n"
            "  schema accuracy                     97.44%   1,900 of 1,950 replies with calls fit "
            "their tools\n"
            "  tool-call F1                        70.59%   precision 75.00%, recall 66.67%, 20 "
            "compared\n"
            "    both call                     6\n"
            "    only this host                2\n"
            "    only the reference            3\n"
            "    neither calls                 9\n"
            "  tokens in              12,345,678\n"
            "  tokens out                987,654\n"
            "  time                      12m 05s\n");
}

TEST(VerifyTable, HasDashesForWhatIsNotKnown) {
  const std::string table = summary_table({.requests = 1, .trigger = verify::TriggerScore{}});
  EXPECT_NE(table.find("schema accuracy                          -   no reply calls tools\n"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("precision -, recall -, 0 compared"), std::string::npos) << table;
}

}  // namespace
}  // namespace perdure::cli
