// Attacks A01 to A23: a model that wants out of the workspace, or at what is protected in it, by
// the paths that it gives to file tools.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>

#include "core/policy.h"
#include "tests/attacks/file_attacks.h"
#include "tests/support/run_bench.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;
using test::holds;

using PathAttacks = test::FileAttacks;

TEST_F(PathAttacks, ASiblingWithTheSameBeginning_A01) {
  for (const std::string& path :
       {std::string("../project-evil/secret"), std::string("x/../../project-evil/secret"),
        bench_.path() + "-evil/secret"}) {
    expect_all_refused(path, "path_escape");
  }
}

TEST_F(PathAttacks, AbsoluteAndClimbingPaths_A02) {
  bench_.write("a/file", "");
  for (const std::string& path :
       {std::string("/etc/passwd"), std::string("//etc/passwd"),
        std::string("a/../../outside/secret"), std::string("./a/./../..//outside/secret"),
        std::string(".."), std::string("/"), outside("secret"), "/" + bench_.path("a/file"),
        bench_.path() + "/../outside/secret"}) {
    expect_all_refused(path, "path_escape");
  }
}

TEST_F(PathAttacks, PathsThatAreNone_A03) {
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "a/";
  expect_all_refused(std::string("a\0/../../outside/secret", 23), "NUL");
  expect_all_refused("", "empty");
  expect_all_refused(std::string(5'000, 'a'), "more than 4096 bytes");
  expect_all_refused(deep, "more than 4096 bytes");
  expect_all_refused("a/" + std::string(256, 'n'), "more than 255 bytes");
  for (const char* path : {".", "./", "a/.."}) {
    expect_refused("read_file", {{"path", path}}, "not a regular file");
    expect_writing_refused(path, "not a regular file");
  }
}

TEST_F(PathAttacks, FileLinkToOutside_A04) {
  link("../outside/secret", "relative");
  link(outside("secret"), "absolute");
  link("relative", "twice");
  for (const char* path : {"relative", "absolute", "twice"})
    expect_all_refused(path, "path_escape");
  EXPECT_TRUE(fs::is_symlink(bench_.path("relative")));
}

TEST_F(PathAttacks, FolderLinkToOutside_A05) {
  link("../outside", "relative");
  link(around().path() + "/outside", "absolute");
  bench_.write("deep/file", "");
  link("../relative", "deep/again");
  for (const char* folder : {"relative", "absolute", "deep/again"}) {
    for (const char* name : {"/secret", "/new", "/new/folder/file"}) {
      expect_all_refused(std::string(folder) + name, "path_escape");
    }
    expect_reading_refused(folder, "path_escape");
  }
}

TEST_F(PathAttacks, DanglingLinkToOutside_A06) {
  link("../outside/new", "relative");
  link(outside("new"), "absolute");
  link("../none/new", "without_folder");
  for (const char* path : {"relative", "absolute", "without_folder"}) {
    expect_all_refused(path, "path_escape");
  }
}

// A thread swaps a folder and a link that leads outside, all the time.
class Swapper {
 public:
  Swapper(const std::string& one, const std::string& other)
      : thread_([this, one, other] {
          while (!over_) {
            if (::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0)
              ++swaps_;
          }
        }) {}
  ~Swapper() {
    over_ = true;
    thread_.join();
  }
  int swaps() const { return swaps_; }

 private:
  std::atomic<bool> over_ = false;
  std::atomic<int> swaps_ = 0;
  std::thread thread_;
};

TEST_F(PathAttacks, FoldersThatBecomeLinks_A07) {
  bench_.write("spot/secret", "inside");
  link("../outside", "trap");
  const Workspace& files = bench_.workspace();
  const Swapper swapper(bench_.path("spot"), bench_.path("trap"));
  constexpr int kTriesMax = 400'000;
  int inside = 0;
  int refused = 0;
  // Both must have been met often enough for the race to have been one.
  for (int i = 0; i < kTriesMax && (inside < 2'000 || refused < 2'000); ++i) {
    const Result<FileContent> content = files.read_file("spot/secret", 1'000);
    (content.ok() ? inside : refused)++;
    if (content.ok()) {
      ASSERT_EQ(content->bytes, "inside");
    }
  }
  EXPECT_GE(inside, 2'000);
  EXPECT_GE(refused, 2'000);
  int written = 0;
  refused = 0;
  for (int i = 0; i < kTriesMax && (written < 100 || refused < 100); ++i) {
    const std::string name = i % 2 == 0 ? "spot/file" : fmt::format("spot/new{}/file", i % 100);
    (files.write_file(name, "x", {}).ok() ? written : refused)++;
  }
  EXPECT_GE(written, 100);
  EXPECT_GE(refused, 100);
  EXPECT_GT(swapper.swaps(), 1'000);
}

TEST_F(PathAttacks, LoopsAndLongChainsOfLinks_A08) {
  link("b", "a");
  link("a", "b");
  link("self", "self");
  bench_.write("end", kCanary);
  link("end", "chain0");
  for (int i = 1; i < 41; ++i) link(fmt::format("chain{}", i - 1), fmt::format("chain{}", i));
  for (const char* path : {"a", "self", "chain40", "a/file"}) {
    expect_all_refused(path, "too many or forbidden links");
  }
  EXPECT_EQ(bench_.read("end"), kCanary);
}

TEST_F(PathAttacks, HardLinkToOutside_A09) {
  struct Case {
    const char* name;
    const char* tool;
    Json arguments;
    const char* after;
  };
  const Case cases[] = {
      {"write", "write_file", {{"content", "new\n"}}, "new\n"},
      {"append",
       "write_file",
       {{"content", "more\n"}, {"append", true}},
       "the canary sings\nmore\n"},
      {"edit", "edit_file", {{"old_text", "sings"}, {"new_text", "flies"}}, "the canary flies\n"},
  };
  for (const Case& row : cases) {
    fs::create_hard_link(outside("secret"), bench_.path(row.name));
    pretend_to_know(row.name);
    Json arguments = row.arguments;
    arguments["path"] = row.name;
    EXPECT_EQ(call(row.tool, arguments).status, CallStatus::kOk) << row.name;
    EXPECT_EQ(bench_.read(row.name), row.after);
    EXPECT_EQ(around().read("outside/secret"), kCanary) << row.name;
  }
}

TEST_F(PathAttacks, MagicLinks_A10) {
  const Descriptor open_outside(::open(outside("secret").c_str(), O_RDONLY | O_CLOEXEC));
  for (const std::string& path :
       {std::string("/proc/self/root/etc/passwd"), std::string("/proc/self/cwd/../outside/secret"),
        fmt::format("/proc/self/fd/{}", open_outside.get()),
        fmt::format("/dev/fd/{}", open_outside.get()), std::string("/proc/1/environ")}) {
    expect_all_refused(path, "path_escape");
  }
  // Even where everything is the workspace.
  const Result<Workspace> root = Workspace::open("/");
  ASSERT_TRUE(root.ok());
  const std::string opened = fmt::format("proc/self/fd/{}", open_outside.get());
  for (const std::string& path : {opened, std::string("proc/self/root/etc/passwd"),
                                  std::string("proc/self/cwd/x"), std::string("proc/self/exe")}) {
    EXPECT_EQ(test::code_of(root->read_file(path, 1'000'000)), "path_escape") << path;
  }
  EXPECT_EQ(test::code_of(root->write_file(opened, "x", {})), "path_escape");
}

TEST_F(PathAttacks, LinksToProc_A11) {
  link("/proc/self/environ", "environment");
  link("/proc/self", "process");
  link("/dev/fd", "descriptors");
  for (const char* path : {"environment", "process/environ", "process/root/etc/passwd",
                           "process/fd/0", "descriptors/0"}) {
    expect_all_refused(path, "path_escape");
  }
}

TEST_F(PathAttacks, TheWorkspaceItselfBecomesALink_A12) {
  bench_.write("file", "inside");
  fs::rename(bench_.path(), around().path() + "/moved");
  fs::create_symlink("outside", bench_.path());
  EXPECT_EQ(bench_.answer("read_file", R"({"path":"file"})"), "inside");
  expect_refused("read_file", {{"path", "secret"}}, "does not exist");
  EXPECT_EQ(call("write_file", {{"path", "new"}, {"content", "x"}}).status, CallStatus::kOk);
  EXPECT_EQ(call("run_command", {{"command", "echo x > by_command"}}).status, CallStatus::kOk);
  EXPECT_EQ(around().read("moved/new"), "x");
  EXPECT_EQ(around().read("moved/by_command"), "x\n");
}

// --- what is protected within ---

TEST_F(PathAttacks, WhatSteersGit_A13) {
  const std::vector<std::string> paths = {".git/hooks/pre-commit", ".git/config", ".gitmodules",
                                          ".git/info/attributes", "sub/.git/config"};
  for (const std::string& path : paths) {
    bench_.write(path, "the canary is mine\n");
    expect_writing_refused(path, "protected");
    EXPECT_EQ(bench_.read(path), "the canary is mine\n") << path;
  }
}

TEST_F(PathAttacks, GitUnderOtherNames_A14) {
  for (const char* path :
       {".GIT/config", ".git./config", ".git /config", "GIT~1/config", ".git::$INDEX_ALLOCATION/x",
        ".g\u200cit/config", ".GitModules", ".git/modules/a/hooks/post-checkout"}) {
    expect_refused("write_file", {{"path", path}, {"content", "x"}}, "protected");
  }
  // What a ".git" file leads to, and a repository that needs no ".git" to be one.
  bench_.write(".git", "gitdir: meta\n");
  for (const char* part : {"HEAD", "objects/x", "refs/x"})
    bench_.write(std::string("meta/") + part, "");
  bench_.write("worktree/HEAD", "");
  bench_.write("worktree/commondir", "../meta\n");
  link("meta", "alias");
  link("meta/objects", "objects_alias");
  for (const char* path : {"meta/config", "meta/hooks/pre-commit", "meta/objects/new", "worktree/x",
                           "alias/hooks/pre-commit", "objects_alias/info/alternates"}) {
    expect_refused("write_file", {{"path", path}, {"content", "x"}}, "protected");
    EXPECT_FALSE(bench_.exists(path)) << path;
  }
  // Nor is one put together piece by piece.
  const char* const pieces[] = {"HEAD", "objects/x", "refs/x"};
  for (int last = 0; last < 3; ++last) {
    const std::string folder = fmt::format("bare{}/", last);
    for (int i = 1; i <= 3; ++i) {
      const Json arguments = {{"path", folder + pieces[(last + i) % 3]}, {"content", "x"}};
      const ToolOutcome outcome = call("write_file", arguments);
      EXPECT_EQ(outcome.status == CallStatus::kOk, i < 3) << outcome.text;
    }
    EXPECT_FALSE(bench_.exists(folder + pieces[last]));
  }
}

TEST_F(PathAttacks, ProtectedFilesThatAreNotThereYet_A15) {
  for (const char* path : {".gitmodules", ".git", ".git/config", "sub/.git/hooks/pre-commit"}) {
    const ToolOutcome outcome = call("write_file", {{"path", path}, {"content", "x"}});
    EXPECT_PRED2(holds, outcome.text, "protected") << path;
    EXPECT_FALSE(bench_.exists(path)) << path;
  }
  EXPECT_FALSE(bench_.exists("sub"));
}

TEST_F(PathAttacks, WaysAroundToAProtectedPath_A16) {
  bench_.write(".git/config", "mine\n");
  bench_.write("deep/x", "");
  link(".git", "g");
  link(".git/config", "c");
  link("..", "deep/up");
  link(".gitmodules", "m");
  for (const char* path : {"g/config", "g/hooks/pre-commit", "c", "deep/up/.git/config", "m",
                           "deep/up/g/info/attributes"}) {
    bench_.answer("read_file", json::dump(Json{{"path", path}}));
    expect_refused("write_file", {{"path", path}, {"content", "x"}}, "protected");
  }
  EXPECT_EQ(bench_.read(".git/config"), "mine\n");
  EXPECT_FALSE(bench_.exists(".gitmodules"));
  EXPECT_FALSE(bench_.exists(".git/hooks"));
}

TEST_F(PathAttacks, WhatSteersOtherTools_A17) {
  for (const char* path :
       {".bashrc", ".mcp.json", "perdure.toml", "AGENTS.md", ".vscode/tasks.json",
        ".idea/workspace.xml", ".github/workflows/ci.yml"}) {
    const std::string arguments = json::dump(Json{{"path", path}, {"content", "x"}});
    const Assessment write = bench_.assess("write_file", arguments);
    EXPECT_EQ(judge({}, {}, "write_file", write).action, PolicyAction::kAsk) << path;
    // A rule that names it is found by whatever spelling the model uses.
    const PolicyRule deny{.path = path, .action = PolicyAction::kDeny};
    const std::string spelled =
        json::dump(Json{{"path", bench_.path() + "/x/..//" + path}, {"content", "x"}});
    const PolicyRule allow{.action = PolicyAction::kAllow};
    EXPECT_EQ(judge(std::vector<PolicyRule>{allow, deny}, {}, "write_file",
                    bench_.assess("write_file", spelled))
                  .action,
              PolicyAction::kDeny)
        << path;
  }
}

TEST(StateAttacks, TheRuntimesOwnFiles_A18) {
  const std::string write = R"(name = "write_file"
arguments_text = '{"path":"%s","content":"x"}')";
  std::string script = "[[reply]]\n";
  for (const char* path : {"state/journal.db", "state/new/file", "link/new"}) {
    std::string call = write;
    script += "[[reply.call]]\n" + call.replace(call.find("%s"), 2, path) + "\n";
  }
  test::RunBench bench(script + "[[reply]]\ntext = 'Done.'\n");
  fs::create_symlink("state", bench.folder().path() + "/link");
  AgentOptions agent = bench.agent_options();
  agent.tools = {"write_file"};
  agent.policy = {{.action = PolicyAction::kAllow}};
  RunOptions options = bench.run_options();
  options.workspace = bench.folder().path();
  EXPECT_EQ(Agent(agent, bench.runtime()).run("Go.", options).text, "Done.");
  const std::vector<Json> results = bench.seen().payloads("call_finished");
  ASSERT_EQ(results.size(), 3u);
  for (const Json& result : results) {
    EXPECT_PRED2(holds, json::dump(result), "Perdure keeps its own files there");
  }
  EXPECT_FALSE(bench.folder().exists("state/new"));
}

TEST_F(PathAttacks, WhatIsNoFile_A19) {
  ASSERT_EQ(::mkfifo(bench_.path("pipe").c_str(), 0600), 0);
  fs::create_directory(bench_.path("folder"));
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = bench_.path("socket");
  ASSERT_LT(name.size(), sizeof address.sun_path);
  name.copy(address.sun_path, name.size());
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  std::vector<std::string> paths = {"pipe", "folder", "socket"};
  // Only root makes devices, and not everywhere.
  if (::mknod(bench_.path("zero").c_str(), S_IFCHR | 0600, makedev(1, 5)) == 0)
    paths.push_back("zero");
  for (const std::string& path : paths) {
    expect_refused("read_file", {{"path", path}}, "not a regular file");
    expect_writing_refused(path, "not a regular file");
  }
  EXPECT_EQ(bench_.answer("search_files", R"({"pattern":"x","path":"pipe"})"), "(no match)");
  EXPECT_EQ(bench_.answer("search_files", R"({"pattern":"x"})"), "(no match)");
}

TEST_F(PathAttacks, AFileOfTerabytes_A20) {
  bench_.write("sparse", "");
  std::error_code error;
  fs::resize_file(bench_.path("sparse"), 10LL << 40, error);
  if (error) fs::resize_file(bench_.path("sparse"), 1LL << 40);
  expect_refused("read_file", {{"path", "sparse"}}, "larger than the limit");
  expect_writing_refused("sparse", "larger than the limit");
  EXPECT_EQ(bench_.answer("search_files", R"({"pattern":"x"})"),
            "(no match in what was searched)\n[not searched, larger than 8.4 MB: sparse]\n");
}

TEST_F(PathAttacks, AFileThatChangesWhileItIsRead_A20) {
  bench_.write("file", "");
  std::atomic<bool> over = false;
  std::thread writer([&] {
    const Descriptor file(::open(bench_.path("file").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    const std::string line(10'000, 'x');
    for (int i = 0; !over; ++i) {
      EXPECT_TRUE(write_all(file.get(), line).ok());
      if (i % 500 == 0) {
        EXPECT_EQ(::ftruncate(file.get(), 0), 0);
      }
    }
  });
  int whole = 0;
  int too_large = 0;
  for (int i = 0; i < 200'000 && (whole < 50 || too_large < 50); ++i) {
    const Result<FileContent> content = bench_.workspace().read_file("file", 1'000'000);
    (content.ok() ? whole : too_large)++;
    EXPECT_EQ(test::code_of(content),
              content.ok() && content->bytes.size() <= 1'000'000 ? "ok" : "too_large");
  }
  over = true;
  writer.join();
  EXPECT_GE(whole, 50);
  EXPECT_GE(too_large, 50);
}

TEST_F(PathAttacks, NamesThatSteerATerminal_A21) {
  const std::vector<std::pair<std::string, std::string>> names = {
      {"new\nline", "new\\nline"},
      {"esc\x1b[2J", "esc\\x1b[2J"},
      {"right\u202eexe.txt", "right\\u{202e}exe.txt"},
      {"zero\u200bwidth", "zero\\u{200b}width"},
      {"c1\xc2\x9b", "c1\\x9b"},
  };
  for (const auto& [name, shown] : names) bench_.write(name, "needle");
  bench_.write("bad\xff", "needle");
  const std::string listed = bench_.answer("list_files", "{}");
  const std::string found = bench_.answer("find_files", R"({"pattern":"*"})");
  const std::string searched = bench_.answer("search_files", R"({"pattern":"needle"})");
  for (const std::string& text : {listed, found, searched}) {
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 6) << text;
    EXPECT_PRED2(holds, text, "bad\\xff");
    for (const auto& [name, shown] : names) {
      EXPECT_PRED2(holds, text, shown);
      EXPECT_FALSE(holds(text, name)) << shown;
    }
  }
  // The bytes are the name all the same.
  for (const auto& [name, shown] : names) {
    EXPECT_EQ(bench_.answer("read_file", json::dump(Json{{"path", name}})), "needle") << shown;
  }
}

TEST_F(PathAttacks, WalksThroughLinks_A22) {
  bench_.write("folder/file", "here it sings\n");
  link("..", "folder/loop");
  link(".", "self");
  link("../outside", "out");
  link("../outside/secret", "secret");
  link("/proc/self/root", "root");
  EXPECT_EQ(bench_.answer("list_files", R"({"depth":10})"),
            "folder/\nfolder/file 14 B\nfolder/loop (link)\nout (link)\nroot (link)\n"
            "secret (link)\nself (link)\n");
  EXPECT_EQ(bench_.answer("find_files", R"({"pattern":"**/{file,secret}"})"),
            "folder/file\nsecret\n");
  EXPECT_EQ(bench_.answer("search_files", R"({"pattern":"sings"})"),
            "folder/file:1: here it sings\n");
}

TEST_F(PathAttacks, TemporaryNamesThatAreTakenAlready_A23) {
  bench_.write("file", kCanary);
  pretend_to_know("file");
  for (const char* name : {"file.tmp", ".file.tmp", "file~", "#file#", ".file.swp", "file.new",
                           ".perdure-file.tmp", ".perdure.tmp"}) {
    link("../outside/secret", name);
  }
  ASSERT_EQ(::chmod(bench_.path("file").c_str(), 0600), 0);
  EXPECT_EQ(call("write_file", {{"path", "file"}, {"content", "new"}}).status, CallStatus::kOk);
  EXPECT_EQ(call("write_file", {{"path", "fresh"}, {"content", "new"}}).status, CallStatus::kOk);
  EXPECT_EQ(bench_.read("file"), "new");
  EXPECT_EQ(static_cast<int>(fs::status(bench_.path("file")).permissions()), 0600);
  EXPECT_EQ(std::distance(fs::directory_iterator(bench_.path()), fs::directory_iterator()), 10);
}

}  // namespace
}  // namespace perdure
