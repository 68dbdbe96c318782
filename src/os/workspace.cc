#include "os/workspace.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/path.h"
#include "base/text.h"

namespace perdure {
namespace {

int openat2_beneath(int directory, const char* path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  // EAGAIN: a rename elsewhere raced with "..", the kernel asks to try again.
  for (int attempt = 0; attempt < 16; ++attempt) {
    const long descriptor = ::syscall(SYS_openat2, directory, path, &how, sizeof how);
    if (descriptor >= 0 || (errno != EAGAIN && errno != EINTR)) return static_cast<int>(descriptor);
  }
  return -1;
}

Error path_error(const std::string& path, int error) {
  switch (error) {
    case ENOENT:
      return {.code = ErrorCode::kNotFound, .message = fmt::format("'{}' does not exist", path)};
    case EXDEV:
      return {.code = ErrorCode::kPathEscape,
              .message = fmt::format("path_escape: '{}' leads out of the workspace", path)};
    case ELOOP:
      return {.code = ErrorCode::kPathEscape,
              .message = fmt::format("'{}' goes through too many or forbidden links", path)};
    case ENOTDIR:
      return {.code = ErrorCode::kNotFound,
              .message = fmt::format("a part of '{}' is not a directory", path)};
    case ENAMETOOLONG:
      return {.code = ErrorCode::kInvalidPath, .message = fmt::format("'{}' is too long", path)};
    default:
      return system_error(ErrorCode::kWorkspace, fmt::format("cannot open '{}'", path), error);
  }
}

Error not_regular(const std::string& path, mode_t mode) {
  const char* what = S_ISDIR(mode)    ? "a directory"
                     : S_ISFIFO(mode) ? "a named pipe"
                     : S_ISSOCK(mode) ? "a socket"
                                      : "a device";
  return {.code = ErrorCode::kNotRegular,
          .message = fmt::format("'{}' is {}, not a regular file", path, what),
          .advice = S_ISDIR(mode) ? "use list_files to look into a directory" : ""};
}

std::string temporary_name() {
  std::array<unsigned char, 8> random{};
  std::string name = ".perdure-";
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    random.fill(static_cast<unsigned char>(::getpid()));  // O_EXCL still protects the name
  }
  for (const unsigned char byte : random) name += fmt::format("{:02x}", byte);
  return name + ".tmp";
}

Error changed(const std::string& path, std::string_view how) {
  return {.code = ErrorCode::kFileChanged,
          .message = fmt::format("'{}' {}", path, how),
          .advice = "read it again before writing"};
}

}  // namespace

Workspace::Workspace(Descriptor root, std::string path)
    : root_(std::move(root)), path_(std::move(path)) {}

