#include "os/environment.h"

#include <cstdlib>
#include <string>
#include <vector>

#include <sys/prctl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "os/directories.h"
#include "tests/support/child_process.h"

namespace perdure {
namespace {

std::string value_of(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "(none)";
}

// What another process would read; the text that is left of it.
std::string shown_environment() {
  std::string text;
  for (const char byte : read_whole_file("/proc/self/environ", 4 << 20).value()) {
    if (byte != '\0') text += byte;
  }
  return text;
}

TEST(HideEnvironment, LeavesNothingToReadAndEverythingToUse) {
  ASSERT_NE(shown_environment(), "") << "nothing can be seen to vanish";
  const std::string path = value_of("PATH");
  test::ChildProcess child([](test::ChildProcess::Wire& wire) {
    hide_environment();
    wire.write(value_of("PATH"));
    wire.write(std::to_string(::prctl(PR_GET_DUMPABLE)));
    // Only so that this process may read what belongs to root now.
    ::prctl(PR_SET_DUMPABLE, 1);
    wire.write("[" + shown_environment() + "]");
    return 0;
  });
  EXPECT_EQ(child.wire().read(), path);
  EXPECT_EQ(child.wire().read(), "0");
  const std::string shown = child.wire().read();
  // The test itself may run in a command of Perdure.
  const std::string mark = value_of("PERDURE_CALL");
  EXPECT_EQ(shown, mark == "(none)" ? "[]" : "[PERDURE_CALL=" + mark + "]");
}

}  // namespace
}  // namespace perdure
