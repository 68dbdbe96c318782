// Attacks by what commands are made of: operands that are options, harmless programs with teeth,
// programs of the workspace in place of real ones, and a repository whose settings run programs
// (A49 to A57).
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/stat.h>

#include <fmt/format.h>

#include "core/policy.h"
#include "tests/attacks/file_attacks.h"
#include "tests/support/environment.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;
using test::holds;
using test::must_run;
using test::ScopedVariable;

class CommandAttacks : public test::FileAttacks {
 protected:
  // A repository with a commit, under this name below the workspace.
  void make_repository(const std::string& folder = "") const {
    bench_.write(join_path(folder, "file"), "one\n");
    must_run(
        "git init -q -b main . && git config user.name Ada && "
        "git config user.email ada@example.org && git add . && git commit -q -m first",
        bench_.path(folder));
  }
  // A program that leaves a file outside with this name.
  std::string trap(const std::string& name) const {
    const std::string path = bench_.path("traps/" + name);
    bench_.write("traps/" + name, "#!/bin/sh\necho x > '" + outside(name) + "'\n");
    EXPECT_EQ(::chmod(path.c_str(), 0755), 0);
    return path;
  }
  PolicyAction judged(const std::vector<PolicyRule>& rules, const std::string& tool,
                      const Json& arguments) const {
    return judge(rules, {}, tool, bench_.assess(tool, json::dump(arguments))).action;
  }
};

TEST_F(CommandAttacks, OperandsThatAreOptions_A49) {
  make_repository();
  bench_.write("-rf", "precious\n");
  bench_.write("--output=x", "precious\n");
  bench_.write("--amend", "precious\n");
  for (const std::string& path :
       {std::string("--output=") + outside("new"), std::string("--no-index"),
        std::string("-O/etc/passwd"), std::string("--ext-diff")}) {
    EXPECT_EQ(bench_.answer("git_diff", json::dump(Json{{"path", path}})), "(nothing)") << path;
    EXPECT_EQ(bench_.answer("git_log", json::dump(Json{{"path", path}})), "(nothing)") << path;
  }
  const Json commit = {{"message", "--amend"}, {"paths", {"--amend", "-rf", "--output=x"}}};
  const ToolOutcome outcome = call("git_commit", commit);
  EXPECT_EQ(outcome.status, CallStatus::kOk) << outcome.text;
  EXPECT_PRED2(holds, outcome.text, " --amend\n");
  EXPECT_EQ(must_run("git log --format=%s", bench_.path()), "--amend\nfirst\n");
  EXPECT_EQ(bench_.answer("search_files", R"({"pattern":"--pre=sh","path":"-rf"})"), "(no match)");
  EXPECT_EQ(bench_.answer("read_file", R"({"path":"-rf"})"), "precious\n");
}

TEST(TestCommandAttacks, OptionsOfATestRunner_A49) {
  test::ToolBench bench({.test_command = {"/bin/sh", "-c", "echo \"$@\"", "tests"}});
  EXPECT_EQ(bench.answer("run_tests", R"({"arguments":["a","b c"]})"), "a b c\n");
  for (const char* option : {"-c", "--rootdir=/", "-p", "--exec=sh"}) {
    const std::string arguments = json::dump(Json{{"arguments", {"a", option}}});
    EXPECT_EQ(bench.answer("run_tests", arguments),
              fmt::format("invalid: Error: run_tests takes no options, and '{}' is one\nName tests "
                          "only, or use run_command.",
                          option));
  }
}

TEST_F(CommandAttacks, HarmlessProgramsWithTeeth_A50) {
  for (const char* command : {"git show --output=/x", "rg --pre sh x", "find . -exec rm {} +",
                              "find . -delete", "tar --checkpoint-action=exec=sh -cf x .",
                              "sort -o /x a", "sed -n 'w /x' a", "awk 'BEGIN{system(\"id\")}'",
                              "xargs sh", "man -P sh x", "go test -exec sh", "ls", "true"}) {
    EXPECT_EQ(judged({}, "run_command", {{"command", command}}), PolicyAction::kAsk) << command;
  }
}

TEST_F(CommandAttacks, WordsThatHideACommand_A52) {
  // Nothing takes a command apart: whatever it looks like, a rule about paths never allows it, and
  // a person sees all of it.
  const std::vector<PolicyRule> rules = {{.path = "**", .action = PolicyAction::kAllow}};
  std::string many = "true";
  for (int i = 0; i < 60; ++i) many += "; true";
  for (const std::string& command :
       {std::string("echo $(id)"), std::string("echo `id`"), std::string("cat${IFS}/etc/passwd"),
        std::string("cat <(id)"), std::string("true\rid"), std::string("cat <<E\n$(id)\nE"),
        std::string("sleep 1 & id"), std::string("{id,}"), std::string("\u0456d"), many + "; id"}) {
    const Json arguments = {{"command", command}};
    EXPECT_EQ(judged(rules, "run_command", arguments), PolicyAction::kAsk) << command;
    EXPECT_EQ(bench_.preview("run_command", json::dump(arguments)), command);
  }
}

