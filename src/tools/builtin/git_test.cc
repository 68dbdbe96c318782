// The git tools: what a model sees of a repository, and what it is told where there is none. What a
// hostile repository tries is in tests/attacks.
#include <algorithm>
#include <filesystem>
#include <string>
#include <variant>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/tool_bench.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;
using test::must_run;
using test::ToolBench;

class Git : public testing::Test {
 protected:
  // A repository with one commit of one file.
  void begin() {
    bench_.write("file", "one\ntwo\n");
    must_run(
        "git init -q -b main . && git config user.name Ada && "
        "git config user.email ada@example.org && git add . && git commit -q -m 'A beginning'",
        bench_.path());
  }
  std::string plain(const std::string& command) { return must_run(command, bench_.path()); }

  ToolBench bench_;
};

TEST_F(Git, StatusIsBranchAndChangedFiles) {
  begin();
  EXPECT_EQ(bench_.answer("git_status", ""), "## main\n");
  bench_.write("file", "one\n");
  bench_.write("new/a\u00e4", "");
  EXPECT_EQ(bench_.answer("git_status", "{}"), "## main\n M file\n?? new/\n");
}

TEST_F(Git, DiffIsAgainstTheLastCommit) {
  begin();
  EXPECT_EQ(bench_.answer("git_diff", "{}"), "(nothing)");
  bench_.write("file", "one\nthree\n");
  bench_.write("other", "x\n");
  plain("git add other");
  const std::string diff = bench_.answer("git_diff", "{}");
  EXPECT_NE(diff.find(" one\n-two\n+three\n"), std::string::npos) << diff;
  EXPECT_NE(diff.find("+++ b/other\n"), std::string::npos) << diff;
  EXPECT_EQ(bench_.answer("git_diff", R"({"path":"other","stat":true})"),
            " other | 1 +\n 1 file changed, 1 insertion(+)\n");
  EXPECT_EQ(bench_.answer("git_diff", R"({"path":"none"})"), "(nothing)");
}

TEST_F(Git, LogIsTheLastCommits) {
  begin();
  for (int i = 0; i < 12; ++i) plain(fmt::format("git commit -q --allow-empty -m 'Number {}'", i));
  const std::string log = bench_.answer("git_log", "{}");
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 20) << log;
  EXPECT_NE(log.find(" Ada\n    Number 11\n"), std::string::npos) << log;
  EXPECT_EQ(log.find("Number 1\n"), std::string::npos) << log;
  const std::string one = bench_.answer("git_log", R"({"count":1})");
  EXPECT_EQ(std::count(one.begin(), one.end(), '\n'), 2) << one;
  EXPECT_NE(bench_.answer("git_log", R"({"path":"file"})").find("A beginning"), std::string::npos);
  for (const char* arguments : {R"({"count":0})", R"({"count":201})", R"({"count":"-1"})"}) {
    EXPECT_EQ(bench_.call("git_log", arguments).status, CallStatus::kInvalid) << arguments;
  }
}

TEST_F(Git, CommitTakesEverythingOrOnlySomePaths) {
  begin();
  bench_.write("a", "x\n");
  bench_.write("b/c", "y\n");
  const std::string some = bench_.answer("git_commit", R"({"message":"Only b","paths":["b"]})");
  EXPECT_NE(some.find(" Only b\n\n b/c | 1 +\n 1 file changed, 1 insertion(+)\n"),
            std::string::npos)
      << some;
  EXPECT_EQ(bench_.answer("git_status", "{}"), "## main\n?? a\n");
  fs::remove(bench_.path("file"));
  const ToolOutcome all = bench_.call("git_commit", R"({"message":"The \"rest\"\n\n$(id) `id`"})");
  EXPECT_EQ(all.status, CallStatus::kOk) << all.text;
  EXPECT_EQ(bench_.answer("git_status", "{}"), "## main\n");
  EXPECT_EQ(plain("git log -1 --format=%B"), "The \"rest\"\n\n$(id) `id`\n\n");
  EXPECT_EQ(plain("git ls-files"), "a\nb/c\n");
}

