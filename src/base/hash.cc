#include "base/hash.h"

// SHA-256 comes from the functions that OpenSSL 3 calls deprecated: those that it offers instead
// look the algorithm up, allocate, and wait at their first use while another thread loads libcurl.
// A thread_local object with a destructor would wait for that too.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/sha.h>

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

struct Hasher::Impl {
  SHA256_CTX context{};
};

Hasher::Hasher() : impl_(std::make_unique<Impl>()) {
  SHA256_Init(&impl_->context);
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(std::string_view bytes) {
  SHA256_Update(&impl_->context, bytes.data(), bytes.size());
}

Sha256 Hasher::finish() {
  Sha256 hash;
  SHA256_Final(hash.data(), &impl_->context);
  SHA256_Init(&impl_->context);
  return hash;
}

Sha256 sha256(std::string_view bytes) {
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, bytes.data(), bytes.size());
  Sha256 hash;
  SHA256_Final(hash.data(), &context);
  return hash;
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
