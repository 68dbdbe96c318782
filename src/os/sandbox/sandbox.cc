#include "os/sandbox/sandbox.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/path.h"
#include "os/directories.h"
#include "os/sandbox/filter.h"
#include "os/sandbox/sandbox_names.h"
#include "os/spawn.h"

// The helper's image, put in by box_image.cc.
extern "C" const char perdure_box_begin[];
extern "C" const char perdure_box_end[];

namespace perdure {
namespace {

// Where a system keeps its programs.
constexpr std::array<const char*, 8> kToolchain = {"/usr",   "/bin",   "/sbin", "/lib",
                                                   "/lib32", "/lib64", "/opt",  "/nix"};

// What programs look up in /etc. The rest of it, with its keys and password hashes, is not shown.
constexpr std::array<const char*, 44> kSettings = {"alternatives",
                                                   "bash.bashrc",
                                                   "ca-certificates",
                                                   "ca-certificates.conf",
                                                   "crypto-policies",
                                                   "debian_version",
                                                   "default",
                                                   "environment",
                                                   "fonts",
                                                   "gitconfig",
                                                   "group",
                                                   "hosts",
                                                   "inputrc",
                                                   "java",
                                                   "ld.so.cache",
                                                   "ld.so.conf",
                                                   "ld.so.conf.d",
                                                   "locale.alias",
                                                   "locale.conf",
                                                   "localtime",
                                                   "login.defs",
                                                   "lsb-release",
                                                   "magic",
                                                   "magic.mime",
                                                   "mailcap",
                                                   "mime.types",
                                                   "nsswitch.conf",
                                                   "os-release",
                                                   "passwd",
                                                   "perl",
                                                   "pki",
                                                   "profile",
                                                   "profile.d",
                                                   "protocols",
                                                   "python3",
                                                   "redhat-release",
                                                   "services",
                                                   "shells",
                                                   "ssl/certs",
                                                   "ssl/openssl.cnf",
                                                   "terminfo",
                                                   "timezone",
                                                   "xdg",
                                                   "zsh"};
constexpr std::array<const char*, 3> kNetworkSettings = {"gai.conf", "host.conf", "resolv.conf"};
constexpr std::array<const char*, 5> kDevices = {"null", "zero", "full", "random", "urandom"};

// Descriptors that a command's leader is given stand above those that it is given them as.
constexpr int kDescriptorMin = 10;

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

// The helper as a file in memory that nobody can write, made once.
Result<Descriptor> make_helper() {
  constexpr unsigned kExecutable = 0x10;  // MFD_EXEC, since Linux 6.3
  const auto fail = [](const char* what) {
    return system_error(ErrorCode::kInternal, fmt::format("cannot make the box's helper: {}", what),
                        errno);
  };
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  Descriptor writing(::memfd_create("perdure-box", kFlags | kExecutable));
  if (!writing.valid()) writing = Descriptor(::memfd_create("perdure-box", kFlags));
  if (!writing.valid()) return fail("memory");
  const std::string_view image(perdure_box_begin,
                               static_cast<std::size_t>(perdure_box_end - perdure_box_begin));
  if (const Status status = write_all(writing.get(), image); !status.ok()) return status.error();
  if (::fchmod(writing.get(), 0555) != 0) return fail("mode");
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
  if (::fcntl(writing.get(), F_ADD_SEALS, kSeals) != 0) return fail("seals");
  // The kernel runs no program that is open for writing.
  const std::string path = fmt::format("/proc/self/fd/{}", writing.get());
  const Descriptor reading(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!reading.valid()) return fail("reading");
  Descriptor moved(::fcntl(reading.get(), F_DUPFD_CLOEXEC, kDescriptorMin));
  if (!moved.valid()) return fail("descriptor");
  return moved;
}

const Result<Descriptor>& shared_helper() {
  static const Result<Descriptor> made = make_helper();
  return made;
}

// The filter as a file, for the helper to read.
Result<Descriptor> make_filter(bool has_internet) {
  const Result<std::string> filters = system_call_filters(has_internet);
  if (!filters.ok()) return filters.error();
  const Descriptor file(::memfd_create("filter", MFD_CLOEXEC));
  if (!file.valid()) return system_error(ErrorCode::kInternal, "cannot keep the filter", errno);
  if (const Status status = write_all(file.get(), *filters); !status.ok()) return status.error();
  Descriptor moved(::fcntl(file.get(), F_DUPFD_CLOEXEC, kDescriptorMin));
  if (!moved.valid()) return system_error(ErrorCode::kInternal, "cannot keep the filter", errno);
  return moved;
}

// Each is made when it is first wanted, and kept for the life of the process, like the helper.
const Result<Descriptor>& shared_filter(bool has_internet) {
  if (has_internet) {
    static const Result<Descriptor> made = make_filter(true);
    return made;
  }
  static const Result<Descriptor> made = make_filter(false);
  return made;
}

class Words {
 public:
  void add(std::string word) { words_.push_back(std::move(word)); }
  void add(std::string word, std::string value) {
    words_.push_back(std::move(word));
    words_.push_back(std::move(value));
  }
  void add(std::string word, std::string value, std::string extra) {
    add(std::move(word), std::move(value));
    words_.push_back(std::move(extra));
  }
  std::vector<std::string> take() { return std::move(words_); }

