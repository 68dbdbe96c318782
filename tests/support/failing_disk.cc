// A disk that fails at one call, for any program and without rights: a library that is loaded
// before libc (LD_PRELOAD), so that it stands below SQLite and everything else that stores.
//
//   PERDURE_DISK=FOLDER           the files below it are on this disk
//   PERDURE_DISK_FAULT=sync:7:eio the seventh sync of them fails
//   PERDURE_DISK_COUNTS=FILE      4096 bytes, mapped: how many calls of each kind there were, and
//                                 behind them whether the fault came to pass (failing_disk.h)
//
// What a call does: `eio` and `enospc` fail; `short` writes the first half and says so; `torn`
// writes the first half and fails; `before` and `after` kill the process on this or that side of
// it. The syncs of this disk do nothing: what a killed process wrote is kept by the kernel.
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <fcntl.h>
#include <linux/limits.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

enum Kind : std::uint8_t { kOpen, kWrite, kSync, kTruncate, kRemove, kRename, kMake, kKinds };
constexpr std::array<std::string_view, kKinds> kKindNames = {"open",   "write",  "sync", "truncate",
                                                             "remove", "rename", "make"};
enum class How : std::uint8_t { kNot, kEio, kNoSpace, kShort, kTorn, kBefore, kAfter };
constexpr std::array<std::string_view, 7> kHowNames = {"",     "eio",    "enospc", "short",
                                                       "torn", "before", "after"};

using Counter = std::atomic<std::uint64_t>;

struct Disk {
  std::array<char, PATH_MAX> folder{};  // a copy: a program may wipe its environment
  Kind kind = kKinds;
  std::uint64_t nth = 0;
  How how = How::kNot;
  std::array<Counter, kKinds + 1> own{};
  Counter* counts = own.data();  // of each kind; then whether it failed
};
constinit Disk disk;

__attribute__((constructor)) void read_environment() {
  const auto text = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string_view(value != nullptr ? value : "");
  };
  const std::string_view folder = text("PERDURE_DISK");
  if (folder.size() >= disk.folder.size()) ::abort();
  folder.copy(disk.folder.data(), folder.size());
  const std::string_view fault = text("PERDURE_DISK_FAULT");
  const std::size_t first = fault.find(':');
  const std::size_t last = fault.rfind(':');
  if (first != last) {
    for (std::uint8_t i = 0; i < kKinds; ++i) {
      if (kKindNames[i] == fault.substr(0, first)) disk.kind = static_cast<Kind>(i);
    }
    disk.nth = std::strtoull(fault.data() + first + 1, nullptr, 10);
    for (std::size_t i = 0; i < kHowNames.size(); ++i) {
      if (kHowNames[i] == fault.substr(last + 1)) disk.how = static_cast<How>(i);
    }
  }
  const int file =
      static_cast<int>(::syscall(SYS_openat, AT_FDCWD, text("PERDURE_DISK_COUNTS").data(), O_RDWR));
  if (file < 0) return;
  void* mapped = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::syscall(SYS_close, file);
  if (mapped != MAP_FAILED) disk.counts = static_cast<Counter*>(mapped);
}

bool is_here(std::string_view path) {
  return disk.folder[0] != 0 && path.rfind(disk.folder.data(), 0) == 0;
}

bool is_here(int descriptor) {
  const int before = errno;
  char link[64] = "/proc/self/fd/";
  char digits[16];
  std::size_t count = 0;
  for (unsigned rest = static_cast<unsigned>(descriptor); count == 0 || rest > 0; rest /= 10)
    digits[count++] = static_cast<char>('0' + rest % 10);
  std::size_t end = std::string_view(link).size();
  while (count > 0) link[end++] = digits[--count];
  char path[PATH_MAX];
  const ssize_t size = ::readlink(link, path, sizeof path);
  errno = before;
  return size > 0 && is_here(std::string_view(path, static_cast<std::size_t>(size)));
}

void die() {
  ::syscall(SYS_kill, ::getpid(), SIGKILL);
}

// Counts a call and does it, or what is due to this one instead.
template <class Call, class Half>
long do_call(Kind kind, const Call& call, const Half& half) {
  const bool due = ++disk.counts[kind] == disk.nth && kind == disk.kind && disk.how != How::kNot;
  if (!due) return call();
  disk.counts[kKinds] = 1;
  if (disk.how == How::kBefore) die();
  if (disk.how == How::kShort) return half();
  if (disk.how == How::kTorn) half();
  if (disk.how == How::kAfter) {
    call();
    die();
  }
  errno = disk.how == How::kNoSpace ? ENOSPC : EIO;
  return -1;
}
template <class Call>
long do_call(Kind kind, const Call& call) {
  return do_call(kind, call, call);
}

long open_file(const char* path, int flags, mode_t mode) {
  const auto call = [&] { return ::syscall(SYS_openat, AT_FDCWD, path, flags, mode); };
  return is_here(std::string_view(path)) ? do_call(kOpen, call) : call();
}

long write_at(int descriptor, const void* bytes, std::size_t size, off64_t at) {
  const auto some = [&](std::size_t count) {
    return at < 0 ? ::syscall(SYS_write, descriptor, bytes, count)
                  : ::syscall(SYS_pwrite64, descriptor, bytes, count, at);
  };
  if (!is_here(descriptor)) return some(size);
  return do_call(kWrite, [&] { return some(size); }, [&] { return some((size + 1) / 2); });
}

int sync_file(int descriptor, int number) {
  if (!is_here(descriptor)) return static_cast<int>(::syscall(number, descriptor));
  return static_cast<int>(do_call(kSync, [] { return 0L; }));
}

}  // namespace

// The names and types of libc. The kernel is called itself: to look for libc's own functions costs
// more than they do.
#pragma GCC visibility push(default)
extern "C" {

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return static_cast<int>(open_file(path, flags, mode));
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return static_cast<int>(open_file(path, flags, mode));
}

ssize_t write(int descriptor, const void* bytes, size_t size) {
  return write_at(descriptor, bytes, size, -1);
}

ssize_t pwrite64(int descriptor, const void* bytes, size_t size, off64_t at) {
  return write_at(descriptor, bytes, size, at);
}

ssize_t pwrite(int descriptor, const void* bytes, size_t size, off_t at) {
  return write_at(descriptor, bytes, size, at);
}

int fsync(int descriptor) {
  return sync_file(descriptor, SYS_fsync);
}

int fdatasync(int descriptor) {
  return sync_file(descriptor, SYS_fdatasync);
}

int ftruncate64(int descriptor, off64_t size) noexcept {
  const auto call = [&] { return ::syscall(SYS_ftruncate, descriptor, size); };
  return static_cast<int>(is_here(descriptor) ? do_call(kTruncate, call) : call());
}

int ftruncate(int descriptor, off_t size) noexcept {
  return ftruncate64(descriptor, size);
}

int unlink(const char* path) noexcept {
  const auto call = [&] { return ::syscall(SYS_unlink, path); };
  return static_cast<int>(is_here(std::string_view(path)) ? do_call(kRemove, call) : call());
}

int rename(const char* from, const char* to) noexcept {
  const auto call = [&] { return ::syscall(SYS_rename, from, to); };
  return static_cast<int>(is_here(std::string_view(to)) ? do_call(kRename, call) : call());
}

int mkdir(const char* path, mode_t mode) noexcept {
  const auto call = [&] { return ::syscall(SYS_mkdir, path, mode); };
  return static_cast<int>(is_here(std::string_view(path)) ? do_call(kMake, call) : call());
}
}
#pragma GCC visibility pop
