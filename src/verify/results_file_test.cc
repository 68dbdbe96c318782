// A result file over crashes: what a crash can leave is repaired, what is not ours is left alone.
#include "verify/results_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/result.h"
#include "tests/support/temporary_directory.h"

namespace perdure::verify {
namespace {

using test::code_of;
using test::holds;

std::string line_of(int index, const char* finish = "stop") {
  return fmt::format(
      R"({{"data_index":{},"request":{{}},"status":"success","finish_reason":"{}","hash":"h{}"}})",
      index, finish, index);
}

WrittenResult written(int index, const char* finish = "stop") {
  return {.line = line_of(index, finish), .outcome = {.is_success = true, .finish_reason = finish}};
}

class Results : public ::testing::Test {
 protected:
  std::string path() const { return folder_.path() + "/out/results.jsonl"; }
  std::string content() const { return folder_.read("out/results.jsonl"); }
  void write(const std::string& text) const { folder_.write("out/results.jsonl", text); }
  Result<ResultsFile> open() const { return ResultsFile::open(path()); }
  // "INDEX:FINISH " of what is known.
  static std::string known(const ResultsFile& file) {
    std::string text;
    for (const auto& [index, result] : file.results())
      text += fmt::format("{}:{} ", index, result.outcome.finish_reason);
    return text;
  }

  TemporaryDirectory folder_;
};

TEST_F(Results, AreKeptAndFoundAgain) {
  {
    Result<ResultsFile> file = open();
    ASSERT_TRUE(file.ok()) << test::words_of(file);
    EXPECT_EQ(known(*file), "");
    ASSERT_TRUE(file->append(2, "h2", written(2), "").ok());
    ASSERT_TRUE(file->append(1, "h1", written(1, "tool_calls"), "").ok());
    EXPECT_EQ(content(), line_of(2) + "\n" + line_of(1, "tool_calls") + "\n");
  }
  const Result<ResultsFile> file = open();
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(known(*file), "1:tool_calls 2:stop ");
  EXPECT_EQ(file->results().at(2).hash, "h2");
}

TEST_F(Results, OfOneRequestTheNewestCounts) {
  write(line_of(1, "stop") + "\n" + line_of(1, "length") + "\n");
  const Result<ResultsFile> file = open();
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(known(*file), "1:length ");
}

// Every place at which a crash can have cut the last line.
TEST_F(Results, CutByACrashAreRepaired) {
  const std::string whole = line_of(1) + "\n";
  const std::string last = line_of(2);
  for (std::size_t bytes = 1; bytes <= last.size(); ++bytes) {
    write(whole + last.substr(0, bytes));
    Result<ResultsFile> file = open();
    ASSERT_TRUE(file.ok()) << bytes << test::words_of(file);
    const bool is_whole = bytes == last.size();
    EXPECT_EQ(file->was_repaired(), !is_whole) << bytes;
    EXPECT_EQ(content(), is_whole ? whole + last + "\n" : whole) << bytes;
    ASSERT_TRUE(file->append(3, "h3", written(3), "").ok());
    EXPECT_EQ(content(), (is_whole ? whole + last + "\n" : whole) + line_of(3) + "\n");
    ASSERT_TRUE(file->sort().ok());
  }
}

TEST_F(Results, ThatNeverReachedTheDiskAreTakenAway) {
  write(line_of(1) + "\n" + std::string(100, '\0'));
  const Result<ResultsFile> file = open();
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE(file->was_repaired());
  EXPECT_EQ(content(), line_of(1) + "\n");
}

TEST_F(Results, OfSomebodyElseAreLeftAlone) {
  const std::string kOthers[] = {"my notes",
                                 "my notes\n",
                                 "[1]\n",
                                 R"({"messages":[]})",
                                 line_of(1) + "\n{\"data_index\":2,\n" + line_of(3) + "\n",
                                 line_of(1) + "\nnotes"};
  for (const std::string& other : kOthers) {
    write(other);
    const Result<ResultsFile> file = open();
    EXPECT_EQ(code_of(file), "invalid_argument") << other;
    EXPECT_EQ(content(), other);
  }
  write(kOthers[4]);
  EXPECT_PRED2(holds, test::words_of(open()), "results.jsonl:2");
}

TEST_F(Results, AreWrittenByOneProcess) {
  const Result<ResultsFile> first = open();
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(code_of(open()), "locked");
}

TEST_F(Results, AreSortedWithoutRepetitions) {
  write(line_of(3) + "\n" + line_of(1, "error") + "\n\n");
  Result<ResultsFile> file = open();
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->append(1, "h1", written(1), "").ok());
  ASSERT_TRUE(file->append(20, "h20", written(20), "").ok());
  ASSERT_TRUE(file->append(2, "h2", written(2), "").ok());
  ASSERT_TRUE(file->sort().ok());
  EXPECT_EQ(content(),
            line_of(1) + "\n" + line_of(2) + "\n" + line_of(3) + "\n" + line_of(20) + "\n");
}

TEST_F(Results, NeedAFile) {
  EXPECT_EQ(code_of(ResultsFile::open(folder_.path())), "store");
  EXPECT_EQ(code_of(ResultsFile::open("/dev/null")), "invalid_argument");
}

}  // namespace
}  // namespace perdure::verify
