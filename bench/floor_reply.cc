#include "floor_reply.h"

#include <charconv>
#include <optional>

#include "support.h"

namespace perdure::bench {
namespace {

/// Appends the string after `key` and moves `at` behind it; false when `key` does not follow.
bool append_field(std::string_view line, std::size_t& at, std::string_view key, std::string& out) {
  const std::size_t found = find_from(line, key, at);
  if (found == std::string_view::npos) return false;
  const std::optional<std::string_view> body = string_body(line, found + key.size());
  if (!body) fail("an event without an end");
  out.append(*body);
  at = found + key.size() + body->size();
  return true;
}

}  // namespace

void ReplyReader::start() {
  phase_ = Phase::kHead;
  carried_.clear();
  line_.clear();
  reasoning_.clear();
  text_.clear();
  call_id_.clear();
  call_name_.clear();
  arguments_.clear();
  finish_reason_.clear();
  is_done_ = false;
}

bool ReplyReader::feed(std::string_view bytes) {
  while (!bytes.empty() && phase_ != Phase::kEnded) {
    if (phase_ == Phase::kChunkData) {
      const std::string_view data = bytes.substr(0, chunk_left_);
      chunk_left_ -= data.size();
      bytes.remove_prefix(data.size());
      cut_lines(data);
      if (chunk_left_ == 0) phase_ = Phase::kChunkEnd;
      continue;
    }
    const std::size_t line_end = bytes.find('\n');
    carried_.append(bytes.substr(0, line_end));
    if (line_end == std::string_view::npos) return false;
    bytes.remove_prefix(line_end + 1);
    take_http_line();
    carried_.clear();
  }
  return phase_ == Phase::kEnded;
}

/// Handles a line of the HTTP framing (RFC 9112 section 7.1), which stands in carried_ up to its
/// line feed.
void ReplyReader::take_http_line() {
  switch (phase_) {
    case Phase::kHead:
      if (!carried_.starts_with("HTTP/1.1 200 ")) fail("refused: " + carried_);
      phase_ = Phase::kHeadFields;
      break;
    case Phase::kHeadFields:
      if (carried_ == "\r") phase_ = Phase::kChunkSize;
      break;
    case Phase::kChunkSize: {
      const char* end = carried_.data() + carried_.size();
      if (std::from_chars(carried_.data(), end, chunk_left_, 16).ec != std::errc()) {
        fail("not a chunk size: " + carried_);
      }
      phase_ = chunk_left_ > 0 ? Phase::kChunkData : Phase::kTrailer;
      break;
    }
    case Phase::kChunkEnd:
      phase_ = Phase::kChunkSize;
      break;
    case Phase::kTrailer:
      if (carried_ == "\r") phase_ = Phase::kEnded;
      break;
    case Phase::kChunkData:
    case Phase::kEnded:
      break;
  }
}

void ReplyReader::cut_lines(std::string_view data) {
  for (;;) {
    const std::size_t line_end = data.find('\n');
    if (line_end == std::string_view::npos) break;
    if (line_.empty()) {
      take_line(data.substr(0, line_end));
    } else {
      line_.append(data.substr(0, line_end));
      take_line(line_);
      line_.clear();
    }
    data.remove_prefix(line_end + 1);
  }
  line_.append(data);
}

void ReplyReader::take_line(std::string_view line) {
  constexpr std::string_view kField = "data: ";
  if (!line.starts_with(kField)) return;
  line.remove_prefix(kField.size());
  if (line == "[DONE]") {
    is_done_ = true;
    return;
  }
  // The last event has only the usage.
  std::size_t at = find_from(line, "\"delta\":", 0);
  if (at == std::string_view::npos) return;
  if (!append_field(line, at, "\"reasoning_content\":\"", reasoning_)) {
    const std::size_t call = find_from(line, "\"tool_calls\":[", at);
    if (call != std::string_view::npos) {
      at = call;
      append_field(line, at, "\"id\":\"", call_id_);
      append_field(line, at, "\"name\":\"", call_name_);
      append_field(line, at, "\"arguments\":\"", arguments_);
    } else {
      append_field(line, at, "\"content\":\"", text_);
    }
  }
  append_field(line, at, "\"finish_reason\":\"", finish_reason_);
}

}  // namespace perdure::bench
