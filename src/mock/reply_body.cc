#include "mock/reply_body.h"

#include <algorithm>
#include <functional>

#include "base/utf8.h"
#include "json/writer.h"

namespace perdure::mock {
namespace {

constexpr std::size_t kChunkBytes = 12;
constexpr std::size_t kCharacterBytesMax = 4;
constexpr std::size_t kEventsPerComment = 8;
// No clock: the same request and script give the same bytes.
constexpr std::int64_t kCreated = 1768994256;

// Moonshot says the cached tokens beside the others, other hosts in an object of details.
void write_usage(json::Writer& writer, const ReplyFrame& frame) {
  const ReplyTokens& tokens = frame.tokens;
  writer.begin_object().key("prompt_tokens").integer(tokens.prompt);
  writer.key("completion_tokens").integer(tokens.completion);
  writer.key("total_tokens").integer(tokens.prompt + tokens.completion);
  if (frame.traits.usage == UsagePlace::kInChoice) {
    writer.key("cached_tokens").integer(tokens.cached);
  } else {
    writer.key("prompt_tokens_details").begin_object();
    writer.key("cached_tokens").integer(tokens.cached).end_object();
  }
  writer.end_object();
}

void write_reasoning(json::Writer& writer, const DialectTraits& traits, std::string_view text) {
  writer.key(traits.reasoning_field).string(text);
  if (!traits.reasoning_details) return;
  writer.key("reasoning_details").begin_array().begin_object();
  writer.key("type").string("reasoning.text").key("text").string(text);
  writer.key("format").string("unknown").key("index").integer(0);
  writer.end_object().end_array();
}

void write_call(json::Writer& writer, const DueCall& call) {
  writer.key("id").string(call.id).key("type").string("function").key("function").begin_object();
  writer.key("name").string(call.name).key("arguments").string(call.arguments).end_object();
}

using Write = std::function<void(json::Writer&)>;

// Writes the events of one stream, in order.
class StreamWriter {
 public:
  explicit StreamWriter(const ReplyFrame& frame) : frame_(frame), bytes_(frame.chunk_bytes) {}

  std::vector<std::string> write(const DueReply& reply) {
    delta([](json::Writer& writer) {
      writer.key("role").string("assistant").key("content").string("");
    });
    write_text(reply.reasoning, [&](json::Writer& writer, std::string_view slice) {
      write_reasoning(writer, frame_.traits, slice);
    });
    write_text(reply.text, [](json::Writer& writer, std::string_view slice) {
      writer.key("content").string(slice);
    });
    for (std::size_t i = 0; i < reply.calls.size(); ++i) write_call_deltas(reply.calls[i], i);
    write_finish(reply.finish);
    if (frame_.wants_usage) write_usage_chunk();
    events_.emplace_back("data: [DONE]\n\n");
    return std::move(events_);
  }

 private:
  // One chunk around what `choices` writes.
  void chunk(const Write& choices, const Write& more = {}) {
    if (frame_.traits.comments && events_.size() % kEventsPerComment == 0) {
      events_.emplace_back(": OPENROUTER PROCESSING\n\n");
    }
    std::string event = "data: ";
    json::Writer writer(event);
    writer.begin_object().key("id").string(frame_.id).key("object").string("chat.completion.chunk");
    writer.key("created").integer(kCreated).key("model").string(frame_.model);
    writer.key("choices").begin_array();
    choices(writer);
    writer.end_array();
    if (more) more(writer);
    writer.key("system_fingerprint").string("fpv0_mock").end_object();
    events_.push_back(event + "\n\n");
  }

  void delta(const Write& content) {
    chunk([&](json::Writer& writer) {
      writer.begin_object().key("index").integer(0).key("delta").begin_object();
      content(writer);
      writer.end_object().key("finish_reason").null().end_object();
    });
  }

  template <class WriteSlice>
  void write_text(std::string_view text, const WriteSlice& write_slice) {
    while (!text.empty()) {
      const std::string_view slice = next_slice(text, bytes_);
      delta([&](json::Writer& writer) { write_slice(writer, slice); });
      text.remove_prefix(slice.size());
    }
  }

