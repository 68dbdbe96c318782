#include "os/directories.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/path.h"
#include "os/random.h"

namespace perdure {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// XDG says that relative values are to be ignored.
std::string xdg_directory(const char* variable, const char* fallback) {
  const std::string value = environment(variable);
  if (!value.empty() && value[0] == '/') return value + "/perdure";
  return home_directory() + fallback + "/perdure";
}

}  // namespace

std::string config_directory() {
  return xdg_directory("XDG_CONFIG_HOME", "/.config");
}
std::string state_directory() {
  return xdg_directory("XDG_STATE_HOME", "/.local/state");
}

std::string home_directory() {
  std::string home = environment("HOME");
  if (home.empty()) {
    const passwd* user = ::getpwuid(::getuid());
    if (user != nullptr && user->pw_dir != nullptr) home = user->pw_dir;
  }
  while (home.size() > 1 && home.back() == '/') home.pop_back();
  return home;
}

std::string expand_home(std::string_view path) {
  if (path == "~") return home_directory();
  if (path.substr(0, 2) != "~/") return std::string(path);
  return home_directory() + std::string(path.substr(1));
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  return real != nullptr ? std::string(real.get()) : path;
}

Status make_directories(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  if (errno == ENOENT && path.size() > 1) {
    const Status parent = make_directories(std::string(parent_path(path)));
    if (!parent.ok()) return parent;
    if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  }
  return system_error(ErrorCode::kStore, "cannot make the directory", errno, path);
}

Result<std::string> read_whole_file(const std::string& path, std::size_t bytes_max) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) return system_error(ErrorCode::kNotFound, "cannot open the file", errno, path);
  struct stat status{};
  if (::fstat(file.get(), &status) == 0 && S_ISDIR(status.st_mode)) {
    return Error{.code = ErrorCode::kNotFound, .message = "this is a directory", .context = path};
  }
  Result<std::string> bytes = read_to_end(file.get(), bytes_max);
  if (bytes.ok()) return bytes;
  Error error = bytes.error();
  error.context = path;
  return error;
}

Status replace_file(const std::string& path, std::string_view bytes) {
  // A name that nobody can have put there before (attack A23).
  const std::string temporary = fmt::format("{}.{}.tmp", path, random_text(8));
  const Descriptor file(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return system_error(ErrorCode::kStore, "cannot make the file", errno, path);
  const auto fail = [&](int error) {
    ::unlink(temporary.c_str());
    return system_error(ErrorCode::kStore, "cannot write the file", error, path);
  };
  if (!write_all(file.get(), bytes).ok() || ::fsync(file.get()) != 0) return fail(errno);
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return fail(errno);
  const std::string parent(parent_path(path));
  const Descriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.valid()) ::fsync(directory.get());
  return {};
}

Result<LockFile> LockFile::acquire(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return system_error(ErrorCode::kStore, "cannot open the lock", errno, path);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return Error{
          .code = ErrorCode::kLocked, .message = "another process holds the lock", .context = path};
    }
    return system_error(ErrorCode::kStore, "cannot take the lock", errno, path);
  }
  return LockFile(std::move(file));
}

}  // namespace perdure
