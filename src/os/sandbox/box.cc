// The box's helper: a small static program that the runtime starts in the place of a command. It
// builds the box from the words it is given, goes into it, and runs the command there.
//
//   box WORD... -- PROGRAM ARGUMENT...
//
// The words come from sandbox.cc, in the order in which they take effect. Three processes result.
// The leader stays outside, ignores what ends a command politely, and ends as the command ended.
// Init is process 1 of the box: it makes the mounts, gives up every right, starts the command, and
// waits for what is orphaned; when it ends, the kernel kills whatever is left there. Descriptors: 3
// takes a BoxFailure when the box cannot be made, 4 holds the filter of system calls, 5 is the
// workspace.
#include "os/sandbox/box.h"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <net/if.h>
#include <sched.h>

#include "os/sandbox/landlock.h"

// glibc 2.36 declares these in a header that collides with <linux/mount.h>.
extern "C" int mount(const char*, const char*, const char*, unsigned long, const void*) noexcept;
extern "C" int umount2(const char*, int) noexcept;

namespace perdure {
namespace {

constexpr int kReport = 3;
constexpr int kFilter = 4;
constexpr int kWorkspace = 5;
constexpr unsigned long kReadOnly = 1, kNoSuid = 2, kNoDevices = 4, kNoExec = 8, kRemount = 32,
                        kBind = 4096, kRecursive = 16384, kPrivate = 1 << 18;
constexpr const char* kBase = "/tmp";  // The new root grows here, in our own name space of mounts.

[[noreturn]] void fail(BoxStage stage, const char* what) {
  BoxFailure failure{.error = errno, .stage = stage, .what = {}};
  std::strncpy(failure.what, what, sizeof failure.what - 1);
  [[maybe_unused]] const ssize_t written = ::write(kReport, &failure, sizeof failure);
  ::_exit(127);
}

void need(bool good, BoxStage stage, const char* what) {
  if (!good) fail(stage, what);
}

bool is(const char* word, const char* name) {
  return std::strcmp(word, name) == 0;
}

bool write_file(const char* path, const char* text) {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const auto length = static_cast<ssize_t>(std::strlen(text));
  const bool good = ::write(file, text, static_cast<std::size_t>(length)) == length;
  const int error = errno;
  ::close(file);
  errno = error;
  return good;
}

bool go_to(const char* folder) {
  const int descriptor = ::open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool good = ::fchdir(descriptor) == 0;
  ::close(descriptor);
  return good;
}

// --- Name spaces ---

// False where the kernel makes none and they are not needed.
bool enter_namespaces(bool keeps_network, bool needed) {
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  const int spaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP |
                     (keeps_network ? 0 : CLONE_NEWNET);
  if (::unshare(CLONE_NEWUSER | spaces) != 0) {
    // Root needs no user name space for the others.
    const int error = errno;
    if (user != 0 || ::unshare(spaces) != 0) {
      errno = error;
      if (needed) fail(BoxStage::kNamespaces, "unshare");
      return false;
    }
    return true;
  }
  char map[64];
  need(write_file("/proc/self/setgroups", "deny"), BoxStage::kNamespaces, "setgroups");
  std::snprintf(map, sizeof map, "%u %u 1", group, group);
  need(write_file("/proc/self/gid_map", map), BoxStage::kNamespaces, "gid_map");
  std::snprintf(map, sizeof map, "%u %u 1", user, user);
  need(write_file("/proc/self/uid_map", map), BoxStage::kNamespaces, "uid_map");
  return true;
}

// --- Mounts ---

struct Place {
  BoxWord word;
  const char* path;
  const char* extra = nullptr;  // where a link leads to; which file is hidden, or "-" for any
  int tree = -1;                // a detached copy of what is at `path` outside
};

constexpr int kPlacesMax = 512;

// The workspace again, in our own name space of mounts: it must be the folder that was opened when
// the run began.
int open_workspace(const char* path) {
  const int folder = ::open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat pinned{};
  struct stat found{};
  need(folder >= 0 && ::fstat(folder, &found) == 0 && ::fstat(kWorkspace, &pinned) == 0,
       BoxStage::kMounts, path);
  errno = ESTALE;
  need(found.st_dev == pinned.st_dev && found.st_ino == pinned.st_ino, BoxStage::kMounts, path);
  return folder;
}

bool is_workspace(const Place& place) {
  return place.word == BoxWord::kWorkspaceWrite || place.word == BoxWord::kWorkspaceRead;
}

bool is_copied(BoxWord word) {
  return word != BoxWord::kEmpty && word != BoxWord::kHide && word != BoxWord::kLink;
}

// A folder that commands may change holds whatever they left there: a link on the way to it is no
// way of ours.
int open_writable(const char* path) {
  const open_how how{.flags = O_PATH | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_NO_SYMLINKS};
  const auto place = static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how));
  need(place >= 0, BoxStage::kMounts, path);
  return place;
}

