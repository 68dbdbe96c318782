// Big outputs as content-addressed files: DIRECTORY/ab/abcdef... (SHA-256). A blob is synced before
// the event that names it is committed, and never changes. Safe to use from several threads and
// processes.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include <perdure/result.h>

namespace perdure {

class Blobs {
 public:
  explicit Blobs(std::string directory) : directory_(std::move(directory)) {}

  /// Stores the bytes and returns their hash. Errors: kStore, kStoreFull.
  Result<std::string> put(std::string_view bytes) const;
  /// Takes away what is not in `named`, was not stored or stored again within `age_ms`, and tells
  /// how much that was; with kLook it only tells. Errors: kStore.
  enum class Sweep : std::uint8_t { kLook, kRemove };
  struct Swept {
    std::int64_t blobs = 0;
    std::int64_t bytes = 0;
  };
  Result<Swept> sweep(const std::set<std::string>& named, std::int64_t age_ms, Sweep how) const;
  /// A part of a blob. Errors: kNotFound; kCorrupt for a name that is no hash,
  /// and for content that does not have it.
  Result<std::string> read(const std::string& hash, std::uint64_t offset,
                           std::size_t bytes_max) const;

 private:
  std::string path_of(const std::string& hash) const;
  std::string directory_;
};

}  // namespace perdure
