#include "tui/run_view.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/utf8.h"
#include "json/parse.h"
#include "os/clock.h"

namespace perdure {
namespace {

std::string short_count(std::int64_t count) {
  if (count < 1'000) return std::to_string(count);
  if (count < 1'000'000) return fmt::format("{:.1f}k", static_cast<double>(count) / 1e3);
  return fmt::format("{:.2f}M", static_cast<double>(count) / 1e6);
}

// The content of a message fragment as text.
std::string content_of(const Json& fragment) {
  const Json content = fragment.value("content", Json(""));
  return content.is_string() ? content.get<std::string>() : json::dump(content);
}

// The first line that says something, and how much more there is.
std::string gist(const std::string& text, std::size_t width) {
  const std::vector<std::string_view> lines = split_lines(text);
  std::string_view first;
  for (const std::string_view line : lines) {
    if (first.empty()) first = trim(line);
  }
  std::string shown = printable(first);
  if (display_width(shown) > width) shown = std::string(display_prefix(shown, width - 1)) + "…";
  if (lines.size() > 1) shown += fmt::format(" (+{} lines)", lines.size() - 1);
  return shown;
}

Style style_of(const std::string& status) {
  if (status == "ok") return Style::kGreen;
  return status == "denied" || status == "cancelled" || status == "in_doubt" ? Style::kYellow
                                                                             : Style::kRed;
}

}  // namespace

std::string usage_line(const Usage& usage, std::int64_t step, bool priced,
                       std::int64_t elapsed_ms) {
  std::string text = fmt::format("step {} · {} in", step, short_count(usage.input_tokens));
  if (usage.input_tokens > 0) {
    text += fmt::format(" ({}% cached)", usage.cached_tokens * 100 / usage.input_tokens);
  }
  text += fmt::format(" · {} out", short_count(usage.output_tokens));
  if (priced) text += fmt::format(" · {}{}", usage.estimated ? "~" : "", usd_text(usage.usd));
  return text + " · " + duration_text(elapsed_ms);
}

void RunView::show(const Event& event) {
  const std::lock_guard lock(mutex_);
  if (event.sequence == 0) return show_delta(event);
  const Result<Json> payload = json::parse(event.payload);
  if (payload.ok()) show_journal_event(event.kind, *payload);
  update_status();
}

void RunView::tick() {
  const std::lock_guard lock(mutex_);
  update_status();
}

void RunView::show_delta(const Event& event) {
  if (options_.text_from_record || !screen_.terminal().live) return;
  if (event.kind == "reasoning_delta") {
    activity_ = "thinking";
    if (options_.show_reasoning) screen_.flow(Style::kDim, event.text);
  } else if (event.kind == "text_delta") {
    if (!text_shown_) screen_.end_line();
    text_shown_ = true;
    activity_ = "answering";
    screen_.flow(Style::kPlain, event.text);
  } else if (event.kind == "arguments_delta") {
    arguments_bytes_ += event.text.size();
    activity_ = fmt::format("writing a call, {}", bytes_text(arguments_bytes_));
    update_status();
  }
}

void RunView::show_journal_event(std::string_view kind, const Json& payload) {
  if (kind == "run_started" || kind == "run_resumed") return show_started(payload);
  if (kind == "message_added") return show_message(payload);
  if (kind == "model_replied") return show_reply(payload);
  if (kind == "call_finished") return show_call(payload);
  if (kind == "request_failed") return show_failure(payload);
  if (kind == "run_ended") return show_end(payload);
  if (kind == "request_sent") {
    step_ = payload.value("step", std::int64_t{0});
    text_shown_ = false;
    arguments_bytes_ = 0;
    activity_ = "waiting for the model";
  } else if (kind == "retry_scheduled") {
    activity_ =
        fmt::format("retry in {}", duration_text(payload.value("delay_ms", std::int64_t{0})));
  } else if (kind == "call_assessed") {
    calls_[payload.value("call", std::int64_t{0})].summary = payload.value("summary", "");
  } else if (kind == "call_intended") {
    const Call& call = calls_[payload.value("call", std::int64_t{0})];
    activity_ = call.summary;
    const std::int64_t attempt = payload.value("attempt", std::int64_t{1});
    if (attempt > 1)
      screen_.line(fmt::format("  again after an interruption: {}", printable(call.summary)));
  } else if (kind == "acceptance_started") {
    activity_ = "checking the answer";
  } else if (kind == "acceptance_finished") {
    const bool passed = payload.value("passed", false);
    screen_.line(
        styled(screen_.terminal(), passed ? Style::kGreen : Style::kRed,
               passed ? "✓ the acceptance commands pass" : "✗ the acceptance commands fail"));
  }
}

void RunView::show_started(const Json& payload) {
  const Json price = payload.value("limits", Json::object()).value("price", Json::object());
  priced_ = !price.empty();
  price_ = {.input = price.value("input", 0.0),
            .cached = price.value("cached", 0.0),
            .output = price.value("output", 0.0)};
  if (payload.contains("model")) {
    screen_.line(
        styled(screen_.terminal(), Style::kDim,
               printable(fmt::format("{} at {} · {}", payload.value("model", ""),
                                     payload.value("host", ""), payload.value("workspace", "")))));
  } else {
    screen_.line(styled(screen_.terminal(), Style::kDim, "— resumed —"));
  }
  started_ms_ = monotonic_ms() - payload.value("active_ms", std::int64_t{0});
}

void RunView::show_message(const Json& payload) {
  const std::string origin = payload.value("origin", "");
  const std::string text = content_of(payload.value("fragment", Json::object()));
  if (origin == "user") {
    screen_.line(styled(screen_.terminal(), Style::kBold, "> ") + printable_lines(trim(text)));
  } else if (origin == "runtime") {
    screen_.line(styled(screen_.terminal(), Style::kYellow, "! ") + gist(text, 100));
  }
}

void RunView::show_reply(const Json& payload) {
  const Json usage = payload.value("usage", Json::object());
  ++usage_.steps;
  usage_.input_tokens += usage.value("input_tokens", std::int64_t{0});
  usage_.cached_tokens += usage.value("cached_tokens", std::int64_t{0});
  usage_.output_tokens += usage.value("output_tokens", std::int64_t{0});
  usage_.reasoning_tokens += usage.value("reasoning_tokens", std::int64_t{0});
  usage_.estimated = usage_.estimated || usage.value("estimated", false);
  add_money(usage);
  screen_.end_line();
  const Json fragment = payload.value("fragment", Json::object());
  if (!text_shown_ && fragment.contains("content")) {
    const std::string text = content_of(fragment);
    if (!text.empty()) screen_.line(printable_lines(text));
  }
  calls_.clear();
  std::int64_t index = 0;
  for (const Json& call : fragment.value("tool_calls", Json::array())) {
    const Json function = call.value("function", Json::object());
    calls_[index++] = {
        .name = function.value("name", ""),
        .summary = function.value("name", "") + " " + function.value("arguments", "")};
  }
  activity_.clear();
}

// What the host says that it billed, or what the price makes of the tokens.
void RunView::add_money(const Json& usage) {
  if (usage.contains("usd")) {
    usage_.usd += usage.value("usd", 0.0);
    return;
  }
  const double input = usage.value("input_tokens", 0.0);
  const double cached = usage.value("cached_tokens", 0.0);
  usage_.usd += ((input - cached) * price_.input + cached * price_.cached +
                 usage.value("output_tokens", 0.0) * price_.output) /
                1e6;
}

void RunView::show_call(const Json& payload) {
  const Call& call = calls_[payload.value("call", std::int64_t{0})];
  const std::string status = payload.value("status", "");
  const Terminal& terminal = screen_.terminal();
  const std::size_t width = terminal.live ? std::max<std::size_t>(Terminal::width(), 40) : 160;
  const std::string time = duration_text(payload.value("duration_ms", std::int64_t{0}));
  const std::string text = content_of(payload.value("fragment", Json::object()));
  std::string head = printable(call.summary);
  if (display_width(head) > width * 3 / 5)
    head = std::string(display_prefix(head, width * 3 / 5 - 1)) + "…";
  const std::size_t used = display_width(head) + time.size() + 10;
  const std::size_t room = used + 20 < width ? width - used : 20;
  const std::string shown_status = status == "ok" ? "" : status + ": ";
  screen_.line(
      fmt::format("{} {}  {}", styled(terminal, style_of(status), status == "ok" ? "✓" : "✗"), head,
                  styled(terminal, Style::kDim, time + "  " + shown_status + gist(text, room))));
}

void RunView::show_failure(const Json& payload) {
  screen_.end_line();
  const Terminal& terminal = screen_.terminal();
  if (payload.value("code", "") == "cancelled") return;
  std::string text = fmt::format("the request failed: {}", printable(payload.value("message", "")));
  if (payload.value("retry", false))
    text += fmt::format(" (attempt {})", payload.value("attempt", std::int64_t{1}));
  if (text_shown_) text += "; what it had begun to say does not count";
  screen_.line(styled(terminal, Style::kYellow, "! ") + text);
}

void RunView::show_end(const Json& payload) {
  activity_.clear();
  const std::string outcome = payload.value("outcome", "");
  const std::string message = payload.value("message", "");
  screen_.end_line();
  if (outcome != "done") {
    screen_.line(styled(screen_.terminal(), Style::kYellow, outcome) + ": " + printable(message));
  }
  screen_.set_status("");
}

void RunView::update_status() {
  if (!screen_.terminal().live || started_ms_ == 0 || activity_.empty())
    return screen_.set_status("");
  screen_.set_status(
      usage_line(usage_, std::max<std::int64_t>(step_, 1), priced_, monotonic_ms() - started_ms_) +
      " · " + printable(activity_));
}

}  // namespace perdure
