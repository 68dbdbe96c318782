#include "support.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace perdure::bench {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

/// For each byte: 0 when it stands for itself in a JSON string, 'u' when it needs \u00xx, otherwise
/// the letter after the backslash (RFC 8259 section 7).
constexpr std::array<char, 256> make_escapes() {
  std::array<char, 256> escapes{};
  for (std::size_t byte = 0; byte < 0x20; ++byte) escapes[byte] = 'u';
  escapes['\b'] = 'b';
  escapes['\f'] = 'f';
  escapes['\n'] = 'n';
  escapes['\r'] = 'r';
  escapes['\t'] = 't';
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  return escapes;
}
constexpr std::array<char, 256> kEscapes = make_escapes();

}  // namespace

void fail(std::string_view message, int error) {
  std::fflush(stdout);
  std::fprintf(stderr, "%.*s%s%s\n", static_cast<int>(message.size()), message.data(),
               error != 0 ? ": " : "", error != 0 ? std::strerror(error) : "");
  std::exit(1);
}

void Descriptor::reset() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

bool Arguments::next() {
  if (++index_ >= count_) return false;
  current_ = values_[index_];
  if (current_ == "--help") {
    std::fwrite(usage_.data(), 1, usage_.size(), stdout);
    std::exit(0);
  }
  return true;
}

std::string_view Arguments::text() {
  if (index_ + 1 >= count_) reject();
  return values_[++index_];
}

std::size_t Arguments::number(std::size_t least, std::size_t most) {
  const std::string_view digits = text();
  std::size_t value = 0;
  const char* end = digits.data() + digits.size();
  const std::from_chars_result read = std::from_chars(digits.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end || value < least || value > most) reject();
  return value;
}

void Arguments::reject() const {
  std::fprintf(stderr, "not understood: %.*s\n%.*s", static_cast<int>(current_.size()),
               current_.data(), static_cast<int>(usage_.size()), usage_.data());
  std::exit(2);
}

std::int64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

void raise_open_files_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void disable_send_delay(int fd) {
  const int on = 1;
  if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) fail("TCP_NODELAY", errno);
}

void watch(int epoll_fd, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl", errno);
}

std::size_t find_from(std::string_view text, std::string_view needle, std::size_t start) {
  if (start > text.size()) return std::string_view::npos;
  const void* found =
      memmem(text.data() + start, text.size() - start, needle.data(), needle.size());
  if (found == nullptr) return std::string_view::npos;
  return static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

std::optional<std::string_view> string_body(std::string_view text, std::size_t start) {
  for (std::size_t quote = text.find('"', start); quote != std::string_view::npos;
       quote = text.find('"', quote + 1)) {
    // The quote ends the string unless an odd number of backslashes stands before it.
    std::size_t first_backslash = quote;
    while (first_backslash > start && text[first_backslash - 1] == '\\') --first_backslash;
    if ((quote - first_backslash) % 2 == 0) return text.substr(start, quote - start);
  }
  return std::nullopt;
}

void append_escaped(std::string& out, std::string_view text) {
  std::size_t plain = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const char escape = kEscapes[byte];
    if (escape == 0) continue;
    out.append(text.substr(plain, at - plain));
    plain = at + 1;
    out.push_back('\\');
    out.push_back(escape);
    if (escape != 'u') continue;
    out.append("00");
    out.push_back(kHexDigits[byte >> 4]);
    out.push_back(kHexDigits[byte & 15]);
  }
  out.append(text.substr(plain));
}

}  // namespace perdure::bench
