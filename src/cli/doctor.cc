// perdure doctor: what works here, what does not, and what to do about it.
#include <sys/utsname.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <perdure/config.h>
#include <perdure/runtime.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "json/parse.h"
#include "os/descriptor.h"
#include "os/kernel.h"
#include "tui/terminal.h"

namespace perdure::cli {
namespace {

enum class Verdict : std::uint8_t { kGood, kNote, kBad };

struct Finding {
  std::string area;
  Verdict verdict = Verdict::kGood;
  std::string text;
  std::string advice;
};

Finding journal_finding(Runtime& runtime, const std::string& state) {
  const Result<std::vector<RunSummary>> runs = runtime.runs(1'000'000);
  if (!runs.ok()) return {"journal", Verdict::kBad, runs.error().message, runs.error().advice};
  return {"journal", Verdict::kGood, fmt::format("{} ({} runs)", state, runs->size()), ""};
}

Finding configuration_finding(const Arguments& arguments) {
  const Result<Configuration> configuration =
      load_configuration({.state_directory = arguments.state_directory, .workspace = "."});
  if (!configuration.ok()) {
    const Error& error = configuration.error();
    return {"configuration", Verdict::kBad, fmt::format("{} ({})", error.message, error.context),
            error.advice};
  }
  const std::string files =
      configuration->files.empty() ? "no files; defaults hold" : join(configuration->files, ", ");
  return {"configuration", Verdict::kGood,
          fmt::format("{}; model {}", files, configuration->agent.model), ""};
}

// A key that one host of a vendor refuses and its sibling takes is a key of the other platform: the
// commonest mistake.
Finding host_finding(Runtime& runtime, const HostInfo& host, bool offline) {
  const std::string head = fmt::format("{}: key from {}", host.id, host.key_source);
  if (offline) return {"host", Verdict::kGood, head + " (not asked)", ""};
  const HostCheck check = runtime.check_host(host.id);
  if (check.key_accepted) return {"host", Verdict::kGood, head + ", accepted", ""};
  if (!check.reachable) {
    return {"host", Verdict::kNote,
            fmt::format("{}, {} cannot be reached: {}", head, host.base_url, check.detail), ""};
  }
  if (!host.sibling.empty() && runtime.check_host(host.sibling, host.id).key_accepted) {
    return {"host", Verdict::kBad,
            fmt::format("{} is refused by {}, but {} takes it", head, host.base_url, host.sibling),
            fmt::format("this key belongs to the other platform: use --host {}", host.sibling)};
  }
  return {"host", Verdict::kBad,
          fmt::format("{}, refused by {} ({})", head, host.base_url, check.detail),
          "check the key at the host's console"};
}

std::vector<Finding> host_findings(Runtime& runtime, bool offline) {
  std::vector<Finding> findings;
  const Result<std::vector<HostInfo>> hosts = runtime.hosts();
  if (!hosts.ok()) return {{"host", Verdict::kBad, hosts.error().message, hosts.error().advice}};
  std::vector<std::string> without;
  for (const HostInfo& host : *hosts) {
    if (!host.key_source.empty()) {
      findings.push_back(host_finding(runtime, host, offline));
    } else if (host.needs_key) {
      without.push_back(fmt::format("{} ({})", host.id, join(host.key_variables, " or ")));
    }
  }
  if (!without.empty())
    findings.push_back({"host", Verdict::kNote, "no key for " + join(without, ", "), ""});
  return findings;
}

std::vector<Finding> kernel_findings() {
  std::vector<Finding> findings;
  utsname name{};
  ::uname(&name);
  findings.push_back(
      {"kernel", Verdict::kGood, fmt::format("{} {}", name.sysname, name.release), ""});
  for (const KernelFeature& feature : kernel_features()) {
    const bool needed = feature.detail.find("(needed)") != std::string::npos;
    const Verdict verdict = feature.present ? Verdict::kGood
                            : needed        ? Verdict::kBad
                                            : Verdict::kNote;
    findings.push_back(
        {"kernel", verdict,
         fmt::format("{}: {} — {}", feature.name, feature.present ? "yes" : "no", feature.detail),
         ""});
  }
  findings.push_back({"confinement", Verdict::kNote,
                      "file tools cannot leave the workspace; commands (run_command, run_tests, "
                      "git, command tools) are NOT in a "
                      "sandbox yet: they get their own session, a deadline, no keys in their "
                      "environment, and are killed with all they "
                      "start, but they can read and write what you can",
                      "run agents that you do not trust in a container or a virtual machine"});
  return findings;
}

std::string mark(const Terminal& terminal, Verdict verdict) {
  switch (verdict) {
    case Verdict::kGood:
      return styled(terminal, Style::kGreen, "✓");
    case Verdict::kNote:
      return styled(terminal, Style::kYellow, "!");
    case Verdict::kBad:
      break;
  }
  return styled(terminal, Style::kRed, "✗");
}

constexpr std::string_view word(Verdict verdict) {
  return verdict == Verdict::kGood ? "good" : verdict == Verdict::kNote ? "note" : "bad";
}

}  // namespace

int doctor_command(const Arguments& arguments) {
  const std::string state =
      arguments.state_directory.empty() ? default_state_directory() : arguments.state_directory;
  Runtime runtime({.state_directory = state});
  std::vector<Finding> findings = {{"perdure", Verdict::kGood, "version " PERDURE_VERSION, ""}};
  findings.push_back(configuration_finding(arguments));
  findings.push_back(journal_finding(runtime, state));
  for (const std::vector<Finding>& more :
       {host_findings(runtime, arguments.offline), kernel_findings()}) {
    findings.insert(findings.end(), more.begin(), more.end());
  }
  int status = 0;
  Json list = Json::array();
  std::string text;
  Terminal terminal = Terminal::detect();
  terminal.colours = terminal.colours && ::isatty(STDOUT_FILENO) == 1;
  for (const Finding& finding : findings) {
    if (finding.verdict == Verdict::kBad) status = 1;
    text +=
        fmt::format("{} {:<14} {}\n", mark(terminal, finding.verdict), finding.area, finding.text);
    if (!finding.advice.empty()) text += fmt::format("  {:<14} do: {}\n", "", finding.advice);
    list.push_back({{"area", finding.area},
                    {"verdict", word(finding.verdict)},
                    {"text", finding.text},
                    {"advice", finding.advice}});
  }
  if (arguments.json) text = json::dump(list, 2) + "\n";
  return write_all(STDOUT_FILENO, text).ok() ? status : 1;
}

}  // namespace perdure::cli
