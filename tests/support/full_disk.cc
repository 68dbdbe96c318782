// A disk that fills up, for any program and without rights: a library that is loaded before libc
// (LD_PRELOAD). While the file $PERDURE_FULL_DISK.full is there, nothing more can be written to
// files below the folder $PERDURE_FULL_DISK: as on a real one, such a write fails with ENOSPC.
#include <cerrno>
#include <cstdlib>
#include <string_view>

#include <fcntl.h>
#include <linux/limits.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

bool is_full(int descriptor) {
  const char* folder = std::getenv("PERDURE_FULL_DISK");
  if (folder == nullptr) return false;
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
  char mark[PATH_MAX] = {};
  const std::string_view below(folder);
  const std::string_view ending = ".full";
  if (below.size() + ending.size() >= sizeof mark) ::abort();
  below.copy(mark, below.size());
  ending.copy(mark + below.size(), ending.size());
  const bool full = size > 0 &&
                    std::string_view(path, static_cast<std::size_t>(size)).rfind(below, 0) == 0 &&
                    ::access(mark, F_OK) == 0;
  errno = full ? ENOSPC : before;
  return full;
}

}  // namespace

// The names and types of libc. The kernel is called itself: to look for libc's own functions costs
// more than they do.
extern "C" {

__attribute__((visibility("default"))) ssize_t write(int descriptor, const void* bytes,
                                                     size_t size) {
  return is_full(descriptor) ? -1 : ::syscall(SYS_write, descriptor, bytes, size);
}

__attribute__((visibility("default"))) ssize_t pwrite64(int descriptor, const void* bytes,
                                                        size_t size, off64_t at) {
  return is_full(descriptor) ? -1 : ::syscall(SYS_pwrite64, descriptor, bytes, size, at);
}

__attribute__((visibility("default"))) ssize_t pwrite(int descriptor, const void* bytes,
                                                      size_t size, off_t at) {
  return pwrite64(descriptor, bytes, size, at);
}

__attribute__((visibility("default"))) int fallocate64(int descriptor, int mode, off64_t at,
                                                       off64_t size) {
  if (is_full(descriptor)) return -1;
  return static_cast<int>(::syscall(SYS_fallocate, descriptor, mode, at, size));
}
}
