// perdure doctor: what works here, what does not, and what to do about it.
#include <algorithm>

#include <sys/utsname.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <perdure/config.h>
#include <perdure/runtime.h>

#include "base/text.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/session.h"
#include "json/parse.h"
#include "os/kernel.h"
#include "os/sandbox/sandbox.h"
#include "os/workspace.h"
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
  return {"journal", Verdict::kGood,
          fmt::format("{} ({} run{})", state, runs->size(), runs->size() == 1 ? "" : "s"), ""};
}

std::string with_place(const Error& error) {
  const bool is_told =
      error.context.empty() || error.message.find(error.context) != std::string::npos;
  return is_told ? error.message : fmt::format("{} ({})", error.message, error.context);
}

Finding configuration_finding(const Result<Configuration>& configuration) {
  if (!configuration.ok()) {
    const Error& error = configuration.error();
    return {"configuration", Verdict::kBad, with_place(error), error.advice};
  }
  const std::string files =
      configuration->files.empty() ? "no files; defaults hold" : join(configuration->files, ", ");
  return {"configuration", Verdict::kGood, files, ""};
}

// What `perdure run` would ask here, with the same configuration and environment.
Finding endpoint_finding(Runtime& runtime, const AgentOptions& agent) {
  const Result<EndpointInfo> endpoint = runtime.endpoint_of(agent);
  if (!endpoint.ok()) {
    const Error& error = endpoint.error();
    return {"endpoint", Verdict::kBad,
            fmt::format("a run here would ask for {}: {}", agent.model, with_place(error)),
            error.advice};
  }
  const std::string key =
      endpoint->key_source.empty() ? "no key needed" : "key from " + endpoint->key_source;
  return {"endpoint", Verdict::kGood,
          fmt::format("a run here asks for {} at {} ({}), {}", endpoint->model, endpoint->host,
                      endpoint->base_url, key),
          ""};
}

// As a run would ask it when the endpoints before it fail.
Finding fallback_finding(Runtime& runtime, const AgentOptions& agent, std::size_t number,
                         bool offline) {
  const Result<EndpointInfo> endpoint = runtime.endpoint_of(agent, number);
  if (!endpoint.ok()) {
    const Error& error = endpoint.error();
    return {"fallback", Verdict::kBad, fmt::format("number {}: {}", number, with_place(error)),
            error.advice};
  }
  const std::string key =
      endpoint->key_source.empty() ? "no key" : "key from " + endpoint->key_source;
  const std::string head =
      fmt::format("{} at {} ({}), {}", endpoint->model, endpoint->host, endpoint->base_url, key);
  if (offline) return {"fallback", Verdict::kGood, head + " (not asked)", ""};
  const HostCheck check = runtime.check_endpoint(agent, number);
  if (check.key_accepted) return {"fallback", Verdict::kGood, head + ", answers", ""};
  if (!check.reachable) {
    return {"fallback", Verdict::kBad, fmt::format("{}, cannot be reached: {}", head, check.detail),
            "see that the address is right and that something answers there"};
  }
  if (check.key_refused) {
    return {"fallback", Verdict::kBad, fmt::format("{}, refused ({})", head, check.detail),
            "check the key at the host's console"};
  }
  return {"fallback", Verdict::kNote,
          fmt::format("{}, answers, but lists no models ({})", head, check.detail), ""};
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
  return findings;
}

// Whether a box can be made here, tried with the options that a run here would have.
Finding box_finding(SandboxOptions options, const std::string& workspace) {
  const bool is_off = options.mode == SandboxMode::kFullAccess;
  if (is_off) options.mode = SandboxMode::kWorkspaceWrite;
  const Result<Workspace> folder = Workspace::open(workspace);
  if (!folder.ok()) return {"sandbox", Verdict::kNote, folder.error().message, ""};
  const Result<std::shared_ptr<const Sandbox>> box = Sandbox::make(options, folder->path(), {});
  Status status = box.ok() ? (*box)->check(folder->descriptor()) : Status(box.error());
  if (!status.ok()) {
    return {"sandbox", is_off ? Verdict::kNote : Verdict::kBad, status.error().message,
            status.error().advice};
  }
  if (!is_off) return {"sandbox", Verdict::kGood, "commands run in a box", ""};
  return {"sandbox", Verdict::kNote,
          "commands (run_command, run_tests, git, command tools) are NOT in a box here: they get "
          "their own session, a deadline, no keys in their environment, and are killed with all "
          "they start, but they can read and write what you can",
          "a box can be made here: mode = \"workspace-write\" in [sandbox] of the agent file or "
          "of your configuration"};
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

std::string as_text(const std::vector<Finding>& findings) {
  constexpr std::size_t kIndent = 17;
  const Terminal terminal = Terminal::detect(STDOUT_FILENO);
  const std::size_t width = ::isatty(STDOUT_FILENO) == 1 ? terminal.width() : std::string::npos;
  std::string text;
  for (const Finding& finding : findings) {
    const std::string said = wrapped(printable(finding.text), kIndent, width);
    text += fmt::format("{} {:<14} {}\n", mark(terminal, finding.verdict), finding.area, said);
    if (finding.advice.empty()) continue;
    const std::string advice = wrapped("do: " + printable(finding.advice), kIndent, width);
    text += std::string(kIndent, ' ') + advice + "\n";
  }
  return text;
}

std::string as_json(const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"area", finding.area},
                    {"verdict", word(finding.verdict)},
                    {"text", finding.text},
                    {"advice", finding.advice}});
  }
  return json::dump(list, 2) + "\n";
}

}  // namespace

int doctor_command(const Arguments& arguments) {
  const Result<Configuration> configuration =
      load_configuration({.state_directory = arguments.state_directory});
  std::string state = arguments.state_directory;
  const Result<AgentOptions> agent = agent_from_arguments(arguments, &state);
  if (state.empty()) state = default_state_directory();
  Runtime runtime({.state_directory = state});
  std::vector<Finding> findings = {{"perdure", Verdict::kGood, "version " PERDURE_VERSION, ""}};
  findings.push_back(configuration_finding(configuration));
  if (agent.ok()) findings.push_back(endpoint_finding(runtime, *agent));
  for (std::size_t i = 1; agent.ok() && i <= agent->fallback.size(); ++i)
    findings.push_back(fallback_finding(runtime, *agent, i, arguments.offline));
  findings.push_back(journal_finding(runtime, state));
  for (const std::vector<Finding>& more :
       {host_findings(runtime, arguments.offline), kernel_findings()}) {
    findings.insert(findings.end(), more.begin(), more.end());
  }
  findings.push_back(
      box_finding(agent.ok() ? agent->sandbox : SandboxOptions(), arguments.run.workspace));
  const bool bad = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.verdict == Verdict::kBad;
  });
  const std::string text = arguments.json ? as_json(findings) : as_text(findings);
  return print(text) && !bad ? 0 : 1;
}

}  // namespace perdure::cli
