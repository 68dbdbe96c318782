// SHA-256 by libcrypto: content addresses of blobs, the journal's chain, fingerprints of calls and
// files.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace perdure {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::string_view bytes);

/// Lower-case hexadecimal, 64 characters.
std::string to_hex(const Sha256& hash);

/// MD5 as lower-case hexadecimal, 32 characters: for file formats of others that have it. It
/// protects nothing.
std::string md5_hex(std::string_view bytes);

/// The hash of a sequence of pieces, as if they were one string. Reusable after finish(). One
/// thread at a time.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void update(std::string_view bytes);
  /// The hash of all that was given since the construction or the last finish().
  Sha256 finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure
