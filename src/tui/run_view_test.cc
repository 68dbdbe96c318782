// What a person sees of a run, from events to the screen: snapshots in tests/golden/terminal.
#include "tui/run_view.h"

#include <gtest/gtest.h>

#include "tests/support/golden.h"
#include "tests/support/terminal_screen.h"

namespace perdure {
namespace {

using test::TerminalScreen;

// An event: when it comes, in milliseconds since the run began, its kind, and its payload or the
// text of a delta.
struct Line {
  std::int64_t at_ms = 0;
  const char* kind;
  std::string content = "{}";
};

constexpr const char* kStarted =
    R"({"active_ms":0,"model":"kimi-k2.6","host":"moonshot","workspace":"/home/ada/shop",)"
    R"("task":"Tidy up",)"
    R"("limits":{"window_tokens":262144,"price":{"input":0.95,"cached":0.16,"output":4}}})";

std::string message(const std::string& origin, const std::string& text) {
  return R"({"active_ms":1,"origin":")" + origin + R"(","fragment":{"role":"user","content":")" +
         text + R"("}})";
}

std::string finished(int call, const std::string& status, int duration_ms,
                     const std::string& content) {
  return R"({"active_ms":2,"call":)" + std::to_string(call) + R"(,"status":")" + status +
         R"(","duration_ms":)" + std::to_string(duration_ms) +
         R"(,"output_bytes":1,"fragment":{"role":"tool","tool_call_id":"x","content":")" + content +
         R"("}})";
}

std::string assessed(int call, const std::string& summary) {
  return R"({"active_ms":2,"call":)" + std::to_string(call) +
         R"(,"effect":"read","hash":"h","summary":")" + summary + R"("})";
}

constexpr const char* kRepliedWithCalls =
    R"({"active_ms":2000,"step":1,"finish":"tool_calls","usage":{"input_tokens":3200,)"
    R"("cached_tokens":0,"output_tokens":90,"reasoning_tokens":40},)"
    R"("fragment":{"role":"assistant",)"
    R"("reasoning_content":"First I look around.\nThen I count.","tool_calls":[)"
    R"({"id":"functions.list_files:0","type":"function","function":{"name":"list_files",)"
    R"("arguments":"{\"path\":\".\"}"}},)"
    R"({"id":"functions.calculate:1","type":"function","function":{"name":"calculate",)"
    R"("arguments":"{\"expression\":\"0.1 + 0.2\"}"}}]}})";

constexpr const char* kRepliedWithText =
    R"({"active_ms":5000,"step":2,"finish":"stop","usage":{"input_tokens":4100,)"
    R"("cached_tokens":3200,"output_tokens":30,"reasoning_tokens":0},)"
    R"("fragment":{"role":"assistant","content":"There are two files,\nand the sum is 0.3.\n"}})";

// A whole run: two calls, then the answer. The numbers of moments are those of the snapshots.
std::vector<std::vector<Line>> whole_run() {
  return {
      {{0, "run_started", kStarted},
       {0, "message_added", message("instructions", "You are careful.")},
       {1, "message_added", message("user", "What is here,\\nand what is 0.1 + 0.2?")},
       {2, "request_sent", R"({"active_ms":2,"step":1,"attempt":1,"input_tokens_estimate":3000})"}},
      {{800, "reasoning_delta", "First I look around.\nThen I "},
       {900, "reasoning_delta", "count."}},
      {{1500, "arguments_delta", R"({"path":".)"},
       {1600, "arguments_delta", R"("}{"expression":"0.1 + 0.2"})"}},
      {{2000, "model_replied", kRepliedWithCalls},
       {2000, "call_assessed", assessed(0, "list_files .")},
       {2000, "call_assessed", assessed(1, "calculate 0.1 + 0.2")},
       {2000, "call_authorized", R"({"active_ms":2,"call":0,"action":"allow","rule":"default"})"},
       {2000, "call_intended", R"({"active_ms":2,"call":0,"attempt":1,"key":"k"})"},
       {2000, "call_intended", R"({"active_ms":2,"call":1,"attempt":1,"key":"k"})"},
       {2010, "call_finished", finished(1, "ok", 1, "0.3")}},
      {{3200, "call_finished", finished(0, "ok", 1200, "AGENTS.md  1.2 KB\\nshop/\\ntests/")},
       {3200, "request_sent",
        R"({"active_ms":3200,"step":2,"attempt":1,"input_tokens_estimate":4000})"}},
      {{4000, "text_delta", "There are two files,\nand the "},
       {4500, "text_delta", "sum is 0.3.\n"}},
      {{5000, "model_replied", kRepliedWithText},
       {5000, "run_ended", R"({"active_ms":5000,"outcome":"done","reason":"done"})"}}};
}

