// Finding stored runs, and taking away those that nobody needs any more.
#include <chrono>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <perdure/runtime.h>

#include "tests/support/json.h"
#include "tests/support/program.h"
#include "tests/support/result.h"
#include "tests/support/run_bench.h"

namespace perdure {
namespace {

using test::code_of;
using test::parse_json;
using test::RunBench;
using test::tool_spec;
using test::words_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

namespace fs = std::filesystem;

constexpr std::string_view kListedScript = R"(
[[reply]]
text = "A Quiet answer."
[[reply.call]]
name = "look"
[[reply]]
text = "Seen."
)";

// Makes what was stored in the folder as old as two hours.
void age_outputs(const std::string& state) {
  for (const auto& entry : fs::recursive_directory_iterator(state + "/blobs")) {
    fs::last_write_time(entry.path(), fs::file_time_type::clock::now() - std::chrono::hours(2));
  }
}

int outputs_in(const std::string& state) {
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(state + "/blobs"))
    count += entry.is_regular_file() ? 1 : 0;
  return count;
}

class RunListTest : public testing::Test {
 protected:
  void SetUp() override {
    done_ = run("Count the apples.", {}, 'a');
    paused_ = run("Count the pears.", {.steps = 1}, 'p');
    last_ = run("Weigh the apples.", {}, 'a');
  }

