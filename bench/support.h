// What the two benchmark programs share: sockets, options, clocks and the few text searches that
// stand in for a parser.
//
// Nothing here depends on the runtime, because the floor must not become faster or slower when the
// runtime does. These are programs, not a library: a failure ends the process with one line on the
// standard error.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace perdure::bench {

/// Ends the process with status 1 after printing `message`; with `error` (an errno) also what the
/// system said.
[[noreturn]] void fail(std::string_view message, int error = 0);

/// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }

  int get() const { return fd_; }
  void reset();

 private:
  int fd_ = -1;
};

/// Walks over the arguments of a program. The caller asks for each option that it knows, and
/// rejects the rest:
///
///   for (Arguments arguments(count, values, kUsage); arguments.next();) {
///     if (arguments.is("--port")) {
///       port = arguments.number(0, 65535);
///     } else {
///       arguments.reject();
///     }
///   }
///
/// `--help` prints the usage and ends the process with status 0; a mistake ends it with status 2.
class Arguments {
 public:
  Arguments(int count, char** values, std::string_view usage)
      : count_(count), values_(values), usage_(usage) {}

  bool next();
  bool is(std::string_view name) const { return current_ == name; }
  /// The value that follows the option.
  std::string_view text();
  std::size_t number(std::size_t least, std::size_t most);
  [[noreturn]] void reject() const;

 private:
  int count_;
  char** values_;
  std::string_view usage_;
  int index_ = 0;
  std::string_view current_;
};

/// Monotonic time. It is read without a system call, so it may be read once per request.
std::int64_t now_ns();

/// Allows as many open files as the system lets us have, because each connection is one.
void raise_open_files_limit();

/// A socket that sends at once what it is given (no Nagle delay), which request and reply need.
void disable_send_delay(int fd);

/// Waits on `fd` too; what happened is reported with `fd` as the data.
void watch(int epoll_fd, int fd, std::uint32_t events);

template <typename Number>
void append_number(std::string& out, Number number, int base = 10) {
  char digits[24];
  const std::to_chars_result end = std::to_chars(digits, digits + sizeof digits, number, base);
  out.append(digits, static_cast<std::size_t>(end.ptr - digits));
}

/// The position of `needle` at or after `start`, or npos. Faster than string_view::find for needles
/// that begin with a common byte, as all JSON keys do.
std::size_t find_from(std::string_view text, std::string_view needle, std::size_t start);

/// What stands between the quotes of the JSON string whose first inner byte is at `start`, still
/// escaped; nothing when the string does not end in `text`.
std::optional<std::string_view> string_body(std::string_view text, std::size_t start);

/// Appends `text` as the inside of a JSON string.
void append_escaped(std::string& out, std::string_view text);

}  // namespace perdure::bench
