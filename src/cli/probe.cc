// perdure probe: asks a host how it speaks, shows each answer as it comes, and writes the profile.
#include <algorithm>
#include <filesystem>

#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <perdure/config.h>
#include <perdure/probe.h>

#include "base/hash.h"
#include "base/text.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/report.h"
#include "json/parse.h"
#include "os/descriptor.h"
#include "os/directories.h"
#include "tui/screen.h"

namespace perdure::cli {
namespace {

constexpr std::string_view kHead = "# Written by `perdure probe`; check ";
constexpr std::size_t kProfileBytesMax = 256 * 1024;

// The first line has a hash of the others: whether a person has changed them since shows in it.
std::string with_head(const std::string& profile) {
  constexpr std::size_t kDigits = 16;
  return fmt::format("{}{}.\n{}", kHead, to_hex(sha256(profile)).substr(0, kDigits), profile);
}

enum class Existing : std::uint8_t { kNone, kProbed, kByHand };

Existing existing_at(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return Existing::kNone;
  const Result<std::string> text = read_whole_file(path, kProfileBytesMax);
  if (!text.ok()) return Existing::kByHand;
  const std::size_t line = text->find('\n');
  if (text->rfind(kHead, 0) != 0 || line == std::string::npos) return Existing::kByHand;
  return with_head(text->substr(line + 1)) == *text ? Existing::kProbed : Existing::kByHand;
}

// The name of a file without ".toml", when it can be an id.
Result<std::string> id_of_file(const std::string& path) {
  const std::filesystem::path file(path);
  const std::string id = file.stem().string();
  const bool plain = std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
  if (plain && !id.empty() && id[0] != '.' && file.extension() == ".toml") return id;
  return Error{.code = ErrorCode::kInvalidArgument,
               .message = fmt::format("'{}' is no name for a profile", printable(path)),
               .advice = "name a file that ends in .toml; its name is what --host takes"};
}

class ProbeView {
 public:
  explicit ProbeView(const Arguments& arguments)
      : is_text_(arguments.run.output == Output::kText),
        terminal_(Terminal::detect(STDOUT_FILENO)),
        screen_(terminal_, [](std::string_view bytes) { (void)write_all(STDOUT_FILENO, bytes); }) {}

  ProbeObserver observer(std::function<Status(const ProbePlan&)> check) {
    return {.plan =
                [this, check = std::move(check)](const ProbePlan& plan) {
                  show_plan(plan);
                  return check(plan);
                },
            .begins =
                [this](const std::string& question, const std::string& asks) {
                  question_ = fmt::format("  {:<18} {}?", question, asks);
                  status(question_);
                },
            .waits = [this](const std::string& why) { status(question_ + "  " + why); },
            .found = [this](const ProbeFinding& found) { show_finding(found); }};
  }

  void show_end(const ProbeReport& report) {
    if (!is_text_) return;
    const Usage& usage = report.usage;
    screen_.line("");
    screen_.line(fmt::format("{} requests, {} tokens in, {} out{}", report.requests,
                             grouped(usage.input_tokens), grouped(usage.output_tokens),
                             usage.usd > 0 ? ", " + usd_text(usage.usd) : ""));
  }

  void line(const std::string& text) {
    if (is_text_) screen_.line(text);
  }
  void end() { status(""); }
  bool may_ask() const {
    return is_text_ && ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  }

 private:
  void status(const std::string& text) {
    if (is_text_ && terminal_.live) screen_.set_status(printable(text));
  }

  void show_plan(const ProbePlan& plan) {
    if (!is_text_) return;
    const std::string key = plan.key_source.empty() ? "no key" : "key from " + plan.key_source;
    screen_.line(printable(fmt::format("{} at {}, beginning with the profile '{}', {}", plan.model,
                                       plan.base_url, plan.host, key)));
    const std::string cost = !plan.likely_usd       ? "the price of the model is not known"
                             : *plan.likely_usd > 0 ? "about " + usd_text(*plan.likely_usd)
                                                    : "free";
    screen_.line(fmt::format("{} questions in at most {} requests, about {} tokens of output: {}",
                             plan.questions, plan.requests_max, grouped(plan.likely_output_tokens),
                             cost));
    screen_.line("");
  }

  void show_finding(const ProbeFinding& found) {
    if (!is_text_) return;
    constexpr std::size_t kIndent = 21;
    const std::pair<Style, const char*> mark =
        found.verdict == HostVerdict::kGood         ? std::pair(Style::kGreen, "✓")
        : found.verdict == HostVerdict::kNote       ? std::pair(Style::kYellow, "!")
        : found.verdict == HostVerdict::kUnanswered ? std::pair(Style::kRed, "?")
                                                    : std::pair(Style::kDim, "-");
    const std::string prefix = found.verdict == HostVerdict::kUnanswered ? "not answered: " : "";
    const std::size_t width = ::isatty(STDOUT_FILENO) == 1 ? terminal_.width() : std::string::npos;
    screen_.line(fmt::format("{} {:<18} {}", styled(terminal_, mark.first, mark.second),
                             found.question,
                             wrapped(printable(prefix + found.seen), kIndent, width)));
  }