// A copy of what a path shows, with everything mounted below it.
int copy_tree(const Place& place) {
  int from = AT_FDCWD;
  if (is_workspace(place)) from = open_workspace(place.path);
  if (place.word == BoxWord::kWrite) from = open_writable(place.path);
  const auto tree = static_cast<int>(
      ::syscall(SYS_open_tree, from, from >= 0 ? "" : place.path,
                OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH));
  need(tree >= 0, BoxStage::kMounts, place.path);
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_NOSUID;
  if (place.word != BoxWord::kDevice) attributes.attr_set |= MOUNT_ATTR_NODEV;
  if (place.word == BoxWord::kRead || place.word == BoxWord::kWorkspaceRead) {
    attributes.attr_set |= MOUNT_ATTR_RDONLY;
  }
  need(::syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                 sizeof attributes) == 0,
       BoxStage::kMounts, place.path);
  return tree;
}

// Makes the folders above a path of the new root.
void make_parents(char* path) {
  for (char* at = path + std::strlen(kBase) + 1; *at != '\0'; ++at) {
    if (*at != '/') continue;
    *at = '\0';
    if (::mkdir(path, 0755) != 0 && errno != EEXIST) fail(BoxStage::kMounts, path);
    *at = '/';
  }
}

void make_target(const char* path, bool is_folder) {
  if (is_folder) {
    if (::mkdir(path, 0755) != 0 && errno != EEXIST) fail(BoxStage::kMounts, path);
    return;
  }
  const int file = ::open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (file >= 0) ::close(file);
  struct stat there{};
  if (file < 0 && ::lstat(path, &there) != 0) fail(BoxStage::kMounts, path);
}

bool is_folder(int tree) {
  struct stat there{};
  return ::fstat(tree, &there) == 0 && S_ISDIR(there.st_mode);
}

// Covers what stands there: a folder by an empty one, a file by nothing that can be read. What a
// command could have moved must still be there, or its cover would be in the wrong place.
void hide(const Place& place, const char* path) {
  struct stat there{};
  const bool is_there = ::lstat(path, &there) == 0;
  char file[64];
  std::snprintf(file, sizeof file, "%ju:%ju", static_cast<std::uintmax_t>(there.st_dev),
                static_cast<std::uintmax_t>(there.st_ino));
  errno = ESTALE;
  need(is(place.extra, "-") || (is_there && is(place.extra, file)), BoxStage::kMounts, place.path);
  if (!is_there) return;
  const bool good = S_ISDIR(there.st_mode)
                        ? ::mount("tmpfs", path, "tmpfs", kReadOnly | kNoSuid | kNoDevices,
                                  "mode=0000,size=4k") == 0
                        : ::mount("/tmp/dev/null", path, nullptr, kBind, nullptr) == 0;
  need(good, BoxStage::kMounts, place.path);
}

