#include "store/state_folder.h"

#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/support/result.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;

using test::code_of;
using test::holds;
using test::words_of;

class StateFolder : public testing::Test {
 protected:
  StateFolder() { fs::create_directory(folder_); }

  void write(const std::string& name) const { std::ofstream(folder_ + "/" + name) << "x"; }
  /// "ok", or what is wrong with it.
  std::string verdict() const { return words_of(prepare_state_folder(folder_)); }

  TemporaryDirectory place_;
  std::string folder_ = place_.path() + "/state";
};

TEST_F(StateFolder, is_made_for_its_owner_only) {
  const std::string path = place_.path() + "/new/state";
  ASSERT_TRUE(prepare_state_folder(path).ok());
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700U);
}

TEST_F(StateFolder, may_be_readable_and_a_link_of_the_user) {
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  write("perdure.db");
  const std::string link = place_.path() + "/link";
  fs::create_directory_symlink(folder_, link);
  EXPECT_TRUE(prepare_state_folder(link).ok());
}

TEST_F(StateFolder, A27_is_not_one_that_everybody_writes) {
  ASSERT_EQ(::chmod(folder_.c_str(), 0777), 0);
  const Status status = prepare_state_folder(folder_);
  EXPECT_EQ(code_of(status), "store");
  EXPECT_PRED2(holds, verdict(), "everybody may write it (mode 0777)");
  EXPECT_PRED2(holds, verdict(), "chmod o-w '" + folder_ + "'");
}

TEST_F(StateFolder, A27_has_no_journal_that_everybody_writes) {
  write("perdure.db-wal");
  ASSERT_EQ(::chmod((folder_ + "/perdure.db-wal").c_str(), 0666), 0);
  EXPECT_PRED2(holds, verdict(), "everybody may write it (mode 0666)");
  EXPECT_PRED2(holds, verdict(), "perdure.db-wal");
}

TEST_F(StateFolder, A27_has_no_journal_that_is_a_link) {
  write("elsewhere");
  fs::create_symlink(folder_ + "/elsewhere", folder_ + "/perdure.db");
  EXPECT_PRED2(holds, verdict(), "it is a link");
  fs::remove(folder_ + "/perdure.db");
  fs::create_directory(folder_ + "/perdure.db");
  EXPECT_PRED2(holds, verdict(), "it is no plain file");
}

TEST_F(StateFolder, A27_does_not_belong_to_another_user) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give a folder away";
  constexpr uid_t kNobody = 65534;
  write("perdure.db");
  ASSERT_EQ(::chown((folder_ + "/perdure.db").c_str(), kNobody, kNobody), 0);
  EXPECT_PRED2(holds, verdict(), "it belongs to user 65534, and you are user 0");
  ASSERT_EQ(::chown(folder_.c_str(), kNobody, kNobody), 0);
  EXPECT_PRED2(holds, verdict(), "choose a folder of your own with --state");
}

}  // namespace
}  // namespace perdure