// --- git ---

struct HostileSetting {
  const char* name;     // of the file that its program leaves
  const char* setting;  // "{}" is the program
};

// What of a repository makes plain git run a program when somebody looks at it.
constexpr HostileSetting kHostileSettings[] = {
    {"fsmonitor", "core.fsmonitor {}"},
    {"external", "diff.external {}"},
    {"driver", "diff.driven.command {}"},
    {"textconv", "diff.converted.textconv {}"},
    {"clean", "filter.cleaned.clean {}"},
    {"process", "filter.processed.process {}"},
    {"gpg", "gpg.program {}"},
};

TEST_F(CommandAttacks, ARepositoryThatRunsPrograms_A53) {
  make_repository();
  for (const char* name : {"a.driven", "a.converted", "a.cleaned", "a.processed"})
    bench_.write(name, "one\n");
  must_run("git add . && git commit -q -m second", bench_.path());
  bench_.write(".gitattributes",
               "*.driven diff=driven\n*.converted diff=converted\n*.cleaned filter=cleaned\n"
               "*.processed filter=processed\n");
  std::string script =
      "set -e\ngit config commit.gpgSign true\ngit config log.showSignature true\n";
  std::string included;
  for (const HostileSetting& row : kHostileSettings)
    script +=
        fmt::format("git config {}\n", fmt::format(fmt::runtime(row.setting), trap(row.name)));
  // By way of another file, under a second key of the same name, and as hooks of two kinds.
  bench_.write("more.config", "[filter \"included\"]\n\tclean = " + trap("included") + "\n");
  bench_.write("a.included", "one\n");
  bench_.write(".gitattributes", bench_.read(".gitattributes") + "*.included filter=included\n");
  script += "git config include.path ../more.config\n";
  must_run(script, bench_.path());
  for (const char* hook : {"pre-commit", "post-index-change", "reference-transaction"})
    fs::create_symlink(trap(hook), bench_.path(std::string(".git/hooks/") + hook));
  for (const char* name : {"file", "a.driven", "a.converted", "a.cleaned", "a.processed"})
    bench_.write(name, "two\n");

  EXPECT_PRED2(holds, bench_.answer("git_status", "{}"), " M a.cleaned\n");
  EXPECT_PRED2(holds, bench_.answer("git_diff", "{}"), "-one\n+two\n");
  EXPECT_PRED2(holds, bench_.answer("git_diff", R"({"stat":true})"), "a.converted");
  EXPECT_PRED2(holds, bench_.answer("git_log", "{}"), "second");
  const ToolOutcome commit = call("git_commit", {{"message", "third"}});
  EXPECT_EQ(commit.status, CallStatus::kOk) << commit.text;
  EXPECT_PRED2(holds, bench_.answer("git_log", "{}"), "third");
  TearDown();

  // The traps are real: plain git walks into each of them.
  for (const char* name :
       {"file", "a.driven", "a.converted", "a.cleaned", "a.processed", "a.included"})
    bench_.write(name, "three\n");
  must_run(
      "git status; git config --unset core.fsmonitor; git diff;"
      "git config --unset filter.processed.process; git diff; git config --unset diff.external;"
      "git diff; git config --unset diff.driven.command; git diff; git add .;"
      "git commit -q -m x; git config commit.gpgSign false; git commit -q --no-verify -m x",
      bench_.path());
  for (const char* name :
       {"fsmonitor", "external", "driver", "textconv", "clean", "process", "gpg", "included",
        "pre-commit", "post-index-change", "reference-transaction"}) {
    EXPECT_TRUE(fs::remove(outside(name))) << name << " does nothing";
  }
}

