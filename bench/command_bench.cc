// What a command costs from start to end, with and without its box. Prints one line of JSON for
// bench.py: medians in milliseconds of wall time.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/sandbox/sandbox.h"
#include "os/spawn.h"

namespace {

using perdure::Descriptor;
using perdure::ProcessSpec;
using perdure::Result;
using perdure::Sandbox;
using perdure::SandboxMode;
using perdure::SpawnedProcess;

constexpr int kRounds = 200;

double milliseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

double one(int folder, const std::shared_ptr<const Sandbox>& box) {
  const double begin = milliseconds();
  ProcessSpec spec{.argv = {"/bin/true"}, .environment = {}, .directory = folder, .sandbox = box};
  const Result<SpawnedProcess> process = spawn(spec);
  if (!process.ok()) {
    std::fprintf(stderr, "%s\n", process.error().message.c_str());
    std::exit(1);
  }
  ::waitpid(process->pid, nullptr, 0);
  return milliseconds() - begin;
}

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace

int main() {
  const std::string folder = std::filesystem::current_path().string();
  const Descriptor here(::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto box = Sandbox::make({.mode = SandboxMode::kWorkspaceWrite}, folder, {});
  if (!box.ok()) {
    std::fprintf(stderr, "%s\n", box.error().message.c_str());
    return 1;
  }
  std::vector<double> plain;
  std::vector<double> boxed;
  for (int i = 0; i < kRounds; ++i) {
    plain.push_back(one(here.get(), nullptr));
    boxed.push_back(one(here.get(), *box));
  }
  std::printf("{\"plain_ms\": %.3f, \"boxed_ms\": %.3f}\n", median(plain), median(boxed));
}
