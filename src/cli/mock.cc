// perdure mock: the scripted endpoint.
#include <cstdio>

#include <unistd.h>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/report.h"
#include "mock/mock_thread.h"
#include "os/descriptor.h"
#include "os/directories.h"

namespace perdure::cli {

int mock_command(const Arguments& arguments) {
  constexpr std::size_t kScriptBytesMax = 64 << 20;
  const Result<std::string> text = read_whole_file(arguments.script, kScriptBytesMax);
  if (!text.ok()) {
    Error error = text.error();
    error.code = ErrorCode::kConfig;
    error.message = "the script cannot be read: " + error.message;
    if (error.advice.empty()) error.advice = "name a file that exists and can be read";
    return fail(error);
  }
  Result<MockScript> script = parse_mock_script(*text, arguments.script);
  if (!script.ok()) return fail(script.error());
  MockOptions options{.port = static_cast<int>(arguments.port),
                      .record_directory = arguments.record};
  options.log = [](std::string_view line) {
    (void)write_all(STDERR_FILENO, fmt::format("{}\n", line));
  };
  Console console;
  const Result<std::unique_ptr<MockThread>> server =
      MockThread::start(std::move(*script), std::move(options));
  if (!server.ok()) return fail(server.error());
  (void)print_line(fmt::format("scripted endpoint at {}", (*server)->base_url()));
  constexpr int kIdleMs = 60'000;
  while (console.wait(kIdleMs).kind != Console::Kind::kSignal) {
  }
  const MockStatistics counts = (*server)->statistics();
  (void)write_all(STDERR_FILENO,
                  fmt::format("{} requests, {} replies, {} faults sent, {} refused\n",
                              counts.requests, counts.replies, counts.faults, counts.refused));
  return 0;
}

}  // namespace perdure::cli
