#include <filesystem>

#include <gtest/gtest.h>

#include <perdure/config.h>

#include "tests/support/result.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;

using test::code_of;

class TrustTest : public testing::Test {
 protected:
  TrustTest() : state_(root_.path() + "/state") { fs::create_directories(root_.path() + "/a/b"); }

  bool trusted(const std::string& name) const {
    return is_trusted_folder(root_.path() + name, state_);
  }

  TemporaryDirectory root_;
  std::string state_;
};

TEST_F(TrustTest, nothing_is_trusted_at_first) {
  EXPECT_TRUE(trusted_folders(state_).empty());
  EXPECT_FALSE(trusted("/a"));
  EXPECT_TRUE(distrust_folder(root_.path() + "/a", state_).ok());
}

TEST_F(TrustTest, a_folder_is_trusted_with_what_is_below) {
  ASSERT_TRUE(trust_folder(root_.path() + "/a", state_).ok());
  EXPECT_TRUE(trusted("/a"));
  EXPECT_TRUE(trusted("/a/"));
  EXPECT_TRUE(trusted("/a/b"));
  EXPECT_TRUE(trusted("/a/b/../b"));
  EXPECT_FALSE(trusted("/a/.."));
  EXPECT_FALSE(trusted(""));
  EXPECT_FALSE(trusted("/ab"));
}

TEST_F(TrustTest, it_is_kept_once_under_its_real_name) {
  fs::create_directory_symlink(root_.path() + "/a", root_.path() + "/link");
  for (const char* name : {"/a", "/a/", "/link", "/a/b/.."}) {
    ASSERT_TRUE(trust_folder(root_.path() + name, state_).ok()) << name;
  }
  EXPECT_EQ(trusted_folders(state_), std::vector<std::string>{root_.path() + "/a"});
  EXPECT_EQ(fs::status(state_ + "/trusted").permissions() & fs::perms(0077), fs::perms::none);
  ASSERT_TRUE(distrust_folder(root_.path() + "/link", state_).ok());
  EXPECT_FALSE(trusted("/a"));
}

TEST_F(TrustTest, a_folder_that_is_gone_can_be_forgotten) {
  ASSERT_TRUE(trust_folder(root_.path() + "/a/b", state_).ok());
  fs::remove(root_.path() + "/a/b");
  ASSERT_TRUE(distrust_folder(root_.path() + "/a/b", state_).ok());
  EXPECT_TRUE(trusted_folders(state_).empty());
}

TEST_F(TrustTest, what_is_no_folder_is_refused) {
  root_.write("file", "x");
  fs::create_directories(root_.path() + "/line\nfeed");
  EXPECT_EQ(code_of(trust_folder(root_.path() + "/missing", state_)), "not_found");
  EXPECT_EQ(code_of(trust_folder("missing", state_)), "not_found");
  EXPECT_EQ(code_of(trust_folder(root_.path() + "/file", state_)), "not_found");
  EXPECT_EQ(code_of(trust_folder("", state_)), "not_found");
  EXPECT_EQ(code_of(trust_folder(root_.path() + "/line\nfeed", state_)), "invalid_argument")
      << "it would trust another folder too";
  EXPECT_TRUE(trusted_folders(state_).empty());
}

TEST_F(TrustTest, the_root_covers_everything) {
  ASSERT_TRUE(trust_folder("/", state_).ok());
  EXPECT_TRUE(trusted("/a"));
}

}  // namespace
}  // namespace perdure