// A view on a terminal with a clock of its own.
class View {
 public:
  explicit View(Terminal terminal, RunViewOptions options = {})
      : seen_(terminal.columns > 0 ? terminal.columns : 300),
        screen_(terminal, [this](std::string_view bytes) { seen_.feed(bytes); }),
        colours_(terminal.colours) {
    options.now_ms = [this] { return now_ms_; };
    view_ = std::make_unique<RunView>(screen_, options);
  }

  void show(const std::vector<Line>& lines) {
    for (const Line& line : lines) {
      now_ms_ = kBegin_ms + line.at_ms;
      const bool delta = std::string_view(line.kind).find("_delta") != std::string_view::npos;
      view_->show({.kind = line.kind,
                   .run_id = "261120-143015-k3f9zq",
                   .sequence = delta ? 0 : ++sequence_,
                   .payload = delta ? std::string_view() : line.content,
                   .text = delta ? line.content : std::string_view()});
    }
  }
  void recall(const std::vector<Line>& lines) {
    for (const Line& line : lines)
      view_->recall(
          {.kind = line.kind, .run_id = "r", .sequence = ++sequence_, .payload = line.content});
  }
  void tick(std::int64_t at_ms) {
    now_ms_ = kBegin_ms + at_ms;
    view_->tick();
  }
  RunView& view() { return *view_; }
  std::string seen() const {
    return seen_.text(colours_ ? TerminalScreen::Styles::kShown : TerminalScreen::Styles::kHidden);
  }

 private:
  static constexpr std::int64_t kBegin_ms = 1'000'000;
  std::int64_t now_ms_ = kBegin_ms;
  std::uint64_t sequence_ = 0;
  TerminalScreen seen_;
  Screen screen_;
  bool colours_;
  std::unique_ptr<RunView> view_;
};

// Every moment of the run, one below the other.
std::string film(const Terminal& terminal, RunViewOptions options = {}) {
  View view(terminal, options);
  std::string out;
  for (const std::vector<Line>& moment : whole_run()) {
    view.show(moment);
    out += "--- " + std::to_string(moment.back().at_ms) + " ms, after " + moment.back().kind +
           "\n" + view.seen();
  }
  return out;
}

TEST(RunView, on_a_wide_terminal) {
  test::expect_golden("terminal/run_wide.txt",
                      film({.live = true, .colours = true, .columns = 100}));
}

TEST(RunView, on_a_narrow_terminal) {
  test::expect_golden("terminal/run_narrow.txt", film({.live = true, .columns = 40}));
}

TEST(RunView, without_a_terminal) {
  test::expect_golden("terminal/run_plain.txt", film({}));
}

TEST(RunView, without_a_terminal_whose_answer_goes_elsewhere) {
  const std::string seen = film({}, {.answer_elsewhere = true});
  EXPECT_EQ(seen.find("There are two files"), std::string::npos);
  EXPECT_NE(seen.find("list_files ."), std::string::npos);
}

TEST(RunView, of_a_stored_run) {
  View view({.colours = true}, {.text_from_record = true});
  for (const std::vector<Line>& moment : whole_run()) view.show(moment);
  view.show({{9000, "run_resumed", R"({"active_ms":5000,"version":"1"})"},
             {9000, "message_added", message("user", "Thanks")}});
  test::expect_golden("terminal/stored.txt", view.seen() + view.view().summary() + "\n");
}

