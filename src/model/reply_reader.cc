#include "model/reply_reader.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/utf8.h"
#include "model/errors.h"

namespace perdure {
namespace {

constexpr std::size_t kErrorBodyMax = 1 << 20;
constexpr std::size_t kCompletionBodyMax = 64 << 20;

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
      parser_([this](const SseEvent& event) { take_event(event.data); }) {}

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
    const Status status = parser_.feed(bytes);
    if (!status.ok() && !failure_) failure_ = status.error();
    return !failure_;
  }
  const std::size_t limit = head_.status == 200 ? kCompletionBodyMax : kErrorBodyMax;
  body_ += bytes.substr(0, limit - std::min(limit, body_.size()));
  return body_.size() < limit;
}

void ReplyReader::take_event(std::string_view data) {
  if (failure_ || has_ended_) return;
  if (trim(data).empty()) return;  // a sign of life (fault N45)
  if (data == "[DONE]") {
    assembly_.end_marker();
    has_ended_ = true;
    return;
  }
  if (const std::optional<TextDelta> delta = shape_.match(data)) {
    return assembly_.add_text_delta(*delta);
  }
  Result<json::Value> chunk = json_.parse(data);
  if (chunk.ok()) shape_.learn(data, *chunk);
  std::string repaired;
  if (!chunk.ok()) {
    repaired = repair_encoding(data);
    chunk = json_.parse(repaired);
    if (chunk.ok()) assembly_.note_repair(data);
  }
  const Status status = chunk.ok() ? assembly_.add_chunk(*chunk) : Status(chunk.error());
  if (status.ok()) return;
  failure_ = status.error();
  if (!chunk.ok()) failure_->retry = Retry::kLater;
}

Result<ModelReplied> ReplyReader::finish(const Status& transfer, std::int64_t now_ms) {
  if (failure_) return *failure_;
  if (head_.status != 0 && head_.status != 200) {
    return classify_http_error(json_, head_, body_, now_ms);
  }
  if (is_stream_ && has_ended_) return assembly_.finish();
  if (!transfer.ok()) return transfer.error();
  return is_stream_ ? assembly_.finish() : read_whole_body();
}

Result<ModelReplied> ReplyReader::read_whole_body() {
  Result<json::Value> parsed = json_.parse(body_);
  if (!parsed.ok()) {
    const std::string original = std::exchange(body_, repair_encoding(body_));
    parsed = json_.parse(body_);
    if (parsed.ok()) assembly_.note_repair(original);
  }
  if (!parsed.ok()) {
    const std::string start = printable(to_valid_utf8(utf8_prefix(trim(body_), 120)));
    return Error{.code = ErrorCode::kBadReply,
                 .message = body_.empty() ? "the reply is empty" : "the reply is no JSON: " + start,
                 .retry = Retry::kLater};
  }
  if (Status status = assembly_.add_completion(*parsed); !status.ok()) return status.error();
  return assembly_.finish();
}

}  // namespace perdure