Result<Workspace> Workspace::open(const std::string& path) {
  const auto fail = [&](int error) {
    return Error{.code = ErrorCode::kWorkspace,
                 .message = "cannot use the workspace: " + errno_text(error),
                 .context = path,
                 .advice = "name an existing directory with --workspace"};
  };
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  if (real == nullptr) return fail(errno);
  Descriptor root(::open(real.get(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return fail(errno);
  const Descriptor probe(openat2_beneath(root.get(), ".", O_PATH | O_DIRECTORY));
  if (!probe.valid() && errno == ENOSYS) {
    return Error{
        .code = ErrorCode::kUnsupported,
        .message = "the kernel has no openat2, so files cannot be confined to the workspace",
        .advice = "use Linux 5.6 or newer"};
  }
  if (!probe.valid()) return fail(errno);
  return Workspace(std::move(root), real.get());
}

Status Workspace::check_writable() const {
  if (::faccessat(root_.get(), ".", W_OK | X_OK, AT_EACCESS) == 0) return {};
  return Error{.code = ErrorCode::kWorkspace,
               .message = "the workspace cannot be written: " + errno_text(errno),
               .context = path_,
               .advice = "change its permissions, or give the agent only reading tools"};
}

Result<Descriptor> Workspace::open_beneath(const std::string& path, int flags) const {
  Descriptor descriptor(openat2_beneath(root_.get(), path.c_str(), flags));
  if (!descriptor.valid()) return path_error(path, errno);
  return descriptor;
}

bool Workspace::exists(const std::string& path) const {
  return open_beneath(path, O_PATH).ok();
}

Result<FileContent> Workspace::read_file(const std::string& path, std::size_t bytes_max) const {
  // O_NONBLOCK: opening a pipe nobody writes to must not hang.
  Result<Descriptor> file = open_beneath(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file.ok()) return file.error();
  struct stat status{};
  if (::fstat(file->get(), &status) != 0) return path_error(path, errno);
  if (!S_ISREG(status.st_mode)) return not_regular(path, status.st_mode);
  Result<std::string> bytes = read_to_end(file->get(), bytes_max);
  if (!bytes.ok()) {
    Error error = bytes.error();
    error.message = fmt::format("'{}': {}", path, error.message);
    return error;
  }
  std::string hash = to_hex(sha256(*bytes));
  return FileContent{.bytes = std::move(*bytes), .hash = std::move(hash)};
}

// Opens a directory, making what is missing on the way.
Result<Descriptor> Workspace::open_directory_for_writing(std::string_view path) const {
  const std::string whole(path);
  Result<Descriptor> directory = open_beneath(whole, O_PATH | O_DIRECTORY);
  if (directory.ok() || directory.error().code != ErrorCode::kNotFound || path == ".")
    return directory;
  Result<Descriptor> parent = open_directory_for_writing(parent_path(path));
  if (!parent.ok()) return parent;
  const std::string name(file_name(path));
  if (::mkdirat(parent->get(), name.c_str(), 0777) != 0 && errno != EEXIST) {
    return path_error(whole, errno);
  }
  return open_beneath(whole, O_PATH | O_DIRECTORY);
}

// The path with a link at its end replaced by what the link names: a file is written where it is,
// not over the link.
Result<std::string> Workspace::follow_link(const std::string& path) const {
  constexpr int kLinksMax = 8;
  std::string current = path;
  for (int i = 0; i < kLinksMax; ++i) {
    const Result<Descriptor> link = open_beneath(current, O_PATH | O_NOFOLLOW);
    if (!link.ok()) {
      if (link.error().code == ErrorCode::kNotFound) return current;
      return link.error();
    }
    struct stat status{};
    if (::fstat(link->get(), &status) != 0) return path_error(path, errno);
    if (!S_ISLNK(status.st_mode)) return current;
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlinkat(link->get(), "", target.data(), target.size());
    if (size < 0) return path_error(path, errno);
    const std::string_view text(target.data(), static_cast<std::size_t>(size));
    const std::string joined =
        text[0] == '/' ? std::string(text) : join_path(parent_path(current), text);
    Result<std::string> next = relative_path(path_, joined);
    if (!next.ok()) return next.error();
    current = std::move(*next);
  }
  return path_error(path, ELOOP);
}

Result<std::string> Workspace::write_file(const std::string& path, std::string_view bytes,
                                          const WriteCondition& condition) const {
  const Result<std::string> target = follow_link(path);
  if (!target.ok()) return target.error();
  if (is_protected_path(*target)) {
    return Error{
        .code = ErrorCode::kProtected,
        .message = fmt::format("'{}' is protected: file tools do not write below .git", path)};
  }
  const Result<Descriptor> directory = open_directory_for_writing(parent_path(*target));
  if (!directory.ok()) return directory.error();
  const std::string name(file_name(*target));
  struct stat status{};
  const bool present = ::fstatat(directory->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
  if (present && !S_ISREG(status.st_mode)) return not_regular(path, status.st_mode);
  if (present && condition.kind == WriteCondition::Kind::kAbsent) {
    return changed(path, "exists already");
  }
  if (condition.kind == WriteCondition::Kind::kUnchanged) {
    if (!present) return changed(path, "was deleted since it was read");
    const Result<FileContent> now = read_file(*target, SSIZE_MAX);
    if (!now.ok()) return now.error();
    if (now->hash != condition.hash) return changed(path, "was changed since it was read");
  }

  const std::string temporary = temporary_name();
  const mode_t mode = present ? 0600 : 0666;
  const Descriptor file(::openat(directory->get(), temporary.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file.valid()) return path_error(path, errno);
  const auto fail = [&](int error) {
    ::unlinkat(directory->get(), temporary.c_str(), 0);
    return system_error(ErrorCode::kWorkspace, fmt::format("cannot write '{}'", path), error);
  };
  if (!write_all(file.get(), bytes).ok()) return fail(errno);
  if (present && ::fchmod(file.get(), status.st_mode & 0777) != 0) return fail(errno);
  if (::fsync(file.get()) != 0) return fail(errno);
  const unsigned flags = present ? 0 : RENAME_NOREPLACE;
  if (::renameat2(directory->get(), temporary.c_str(), directory->get(), name.c_str(), flags) !=
      0) {
    const int error = errno;
    const Error failed = fail(error);
    return error == EEXIST ? changed(path, "was created by somebody else meanwhile") : failed;
  }
  const Descriptor synced(::openat(directory->get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (synced.valid()) ::fsync(synced.get());
  return to_hex(sha256(bytes));
}

Result<std::vector<DirectoryEntry>> Workspace::list(const std::string& path) const {
  Result<Descriptor> directory = open_beneath(path, O_RDONLY | O_DIRECTORY);
  if (!directory.ok()) return directory.error();
  const int descriptor = directory->get();
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(::dup(descriptor)), ::closedir);
  if (stream == nullptr) return path_error(path, errno);
  std::vector<DirectoryEntry> entries;
  while (const dirent* item = ::readdir(stream.get())) {
    const std::string_view name = item->d_name;
    if (name == "." || name == "..") continue;
    struct stat status{};
    if (::fstatat(descriptor, item->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    using Kind = DirectoryEntry::Kind;
    const Kind kind = S_ISREG(status.st_mode)   ? Kind::kFile
                      : S_ISDIR(status.st_mode) ? Kind::kDirectory
                      : S_ISLNK(status.st_mode) ? Kind::kLink
                                                : Kind::kOther;
    entries.push_back({.name = std::string(name),
                       .kind = kind,
                       .size = static_cast<std::uint64_t>(status.st_size)});
  }
  std::sort(entries.begin(), entries.end(),
            [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
  return entries;
}

}  // namespace perdure