TEST(RunView, in_a_chat_repeats_nothing) {
  View view({.live = true, .columns = 80}, {.in_chat = true});
  for (const std::vector<Line>& moment : whole_run()) view.show(moment);
  view.show({{9000, "run_resumed",
              R"({"active_ms":5000,"limits":{"price":{"input":0.95,"cached":0.16,"output":4}}})"},
             {9000, "message_added", message("user", "Thanks")},
             {9001, "request_sent", R"({"active_ms":5001,"step":3,"attempt":1})"},
             {9500, "text_delta", "You are welcome."}});
  test::expect_golden("terminal/chat.txt", view.seen());
}

TEST(RunView, of_a_resumed_run_counts_what_was_used_before) {
  View view({.live = true, .columns = 100});
  std::vector<Line> before;
  for (const std::vector<Line>& moment : whole_run()) {
    for (const Line& line : moment) {
      if (std::string_view(line.kind).find("_delta") == std::string_view::npos)
        before.push_back(line);
    }
  }
  // A request that a dead process left behind, after one that was cut.
  before.push_back({0, "request_sent", R"({"step":3,"attempt":1,"input_tokens_estimate":5000})"});
  before.push_back(
      {0, "request_failed", R"({"step":3,"attempt":1,"message":"cut","received_bytes":300})"});
  before.push_back({0, "request_sent", R"({"step":3,"attempt":2,"input_tokens_estimate":5000})"});
  view.recall(before);
  EXPECT_EQ(view.seen(), "");
  view.show({{0, "run_resumed",
              R"({"active_ms":7000,"limits":{"price":{"input":0.95,"cached":0.16,"output":4}}})"},
             {0, "request_sent", R"({"active_ms":7000,"step":3,"attempt":1})"}});
  // 3200 + 4100 + 2 x 5000 in, 90 + 30 + 100 out.
  test::expect_golden("terminal/resumed.txt", view.seen());
}

TEST(RunView, shows_each_status_of_a_call) {
  for (const std::size_t columns : {100U, 40U}) {
    View view({.live = true, .colours = columns == 100, .columns = columns});
    view.show({{0, "run_started", kStarted}, {0, "model_replied", kRepliedWithCalls}});
    const std::pair<const char*, const char*> kResults[] = {
        {"ok", "one\\ntwo\\nthree"},
        {"ok", ""},
        {"error", "Error: 'notes.txt' exists and was not read in this run\\nRead it first."},
        {"error", "[exit status 2, 1.2 s]\\ncompiling\\nmain.c:3: error: expected ';'"},
        {"invalid", "Not run: there is no tool named 'lst_files'\\nDid you mean 'list_files'?"},
        {"invalid",
         "Not run: the arguments do not fit the schema of run_command:\\n- /seconds: unknown "
         "property 'seconds' (known are 'command', 'timeout_s')\\nSend the call again."},
        {"truncated", "Not run: your reply was cut at the limit of output tokens (2048)"},
        {"denied", "Not run: this call was denied. Do not try it again in another way."},
        {"timeout", "Error: the command did not end within 2 seconds"},
        {"cancelled", "Not run: the run was stopped before this call began."},
        {"in_doubt", "In doubt: nobody knows whether this took effect."}};
    for (const auto& [status, content] : kResults) {
      view.show({{0, "call_assessed", assessed(0, "run_command make -j8 all install test")},
                 {0, "call_finished", finished(0, status, 1234, content)}});
    }
    test::expect_golden("terminal/calls_" + std::to_string(columns) + ".txt", view.seen());
  }
}

TEST(RunView, of_a_call_without_arguments_has_its_name_alone) {
  View view({.live = true, .columns = 100});
  view.show({{0, "model_replied", kRepliedWithCalls},
             {0, "call_assessed", assessed(0, "git_status ")},
             {0, "call_finished", finished(0, "ok", 5, "clean")}});
  EXPECT_NE(view.seen().find("✓ git_status  5 ms  clean\n"), std::string::npos) << view.seen();
}