void mount_place(const Place& place) {
  static char path[8192];
  const int length = std::snprintf(path, sizeof path, "%s%s", kBase, place.path);
  errno = ENAMETOOLONG;
  need(length > 0 && static_cast<std::size_t>(length) < sizeof path, BoxStage::kMounts, place.path);
  make_parents(path);
  if (place.word == BoxWord::kLink) {
    need(::symlink(place.extra, path) == 0, BoxStage::kMounts, place.path);
    return;
  }
  if (place.word == BoxWord::kEmpty) {
    make_target(path, true);
    need(::mount("tmpfs", path, "tmpfs", kNoSuid | kNoDevices,
                 "mode=0755,size=2g,nr_inodes=200k") == 0,
         BoxStage::kMounts, place.path);
    return;
  }
  if (place.word == BoxWord::kHide) return hide(place, path);
  make_target(path, is_folder(place.tree));
  need(::syscall(SYS_move_mount, place.tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) == 0,
       BoxStage::kMounts, place.path);
}

// The box's own /proc; the machine's, read-only, where the kernel makes none and it is not needed.
void mount_processes(bool own, bool needed) {
  need(::mkdir("/tmp/proc", 0755) == 0 || errno == EEXIST, BoxStage::kMounts, "/proc");
  if (!own || ::mount("proc", "/tmp/proc", "proc", kNoSuid | kNoDevices | kNoExec, nullptr) != 0) {
    need(!needed, BoxStage::kProc, "/proc");
    Place place{.word = BoxWord::kRead, .path = "/proc"};
    place.tree = copy_tree(place);
    return mount_place(place);
  }
  // Nobody in the box makes another one. Best effort: the filter refuses it as well.
  write_file("/tmp/proc/sys/user/max_user_namespaces", "0");
  for (const char* path : {"/tmp/proc/sys", "/tmp/proc/sysrq-trigger", "/tmp/proc/irq",
                           "/tmp/proc/bus", "/tmp/proc/fs"}) {
    if (::mount(path, path, nullptr, kBind | kRecursive, nullptr) != 0 && errno == ENOENT) continue;
    need(::mount(nullptr, path, nullptr,
                 kRemount | kBind | kReadOnly | kNoSuid | kNoDevices | kNoExec, nullptr) == 0,
         BoxStage::kMounts, path + 4);
  }
}

void enter_root() {
  need(go_to(kBase), BoxStage::kMounts, "the new root");
  need(::syscall(SYS_pivot_root, ".", ".") == 0, BoxStage::kMounts, "pivot_root");
  need(::umount2(".", 2 /* detach */) == 0, BoxStage::kMounts, "the old root");
  need(go_to("/"), BoxStage::kMounts, "/");
  need(::mount(nullptr, "/", nullptr, kRemount | kBind | kReadOnly | kNoSuid | kNoDevices,
               nullptr) == 0,
       BoxStage::kMounts, "/");
}

void raise_loopback() {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  need(socket >= 0 && ::ioctl(socket, SIOCSIFFLAGS, &request) == 0, BoxStage::kNamespaces, "lo");
  ::close(socket);
}

// --- Landlock ---

void add_rule(int rules, const char* path, std::uint64_t access) {
  const int place = ::open(path, O_PATH | O_CLOEXEC);
  if (place < 0 && errno == ENOENT) return;
  need(place >= 0, BoxStage::kLandlock, path);
  struct stat there{};
  if (::fstat(place, &there) == 0 && !S_ISDIR(there.st_mode)) access &= landlock::kFileAccess;
  const landlock::PathRule rule{.allowed = access, .place = place};
  need(::syscall(SYS_landlock_add_rule, rules, landlock::kPathBeneath, &rule, 0) == 0,
       BoxStage::kLandlock, path);
  ::close(place);
}

