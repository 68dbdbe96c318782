// The messages as the model sees them: immutable serialized fragments. A request is head +
// fragments + tail; a fragment that joined is never serialized again, so the prefix of each request
// is byte-identical to the last one.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

namespace perdure {

class Transcript {
 public:
  /// Serialized messages with the commas between them. Only grows at its end, where no element
  /// moves, so that a request in flight may share it.
  using Pieces = std::deque<std::string>;

  Transcript() = default;
  Transcript(const Transcript& other)
      : pieces_(std::make_shared<Pieces>(*other.pieces_)), bytes_(other.bytes_) {}
  Transcript& operator=(const Transcript& other) { return *this = Transcript(other); }
  Transcript(Transcript&&) = default;
  Transcript& operator=(Transcript&&) = default;

  /// Adds a message as JSON text.
  void append(std::string json) {
    if (!pieces_->empty()) json.insert(json.begin(), ',');
    bytes_ += json.size();
    pieces_->push_back(std::move(json));
  }

  std::size_t size() const { return pieces_->size(); }
  /// A message as JSON text.
  std::string_view fragment(std::size_t index) const {
    return std::string_view((*pieces_)[index]).substr(index > 0 ? 1 : 0);
  }
  /// Of all messages together, commas included.
  std::size_t bytes() const { return bytes_; }
  std::shared_ptr<const Pieces> pieces() const { return pieces_; }

 private:
  std::shared_ptr<Pieces> pieces_ = std::make_shared<Pieces>();
  std::size_t bytes_ = 0;
};

/// {"role":ROLE,"content":TEXT}
std::string message_fragment(std::string_view role, std::string_view text);
/// {"role":"tool","tool_call_id":ID,"content":TEXT}; an empty text becomes "(no output)", which
/// hosts accept.
std::string result_fragment(std::string_view tool_call_id, std::string_view text);

}  // namespace perdure
