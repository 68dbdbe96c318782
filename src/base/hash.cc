#include "base/hash.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace perdure {
namespace {

std::string hex_of(const std::uint8_t* bytes, std::size_t size) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(size * 2);
  for (std::size_t i = 0; i < size; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

}  // namespace

namespace {

// Kept for good, because looking an algorithm up costs more than hashing a short text with it.
const EVP_MD* algorithm() {
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return sha256;
}

}  // namespace

struct Hasher::Impl {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  Impl() { reset(); }
  ~Impl() { EVP_MD_CTX_free(context); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  void reset() {
    CHECK(EVP_DigestInit_ex2(context, algorithm(), nullptr) == 1, "libcrypto offers SHA-256");
  }
};

Hasher::Hasher() : impl_(std::make_unique<Impl>()) {}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(std::string_view bytes) {
  CHECK(EVP_DigestUpdate(impl_->context, bytes.data(), bytes.size()) == 1, "hashing never fails");
}

Sha256 Hasher::finish() {
  Sha256 hash;
  unsigned size = 0;
  CHECK(EVP_DigestFinal_ex(impl_->context, hash.data(), &size) == 1, "hashing never fails");
  CHECK(size == hash.size(), "SHA-256 has 32 bytes");
  impl_->reset();
  return hash;
}

Sha256 sha256(std::string_view bytes) {
  thread_local Hasher hasher;
  hasher.update(bytes);
  return hasher.finish();
}

std::string to_hex(const Sha256& hash) {
  return hex_of(hash.data(), hash.size());
}

std::string md5_hex(std::string_view bytes) {
  // Not a question of security, so that a libcrypto in FIPS mode may give it too.
  const std::unique_ptr<EVP_MD, void (*)(EVP_MD*)> algorithm(EVP_MD_fetch(nullptr, "MD5", "-fips"),
                                                             EVP_MD_free);
  std::array<std::uint8_t, 16> hash{};
  unsigned size = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), hash.data(), &size, algorithm.get(), nullptr) == 1,
        "libcrypto offers MD5");
  CHECK(size == hash.size(), "MD5 has 16 bytes");
  return hex_of(hash.data(), hash.size());
}

}  // namespace perdure