// An empty folder is the box's own: without name spaces it would be the machine's.
std::uint64_t access_of(BoxWord word, std::uint64_t handled, bool has_root) {
  switch (word) {
    case BoxWord::kRead:
    case BoxWord::kWorkspaceRead:
      return handled & landlock::kReading;
    case BoxWord::kEmpty:
      return has_root ? handled & ~landlock::kMakesDevices : 0;
    case BoxWord::kWrite:
    case BoxWord::kWorkspaceWrite:
      return handled & ~landlock::kMakesDevices;
    case BoxWord::kDevice:
      return handled & landlock::kDeviceUse;
    default:
      return 0;
  }
}

void confine_files(const Place* places, int count, bool keeps_network, bool has_root, bool needed) {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, landlock::kAskVersion);
  if (version < 1 && !needed) return;
  need(version >= 1, BoxStage::kLandlock, "landlock_create_ruleset");
  landlock::Rules handled = landlock::rules_of(static_cast<int>(version));
  if (keeps_network) handled.network = 0;
  const auto rules = static_cast<int>(::syscall(SYS_landlock_create_ruleset, &handled,
                                                landlock::size_of(static_cast<int>(version)), 0));
  need(rules >= 0, BoxStage::kLandlock, "landlock_create_ruleset");
  for (int at = 0; at < count; ++at) {
    if (const std::uint64_t access = access_of(places[at].word, handled.files, has_root);
        access != 0) {
      add_rule(rules, places[at].path, access);
    }
  }
  add_rule(rules, "/proc", handled.files & landlock::kReading);
  // The box's root holds nothing but what it was given: it may be listed.
  if (has_root) add_rule(rules, "/", handled.files & landlock::kReadFolder);
  need(::syscall(SYS_landlock_restrict_self, rules, 0) == 0, BoxStage::kLandlock,
       "landlock_restrict_self");
  ::close(rules);
}

// --- Rights ---

