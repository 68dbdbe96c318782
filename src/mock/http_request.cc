#include "mock/http_request.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "base/utf8.h"

namespace perdure::mock {
namespace {

bool is_token(std::string_view text) {
  static constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

// What an error says about bytes that may be anything.
std::string shown(std::string_view bytes) {
  return printable(to_valid_utf8(bytes.substr(0, std::min<std::size_t>(bytes.size(), 80))));
}

bool lists(std::string_view header, std::string_view word) {
  for (const std::string_view part : split(header, ',')) {
    if (to_lower_ascii(trim(part)) == word) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string_view> ReceivedRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return std::nullopt;
}

void RequestReader::feed(std::string_view bytes) {
  if (state_ == State::kFailed) return;
  buffer_.erase(0, at_);
  at_ = 0;
  buffer_ += bytes;
  advance();
}

std::optional<ReceivedRequest> RequestReader::take() {
  if (state_ != State::kComplete) return std::nullopt;
  std::optional<ReceivedRequest> request = std::move(request_);
  request_ = {};
  head_bytes_ = 0;
  chunked_ = false;
  wants_continue_ = false;
  state_ = State::kRequestLine;
  advance();
  return request;
}

void RequestReader::advance() {
  while (state_ != State::kComplete && state_ != State::kFailed) {
    if (!step()) return;
  }
}

// One step forward; false when it needs more bytes or failed.
bool RequestReader::step() {
  switch (state_) {
    case State::kRequestLine:
      return take_request_line();
    case State::kHeaders:
      return take_header_line();
    case State::kBody:
    case State::kChunk:
      return take_body();
    case State::kChunkSize:
      return take_chunk_size();
    case State::kChunkEnd:
      return take_chunk_end();
    case State::kTrailers:
      return take_trailer();
    case State::kComplete:
    case State::kFailed:
      break;
  }
  return false;
}

bool RequestReader::fail(int status, std::string message) {
  failure_ = {.status = status, .message = std::move(message)};
  wants_continue_ = false;
  state_ = State::kFailed;
  buffer_.clear();
  at_ = 0;
  return false;
}

// A line without its end, which may be LF alone (RFC 9112, section 2.2).
std::optional<std::string_view> RequestReader::take_line() {
  const std::size_t end = buffer_.find('\n', at_);
  const std::size_t bytes = (end == std::string::npos ? buffer_.size() : end + 1) - at_;
  if (head_bytes_ + bytes > limits_.head_bytes_max) {
    fail(431, fmt::format("the headers have more than {} bytes", limits_.head_bytes_max));
    return std::nullopt;
  }
  if (end == std::string::npos) return std::nullopt;
  std::string_view line = std::string_view(buffer_).substr(at_, end - at_);
  if (line.ends_with('\r')) line.remove_suffix(1);
  at_ = end + 1;
  head_bytes_ += bytes;
  return line;
}

bool RequestReader::take_request_line() {
  const std::optional<std::string_view> line = take_line();
  if (!line) return false;
  if (line->empty())
    return true;  // RFC 9112, section 2.2: empty lines before a request are skipped
  const std::vector<std::string_view> words = split(*line, ' ');
  if (words.size() != 3 || !is_token(words[0]) || words[1].empty()) {
    return fail(400, fmt::format("not an HTTP request line: {}", shown(*line)));
  }
  if (words[2] != "HTTP/1.1" && words[2] != "HTTP/1.0") {
    return fail(505, fmt::format("HTTP/1.1 or HTTP/1.0, not {}", shown(words[2])));
  }
  request_.method = words[0];
  request_.path = words[1].substr(0, words[1].find('?'));
  request_.takes_chunks = words[2] == "HTTP/1.1";
  request_.keep_alive = request_.takes_chunks;
  state_ = State::kHeaders;
  return true;
}

bool RequestReader::take_header_line() {
  const std::optional<std::string_view> line = take_line();
  if (!line) return false;
  return line->empty() ? start_body() : add_header(*line);
}

bool RequestReader::add_header(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    return fail(400, fmt::format("not an HTTP header: {}", shown(line)));
  }
  request_.headers.emplace_back(to_lower_ascii(line.substr(0, colon)),
                                trim(line.substr(colon + 1)));
  return true;
}

// The end of the headers: how long the body is (RFC 9112, section 6.3).
bool RequestReader::start_body() {
  std::optional<std::string_view> length;
  for (const auto& [name, value] : request_.headers) {
    if (name == "connection" && lists(value, "close")) request_.keep_alive = false;
    if (name == "connection" && lists(value, "keep-alive")) request_.keep_alive = true;
    if (name == "transfer-encoding") {
      if (to_lower_ascii(value) != "chunked") {
        return fail(501, fmt::format("Transfer-Encoding: {}", shown(value)));
      }
      chunked_ = true;
    }
    if (name == "expect" && to_lower_ascii(value) == "100-continue") wants_continue_ = true;
    if (name != "content-length") continue;
    if (length && *length != value) return fail(400, "two Content-Length headers that differ");
    length = value;
  }
  if (chunked_ && length) return fail(400, "Content-Length beside Transfer-Encoding: chunked");
  if (chunked_) {
    state_ = State::kChunkSize;
    return true;
  }
  return use_length(length.value_or("0"));
}

bool RequestReader::use_length(std::string_view length) {
  const auto end = std::from_chars(length.data(), length.data() + length.size(), body_left_);
  const bool is_number = !length.empty() && end.ptr == length.data() + length.size();
  if (!is_number) return fail(400, fmt::format("Content-Length: {}", shown(length)));
  if (end.ec != std::errc() || body_left_ > limits_.body_bytes_max) {
    return fail(413, fmt::format("the body has more than {} bytes", limits_.body_bytes_max));
  }
  if (body_left_ == 0) wants_continue_ = false;
  state_ = State::kBody;
  return true;
}

bool RequestReader::take_body() {
  const std::size_t taken = std::min(body_left_, buffer_.size() - at_);
  // A client that already sends does not wait any more.
  if (taken > 0) wants_continue_ = false;
  request_.body.append(buffer_, at_, taken);
  at_ += taken;
  body_left_ -= taken;
  if (body_left_ > 0) return false;
  state_ = state_ == State::kChunk ? State::kChunkEnd : State::kComplete;
  return true;
}

bool RequestReader::take_chunk_size() {
  // Each size line is short; without this a body of empty lines would count as headers.
  head_bytes_ = 0;
  const std::optional<std::string_view> line = take_line();
  if (!line) return false;
  wants_continue_ = false;
  const std::string_view digits = trim(line->substr(0, line->find(';')));
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), body_left_, 16);
  if (digits.empty() || end.ptr != digits.data() + digits.size()) {
    return fail(400, fmt::format("not the size of a chunk: {}", shown(*line)));
  }
  if (end.ec != std::errc() || body_left_ > limits_.body_bytes_max - request_.body.size()) {
    return fail(413, fmt::format("the body has more than {} bytes", limits_.body_bytes_max));
  }
  head_bytes_ = 0;
  state_ = body_left_ == 0 ? State::kTrailers : State::kChunk;
  return true;
}

bool RequestReader::take_chunk_end() {
  head_bytes_ = 0;
  const std::optional<std::string_view> line = take_line();
  if (!line) return false;
  if (!line->empty()) return fail(400, "a chunk is longer than its size");
  state_ = State::kChunkSize;
  return true;
}

bool RequestReader::take_trailer() {
  const std::optional<std::string_view> line = take_line();
  if (!line) return false;
  if (line->empty()) state_ = State::kComplete;
  return true;
}

}  // namespace perdure::mock
