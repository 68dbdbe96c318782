#include "tests/support/run_process.h"

#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "os/descriptor.h"
#include "os/directories.h"

namespace perdure::test {
namespace {

std::string read_proc(const std::string& path) {
  const Result<std::string> text = read_whole_file(path, 8 << 20);
  return text.ok() ? *text : "";
}

}  // namespace

ProcessSpec shell(const std::string& command) {
  return {.argv = {"/bin/sh", "-c", command},
          .environment = {"PATH=/usr/local/bin:/usr/bin:/bin"},
          .timeout_ms = 50'000};
}

ProcessRun run_process(const ProcessSpec& spec, const ProcessHooks& hooks) {
  Loop loop;
  ProcessRun run;
  std::unique_ptr<Process> process;
  Timer guard;
  loop.post([&] {
    guard = loop.start_timer(60'000, [&] {
      ADD_FAILURE() << "the process does not end";
      loop.stop();
    });
    Process::Observer observer{
        .output =
            [&](OutputStream stream, std::string_view bytes) {
              if (hooks.output) return hooks.output(stream, bytes);
              (stream == OutputStream::kStandard ? run.output : run.errors) += bytes;
            },
        .exit =
            [&](const ProcessExit& exit) {
              run.exit = exit;
              guard.cancel();
              if (hooks.ended) hooks.ended();
              loop.stop();
            }};
    Result<std::unique_ptr<Process>> started = Process::start(loop, spec, std::move(observer));
    if (!started.ok()) {
      run.error = started.error();
      guard.cancel();
      return loop.stop();
    }
    run.started = true;
    process = std::move(*started);
    if (hooks.started) hooks.started(loop, *process);
  });
  loop.run();
  process.reset();
  guard.cancel();
  return run;
}

bool is_running(int process_id) {
  const std::string status = read_proc(fmt::format("/proc/{}/stat", process_id));
  // The name, in parentheses, may hold anything; the state is behind it.
  const std::size_t end = status.rfind(')');
  return end != std::string::npos && end + 2 < status.size() && status[end + 2] != 'Z';
}

bool wait_until_gone(int process_id, std::int64_t timeout_ms) {
  const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, process_id, 0)));
  if (!process.valid()) return true;
  pollfd wait{.fd = process.get(), .events = POLLIN, .revents = 0};
  return ::poll(&wait, 1, static_cast<int>(timeout_ms)) == 1;
}

std::vector<int> marked_processes(const std::string& marker) {
  std::vector<int> ids;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    int id = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    if (error != std::errc() || end != name.data() + name.size() || id == ::getpid()) continue;
    const std::string environment = read_proc(fmt::format("/proc/{}/environ", id));
    if (environment.find("PERDURE_CALL=" + marker) != std::string::npos) ids.push_back(id);
  }
  return ids;
}

std::int64_t memory_peak_bytes() {
  const std::string status = read_proc("/proc/self/status");
  const std::size_t at = status.find("VmHWM:");
  return at == std::string::npos ? 0 : std::atoll(status.c_str() + at + 6) * 1024;
}

void reset_memory_peak() {
  const Descriptor file(::open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC));
  EXPECT_TRUE(file.valid() && write_all(file.get(), "5").ok());
}

}  // namespace perdure::test