// Gives up every capability, for good: also those that root would get again from an exec.
void drop_capabilities() {
  constexpr unsigned long kNoRoot = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                    SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                    SECBIT_NO_CAP_AMBIENT_RAISE |
                                    SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  // Refused where there was nothing to give up: the sets below tell.
  ::prctl(PR_SET_SECUREBITS, kNoRoot, 0, 0, 0);
  for (unsigned long capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0;
       ++capability) {
    ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct none[2] = {};
  need(::syscall(SYS_capset, &header, none) == 0, BoxStage::kRights, "capset");
  need(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, BoxStage::kRights, "no_new_privs");
}

// Loads the filters, each a count and its instructions. The last one allows the least.
void filter_calls(bool needed) {
  static char text[1 << 17];
  const ssize_t bytes = ::pread(kFilter, text, sizeof text, 0);
  need(bytes > 0, BoxStage::kSeccomp, "the filter");
  ssize_t at = 0;
  while (at < bytes) {
    std::uint32_t count = 0;
    errno = EINVAL;
    need(at + 4 <= bytes, BoxStage::kSeccomp, "the filter");
    std::memcpy(&count, text + at, sizeof count);
    at += static_cast<ssize_t>(sizeof count);
    const auto size = static_cast<ssize_t>(count * sizeof(sock_filter));
    need(count <= BPF_MAXINSNS && at + size <= bytes, BoxStage::kSeccomp, "the filter");
    const sock_fprog filter{.len = static_cast<unsigned short>(count),
                            .filter = reinterpret_cast<sock_filter*>(text + at)};
    const bool loaded = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0;
    need(loaded || !needed, BoxStage::kSeccomp, "seccomp");
    at += size;
  }
}

void limit(__rlimit_resource_t resource, const char* value) {
  rlimit allowed{};
  need(::getrlimit(resource, &allowed) == 0, BoxStage::kRights, "getrlimit");
  const rlim_t wanted = std::strtoull(value, nullptr, 10);
  const rlim_t number = wanted < allowed.rlim_max ? wanted : allowed.rlim_max;
  const rlimit both{number, number};
  need(::setrlimit(resource, &both) == 0, BoxStage::kRights, "setrlimit");
}

// --- The three processes ---

enum class Layer : std::uint8_t { kNeeded, kOptional, kLeftOut };

struct Plan {
  Place places[kPlacesMax];
  int count = 0;
  const char* directory = "/";
  const char* processes_max = nullptr;
  bool keeps_network = false;
  bool has_loopback = false;
  Layer namespaces = Layer::kNeeded;
  Layer proc = Layer::kNeeded;
  Layer landlock = Layer::kNeeded;
  Layer filter = Layer::kNeeded;
  bool has_root = false;
  char** command = nullptr;
};

Plan plan;  // static: too large for a stack

bool set_switch(const char* word) {
  if (is(word, "network")) {
    plan.keeps_network = true;
  } else if (is(word, "loopback")) {
    plan.has_loopback = true;
  } else {
    return false;
  }
  return true;
}

bool set_value(const char* word, const char* value) {
  if (is(word, "directory")) {
    plan.directory = value;
  } else if (is(word, "processes")) {
    plan.processes_max = value;
  } else if (is(word, "optional") || is(word, "without")) {
    Layer* const layers[] = {&plan.namespaces, &plan.proc, &plan.landlock, &plan.filter};
    const char* const names[] = {"namespaces", "proc", "landlock", "seccomp"};
    for (int at = 0; at < 4; ++at) {
      if (is(value, names[at]))
        *layers[at] = is(word, "without") ? Layer::kLeftOut : Layer::kOptional;
    }
  } else {
    return false;
  }
  return true;
}

void read_words(int count, char** words) {
  errno = EINVAL;
  for (int at = 1; at < count; ++at) {
    const char* word = words[at];
    if (is(word, "--")) {
      plan.command = words + at + 1;
      break;
    }
    if (set_switch(word)) continue;
    need(at + 1 < count, BoxStage::kPlan, word);
    const char* value = words[++at];
    if (set_value(word, value)) continue;
    need(plan.count < kPlacesMax, BoxStage::kPlan, word);
    Place place{.word = BoxWord::kRead, .path = value};
    bool known = false;
    for (const BoxWordName& name : kBoxWordNames) {
      if (!is(name.name, word)) continue;
      place.word = name.word;
      known = true;
    }
    need(known, BoxStage::kPlan, word);
    if (place.word == BoxWord::kLink || place.word == BoxWord::kHide) {
      need(at + 1 < count, BoxStage::kPlan, word);
      place.extra = words[++at];
    }
    plan.places[plan.count++] = place;
  }
  need(plan.command != nullptr && plan.command[0] != nullptr, BoxStage::kPlan, "no command");
}

void build_root() {
  need(::mount(nullptr, "/", nullptr, kRecursive | kPrivate, nullptr) == 0, BoxStage::kMounts, "/");
  for (int at = 0; at < plan.count; ++at) {
    Place& place = plan.places[at];
    if (is_copied(place.word)) place.tree = copy_tree(place);
  }
  need(::mount("tmpfs", kBase, "tmpfs", kNoSuid | kNoDevices, "mode=0755") == 0, BoxStage::kMounts,
       "the new root");
  mount_processes(plan.proc != Layer::kLeftOut, plan.proc == Layer::kNeeded);
  for (int at = 0; at < plan.count; ++at) mount_place(plan.places[at]);
  if (plan.has_loopback) raise_loopback();
  ::sethostname("box", 3);
  enter_root();
}

void give_up_rights() {
  // Outside a name space of users it would count what the user runs elsewhere.
  if (plan.processes_max != nullptr && plan.has_root) limit(RLIMIT_NPROC, plan.processes_max);
  limit(RLIMIT_CORE, "0");
  drop_capabilities();
  if (plan.landlock != Layer::kLeftOut) {
    confine_files(plan.places, plan.count, plan.keeps_network || plan.has_loopback, plan.has_root,
                  plan.landlock == Layer::kNeeded);
  }
  if (plan.filter != Layer::kLeftOut) filter_calls(plan.filter == Layer::kNeeded);
}

[[noreturn]] void run_command() {
  need(go_to(plan.directory), BoxStage::kDirectory, plan.directory);
  ::close(kFilter);
  ::close(kWorkspace);
  ::execve(plan.command[0], plan.command, environ);
  fail(BoxStage::kExec, plan.command[0]);
}

// Process 1: reaps whatever is orphaned in the box, and tells how the command ended.
[[noreturn]] void run_init(int status_pipe) {
  build_root();
  give_up_rights();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_DUMPABLE, 0);
  const pid_t command = ::fork();
  need(command >= 0, BoxStage::kNamespaces, "fork");
  if (command == 0) {
    ::close(status_pipe);
    run_command();
  }
  for (const int descriptor : {0, 1, 2, kReport, kFilter, kWorkspace}) ::close(descriptor);
  int status = 0;
  while (true) {
    const pid_t ended = ::wait4(-1, &status, 0, nullptr);
    if (ended == command || (ended < 0 && errno != EINTR)) break;
  }
  [[maybe_unused]] const ssize_t written = ::write(status_pipe, &status, sizeof status);
  ::_exit(0);
}

