#include "tests/support/small_disk.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "os/descriptor.h"

namespace perdure::test {

SmallDisk::SmallDisk(std::size_t bytes) {
  const std::string options = "size=" + std::to_string(bytes);
  if (::mount("tmpfs", path().c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) == 0) return;
  why_not_ = "a small file system cannot be mounted here: " + errno_text(errno);
}

SmallDisk::~SmallDisk() {
  if (mounted()) ::umount2(path().c_str(), MNT_DETACH);
}

void SmallDisk::fill_all_but(std::size_t bytes) const {
  struct statvfs status{};
  ASSERT_EQ(::statvfs(path().c_str(), &status), 0);
  const std::size_t left = status.f_bavail * status.f_frsize;
  if (left <= bytes) return;
  const Descriptor file(::open((path() + "/filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::posix_fallocate(file.get(), 0, static_cast<off_t>(left - bytes)), 0);
}

void SmallDisk::free_space() const {
  ::unlink((path() + "/filler").c_str());
}

}  // namespace perdure::test
