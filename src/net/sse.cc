#include "net/sse.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace perdure {

SseParser::SseParser(OnEvent on_event, std::size_t event_bytes_max)
    : on_event_(std::move(on_event)), event_bytes_max_(event_bytes_max) {}

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
  while (!bytes.empty()) {
    if (skip_line_feed_) {
      skip_line_feed_ = false;
      if (bytes[0] == '\n') {
        bytes.remove_prefix(1);
        continue;
      }
    }
    const std::size_t line_feed = std::min(bytes.find('\n'), bytes.size());
    const void* found = std::memchr(bytes.data(), '\r', line_feed);
    const std::size_t end =
        found != nullptr ? static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data())
                         : line_feed;
    if (partial_.size() + data_.size() + end > event_bytes_max_) {
      return Error{.code = ErrorCode::kBadReply,
                   .message = fmt::format("an event of the stream has more than {} bytes",
                                          event_bytes_max_)};
    }
    if (end == bytes.size()) {
      partial_ += bytes;
      return {};
    }
    if (partial_.empty()) {
      take_line(bytes.substr(0, end));
    } else {
      partial_ += bytes.substr(0, end);
      take_line(partial_);
      partial_.clear();
    }
    skip_line_feed_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
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