 private:
  std::vector<std::string> words_;
};

// A folder of the root: the same link as outside, or the same folder, read-only.
void add_toolchain(Words& words) {
  for (const std::string path : kToolchain) {
    std::error_code error;
    const std::filesystem::path target = std::filesystem::read_symlink(path, error);
    if (!error) {
      words.add("link", path, target.string());
    } else if (exists(path)) {
      words.add("read", path);
    }
  }
}

void add_settings(Words& words, bool has_network) {
  const auto add = [&](const char* name) {
    const std::string path = fmt::format("/etc/{}", name);
    if (exists(path)) words.add("read", path);
  };
  for (const char* name : kSettings) add(name);
  if (!has_network) return;
  for (const char* name : kNetworkSettings) add(name);
}

void add_devices(Words& words) {
  words.add("empty", "/dev");
  for (const std::string name : kDevices) words.add("device", "/dev/" + name);
  words.add("link", "/dev/fd", "/proc/self/fd");
  words.add("link", "/dev/stdin", "/proc/self/fd/0");
  words.add("link", "/dev/stdout", "/proc/self/fd/1");
  words.add("link", "/dev/stderr", "/proc/self/fd/2");
  words.add("empty", "/dev/shm");
}

// A path of the configuration, without links.
Result<std::string> configured_path(const std::string& given) {
  const std::string path = expand_home(given);
  if (path.empty() || path[0] != '/' || !exists(path)) {
    return Error{
        .code = ErrorCode::kConfig,
        .message = fmt::format("[sandbox] names '{}', and there is no such absolute path", given),
        .advice = "give the path of what is there, beginning with / or ~/, or remove it"};
  }
  return real_path(path);
}

// What lies in the workspace is shown with it.
Result<std::vector<std::string>> outside_of(const std::string& workspace,
                                            const std::vector<std::string>& paths) {
  std::vector<std::string> outside;
  for (const std::string& given : paths) {
    Result<std::string> path = configured_path(given);
    if (!path.ok()) return path.error();
    if (!is_below(*path, workspace)) outside.push_back(std::move(*path));
  }
  return outside;
}

// Which file a path leads to; "-" when there is none.
std::string file_id(const std::string& path) {
  struct stat there{};
  if (::lstat(path.c_str(), &there) != 0) return "-";
  return fmt::format("{}:{}", there.st_dev, there.st_ino);
}

Status add_accepted(Words& words, const std::vector<std::string>& accepted) {
  for (const std::string& feature : accepted) {
    if (std::find(kSandboxFeatures.begin(), kSandboxFeatures.end(), feature) ==
        kSandboxFeatures.end()) {
      return Error{.code = ErrorCode::kConfig,
                   .message = fmt::format("no feature of the sandbox is named '{}'", feature),
                   .advice = "they are namespaces, proc, landlock and seccomp"};
    }
    words.add("optional", feature);
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const Sandbox>> Sandbox::make(const SandboxOptions& options,
                                                     const std::string& workspace,
                                                     const std::vector<std::string>& hidden,
                                                     const std::vector<std::string>& left_out) {
  if (options.mode == SandboxMode::kFullAccess) return std::shared_ptr<const Sandbox>();
  if (workspace == "/") {
    return Error{.code = ErrorCode::kConfig,
                 .message = "the workspace is the whole machine (/): no box can be made around it",
                 .advice =
                     "choose a folder with --workspace, or give up the box: mode = "
                     "\"full-access\" in [sandbox]"};
  }
  Words words;
  if (Status status = add_accepted(words, options.accept_missing); !status.ok()) {
    return status.error();
  }
  for (const std::string& feature : left_out) words.add("without", feature);
  if (options.network == SandboxNetwork::kOn) words.add("network");
  if (options.network == SandboxNetwork::kLoopback) words.add("loopback");
  words.add("processes", std::to_string(options.processes_max));
  words.add("directory", workspace);
  std::vector<std::string> empty = {"/tmp", "/var/tmp", "/run"};
  if (const std::string home = expand_home("~"); !home.empty() && home[0] == '/' && home != "/") {
    empty.push_back(home);
  }
  for (const std::string& path : empty) {
    if (!is_below(path, workspace)) words.add("empty", path);
  }
  add_toolchain(words);
  add_settings(words, options.network == SandboxNetwork::kOn);
  add_devices(words);
  const std::string git_settings = expand_home("~/.gitconfig");
  if (exists(git_settings) && !is_below(git_settings, workspace)) words.add("read", git_settings);
  // Later words cover earlier ones: the workspace may lie below what is only read.
  const Result<std::vector<std::string>> readable = outside_of(workspace, options.read);
  if (!readable.ok()) return readable.error();
  const Result<std::vector<std::string>> writable = outside_of(workspace, options.write);
  if (!writable.ok()) return writable.error();
  for (const std::string& path : *readable) words.add("read", path);
  const bool writes = options.mode == SandboxMode::kWorkspaceWrite;
  words.add(writes ? "workspace-write" : "workspace-read", workspace);
  for (const std::string& path : *writable) words.add(writes ? "write" : "read", path);
  for (const std::string& path : hidden) {
    const bool may_move = is_below(path, workspace) ||
                          std::any_of(writable->begin(), writable->end(),
                                      [&](const auto& place) { return is_below(path, place); });
    words.add("hide", path, may_move ? file_id(path) : "-");
  }

  if (!shared_helper().ok()) return shared_helper().error();
  const Result<Descriptor>& filter = shared_filter(options.network != SandboxNetwork::kOff);
  if (!filter.ok()) return filter.error();
  auto sandbox = std::make_shared<Sandbox>();
  sandbox->words_ = words.take();
  sandbox->helper_ = shared_helper()->get();
  sandbox->filter_ = filter->get();
  return std::shared_ptr<const Sandbox>(std::move(sandbox));
}

Error box_error(const BoxFailure& failure, const std::string& program) {
  const std::string what(failure.what, ::strnlen(failure.what, sizeof failure.what));
  const std::string why = errno_text(failure.error);
  const auto missing = [&](std::string_view feature, std::string_view meaning) {
    return Error{
        .code = ErrorCode::kUnsupported,
        .message = fmt::format("no box for commands here: {} ({}: {})", meaning, what, why),
        .advice = fmt::format("`perdure doctor` shows what the kernel offers. To run "
                              "without this: accept_missing = [\"{}\"] in [sandbox]",
                              feature)};
  };
  switch (failure.stage) {
    case BoxStage::kNamespaces:
      return missing("namespaces", "the kernel refuses name spaces");
    case BoxStage::kProc:
      return missing("proc", "the kernel refuses a /proc of its own");
    case BoxStage::kLandlock:
      return missing("landlock", "the kernel refuses Landlock");
    case BoxStage::kSeccomp:
      return missing("seccomp", "the kernel refuses a filter of calls");
    case BoxStage::kExec:
      return {.code = ErrorCode::kToolFailed,
              .message = fmt::format("cannot run '{}': {}", program, why),
              .advice = failure.error == ENOENT
                            ? "it is not in the sandbox: add its folder to 'read' of [sandbox]"
                            : ""};
    default:
      return {.code = ErrorCode::kToolFailed,
              .message = fmt::format("cannot make the box for '{}': {}: {}", program, what, why)};
  }
}

Status Sandbox::check(int workspace) const {
  ProcessSpec nothing{.argv = {"/bin/true"}, .environment = {}, .directory = workspace};
  // Borrowed: this object outlives the call.
  nothing.sandbox = std::shared_ptr<const Sandbox>(std::shared_ptr<const Sandbox>(), this);
  const Result<SpawnedProcess> process = spawn(nothing);
  if (!process.ok()) return process.error();
  ::waitpid(process->pid, nullptr, 0);
  return {};
}

}  // namespace perdure