// Ends as the command ended, so that nobody outside sees a difference.
[[noreturn]] void end_as(int status) {
  if (WIFSIGNALED(status)) {
    ::signal(WTERMSIG(status), SIG_DFL);
    ::kill(::getpid(), WTERMSIG(status));
    ::_exit(128 + WTERMSIG(status));
  }
  ::_exit(WEXITSTATUS(status));
}

[[noreturn]] void run_leader(pid_t init, int status_pipe) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM}) {
    ::signal(signal, SIG_IGN);
  }
  for (const int descriptor : {0, 1, 2, kReport, kFilter, kWorkspace}) ::close(descriptor);
  int status = SIGKILL;  // what ends init ends everything in the box
  while (::read(status_pipe, &status, sizeof status) < 0 && errno == EINTR) {
  }
  while (::waitpid(init, nullptr, 0) < 0 && errno == EINTR) {
  }
  end_as(status);
}

[[noreturn]] void run_in_namespaces() {
  int pipe[2];
  need(::pipe2(pipe, O_CLOEXEC) == 0, BoxStage::kNamespaces, "pipe");
  const pid_t init = ::fork();
  need(init >= 0, BoxStage::kNamespaces, "fork");
  if (init == 0) {
    ::close(pipe[0]);
    run_init(pipe[1]);
  }
  ::close(pipe[1]);
  run_leader(init, pipe[0]);
}

[[noreturn]] void run(int count, char** words) {
  read_words(count, words);
  // Whoever starts this by hand gives no descriptors: nothing else may take their numbers.
  for (int number = kReport; number <= kWorkspace; ++number) {
    if (::fcntl(number, F_GETFD) < 0) ::dup2(::open("/dev/null", O_RDWR | O_CLOEXEC), number);
  }
  ::fcntl(kReport, F_SETFD, FD_CLOEXEC);
  ::fcntl(kFilter, F_SETFD, FD_CLOEXEC);
  ::fcntl(kWorkspace, F_SETFD, FD_CLOEXEC);
  // When memory runs out, the kernel ends what runs in the box first.
  write_file("/proc/self/oom_score_adj", "800");
  plan.has_root = plan.namespaces != Layer::kLeftOut &&
                  enter_namespaces(plan.keeps_network, plan.namespaces == Layer::kNeeded);
  if (plan.has_root) run_in_namespaces();
  give_up_rights();
  run_command();
}

}  // namespace
}  // namespace perdure

int main(int count, char** words) {
  perdure::run(count, words);
}