TEST_F(CommandAttacks, ARepositoryThatLeadsElsewhere_A53) {
  around().write("outside/file", "one\n");
  must_run(
      "git init -q . && git config user.name Ada && git config user.email a@example.org &&"
      "git add . && git commit -q -m 'sings outside'",
      around().path() + "/outside");
  SetUp();
  struct Case {
    const char* name;
    std::string prepare;
  };
  const Case cases[] = {
      {"a .git file", "echo 'gitdir: ../outside/.git' > .git"},
      {"a link", "ln -s ../outside/.git .git"},
      {"a common directory", "git init -q . && echo ../../outside/.git > .git/commondir"},
      {"core.worktree", "git init -q . && git config core.worktree ../../outside"},
      {"a .git that is none, below a repository", "mkdir .git"},
      {"no .git, below a repository", "true"},
      {"a bare repository", "git init -q --bare . && git config core.fsmonitor /bin/false"},
  };
  for (const Case& row : cases) {
    must_run("rm -rf .git * && " + row.prepare, bench_.path());
    for (const char* tool : {"git_status", "git_log", "git_diff"}) {
      const std::string answer = bench_.answer(tool, "{}");
      EXPECT_FALSE(holds(answer, "sings")) << row.name << " " << tool << " " << answer;
      EXPECT_FALSE(holds(answer, "secret")) << row.name << " " << tool << " " << answer;
    }
    EXPECT_NE(call("git_commit", {{"message", "x"}}).status, CallStatus::kOk) << row.name;
  }
}

TEST_F(CommandAttacks, ARepositoryAboveTheWorkspace_A53) {
  must_run(
      "git init -q . && git config user.name Ada && git config user.email a@example.org &&"
      "git add outside && git commit -q -m 'sings outside'",
      around().path());
  SetUp();
  for (const char* prepare : {"true", "mkdir .git", "mkdir -p .git/objects .git/refs"}) {
    must_run(prepare, bench_.path());
    for (const char* tool : {"git_status", "git_log", "git_diff"}) {
      const ToolOutcome outcome = call(tool, Json::object());
      EXPECT_EQ(outcome.status, CallStatus::kError) << prepare << " " << tool;
      EXPECT_PRED2(holds, outcome.text, "fatal: not a git repository");
    }
    EXPECT_EQ(call("git_commit", {{"message", "x"}}).status, CallStatus::kError) << prepare;
  }
}

TEST_F(CommandAttacks, GitWritesThroughNoLink_A53) {
  make_repository();
  for (const char* name : {".git/COMMIT_EDITMSG", ".git/logs/HEAD"}) {
    fs::remove(bench_.path(name));
    link(outside("secret"), name);
    bench_.write("file", name);
    const ToolOutcome outcome = call("git_commit", {{"message", "x"}});
    EXPECT_EQ(outcome.status, CallStatus::kError);
    EXPECT_PRED2(holds, outcome.text, "symbolic links in the git directory");
    fs::remove(bench_.path(name));
  }
}

TEST_F(CommandAttacks, TheUsersOwnFiltersGoOn_A53) {
  // A hostile repository may not choose a filter; that of the user's own settings is kept.
  const ScopedVariable home("HOME", around().path() + "/home");
  around().write("home/.gitconfig", "[filter \"shout\"]\n\tclean = tr a-z A-Z\n");
  SetUp();
  make_repository();
  bench_.write(".gitattributes", "*.loud filter=shout\n");
  bench_.write("a.loud", "hello\n");
  must_run("git config filter.shout.clean " + trap("shout"), bench_.path());
  EXPECT_EQ(call("git_commit", {{"message", "loud"}}).status, CallStatus::kOk);
  EXPECT_EQ(must_run("git show HEAD:a.loud", bench_.path()), "HELLO\n");
}

TEST_F(CommandAttacks, ProgramsOfTheWorkspace_A54) {
  make_repository();
  for (const char* name : {"git", "sh", "find", "cat", "node_modules/.bin/git"}) {
    bench_.write(name, "#!/bin/sh\necho x > '" + outside("new") + "'\n");
    ASSERT_EQ(::chmod(bench_.path(name).c_str(), 0755), 0);
  }
  const std::string usual = std::getenv("PATH");
  const ScopedVariable path("PATH", ":.:node_modules/.bin:" + usual + ":");
  EXPECT_PRED2(holds, bench_.answer("git_status", "{}"), "## main\n");
  EXPECT_EQ(call("git_commit", {{"message", "x"}}).status, CallStatus::kOk);
  EXPECT_PRED2(holds, bench_.answer("run_command", R"({"command":"git --version; cat file"})"),
               "one\n");
}

TEST_F(CommandAttacks, AFolderThatTheModelChooses_A57) {
  for (const char* name : {"cwd", "directory", "workdir", "writable_roots"}) {
    const Json arguments = {{"command", "echo x > new"}, {name, around().path() + "/outside"}};
    EXPECT_EQ(call("run_command", arguments).status, CallStatus::kInvalid) << name;
  }
  EXPECT_EQ(bench_.answer("run_command", R"({"command":"pwd"})"), bench_.path() + "\n");
}

}  // namespace
}  // namespace perdure
