#include "os/kernel.h"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <sched.h>

#include "os/descriptor.h"

namespace perdure {
namespace {

KernelFeature openat2_feature() {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH;
  const Descriptor here(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how)));
  return {.name = "openat2",
          .present = here.valid(),
          .detail = "files stay inside the workspace (needed)"};
}

KernelFeature pidfd_feature() {
  const Descriptor self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  return {.name = "pidfd",
          .present = self.valid(),
          .detail = "commands are supervised without races (needed)"};
}

KernelFeature landlock_feature() {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return {
      .name = "landlock",
      .present = version > 0,
      .detail = version > 0 ? fmt::format("version {}", version) : "not built in or not enabled"};
}

KernelFeature seccomp_feature() {
  const bool present = ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
  return {.name = "seccomp", .present = present, .detail = "filters of system calls"};
}

// Tried in a child, because a namespace cannot be left.
KernelFeature user_namespace_feature() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::unshare(CLONE_NEWUSER) == 0 ? 0 : 1);
  int status = -1;
  const bool present = child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
  return {.name = "user namespaces", .present = present, .detail = "a box without privileges"};
}

}  // namespace

std::vector<KernelFeature> kernel_features() {
  return {openat2_feature(), pidfd_feature(), landlock_feature(), seccomp_feature(),
          user_namespace_feature()};
}

}  // namespace perdure
