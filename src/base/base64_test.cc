#include "base/base64.h"

#include <gtest/gtest.h>

namespace perdure {
namespace {

// RFC 4648, section 10.
TEST(Base64, has_the_vectors_of_its_specification) {
  const std::pair<std::string, std::string> kVectors[] = {{"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {"fooba", "Zm9vYmE="},
                                                          {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : kVectors) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
  }
}

TEST(Base64, takes_pieces_of_any_size_and_every_byte) {
  std::string bytes;
  for (std::size_t i = 0; i < (std::size_t{3} << 20) + 5; ++i)
    bytes += static_cast<char>(i * 7 + i / 251);
  const std::string text = to_base64(bytes);
  EXPECT_EQ(text.size(), (bytes.size() + 2) / 3 * 4);
  EXPECT_EQ(from_base64(text), bytes);
}

TEST(Base64, refuses_what_is_none) {
  for (const char* text : {"Zg", "Zg=", "Z===", "Zg==Zg==", "Zm9v\n", "Zm 9", "Zm9-", "====",
                           "blob"
                           ":abc"}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
}

}  // namespace
}  // namespace perdure