TEST(RunView, fits_a_call_into_a_terminal_that_moves_no_cursor) {
  View view({.is_terminal = true, .columns = 40});
  view.show({{0, "model_replied", kRepliedWithCalls},
             {0, "call_assessed", assessed(0, "run_command make -j8 all install test")},
             {0, "call_finished", finished(0, "ok", 5, "a result that is too long for this")}});
  EXPECT_NE(view.seen().find("✓ run_command make…  5 ms  a result th…\n"), std::string::npos)
      << view.seen();
}

TEST(RunView, fits_a_call_into_every_width) {
  for (const std::size_t columns : {26U, 30U, 40U, 60U, 80U, 100U, 200U}) {
    View view({.live = true, .columns = columns});
    view.show({{0, "model_replied", kRepliedWithCalls}});
    for (const std::string summary :
         {"x", "一个很长的命令一个很长的命令一个很长的命令一个很长的命令",
          "a summary that is much longer than a narrow terminal is wide"}) {
      const std::string before = view.seen();
      view.show({{0, "call_assessed", assessed(0, summary)},
                 {0, "call_finished",
                  finished(0, "ok", 5,
                           "输出输出输出输出输出输出 and more of it, so that it is cut\\nx")}});
      const std::string row = view.seen().substr(before.size());
      EXPECT_EQ(std::count(row.begin(), row.end(), '\n'), 1) << columns << "\n" << row;
    }
  }
}

TEST(RunView, of_an_endpoint_that_fails_tells_each_attempt_once) {
  View view({.live = true, .columns = 100});
  view.show({{0, "run_started", kStarted},
             {0, "request_sent", R"({"step":1,"attempt":1,"input_tokens_estimate":3000})"},
             {500, "request_failed",
              R"({"step":1,"attempt":1,"code":"rate_limited","message":"HTTP 429: slow down",)"
              R"("retry":true,"delay_ms":1500})"},
             {500, "retry_scheduled", R"({"delay_ms":1500,"attempts_max":10,"left_ms":1740000})"}});
  std::string out = "--- while it waits\n" + view.seen();
  view.show({{2000, "retry_due", "{}"},
             {2000, "request_sent", R"({"step":1,"attempt":2,"input_tokens_estimate":3000})"},
             {2500, "text_delta", "The half of a sen"},
             {3000, "request_failed",
              R"({"step":1,"attempt":2,"code":"stream_cut",)"
              R"("message":"the reply ended before it was complete","retry":true,)"
              R"("received_bytes":300,"delay_ms":400})"},
             {3000, "retry_scheduled", R"({"delay_ms":400})"},
             {3400, "request_sent", R"({"step":1,"attempt":3,"input_tokens_estimate":3000})"},
             {3500, "request_failed",
              R"({"step":1,"attempt":3,"code":"key_rejected","message":"HTTP 401: no such key"})"},
             {3500, "run_ended",
              R"({"outcome":"endpoint_permanent","reason":"key_rejected",)"
              R"("message":"HTTP 401: no such key"})"}});
  test::expect_golden("terminal/failures.txt", out + "--- at the end\n" + view.seen());
}

// Also thinking that was shown is taken back, and a second failure without any says nothing.
TEST(RunView, marks_the_thinking_of_a_failed_attempt_as_superseded) {
  View view({.live = true, .columns = 100});
  const char* failed = R"({"step":1,"attempt":1,"code":"stream_cut","message":"cut","retry":true})";
  view.show({{0, "run_started", kStarted},
             {0, "request_sent", R"({"step":1,"attempt":1})"},
             {10, "reasoning_delta", "I think that"},
             {20, "request_failed", failed},
             {30, "request_sent", R"({"step":1,"attempt":2})"},
             {40, "request_failed", failed}});
  const std::string mark = "! what it had begun to say does not count\n";
  const std::string seen = view.seen();
  const std::size_t at = seen.find(mark);
  ASSERT_NE(at, std::string::npos) << seen;
  EXPECT_LT(seen.find("I think that"), at);
  EXPECT_EQ(seen.find(mark, at + 1), std::string::npos) << seen;
}

