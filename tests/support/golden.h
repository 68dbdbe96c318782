// Golden files: what a test made, compared with the file below tests/golden that a person has
// looked at. PERDURE_UPDATE_GOLDENS=1 writes the files anew; look at the difference before you
// commit it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

namespace perdure::test {

inline void expect_golden(const std::string& name, const std::string& text) {
  const std::filesystem::path file =
      std::filesystem::path(PERDURE_SOURCE_DIR) / "tests/golden" / name;
  const char* update = std::getenv("PERDURE_UPDATE_GOLDENS");
  if (update != nullptr && std::string(update) == "1") {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream wanted;
  wanted << stream.rdbuf();
  EXPECT_TRUE(stream.good() || stream.eof()) << file << " is missing";
  EXPECT_EQ(text, wanted.str()) << "in " << name
                                << "; PERDURE_UPDATE_GOLDENS=1 accepts what is there now";
}

}  // namespace perdure::test
