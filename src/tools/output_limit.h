// Bounds what a tool says: the model sees head and tail, the whole goes to a blob, and memory does
// not depend on how much a process writes (attack A30, promise P9).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace perdure {

/// Kept of one output for read_output: its beginning and its end.
inline constexpr std::size_t kStoredHeadBytes = 3 << 20;
inline constexpr std::size_t kStoredTailBytes = 1 << 20;

/// Collects an output of any length.
class OutputBuffer {
 public:
  void append(std::string_view bytes);
  /// Everything, or beginning and end with a line between them that says how much is missing.
  std::string take();
  std::uint64_t total_bytes() const { return total_; }

 private:
  std::string head_;
  std::string tail_;  // at most twice kStoredTailBytes, cut back when it gets there
  std::uint64_t total_ = 0;
};

/// The part of a text that the model sees: all of it, or head and tail with a line between them
/// that says how many bytes there are and how read_output shows the rest. Cuts at line ends where
/// one is near, never inside a character.
std::string shown_part(std::string_view text, std::size_t bytes_max, std::string_view output_id);

}  // namespace perdure
