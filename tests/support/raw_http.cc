#include "tests/support/raw_http.h"

#include <array>
#include <cerrno>
#include <charconv>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "base/text.h"

namespace perdure::test {
namespace {

// Reads one answer from the beginning of bytes that may still grow; what was read once is not read
// again.
class ResponseParser {
 public:
  ResponseParser(const std::string& bytes, RawResponse& response)
      : bytes_(bytes), response_(response) {}

  // How many bytes the answer has, or nothing while it is not complete.
  std::optional<std::size_t> advance() {
    if (!has_head_ && !parse_head()) return std::nullopt;
    if (chunked_) return advance_chunks();
    if (length_) {
      if (bytes_.size() - at_ < *length_) return std::nullopt;
      response_.body = bytes_.substr(at_, *length_);
      return at_ + *length_;
    }
    // Without a length the end of the connection is the end of the body; some answers have none.
    const bool has_body = response_.status >= 200 && response_.status != 204;
    return has_body ? std::nullopt : std::optional(at_);
  }

  // No more bytes come: takes what is there of the body.
  void give_up() {
    if (!has_head_) return;
    if (!chunked_) {
      response_.body = bytes_.substr(at_);
      return;
    }
    const std::size_t line_end = bytes_.find("\r\n", at_);
    if (line_end != std::string::npos) response_.body += bytes_.substr(line_end + 2, chunk_size());
  }

 private:
  bool parse_head() {
    const std::size_t end = bytes_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const std::vector<std::string_view> lines =
        split(std::string_view(bytes_).substr(0, end), '\n');
    const std::vector<std::string_view> words = split(lines[0], ' ');
    if (words.size() > 1) {
      std::from_chars(words[1].data(), words[1].data() + words[1].size(), response_.status);
    }
    for (std::size_t i = 1; i < lines.size(); ++i) {
      const std::size_t colon = lines[i].find(':');
      if (colon == std::string_view::npos) continue;
      response_.headers.emplace_back(to_lower_ascii(lines[i].substr(0, colon)),
                                     trim(lines[i].substr(colon + 1)));
    }
    chunked_ = response_.header("transfer-encoding") == "chunked";
    const std::string length = response_.header("content-length");
    if (!length.empty()) length_ = std::stoul(length);
    at_ = end + 4;
    has_head_ = true;
    return true;
  }

  std::size_t chunk_size() const {
    std::size_t bytes = 0;
    std::from_chars(bytes_.data() + at_, bytes_.data() + bytes_.size(), bytes, 16);
    return bytes;
  }

  std::optional<std::size_t> advance_chunks() {
    while (true) {
      const std::size_t line_end = bytes_.find("\r\n", at_);
      if (line_end == std::string::npos) return std::nullopt;
      const std::size_t bytes = chunk_size();
      const std::size_t end = line_end + 2 + bytes + 2;
      if (end > bytes_.size()) return std::nullopt;
      at_ = end;
      if (bytes == 0) return at_;
      response_.chunks.push_back(bytes_.substr(line_end + 2, bytes));
      response_.body += response_.chunks.back();
    }
  }

  const std::string& bytes_;
  RawResponse& response_;
  std::size_t at_ = 0;  // where the body, or the next chunk, begins
  bool has_head_ = false;
  bool chunked_ = false;
  std::optional<std::size_t> length_;
};

}  // namespace

std::string RawResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

std::vector<std::string> RawResponse::events() const {
  constexpr std::string_view kData = "data: ";
  std::vector<std::string> events;
  for (const std::string_view line : split(body, '\n')) {
    if (line.starts_with(kData)) events.emplace_back(line.substr(kData.size()));
  }
  return events;
}

RawResponse parse_response(std::string_view bytes) {
  RawResponse response{.raw = std::string(bytes)};
  ResponseParser parser(response.raw, response);
  const std::optional<std::size_t> used = parser.advance();
  if (!used) parser.give_up();
  response.whole = used == bytes.size();
  response.end = response.whole ? ResponseEnd::kComplete : ResponseEnd::kClosed;
  return response;
}

std::string post_request(std::string_view path, std::string_view body, std::string_view headers) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: {}\r\n"
      "{}\r\n{}",
      path, body.size(), headers, body);
}

std::string get_request(std::string_view path, std::string_view headers) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: test\r\n{}\r\n", path, headers);
}

RawClient::RawClient(int port, std::int64_t timeout_ms) : timeout_ms_(timeout_ms) {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    socket_ = std::move(socket);
  }
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    pollfd ready{.fd = socket_.get(), .events = POLLOUT, .revents = 0};
    if (::poll(&ready, 1, static_cast<int>(timeout_ms_)) <= 0) return false;
    const ssize_t sent =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// Nothing while more came; otherwise why nothing more will.
std::optional<ResponseEnd> RawClient::receive_more() {
  pollfd ready{.fd = socket_.get(), .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, static_cast<int>(timeout_ms_)) <= 0) return ResponseEnd::kTimedOut;
  std::array<char, 64 * 1024> buffer;
  const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (got < 0) return ResponseEnd::kReset;
  if (got == 0) return ResponseEnd::kClosed;
  received_.append(buffer.data(), static_cast<std::size_t>(got));
  return std::nullopt;
}

RawResponse RawClient::read_response() {
  RawResponse response;
  ResponseParser parser(received_, response);
  while (true) {
    if (const std::optional<std::size_t> used = parser.advance()) {
      response.raw = received_.substr(0, *used);
      received_.erase(0, *used);
      response.whole = true;
      response.end = ResponseEnd::kComplete;
      if (response.status != 100) return response;
      ++continues_;
      return read_response();
    }
    const std::optional<ResponseEnd> end = receive_more();
    if (!end) continue;
    parser.give_up();
    response.raw = std::move(received_);
    received_.clear();
    response.end = *end;
    // A body without a length ends with the connection.
    response.whole = *end == ResponseEnd::kClosed && response.status != 0 &&
                     response.header("content-length").empty() &&
                     response.header("transfer-encoding").empty();
    return response;
  }
}

bool RawClient::wait_for(std::string_view text) {
  while (received_.find(text) == std::string::npos) {
    if (receive_more()) return false;
  }
  return true;
}

bool RawClient::ends() {
  return received_.empty() && receive_more() == ResponseEnd::kClosed;
}

void RawClient::finish_sending() {
  ::shutdown(socket_.get(), SHUT_WR);
}

}  // namespace perdure::test
