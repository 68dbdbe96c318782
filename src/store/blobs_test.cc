#include "store/blobs.h"

#include <filesystem>
#include <thread>
#include <vector>

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "tests/support/child_process.h"
#include "tests/support/result.h"
#include "tests/support/small_disk.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;

using test::code_of;
using test::holds;
using test::words_of;

class BlobsTest : public testing::Test {
 protected:
  BlobsTest() : folder_(directory_.path() + "/blobs"), blobs_(folder_) {}

  std::string put(std::string_view bytes) {
    const Result<std::string> hash = blobs_.put(bytes);
    EXPECT_TRUE(hash.ok()) << to_text(hash.error());
    return hash.ok() ? *hash : "";
  }
  std::string read(const std::string& hash, std::uint64_t offset, std::size_t bytes_max) {
    const Result<std::string> bytes = blobs_.read(hash, offset, bytes_max);
    return bytes.ok() ? *bytes : "error: " + to_text(bytes.error());
  }
  static std::vector<std::string> files_below(const std::string& folder) {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file()) files.push_back(entry.path().string());
    }
    return files;
  }

  TemporaryDirectory directory_;
  std::string folder_;
  Blobs blobs_;
};

TEST_F(BlobsTest, gives_back_what_it_was_given) {
  const std::string bytes("binary \0 \xff and tex", 18);
  const std::string hash = put(bytes);
  EXPECT_EQ(hash, to_hex(sha256(bytes)));
  EXPECT_EQ(read(hash, 0, 1'000), bytes);
  EXPECT_EQ(read(hash, 0, 6), "binary");
  EXPECT_EQ(read(hash, 14, 1'000), " tex");
  EXPECT_EQ(read(hash, 14, 2), " t");
  EXPECT_EQ(read(hash, 18, 10), "");
  EXPECT_EQ(read(hash, 1'000'000, 10), "") << "behind the end is nothing";
  EXPECT_EQ(read(hash, 0, 0), "");
  EXPECT_EQ(read(put(""), 0, 10), "");
}

TEST_F(BlobsTest, stores_equal_bytes_once_and_never_again) {
  const std::string hash = put("the same");
  const std::string path = folder_ + "/" + hash.substr(0, 2) + "/" + hash;
  struct stat first{};
  ASSERT_EQ(::stat(path.c_str(), &first), 0);
  EXPECT_EQ(first.st_mode & 0077U, 0U) << "outputs are their owner's";
  EXPECT_EQ(put("the same"), hash);
  struct stat second{};
  ASSERT_EQ(::stat(path.c_str(), &second), 0);
  EXPECT_EQ(first.st_ino, second.st_ino);
  EXPECT_EQ(files_below(folder_), std::vector<std::string>{path}) << "no temporary file stays";
}

TEST_F(BlobsTest, several_threads_may_store_the_same) {
  std::vector<std::string> hashes(8);
  std::vector<std::thread> threads;
  for (std::string& hash : hashes) {
    threads.emplace_back([&] { hash = put(std::string(100'000, 'x')); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& hash : hashes) EXPECT_EQ(hash, hashes.front());
  EXPECT_EQ(files_below(folder_).size(), 1U);
  EXPECT_EQ(read(hashes.front(), 99'999, 10), "x");
}

// A name comes out of a journal; it must not lead anywhere else.
TEST_F(BlobsTest, names_that_are_no_hashes_are_refused) {
  directory_.write("secret", "secret");
  const std::string hash = put("x");
  for (const std::string& name :
       {std::string(), std::string("../secret"), std::string(64, '.'), hash.substr(1), hash + "0",
        std::string(61, 'a') + "/..", std::string(64, 'A'),
        hash.substr(0, 63) + std::string(1, '\0')}) {
    EXPECT_EQ(code_of(blobs_.read(name, 0, 10)), "corrupt") << name;
  }
}

TEST_F(BlobsTest, a_missing_or_altered_blob_is_refused_with_its_place) {
  const std::string hash = put("what the tool said");
  const std::string path = folder_ + "/" + hash.substr(0, 2) + "/" + hash;
  for (const char* changed : {"what the tool sait", "what the tool sai", ""}) {
    directory_.write("blobs/" + hash.substr(0, 2) + "/" + hash, changed);
    const Result<std::string> bytes = blobs_.read(hash, 0, 4);
    EXPECT_EQ(code_of(bytes), "corrupt") << changed;
    EXPECT_PRED2(holds, words_of(bytes), path);
  }
  fs::remove(path);
  EXPECT_EQ(code_of(blobs_.read(hash, 0, 4)), "not_found");
  EXPECT_EQ(put("what the tool said"), hash);
  EXPECT_EQ(read(hash, 0, 4), "what") << "the same output may come again";
}

TEST_F(BlobsTest, a_damaged_blob_is_stored_anew) {
  const std::string hash = put("some bytes");
  for (const char* damaged : {"", "some bites"}) {
    directory_.write("blobs/" + hash.substr(0, 2) + "/" + hash, damaged);
    EXPECT_EQ(put("some bytes"), hash);
    EXPECT_EQ(read(hash, 0, 100), "some bytes");
  }
}

TEST_F(BlobsTest, says_when_its_folder_cannot_be_made) {
  directory_.write("blobs", "a file");
  const Result<std::string> hash = blobs_.put("x");
  EXPECT_EQ(code_of(hash), "store");
  EXPECT_PRED2(holds, words_of(hash), folder_);
}

TEST_F(BlobsTest, a_full_disk_leaves_no_part_of_a_blob) {
  const test::SmallDisk disk(64 * 1024);
  if (!disk.mounted()) GTEST_SKIP() << disk.why_not();
  const Blobs blobs(disk.path() + "/blobs");
  ASSERT_TRUE(blobs.put("small").ok());
  const Result<std::string> hash = blobs.put(std::string(1 << 20, 'x'));
  EXPECT_EQ(code_of(hash), "store_full");
  EXPECT_PRED2(holds, words_of(hash), "free some space");
  EXPECT_EQ(files_below(disk.path()).size(), 1U);
}

}  // namespace
}  // namespace perdure
