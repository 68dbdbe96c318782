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

// Whether a process has a program: kernel threads and zombies have none.
bool has_program(int id) {
  std::array<char, 8> name{};
  const std::string link = fmt::format("/proc/{}/exe", id);
  return ::readlink(link.c_str(), name.data(), name.size()) > 0;
}

Marked carries_marker(int id, std::string_view marker) {
  const Descriptor file(::open(fmt::format("/proc/{}/environ", id).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return Marked::kNo;
  constexpr std::size_t kEnvironmentMax = 4 << 20;
  const Result<std::string> environment = read_to_end(file.get(), kEnvironmentMax);
  if (!environment.ok()) return Marked::kNo;
  // In the middle of an exec a process has no environment for a moment.
  if (environment->empty()) return has_program(id) ? Marked::kUnknown : Marked::kNo;
  const std::string wanted = fmt::format("PERDURE_CALL={}", marker);
  std::size_t at = 0;
  while (at < environment->size()) {
    const std::size_t end = std::min(environment->find('\0', at), environment->size());
    const std::string_view variable(environment->data() + at, end - at);
    if (variable.substr(0, wanted.size()) == wanted &&
        (variable.size() == wanted.size() || variable[wanted.size()] == '/')) {
      return Marked::kYes;
    }
    at = end + 1;
  }
  return Marked::kNo;
}

// Gives a process a moment to come out of its exec, or to end.
void await_exec(int id) {
  constexpr int kWaitMs = 1;
  const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, id, 0)));
  pollfd end{.fd = process.get(), .events = POLLIN, .revents = 0};
  if (process.valid()) ::poll(&end, 1, kWaitMs);
}

}  // namespace

std::size_t kill_marked_processes(std::string_view marker, int older) {
  // A process may fork while we look: repeat until a round finds nobody.
  constexpr int kRoundsMax = 20;
  std::set<int> killed;
  for (int round = 0; round < kRoundsMax; ++round) {
    bool found = false;
    int unknown = 0;
    const bool wrapped = older > 0 && newest_process_id() < older;
    for (const int id : process_ids()) {
      if (id == ::getpid() || (older > 0 && !wrapped && id <= older)) continue;
      const Marked marked = carries_marker(id, marker);
      if (marked == Marked::kUnknown) unknown = id;
      if (marked != Marked::kYes) continue;
      found = ::kill(id, SIGKILL) == 0 || found;
      killed.insert(id);
    }
    if (!found && unknown == 0) break;
    if (!found) await_exec(unknown);
  }
  return killed.size();
}

}  // namespace perdure
