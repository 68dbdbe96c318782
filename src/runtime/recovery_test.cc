// What happens to a call whose process died while it ran: nothing is repeated on a guess.
#include "runtime/recovery.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/result.h"

namespace perdure {
namespace {

using test::holds;

struct Row {
  const char* name;
  EffectClass effect;
  std::optional<ProbeVerdict> probe;
  bool run_again;
  CallStatus status;
};

constexpr Row kRows[] = {
    {"pure", EffectClass::kPure, {}, true, CallStatus::kOk},
    {"read", EffectClass::kRead, {}, true, CallStatus::kOk},
    {"idempotent", EffectClass::kIdempotent, {}, true, CallStatus::kOk},
    {"additive", EffectClass::kAdditive, {}, false, CallStatus::kInDoubt},
    {"destructive", EffectClass::kDestructive, {}, false, CallStatus::kInDoubt},
    {"probe: done", EffectClass::kDestructive, ProbeVerdict::kDone, false, CallStatus::kOk},
    {"probe: not done", EffectClass::kDestructive, ProbeVerdict::kNotDone, true, CallStatus::kOk},
    {"probe: unknown", EffectClass::kDestructive, ProbeVerdict::kUnknown, false,
     CallStatus::kInDoubt},
    {"additive, probe: done", EffectClass::kAdditive, ProbeVerdict::kDone, false, CallStatus::kOk},
};

TEST(Recovery, decides_by_effect_class_and_probe) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    Tool tool;
    if (row.probe) {
      tool.probe = [verdict = *row.probe](const Json&, const CallContext&) {
        return Probe{.verdict = verdict, .outcome = {.text = "It is there."}};
      };
    }
    PreparedCall call;
    call.tool = &tool;
    call.arguments = std::make_shared<const Json>(Json::object());
    call.assessment.effect = row.effect;
    call.assessment.summary = "page_engineer alice";
    const Resolution resolution = resolve_in_doubt({.attempt = 2}, call, {});
    EXPECT_EQ(resolution.run_again, row.run_again);
    if (row.run_again) continue;
    EXPECT_EQ(resolution.outcome.status, row.status);
    if (row.status == CallStatus::kOk) {
      EXPECT_EQ(resolution.outcome.text, "It is there.");
      continue;
    }
    for (const char* part : {"In doubt:", "page_engineer alice", "Verify before you repeat it"}) {
      EXPECT_PRED2(holds, resolution.outcome.text, part);
    }
  }
}

TEST(Recovery, a_tool_that_is_gone_leaves_a_doubt) {
  const Resolution resolution = resolve_in_doubt({}, {}, {});
  EXPECT_FALSE(resolution.run_again);
  EXPECT_EQ(resolution.outcome.status, CallStatus::kInDoubt);
  EXPECT_PRED2(holds, resolution.outcome.text, "its tool is not there any more");
}

TEST(Recovery, an_acceptance_command_is_a_command_with_the_time_of_tests) {
  const PreparedCall call = prepare_acceptance("make check", {.test_timeout_ms = 7'000});
  ASSERT_NE(call.tool, nullptr);
  EXPECT_EQ((*call.arguments)["command"], "make check");
  EXPECT_EQ(call.tool->spec.name, "run_command");
  const auto& process = std::get<ProcessTool>(call.tool->body);
  const Result<ProcessSpec> plan = process.plan(*call.arguments, {});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->timeout_ms, 7'000);
  EXPECT_EQ(plan->argv.back(), "make check");
}

}  // namespace
}  // namespace perdure
