#include "store/blobs.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/path.h"
#include "os/clock.h"
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
  const std::string parent(parent_path(path));
  // A blob that is stored again is as young as a new one: sweep() leaves it. It may be damaged, or
  // of a process that died before its name was synced.
  if (::utimensat(AT_FDCWD, path.c_str(), nullptr, 0) == 0 && read(hash, 0, 0).ok() &&
      sync_directory(parent) && sync_directory(directory_)) {
    return hash;
  }
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

// A blob may be stored again at this very moment. It is renamed first: who comes after that finds
// none and writes it anew, and who came before has made it young, which shows.
Result<Blobs::Swept> Blobs::sweep(const std::set<std::string>& named, std::int64_t age_ms,
                                  Sweep how) const {
  namespace fs = std::filesystem;
  Swept swept;
  std::error_code error;
  fs::recursive_directory_iterator files(directory_, error);
  if (error) {
    if (error == std::errc::no_such_file_or_directory) return swept;
    return system_error(ErrorCode::kStore, "cannot list the outputs", error.value(), directory_);
  }
  const std::int64_t oldest_ms = wall_time_ms() - age_ms;
  const auto is_old = [&](const std::string& path, std::int64_t* bytes) {
    struct stat info{};
    if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
    *bytes = info.st_size;
    return info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1'000'000 <= oldest_ms;
  };
  std::vector<std::string> found;
  for (; files != fs::recursive_directory_iterator(); files.increment(error)) {
    if (error) break;
    const std::string name = files->path().filename().string();
    if (named.count(name) == 0) found.push_back(files->path().string());
  }
  for (const std::string& path : found) {
    std::int64_t bytes = 0;
    if (!is_old(path, &bytes)) continue;
    if (how == Sweep::kRemove) {
      const std::string aside = path + ".swept";
      if (std::rename(path.c_str(), aside.c_str()) != 0) continue;
      if (!is_old(aside, &bytes)) {
        std::rename(aside.c_str(), path.c_str());
        continue;
      }
      if (::unlink(aside.c_str()) != 0)
        return system_error(ErrorCode::kStore, "cannot remove an output", errno, aside);
    }
    ++swept.blobs;
    swept.bytes += bytes;
  }
  return swept;
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