TEST(RunView, says_that_the_host_goes_on_with_a_reply_whose_stream_broke) {
  for (const bool live : {true, false}) {
    View view({.live = live, .columns = 100});
    std::vector<Line> lines = {{0, "run_started", kStarted},
                               {0, "request_sent", R"({"step":1,"attempt":1})"}};
    if (live) lines.push_back({10, "text_delta", "One, "});
    lines.push_back({20, "request_failed",
                     R"({"step":1,"attempt":1,"code":"network","message":"reset","retry":true,)"
                     R"("kept":{"role":"assistant","content":"One, "}})"});
    lines.push_back({30, "request_sent", R"({"step":1,"attempt":2,"continues":true})"});
    if (live) lines.push_back({40, "text_delta", "two."});
    lines.push_back({50, "model_replied",
                     R"({"step":1,"finish":"stop","usage":{},)"
                     R"("fragment":{"role":"assistant","content":"two."}})"});
    view.show(lines);
    const std::string seen = view.seen();
    EXPECT_EQ(seen.find("does not count"), std::string::npos) << seen;
    EXPECT_NE(seen.find("! the host goes on where the reply was cut"), std::string::npos) << seen;
    EXPECT_NE(seen.find(live ? "One," : "One, two."), std::string::npos) << seen;
  }
}

// Of a stored run, thinking that a server left in the content is dimmed too (fault N70).
TEST(RunView, shows_thinking_that_stands_in_the_content_as_thinking) {
  View view({}, {.text_from_record = true});
  view.show({{0, "model_replied",
              R"({"step":1,"finish":"stop","usage":{},"fragment":{"role":"assistant",)"
              R"("content":"<think>First I look.</think>\n\nTwo files."}})"}});
  EXPECT_EQ(view.seen(), "(thinking) First I look.\nTwo files.\n");
}

// A host that demands a reasoning gets a space: thinking is in the content all the same, and shows
// once.
TEST(RunView, shows_thinking_beside_a_blank_reasoning_once) {
  View view({}, {.text_from_record = true});
  view.show(
      {{0, "model_replied",
        R"({"step":1,"finish":"stop","usage":{},"fragment":{"role":"assistant",)"
        R"("reasoning_content":" ","content":"<think>First I look.</think>\n\nTwo files."}})"}});
  EXPECT_EQ(view.seen(), "(thinking) First I look.\nTwo files.\n");
}

