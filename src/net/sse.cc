#include "net/sse.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace perdure {

SseParser::SseParser(OnEvent on_event, std::size_t event_bytes_max)
    : on_event_(std::move(on_event)), event_bytes_max_(event_bytes_max) {}

SseParser::SseParser(const SseParser& other, OnEvent on_event) : SseParser(other) {
  on_event_ = std::move(on_event);
}

// The mark may come byte by byte: what has matched so far is held back, and given again when it was
// none.
std::string_view SseParser::without_byte_order_mark(std::string_view bytes) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  while (at_start_ && !bytes.empty()) {
    if (bytes[0] != kMark[mark_matched_]) {
      partial_.assign(kMark.substr(0, mark_matched_));
      at_start_ = false;
      break;
    }
    bytes.remove_prefix(1);
    if (++mark_matched_ == kMark.size()) at_start_ = false;
  }
  return bytes;
}

Status SseParser::feed(std::string_view bytes) {
  if (at_start_) bytes = without_byte_order_mark(bytes);
  std::size_t at = 0;
  // The next line feed is looked for once, however many carriage returns come before it.
  std::size_t line_feed = 0;
  while (at < bytes.size()) {
    if (std::exchange(skip_line_feed_, false) && bytes[at] == '\n') {
      ++at;
      continue;
    }
    if (line_feed <= at) line_feed = std::min(bytes.find('\n', at), bytes.size());
    const std::string_view line = bytes.substr(at, line_feed - at);
    const std::size_t length = std::min(line.find('\r'), line.size());
    if (partial_.size() + data_.size() + length > event_bytes_max_) {
      return Error{
          .code = ErrorCode::kBadReply,
          .message = fmt::format("an event of the stream has more than {} bytes", event_bytes_max_),
          .retry = Retry::kLater};
    }
    if (partial_.empty() && at + length < bytes.size()) {
      take_line(line.substr(0, length));
    } else {
      partial_ += line.substr(0, length);
      if (at + length == bytes.size()) return {};
      take_line(partial_);
      partial_.clear();
    }
    skip_line_feed_ = bytes[at + length] == '\r';
    at += length + 1;
  }
  return {};
}

void SseParser::take_line(std::string_view line) {
  if (line.empty()) return dispatch();
  const std::size_t colon = line.find(':');
  if (colon == 0) return;  // a comment
  if (colon == std::string_view::npos) return take_field(line, {});
  std::string_view value = line.substr(colon + 1);
  if (!value.empty() && value[0] == ' ') value.remove_prefix(1);
  take_field(line.substr(0, colon), value);
}

void SseParser::take_field(std::string_view name, std::string_view value) {
  if (name == "data") {
    data_ += value;
    data_ += '\n';
  } else if (name == "event") {
    type_ = value;
  } else if (name == "id") {
    if (value.find('\0') == std::string_view::npos) id_ = value;
  } else if (name == "retry") {
    int milliseconds = 0;
    const auto [end, error] =
        std::from_chars(value.data(), value.data() + value.size(), milliseconds);
    const bool digits_only =
        !value.empty() && value[0] != '-' && end == value.data() + value.size();
    if (error == std::errc() && digits_only) reconnection_time_ms_ = milliseconds;
  }
}

void SseParser::dispatch() {
  last_event_id_ = id_;
  if (!data_.empty()) {
    const std::string_view data = std::string_view(data_).substr(0, data_.size() - 1);
    on_event_({.type = type_.empty() ? std::string_view("message") : std::string_view(type_),
               .data = data,
               .last_event_id = last_event_id_});
    data_.clear();
  }
  type_.clear();
}

}  // namespace perdure
