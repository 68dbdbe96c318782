#include "fast_replies.h"

#include <algorithm>
#include <array>

#include "support.h"

namespace perdure::bench {
namespace {

/// The agent reads this many different files, over and over.
constexpr std::size_t kFiles = 16;
constexpr std::size_t kCompletionTokens = 70;
constexpr std::size_t kIdDigits = 24;
constexpr std::string_view kIdPrefix = "chatcmpl-";

/// Words of which each becomes one delta, over and over.
constexpr std::string_view kReasoning =
    "I have read the last file and it has no sign of what we look for. The rest of the files is in "
    "the same data folder, so the best thing to do now is to call the tool on the next one in turn "
    "and then see.";

/// One HTTP chunk (RFC 9112 section 7.1) with one server-sent event: hosts write each token by
/// itself.
void append_event(std::string& out, std::string_view data) {
  constexpr std::string_view kField = "data: ";
  append_number(out, kField.size() + data.size() + 2, 16);
  out.append("\r\n").append(kField).append(data).append("\n\n\r\n");
}

}  // namespace

Replies::Replies(std::size_t steps, std::size_t words, std::int64_t created)
    : event_begin_(R"(","object":"chat.completion.chunk","created":)"),
      beginning_(
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
          "Transfer-Encoding: chunked\r\n\r\n"),
      id_(std::string(kIdPrefix) + std::string(kIdDigits, '0')) {
  append_number(event_begin_, created);
  event_begin_.append(R"(,"model":"bench-)");
  append_number(event_begin_, steps);
  event_begin_.append(R"(","choices":[)");

  append_delta(beginning_, R"({"role":"assistant","content":""})", "null");
  for (std::size_t begin = 0; words > 0; --words) {
    const std::size_t end = std::min(kReasoning.find(' ', begin + 1), kReasoning.size());
    delta_ = R"({"reasoning_content":")";
    delta_.append(kReasoning.substr(begin, end - begin)).append("\"}");
    append_delta(beginning_, delta_, "null");
    begin = end == kReasoning.size() ? 0 : end;
  }
  for (std::size_t at = beginning_.find(id_); at != std::string::npos;
       at = beginning_.find(id_, at + id_.size())) {
    id_positions_.push_back(at);
  }
}

void Replies::write_call(std::string& out, std::uint64_t reply_number, std::size_t call,
                         std::size_t body_bytes) {
  write_beginning(out, reply_number);
  delta_ = R"({"tool_calls":[{"index":0,"id":"functions.read_file:)";
  append_number(delta_, call);
  delta_ += R"(","type":"function","function":{"name":"read_file","arguments":""}}]})";
  append_delta(out, delta_, "null");

  std::string file = "file_";
  append_number(file, call % kFiles);
  const std::array<std::string_view, 4> slices = {R"({\"path)", R"(\":\"data/)", file,
                                                  R"(.txt\"})"};
  for (std::string_view slice : slices) {
    delta_ = R"({"tool_calls":[{"index":0,"function":{"arguments":")";
    delta_.append(slice).append(R"("}}]})");
    append_delta(out, delta_, "null");
  }
  write_end(out, R"("tool_calls")", call == 0 ? 0 : body_bytes / 4, body_bytes);
}

void Replies::write_answer(std::string& out, std::uint64_t reply_number, std::size_t body_bytes) {
  write_beginning(out, reply_number);
  for (std::string_view slice : {"All", " files", " are", " read", "."}) {
    delta_ = R"({"content":")";
    delta_.append(slice).append("\"}");
    append_delta(out, delta_, "null");
  }
  write_end(out, R"("stop")", body_bytes / 4, body_bytes);
}

void Replies::write_beginning(std::string& out, std::uint64_t reply_number) {
  std::string digits;
  append_number(digits, reply_number, 16);
  digits.copy(id_.data() + id_.size() - digits.size(), digits.size());
  out.assign(beginning_);
  for (std::size_t position : id_positions_) id_.copy(out.data() + position, id_.size());
}

void Replies::write_end(std::string& out, std::string_view finish_reason,
                        std::size_t cached_tokens_max, std::size_t body_bytes) {
  append_delta(out, "{}", finish_reason);
  const std::size_t prompt_tokens = body_bytes / 4;
  // What a host with a prefix cache would find: all but about one step, in blocks of 16 tokens.
  const std::size_t cached_tokens =
      std::min(cached_tokens_max, prompt_tokens - std::min<std::size_t>(prompt_tokens, 256)) / 16 *
      16;
  event_.assign(R"({"id":")").append(id_).append(event_begin_);
  event_.append(R"(],"usage":{"prompt_tokens":)");
  append_number(event_, prompt_tokens);
  event_.append(R"(,"completion_tokens":)");
  append_number(event_, kCompletionTokens);
  event_.append(R"(,"total_tokens":)");
  append_number(event_, prompt_tokens + kCompletionTokens);
  event_.append(R"(,"cached_tokens":)");
  append_number(event_, cached_tokens);
  event_.append(R"(},"system_fingerprint":"fpv0_10a6da87"})");
  append_event(out, event_);
  append_event(out, "[DONE]");
  out.append("0\r\n\r\n");
}

void Replies::append_delta(std::string& out, std::string_view delta,
                           std::string_view finish_reason) {
  event_.assign(R"({"id":")").append(id_).append(event_begin_);
  event_.append(R"({"index":0,"delta":)").append(delta);
  event_.append(R"(,"finish_reason":)").append(finish_reason);
  event_.append(R"(}],"system_fingerprint":"fpv0_10a6da87"})");
  append_event(out, event_);
}

std::string json_reply(std::string_view status, std::string_view json) {
  std::string reply = "HTTP/1.1 ";
  reply.append(status).append("\r\nContent-Type: application/json\r\nContent-Length: ");
  append_number(reply, json.size());
  reply.append("\r\n\r\n").append(json);
  return reply;
}

std::string error_reply(std::string_view status, std::string_view message) {
  std::string json = R"({"error":{"message":")";
  append_escaped(json, message);
  json.append(R"(","type":"invalid_request_error"}})");
  return json_reply(status, json);
}

std::string models_reply(std::int64_t created) {
  // Clients that look a model up before they use it find the usual sizes; any other N works all the
  // same.
  std::string json = R"({"object":"list","data":[)";
  for (int steps : {1, 10, 20, 200, 1000, 4000}) {
    if (json.back() == '}') json.push_back(',');
    json.append(R"({"id":"bench-)");
    append_number(json, steps);
    json.append(R"(","object":"model","owned_by":"bench","created":)");
    append_number(json, created);
    json.push_back('}');
  }
  json.append("]}");
  return json_reply("200 OK", json);
}

}  // namespace perdure::bench
