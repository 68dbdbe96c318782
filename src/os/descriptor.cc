#include "os/descriptor.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

namespace perdure {

void Descriptor::reset() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

std::string errno_text(int error) {
  const char* name = ::strerrorname_np(error);
  const char* description = ::strerrordesc_np(error);
  return fmt::format("{} ({})", description != nullptr ? description : "unknown error",
                     name != nullptr ? name : std::to_string(error));
}

Error system_error(ErrorCode code, std::string what, int error, std::string context) {
  const bool full = error == ENOSPC || error == EDQUOT;
  return {.code = full ? ErrorCode::kStoreFull : code,
          .message = what + ": " + errno_text(error),
          .context = std::move(context),
          .advice = full ? "free some space, then go on with 'perdure resume'" : ""};
}

Status write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error(ErrorCode::kStore, "cannot write", errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::string> read_to_end(int descriptor, std::size_t bytes_max) {
  std::array<char, 64 * 1024> chunk;
  std::string content;
  while (true) {
    const ssize_t got = ::read(descriptor, chunk.data(), chunk.size());
    if (got == 0) return content;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(ErrorCode::kNotFound, "cannot read", errno);
    content.append(chunk.data(), static_cast<std::size_t>(got));
    if (content.size() > bytes_max) {
      return Error{.code = ErrorCode::kTooLarge,
                   .message = fmt::format("larger than the limit of {} bytes", bytes_max)};
    }
  }
}

Result<std::pair<Descriptor, Descriptor>> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return system_error(ErrorCode::kInternal, "cannot make a pipe", errno);
  }
  return std::pair(Descriptor(ends[0]), Descriptor(ends[1]));
}

Status set_nonblocking(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0 || ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0) {
    return system_error(ErrorCode::kInternal, "cannot make a descriptor non-blocking", errno);
  }
  return {};
}

void open_standard_descriptors() {
  // The lowest number that is free is the one that is given.
  int opened = ::open("/dev/null", O_RDONLY);
  while (opened >= 0 && opened <= STDERR_FILENO) opened = ::open("/dev/null", O_RDONLY);
  if (opened > STDERR_FILENO) ::close(opened);
}

}  // namespace perdure