  // Its tool prints more than a model is shown: `letter` again and again.
  std::string run(const std::string& task, Budget budget, char letter) {
    Agent agent(bench_.agent_options(), bench_.runtime());
    agent.add_tool(tool_spec("look"), [letter](const Json&, ToolContext&) -> Result<Json> {
      return Json(std::string(300'000, letter));
    });
    return agent.run(task, bench_.run_options(std::move(budget))).run_id;
  }

  std::vector<std::string> ids(const RunFilter& filter) {
    std::vector<std::string> list;
    const Result<std::vector<RunSummary>> runs = bench_.runtime().runs(filter);
    if (!runs.ok()) return {to_text(runs.error())};
    for (const RunSummary& run : *runs) list.push_back(run.run_id);
    return list;
  }
  std::vector<std::string> collected(const Retention& retention) {
    std::vector<std::string> list;
    const Result<Collected> result = bench_.runtime().collect(retention);
    if (!result.ok()) return {to_text(result.error())};
    for (const RunSummary& run : result->runs) list.push_back(run.run_id);
    return list;
  }
  ProgramResult program(std::vector<std::string> words) {
    words.insert(words.end(), {"--state", bench_.state()});
    return run_program({.arguments = std::move(words)});
  }

  RunBench bench_{kListedScript};
  std::string done_, paused_, last_;
};

TEST_F(RunListTest, IsNarrowedByTextStateModelWorkspaceAndTime) {
  EXPECT_THAT(ids({}), ElementsAre(last_, paused_, done_));
  EXPECT_THAT(ids({.text = "APPLES"}), ElementsAre(last_, done_)) << "of the task";
  EXPECT_THAT(ids({.text = "a quiet answer"}), ElementsAre(last_, paused_, done_)) << "of a reply";
  EXPECT_THAT(ids({.text = "pppppppp"}), ElementsAre(paused_)) << "of a result";
  EXPECT_THAT(ids({.text = "For a test."}), IsEmpty()) << "declarations of tools are not said";
  EXPECT_THAT(ids({.states = {"paused", "died"}}), ElementsAre(paused_));
  EXPECT_THAT(ids({.model = "kimi-k3"}), IsEmpty());
  EXPECT_THAT(ids({.model = "kimi-k2.6", .rows_max = 1}), ElementsAre(last_));
  EXPECT_THAT(ids({.workspace = bench_.folder().path(), .rows_max = 2}),
              ElementsAre(last_, paused_));
  EXPECT_THAT(ids({.workspace = bench_.workspace() + "/deeper"}), IsEmpty());
  const std::int64_t begun = bench_.runtime().runs(1)->front().created_ms;
  EXPECT_THAT(ids({.since_ms = begun + 1}), IsEmpty());
  EXPECT_THAT(ids({.until_ms = begun + 1}), ElementsAre(last_, paused_, done_));
}

TEST_F(RunListTest, GoesOnBehindARun) {
  EXPECT_THAT(ids({.before = last_, .rows_max = 1}), ElementsAre(paused_));
  EXPECT_THAT(ids({.text = "apples", .before = last_}), ElementsAre(done_));
  const Result<std::vector<RunSummary>> unknown = bench_.runtime().runs({.before = "nothing"});
  EXPECT_EQ(code_of(unknown), "not_found");
  EXPECT_THAT(ids({.states = {"finished"}}),
              ElementsAre(HasSubstr("no run is in a state 'finished'")));
}

TEST_F(RunListTest, TheProgramListsPageByPage) {
  const ProgramResult first = program({"runs", "--text", "apples", "--limit", "1"});
  EXPECT_THAT(first.output, AllOf(HasSubstr(last_), Not(HasSubstr(done_))));
  EXPECT_THAT(first.output, HasSubstr("older ones: perdure runs --text apples --limit 1 --state "));
  EXPECT_THAT(first.output, HasSubstr(" --before " + last_ + "\n"));
  const ProgramResult next =
      program({"runs", "--text", "apples", "--limit", "1", "--before", last_});
  EXPECT_THAT(next.output, AllOf(HasSubstr(done_), Not(HasSubstr("older ones"))));
  const ProgramResult json = program({"runs", "--output", "json", "--outcome", "paused"});
  ASSERT_EQ(parse_json(json.output).size(), 1U) << json.output;
  EXPECT_EQ(parse_json(json.output)[0]["run"], paused_);
  EXPECT_EQ(program({"runs", "--since", "2020-01-01T00:00", "--until", "1d"}).output,
            "no run fits\n");
  EXPECT_THAT(program({"runs", "--since", "1h", "--limit", "5"}).output, HasSubstr(done_));
}

TEST_F(RunListTest, TheProgramRefusesWhatIsNoTimeAndNoState) {
  const ProgramResult time = program({"runs", "--since", "2026-13-01"});
  EXPECT_EQ(time.exit_status, 2);
  EXPECT_THAT(time.errors, HasSubstr("--since: takes a date like 2026-11-20"));
  const ProgramResult state = program({"runs", "--outcome", "over"});
  EXPECT_EQ(state.exit_status, 2);
  EXPECT_THAT(state.errors, HasSubstr("no run is in a state 'over'"));
}

TEST_F(RunListTest, OnlyRunsThatAreOverGoByThemselves) {
  EXPECT_THAT(collected({}), IsEmpty()) << "without criteria";
  EXPECT_THAT(collected({.older_than_ms = 3'600'000}), IsEmpty()) << "they are young";
  EXPECT_THAT(collected({.keep = 1, .dry_run = true}), ElementsAre(done_));
  EXPECT_THAT(ids({}), ElementsAre(last_, paused_, done_)) << "a dry run takes nothing";
  EXPECT_THAT(collected({.keep = 1}), ElementsAre(done_)) << "a paused one may go on";
  EXPECT_THAT(collected({.keep = 0, .states = {"paused"}}), ElementsAre(paused_));
  EXPECT_THAT(ids({}), ElementsAre(last_));
  EXPECT_THAT(collected({.run_ids = {last_}}), ElementsAre(last_)) << "a named one";
  EXPECT_EQ(code_of(bench_.runtime().find_run(last_)), "not_found");
}

TEST_F(RunListTest, OutputsGoWithTheLastRunThatNamesThem) {
  EXPECT_EQ(outputs_in(bench_.state()), 2);
  EXPECT_THAT(collected({.run_ids = {done_, paused_}}), ElementsAre(paused_, done_));
  EXPECT_EQ(outputs_in(bench_.state()), 2) << "a process may be about to name a young one";
  age_outputs(bench_.state());
  const Result<Collected> look = bench_.runtime().collect({.dry_run = true});
  ASSERT_TRUE(look.ok()) << words_of(look);
  EXPECT_EQ(look->outputs, 1);
  EXPECT_EQ(look->output_bytes, 300'000);
  EXPECT_EQ(outputs_in(bench_.state()), 2);
  EXPECT_EQ(bench_.runtime().collect({})->outputs, 1);
  EXPECT_EQ(outputs_in(bench_.state()), 1);
  EXPECT_TRUE(bench_.runtime().verify_run(last_).ok()) << "the other one is named still";
}

TEST_F(RunListTest, AnOutputThatIsStoredAgainIsYoung) {
  EXPECT_THAT(collected({.run_ids = {paused_}}), ElementsAre(paused_));
  age_outputs(bench_.state());
  const std::string again = run("Count the pears again.", {.steps = 1}, 'p');
  EXPECT_THAT(collected({.run_ids = {again}}), ElementsAre(again));
  EXPECT_EQ(outputs_in(bench_.state()), 2);
}

TEST_F(RunListTest, TheProgramSaysWhatWasFreedAndWhatItCannotDo) {
  const ProgramResult none = program({"gc", "--outcome", "paused"});
  EXPECT_EQ(none.exit_status, 2);
  EXPECT_THAT(none.errors, HasSubstr("--older-than TIME or --keep N"));
  EXPECT_EQ(program({"gc", "nothing"}).exit_status, 2);
  const ProgramResult look = program({"gc", "--keep", "1", "--dry-run"});
  EXPECT_EQ(look.exit_status, 0) << look.errors;
  EXPECT_THAT(look.output,
              AllOf(HasSubstr(done_ + "  done  "), HasSubstr("would remove 1 run and 0 outputs")));
  bench_.end_runtime();
  age_outputs(bench_.state());
  const ProgramResult gone = program({"gc", paused_, "--json"});
  EXPECT_EQ(gone.exit_status, 0) << gone.errors;
  const Json freed = parse_json(gone.output);
  EXPECT_EQ(freed["runs"][0], paused_) << gone.output;
  EXPECT_EQ(freed["outputs"], 1) << gone.output;
  EXPECT_EQ(freed["output_bytes"], 300'000);
  EXPECT_EQ(freed["compact_error"], "");
  EXPECT_EQ(program({"verify-log"}).exit_status, 0);
}

// A run that waits in its tool until it is let go.
TEST_F(RunListTest, ARunThatIsBeingWrittenStays) {
  test::Meeting meeting;
  test::Meeting leave;
  Agent agent(bench_.agent_options(), bench_.runtime());
  agent.add_tool(tool_spec("look"), [&](const Json&, ToolContext&) -> Result<Json> {
    meeting.arrive();
    (void)leave.wait_for(1);
    return Json("x");
  });
  RunHandle handle = agent.start("Wait.", bench_.run_options());
  ASSERT_TRUE(meeting.wait_for(1));
  const std::string newer = run("Weigh the pears.", {}, 'p');
  EXPECT_THAT(collected({.keep = 0, .states = {"running"}}), IsEmpty());
  EXPECT_EQ(code_of(bench_.runtime().collect({.run_ids = {newer, handle.id()}})), "locked");
  EXPECT_TRUE(bench_.runtime().find_run(newer).ok()) << "none goes when one cannot";
  leave.arrive();
  EXPECT_EQ(handle.wait().outcome, Outcome::kDone);
}

}  // namespace
}  // namespace perdure
