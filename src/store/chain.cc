#include "store/chain.h"

#include <array>

namespace perdure {
namespace {

void update_number(Hasher& hasher, std::uint64_t number) {
  std::array<char, 8> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(number >> (8 * (bytes.size() - 1 - i)));
  }
  hasher.update({bytes.data(), bytes.size()});
}

}  // namespace

Sha256 chain_hash(Hasher& hasher, const Sha256& previous, std::uint64_t sequence,
                  std::int64_t at_ms, std::string_view kind, std::string_view payload) {
  hasher.update({reinterpret_cast<const char*>(previous.data()), previous.size()});
  update_number(hasher, sequence);
  update_number(hasher, static_cast<std::uint64_t>(at_ms));
  hasher.update(kind);
  hasher.update("\n");
  hasher.update(payload);
  return hasher.finish();
}

}  // namespace perdure
