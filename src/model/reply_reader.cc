#include "model/reply_reader.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/utf8.h"
#include "model/errors.h"
#include "model/page_text.h"
#include "model/repair.h"

namespace perdure {
namespace {

constexpr std::size_t kErrorBodyMax = 1 << 20;
constexpr std::size_t kCompletionBodyMax = 64 << 20;
constexpr std::size_t kStartMax = 4096;  // kept of a stream without events, to show it
constexpr std::string_view kEndMarker = "[DONE]";

// Nothing asks for compression, and nothing is decompressed: what a few bytes would become has no
// bound (fault N37). No text begins with the first byte of gzip, which some proxies do not declare.
std::optional<Error> refuse_compressed(const HttpHead& head, char first_byte) {
  constexpr char kGzip = '\x1f';
  std::string coding = to_lower_ascii(head.header("content-encoding"));
  if (coding == "identity") coding.clear();
  if (coding.empty() && first_byte == kGzip) coding = "gzip";
  if (coding.empty()) return std::nullopt;
  return Error{.code = ErrorCode::kBadReply,
               .message = "the reply is compressed (" + printable(to_valid_utf8(coding)) +
                          "), which nothing asked for",
               .advice = "look for a proxy in between that compresses what passes it",
               .retry = Retry::kLater};
}

}  // namespace

ReplyReader::ReplyReader(json::Reader& json, const HostProfile& host, const ReplyContext& context,
                         const ReplyDeltas* deltas)
    : json_(json),
      assembly_(host, context, deltas),
      parser_([this](const SseEvent& event) { take_event(event.data); }) {
  if (host.dialect == Dialect::kAnthropic) anthropic_.emplace(assembly_);
}

ReplyReader::ReplyReader(const ReplyReader& other)
    : json_(other.json_),
      assembly_(other.assembly_),
      shape_(other.shape_),
      parser_(other.parser_, [this](const SseEvent& event) { take_event(event.data); }),
      head_(other.head_),
      body_(other.body_),
      failure_(other.failure_),
      start_(other.start_),
      is_stream_(other.is_stream_),
      has_event_(other.has_event_),
      has_ended_(other.has_ended_) {
  if (other.anthropic_) anthropic_.emplace(*other.anthropic_, assembly_);
}

// What a body is shows in its first byte that is not white space: "{" is JSON, everything else is
// taken for a stream, whatever the content type claims (faults N12 to N15). Some hosts send blank
// lines while they work.
bool ReplyReader::feed(std::string_view bytes) {
  if (!is_stream_) {
    const std::size_t start = bytes.find_first_not_of(" \t\r\n");
    if (body_.empty() && start == std::string_view::npos) return true;
    if (body_.empty() && head_.status == 200) failure_ = refuse_compressed(head_, bytes[start]);
    if (failure_) return false;
    if (body_.empty() && head_.status == 200 && bytes[start] != '{' && bytes[start] != '<')
      is_stream_ = true;
  }
  if (is_stream_) {
    note_start(bytes);
    const Status status = parser_.feed(bytes);
    if (!status.ok() && !failure_) failure_ = status.error();
    return !failure_;
  }
  const std::size_t limit = head_.status == 200 ? kCompletionBodyMax : kErrorBodyMax;
  body_ += bytes.substr(0, limit - std::min(limit, body_.size()));
  return body_.size() < limit;
}

void ReplyReader::note_start(std::string_view bytes) {
  if (has_event_) return start_.clear();
  start_ += bytes.substr(0, kStartMax - std::min(kStartMax, start_.size()));
}

void ReplyReader::take_event(std::string_view data) {
  has_event_ = true;
  if (failure_ || has_ended_) return;
  const std::string_view trimmed = trim(data);
  if (trimmed.empty()) return;  // a sign of life (fault N45)
  // The standard takes one space from the start of a line; hosts write more, and some behind it.
  if (trimmed == kEndMarker) {
    assembly_.end_marker();
    has_ended_ = true;
    return;
  }
  if (const std::optional<TextDelta> delta = shape_.match(data)) {
    return assembly_.add_text_delta(*delta);
  }
  if (Status status = take_chunk(data); !status.ok()) failure_ = status.error();
}

Status ReplyReader::take_chunk(std::string_view data) {
  Result<json::Value> chunk = json_.parse(data);
  if (chunk.ok()) {
    if (!anthropic_) shape_.learn(data, *chunk);
    return add_chunk(*chunk, data);
  }
  const std::string valid = repair_encoding(data);
  const std::string readable = without_unreadable_numbers(valid);
  chunk = json_.parse(readable);
  if (!chunk.ok()) {
    Error error = chunk.error();
    error.retry = Retry::kLater;
    return error;
  }
  if (valid != data) assembly_.note_repair(data);
  return add_chunk(*chunk, valid);
}

Status ReplyReader::add_chunk(const json::Value& chunk, std::string_view data) {
  if (!anthropic_) return assembly_.add_chunk(chunk, data);
  const Status status = anthropic_->add_event(chunk, data);
  has_ended_ = anthropic_->has_ended();
  return status;
}

Result<ModelReplied> ReplyReader::finish_reply() {
  if (anthropic_) anthropic_->complete();
  return assembly_.finish();
}

Result<ModelReplied> ReplyReader::finish(const Status& transfer, std::int64_t now_ms) {
  if (failure_) return *failure_;
  if (head_.status != 0 && head_.status != 200) {
    return classify_http_error(json_, head_, body_, now_ms);
  }
  if (is_stream_ && has_ended_) return finish_reply();
  if (!transfer.ok()) return transfer.error();
  if (std::optional<Error> words = refuse_words()) return *words;
  return is_stream_ ? finish_reply() : read_whole_body();
}

// A reply that does not follow the protocol, or is not all there although the host says so, is
// asked for again.
UnfinishedReply ReplyReader::unfinished(const Error& error) {
  const bool broke = error.code == ErrorCode::kNetwork || error.code == ErrorCode::kTimeout ||
                     error.code == ErrorCode::kStreamCut || error.code == ErrorCode::kServer ||
                     error.code == ErrorCode::kOverloaded;
  if (!broke || !is_stream_ || anthropic_ || error.retry != Retry::kLater) return {};
  return assembly_.unfinished();
}

// Words where a stream should be: the first line is neither a field nor a comment (fault N12).
std::optional<Error> ReplyReader::refuse_words() const {
  if (!is_stream_ || has_event_) return std::nullopt;
  const std::string_view start = trim(start_);
  const std::string_view line = start.substr(0, start.find_first_of("\r\n"));
  const std::string_view field = trim(line.substr(0, line.find(':')));
  for (const std::string_view name : {"", "data", "event", "id", "retry"}) {
    if (field == name) return std::nullopt;
  }
  return Error{.code = ErrorCode::kBadReply,
               .message = "the reply is no stream of events: " + readable_start(start),
               .retry = Retry::kLater};
}

Result<ModelReplied> ReplyReader::read_whole_body() {
  Result<json::Value> parsed = json_.parse(body_);
  std::string readable;
  if (!parsed.ok()) {
    const std::string original = std::exchange(body_, repair_encoding(body_));
    readable = without_unreadable_numbers(body_);
    parsed = json_.parse(readable);
    if (parsed.ok() && original != body_) assembly_.note_repair(original);
  }
  if (!parsed.ok()) {
    return Error{.code = ErrorCode::kBadReply,
                 .message = body_.empty() ? "the reply is empty"
                                          : "the reply is no JSON: " + readable_start(body_),
                 .retry = Retry::kLater};
  }
  const Status status = anthropic_ ? anthropic_->add_message(*parsed, body_)
                                   : assembly_.add_completion(*parsed, body_);
  if (!status.ok()) return status.error();
  return finish_reply();
}

}  // namespace perdure
