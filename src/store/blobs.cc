#include "store/blobs.h"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/path.h"
#include "os/descriptor.h"
#include "os/directories.h"
#include "os/random.h"

namespace perdure {

std::string Blobs::path_of(const std::string& hash) const {
  return fmt::format("{}/{}/{}", directory_, hash.substr(0, 2), hash);
}

Result<std::string> Blobs::put(std::string_view bytes) const {
  const std::string hash = to_hex(sha256(bytes));
  const std::string path = path_of(hash);
  if (::access(path.c_str(), F_OK) == 0) return hash;
  const std::string parent(parent_path(path));
  if (Status status = make_directories(parent); !status.ok()) return status.error();
  const std::string temporary = fmt::format("{}.{}.tmp", path, random_text(8));
  const Descriptor file(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  const auto fail = [&](int error) {
    ::unlink(temporary.c_str());
    return system_error(ErrorCode::kStore, "cannot store an output", error, path);
  };
  if (!file.valid()) return fail(errno);
  if (!write_all(file.get(), bytes).ok()) return fail(errno);
  if (::fsync(file.get()) != 0) return fail(errno);
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return fail(errno);
  const Descriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid() || ::fsync(directory.get()) != 0) return fail(errno);
  return hash;
}

Result<std::string> Blobs::read(const std::string& hash, std::uint64_t offset,
                                std::size_t bytes_max) const {
  if (hash.size() != 64 || hash.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return Error{.code = ErrorCode::kCorrupt,
                 .message = "not the name of a stored output: " + hash};
  }
  const std::string path = path_of(hash);
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid())
    return system_error(ErrorCode::kNotFound, "cannot read a stored output", errno, path);
  std::string bytes(bytes_max, '\0');
  const ssize_t got = ::pread(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (got < 0) return system_error(ErrorCode::kStore, "cannot read a stored output", errno, path);
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

}  // namespace perdure