  void write_call_deltas(const DueCall& call, std::size_t index) {
    const auto in_call = [&](const Write& content) {
      delta([&](json::Writer& writer) {
        writer.key("tool_calls").begin_array().begin_object();
        writer.key("index").integer(static_cast<std::int64_t>(index));
        content(writer);
        writer.end_object().end_array();
      });
    };
    if (frame_.traits.whole_calls) {
      return in_call([&](json::Writer& writer) { write_call(writer, call); });
    }
    in_call([&](json::Writer& writer) {
      write_call(writer, {.id = call.id, .name = call.name, .arguments = ""});
    });
    for (std::string_view text = call.arguments; !text.empty();) {
      const std::string_view slice = next_arguments_slice(text, bytes_);
      in_call([&](json::Writer& writer) {
        writer.key("type").string("function").key("function").begin_object();
        writer.key("arguments").string(slice).end_object();
      });
      text.remove_prefix(slice.size());
    }
  }

  void write_finish(std::string_view finish) {
    const auto choice = [&](json::Writer& writer) {
      writer.begin_object().key("index").integer(0).key("delta").begin_object().end_object();
      writer.key("finish_reason").string(finish);
      if (frame_.traits.usage == UsagePlace::kInChoice) {
        write_usage(writer.key("usage"), frame_);
      }
      writer.end_object();
    };
    if (frame_.traits.usage != UsagePlace::kInLastChoice) return chunk(choice);
    chunk(choice, [&](json::Writer& writer) {
      write_usage(writer.key("usage"), frame_);
      write_usage(writer.key("x_groq").begin_object().key("usage"), frame_);
      writer.end_object();
    });
  }

  void write_usage_chunk() {
    chunk([](json::Writer&) {},
          [&](json::Writer& writer) { write_usage(writer.key("usage"), frame_); });
  }

  const ReplyFrame& frame_;
  std::size_t bytes_;
  std::vector<std::string> events_;
};

}  // namespace

std::string_view next_slice(std::string_view text, std::size_t bytes) {
  const std::string_view slice = utf8_prefix(text, bytes > 0 ? bytes : kChunkBytes);
  return slice.empty() ? utf8_prefix(text, kCharacterBytesMax) : slice;
}

std::string_view next_arguments_slice(std::string_view text, std::size_t bytes) {
  const std::string_view slice = next_slice(text, bytes);
  return slice.substr(0, std::min(slice.find('\\'), slice.size() - 1) + 1);
}

std::int64_t completion_tokens(const DueReply& reply) {
  std::size_t bytes = reply.reasoning.size() + reply.text.size();
  for (const DueCall& call : reply.calls) bytes += call.name.size() + call.arguments.size();
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(bytes / 4));
}

std::string completion_body(const DueReply& reply, const ReplyFrame& frame) {
  // This host sends white space while it waits.
  std::string body = frame.traits.comments ? "\n         \n" : "";
  json::Writer writer(body);
  writer.begin_object().key("id").string(frame.id).key("object").string("chat.completion");
  writer.key("created").integer(kCreated).key("model").string(frame.model);
  writer.key("choices").begin_array().begin_object().key("index").integer(0);
  writer.key("message").begin_object().key("role").string("assistant");
  writer.key("content").string(reply.text);
  if (!reply.reasoning.empty()) write_reasoning(writer, frame.traits, reply.reasoning);
  if (!reply.calls.empty()) {
    writer.key("tool_calls").begin_array();
    for (const DueCall& call : reply.calls) {
      writer.begin_object();
      write_call(writer, call);
      writer.end_object();
    }
    writer.end_array();
  }
  writer.end_object().key("finish_reason").string(reply.finish).end_object().end_array();
  write_usage(writer.key("usage"), frame);
  writer.end_object();
  return body;
}

std::vector<std::string> stream_events(const DueReply& reply, const ReplyFrame& frame) {
  return StreamWriter(frame).write(reply);
}

std::string error_event(std::string_view message, const ReplyFrame& frame) {
  if (!frame.traits.comments) return "data: " + error_body(message, "server_error") + "\n\n";
  std::string event = "data: ";
  json::Writer writer(event);
  writer.begin_object().key("id").string(frame.id).key("object").string("chat.completion.chunk");
  writer.key("created").integer(kCreated).key("model").string(frame.model);
  writer.key("error").begin_object().key("code").string("server_error");
  writer.key("message").string(message).end_object();
  writer.key("choices").begin_array().begin_object().key("index").integer(0);
  writer.key("delta").begin_object().key("content").string("").end_object();
  writer.key("finish_reason").string("error").end_object().end_array().end_object();
  return event + "\n\n";
}

std::string error_body(std::string_view message, std::string_view type) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object().key("error").begin_object();
  writer.key("message").string(message).key("type").string(type);
  writer.end_object().end_object();
  return body;
}

}  // namespace perdure::mock
