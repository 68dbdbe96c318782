// The replies of the fast endpoint: streams in the shape that Moonshot sends (one server-sent event
// and one HTTP chunk for each token), from templates, because the endpoint must cost little beside
// the client that is measured.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace perdure::bench {

/// The streamed replies of the model "bench-N": whole HTTP responses, ready to be sent with one
/// write.
class Replies {
 public:
  /// `steps` is N; `words` is how many deltas of reasoning each reply has; `created` is the time in
  /// the chunks, in seconds since 1970.
  Replies(std::size_t steps, std::size_t words, std::int64_t created);

  /// Replaces `out` by the reply that asks for tool call number `call`. `reply_number` makes the id
  /// of the reply unique; `body_bytes` is the size of the request, from which the usage is made up.
  void write_call(std::string& out, std::uint64_t reply_number, std::size_t call,
                  std::size_t body_bytes);

  /// Replaces `out` by the reply that ends the run.
  void write_answer(std::string& out, std::uint64_t reply_number, std::size_t body_bytes);

 private:
  void write_beginning(std::string& out, std::uint64_t reply_number);
  void write_end(std::string& out, std::string_view finish_reason, std::size_t cached_tokens_max,
                 std::size_t body_bytes);
  void append_delta(std::string& out, std::string_view delta, std::string_view finish_reason);

  std::string event_begin_;  // what follows the id in each event
  std::string beginning_;    // the response head and all that comes before tool call or text
  std::vector<std::size_t> id_positions_;  // in beginning_
  std::string id_;
  // Kept between replies only for their capacity.
  std::string delta_;
  std::string event_;
};

/// A complete response with a JSON body; `status` is for example "200 OK".
std::string json_reply(std::string_view status, std::string_view json);

/// An error in the form of the OpenAI interface.
std::string error_reply(std::string_view status, std::string_view message);

/// The answer to GET /v1/models.
std::string models_reply(std::int64_t created);

}  // namespace perdure::bench
