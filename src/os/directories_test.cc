#include "os/directories.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/support/child_process.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;

mode_t mode_of(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

std::size_t entries_of(const std::string& path) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(path), fs::directory_iterator()));
}

// What the functions say in a process with this environment: config, state, home and "~/x".
std::string folders_with(std::vector<std::string> variables) {
  test::ChildProcess child([&](test::ChildProcess::Wire& wire) {
    std::vector<char*> list;
    for (std::string& variable : variables) list.push_back(variable.data());
    list.push_back(nullptr);
    environ = list.data();  // of this child alone
    wire.write(config_directory() + " " + state_directory() + " " + home_directory() + " " +
               expand_home("~/x"));
    return 0;
  });
  return child.wire().read();
}

TEST(Directories, FollowTheXdgSpecification) {
  struct Case {
    std::vector<std::string> environment;
    const char* expected;
  };
  const Case cases[] = {
      {{"HOME=/home/ada"},
       "/home/ada/.config/perdure /home/ada/.local/state/perdure /home/ada /home/ada/x"},
      {{"HOME=/home/ada", "XDG_CONFIG_HOME=/c", "XDG_STATE_HOME=/s"},
       "/c/perdure /s/perdure /home/ada /home/ada/x"},
      // "All paths must be absolute. If an implementation encounters a relative path it should
      // consider the path invalid and ignore it."
      {{"HOME=/home/ada/", "XDG_CONFIG_HOME=c", "XDG_STATE_HOME=./s"},
       "/home/ada/.config/perdure /home/ada/.local/state/perdure /home/ada /home/ada/x"},
      {{"HOME=/home/ada", "XDG_CONFIG_HOME=", "XDG_STATE_HOME="},
       "/home/ada/.config/perdure /home/ada/.local/state/perdure /home/ada /home/ada/x"},
  };
  for (const Case& row : cases) EXPECT_EQ(folders_with(row.environment), row.expected);
}

TEST(Directories, TheHomeOfTheUserStandsForOneThatIsNotSet) {
  const passwd* user = ::getpwuid(::getuid());
  if (user == nullptr) GTEST_SKIP() << "this user has no entry in the list of users";
  const std::string home = user->pw_dir;
  EXPECT_EQ(folders_with({"XDG_CONFIG_HOME=/c", "XDG_STATE_HOME=/s"}),
            "/c/perdure /s/perdure " + home + " " + home + "/x");
}

TEST(Directories, OnlyATildeAndASlashMeanHome) {
  EXPECT_EQ(expand_home("~"), home_directory());
  EXPECT_EQ(expand_home("~x/y"), "~x/y");
  EXPECT_EQ(expand_home("a/~/b"), "a/~/b");
  EXPECT_EQ(expand_home(""), "");
}

TEST(Directories, RealPathFollowsLinksAndLeavesWhatIsNotThere) {
  const TemporaryDirectory place;
  place.write("folder/file", "");
  fs::create_symlink("folder", place.path() + "/link");
  EXPECT_EQ(real_path(place.path() + "/link/file"), place.path() + "/folder/file");
  EXPECT_EQ(real_path(place.path() + "/link/none"), place.path() + "/link/none");
}

TEST(Directories, MakesFoldersForTheUserAlone) {
  const TemporaryDirectory place;
  const std::string path = place.path() + "/a/b/c";
  ASSERT_TRUE(make_directories(path).ok());
  ASSERT_TRUE(make_directories(path).ok()) << "what is there already is no error";
  for (const char* made : {"/a", "/a/b", "/a/b/c"}) {
    EXPECT_EQ(mode_of(place.path() + made), 0700u) << made;
  }
  place.write("file", "");
  EXPECT_EQ(make_directories(place.path() + "/file/x").error().code, ErrorCode::kStore);
}

TEST(Directories, ReadsAWholeFileUpToALimit) {
  const TemporaryDirectory place;
  place.write("file", std::string("a\0b", 3));
  EXPECT_EQ(*read_whole_file(place.path() + "/file", 3), std::string("a\0b", 3));
  EXPECT_EQ(read_whole_file(place.path() + "/file", 2).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(read_whole_file(place.path() + "/file", 2).error().context, place.path() + "/file");
  EXPECT_EQ(read_whole_file(place.path() + "/none", 9).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_whole_file(place.path(), 9).error().message, "this is a directory");
}

TEST(Directories, APipeDoesNotHangAReader) {
  const TemporaryDirectory place;
  ASSERT_EQ(::mkfifo((place.path() + "/pipe").c_str(), 0600), 0);
  EXPECT_EQ(*read_whole_file(place.path() + "/pipe", 9), "");
}

TEST(Directories, ReplacesAFileInOneStep) {
  const TemporaryDirectory place;
  const std::string path = place.path() + "/file";
  ASSERT_TRUE(replace_file(path, "first").ok());
  EXPECT_EQ(mode_of(path), 0600u);
  fs::create_hard_link(path, place.path() + "/other");
  ASSERT_TRUE(replace_file(path, "second").ok());
  EXPECT_EQ(place.read("file"), "second");
  EXPECT_EQ(place.read("other"), "first") << "the old content was written over";
  EXPECT_EQ(entries_of(place.path()), 2u) << "a temporary file was left behind";
}

TEST(Directories, AFailedReplacementLeavesNothingBehind) {
  const TemporaryDirectory place;
  place.write("folder/x", "");
  EXPECT_EQ(replace_file(place.path() + "/folder", "text").error().code, ErrorCode::kStore);
  EXPECT_EQ(entries_of(place.path()), 1u);
  EXPECT_FALSE(replace_file(place.path() + "/none/file", "text").ok());
}

TEST(LockFile, BelongsToOne) {
  const TemporaryDirectory place;
  const std::string path = place.path() + "/lock";
  std::optional<Result<LockFile>> first = LockFile::acquire(path);
  ASSERT_TRUE(first->ok());
  EXPECT_EQ(LockFile::acquire(path).error().code, ErrorCode::kLocked);
  first.reset();
  EXPECT_TRUE(LockFile::acquire(path).ok());
}

TEST(LockFile, IsFreeWhenItsProcessDies) {
  const TemporaryDirectory place;
  const std::string path = place.path() + "/lock";
  test::ChildProcess child([&](test::ChildProcess::Wire& wire) {
    const Result<LockFile> lock = LockFile::acquire(path);
    wire.write(lock.ok() ? "held" : "not held");
    wire.read();
    return 0;
  });
  ASSERT_EQ(child.wire().read(), "held");
  EXPECT_EQ(LockFile::acquire(path).error().code, ErrorCode::kLocked);
  child.kill();
  EXPECT_TRUE(LockFile::acquire(path).ok());
}

TEST(LockFile, IsNotTakenThroughALink) {
  const TemporaryDirectory place;
  place.write("elsewhere", "");
  fs::create_symlink("elsewhere", place.path() + "/lock");
  EXPECT_EQ(LockFile::acquire(place.path() + "/lock").error().code, ErrorCode::kStore);
}

}  // namespace
}  // namespace perdure
