#include "os/workspace.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <thread>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "tests/support/child_process.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;
using Kind = WriteCondition::Kind;

// A workspace in "project", with room beside it.
class WorkspaceTest : public testing::Test {
 protected:
  WorkspaceTest() : files_(make()) {}

  std::string path(const std::string& name = "") const {
    return around_.path() + "/project" + (name.empty() ? "" : "/" + name);
  }
  void write(const std::string& name, std::string_view content) const {
    around_.write("project/" + name, content);
  }
  std::string read(const std::string& name) const { return around_.read("project/" + name); }

  // "ok", or the name of the error.
  std::string put(const std::string& name, std::string_view content,
                  const WriteCondition& condition = {}) const {
    const Result<std::string> written = files_.write_file(name, content, condition);
    return written.ok() ? "ok" : std::string(to_string(written.error().code));
  }
  std::string get(const std::string& name, std::size_t bytes_max = 1 << 20) const {
    const Result<FileContent> content = files_.read_file(name, bytes_max);
    return content.ok() ? content->bytes : "(" + std::string(to_string(content.error().code)) + ")";
  }
  mode_t mode_of(const std::string& name) const {
    struct stat status{};
    EXPECT_EQ(::lstat(path(name).c_str(), &status), 0) << name;
    return status.st_mode & 07777;
  }
  // The names in a folder, so that a temporary file that stayed is seen.
  std::string names(const std::string& folder = "") const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(path(folder)))
      found.push_back(entry.path().filename());
    std::sort(found.begin(), found.end());
    std::string text;
    for (const std::string& name : found) text += name + " ";
    return text;
  }

  TemporaryDirectory around_;
  Workspace files_;

 private:
  Workspace make() {
    fs::create_directory(path());
    Result<Workspace> opened = Workspace::open(path());
    EXPECT_TRUE(opened.ok()) << to_text(opened.error());
    return std::move(*opened);
  }
};

TEST_F(WorkspaceTest, OpensFoldersOnly) {
  write("file", "");
  EXPECT_EQ(Workspace::open(path("none")).error().code, ErrorCode::kWorkspace);
  EXPECT_EQ(Workspace::open(path("file")).error().code, ErrorCode::kWorkspace);
  EXPECT_EQ(Workspace::open(path("none")).error().context, path("none"));
}

TEST_F(WorkspaceTest, KnowsItsRealPath) {
  fs::create_symlink("project", around_.path() + "/link");
  EXPECT_EQ(Workspace::open(around_.path() + "/link/.")->path(), path());
}

TEST_F(WorkspaceTest, ReadsAFileWithItsHash) {
  write("a/b.txt", "text");
  const Result<FileContent> content = files_.read_file("a/b.txt", 4);
  ASSERT_TRUE(content.ok());
  EXPECT_EQ(content->bytes, "text");
  EXPECT_EQ(content->hash, to_hex(sha256("text")));
  EXPECT_EQ(get("a/b.txt", 3), "(too_large)");
  EXPECT_EQ(get("a/none"), "(not_found)");
  EXPECT_EQ(get("a/b.txt/c"), "(not_found)");
  EXPECT_EQ(get("a"), "(not_regular)");
}

TEST_F(WorkspaceTest, WritesANewFileWithItsFolders) {
  EXPECT_EQ(put("a/b/c.txt", "text", {.kind = Kind::kAbsent}), "ok");
  EXPECT_EQ(read("a/b/c.txt"), "text");
  EXPECT_EQ(names("a/b"), "c.txt ");
  EXPECT_EQ(*files_.write_file("d", "text", {}), to_hex(sha256("text")));
}

TEST_F(WorkspaceTest, ANewFileGetsTheUsualMode) {
  EXPECT_EQ(put("new", "text"), "ok");
  write("by_others", "text");
  EXPECT_EQ(mode_of("new"), mode_of("by_others"));
}

TEST_F(WorkspaceTest, AReplacedFileKeepsItsMode) {
  for (const mode_t mode : {0755u, 0640u, 0400u, 0666u}) {
    write("script", "old");
    ASSERT_EQ(::chmod(path("script").c_str(), mode), 0);
    EXPECT_EQ(put("script", "new"), "ok");
    EXPECT_EQ(mode_of("script"), mode);
    ASSERT_EQ(::unlink(path("script").c_str()), 0);
  }
}

