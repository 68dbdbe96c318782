#include "os/sandbox/filter.h"

#include <cerrno>
#include <memory>

#include <linux/filter.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sched.h>
#include <seccomp.h>

#include "os/descriptor.h"

namespace perdure {
namespace {

// What ordinary programs ask of a kernel. What is not here does not exist for them (ENOSYS), so
// that a C library takes its older way.
constexpr const char* kAllowed[] = {
    // files
    "access",
    "chdir",
    "chmod",
    "chown",
    "close",
    "close_range",
    "copy_file_range",
    "creat",
    "dup",
    "dup2",
    "dup3",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fallocate",
    "fchdir",
    "fchmod",
    "fchmodat",
    "fchown",
    "fchownat",
    "fcntl",
    "fdatasync",
    "fgetxattr",
    "flistxattr",
    "flock",
    "fremovexattr",
    "fsetxattr",
    "fstat",
    "fstatfs",
    "fsync",
    "ftruncate",
    "futimesat",
    "getcwd",
    "getdents",
    "getdents64",
    "getxattr",
    "inotify_add_watch",
    "inotify_init",
    "inotify_init1",
    "inotify_rm_watch",
    "lchown",
    "lgetxattr",
    "link",
    "linkat",
    "listxattr",
    "llistxattr",
    "lremovexattr",
    "lseek",
    "lsetxattr",
    "lstat",
    "memfd_create",
    "mkdir",
    "mkdirat",
    "newfstatat",
    "open",
    "openat",
    "openat2",
    "pipe",
    "pipe2",
    "pread64",
    "preadv",
    "preadv2",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "read",
    "readahead",
    "readlink",
    "readlinkat",
    "readv",
    "removexattr",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "sendfile",
    "setxattr",
    "splice",
    "stat",
    "statfs",
    "statx",
    "symlink",
    "symlinkat",
    "sync",
    "sync_file_range",
    "syncfs",
    "tee",
    "truncate",
    "umask",
    "unlink",
    "unlinkat",
    "utime",
    "utimensat",
    "utimes",
    "vmsplice",
    "write",
    "writev",
    // memory
    "brk",
    "get_mempolicy",
    "madvise",
    "mbind",
    "membarrier",
    "mincore",
    "mlock",
    "mlock2",
    "mlockall",
    "mmap",
    "mprotect",
    "mremap",
    "msync",
    "munlock",
    "munlockall",
    "munmap",
    "pkey_alloc",
    "pkey_free",
    "pkey_mprotect",
    "remap_file_pages",
    "set_mempolicy",
    // processes, threads and signals
    "alarm",
    "arch_prctl",
    "capget",
    "execve",
    "execveat",
    "exit",
    "exit_group",
    "fork",
    "futex",
    "futex_waitv",
    "get_robust_list",
    "getcpu",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getitimer",
    "getpgid",
    "getpgrp",
    "getpid",
    "getppid",
    "getpriority",
    "getresgid",
    "getresuid",
    "getrlimit",
    "getrusage",
    "getsid",
    "gettid",
    "getuid",
    "ioprio_get",
    "ioprio_set",
    "kill",
    "landlock_add_rule",
    "landlock_create_ruleset",
    "landlock_restrict_self",
    "pause",
    "pidfd_open",
    "pidfd_send_signal",
    "prctl",
    "prlimit64",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigqueueinfo",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "rt_tgsigqueueinfo",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "sched_getaffinity",
    "sched_getattr",
    "sched_getparam",
    "sched_getscheduler",
    "sched_rr_get_interval",
    "sched_setaffinity",
    "sched_setattr",
    "sched_setparam",
    "sched_setscheduler",
    "sched_yield",
    "seccomp",
    "set_robust_list",
    "set_tid_address",
    "setgid",
    "setgroups",
    "setitimer",
    "setpgid",
    "setpriority",
    "setregid",
    "setresgid",
    "setresuid",
    "setreuid",
    "setrlimit",
    "setsid",
    "setuid",
    "sigaltstack",
    "tgkill",
    "tkill",
    "vfork",
    "wait4",
    "waitid",
    // time, waiting and messages within the box
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "eventfd",
    "eventfd2",
    "gettimeofday",
    "mq_getsetattr",
    "mq_notify",
    "mq_open",
    "mq_timedreceive",
    "mq_timedsend",
    "mq_unlink",
    "msgctl",
    "msgget",
    "msgrcv",
    "msgsnd",
    "nanosleep",
    "poll",
    "ppoll",
    "pselect6",
    "select",
    "semctl",
    "semget",
    "semop",
    "semtimedop",
    "shmat",
    "shmctl",
    "shmdt",
    "shmget",
    "signalfd",
    "signalfd4",
    "time",
    "timer_create",
    "timer_delete",
    "timer_getoverrun",
    "timer_gettime",
    "timer_settime",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_settime",
    "times",
    // sockets; which kinds is said below
    "accept",
    "accept4",
    "bind",
    "connect",
    "getpeername",
    "getsockname",
    "getsockopt",
    "listen",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
    "socketpair",
    // about the machine
    "getrandom",
    "sysinfo",
    "uname",
};

// What exists, and is refused with a clear error: programs that try these go on without.
constexpr const char* kRefused[] = {
    "acct",
    "add_key",
    "adjtimex",
    "bpf",
    "chroot",
    "clock_adjtime",
    "clock_settime",
    "delete_module",
    "fanotify_init",
    "finit_module",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "init_module",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "ioperm",
    "iopl",
    "kcmp",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "lookup_dcookie",
    "mount",
    "mount_setattr",
    "move_mount",
    "name_to_handle_at",
    "nfsservctl",
    "open_by_handle_at",
    "open_tree",
    "perf_event_open",
    "pidfd_getfd",
    "pivot_root",
    "process_madvise",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "quotactl",
    "quotactl_fd",
    "reboot",
    "request_key",
    "setdomainname",
    "setfsgid",
    "setfsuid",
    "sethostname",
    "setns",
    "settimeofday",
    "swapoff",
    "swapon",
    "syslog",
    "umount2",
    "unshare",
    "userfaultfd",
    "vhangup",
};

// Allowed but for the uses that refused_uses() names.
constexpr const char* kConditional[] = {"clone", "ioctl", "mknod", "mknodat", "socket"};

constexpr std::uint64_t kNewSpaces[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                        CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};

using Context = std::unique_ptr<void, void (*)(scmp_filter_ctx)>;

Error no_filter(int error) {
  return system_error(ErrorCode::kInternal, "cannot make the filter of system calls", error);
}

// The rules of one filter; the first that the library refuses is remembered.
class Rules {
 public:
  explicit Rules(std::uint32_t otherwise) : context_(seccomp_init(otherwise), seccomp_release) {
    if (context_ == nullptr) error_ = ENOMEM;
    // A call by another machine's numbers (32-bit, x32) would be judged by the wrong table.
    if (error_ == 0) {
      error_ = -seccomp_attr_set(context_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    }
    if (error_ == 0) error_ = -seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  }

  template <typename... Conditions>
  void add(std::uint32_t action, const char* call, Conditions... conditions) {
    const int number = seccomp_syscall_resolve_name(call);
    if (error_ != 0 || number < 0) return;  // a call that this machine or the library does not know
    error_ =
        -seccomp_rule_add(context_.get(), action, number, sizeof...(conditions), conditions...);
  }

  // Appends the filter: the count of its instructions, then them.
  Status write_to(std::string& out) const {
    if (error_ != 0) return no_filter(error_);
    const Descriptor file(::memfd_create("filter", MFD_CLOEXEC));
    if (!file.valid()) return no_filter(errno);
    if (const int error = -seccomp_export_bpf(context_.get(), file.get()); error != 0) {
      return no_filter(error);
    }
    ::lseek(file.get(), 0, SEEK_SET);
    const Result<std::string> code = read_to_end(file.get(), 1 << 20);
    if (!code.ok()) return code.error();
    const auto count = static_cast<std::uint32_t>(code->size() / sizeof(sock_filter));
    out.append(reinterpret_cast<const char*>(&count), sizeof count);
    out += *code;
    return {};
  }

 private:
  Context context_;
  int error_ = 0;
};

Rules known_calls() {
  Rules rules(SCMP_ACT_ERRNO(ENOSYS));
  for (const char* call : kAllowed) rules.add(SCMP_ACT_ALLOW, call);
  for (const char* call : kConditional) rules.add(SCMP_ACT_ALLOW, call);
  for (const char* call : kRefused) rules.add(SCMP_ACT_ERRNO(EPERM), call);
  return rules;
}

// What is refused of calls that are allowed otherwise. A filter of its own: the kernel asks both,
// and the stricter answer holds.
Rules refused_uses(bool has_internet) {
  constexpr std::uint32_t kRefuse = SCMP_ACT_ERRNO(EPERM);
  constexpr std::uint64_t kLow = 0xffffffff;  // of what the kernel takes as an int
  Rules rules(SCMP_ACT_ALLOW);
  for (const std::uint64_t space : kNewSpaces) {
    rules.add(kRefuse, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, space, space));
  }
  // Keys pressed in the operator's place.
  for (const std::uint64_t request : {std::uint64_t{TIOCSTI}, std::uint64_t{TIOCLINUX}}) {
    rules.add(kRefuse, "ioctl", SCMP_A1(SCMP_CMP_MASKED_EQ, kLow, request));
  }
  if (!has_internet) {
    rules.add(kRefuse, "socket", SCMP_A0(SCMP_CMP_NE, AF_UNIX));
  } else {
    rules.add(kRefuse, "socket", SCMP_A0(SCMP_CMP_GT, AF_NETLINK));
    for (std::uint64_t family = 0; family < AF_NETLINK; ++family) {
      if (family == AF_UNIX || family == AF_INET || family == AF_INET6) continue;
      rules.add(kRefuse, "socket", SCMP_A0(SCMP_CMP_EQ, family));
    }
  }
  rules.add(kRefuse, "socketpair", SCMP_A0(SCMP_CMP_NE, AF_UNIX));
  // Files that would lend their owner's rights, or that are devices.
  for (const std::uint64_t bit : {std::uint64_t{S_ISUID}, std::uint64_t{S_ISGID}}) {
    rules.add(kRefuse, "chmod", SCMP_A1(SCMP_CMP_MASKED_EQ, bit, bit));
    rules.add(kRefuse, "fchmod", SCMP_A1(SCMP_CMP_MASKED_EQ, bit, bit));
    rules.add(kRefuse, "fchmodat", SCMP_A2(SCMP_CMP_MASKED_EQ, bit, bit));
    rules.add(kRefuse, "mknod", SCMP_A1(SCMP_CMP_MASKED_EQ, bit, bit));
    rules.add(kRefuse, "mknodat", SCMP_A2(SCMP_CMP_MASKED_EQ, bit, bit));
  }
  for (const std::uint64_t kind : {std::uint64_t{S_IFCHR}, std::uint64_t{S_IFBLK}}) {
    rules.add(kRefuse, "mknod", SCMP_A1(SCMP_CMP_MASKED_EQ, S_IFMT, kind));
    rules.add(kRefuse, "mknodat", SCMP_A2(SCMP_CMP_MASKED_EQ, S_IFMT, kind));
  }
  return rules;
}

}  // namespace

Result<std::string> system_call_filters(bool has_internet) {
  std::string out;
  if (const Status status = refused_uses(has_internet).write_to(out); !status.ok()) {
    return status.error();
  }
  if (const Status status = known_calls().write_to(out); !status.ok()) return status.error();
  return out;
}

}  // namespace perdure
