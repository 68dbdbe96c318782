// Lines of a file, at the borders of the pieces in which it is read.
#include "verify/line_file.h"

#include <vector>

#include <gtest/gtest.h>

#include "tests/support/result.h"
#include "tests/support/temporary_directory.h"

namespace perdure::verify {
namespace {

class LineFile : public ::testing::Test {
 protected:
  // "NUMBER@OFFSET+BYTES" of each line, with "!" behind one that has no line feed.
  std::string places(const std::string& content) {
    folder_.write("file", content);
    const Result<Descriptor> file = open_lines(path());
    EXPECT_TRUE(file.ok());
    std::string text;
    const Status read = each_line(file->get(), [&](const LinePlace& place, std::string_view line) {
      EXPECT_EQ(line, content.substr(static_cast<std::size_t>(place.offset), place.bytes));
      text += std::to_string(place.number) + "@" + std::to_string(place.offset) + "+" +
              std::to_string(place.bytes) + (place.is_ended ? " " : "! ");
      return Status();
    });
    EXPECT_TRUE(read.ok());
    return text;
  }
  std::string path() const { return folder_.path() + "/file"; }

  TemporaryDirectory folder_;
};

TEST_F(LineFile, IsReadByLine) {
  EXPECT_EQ(places(""), "");
  EXPECT_EQ(places("a"), "1@0+1! ");
  EXPECT_EQ(places("\n"), "1@0+0 ");
  EXPECT_EQ(places("ab\n\ncd\ne"), "1@0+2 2@3+0 3@4+2 4@7+1! ");
}

TEST_F(LineFile, MayHaveLongLines) {
  const std::size_t piece = 1 << 20;
  for (const std::size_t size : {piece - 1, piece, piece + 1, 3 * piece}) {
    const std::string bytes = std::to_string(size);
    EXPECT_EQ(places(std::string(size, 'x') + "\nab\n"),
              "1@0+" + bytes + " 2@" + std::to_string(size + 1) + "+2 ");
    EXPECT_EQ(places("\n" + std::string(size, 'x')), "1@0+0 2@1+" + bytes + "! ");
  }
}

TEST_F(LineFile, EndsWithTheFirstError) {
  folder_.write("file", "a\nb\nc\n");
  const Result<Descriptor> file = open_lines(path());
  ASSERT_TRUE(file.ok());
  int seen = 0;
  const Status read = each_line(file->get(), [&](const LinePlace& place, std::string_view) {
    ++seen;
    return place.number == 2 ? Status(Error{.code = ErrorCode::kCorrupt}) : Status();
  });
  EXPECT_EQ(test::code_of(read), "corrupt");
  EXPECT_EQ(seen, 2);
}

TEST_F(LineFile, GivesOneLineByItsPlace) {
  folder_.write("file", "abc\ndef\n");
  const Result<Descriptor> file = open_lines(path());
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(read_place(file->get(), 4, 3).value(), "def");
  EXPECT_EQ(test::code_of(read_place(file->get(), 4, 9)), "store");
}

TEST_F(LineFile, IsAFile) {
  EXPECT_EQ(test::code_of(open_lines(path())), "not_found");
  EXPECT_EQ(test::code_of(open_lines(folder_.path())), "invalid_argument");
  EXPECT_EQ(test::code_of(open_lines("/dev/null")), "invalid_argument");
}

TEST_F(LineFile, HasManyNames) {
  folder_.write("file", "");
  folder_.write("other", "");
  EXPECT_TRUE(is_same_file(path(), folder_.path() + "/./file"));
  EXPECT_FALSE(is_same_file(path(), folder_.path() + "/other"));
  EXPECT_FALSE(is_same_file(folder_.path() + "/none", folder_.path() + "/none"));
}

}  // namespace
}  // namespace perdure::verify
