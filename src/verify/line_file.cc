#include "verify/line_file.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/text.h"

namespace perdure::verify {
namespace {

constexpr std::size_t kPieceBytes = 1 << 20;

// Over interrupted and short reads; less than `bytes` only at the end of the file.
Result<std::size_t> read_at(int descriptor, char* into, std::size_t bytes, std::int64_t offset) {
  std::size_t got = 0;
  while (got < bytes) {
    const ssize_t piece =
        ::pread(descriptor, into + got, bytes - got, offset + static_cast<std::int64_t>(got));
    if (piece < 0 && errno == EINTR) continue;
    if (piece < 0) return system_error(ErrorCode::kStore, "cannot read the file", errno);
    if (piece == 0) break;
    got += static_cast<std::size_t>(piece);
  }
  return got;
}

}  // namespace

Result<Descriptor> open_lines(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) {
    Error error = system_error(ErrorCode::kNotFound, "cannot open the file", errno, path);
    error.advice = "name a file that exists and can be read";
    return error;
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = "this is no regular file",
                 .context = path,
                 .advice = "it is read more than once: write what a pipe gives into a file first"};
  }
  return file;
}

Status each_line(int descriptor,
                 const std::function<Status(const LinePlace&, std::string_view)>& visit) {
  std::string held;  // the beginning of a line whose end has not been read
  std::string piece(kPieceBytes, '\0');
  LinePlace place{.number = 1};
  std::int64_t offset = 0;
  while (true) {
    const Result<std::size_t> got = read_at(descriptor, piece.data(), piece.size(), offset);
    if (!got.ok()) return got.error();
    if (*got == 0) break;
    offset += static_cast<std::int64_t>(*got);
    std::string_view rest(piece.data(), *got);
    for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      std::string_view line = rest.substr(0, end);
      if (!held.empty()) line = held += line;
      place.bytes = line.size();
      place.is_ended = true;
      if (Status status = visit(place, line); !status.ok()) return status;
      place = {.number = place.number + 1,
               .offset = place.offset + static_cast<std::int64_t>(line.size()) + 1};
      held.clear();
      rest.remove_prefix(end + 1);
    }
    held += rest;
    if (held.size() > kLineBytesMax) {
      return Error{.code = ErrorCode::kInvalidArgument,
                   .message = fmt::format("line {} is longer than {}", place.number,
                                          bytes_text(kLineBytesMax))};
    }
  }
  if (held.empty()) return {};
  place.bytes = held.size();
  return visit(place, held);
}

Result<std::string> read_place(int descriptor, std::int64_t offset, std::size_t bytes) {
  std::string text(bytes, '\0');
  const Result<std::size_t> got = read_at(descriptor, text.data(), bytes, offset);
  if (!got.ok()) return got.error();
  if (*got != bytes)
    return Error{.code = ErrorCode::kStore, .message = "the file became shorter while it was read"};
  return text;
}

bool is_same_file(const std::string& one, const std::string& other) {
  struct stat first{};
  struct stat second{};
  return ::stat(one.c_str(), &first) == 0 && ::stat(other.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

}  // namespace perdure::verify
