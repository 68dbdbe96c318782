#include "store/state_folder.h"

#include <array>
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "os/directories.h"

namespace perdure {
namespace {

constexpr const char* kAdvice =
    "check the permissions of the state folder, or choose another with --state";
constexpr std::array<const char*, 3> kJournalFiles = {"perdure.db", "perdure.db-wal",
                                                      "perdure.db-shm"};

Error unsafe(std::string what, const std::string& path, std::string advice) {
  return {.code = ErrorCode::kStore,
          .message = "the state is not safe to use: " + std::move(what),
          .context = path,
          .advice = std::move(advice)};
}

Status check_owner_and_mode(const struct stat& status, const std::string& path) {
  if (status.st_uid != ::geteuid()) {
    return unsafe(
        fmt::format("it belongs to user {}, and you are user {}", status.st_uid, ::geteuid()), path,
        "choose a folder of your own with --state");
  }
  if ((status.st_mode & S_IWOTH) == 0) return {};
  return unsafe(fmt::format("everybody may write it (mode {:04o})", status.st_mode & 07777), path,
                fmt::format("see that nobody changed it, then: chmod o-w '{}'", path));
}

}  // namespace

bool holds_journal(const std::string& directory) {
  struct stat status{};
  const std::string path = directory + "/" + kJournalFiles.front();
  // Whatever else keeps it from being looked at is for the opening to say.
  return ::lstat(path.c_str(), &status) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

Status prepare_state_folder(const std::string& directory) {
  if (Status status = make_directories(directory); !status.ok()) {
    Error error = status.error();
    if (error.advice.empty()) error.advice = kAdvice;
    return error;
  }
  struct stat status{};
  // A folder that cannot be looked at cannot be opened either, which is said then.
  if (::stat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return {};
  if (Status checked = check_owner_and_mode(status, directory); !checked.ok()) return checked;
  for (const char* name : kJournalFiles) {
    const std::string path = directory + "/" + name;
    if (::lstat(path.c_str(), &status) != 0) continue;
    if (!S_ISREG(status.st_mode)) {
      return unsafe(S_ISLNK(status.st_mode) ? "it is a link" : "it is no plain file", path,
                    "remove it, or choose another folder with --state");
    }
    if (Status checked = check_owner_and_mode(status, path); !checked.ok()) return checked;
  }
  return {};
}

}  // namespace perdure
