#include "os/descriptor.h"

#include <cerrno>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

bool is_open(int descriptor) {
  return ::fcntl(descriptor, F_GETFD) >= 0;
}

TEST(Descriptor, ClosesItselfOnce) {
  auto [reading, writing] = *make_pipe();
  const int number = reading.get();
  {
    Descriptor moved = std::move(reading);
    EXPECT_FALSE(reading.valid());  // NOLINT: what is moved from is empty
    EXPECT_EQ(moved.get(), number);
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
  const int other = writing.get();
  writing = Descriptor();
  EXPECT_FALSE(is_open(other));
}

TEST(Descriptor, PipesCloseOnExec) {
  const auto pipe = *make_pipe();
  EXPECT_EQ(::fcntl(pipe.first.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl(pipe.second.get(), F_GETFD), FD_CLOEXEC);
}

TEST(Descriptor, NamesAnErrorForPeopleAndForBugReports) {
  EXPECT_EQ(errno_text(ENOSPC), "No space left on device (ENOSPC)");
  EXPECT_EQ(errno_text(123456), "unknown error (123456)");
}

TEST(Descriptor, AFullDiskIsAnErrorOfItsOwn) {
  struct Case {
    int error;
    ErrorCode code;
    bool has_advice;
  };
  for (const Case& row :
       {Case{ENOSPC, ErrorCode::kStoreFull, true}, Case{EDQUOT, ErrorCode::kStoreFull, true},
        Case{EIO, ErrorCode::kStore, false}}) {
    const Error error = system_error(ErrorCode::kStore, "cannot write", row.error, "/x");
    EXPECT_EQ(error.code, row.code);
    EXPECT_EQ(error.message, "cannot write: " + errno_text(row.error));
    EXPECT_EQ(error.context, "/x");
    EXPECT_EQ(!error.advice.empty(), row.has_advice);
  }
}

TEST(Descriptor, WritesOverShortWrites) {
  // More than a pipe holds, so that write() returns early many times.
  const std::string bytes(1 << 20, 'x');
  auto [reading, writing] = *make_pipe();
  std::thread writer([&bytes, &into = writing] {
    EXPECT_TRUE(write_all(into.get(), bytes).ok());
    into.reset();
  });
  const Result<std::string> read = read_to_end(reading.get(), bytes.size());
  writer.join();
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, bytes);
}

TEST(Descriptor, ReadsAsMuchAsIsAllowed) {
  const TemporaryDirectory place;
  place.write("file", "12345");
  const auto read = [&](std::size_t bytes_max) {
    const Descriptor file(::open((place.path() + "/file").c_str(), O_RDONLY | O_CLOEXEC));
    return read_to_end(file.get(), bytes_max);
  };
  EXPECT_EQ(*read(5), "12345");
  ASSERT_FALSE(read(4).ok());
  EXPECT_EQ(read(4).error().code, ErrorCode::kTooLarge);
}

TEST(Descriptor, SaysWhyItCannotWriteOrRead) {
  const Descriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(write_all(null.get(), "x").error().message, "cannot write: " + errno_text(EBADF));
  EXPECT_EQ(read_to_end(-1, 1).error().message, "cannot read: " + errno_text(EBADF));
  EXPECT_FALSE(set_nonblocking(-1).ok());
}

TEST(Descriptor, DoesNotWaitWhenItShallNot) {
  const auto pipe = *make_pipe();
  ASSERT_TRUE(set_nonblocking(pipe.first.get()).ok());
  char byte = 0;
  EXPECT_EQ(::read(pipe.first.get(), &byte, 1), -1);
  EXPECT_EQ(errno, EAGAIN);
}

}  // namespace
}  // namespace perdure
