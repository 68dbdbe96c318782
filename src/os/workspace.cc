#include "os/workspace.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>
#include <optional>

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
#include "os/directories.h"

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
    case ENXIO:  // what open says of a socket, and of a device without a driver
      return {.code = ErrorCode::kNotRegular,
              .message = fmt::format("'{}' is a socket or a device, not a regular file", path)};
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

// A file at its place: the directory that holds it, and what stands there before a write.
struct Place {
  Descriptor directory;
  std::string name;
  std::optional<struct stat> before;  // nothing: there is no such name
};

std::optional<struct stat> look_at(const Descriptor& directory, const std::string& name) {
  struct stat status{};
  if (::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return {};
  return status;
}

bool same_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

// Whether nobody has touched a file between two looks.
bool untouched(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         same_time(a.st_mtim, b.st_mtim) && same_time(a.st_ctim, b.st_ctim);
}

// The hash of the file at a place, in pieces: by now it may have any size.
Result<std::string> hash_at(const Place& place, const std::string& path) {
  const Descriptor file(::openat(place.directory.get(), place.name.c_str(),
                                 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file.valid()) return path_error(path, errno);
  Hasher hasher;
  std::array<char, 64 * 1024> chunk;
  while (true) {
    const ssize_t got = ::read(file.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return path_error(path, errno);
    if (got == 0) return to_hex(hasher.finish());
    hasher.update({chunk.data(), static_cast<std::size_t>(got)});
  }
}

Status check_condition(const Place& place, const WriteCondition& condition,
                       const std::string& path) {
  using Kind = WriteCondition::Kind;
  if (place.before && !S_ISREG(place.before->st_mode)) {
    return not_regular(path, place.before->st_mode);
  }
  if (place.before && condition.kind == Kind::kAbsent) return changed(path, "exists already");
  if (condition.kind != Kind::kUnchanged) return {};
  if (!place.before) return changed(path, "was deleted since it was read");
  const Result<std::string> hash = hash_at(place, path);
  if (!hash.ok()) return hash.error();
  if (*hash != condition.hash) return changed(path, "was changed since it was read");
  return {};
}

// A file that is not there under its final name yet. While it is written it has no name at all, so
// that a process that dies leaves nothing behind; file systems without such files get a temporary
// name, which is removed again unless the file was moved.
class TemporaryFile {
 public:
  explicit TemporaryFile(const Place& place)
      : place_(place),
        mode_(place.before ? 0600 : 0666),
        file_(::openat(place.directory.get(), ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, mode_)) {
    if (file_.valid()) return;
    name_ = temporary_name();
    file_ = Descriptor(::openat(place.directory.get(), name_.c_str(),
                                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode_));
  }
  ~TemporaryFile() {
    if (file_.valid() && !name_.empty() && !moved_) {
      ::unlinkat(place_.directory.get(), name_.c_str(), 0);
    }
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  bool valid() const { return file_.valid(); }

  // False with errno.
  bool fill(std::string_view bytes) {
    if (place_.before) {
      // Only root may give a file away; everybody else keeps it.
      [[maybe_unused]] const int given =
          ::fchown(file_.get(), place_.before->st_uid, place_.before->st_gid);
      if (::fchmod(file_.get(), place_.before->st_mode & 0777) != 0) return false;
    }
    return write_all(file_.get(), bytes).ok() && ::fsync(file_.get()) == 0;
  }

  // False with errno: EEXIST when a name that was free is taken now.
  bool move() {
    const int directory = place_.directory.get();
    if (name_.empty()) {
      // A link never replaces; a file that is replaced needs a name to come from, for this moment.
      if (!place_.before) return moved_ = link_as(place_.name);
      std::string name = temporary_name();
      if (!link_as(name)) return false;
      name_ = std::move(name);
    }
    const char* from = name_.c_str();
    const char* to = place_.name.c_str();
    if (place_.before) {
      moved_ = ::renameat(directory, from, directory, to) == 0;
      return moved_;
    }
    moved_ = ::renameat2(directory, from, directory, to, RENAME_NOREPLACE) == 0;
    if (moved_ || errno != EINVAL) return moved_;
    // A file system that does not know the flag (9p, some of FUSE): a link never replaces either.
    return ::linkat(directory, from, directory, to, 0) == 0;
  }

 private:
  bool link_as(const std::string& name) const {
    const std::string from = fmt::format("/proc/self/fd/{}", file_.get());
    return ::linkat(AT_FDCWD, from.c_str(), place_.directory.get(), name.c_str(),
                    AT_SYMLINK_FOLLOW) == 0;
  }

  const Place& place_;
  const mode_t mode_;
  std::string name_;  // empty: it has none
  Descriptor file_;
  bool moved_ = false;
};

Status replace_at(const Place& place, std::string_view bytes, const WriteCondition& condition,
                  const std::string& path, std::mutex& moving) {
  TemporaryFile file(place);
  if (!file.valid()) return path_error(path, errno);
  const auto fail = [&](int error) {
    return system_error(ErrorCode::kWorkspace, fmt::format("cannot write '{}'", path), error);
  };
  if (!file.fill(bytes)) return fail(errno);
  {
    // Writing took its time: somebody may have come in between. Of the runs of this process only
    // one at a time looks and moves; others can still come between these two system calls.
    const std::lock_guard lock(moving);
    if (condition.kind == WriteCondition::Kind::kUnchanged) {
      const std::optional<struct stat> now = look_at(place.directory, place.name);
      if (!now || !untouched(*place.before, *now)) return changed(path, "was changed meanwhile");
    }
    if (!file.move()) {
      const int error = errno;
      return error == EEXIST ? changed(path, "was created by somebody else meanwhile")
                             : fail(error);
    }
  }
  const Descriptor synced(::openat(place.directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (synced.valid()) ::fsync(synced.get());
  return {};
}

// `path` relative to `root`, or nothing when it does not lie in it. Both absolute.
std::optional<std::string> path_below(std::string_view root, std::string_view path) {
  if (path == root) return ".";
  const std::size_t size = root == "/" ? 0 : root.size();
  if (path.substr(0, size) != root.substr(0, size)) return {};
  if (path.size() < size + 2 || path[size] != '/') return {};
  return std::string(path.substr(size + 1));
}

std::optional<std::string> path_of_descriptor(int descriptor) {
  const std::string link = fmt::format("/proc/self/fd/{}", descriptor);
  std::array<char, PATH_MAX> path{};
  const ssize_t size = ::readlink(link.c_str(), path.data(), path.size());
  if (size <= 0 || path[0] != '/') return {};
  return std::string(path.data(), static_cast<std::size_t>(size));
}

}  // namespace

Workspace::Workspace(Descriptor root, std::string path, std::vector<std::string> own_directories)
    : root_(std::move(root)),
      path_(std::move(path)),
      own_directories_(std::move(own_directories)),
      moving_(std::make_unique<std::mutex>()) {}

Result<Workspace> Workspace::open(const std::string& path,
                                  const std::vector<std::string>& own_directories) {
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
  std::vector<std::string> own;
  for (const std::string& directory : own_directories) {
    const std::optional<std::string> below = path_below(real.get(), real_path(directory));
    // A workspace within such a directory was put there by somebody who knew.
    if (below && *below != ".") own.push_back(*below);
  }
  return Workspace(std::move(root), real.get(), std::move(own));
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

// Where a directory is beneath the root, whatever links led to it.
Result<std::string> Workspace::place_of(const Descriptor& directory,
                                        const std::string& path) const {
  const std::optional<std::string> root = path_of_descriptor(root_.get());
  const std::optional<std::string> place = path_of_descriptor(directory.get());
  if (!root || !place) {
    return Error{.code = ErrorCode::kUnsupported,
                 .message = fmt::format("cannot tell where '{}' is: there is no /proc", path)};
  }
  std::optional<std::string> below = path_below(*root, *place);
  if (!below) return path_error(path, EXDEV);
  return std::move(*below);
}

// Whether a file at this place would be part of what git takes for a repository, under whatever
// name: a bare one that a hostile project brings along, or one that a ".git" file leads to (attack
// A14). What the file itself adds counts, so that none can be put together piece by piece.
bool Workspace::in_git_directory(std::string_view place) const {
  std::string directory = ".";
  for (const std::string_view name : split(place, '/')) {
    const auto has = [&](std::string_view part) {
      return name == part || exists(join_path(directory, part));
    };
    if (has("HEAD") && ((has("objects") && has("refs")) || has("commondir"))) return true;
    directory = join_path(directory, name);
  }
  return false;
}

Status Workspace::check_unprotected(std::string_view place, const std::string& path) const {
  if (is_protected_path(place)) {
    return Error{.code = ErrorCode::kProtected,
                 .message = fmt::format(
                     "'{}' is protected: file tools do not write .git and .gitmodules", path)};
  }
  if (in_git_directory(place)) {
    return Error{.code = ErrorCode::kProtected,
                 .message = fmt::format(
                     "'{}' is protected: it lies in a git repository's own directory", path)};
  }
  const bool own = std::any_of(
      own_directories_.begin(), own_directories_.end(), [&](const std::string& directory) {
        return place == directory || path_below("/" + directory, fmt::format("/{}", place));
      });
  if (!own) return {};
  return Error{
      .code = ErrorCode::kProtected,
      .message = fmt::format("'{}' is protected: Perdure keeps its own files there", path)};
}

// Opens a directory, making what is missing on the way. What is there already is judged by where it
// is: a link may lead into a protected one.
Result<Descriptor> Workspace::open_directory_for_writing(std::string_view path) const {
  const std::string whole(path);
  Result<Descriptor> directory = open_beneath(whole, O_PATH | O_DIRECTORY);
  if (directory.ok()) {
    const Result<std::string> place = place_of(*directory, whole);
    if (!place.ok()) return place.error();
    if (Status status = check_unprotected(*place, whole); !status.ok()) return status.error();
    return directory;
  }
  if (directory.error().code != ErrorCode::kNotFound || path == ".") return directory;
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
    // The text of a magic link names a place that nobody has put there (attack A10).
    const Descriptor end(openat2_beneath(root_.get(), current.c_str(), O_PATH));
    if (!end.valid() && errno == ELOOP) return path_error(path, ELOOP);
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
  if (Status status = check_unprotected(*target, path); !status.ok()) return status.error();
  Result<Descriptor> directory = open_directory_for_writing(parent_path(*target));
  if (!directory.ok()) return directory.error();
  Place place{.directory = std::move(*directory), .name = std::string(file_name(*target))};
  place.before = look_at(place.directory, place.name);
  Status status = check_condition(place, condition, path);
  if (status.ok()) status = replace_at(place, bytes, condition, path, *moving_);
  if (!status.ok()) return status.error();
  return to_hex(sha256(bytes));
}

Result<std::vector<DirectoryEntry>> Workspace::list(const std::string& path) const {
  Result<Descriptor> directory = open_beneath(path, O_RDONLY | O_DIRECTORY);
  if (!directory.ok()) return directory.error();
  const int descriptor = directory->get();
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(
      ::fdopendir(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3)), ::closedir);
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