TEST_F(WorkspaceTest, AWriteNeverKeepsASetuidBit) {
  write("program", "old");
  ASSERT_EQ(::chmod(path("program").c_str(), 06755), 0);
  EXPECT_EQ(put("program", "new"), "ok");
  EXPECT_EQ(mode_of("program"), 0755u);
}

TEST_F(WorkspaceTest, AReplacedFileKeepsItsOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may write the files of another user";
  write("theirs", "old");
  ASSERT_EQ(::chown(path("theirs").c_str(), 12345, 12346), 0);
  EXPECT_EQ(put("theirs", "new"), "ok");
  struct stat status{};
  ASSERT_EQ(::stat(path("theirs").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 12345u);
  EXPECT_EQ(status.st_gid, 12346u);
}

TEST_F(WorkspaceTest, OtherHardLinksKeepTheOldContent) {
  write("file", "old");
  fs::create_hard_link(path("file"), around_.path() + "/outside");
  EXPECT_EQ(put("file", "new"), "ok");
  EXPECT_EQ(read("file"), "new");
  EXPECT_EQ(around_.read("outside"), "old");
}

TEST_F(WorkspaceTest, ConditionsHoldOrNothingIsWritten) {
  const std::string old_hash = to_hex(sha256("old"));
  struct Case {
    const char* name;
    const char* before;  // null: no file
    WriteCondition condition;
    const char* expected;
  };
  const Case cases[] = {
      {"any, absent", nullptr, {}, "ok"},
      {"any, present", "old", {}, "ok"},
      {"absent, absent", nullptr, {.kind = Kind::kAbsent}, "ok"},
      {"absent, present", "old", {.kind = Kind::kAbsent}, "file_changed"},
      {"unchanged", "old", {.kind = Kind::kUnchanged, .hash = old_hash}, "ok"},
      {"changed", "other", {.kind = Kind::kUnchanged, .hash = old_hash}, "file_changed"},
      {"same size", "olD", {.kind = Kind::kUnchanged, .hash = old_hash}, "file_changed"},
      {"deleted", nullptr, {.kind = Kind::kUnchanged, .hash = old_hash}, "file_changed"},
  };
  for (const Case& row : cases) {
    fs::remove(path("file"));
    if (row.before != nullptr) write("file", row.before);
    EXPECT_EQ(put("file", "new", row.condition), row.expected) << row.name;
    const bool done = std::string_view(row.expected) == "ok";
    EXPECT_EQ(read("file"), done ? "new" : row.before != nullptr ? row.before : "") << row.name;
    EXPECT_EQ(fs::exists(path("file")), done || row.before != nullptr) << row.name;
    EXPECT_EQ(names(), fs::exists(path("file")) ? "file " : "") << row.name;
  }
}

TEST_F(WorkspaceTest, ALinkAtTheEndIsFollowedInside) {
  write("real/file", "old");
  fs::create_symlink("real/file", path("relative"));
  fs::create_symlink(path("real/file"), path("absolute"));
  fs::create_symlink("relative", path("twice"));
  fs::create_symlink("real/fresh", path("dangling"));
  for (const char* name : {"relative", "absolute", "twice"}) {
    EXPECT_EQ(put(name, name), "ok");
    EXPECT_EQ(read("real/file"), name);
    EXPECT_TRUE(fs::is_symlink(path(name))) << name;
  }
  EXPECT_EQ(put("dangling", "new", {.kind = Kind::kAbsent}), "ok");
  EXPECT_EQ(read("real/fresh"), "new");
  EXPECT_EQ(get("relative"), "twice");
}

TEST_F(WorkspaceTest, AFolderThatIsALinkIsFollowedInside) {
  write("real/file", "old");
  fs::create_symlink("real", path("link"));
  EXPECT_EQ(put("link/deeper/file", "new"), "ok");
  EXPECT_EQ(read("real/deeper/file"), "new");
}

TEST_F(WorkspaceTest, OnlyRegularFilesAreWritten) {
  fs::create_directory(path("folder"));
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(put("folder", "text"), "not_regular");
  EXPECT_EQ(put("pipe", "text"), "not_regular");
  EXPECT_EQ(put(".", "text"), "not_regular");
  EXPECT_EQ(names(), "folder pipe ");
}

TEST_F(WorkspaceTest, AFailedWriteLeavesNothingBehind) {
  write("file", "old");
  // A file that may not grow: the write fails in its middle, as it does on a full disk.
  test::ChildProcess child([&](test::ChildProcess::Wire&) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    const std::string large(100'000, 'x');
    const Result<std::string> written = files_.write_file("file", large, {});
    const Result<std::string> fresh = files_.write_file("fresh", large, {});
    return written.ok() || fresh.ok() ? 2 : 0;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(read("file"), "old");
  EXPECT_EQ(names(), "file ");
}

TEST_F(WorkspaceTest, AFolderThatMayNotBeWrittenIsSaidAtOnce) {
  EXPECT_TRUE(files_.check_writable().ok());
  if (::geteuid() == 0) {
    // Root may write everywhere but where nobody may.
    const Result<Workspace> system = Workspace::open("/proc");
    ASSERT_TRUE(system.ok());
    EXPECT_FALSE(system->write_file("perdure", "text", {}).ok());
    return;
  }
  ASSERT_EQ(::chmod(path().c_str(), 0500), 0);
  EXPECT_EQ(files_.check_writable().error().code, ErrorCode::kWorkspace);
  EXPECT_EQ(put("file", "text"), "workspace");
  ::chmod(path().c_str(), 0700);
}

TEST_F(WorkspaceTest, AReaderNeverSeesHalfAFile) {
  const std::string first(300'000, 'a');
  const std::string second(200'000, 'b');
  write("file", first);
  std::atomic<bool> over = false;
  std::atomic<int> looks = 0;
  std::thread reader([&] {
    while (!over) {
      const std::string seen = read("file");
      EXPECT_TRUE(seen == first || seen == second) << seen.size() << " bytes";
      ++looks;
    }
  });
  for (int i = 0; i < 100 || looks < 20; ++i) {
    ASSERT_EQ(put("file", i % 2 == 0 ? second : first), "ok");
  }
  over = true;
  reader.join();
}

TEST_F(WorkspaceTest, OfManyThatChangeOneFileNoneIsLost) {
  // Everybody adds a line to what was read; who came too late reads again.
  write("file", "");
  constexpr int kThreads = 4;
  constexpr int kLines = 25;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int line = 0; line < kLines;) {
        const Result<FileContent> now = files_.read_file("file", 1 << 20);
        ASSERT_TRUE(now.ok());
        const WriteCondition condition{.kind = Kind::kUnchanged, .hash = now->hash};
        if (files_.write_file("file", now->bytes + "line\n", condition).ok()) ++line;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(read("file").size(), 5u * kThreads * kLines);
}

TEST_F(WorkspaceTest, TheRootIsHeldWhateverHappensToItsName) {
  write("file", "inside");
  fs::rename(path(), around_.path() + "/moved");
  fs::create_directory(path());
  write("file", "somebody else's");
  EXPECT_EQ(get("file"), "inside");
  EXPECT_EQ(put("new", "text"), "ok");
  EXPECT_EQ(around_.read("moved/new"), "text");
  EXPECT_FALSE(fs::exists(path("new")));
}

TEST_F(WorkspaceTest, ListsInOrderWithoutFollowing) {
  write("b", "12");
  write("a/inner", "");
  fs::create_symlink("/etc", path("c"));
  ASSERT_EQ(::mkfifo(path("d").c_str(), 0600), 0);
  const Result<std::vector<DirectoryEntry>> entries = files_.list(".");
  ASSERT_TRUE(entries.ok());
  std::string text;
  for (const DirectoryEntry& entry : *entries)
    text += entry.name + std::to_string(static_cast<int>(entry.kind)) + " ";
  EXPECT_EQ(text, "a1 b0 c2 d3 ");
  EXPECT_EQ((*entries)[1].size, 2u);
  EXPECT_EQ(files_.list("b").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(files_.list("c").error().code, ErrorCode::kPathEscape);
}

TEST_F(WorkspaceTest, SaysWhatExistsInsideOnly) {
  write("file", "");
  fs::create_symlink("/etc/passwd", path("out"));
  fs::create_symlink("file", path("in"));
  EXPECT_TRUE(files_.exists("file"));
  EXPECT_TRUE(files_.exists("in"));
  EXPECT_TRUE(files_.exists("."));
  EXPECT_FALSE(files_.exists("none"));
  EXPECT_FALSE(files_.exists("out"));
}

}  // namespace
}  // namespace perdure
