#include "runtime/prompt.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <perdure/config.h>

#include "base/utf8.h"
#include "tests/support/json.h"
#include "tests/support/result.h"
#include "tests/support/run_bench.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

using test::holds;

class PromptTest : public testing::Test {
 protected:
  std::string prompt(const AgentOptions& options) const {
    const Result<Workspace> workspace = Workspace::open(folder_.path());
    return make_system_prompt(options, *workspace, "2026-11-20");
  }
  static bool lacks(const std::string& text, const std::string& part) { return !holds(text, part); }

  TemporaryDirectory folder_;
};

TEST_F(PromptTest, says_who_the_agent_is_where_and_when) {
  const std::string text = prompt({.instructions = "You are an on-call assistant."});
  EXPECT_EQ(text,
            "You are an on-call assistant.\n\nWorkspace: " + folder_.path() + "\nDate: 2026-11-20");
  EXPECT_PRED2(holds, prompt({}), "You are a careful software engineer");
}

TEST_F(PromptTest, tells_an_agent_with_tools_how_the_runtime_works) {
  EXPECT_PRED2(holds, prompt({.tools = {"read_file"}}), "How you work here:");
  EXPECT_PRED2(holds, prompt({.commands = {CommandTool{}}}), "How you work here:");
  EXPECT_PRED2(lacks, prompt({}), "How you work here:");
}

TEST_F(PromptTest, reads_the_notes_of_the_workspace) {
  folder_.write("AGENTS.md", "Use tabs.\n\xff");
  EXPECT_PRED2(holds, prompt({}), "(AGENTS.md):\nUse tabs.\n\xEF\xBF\xBD");
  EXPECT_PRED2(lacks, prompt({.read_agents_md = false}), "Use tabs.");
}

TEST_F(PromptTest, cuts_long_notes_between_characters) {
  std::string notes;
  while (notes.size() <= kAgentsMdBytesMax) notes += "\xE2\x82\xAC";
  folder_.write("AGENTS.md", notes);
  const std::string text = prompt({});
  EXPECT_LE(text.size(), kAgentsMdBytesMax + 1'000);
  EXPECT_EQ(to_valid_utf8(text), text);
  EXPECT_PRED2(holds, text, "[AGENTS.md goes on; read it for the rest]");
}

TEST_F(PromptTest, notes_outside_of_the_workspace_are_not_its_notes) {
  const TemporaryDirectory elsewhere;
  elsewhere.write("secret", "secret");
  std::filesystem::create_symlink(elsewhere.path() + "/secret", folder_.path() + "/AGENTS.md");
  EXPECT_PRED2(lacks, prompt({}), "secret");
}

// The prompt and all tools of the default agent, as they go over the wire.
TEST_F(PromptTest, the_first_request_of_the_default_agent_is_small) {
  test::RunBench bench("model = 'kimi-k2.6'\n[[reply]]\ntext = 'Done.'\n");
  AgentOptions options = default_agent();
  options.host = bench.agent_options().host;
  options.base_url = bench.agent_options().base_url;
  Agent agent(options, bench.runtime());
  EXPECT_EQ(agent.run("Say hello.", bench.run_options()).outcome, Outcome::kDone);
  const std::string request = bench.request(1);
  const Json body = test::parse_json(request);
  EXPECT_EQ(body["model"], "kimi-k2.6");
  EXPECT_EQ(body["tools"].size(), default_agent().tools.size());
  EXPECT_LE(request.size(), 12U * 1024);
  RecordProperty("bytes", static_cast<int>(request.size()));
}

}  // namespace
}  // namespace perdure
