#include "tui/run_view.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/answer.h"
#include "base/text.h"
#include "base/utf8.h"
#include "json/parse.h"
#include "os/clock.h"

namespace perdure {
namespace {

constexpr std::int64_t kSignOfLifeMs = 60'000;
constexpr std::size_t kPlainColumns = 160;  // of a line that goes to no terminal
constexpr std::size_t kNoteColumns = 100;
constexpr std::size_t kRoomForMore = 30;  // less has no room to say that there is more

// The content of a message fragment as text.
std::string content_of(const Json& fragment) {
  const Json content = fragment.value("content", Json(""));
  if (content.is_string()) return content.get<std::string>();
  std::vector<std::string> texts;  // images and videos have a label before them
  for (const Json& part : content) {
    if (part.is_object() && part.value("type", "") == "text")
      texts.push_back(part.value("text", ""));
  }
  return join(texts, "\n");
}

// At most so many columns; an ellipsis says that something is missing.
std::string shortened(const std::string& text, std::size_t columns) {
  if (display_width(text) <= columns) return text;
  return std::string(display_prefix(text, columns > 0 ? columns - 1 : 0)) + "…";
}

// Which line says most of a text.
enum class Telling : std::uint8_t {
  kFirst,
  kLast,         // the summary of a test run
  kFirstAndLast  // how a command ended badly, and why
};

// One line that says something, and how much more there is.
std::string gist(std::string_view text, std::size_t columns, Telling telling = Telling::kFirst) {
  const std::vector<std::string_view> lines = split_lines(text);
  std::string_view first;
  std::string_view last;
  for (const std::string_view line : lines) {
    if (trim(line).empty()) continue;
    last = trim(line);
    if (first.empty()) first = last;
  }
  std::string said(telling == Telling::kLast ? last : first);
  if (telling == Telling::kFirstAndLast && last != first) said += fmt::format(" {}", last);
  std::string more;
  if (lines.size() > 1 && columns >= kRoomForMore)
    more = fmt::format(" (+{} line{})", lines.size() - 1, lines.size() == 2 ? "" : "s");
  return shortened(printable(said), columns - more.size()) + more;
}

// The arguments of a call as the model wrote them. The fragment to send back has an empty object in
// the place of arguments that broke off.
std::string arguments_of(const Json& function, std::int64_t index, const Json& edits) {
  const std::string field = fmt::format("tool_calls/{}/function/arguments", index);
  for (const Json& edit : edits) {
    if (edit.value("field", "") == field) return edit.value("original", "") + "…";
  }
  return function.value("arguments", "");
}

// What stands behind a call in its line.
struct StatusRow {
  std::string_view status;
  Style style;
  bool has_run;            // and took time
  std::string_view words;  // instead of the result's first line, which is for the model
};

constexpr std::array kStatusRows = {
    StatusRow{"ok", Style::kGreen, true, ""},
    StatusRow{"error", Style::kRed, true, ""},
    StatusRow{"timeout", Style::kRed, true, ""},
    StatusRow{"invalid", Style::kRed, false, ""},
    StatusRow{"truncated", Style::kRed, false, "not run: the reply was cut"},
    StatusRow{"denied", Style::kYellow, false, "denied"},
    StatusRow{"cancelled", Style::kYellow, true, "stopped"},
    StatusRow{"in_doubt", Style::kYellow, false, "in doubt: it may have taken effect"},
};

const StatusRow& row_of(std::string_view status) {
  for (const StatusRow& row : kStatusRows) {
    if (row.status == status) return row;
  }
  return kStatusRows[1];
}

// Results for the model begin with a word that the mark of the line says already.
std::string_view without_prefix(std::string_view text) {
  for (const std::string_view prefix : {"Error: ", "Not run: "}) {
    if (text.substr(0, prefix.size()) == prefix) return text.substr(prefix.size());
  }
  return text;
}

// Of arguments that do not fit, what does not: the sentence before it is always the same.
std::string_view reasons_of(std::string_view text) {
  constexpr std::string_view kList = ":\n- ";
  const std::size_t list = text.find(kList);
  return list == std::string_view::npos ? text : text.substr(list + kList.size());
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kEndings = {{
    {"failed", "the task failed"},
    {"paused", "paused"},
    {"endpoint_temporary", "the endpoint fails for now"},
    {"endpoint_permanent", "the endpoint refuses"},
    {"stuck", "stuck"},
}};

// The parts of usage_line(), each with its rank: where there is no room, the highest go first.
struct Part {
  int rank;
  std::string text;
};

std::vector<Part> usage_parts(const Usage& usage, std::string_view head, bool priced,
                              std::int64_t elapsed_ms) {
  std::vector<Part> parts = {{0, std::string(head)}};
  const std::string input = short_count(usage.input_tokens) + " in";
  if (usage.input_tokens > 0) {
    const std::int64_t share = usage.cached_tokens * 100 / usage.input_tokens;
    parts.push_back({3, fmt::format("{} ({}% cached)", input, share)});
  } else {
    parts.push_back({3, input});
  }
  parts.push_back({4, short_count(usage.output_tokens) + " out"});
  if (priced) parts.push_back({2, (usage.estimated ? "~" : "") + usd_text(usage.usd)});
  parts.push_back({1, duration_text(elapsed_ms)});
  return parts;
}

std::string joined(const std::vector<Part>& parts, int rank_max) {
  std::vector<std::string> texts;
  for (const Part& part : parts) {
    if (part.rank <= rank_max) texts.push_back(part.text);
  }
  return join(texts, " · ");
}

constexpr int kAllRanks = 4;

}  // namespace

std::string usage_line(const Usage& usage, std::string_view head, bool priced,
                       std::int64_t elapsed_ms) {
  return joined(usage_parts(usage, head, priced, elapsed_ms), kAllRanks);
}

std::string steps_text(std::int64_t steps) {
  return fmt::format("{} step{}", steps, steps == 1 ? "" : "s");
}

RunView::RunView(Screen& screen, RunViewOptions options)
    : screen_(screen), options_(std::move(options)) {
  if (!options_.now_ms) options_.now_ms = monotonic_ms;
}

std::string RunView::look(Style style, std::string_view text) const {
  return styled(screen_.terminal(), style, text);
}

void RunView::show(const Event& event) {
  using Handler = void (RunView::*)(const Json&);
  static constexpr std::array<std::pair<std::string_view, Handler>, 23> kHandlers = {{
      {"run_started", &RunView::show_started},
      {"run_resumed", &RunView::show_resumed},
      {"run_forked", &RunView::show_forked},
      {"message_added", &RunView::show_message},
      {"prefix_changed", &RunView::show_prefix},
      {"host_differs", &RunView::show_difference},
      {"request_sent", &RunView::show_request},
      {"request_failed", &RunView::show_failure},
      {"retry_scheduled", &RunView::show_retry},
      {"endpoint_changed", &RunView::show_endpoint},
      {"model_replied", &RunView::show_reply},
      {"call_assessed", &RunView::show_assessed},
      {"approval_given", &RunView::show_approval},
      {"call_intended", &RunView::show_intended},
      {"call_finished", &RunView::show_call},
      {"acceptance_started", &RunView::show_acceptance_begin},
      {"acceptance_finished", &RunView::show_acceptance_end},
      {"run_ended", &RunView::show_end},
      {"request_repaired", &RunView::show_repair},
      {"trial_sent", &RunView::show_trial},
      {"trial_answered", &RunView::show_trial_end},
      {"media_uploaded", &RunView::show_upload},
      {"media_omitted", &RunView::show_difference},
  }};
  const std::lock_guard lock(mutex_);
  if (event.sequence == 0) return show_delta(event);
  run_id_ = event.run_id;
  last_event_ms_ = now_ms();
  for (const auto& [kind, handler] : kHandlers) {
    if (kind != event.kind) continue;
    const Result<Json> payload = json::parse(event.payload);
    if (!payload.ok() || !payload->is_object()) break;
    active_ms_ = payload->value("active_ms", active_ms_);
    (this->*handler)(*payload);
  }
  update_status();
}

void RunView::recall(const Event& event) {
  constexpr std::array<std::string_view, 10> kNoted = {
      "run_forked",     "run_started",      "run_resumed",   "message_added", "request_sent",
      "request_failed", "endpoint_changed", "model_replied", "call_assessed", "trial_answered"};
  if (std::find(kNoted.begin(), kNoted.end(), event.kind) == kNoted.end()) return;
  const std::lock_guard lock(mutex_);
  const Result<Json> payload = json::parse(event.payload);
  if (!payload.ok() || !payload->is_object()) return;
  if (event.kind == "run_started") {
    task_ = payload->value("task", "");
    workspace_ = payload->value("workspace", "");
    prices_.take(*payload);
  } else if (event.kind == "run_forked") {
    begin_fork(*payload);
  } else if (event.kind == "run_resumed") {
    charge_left_behind();
    prices_.take(*payload);
  } else if (event.kind == "message_added") {
    if (payload->value("origin", "") == "user")
      task_ = content_of(payload->value("fragment", Json::object()));
  } else if (event.kind == "request_sent") {
    step_ = payload->value("step", std::int64_t{0});
    prompt_estimate_ = payload->value("input_tokens_estimate", std::int64_t{0});
  } else if (event.kind == "trial_answered") {
    charge_usage(payload->value("usage", Json::object()));
  } else if (event.kind == "request_failed") {
    charge_failed(*payload);
  } else if (event.kind == "endpoint_changed") {
    prices_.use(payload->value("to", std::size_t{0}));
  } else if (event.kind == "call_assessed") {
    show_assessed(*payload);
  } else {
    charge(payload->value("usage", Json::object()));
  }
}

void RunView::tick() {
  const std::lock_guard lock(mutex_);
  update_status();
  if (screen_.terminal().live || activity_.empty()) return;
  if (now_ms() - last_event_ms_ < kSignOfLifeMs) return;
  last_event_ms_ = now_ms();
  screen_.line(look(Style::kDim, status_line()));
}

std::string RunView::summary() {
  const std::lock_guard lock(mutex_);
  return usage_line(usage_, steps_text(usage_.steps), usage_.usd > 0, active_ms_ - shared_ms_);
}

// --- Deltas ---

void RunView::show_delta(const Event& event) {
  if (options_.text_from_record) return;
  const bool live = screen_.terminal().live;
  if (event.kind == "reasoning_delta") {
    set_activity("thinking");
    if (!live || !options_.show_reasoning) return;
    if (!reasoning_shown_ && !screen_.terminal().colours)
      screen_.flow(Style::kPlain, "(thinking) ");
    reasoning_shown_ = true;
    screen_.flow(Style::kDim, event.text);
  } else if (event.kind == "text_delta") {
    set_activity("answering");
    if (!live) return;
    if (!text_shown_) screen_.end_line();
    text_shown_ = true;
    screen_.flow(Style::kPlain, event.text);
  } else if (event.kind == "arguments_delta") {
    arguments_bytes_ += event.text.size();
    set_activity(fmt::format("writing a call, {}", bytes_text(arguments_bytes_)));
  } else if (event.kind == "request_waiting") {
    set_activity(printable(event.text));
  }
}

// --- The run ---

void RunView::begin_clock(const Json& payload) {
  started_ms_ = now_ms() - (payload.value("active_ms", std::int64_t{0}) - shared_ms_);
}

void RunView::show_endpoint(const Json& payload) {
  prices_.use(payload.value("to", std::size_t{0}));
  const std::string to = payload.value("to_name", "");
  const std::string line =
      payload.value("reason", "") == "return"
          ? fmt::format("{} is tried again", to)
          : fmt::format("{} fails: {}; the run goes on at {}", payload.value("from_name", ""),
                        payload.value("message", ""), to);
  note(line);
}

// Where a row of the terminal ends; nowhere when a line goes to no terminal.
std::size_t RunView::columns() const {
  return screen_.terminal().is_terminal ? screen_.terminal().width() - 1 : std::string::npos;
}

// What is no word of the model and no call.
void RunView::note(std::string_view text) {
  screen_.line(look(Style::kYellow, "! ") + wrapped(printable(text), 2, columns()));
}

// Prose, whole.
void RunView::say(Style style, std::string_view text) {
  screen_.flow(style, text);
  screen_.end_line();
}

void RunView::show_started(const Json& payload) {
  prices_.take(payload);
  begin_clock(payload);
  workspace_ = payload.value("workspace", "");
  screen_.line(look(Style::kDim, printable(fmt::format("{} at {} · {}", payload.value("model", ""),
                                                       payload.value("host", ""), workspace_))));
}

void RunView::show_resumed(const Json& payload) {
  charge_left_behind();
  prices_.take(payload);
  begin_clock(payload);
  if (options_.in_chat) return;
  if (options_.text_from_record) return screen_.line(look(Style::kDim, "— resumed —"));
  const std::string heading = fmt::format("run {} goes on · {}", run_id_, workspace_);
  screen_.line(look(Style::kDim, printable(heading)));
  if (!task_.empty()) screen_.line(look(Style::kDim, "> " + gist(task_, kNoteColumns)));
}

void RunView::show_message(const Json& payload) {
  const std::string origin = payload.value("origin", "");
  // What the model is told after a cut answer asks for the rest: the pieces are held together.
  if (!reply_cut_ || origin != "runtime") show_held_text();
  const std::string text = content_of(payload.value("fragment", Json::object()));
  if (origin == "user" && !options_.in_chat) {
    screen_.flow(Style::kBold, "> ");
    say(Style::kPlain, trim(text));
  } else if (origin == "runtime") {
    note("told the model: " + gist(text, kNoteColumns));
  }
}

void RunView::show_prefix(const Json& payload) {
  std::string line = fmt::format(
      "the host's prompt cache does not help: {}; about {} tokens are billed in full",
      payload.value("summary", ""), short_count(payload.value("tokens", std::int64_t{0})));
  if (payload.contains("usd"))
    line += fmt::format(", about {} more", usd_text(payload.value("usd", 0.0)));
  note(line);
}

void RunView::show_difference(const Json& payload) {
  note(payload.value("summary", ""));
}

// The host kept less of the prompt than it should have.
void RunView::show_missed_cache(const Json& usage) {
  const std::int64_t expected = usage.value("expected_cached_tokens", std::int64_t{0});
  if (expected == 0) return;
  const std::int64_t cached = usage.value("cached_tokens", std::int64_t{0});
  note(fmt::format("the host had {} tokens of the prompt in its cache, not {}", short_count(cached),
                   short_count(expected)));
}

void RunView::show_request(const Json& payload) {
  step_ = payload.value("step", std::int64_t{0});
  prompt_estimate_ = payload.value("input_tokens_estimate", std::int64_t{0});
  text_shown_ = false;
  reasoning_shown_ = false;
  arguments_bytes_ = 0;
  activity_ = "waiting for the model";
  if (payload.value("continues", false)) note("the host goes on where the reply was cut");
}

// A failure shows when it is tried again, or by the end that it makes.
void RunView::show_failure(const Json& payload) {
  screen_.end_line();
  charge_failed(payload);
  failure_ = {.message = payload.value("message", ""),
              .attempt = payload.value("attempt", std::int64_t{1})};
  activity_.clear();
  if (const Json kept = payload.value("kept", Json::object()); !kept.empty()) {
    if (!text_shown_) held_text_ += answer_of(kept);
    reply_cut_ = true;
  } else if (text_shown_ || reasoning_shown_) {
    note("what it had begun to say does not count");
  }
  text_shown_ = reasoning_shown_ = false;
}

void RunView::show_retry(const Json& payload) {
  const std::int64_t most = payload.value("attempts_max", std::int64_t{0});
  const std::int64_t left_ms = payload.value("left_ms", std::int64_t{0});
  activity_ = fmt::format("attempt {}", failure_.attempt + 1);
  if (most > 0) activity_ += fmt::format(" of {}", most);
  activity_ += " in " + duration_text(payload.value("delay_ms", std::int64_t{0}));
  note(fmt::format("{}; {}{}", failure_.message, activity_,
                   left_ms > 0 ? ", gives up in " + duration_text(left_ms) : ""));
}

void RunView::show_reasoning_of(const Json& fragment) {
  const std::string text(trim(reasoning_of(fragment)));
  if (!text.empty()) say(Style::kDim, (screen_.terminal().colours ? "" : "(thinking) ") + text);
}

void RunView::show_reply(const Json& payload) {
  charge(payload.value("usage", Json::object()));
  screen_.end_line();
  show_missed_cache(payload.value("usage", Json::object()));
  const Json fragment = payload.value("fragment", Json::object());
  if (options_.text_from_record && options_.show_reasoning) show_reasoning_of(fragment);
  if (!text_shown_) held_text_ += answer_of(fragment);
  reply_cut_ = payload.value("finish", "") == "length";
  if (!options_.answer_elsewhere || fragment.contains("tool_calls")) show_held_text();
  calls_.clear();
  const Json edits = payload.value("edits", Json::array());
  std::int64_t index = 0;
  for (const Json& call : fragment.value("tool_calls", Json::array())) {
    const Json function = call.value("function", Json::object());
    const std::string name = function.value("name", "");
    calls_[index] = {.name = name,
                     .summary = fmt::format("{} {}", name, arguments_of(function, index, edits))};
    ++index;
  }
  activity_.clear();
}

void RunView::show_held_text() {
  while (!held_text_.empty() && held_text_.back() == '\n') held_text_.pop_back();
  if (!held_text_.empty()) say(Style::kPlain, held_text_);
  held_text_.clear();
}

// What the host says that it billed, or what the price makes of the tokens.
void RunView::charge(const Json& usage) {
  prompt_estimate_ = 0;
  ++usage_.steps;
  charge_usage(usage);
}

// A request that failed is billed when its reply had begun. Counted as the core counts it
// (src/core/apply.cc).
void RunView::charge_failed(const Json& payload) {
  const std::int64_t received_bytes = payload.value("received_bytes", std::int64_t{0});
  const std::int64_t input = std::exchange(prompt_estimate_, 0);
  if (received_bytes > 0) charge_estimate(input, received_bytes / 3);
}

// A request that a dead process left behind was billed too, as far as we know.
void RunView::charge_left_behind() {
  const std::int64_t input = std::exchange(prompt_estimate_, 0);
  if (input > 0) charge_estimate(input, 0);
}

void RunView::charge_estimate(std::int64_t input_tokens, std::int64_t output_tokens) {
  usage_.input_tokens += input_tokens;
  usage_.output_tokens += output_tokens;
  usage_.estimated = true;
  usage_.usd += prices_.usd({{"input_tokens", input_tokens}, {"output_tokens", output_tokens}});
}

// --- Calls ---

void RunView::show_assessed(const Json& payload) {
  calls_[payload.value("call", std::int64_t{0})].summary = payload.value("summary", "");
}

void RunView::show_approval(const Json& payload) {
  begin_clock(payload);  // waiting for a person is no working time
  if (nobody_said_ || payload.value("by", "") != "headless") return;
  nobody_said_ = true;
  note(
      "nobody can be asked here, so destructive calls are denied; --yes or a policy rule allows "
      "them");
}

void RunView::show_intended(const Json& payload) {
  const Call& call = calls_[payload.value("call", std::int64_t{0})];
  activity_ = call.summary;
  if (payload.value("attempt", std::int64_t{1}) > 1)
    screen_.line(fmt::format("  again after an interruption: {}", printable(call.summary)));
}

void RunView::show_call(const Json& payload) {
  const Call& call = calls_[payload.value("call", std::int64_t{0})];
  const StatusRow& row = row_of(payload.value("status", ""));
  const std::string time =
      row.has_run ? duration_text(payload.value("duration_ms", std::int64_t{0})) + "  " : "";
  const std::string text = content_of(payload.value("fragment", Json::object()));
  std::string_view result = row.words.empty() ? without_prefix(text) : row.words;
  if (row.status == "invalid") result = reasons_of(result);
  const bool ended_badly = row.status == "error" && result.substr(0, 1) == "[";
  const bool is_test_run = call.summary.rfind("run_tests", 0) == 0;
  const Telling telling = ended_badly   ? Telling::kFirstAndLast
                          : is_test_run ? Telling::kLast
                                        : Telling::kFirst;

  // The head may take three fifths of the room, and what the result leaves of the rest. Of a call
  // that cannot run, what is wrong says more than its arguments.
  constexpr std::size_t kLeast = 10;
  const std::size_t width = screen_.terminal().is_terminal ? columns() : kPlainColumns;
  const std::size_t fixed = 4 + time.size();  // the mark, a space, two spaces, the time
  const std::size_t room = width > fixed + kLeast ? width - fixed : kLeast;
  const std::size_t wanted = std::min(display_width(gist(result, room, telling)), room);
  const std::size_t share = row.status == "invalid" ? room / 4 : room * 3 / 5;
  const std::string head = shortened(printable(trim(call.summary)), std::max(share, room - wanted));
  const std::string tail = gist(result, room - display_width(head), telling);
  screen_.line(fmt::format("{} {}  {}", look(row.style, row.status == "ok" ? "✓" : "✗"), head,
                           look(Style::kDim, time + tail)));
}

void RunView::show_acceptance_begin(const Json& /*payload*/) {
  activity_ = "checking the answer";
}

void RunView::show_acceptance_end(const Json& payload) {
  const bool passed = payload.value("passed", false);
  screen_.line(passed ? look(Style::kGreen, "✓ the acceptance commands pass")
                      : look(Style::kRed, "✗ the acceptance commands fail"));
}

// --- The end ---

void RunView::show_end(const Json& payload) {
  activity_.clear();
  const std::string outcome = payload.value("outcome", "");
  screen_.end_line();
  if (outcome == "done") {
    held_text_.clear();
  } else {
    show_held_text();
    std::string words = outcome == "interrupted" ? "stopped" : outcome;
    for (const auto& [name, ending] : kEndings) {
      if (name == outcome) words = ending;
    }
    if (outcome == "interrupted") {
      screen_.line(look(Style::kYellow, words));
    } else {
      const std::string why = printable(payload.value("message", ""));
      screen_.line(look(Style::kYellow, words) + ": " +
                   wrapped(why, display_width(words) + 2, columns()));
    }
  }
  screen_.set_status("");
}

std::string RunView::status_line() const {
  const std::string step = fmt::format("step {}", std::max<std::int64_t>(step_, 1));
  const std::vector<Part> parts =
      usage_parts(usage_, step, prices_.known(), now_ms() - started_ms_);
  const std::string activity = " · " + printable(activity_);
  const Terminal& terminal = screen_.terminal();
  if (!terminal.live) return joined(parts, kAllRanks) + activity;
  for (int rank = kAllRanks; rank > 0; --rank) {
    const std::string line = joined(parts, rank) + activity;
    if (display_width(line) <= screen_.status_columns()) return line;
  }
  return joined(parts, 1) + activity;
}

void RunView::set_activity(std::string activity) {
  if (activity == activity_) return;
  activity_ = std::move(activity);
  update_status();
}

void RunView::update_status() {
  if (options_.text_from_record) return;
  if (!screen_.terminal().live || started_ms_ == 0 || activity_.empty())
    return screen_.set_status("");
  screen_.set_status(status_line());
}

}  // namespace perdure
