#include "core/transcript.h"

#include <algorithm>

namespace perdure {
namespace {

// Short runs get small blocks: a thousand of them may share a process.
constexpr std::size_t kBlockBytesMin = 1024;
constexpr std::size_t kBlockBytesMax = 64 * 1024;

// FNV-1a.
std::uint64_t hash_on(std::uint64_t hash, std::string_view bytes) {
  constexpr std::uint64_t kPrime = 0x100000001b3;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * kPrime;
  return hash;
}

}  // namespace

Transcript::Transcript(const Transcript& other) : failures_(other.failures_) {
  for (const std::string_view fragment : other.fragments_) append(fragment);
}

void Transcript::append(std::string_view json) {
  const std::string_view comma = fragments_.empty() ? "" : ",";
  const std::size_t needed = comma.size() + json.size();
  if (blocks_->empty() || blocks_->back().capacity() - blocks_->back().size() < needed) {
    const std::size_t usual = std::clamp(bytes_ / 2, kBlockBytesMin, kBlockBytesMax);
    blocks_->emplace_back().reserve(std::max(usual, needed));
  }
  std::string& block = blocks_->back();
  block += comma;
  block += json;
  bytes_ += needed;
  hash_ = hash_on(hash_on(hash_, comma), json);
  fragments_.push_back(std::string_view(block).substr(block.size() - json.size()));
}

void Transcript::append_failure(std::string_view json) {
  failures_.insert(fragments_.size());
  append(json);
}

Transcript::Pieces Transcript::pieces() const {
  return {.owner = blocks_, .list = {blocks_->begin(), blocks_->end()}};
}

std::string Transcript::hash() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex(16, '0');
  std::uint64_t rest = hash_;
  for (auto digit = hex.rbegin(); digit != hex.rend(); ++digit, rest /= 16)
    *digit = kDigits[rest % 16];
  return hex;
}

}  // namespace perdure
