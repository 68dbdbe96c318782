#include "mock/messages_reply.h"

#include <array>
#include <functional>
#include <span>

#include <fmt/format.h>

#include "json/writer.h"

namespace perdure::mock {
namespace {

struct Word {
  std::string_view chat;
  std::string_view messages;
};

std::string_view in_messages(std::span<const Word> words, std::string_view word) {
  for (const Word& known : words) {
    if (known.chat == word) return known.messages;
  }
  return word;
}

constexpr std::array kStopReasons = {
    Word{"stop", "end_turn"},
    Word{"tool_calls", "tool_use"},
    Word{"length", "max_tokens"},
    Word{"content_filter", "refusal"},
};

constexpr std::array kErrorTypes = {
    Word{"invalid_authentication_error", "authentication_error"},
    Word{"incorrect_api_key_error", "authentication_error"},
    Word{"resource_not_found_error", "not_found_error"},
    Word{"rate_limit_reached_error", "rate_limit_error"},
    Word{"engine_overloaded_error", "overloaded_error"},
    Word{"server_unavailable", "overloaded_error"},
    Word{"server_error", "api_error"},
    Word{"permission_denied_error", "permission_error"},
};

struct StatusError {
  int status;
  std::string_view type;
  std::string_view message;
};
constexpr std::array kStatusErrors = {
    StatusError{400, "invalid_request_error", "Invalid request: the request is malformed"},
    StatusError{401, "authentication_error", "invalid x-api-key"},
    StatusError{402, "billing_error", "Your credit balance is too low"},
    StatusError{403, "permission_error", "The API you are accessing is not open"},
    StatusError{404, "not_found_error", "Not found the model or Permission denied"},
    StatusError{413, "request_too_large", "Request exceeds the maximum size"},
    StatusError{429, "rate_limit_error", "This request would exceed your rate limit"},
    StatusError{500, "api_error", "Internal server error"},
    StatusError{504, "timeout_error", "The request timed out"},
    StatusError{529, "overloaded_error", "Overloaded"},
};

// What was in the cache does not count as input; nothing is said of what was written to it.
void write_message_usage(json::Writer& writer, const ReplyTokens& tokens, std::int64_t output) {
  writer.begin_object().key("input_tokens").integer(tokens.prompt - tokens.cached);
  writer.key("cache_creation_input_tokens").integer(0);
  writer.key("cache_read_input_tokens").integer(tokens.cached);
  writer.key("output_tokens").integer(output).end_object();
}

void begin_message(json::Writer& writer, const ReplyFrame& frame) {
  writer.begin_object().key("id").string(frame.id).key("type").string("message");
  writer.key("role").string("assistant").key("model").string(frame.model).key("content");
}

class EventWriter {
 public:
  explicit EventWriter(const ReplyFrame& frame) : frame_(frame) {}

  std::vector<std::string> write(const DueReply& reply) {
    event("message_start", [&](json::Writer& writer) {
      begin_message(writer.key("message"), frame_);
      writer.begin_array().end_array().key("stop_reason").null().key("stop_sequence").null();
      write_message_usage(writer.key("usage"), frame_.tokens, 0);
      writer.end_object();
    });
    event("ping", [](json::Writer&) {});
    write_text(reply.reasoning, "thinking");
    write_text(reply.text, "text");
    for (const DueCall& call : reply.calls) write_call(call);
    event("message_delta", [&](json::Writer& writer) {
      writer.key("delta").begin_object().key("stop_reason");
      writer.string(in_messages(kStopReasons, reply.finish)).key("stop_sequence").null();
      writer.end_object().key("usage").begin_object().key("output_tokens");
      writer.integer(frame_.tokens.completion).end_object();
    });
    event("message_stop", [](json::Writer&) {});
    return std::move(events_);
  }

 private:
  using Write = std::function<void(json::Writer&)>;

  void event(std::string_view type, const Write& write) {
    std::string data;
    json::Writer writer(data);
    writer.begin_object().key("type").string(type);
    write(writer);
    writer.end_object();
    events_.push_back(fmt::format("event: {}\ndata: {}\n\n", type, data));
  }

  void block(const Write& start, std::string_view text, std::string_view delta,
             std::string_view member) {
    event("content_block_start", [&](json::Writer& writer) {
      writer.key("index").integer(index_).key("content_block").begin_object();
      start(writer);
      writer.end_object();
    });
    while (!text.empty()) {
      const std::string_view slice = member == "partial_json"
                                         ? next_arguments_slice(text, frame_.chunk_bytes)
                                         : next_slice(text, frame_.chunk_bytes);
      event("content_block_delta", [&](json::Writer& writer) {
        writer.key("index").integer(index_).key("delta").begin_object();
        writer.key("type").string(delta).key(member).string(slice).end_object();
      });
      text.remove_prefix(slice.size());
    }
    event("content_block_stop", [&](json::Writer& writer) { writer.key("index").integer(index_); });
    ++index_;
  }

  void write_text(std::string_view text, std::string_view type) {
    if (text.empty()) return;
    block([&](json::Writer& writer) { writer.key("type").string(type).key(type).string(""); }, text,
          fmt::format("{}_delta", type), type);
  }

  void write_call(const DueCall& call) {
    block(
        [&](json::Writer& writer) {
          writer.key("type").string("tool_use").key("id").string(call.id);
          writer.key("name").string(call.name).key("input").begin_object().end_object();
        },
        call.arguments, "input_json_delta", "partial_json");
  }

  const ReplyFrame& frame_;
  std::int64_t index_ = 0;
  std::vector<std::string> events_;
};

}  // namespace

std::string message_body(const DueReply& reply, const ReplyFrame& frame) {
  std::string body;
  json::Writer writer(body);
  begin_message(writer, frame);
  writer.begin_array();
  const auto write_text = [&](std::string_view type, std::string_view text) {
    if (text.empty()) return;
    writer.begin_object().key("type").string(type).key(type).string(text).end_object();
  };
  write_text("thinking", reply.reasoning);
  write_text("text", reply.text);
  for (const DueCall& call : reply.calls) {
    json::Reader reader;
    const Result<json::Value> input = reader.parse(call.arguments);
    writer.begin_object().key("type").string("tool_use").key("id").string(call.id);
    writer.key("name").string(call.name).key("input");
    // What is no JSON can only stand there as a string.
    input.ok() ? writer.raw(call.arguments) : writer.string(call.arguments);
    writer.end_object();
  }
  writer.end_array().key("stop_reason").string(in_messages(kStopReasons, reply.finish));
  writer.key("stop_sequence").null();
  write_message_usage(writer.key("usage"), frame.tokens, frame.tokens.completion);
  writer.end_object();
  return body;
}

std::vector<std::string> message_events(const DueReply& reply, const ReplyFrame& frame) {
  return EventWriter(frame).write(reply);
}

std::string message_error_body(std::string_view message, std::string_view type) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object().key("type").string("error").key("error").begin_object();
  writer.key("type").string(in_messages(kErrorTypes, type)).key("message").string(message);
  writer.end_object().end_object();
  return body;
}

std::string message_error_event(std::string_view message) {
  return fmt::format("event: error\ndata: {}\n\n", message_error_body(message, "api_error"));
}

std::string message_error_of_status(int status, std::string_view type) {
  for (const StatusError& known : kStatusErrors) {
    if (known.status == status && (type.empty() || in_messages(kErrorTypes, type) == known.type))
      return message_error_body(known.message, known.type);
  }
  return message_error_body(fmt::format("scripted status {}", status),
                            type.empty() ? "api_error" : type);
}

}  // namespace perdure::mock
