// Where the public test suites are. They are not part of the tree: the environment variable
// PERDURE_SUITES names their folder, else it is ../shared/suites beside the source. A test that
// needs one begins with
//
//   PERDURE_FIND_SUITE(folder, "json-schema-test-suite");   // std::filesystem::path folder
//
// and is skipped without it, with a line that says so; when CI=true it fails instead, so that no
// build server goes green on tests that did not run.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include <gtest/gtest.h>

namespace perdure::test {

/// The folder that holds the suites, whether it exists or not.
inline std::filesystem::path suites_folder() {
  const char* named = std::getenv("PERDURE_SUITES");
  if (named != nullptr && *named != '\0') return named;
  return std::filesystem::path(PERDURE_SOURCE_DIR).parent_path() / "shared" / "suites";
}

/// The folder of one suite, or an empty path when it is not there.
inline std::filesystem::path find_suite(std::string_view name) {
  std::filesystem::path folder = suites_folder() / name;
  std::error_code ignored;
  return std::filesystem::is_directory(folder, ignored) ? folder : std::filesystem::path();
}

/// Whether a missing suite is a failure.
inline bool are_suites_required() {
  const char* value = std::getenv("CI");
  return value != nullptr && std::string_view(value) == "true";
}

inline std::string missing_suite_text(std::string_view name) {
  return "the suite " + std::string(name) + " is not in " + suites_folder().string() +
         "; set PERDURE_SUITES to the folder that holds it";
}

}  // namespace perdure::test

/// Declares `folder` as the folder of a suite; leaves the test when there is none.
#define PERDURE_FIND_SUITE(folder, name)                                  \
  const std::filesystem::path folder = ::perdure::test::find_suite(name); \
  if (folder.empty() && ::perdure::test::are_suites_required()) {         \
    FAIL() << ::perdure::test::missing_suite_text(name);                  \
  }                                                                       \
  if (folder.empty()) GTEST_SKIP() << ::perdure::test::missing_suite_text(name)