  bool is_text_;
  Terminal terminal_;
  Screen screen_;
  std::string question_;
};

std::string record(const ProbeReport& report, const std::string& path, bool written) {
  Json findings = Json::array();
  for (const ProbeFinding& found : report.findings) {
    findings.push_back({{"question", found.question},
                        {"asks", found.asks},
                        {"verdict", to_string(found.verdict)},
                        {"seen", found.seen},
                        {"keys", found.keys},
                        {"requests", found.requests}});
  }
  const ProbePlan& plan = report.plan;
  return json::dump(Json{{"type", "probe"},
                         {"schema", 1},
                         {"model", plan.model},
                         {"host", plan.host},
                         {"base_url", plan.base_url},
                         {"profile_id", plan.profile_id},
                         {"file", to_valid_utf8(path)},
                         {"written", written},
                         {"stopped", report.stopped},
                         {"requests", report.requests},
                         {"tokens",
                          {{"input", report.usage.input_tokens},
                           {"cached", report.usage.cached_tokens},
                           {"output", report.usage.output_tokens},
                           {"reasoning", report.usage.reasoning_tokens}}},
                         {"usd", report.usage.usd},
                         {"findings", std::move(findings)},
                         {"profile", report.profile}},
                    2);
}

// What was decided, as lines of the file.
void show_profile(ProbeView& view, const ProbeReport& report) {
  view.line("");
  for (const std::string_view line : split_lines(report.profile)) {
    if (!line.empty()) view.line("  " + printable(line));
  }
}

bool person_agrees(const std::string& path) {
  Console console;
  const std::optional<std::string> answer = console.read_line(
      printable(path) + " was written or changed by a person. Overwrite it? [y/N] ");
  return answer && to_lower_ascii(trim(*answer)).substr(0, 1) == "y";
}

Status write_profile(const std::string& path, const std::string& profile) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (!folder.empty()) {
    if (Status made = make_directories(folder); !made.ok()) return made;
  }
  return replace_file(path, with_head(profile));
}

// The first signal ends it with what was found by then.
Result<ProbeReport> ask_host(const ProbeOptions& options, ProbeObserver observer) {
  Console console;
  observer.stopped = [&console] { return console.wait(0).kind == Console::Kind::kSignal; };
  Runtime runtime({.journal = JournalMode::kMemory});
  return probe_host(runtime, options, observer);
}

}  // namespace

int probe_command(const Arguments& arguments) {
  const bool as_record = arguments.run.output != Output::kText;
  ProbeOptions options{.endpoint = arguments.probe.endpoint,
                       .model = arguments.run.model.value_or(""),
                       .host = arguments.run.host.value_or(""),
                       .key_variable = arguments.probe.key_variable,
                       .budget = arguments.run.budget};
  if (!arguments.probe.out.empty()) {
    const Result<std::string> id = id_of_file(arguments.probe.out);
    if (!id.ok()) return refuse(id.error(), as_record);
    options.profile_id = *id;
  }
  ProbeView view(arguments);
  std::string path;
  Existing existing = Existing::kNone;
  const auto check = [&](const ProbePlan& plan) -> Status {
    path = !arguments.probe.out.empty()
               ? arguments.probe.out
               : fmt::format("{}/hosts/{}.toml", default_config_directory(), plan.profile_id);
    existing = existing_at(path);
    if (existing != Existing::kByHand || arguments.run.yes || view.may_ask()) return {};
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = "this profile was written or changed by a person",
                 .context = path,
                 .advice = "add --yes to overwrite it, or name another file with --out"};
  };
  const Result<ProbeReport> report = ask_host(options, view.observer(check));
  view.end();
  if (!report.ok()) return refuse(report.error(), as_record);
  view.show_end(*report);
  show_profile(view, *report);
  // The half of a profile is better than none, but not than a whole one.
  const bool needs_answer = existing == Existing::kByHand && !arguments.run.yes;
  const bool write =
      report->stopped ? existing == Existing::kNone : !needs_answer || person_agrees(path);
  if (write) {
    if (Status status = write_profile(path, report->profile); !status.ok())
      return refuse(status.error(), as_record);
  }
  const int status = report->stopped ? exit_status(Outcome::kInterrupted) : 0;
  if (as_record) return print_line(record(*report, path, write)) ? status : kUnwritten;
  view.line("");
  view.line(printable(fmt::format("{} {}", write ? "written:" : "not written:", path)));
  if (report->stopped)
    view.line("stopped: what was not asked is as it was; the same command asks it");
  if (report->stopped && !write) return status;
  const std::string place = arguments.probe.out.empty() ? "" : ", once it is in CONFIG/hosts";
  view.line(printable(fmt::format("a run uses it with: perdure run --host {} --model {} \"TASK\"{}",
                                  report->plan.profile_id, report->plan.model, place)));
  return status;
}

}  // namespace perdure::cli
