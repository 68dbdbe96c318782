// The strict projection: the same request with everything left out that a strict host could refuse
// and the model can do without. Tried once when a host refuses the form of a request
// (core/repair.h). Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/transcript.h"
#include "model/chat_request.h"

namespace perdure {

/// What a request is made of, with what is optional left out of it.
struct StrictRequest {
  Endpoint endpoint;
  std::vector<ToolDeclaration> tools;
  RequestOptions options;
  bool keeps_reasoning = false;  ///< The host demands it beside calls.
  bool null_content = false;  ///< A message with calls and no text says so, instead of omitting it.
  /// "stream_options", "thinking", "sampling/temperature", "tools/NAME/parameters"...
  std::vector<std::string> left_out;
};

/// `refusal` are the words of the host: whether it wants max_tokens or max_completion_tokens is
/// known from them only. The same words, endpoint, tools and options give the same request.
StrictRequest make_strict(const Endpoint& endpoint, const std::vector<ToolDeclaration>& tools,
                          const RequestOptions& options, std::string_view refusal);

/// One message with nothing but what the protocol demands: other members are dropped, names are
/// legal, arguments are JSON objects. What was no object goes back as {"arguments":TEXT}.
std::string strict_message(std::string_view fragment, const StrictRequest& rules);

/// The history of a run message by message in the strict form. Grows with it, so that a request
/// costs what is new in it; all is written anew only where a user message joins the last one.
class StrictHistory {
 public:
  explicit StrictHistory(StrictRequest rules) : rules_(std::move(rules)) {}

  /// All messages, as they are now; user messages in a row are joined. `transcript` is the one of
  /// the last call with messages added at its end. Valid until the next call.
  const Transcript& project(const Transcript& transcript);
  /// The first message that this form changes; nothing when it changes none.
  static std::optional<std::size_t> first_change(const Transcript& transcript,
                                                 const StrictRequest& rules);

 private:
  StrictRequest rules_;
  Transcript messages_;
  std::size_t taken_ = 0;  // of the transcript
};

}  // namespace perdure
