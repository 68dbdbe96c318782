// Which answers of the resolver mean that a name does not exist (fault N20).
#include "net/name_check.h"

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include <netdb.h>

#include <gtest/gtest.h>

#include "loop/loop.h"

namespace perdure {
namespace {

TEST(NameVerdict, OfEachAnswer_N20) {
  const std::pair<int, NameVerdict> kRows[] = {
      {EAI_NONAME, NameVerdict::kNoSuchName},      // NXDOMAIN
      {EAI_NODATA, NameVerdict::kNoSuchName},      // a name without an address
      {EAI_ADDRFAMILY, NameVerdict::kNoSuchName},  // the same
      {EAI_AGAIN, NameVerdict::kUnknown},          // SERVFAIL, or no name server answers in time
      {EAI_FAIL, NameVerdict::kUnknown},           // REFUSED
      {EAI_MEMORY, NameVerdict::kUnknown},
      {EAI_SYSTEM, NameVerdict::kUnknown},
      {0, NameVerdict::kUnknown},  // meanwhile it has one
  };
  for (const auto& [code, verdict] : kRows) EXPECT_EQ(name_verdict(code), verdict) << code;
}

TEST(NameChecks, AsksTheSystem_N20) {
  Loop loop;
  Timer guard = loop.start_timer(30'000, [&loop] { loop.stop(); });
  NameChecks checks(loop, {});
  // A label of more than 63 characters is no name: no name server is asked.
  std::vector<NameVerdict> verdicts;
  const NameChecks::Check check =
      checks.check(std::string(64, 'a') + ".invalid", [&](NameVerdict verdict) {
        verdicts.push_back(verdict);
        loop.stop();
      });
  EXPECT_TRUE(verdicts.empty());
  loop.run();
  EXPECT_EQ(verdicts, std::vector{NameVerdict::kNoSuchName});
}

TEST(NameChecks, LooksAtOneNameAtATime) {
  Loop loop;
  Timer guard = loop.start_timer(30'000, [&loop] { loop.stop(); });
  std::atomic<bool> may_answer = false;
  std::vector<std::string> told;
  {
    NameChecks checks(loop, [&may_answer](const std::string&) {
      while (!may_answer) std::this_thread::yield();
      return EAI_NONAME;
    });
    const auto note = [&](const std::string& name) {
      return [&, name](NameVerdict verdict) {
        told.push_back(name + (verdict == NameVerdict::kUnknown ? " unknown" : " missing"));
        may_answer = true;
        if (told.size() == 2) loop.stop();
      };
    };
    const NameChecks::Check first = checks.check("first", note("first"));
    const NameChecks::Check second = checks.check("second", note("second"));
    NameChecks::Check dropped = checks.check("dropped", note("dropped"));
    dropped.reset();
    loop.run();
  }
  EXPECT_EQ(told, (std::vector<std::string>{"second unknown", "first missing"}));
}

}  // namespace
}  // namespace perdure
