// Reads the streamed replies of the floor client: HTTP chunks, then lines, then the few fields that
// the next request needs, found by string search alone. It is right for streams that are in order
// and nothing more; a runtime must do better.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace perdure::bench {

/// One reply after the other of one connection. Texts are kept as they are escaped on the wire,
/// because that is how they go back in the next request.
class ReplyReader {
 public:
  /// Forgets the last reply.
  void start();
  /// Takes what the socket gave; true when the reply has ended with it. A reply that is not a
  /// stream, or is cut within an event, ends the process.
  bool feed(std::string_view bytes);

  const std::string& reasoning() const { return reasoning_; }
  const std::string& text() const { return text_; }
  const std::string& call_id() const { return call_id_; }
  const std::string& call_name() const { return call_name_; }
  const std::string& arguments() const { return arguments_; }
  const std::string& finish_reason() const { return finish_reason_; }
  /// Whether the stream was closed by "data: [DONE]", as a complete one is.
  bool is_done() const { return is_done_; }

 private:
  enum class Phase { kHead, kHeadFields, kChunkSize, kChunkData, kChunkEnd, kTrailer, kEnded };

  void take_http_line();
  void cut_lines(std::string_view data);
  void take_line(std::string_view line);

  Phase phase_ = Phase::kHead;
  std::size_t chunk_left_ = 0;
  std::string carried_;  // the beginning of a line of the HTTP framing
  std::string line_;     // the beginning of a line of the event stream
  std::string reasoning_;
  std::string text_;
  std::string call_id_;
  std::string call_name_;
  std::string arguments_;
  std::string finish_reason_;
  bool is_done_ = false;
};

}  // namespace perdure::bench
