// A request to a model, as chat completions or in another dialect: head + fragments + tail. The
// head (model, options, tools) is made once for a run and the fragments are never touched, so that
// each request begins with the bytes of the last one; what may differ from request to request (the
// cap of the reply, the tool choice) stands in the tail.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <perdure/json.h>
#include <perdure/model.h>
#include <perdure/result.h>

#include "core/event.h"
#include "core/transcript.h"
#include "model/catalog.h"
#include "net/http_client.h"

namespace perdure {

/// A tool as the model is told of it.
struct ToolDeclaration {
  std::string name;
  std::string description;
  std::string parameters;  ///< JSON Schema as text, already in the host's dialect.
  bool by_host = false;    ///< The host runs it: it is declared by its name alone.
};

class MediaLibrary;
class MediaWriter;

struct RequestOptions {
  Thinking thinking = Thinking::kDefault;
  ToolChoice tool_choice;
  Json sampling = Json::object();  ///< Members of the request; empty for the host's defaults.
  std::string cache_key;           ///< The run's id: keeps the host's prompt cache together.
  std::shared_ptr<MediaLibrary> media = {};  ///< Files that the messages name; null for none.
};

class AnthropicHistory;

/// The text of a request in the parts in which it is kept, with stored files by their names: the
/// head, the messages with commas between them, and the tail. Valid until the next request is
/// written.
struct RequestText {
  std::shared_ptr<const std::string> head;
  const Transcript* messages = nullptr;
  std::string tail;
};

/// The same to be sent.
HttpBody body_of(RequestText text);

class ChatRequest {
 public:
  /// Errors: kUnsupported for a thinking mode or sampling parameter that model and host do not
  /// take, and a tool choice that names no tool; kInvalidArgument for a sampling that is none.
  static Result<ChatRequest> make(const Endpoint& endpoint,
                                  const std::vector<ToolDeclaration>& tools,
                                  const RequestOptions& options);

  /// Bytes of the head: what every request carries before its messages.
  std::int64_t head_bytes() const { return static_cast<std::int64_t>(head_->size()); }
  /// What of the head a host's prompt cache depends on. Sampling, the cap of the reply and the tool
  /// choice are no part of the prompt.
  const std::vector<PrefixPart>& prefix() const { return prefix_; }
  /// The mode that is used, never kDefault.
  Thinking thinking() const { return thinking_; }
  /// The forced choice that the host does not take so: the model must be told, and its reply looked
  /// at. Empty: there is none.
  const std::string& told_choice() const { return told_choice_; }

  /// A request. `cut_reply`: the message that the host is to go on with, behind the transcript;
  /// empty for none, and always for Anthropic's dialect. A forced tool choice holds only for the
  /// first one of a turn. For a host that speaks Anthropic's dialect it is written from the
  /// messages that are new since the last one: one run, one thread.
  RequestText text(const Transcript& transcript, std::int64_t output_tokens_max,
                   std::int64_t replies_in_turn, std::string_view cut_reply = {}) const;
  /// Its body, with the stored files in it.
  HttpBody body(RequestText text) const;
  HttpBody body(const Transcript& transcript, std::int64_t output_tokens_max,
                std::int64_t replies_in_turn) const {
    return body(text(transcript, output_tokens_max, replies_in_turn));
  }

 private:
  void begin_anthropic(const Endpoint& endpoint, const std::vector<ToolDeclaration>& tools,
                       const RequestOptions& options, const std::string& thinking);

  std::shared_ptr<const std::string> head_;
  std::vector<PrefixPart> prefix_;
  std::shared_ptr<AnthropicHistory> anthropic_;  // when that is what the host speaks
  std::shared_ptr<MediaWriter> media_;           // when messages may name files
  std::string max_tokens_field_;
  ToolChoice tool_choice_;  // as the host takes it
  std::string told_choice_;
  bool has_tools_ = false;
  Thinking thinking_ = Thinking::kOff;
};

}  // namespace perdure
