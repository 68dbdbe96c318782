#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <set>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
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

bool carries_marker(int id, std::string_view marker) {
  const Descriptor file(::open(fmt::format("/proc/{}/environ", id).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return false;
  constexpr std::size_t kEnvironmentMax = 4 << 20;
  const Result<std::string> environment = read_to_end(file.get(), kEnvironmentMax);
  if (!environment.ok()) return false;
  const std::string wanted = fmt::format("PERDURE_CALL={}", marker);
  std::size_t at = 0;
  while (at < environment->size()) {
    const std::size_t end = std::min(environment->find('\0', at), environment->size());
    const std::string_view variable(environment->data() + at, end - at);
    if (variable.substr(0, wanted.size()) == wanted &&
        (variable.size() == wanted.size() || variable[wanted.size()] == '/')) {
      return true;
    }
    at = end + 1;
  }
  return false;
}

}  // namespace

std::size_t kill_marked_processes(std::string_view marker, int older) {
  // A process may fork while we look: repeat until a round finds nobody.
  constexpr int kRoundsMax = 20;
  std::set<int> killed;
  for (int round = 0; round < kRoundsMax; ++round) {
    bool found = false;
    const bool wrapped = older > 0 && newest_process_id() < older;
    for (const int id : process_ids()) {
      if (id == ::getpid() || (older > 0 && !wrapped && id <= older)) continue;
      if (!carries_marker(id, marker)) continue;
      found = ::kill(id, SIGKILL) == 0 || found;
      killed.insert(id);
    }
    if (!found) break;
  }
  return killed.size();
}

}  // namespace perdure