TEST_F(Git, CommitSaysWhyThereIsNone) {
  begin();
  const ToolOutcome nothing = bench_.call("git_commit", R"({"message":"x"})");
  EXPECT_EQ(nothing.status, CallStatus::kError);
  EXPECT_NE(nothing.text.find("nothing to commit"), std::string::npos) << nothing.text;
  const std::string unknown = bench_.answer("git_commit", R"({"message":"x","paths":["none"]})");
  EXPECT_NE(unknown.find("'none' did not match any files"), std::string::npos) << unknown;
  const std::string outside = bench_.answer("git_commit", R"({"message":"x","paths":["../x"]})");
  EXPECT_NE(outside.find("path_escape: '../x' is outside"), std::string::npos) << outside;
  for (const char* arguments : {"{}", R"({"message":""})", R"({"message":"x","paths":[]})"}) {
    EXPECT_EQ(bench_.call("git_commit", arguments).status, CallStatus::kInvalid) << arguments;
  }
}

TEST_F(Git, AHugeDiffKeepsBeginningAndEnd) {
  begin();
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += fmt::format("line {}\n", i);
  bench_.write("file", text);
  const ToolOutcome outcome = bench_.call("git_diff", "{}");
  EXPECT_EQ(outcome.status, CallStatus::kOk);
  EXPECT_EQ(outcome.text.rfind("diff --git a/file b/file\n", 0), 0u);
  EXPECT_NE(outcome.text.find("+line 199999\n"), std::string::npos);
}

TEST_F(Git, WithoutARepositoryItSaysSo) {
  for (const char* tool : {"git_status", "git_diff", "git_log"}) {
    EXPECT_EQ(bench_.answer(tool, "{}"),
              "error: [exit status 128]\nfatal: not a git repository: the workspace has no .git of "
              "its own\n");
  }
  // Two files that happen to have the names of a comparison are none.
  bench_.write("HEAD", "a\n");
  bench_.write("b", "b\n");
  fs::create_directory(bench_.path(".git"));
  const std::string diff = bench_.answer("git_diff", R"({"path":"b"})");
  EXPECT_EQ(diff.rfind("error: [exit status 128]\nfatal: not a git repository", 0), 0u) << diff;
}

TEST_F(Git, ARepositoryWithoutACommitSaysSo) {
  plain("git init -q -b main .");
  EXPECT_EQ(bench_.answer("git_status", "{}"), "## No commits yet on main\n");
  const std::string log = bench_.answer("git_log", "{}");
  EXPECT_NE(log.find("does not have any commits yet"), std::string::npos) << log;
  EXPECT_EQ(bench_.call("git_diff", "{}").status, CallStatus::kError);
}

TEST_F(Git, ALinkedWorktreeIsARepositoryToo) {
  // The workspace is the worktree; the repository that keeps it is beside it.
  const std::string main = bench_.around().path() + "/main";
  fs::create_directory(main);
  bench_.around().write("main/file", "one\n");
  must_run(
      "git init -q -b main . && git add . && git commit -q -m first && "
      "git config user.name Ada && git config user.email ada@example.org && "
      "git worktree add -q -b side ../project",
      main);
  EXPECT_EQ(bench_.answer("git_status", "{}"), "## side\n");
  bench_.write("file", "two\n");
  EXPECT_EQ(bench_.call("git_commit", R"({"message":"second"})").status, CallStatus::kOk);
  EXPECT_EQ(must_run("git log --format=%s side", main), "second\nfirst\n");
}

TEST_F(Git, ARepositoryWithoutSettingsIsOneAllTheSame) {
  begin();
  bench_.write(".git/config", "");
  EXPECT_EQ(bench_.answer("git_status", "{}"), "## main\n");
  fs::remove(bench_.path(".git/config"));
  EXPECT_EQ(bench_.answer("git_status", "{}"), "## main\n");
}

}  // namespace
}  // namespace perdure
