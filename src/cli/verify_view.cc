#include "cli/verify_view.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "base/utf8.h"

namespace perdure::cli {
namespace {

constexpr std::int64_t kBarColumns = 24;
constexpr std::int64_t kSilenceMs = 60'000;
constexpr std::size_t kProblemColumns = 40;

std::int64_t done(const verify::VerifyProgress& progress) {
  return progress.succeeded + progress.failed;
}

std::int64_t share(std::int64_t part, std::int64_t whole, std::int64_t of) {
  return whole == 0 ? of : part * of / whole;
}

// "31/100 · 31% · 2 failed · 4m 05s left · 1 waiting: HTTP 429"
std::string counts(const verify::VerifyProgress& progress, std::int64_t elapsed_ms) {
  std::string text = fmt::format("{}/{} · {}%", grouped(done(progress)), grouped(progress.requests),
                                 share(done(progress), progress.requests, 100));
  if (progress.failed > 0) text += fmt::format(" · {} failed", grouped(progress.failed));
  const std::int64_t answered_now = done(progress) - progress.stored;
  const std::int64_t left = progress.requests - done(progress);
  if (answered_now > 0 && left > 0)
    text += fmt::format(" · {} left", duration_text(elapsed_ms / answered_now * left));
  if (progress.waiting > 0) {
    // "HTTP 429" of "HTTP 429: Your account ...": the results have all of it.
    const std::string problem = printable(progress.last_problem);
    const std::string_view kind = std::string_view(problem).substr(0, problem.find(": "));
    text +=
        fmt::format(" · {} waiting: {}", progress.waiting, display_prefix(kind, kProblemColumns));
  }
  return text;
}

std::string percent(const std::optional<double>& ratio) {
  return ratio ? fmt::format("{:.2f}%", *ratio * 100) : "-";
}

std::string row(std::string_view label, std::string_view count, std::string_view part,
                std::string_view note) {
  std::string text = fmt::format("  {:<20}{:>13}{:>9}   {}", label, count, part, note);
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text + '\n';
}

std::string part_row(std::string_view label, std::int64_t part, std::int64_t whole,
                     std::string_view note = {}) {
  const auto ratio =
      whole == 0 ? std::optional<double>() : static_cast<double>(part) / static_cast<double>(whole);
  return row(label, grouped(part), percent(ratio), note);
}

}  // namespace

std::string progress_bar(const verify::VerifyProgress& progress, std::int64_t elapsed_ms) {
  const std::int64_t filled = share(done(progress), progress.requests, kBarColumns);
  std::string bar;
  for (std::int64_t column = 0; column < kBarColumns; ++column) bar += column < filled ? "█" : "░";
  return bar + " " + counts(progress, elapsed_ms);
}

std::optional<std::string> PlainProgress::next(const verify::VerifyProgress& progress,
                                               std::int64_t elapsed_ms) {
  const std::int64_t tenths = share(done(progress), progress.requests, 10);
  const bool is_far =
      tenths > std::max<std::int64_t>(tenths_, share(progress.stored, progress.requests, 10));
  if (!is_far && elapsed_ms - said_ms_ < kSilenceMs) return std::nullopt;
  tenths_ = std::max(tenths_, tenths);
  said_ms_ = elapsed_ms;
  return counts(progress, elapsed_ms);
}

std::string summary_table(const verify::Summary& summary) {
  const std::int64_t calls = summary.finished_with("tool_calls");
  std::string text = row("requests", grouped(summary.requests), "", "");
  text += part_row("  answered", summary.succeeded, summary.requests);
  text += part_row("  failed", summary.failed, summary.requests);
  for (const auto& [kind, count] : summary.errors)
    text += row("    " + printable(kind), grouped(count), "", "");
  if (summary.pending() > 0) text += part_row("  not asked", summary.pending(), summary.requests);
  text += row("finish reason", "", "", "");
  for (const auto& [reason, count] : summary.finish_reasons)
    text += part_row("  " + printable(reason), count, summary.succeeded);
  text += row("schema accuracy", "", percent(summary.schema_accuracy()),
              calls == 0 ? std::string("no reply calls tools")
                         : fmt::format("{} of {} replies with calls fit their tools",
                                       grouped(summary.valid_calls), grouped(calls)));
  if (summary.trigger) {
    const verify::TriggerScore& score = *summary.trigger;
    text += row("tool-call F1", "", percent(score.f1()),
                fmt::format("precision {}, recall {}, {} compared", percent(score.precision()),
                            percent(score.recall()), grouped(score.compared())));
    text += row("  both call", grouped(score.true_positives), "", "");
    text += row("  only this host", grouped(score.false_positives), "", "");
    text += row("  only the reference", grouped(score.false_negatives), "", "");
    text += row("  neither calls", grouped(score.true_negatives), "", "");
  }
  text += row("tokens in", grouped(summary.prompt_tokens), "", "");
  text += row("tokens out", grouped(summary.completion_tokens), "", "");
  text += row("time", duration_text(summary.finished_ms - summary.started_ms), "", "");
  return text;
}

}  // namespace perdure::cli
