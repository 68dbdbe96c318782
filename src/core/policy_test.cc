#include "core/policy.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/core_runs.h"

namespace perdure {
namespace {

using test::exclusive;
using test::pure;
using test::reads;
using test::writes;

constexpr auto kAllow = PolicyAction::kAllow;
constexpr auto kDeny = PolicyAction::kDeny;
constexpr auto kAsk = PolicyAction::kAsk;

struct Judged {
  const char* what;
  std::vector<PolicyRule> rules;
  std::vector<Grant> grants;
  std::string tool;
  Assessment call;
  PolicyAction action;
  const char* rule;
};

void expect_verdicts(const std::vector<Judged>& table) {
  for (const Judged& row : table) {
    const PolicyVerdict verdict = judge(row.rules, row.grants, row.tool, row.call);
    EXPECT_EQ(to_string(verdict.action), to_string(row.action)) << row.what;
    EXPECT_EQ(verdict.rule, row.rule) << row.what;
  }
}

Assessment of_class(EffectClass effect) {
  Assessment call = pure();
  call.effect = effect;
  return call;
}

TEST(Policy, DefaultsFollowTheEffectClass) {
  expect_verdicts({
      {"pure", {}, {}, "t", of_class(EffectClass::kPure), kAllow, "default for pure calls"},
      {"read", {}, {}, "t", of_class(EffectClass::kRead), kAllow, "default for read calls"},
      {"idempotent",
       {},
       {},
       "t",
       of_class(EffectClass::kIdempotent),
       kAllow,
       "default for idempotent calls"},
      {"additive",
       {},
       {},
       "t",
       of_class(EffectClass::kAdditive),
       kAllow,
       "default for additive calls"},
      {"destructive",
       {},
       {},
       "t",
       of_class(EffectClass::kDestructive),
       kAsk,
       "default for destructive calls"},
      {"nothing known", {}, {}, "t", Assessment{}, kAsk, "default for destructive calls"},
  });
}

TEST(Policy, RulesMatchToolClassAndPaths) {
  const PolicyRule allow_src = {.tool = "write_file", .path = "src/**", .action = kAllow};
  const PolicyRule deny_docs = {.tool = "*", .path = "docs/**", .action = kDeny};
  const PolicyRule ask_reads = {.tool = "*", .effect = EffectClass::kRead, .action = kAsk};
  const Assessment in_src = writes({"src/a.cc"}, EffectClass::kDestructive);
  const Assessment half_in_src = writes({"src/a.cc", "b.cc"}, EffectClass::kDestructive);
  expect_verdicts({
      {"tool and path", {allow_src}, {}, "write_file", in_src, kAllow, "allow write_file src/**"},
      {"another tool", {allow_src}, {}, "edit_file", in_src, kAsk, "default for destructive calls"},
      {"allow needs all paths",
       {allow_src},
       {},
       "write_file",
       half_in_src,
       kAsk,
       "default for destructive calls"},
      {"allow needs a path",
       {allow_src},
       {},
       "write_file",
       exclusive(EffectClass::kDestructive),
       kAsk,
       "default for destructive calls"},
      {"reads are no licence to write",
       {allow_src},
       {},
       "write_file",
       reads({"src/a.cc"}),
       kAllow,
       "default for read calls"},
      {"deny needs one path",
       {deny_docs},
       {},
       "write_file",
       writes({"a", "docs/b/c"}),
       kDeny,
       "deny * docs/**"},
      {"deny covers reading",
       {deny_docs},
       {},
       "read_file",
       reads({"docs/b"}),
       kDeny,
       "deny * docs/**"},
      {"deny elsewhere",
       {deny_docs},
       {},
       "write_file",
       writes({"documents/b"}),
       kAllow,
       "default for idempotent calls"},
      {"class", {ask_reads}, {}, "read_file", reads({"a"}), kAsk, "ask * read"},
      {"another class",
       {ask_reads},
       {},
       "write_file",
       writes({"a"}),
       kAllow,
       "default for idempotent calls"},
      {"pattern of tools",
       {{.tool = "git_*", .action = kAsk}},
       {},
       "git_log",
       reads({"."}),
       kAsk,
       "ask git_*"},
      {"all of it",
       {{.tool = "t", .effect = EffectClass::kDestructive, .path = "a", .action = kAllow}},
       {},
       "t",
       writes({"a"}, EffectClass::kDestructive),
       kAllow,
       "allow t destructive a"},
  });
}

TEST(Policy, DenyWinsThenGrantsThenTheFirstRule) {
  const PolicyRule allow = {.tool = "t", .action = kAllow};
  const PolicyRule ask = {.tool = "t", .action = kAsk};
  const PolicyRule deny = {.tool = "*", .action = kDeny};
  const Grant grant = {.tool = "t", .paths = {"a"}, .hash = "h"};
  const Assessment call = writes({"a"}, EffectClass::kDestructive);
  expect_verdicts({
      {"the first of two", {allow, ask}, {}, "t", call, kAllow, "allow t"},
      {"the first of two, turned", {ask, allow}, {}, "t", call, kAsk, "ask t"},
      {"deny wherever it stands", {allow, ask, deny}, {grant}, "t", call, kDeny, "deny *"},
      {"a grant against ask", {ask}, {grant}, "t", call, kAllow, "granted by 'always'"},
      {"a grant against the default", {}, {grant}, "t", call, kAllow, "granted by 'always'"},
  });
}

TEST(Policy, AlwaysCoversThisToolOnThesePathsOrThisVeryCall) {
  const std::vector<Grant> paths = {{.tool = "t", .paths = {"a", "b"}, .hash = "h"}};
  const std::vector<Grant> very = {{.tool = "run", .paths = {}, .hash = "exclusive"}};
  Assessment other = exclusive(EffectClass::kDestructive);
  other.hash = "something else";
  const char* granted = "granted by 'always'";
  const char* asked = "default for destructive calls";
  expect_verdicts({
      {"same paths",
       {},
       paths,
       "t",
       writes({"b", "a"}, EffectClass::kDestructive),
       kAllow,
       granted},
      {"fewer paths", {}, paths, "t", writes({"a"}, EffectClass::kDestructive), kAllow, granted},
      {"one path more", {}, paths, "t", writes({"a", "c"}, EffectClass::kDestructive), kAsk, asked},
      {"below a path", {}, paths, "t", writes({"a/b"}, EffectClass::kDestructive), kAsk, asked},
      {"another tool", {}, paths, "u", writes({"a"}, EffectClass::kDestructive), kAsk, asked},
      {"no paths", {}, paths, "t", exclusive(EffectClass::kDestructive), kAsk, asked},
      {"the very call", {}, very, "run", exclusive(EffectClass::kDestructive), kAllow, granted},
      {"another call", {}, very, "run", other, kAsk, asked},
      {"the very call of another tool",
       {},
       very,
       "t",
       exclusive(EffectClass::kDestructive),
       kAsk,
       asked},
  });
}

// Adding a deny never allows more, whatever else stands there.
TEST(Policy, DenyOnlyNarrows) {
  const std::vector<PolicyRule> pool = {
      {.tool = "*", .action = kAllow},
      {.tool = "t", .path = "a", .action = kAllow},
      {.tool = "t", .action = kAsk},
      {.tool = "*", .effect = EffectClass::kDestructive, .action = kAsk},
  };
  const std::vector<Assessment> calls = {pure(), reads({"a"}),
                                         writes({"a"}, EffectClass::kDestructive),
                                         writes({"a", "b"}), exclusive(EffectClass::kDestructive)};
  const std::vector<PolicyRule> denies = {{.tool = "*", .action = kDeny},
                                          {.tool = "t", .path = "a", .action = kDeny},
                                          {.tool = "u", .action = kDeny}};
  for (unsigned chosen = 0; chosen < 1U << pool.size(); ++chosen) {
    std::vector<PolicyRule> rules;
    for (std::size_t i = 0; i < pool.size(); ++i) {
      if ((chosen >> i & 1U) != 0) rules.push_back(pool[i]);
    }
    for (const PolicyRule& deny : denies) {
      std::vector<PolicyRule> narrowed = rules;
      narrowed.push_back(deny);
      for (const Assessment& call : calls) {
        const PolicyAction before = judge(rules, {}, "t", call).action;
        const PolicyAction after = judge(narrowed, {}, "t", call).action;
        EXPECT_TRUE(after == before || after == kDeny) << chosen << " " << call.hash;
      }
    }
  }
}

TEST(Policy, ConflictsOfTwoCalls) {
  struct Pair {
    Assessment a;
    Assessment b;
    bool conflict;
  };
  const std::vector<Pair> table = {
      {reads({"a"}), reads({"a"}), false},
      {reads({"a"}), writes({"a"}), true},
      {writes({"a"}), writes({"a"}), true},
      {writes({"a"}), writes({"b"}), false},
      {writes({"src"}), reads({"src/a.cc"}), true},
      {writes({"src/a.cc"}), reads({"src"}), true},
      {writes({"src"}), reads({"src2/a.cc"}), false},
      {writes({"src/a"}), writes({"src/ab"}), false},
      {writes({"."}), reads({"deep/below"}), true},
      {writes({"deep/below"}), reads({"."}), true},
      {reads({"."}), reads({"a"}), false},
      {writes({"a", "b"}), reads({"c", "b"}), true},
      {writes({"a", "b"}), writes({"c", "d"}), false},
      {exclusive(), exclusive(), true},
      {exclusive(), reads({"a"}), true},
      {exclusive(), writes({"a"}), true},
      {exclusive(), pure(), false},
      {pure(), pure(), false},
      {pure(), writes({"."}), false},
  };
  for (const Pair& row : table) {
    EXPECT_EQ(conflict(row.a, row.b), row.conflict) << row.a.hash << " | " << row.b.hash;
    EXPECT_EQ(conflict(row.b, row.a), row.conflict) << row.b.hash << " | " << row.a.hash;
  }
}

}  // namespace
}  // namespace perdure