TEST(RunView, does_not_count_the_time_in_which_a_person_thinks) {
  View view({.live = true, .is_terminal = true, .columns = 100});
  view.show(
      {{0, "run_started", kStarted},
       {1'000, "request_sent", R"({"active_ms":1000,"step":1,"attempt":1})"},
       {90'000, "approval_given", R"({"active_ms":1500,"call":0,"answer":"yes","by":"person"})"},
       {91'000, "call_intended", R"({"active_ms":2500,"call":0,"attempt":1,"key":"k"})"},
       {91'000, "reasoning_delta", "hm"}});
  EXPECT_NE(view.seen().find(" · 2.5 s · thinking"), std::string::npos) << view.seen();
}

TEST(RunView, breaks_notes_between_words) {
  View view({.is_terminal = true, .columns = 30});
  view.show(
      {{0, "approval_given", R"({"call":0,"answer":"no","by":"headless"})"},
       {0, "run_ended", R"({"outcome":"paused","message":"the budget of steps is used up"})"}});
  EXPECT_EQ(view.seen(),
            "! nobody can be asked here,\n"
            "  so destructive calls are\n"
            "  denied; --yes or a policy\n"
            "  rule allows them\n"
            "paused: the budget of steps\n"
            "        is used up\n");
}

TEST(RunView, says_how_a_run_ended) {
  View view({});
  const std::pair<const char*, const char*> kEnds[] = {
      {"done", ""},
      {"failed", "the acceptance commands still fail"},
      {"paused", "the budget of steps is used up: 2 of 2"},
      {"endpoint_temporary", "HTTP 503: busy (10 attempts)"},
      {"endpoint_permanent", "HTTP 401: no such key"},
      {"stuck", "the model answered 3 times with neither text nor a tool call"},
      {"interrupted", "stopped on request"}};
  for (const auto& [outcome, words] : kEnds) {
    view.show({{0, "run_ended",
                R"({"outcome":")" + std::string(outcome) + R"(","message":")" + words + R"("})"}});
  }
  EXPECT_EQ(view.seen(),
            "the task failed: the acceptance commands still fail\n"
            "paused: the budget of steps is used up: 2 of 2\n"
            "the endpoint fails for now: HTTP 503: busy (10 attempts)\n"
            "the endpoint refuses: HTTP 401: no such key\n"
            "stuck: the model answered 3 times with neither text nor a tool call\n"
            "stopped\n");
}

TEST(RunView, tells_what_the_runtime_did) {
  View view({.colours = true});
  view.show(
      {{0, "approval_given", R"({"call":0,"answer":"no","by":"headless"})"},
       {0, "approval_given", R"({"call":1,"answer":"no","by":"headless"})"},
       {0, "approval_given", R"({"call":1,"answer":"no","by":"person"})"},
       {0, "message_added", message("runtime", "You have made the same calls several times.")},
       {0, "call_assessed", assessed(0, "read_file a.txt")},
       {0, "call_intended", R"({"call":0,"attempt":2,"key":"k"})"},
       {0, "acceptance_started", R"({"round":1})"},
       {0, "acceptance_finished", R"({"passed":false,"report":"x"})"},
       {0, "acceptance_finished", R"({"passed":true})"}});
  test::expect_golden("terminal/notes.txt", view.seen());
}

TEST(RunView, without_a_terminal_gives_a_sign_of_life_each_minute) {
  View view({});
  view.show({{0, "run_started", kStarted},
             {0, "request_sent", R"({"active_ms":0,"step":7,"attempt":1})"}});
  const std::string begin = view.seen();
  view.tick(59'000);
  EXPECT_EQ(view.seen(), begin);
  view.tick(60'000);
  view.tick(61'000);
  view.show({{100'000, "reasoning_delta", "hm"}});
  view.tick(120'000);
  EXPECT_EQ(view.seen().substr(begin.size()),
            "step 7 · 0 in · 0 out · $0.00 · 1m 00s · waiting for the model\n"
            "step 7 · 0 in · 0 out · $0.00 · 2m 00s · thinking\n");
}

TEST(RunView, on_a_terminal_keeps_the_time_running) {
  View view({.live = true, .columns = 100});
  view.show({{0, "run_started", kStarted}, {0, "request_sent", R"({"step":1,"attempt":1})"}});
  view.tick(65'000);
  EXPECT_NE(view.seen().find("· 1m 05s · waiting for the model\n"), std::string::npos);
}

TEST(RunView, leaves_out_the_price_of_a_model_without_one) {
  View view({.live = true, .columns = 100});
  view.show({{0, "run_started",
              R"({"active_ms":0,"model":"m","host":"vllm","workspace":"/w","limits":{}})"},
             {0, "request_sent", R"({"step":1,"attempt":1})"}});
  EXPECT_EQ(view.seen(), "m at vllm · /w\nstep 1 · 0 in · 0 out · 0 ms · waiting for the model\n");
}

TEST(RunView, believes_the_host_about_the_bill) {
  View view({.live = true, .columns = 100});
  view.show({{0, "run_started", kStarted},
             {0, "model_replied", R"({"usage":{"input_tokens":10,"output_tokens":1,"usd":1.25}})"},
             {0, "request_sent", R"({"step":2,"attempt":1})"}});
  EXPECT_NE(view.seen().find("$1.25"), std::string::npos) << view.seen();
}

TEST(RunView, names_the_endpoint_that_takes_over_and_counts_by_its_price) {
  View view({});
  view.show(
      {{0, "run_started",
        R"({"model":"m","host":"h","limits":{},"fallback":{"endpoints":[{"limits":{"price":)"
        R"({"input":1,"cached":1,"output":2}}}]}})"},
       {0, "model_replied", R"({"usage":{"input_tokens":1000000,"output_tokens":0}})"},
       {0, "endpoint_changed",
        R"({"from":0,"to":1,"from_name":"m at h","to_name":"k at vllm","reason":"overloaded",)"
        R"("message":"HTTP 503: busy"})"},
       {0, "model_replied", R"({"usage":{"input_tokens":1000000,"output_tokens":1000000}})"},
       {0, "endpoint_changed",
        R"({"from":1,"to":0,"from_name":"k at vllm","to_name":"m at h","reason":"return"})"}});
  EXPECT_NE(view.seen().find("! m at h fails: HTTP 503: busy; the run goes on at k at vllm\n"),
            std::string::npos)
      << view.seen();
  EXPECT_NE(view.seen().find("! m at h is tried again\n"), std::string::npos) << view.seen();
  EXPECT_NE(view.view().summary().find("$3.00"), std::string::npos) << view.view().summary();
}

TEST(RunView, counts_what_is_put_into_the_cache_by_its_price) {
  for (const auto& [price, usd] : {std::pair(R"("input":1,"cache_write":3,"output":1)", "$2.25"),
                                   std::pair(R"("input":1,"output":1)", "$1.25")}) {
    View view({.live = true, .columns = 100});
    view.show({{0, "run_started", R"({"limits":{"price":{)" + std::string(price) + "}}}"},
               {0, "request_sent", R"({"step":1,"attempt":1})"},
               {0, "model_replied",
                R"({"step":1,"fragment":{},"usage":{"input_tokens":1000000,"cached_tokens":0,)"
                R"("cache_write_tokens":500000,"output_tokens":250000}})"},
               {0, "request_sent", R"({"step":2,"attempt":1})"}});
    EXPECT_NE(view.seen().find(usd), std::string::npos) << view.seen();
  }
}

// A resume that goes on at a fallback counts by its price from there on.
TEST(RunView, recalls_the_endpoint_in_use) {
  View view({});
  view.recall({{0, "run_started", R"({"limits":{"price":{"input":9,"output":9}}})"},
               {0, "run_resumed",
                R"({"limits":{},"fallback":{"endpoints":[{"limits":{"price":{"input":1,"output":1)"
                R"(}}}]},"endpoint":1})"},
               {0, "model_replied", R"({"usage":{"input_tokens":1000000,"output_tokens":0}})"},
               {0, "endpoint_changed", R"({"from":1,"to":0})"},
               {0, "model_replied", R"({"usage":{"input_tokens":1000000,"output_tokens":0}})"}});
  EXPECT_NE(view.view().summary().find("$1.00"), std::string::npos) << view.view().summary();
}

TEST(RunView, survives_payloads_that_are_not_as_expected) {
  View view({.live = true, .columns = 100});
  for (const char* kind :
       {"run_started", "message_added", "model_replied", "call_finished", "request_failed",
        "retry_scheduled", "endpoint_changed", "run_resumed", "run_ended", "from_the_future"}) {
    view.show({{0, kind, "{}"}, {0, kind, "not json"}, {0, kind, "[]"}, {0, kind, "null"}});
    view.recall({{0, kind, "{}"}, {0, kind, "not json"}, {0, kind, "[]"}});
  }
}

TEST(UsageLine, has_units_for_people) {
  EXPECT_EQ(usage_line({}, "0 steps", false, 0), "0 steps · 0 in · 0 out · 0 ms");
  EXPECT_EQ(
      usage_line(
          {.input_tokens = 34'100, .cached_tokens = 28'000, .output_tokens = 1'234, .usd = 0.0123},
          "step 12", true, 64'000),
      "step 12 · 34.1k in (82% cached) · 1.2k out · $0.0123 · 1m 04s");
  EXPECT_EQ(
      usage_line({.input_tokens = 3'400'000, .usd = 12.5, .estimated = true}, "9 steps", true, 1),
      "9 steps · 3.40M in (0% cached) · 0 out · ~$12.50 · 1 ms");
  EXPECT_EQ(steps_text(1), "1 step");
  EXPECT_EQ(steps_text(0), "0 steps");
}

}  // namespace
}  // namespace perdure
