// A run that leaves the journal: as an archive that another journal takes, and as trajectories.
#include <filesystem>
#include <sstream>

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
using test::holds;
using test::parse_json;
using test::RunBench;
using test::tool_spec;
using test::words_of;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kScript = R"(
[[reply]]
reasoning = "I look."
text = "Looking."
usage = { prompt_tokens = 100, cached_tokens = 40, completion_tokens = 9 }
[[reply.call]]
name = "look"
[reply.call.arguments]
where = "here"
[[reply.call]]
name = "look"
arguments_text = "{broken"
[[reply]]
text = "Seen."
usage = { prompt_tokens = 200, cached_tokens = 100, completion_tokens = 3 }
[[reply]]
text = "Again."
)";

Status export_from(Runtime& runtime, const std::string& run_id, ExportFormat format,
                   std::string& out) {
  return runtime.export_run(run_id, format, [&](std::string_view piece) {
    out += piece;
    return true;
  });
}

class ExportTest : public testing::Test {
 protected:
  void SetUp() override {
    Agent agent = this->agent(bench_.runtime());
    run_ = agent.run("Look.", bench_.run_options());
    ASSERT_EQ(run_.outcome, Outcome::kDone) << run_.message;
  }

  // Its tool prints more than a model is shown, so that the whole is an output of its own.
  Agent agent(Runtime& runtime) const {
    AgentOptions options = bench_.agent_options();
    options.instructions = "Be brief.";
    Agent agent(options, runtime);
    agent.add_tool(tool_spec("look", EffectClass::kRead),
                   [](const Json&, ToolContext&) { return Json(std::string(300'000, 'x')); });
    return agent;
  }

  std::string exported(ExportFormat format = ExportFormat::kArchive) {
    std::string out;
    const Status status = export_from(bench_.runtime(), run_.run_id, format, out);
    EXPECT_TRUE(status.ok()) << to_text(status.error());
    return out;
  }
  // Another journal, of somebody else.
  RuntimeOptions elsewhere() const {
    return {.state_directory = bench_.folder().path() + "/elsewhere",
            .config_directory = bench_.folder().path() + "/config"};
  }

  RunBench bench_{kScript};
  RunResult run_;
};

TEST_F(ExportTest, an_archive_is_the_same_run_elsewhere_and_goes_on_there) {
  const std::string archive = exported();
  const Result<RunCheck> here = bench_.runtime().verify_run(run_.run_id);
  ASSERT_TRUE(here.ok()) << words_of(here);
  EXPECT_EQ(here->outputs, 1);
  Runtime other(elsewhere());
  std::istringstream in(archive);
  const Result<std::string> imported = other.import_run(in);
  ASSERT_TRUE(imported.ok()) << words_of(imported);
  EXPECT_EQ(*imported, run_.run_id);
  const Result<RunCheck> there = other.verify_run(run_.run_id);
  ASSERT_TRUE(there.ok()) << words_of(there);
  EXPECT_EQ(there->hash, here->hash);
  EXPECT_EQ(there->outputs, 1);
  EXPECT_EQ(there->outcome, Outcome::kDone);
  std::string again;
  EXPECT_TRUE(export_from(other, run_.run_id, ExportFormat::kArchive, again).ok());
  EXPECT_EQ(again, archive);
  Agent agent = this->agent(other);
  EXPECT_EQ(agent.resume(run_.run_id, "Again?", bench_.run_options()).text, "Again.");
  EXPECT_EQ(bench_.statistics().refused, 0);
}

TEST_F(ExportTest, what_is_here_already_is_not_imported) {
  std::istringstream in(exported());
  const Result<std::string> imported = bench_.runtime().import_run(in);
  EXPECT_EQ(code_of(imported), "invalid_argument");
  EXPECT_PRED2(holds, words_of(imported), "is here already");
}

TEST_F(ExportTest, a_damaged_archive_leaves_nothing) {
  std::string archive = exported();
  archive.replace(archive.find("Be brief."), 9, "Be cruel.");
  std::istringstream in(archive);
  Runtime other(elsewhere());
  EXPECT_EQ(code_of(other.import_run(in)), "corrupt");
  EXPECT_TRUE(other.runs()->empty());
}

TEST_F(ExportTest, a_lost_output_is_damage) {
  std::filesystem::remove_all(bench_.state() + "/blobs");
  EXPECT_EQ(code_of(bench_.runtime().verify_run(run_.run_id)), "corrupt");
  std::string out;
  const Status status = export_from(bench_.runtime(), run_.run_id, ExportFormat::kArchive, out);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
}

TEST_F(ExportTest, verify_log_names_what_is_damaged_and_goes_on_with_the_others) {
  Agent without_tools(bench_.agent_options(), bench_.runtime());
  const RunResult other = without_tools.run("Look elsewhere.", bench_.run_options());
  ASSERT_EQ(other.outcome, Outcome::kDone) << other.message;
  bench_.end_runtime();
  std::filesystem::remove_all(bench_.state() + "/blobs");
  const ProgramResult all = run_program({.arguments = {"verify-log", "--state", bench_.state()}});
  EXPECT_EQ(all.exit_status, 74) << all.errors;
  EXPECT_THAT(all.output, HasSubstr(other.run_id + "  whole: "));
  EXPECT_THAT(all.output, testing::Not(HasSubstr(run_.run_id)));
  EXPECT_THAT(all.errors,
              HasSubstr("run " + run_.run_id + " is damaged: cannot read a stored output"));
}

TEST_F(ExportTest, a_run_that_nobody_knows_is_not_exported) {
  std::string out;
  const Status status = export_from(bench_.runtime(), "nobody", ExportFormat::kAtif, out);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(out, "");
}

TEST_F(ExportTest, atif_has_each_message_reply_and_result) {
  const Json json = parse_json(exported(ExportFormat::kAtif));
  EXPECT_EQ(json["schema_version"], "ATIF-v1.7");
  EXPECT_EQ(json["session_id"], run_.run_id);
  EXPECT_EQ(json["agent"]["name"], "perdure");
  EXPECT_EQ(json["agent"]["model_name"], "kimi-k2.6");
  std::vector<std::string> sources;
  int number = 0;
  for (const Json& step : json["steps"]) {
    EXPECT_EQ(step["step_id"], ++number);
    EXPECT_THAT(step["timestamp"].get<std::string>(), testing::EndsWith("Z"));
    sources.push_back(step["source"]);
  }
  EXPECT_THAT(sources, ElementsAre("system", "user", "agent", "agent"));
  EXPECT_THAT(json["steps"][0]["message"].get<std::string>(), HasSubstr("Be brief."));
  EXPECT_EQ(json["steps"][1]["message"], "Look.");
  const Json& step = json["steps"][2];
  EXPECT_EQ(step["message"], "Looking.");
  EXPECT_EQ(step["reasoning_content"], "I look.");
  EXPECT_EQ(step["tool_calls"][0]["tool_call_id"], "functions.look:0");
  EXPECT_EQ(step["tool_calls"][0]["function_name"], "look");
  EXPECT_EQ(step["tool_calls"][0]["arguments"], (Json{{"where", "here"}}));
  EXPECT_EQ(step["tool_calls"][1]["arguments"], (Json{{"_raw", "{broken"}}));
  EXPECT_EQ(step["metrics"]["prompt_tokens"], 100);
  EXPECT_EQ(step["metrics"]["cached_tokens"], 40);
  EXPECT_EQ(step["metrics"]["completion_tokens"], 9);
  std::map<std::string, std::string> statuses;
  for (const Json& result : step["observation"]["results"])
    statuses[result["source_call_id"]] = result["extra"]["status"];
  EXPECT_EQ(statuses["functions.look:0"], "ok");
  EXPECT_EQ(statuses["functions.look:1"], "invalid");
  EXPECT_EQ(json["steps"][3]["message"], "Seen.");
  EXPECT_FALSE(json["steps"][3].contains("reasoning_content"));
  const Json& total = json["final_metrics"];
  EXPECT_EQ(total["total_prompt_tokens"], 300);
  EXPECT_EQ(total["total_cached_tokens"], 140);
  EXPECT_EQ(total["total_completion_tokens"], 12);
  EXPECT_EQ(total["total_steps"], 4);
  EXPECT_GT(total["total_cost_usd"], 0);
  EXPECT_EQ(total["extra"]["outcome"], "done");
}

TEST_F(ExportTest, mini_swe_has_the_messages_and_the_answer) {
  const Json json = parse_json(exported(ExportFormat::kMiniSwe));
  EXPECT_EQ(json["trajectory_format"], "mini-swe-agent-1.1");
  std::vector<std::string> roles;
  for (const Json& message : json["messages"]) roles.push_back(message["role"]);
  EXPECT_THAT(roles, ElementsAre("system", "user", "assistant", "tool", "tool", "assistant"));
  EXPECT_EQ(json["messages"][2]["tool_calls"][0]["function"]["name"], "look");
  EXPECT_EQ(json["info"]["submission"], "Seen.");
  EXPECT_EQ(json["info"]["exit_status"], "Submitted");
  EXPECT_EQ(json["info"]["model_stats"]["api_calls"], 2);
  EXPECT_GT(json["info"]["model_stats"]["instance_cost"], 0);
}

}  // namespace
}  // namespace perdure
