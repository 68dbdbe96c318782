// The messages as the model sees them: immutable serialized fragments. A request is head +
// fragments + tail; a fragment that joined is never serialized again, so the prefix of each request
// is byte-identical to the last one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "json/message_parts.h"

namespace perdure {

/// Serialized messages in blocks. A history of thousands of small messages goes to a socket in a
/// few large pieces, and costs the memory of its text. Only grows at its end, where no byte moves,
/// so that a request in flight may share it.
class Transcript {
 public:
  /// All messages with the commas between them, as they are now.
  struct Pieces {
    std::shared_ptr<const void> owner;  ///< Keeps what the list shows.
    std::vector<std::string_view> list;
  };

  Transcript() = default;
  Transcript(const Transcript& other);
  Transcript& operator=(const Transcript& other) { return *this = Transcript(other); }
  Transcript(Transcript&&) = default;
  Transcript& operator=(Transcript&&) = default;

  /// Adds a message as JSON text.
  void append(std::string_view json);
  /// The same for the result of a call that failed or never ran, which some hosts are told.
  void append_failure(std::string_view json);

  std::size_t size() const { return fragments_.size(); }
  /// A message as JSON text.
  std::string_view fragment(std::size_t index) const { return fragments_[index]; }
  /// A message that stands for one of another history, as a failure if that one is.
  void append_like(const Transcript& other, std::size_t index, std::string_view json) {
    other.is_failure(index) ? append_failure(json) : append(json);
  }
  bool is_failure(std::size_t index) const { return failures_.count(index) > 0; }
  /// Of all messages together, commas included.
  std::size_t bytes() const { return bytes_; }
  Pieces pieces() const;
  /// Of the bytes of all messages, 16 hexadecimal digits. Kept as they join, for to hash all of
  /// them would cost more with each request. Tells whether two histories are the same, not whether
  /// one is forged.
  std::string hash() const;

  bool operator==(const Transcript& other) const { return fragments_ == other.fragments_; }

 private:
  // Each has room for all that it will ever hold.
  std::shared_ptr<std::deque<std::string>> blocks_ = std::make_shared<std::deque<std::string>>();
  std::vector<std::string_view> fragments_;
  std::set<std::size_t> failures_;
  std::size_t bytes_ = 0;
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace perdure
