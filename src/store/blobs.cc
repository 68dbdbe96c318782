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
namespace {

constexpr std::size_t kBlobBytesMax = std::size_t{1} << 32;

bool sync_directory(const std::string& path) {
  const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory.valid() && ::fsync(directory.get()) == 0;
}

}  // namespace

std::string Blobs::path_of(const std::string& hash) const {
  return fmt::format("{}/{}/{}", directory_, hash.substr(0, 2), hash);
}

Result<std::string> Blobs::put(std::string_view bytes) const {
  const std::string hash = to_hex(sha256(bytes));
  const std::string path = path_of(hash);
  if (::access(path.c_str(), F_OK) == 0) return hash;
  const std::string parent(parent_path(path));
  const bool new_parent = ::access(parent.c_str(), F_OK) != 0;
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
  if (!sync_directory(parent) || (new_parent && !sync_directory(directory_))) return fail(errno);
  return hash;
}

// The whole file is read and hashed each time: a page of an output that is not what the tool said
// would be worse than none, and outputs of processes are bounded (kStoredHeadBytes).
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
  Result<std::string> bytes = read_to_end(file.get(), kBlobBytesMax);
  if (!bytes.ok()) return bytes;
  if (to_hex(sha256(*bytes)) != hash) {
    return Error{.code = ErrorCode::kCorrupt,
                 .message = "a stored output is not what was stored",
                 .context = path};
  }
  if (offset >= bytes->size()) return std::string();
  return bytes->substr(offset, bytes_max);
}

}  // namespace perdure
