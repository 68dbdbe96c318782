#include "base/hash.h"

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace perdure {
namespace {

// FIPS 180-2, appendix B, and the empty text.
const std::vector<std::pair<std::string, std::string>> kVectors = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {std::string(1'000'000, 'a'),
     "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

TEST(Hash, KnownTexts) {
  for (const auto& [text, hash] : kVectors) EXPECT_EQ(to_hex(sha256(text)), hash);
}

// RFC 1321, appendix A.5.
TEST(Hash, Md5OfKnownTexts) {
  EXPECT_EQ(md5_hex(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(md5_hex("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
}

TEST(Hash, PiecesAreOneText) {
  Hasher hasher;
  for (const auto& [text, hash] : kVectors) {
    for (std::size_t at = 0; at < text.size(); at += 1 + at / 2) {
      hasher.update(std::string_view(text).substr(at, 1 + at / 2));
    }
    EXPECT_EQ(to_hex(hasher.finish()), hash) << "and the hasher is as new for the next text";
  }
  Hasher moved = std::move(hasher);
  moved.update("a");
  hasher = std::move(moved);
  hasher.update("bc");
  EXPECT_EQ(to_hex(hasher.finish()), kVectors[1].second);
}

TEST(Hash, ThreadsDoNotDisturbEachOther) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int round = 0; round < 1000; ++round) {
        if (to_hex(sha256("abc")) != kVectors[1].second) ADD_FAILURE();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace perdure
