// Where the recorded traffic of hosts is. It is not part of the tree: the environment variable
// PERDURE_FIXTURES names its folder, else it is ../shared/fixtures beside the source. As with the
// suites (suites.h), a test that needs it is skipped without it, and fails when CI=true.
#pragma once

#include <cstdlib>
#include <filesystem>

#include "tests/support/suites.h"

namespace perdure::test {

/// The folder of the fixtures, whether it exists or not.
inline std::filesystem::path fixtures_folder() {
  const char* named = std::getenv("PERDURE_FIXTURES");
  if (named != nullptr && *named != '\0') return named;
  return std::filesystem::path(PERDURE_SOURCE_DIR).parent_path() / "shared" / "fixtures";
}

inline bool has_fixtures() {
  std::error_code ignored;
  return std::filesystem::is_directory(fixtures_folder(), ignored);
}

inline std::string missing_fixtures_text() {
  return "the recorded traffic is not in " + fixtures_folder().string() +
         "; set PERDURE_FIXTURES to the folder that holds it";
}

}  // namespace perdure::test

/// Leaves the test when there are no fixtures.
#define PERDURE_NEED_FIXTURES()                                                     \
  if (!::perdure::test::has_fixtures() && ::perdure::test::are_suites_required()) { \
    FAIL() << ::perdure::test::missing_fixtures_text();                             \
  }                                                                                 \
  if (!::perdure::test::has_fixtures()) GTEST_SKIP() << ::perdure::test::missing_fixtures_text()
