#include "tools/tool.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <fmt/format.h>

#include "base/text.h"

namespace perdure {
namespace {

constexpr std::array<const char*, 13> kPassedAlways = {
    "HOME",  "USER",   "LOGNAME",        "LANG",          "LC_ALL",       "LC_CTYPE",      "TZ",
    "SHELL", "TMPDIR", "XDG_CACHE_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"};
constexpr const char* kDefaultPath = "/usr/local/bin:/usr/bin:/bin";

// Without empty and relative elements: they would make a file of the workspace a command (attack
// A54).
std::string clean_path() {
  const char* value = std::getenv("PATH");
  std::vector<std::string> kept;
  for (const std::string_view element : split(value != nullptr ? value : "", ':')) {
    if (!element.empty() && element[0] == '/') kept.emplace_back(element);
  }
  return kept.empty() ? kDefaultPath : join(kept, ":");
}

std::string ending_of(const ProcessExit& exit) {
  if (exit.timed_out)
    return fmt::format("stopped at its deadline after {}", duration_text(exit.duration_ms));
  if (exit.stopped) return fmt::format("stopped after {}", duration_text(exit.duration_ms));
  if (exit.signal != 0) return fmt::format("ended by signal {}", exit.signal);
  return fmt::format("exit status {}", exit.exit_code);
}

}  // namespace

ToolOutcome failure(const Error& error) {
  std::string text = "Error: " + error.message;
  if (!error.context.empty()) text += " (" + error.context + ")";
  if (!error.advice.empty()) text += "\n" + error.advice;
  const CallStatus status =
      error.code == ErrorCode::kDeadline ? CallStatus::kTimeout : CallStatus::kError;
  return {.status = status, .text = std::move(text)};
}

ToolOutcome read_process(ProcessReport report) {
  const ProcessExit& exit = report.exit;
  const bool good = exit.exit_code == 0 && !exit.timed_out && !exit.stopped;
  // Moved, not copied: an output may have megabytes.
  std::string text = std::move(report.output);
  const std::string left_behind =
      exit.survivors == 0
          ? ""
          : fmt::format("[{} process{} that it left behind {} killed]", exit.survivors,
                        exit.survivors == 1 ? "" : "es", exit.survivors == 1 ? "was" : "were");
  if (good) {
    if (text.empty()) text = "(no output, exit status 0)";
    if (!left_behind.empty()) text += (text.back() == '\n' ? "" : "\n") + left_behind;
    return {.text = std::move(text)};
  }
  if (!report.errors.empty()) {
    if (!text.empty() && text.back() != '\n') text += '\n';
    text += report.errors;
  }
  std::string ending = "[" + ending_of(exit) + "]";
  if (!left_behind.empty()) ending += " " + left_behind;
  const CallStatus status = exit.timed_out ? CallStatus::kTimeout
                            : exit.stopped ? CallStatus::kCancelled
                                           : CallStatus::kError;
  text.insert(0, ending + "\n");
  return {.status = status, .text = std::move(text)};
}

std::vector<std::string> command_environment(const std::vector<std::string>& passed_on) {
  std::vector<std::string> environment = {"PATH=" + clean_path(), "TERM=dumb",
                                          "NO_COLOR=1",           "PAGER=cat",
                                          "GIT_PAGER=cat",        "GIT_TERMINAL_PROMPT=0"};
  const auto pass = [&](const char* name) {
    if (const char* value = std::getenv(name))
      environment.push_back(fmt::format("{}={}", name, value));
  };
  for (const char* name : kPassedAlways) pass(name);
  for (const std::string& name : passed_on) pass(name.c_str());
  return environment;
}

}  // namespace perdure
