// Every input in tests/fuzz/corpus through its target: what a fuzzer found once stays found.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/fuzz/targets.h"

namespace perdure::fuzz {
namespace {

namespace fs = std::filesystem;

const fs::path kCorpus = fs::path(PERDURE_SOURCE_DIR) / "tests/fuzz/corpus";

class Corpus : public testing::TestWithParam<Target> {};

TEST_P(Corpus, passes) {
  const fs::path folder = kCorpus / GetParam().name;
  ASSERT_TRUE(fs::is_directory(folder)) << "a target needs a corpus: " << folder;
  std::size_t inputs = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path());
    std::ifstream file(entry.path(), std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    GetParam().run(bytes.str());
    ++inputs;
  }
  EXPECT_GT(inputs, 0U) << folder;
}

TEST(Corpus, has_no_folder_without_a_target) {
  for (const auto& entry : fs::directory_iterator(kCorpus)) {
    const bool known = std::any_of(targets().begin(), targets().end(), [&](const Target& target) {
      return target.name == entry.path().filename();
    });
    EXPECT_TRUE(known) << entry.path();
  }
}

std::string name_of(const testing::TestParamInfo<Target>& target) {
  return std::string(target.param.name);
}

INSTANTIATE_TEST_SUITE_P(Targets, Corpus, testing::ValuesIn(targets()), name_of);

}  // namespace
}  // namespace perdure::fuzz
