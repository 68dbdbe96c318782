#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <set>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/text.h"
#include "os/descriptor.h"
#include "os/process.h"

namespace perdure {
namespace {

// Process ids grow until they wrap; the last one given out is the fifth field of /proc/loadavg.
int newest_process_id() {
  const Descriptor file(::open("/proc/loadavg", O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return 0;
  const Result<std::string> text = read_to_end(file.get(), 4096);
  if (!text.ok()) return 0;
  const std::size_t at = text->rfind(' ');
  return at == std::string::npos ? 0 : std::atoi(text->c_str() + at + 1);
}

std::vector<int> process_ids() {
  std::vector<int> ids;
  const std::unique_ptr<DIR, int (*)(DIR*)> processes(::opendir("/proc"), ::closedir);
  if (processes == nullptr) return ids;
  while (const dirent* entry = ::readdir(processes.get())) {
    const std::string_view name = entry->d_name;
    int id = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    if (error == std::errc() && end == name.data() + name.size()) ids.push_back(id);
  }
  return ids;
}

enum class Marked { kNo, kYes, kUnknown };

std::string process_file(int id, const char* name, std::size_t bytes_max) {
  const std::string path = fmt::format("/proc/{}/{}", id, name);
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return {};
  const Result<std::string> text = read_to_end(file.get(), bytes_max);
  return text.ok() ? *text : "";
}

// Kernel threads and zombies have none.
bool has_program(int id) {
  std::array<char, 8> program{};
  const std::string link = fmt::format("/proc/{}/exe", id);
  return ::readlink(link.c_str(), program.data(), program.size()) > 0;
}

// Whether a process is in the middle of an exec: its new memory has no place for an environment yet
// (env_start, field 50 of proc_pid_stat(5)).
bool is_executing(int id) {
  constexpr std::size_t kEnvironmentStart = 50;
  constexpr std::size_t kState = 3;
  const std::string status = process_file(id, "stat", 4096);
  // The name of the program, in parentheses, may hold anything.
  const std::size_t name_end = status.rfind(") ");
  if (name_end == std::string::npos) return false;
  const std::vector<std::string_view> fields =
      split(std::string_view(status).substr(name_end + 2), ' ');
  return fields.size() > kEnvironmentStart - kState && fields[kEnvironmentStart - kState] == "0";
}

Marked carries_marker(int id, std::string_view marker) {
  constexpr std::size_t kEnvironmentMax = 4 << 20;
  std::string environment = process_file(id, "environ", kEnvironmentMax);
  if (environment.empty()) {
    if (!has_program(id)) return Marked::kNo;
    if (is_executing(id)) return Marked::kUnknown;
    environment = process_file(id, "environ", kEnvironmentMax);  // the exec may just have ended
  }
  const std::string wanted = fmt::format("PERDURE_CALL={}", marker);
  std::size_t at = 0;
  while (at < environment.size()) {
    const std::size_t end = std::min(environment.find('\0', at), environment.size());
    const std::string_view variable(environment.data() + at, end - at);
    if (variable.substr(0, wanted.size()) == wanted &&
        (variable.size() == wanted.size() || variable[wanted.size()] == '/')) {
      return Marked::kYes;
    }
    at = end + 1;
  }
  return Marked::kNo;
}

// Waits until a process has ended, or until wait_ms passed.
void await_end(int id, int wait_ms) {
  const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, id, 0)));
  pollfd end{.fd = process.get(), .events = POLLIN, .revents = 0};
  if (process.valid()) ::poll(&end, 1, wait_ms);
}

}  // namespace

std::size_t kill_marked_processes(std::string_view marker, int older) {
  // A process may fork while we look: repeat until a round finds nobody.
  constexpr int kRoundsMax = 20;
  constexpr int kWaitsMax = 1'000;
  constexpr int kExecMs = 1;     // a process that is in an exec has its environment soon
  constexpr int kEndMs = 1'000;  // a process that was killed is gone when the scheduler comes to it
  std::set<int> killed;
  int waits = 0;
  for (int round = 0; round < kRoundsMax && waits < kWaitsMax;) {
    std::vector<int> found;
    int unknown = 0;
    const bool wrapped = older > 0 && newest_process_id() < older;
    for (const int id : process_ids()) {
      if (id == ::getpid() || (older > 0 && !wrapped && id <= older)) continue;
      const Marked marked = carries_marker(id, marker);
      if (marked == Marked::kUnknown) unknown = id;
      if (marked == Marked::kYes && ::kill(id, SIGKILL) == 0) found.push_back(id);
    }
    if (found.empty() && unknown == 0) break;
    if (found.empty()) {
      ++waits;
      await_end(unknown, kExecMs);
      continue;
    }
    ++round;
    for (const int id : found) await_end(id, kEndMs);
    killed.insert(found.begin(), found.end());
  }
  return killed.size();
}

}  // namespace perdure
