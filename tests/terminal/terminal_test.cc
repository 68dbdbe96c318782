// The program in a real terminal: questions, Ctrl-C, chat, and what the screen shows.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <mutex>

#include <gtest/gtest.h>

#include "mock/mock_thread.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/terminal_program.h"

namespace perdure {
namespace {

using test::TerminalOptions;
using test::TerminalProgram;

constexpr const char* kCtrlC = "\x03";
constexpr const char* kCtrlD = "\x04";
constexpr const char* kUp = "\x1b[A";
constexpr const char* kLeft = "\x1b[D";
constexpr const char* kBackspace = "\x7f";

// Two edits of one file and one of another one, then the answer.
constexpr const char* kThreeWrites = R"(
[[reply]]
[[reply.call]]
name = "write_file"
[reply.call.arguments]
path = "a.txt"
content = "one\n"
append = true

[[reply]]
[[reply.call]]
name = "write_file"
[reply.call.arguments]
path = "a.txt"
content = "two\n"
append = true
[[reply.call]]
name = "write_file"
[reply.call.arguments]
path = "b.txt"
content = "three\n"
append = true

[[reply]]
text = "Written, as far as I was allowed to."
)";

constexpr const char* kRemoves = R"(
[[reply]]
reasoning = "I remove it."
[[reply.call]]
name = "run_command"
[reply.call.arguments]
command = "rm -rf build # \u001b[8mhidden"

[[reply]]
text = "That is all."
)";

constexpr const char* kSlow = R"(
[[reply]]
text = "At last."
[[reply.fault]]
delay_ms = 60000
)";

constexpr const char* kTalks = R"(
[[reply]]
text = "Hello."
[[reply]]
repeat = 20
text = "Answer {n}."
)";

class TerminalTest : public testing::Test {
 protected:
  void begin(const std::string& script) {
    Result<MockScript> parsed = parse_mock_script(script, "script");
    ASSERT_TRUE(parsed.ok()) << to_text(parsed.error());
    Result<std::unique_ptr<MockThread>> endpoint =
        MockThread::start(std::move(*parsed), {.log = [this](std::string_view) {
                            const std::lock_guard lock(mutex_);
                            ++answered_;
                            answered_more_.notify_all();
                          }});
    ASSERT_TRUE(endpoint.ok()) << to_text(endpoint.error());
    endpoint_ = std::move(*endpoint);
    std::filesystem::create_directories(place("workspace"));
  }

  void wait_for_requests(int count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(answered_more_.wait_for(lock, std::chrono::seconds(30),
                                        [&] { return answered_ >= count; }));
  }

  std::string place(const std::string& name) const { return root_.path() + "/" + name; }

  std::map<std::string, std::string> environment() const {
    return {{"XDG_CONFIG_HOME", place("config")},
            {"XDG_STATE_HOME", place("state")},
            {"HOME", place("home")},
            {"PERDURE_HOST", "mock"},
            {"PERDURE_BASE_URL", endpoint_->base_url()}};
  }
  TerminalOptions with(std::vector<std::string> arguments) const {
    return {.arguments = std::move(arguments),
            .environment = environment(),
            .directory = place("workspace")};
  }
  // The same without a terminal.
  ProgramResult plain(std::vector<std::string> arguments) const {
    return run_program({.arguments = std::move(arguments),
                        .environment = environment(),
                        .directory = place("workspace")});
  }

  TemporaryDirectory root_;
  std::mutex mutex_;
  std::condition_variable answered_more_;
  int answered_ = 0;  // requests that the endpoint has begun to answer; guarded by mutex_
  std::unique_ptr<MockThread> endpoint_;
};

// --- Questions ---

TEST_F(TerminalTest, yes_allows_one_call_and_no_denies_one) {
  begin(kThreeWrites);
  TerminalProgram program(with({"run", "Write"}));
  ASSERT_TRUE(program.wait_for("write_file (destructive) wants to run on a.txt"));
  ASSERT_TRUE(program.wait_for("    +one\n"));
  ASSERT_TRUE(program.wait_for("always = write_file on a.txt, for the rest of the run"));
  program.type("y\r");
  ASSERT_TRUE(program.wait_for("    +two\n"));
  program.type("no\r");
  ASSERT_TRUE(program.wait_for("wants to run on b.txt"));
  program.type("maybe\r");
  ASSERT_TRUE(program.wait_for("please answer y, n or a:"));
  program.type("Y\r");
  EXPECT_EQ(program.wait(), 0) << program.seen();
  EXPECT_EQ(root_.read("workspace/a.txt"), "one\n");
  EXPECT_EQ(root_.read("workspace/b.txt"), "three\n");
  EXPECT_NE(program.seen().find("denied\n"), std::string::npos) << program.seen();
  EXPECT_NE(program.seen().find("Written, as far as I was allowed to.\n3 steps"), std::string::npos)
      << program.seen();
}

TEST_F(TerminalTest, always_allows_this_tool_on_this_path_and_nothing_else) {
  begin(kThreeWrites);
  TerminalProgram program(with({"run", "Write"}));
  ASSERT_TRUE(program.wait_for("[y]es, [n]o, [a]lways?"));
  program.type("a\r");
  ASSERT_TRUE(program.wait_for("wants to run on b.txt"));
  program.type("n\r");
  EXPECT_EQ(program.wait(), 0) << program.seen();
  EXPECT_EQ(root_.read("workspace/a.txt"), "one\ntwo\n");
  EXPECT_FALSE(root_.exists("workspace/b.txt"));
}

TEST_F(TerminalTest, what_was_typed_before_the_question_is_no_answer) {
  begin("[[reply]]\ndelay_ms = 1500\n" + std::string(kRemoves).substr(11));
  TerminalProgram program(with({"run", "Remove it"}));
  ASSERT_TRUE(program.wait_for("waiting for the model"));
  program.type("y\r");
  ASSERT_TRUE(program.wait_for("rm -rf build # \\x1b[8mhidden\n"));
  ASSERT_TRUE(program.wait_for("[a]lways?"));
  program.type("n\r");
  EXPECT_EQ(program.wait(), 0) << program.seen();
  EXPECT_NE(program.seen().find("✗ rm -rf build # \\x1b[8mhidden  denied"), std::string::npos)
      << program.seen();
}

TEST_F(TerminalTest, the_end_of_input_is_a_no) {
  begin(kRemoves);
  TerminalProgram program(with({"run", "Remove it"}));
  ASSERT_TRUE(program.wait_for("[a]lways?"));
  program.type(kCtrlD);
  EXPECT_EQ(program.wait(), 0) << program.seen();
  EXPECT_NE(program.seen().find("denied"), std::string::npos) << program.seen();
}

TEST_F(TerminalTest, ctrl_c_leaves_the_question_open_for_the_resume) {
  begin(kRemoves);
  root_.write("workspace/build/x", "");
  {
    TerminalProgram program(with({"run", "Remove it"}));
    ASSERT_TRUE(program.wait_for("[a]lways?"));
    program.type(kCtrlC);
    EXPECT_EQ(program.wait(), 130) << program.seen();
    EXPECT_NE(program.seen().find("go on with: perdure resume "), std::string::npos);
    EXPECT_EQ(program.seen().find("denied"), std::string::npos) << program.seen();
  }
  TerminalProgram program(with({"resume", "last"}));
  ASSERT_TRUE(program.wait_for("wants to run"));
  ASSERT_TRUE(program.wait_for("[a]lways?"));
  program.type("yes\r");
  EXPECT_EQ(program.wait(), 0) << program.seen();
  EXPECT_FALSE(root_.exists("workspace/build"));
}

TEST_F(TerminalTest, a_task_from_a_pipe_leaves_the_keyboard_for_answers) {
  begin(kRemoves);
  root_.write("workspace/build/x", "");
  root_.write("task.md", "Remove it");
  TerminalOptions options = with({"run", "-"});
  options.input_file = place("task.md");
  TerminalProgram program(options);
  ASSERT_TRUE(program.wait_for("[a]lways?"));
  program.type("y\r");
  EXPECT_EQ(program.wait(), 0) << program.seen();
  EXPECT_FALSE(root_.exists("workspace/build"));
}

// --- Stopping ---

TEST_F(TerminalTest, ctrl_c_stops_cleanly_and_says_how_to_go_on) {
  begin(kSlow);
  TerminalProgram program(with({"run", "Wait"}));
  ASSERT_TRUE(program.wait_for("waiting for the model"));
  program.type(kCtrlC);
  EXPECT_EQ(program.wait(), 130);
  EXPECT_NE(program.seen().find("stopping (once more ends at once) ...\nstopped\n0 steps"),
            std::string::npos)
      << program.seen();
  EXPECT_NE(program.seen().find("go on with: perdure resume "), std::string::npos);
  EXPECT_NE(plain({"runs"}).output.find("interrupted"), std::string::npos);
}

TEST_F(TerminalTest, a_second_signal_ends_at_once) {
  begin(kSlow);
  TerminalProgram program(with({"run", "Wait"}));
  ASSERT_TRUE(program.wait_for("waiting for the model"));
  program.signal(SIGINT);
  program.signal(SIGTERM);
  const int status = program.wait();
  EXPECT_TRUE(status == 128 + SIGTERM || status == 128 + SIGINT) << status;
  EXPECT_EQ(plain({"show", "last"}).exit_status, 0) << "the journal is whole";
}

TEST_F(TerminalTest, a_terminal_that_goes_away_interrupts_the_run) {
  begin(kSlow);
  TerminalProgram program(with({"run", "Wait"}));
  ASSERT_TRUE(program.wait_for("waiting for the model"));
  program.hang_up();
  EXPECT_EQ(program.wait(), 130);
  EXPECT_NE(plain({"runs"}).output.find("interrupted"), std::string::npos);
}

// --- Chat ---

TEST_F(TerminalTest, chat_edits_lines_and_remembers_them) {
  begin(kTalks);
  {
    TerminalProgram program(with({"chat"}));
    ASSERT_TRUE(program.wait_for_prompt("> "));
    program.type("Grüße, 你们x");
    program.type(std::string(kLeft) + kBackspace + "好");
    ASSERT_TRUE(program.wait_for("> Grüße, 你好x"));
    program.type("\r");
    ASSERT_TRUE(program.wait_for("Hello.\n1 step"));
    ASSERT_TRUE(program.wait_for_prompt("> "));
    program.type("And now?\r");
    ASSERT_TRUE(program.wait_for("Answer 0.\n2 steps"));
    ASSERT_TRUE(program.wait_for_prompt("> "));
    program.type(kCtrlD);
    EXPECT_EQ(program.wait(), 0) << program.seen();
    EXPECT_NE(program.seen().find("go on with: perdure chat "), std::string::npos);
    EXPECT_EQ(program.seen().find("perdure resume"), std::string::npos) << program.seen();
  }
  EXPECT_NE(plain({"show", "last"}).output.find("> Grüße, 你好x\n"), std::string::npos);
  TerminalProgram program(with({"chat", "last"}));
  ASSERT_TRUE(program.wait_for_prompt("> "));
  program.type(std::string(kUp) + kUp);
  ASSERT_TRUE(program.wait_for("> Grüße, 你好x"));
  program.type("!\r");
  ASSERT_TRUE(program.wait_for("Answer 1.\n3 steps"));
  ASSERT_TRUE(program.wait_for_prompt("> "));
  program.type("/quit\r");
  EXPECT_EQ(program.wait(), 0) << program.seen();
}

TEST_F(TerminalTest, ctrl_c_at_the_prompt_drops_the_line_and_in_a_turn_stops_the_turn) {
  begin("[[reply]]\ntext = 'First.'\n" + std::string(kSlow));
  TerminalProgram program(with({"chat"}));
  ASSERT_TRUE(program.wait_for_prompt("> "));
  for (const char* line : {"half a li", "another", ""}) {
    program.type(line);
    ASSERT_TRUE(program.wait_for_prompt("> " + std::string(line)));
    program.type(kCtrlC);
    const std::string before = *line == '\0' ? "\n>" : "> " + std::string(line);
    ASSERT_TRUE(program.wait_for(before + "\nCtrl-D or /quit ends the chat\n>"));
    ASSERT_TRUE(program.wait_for_prompt("> "));
  }
  program.type("Begin\r");
  ASSERT_TRUE(program.wait_for("First.\n1 step"));
  ASSERT_TRUE(program.wait_for_prompt("> "));
  program.type("Wait\r");
  ASSERT_TRUE(program.wait_for("waiting for the model"));
  wait_for_requests(2);
  program.type(kCtrlC);
  ASSERT_TRUE(program.wait_for("stopped\n1 step"));
  ASSERT_TRUE(program.wait_for_prompt("> "));
  program.type("Go on\r");
  ASSERT_TRUE(program.wait_for("At last.\n2 steps"));
  ASSERT_TRUE(program.wait_for_prompt("> "));
  program.type("/quit\r");
  EXPECT_EQ(program.wait(), 0) << program.seen();
}

TEST_F(TerminalTest, chat_says_how_it_ends_and_takes_no_mistyped_command_for_a_message) {
  begin(kTalks);
  {
    TerminalProgram program(with({"chat"}));
    ASSERT_TRUE(program.wait_for("Ctrl-C stops a turn, Ctrl-D or /quit ends the chat\n>"));
    ASSERT_TRUE(program.wait_for_prompt("> "));
    program.type("/help\r");
    ASSERT_TRUE(
        program.wait_for("the chat has no command '/help'; Ctrl-D or /quit ends the chat\n>"));
    ASSERT_TRUE(program.wait_for_prompt("> "));
    program.type("/help me\r");
    ASSERT_TRUE(program.wait_for("Hello.\n1 step"));
    ASSERT_TRUE(program.wait_for_prompt("> "));
    program.type(kCtrlD);
    EXPECT_EQ(program.wait(), 0) << program.seen();
  }
  TerminalProgram program(with({"chat", "last"}));
  ASSERT_TRUE(program.wait_for(" goes on · Ctrl-C stops a turn"));
  ASSERT_TRUE(program.wait_for_prompt("> "));
  program.type(kCtrlD);
  EXPECT_EQ(program.wait(), 0) << program.seen();
}

TEST_F(TerminalTest, a_text_that_is_pasted_into_a_chat_is_one_message) {
  begin(kTalks);
  TerminalProgram program(with({"chat"}));
  ASSERT_TRUE(program.wait_for_prompt("> "));
  program.type("What is this?\r\rTraceback:\r  line 7");
  ASSERT_TRUE(program.wait_for_prompt("|   line 7"));
  program.type("\r");
  ASSERT_TRUE(program.wait_for("Hello.\n1 step"));
  ASSERT_TRUE(program.wait_for_prompt("> "));
  program.type(kCtrlD);
  EXPECT_EQ(program.wait(), 0) << program.seen();
  EXPECT_NE(plain({"show", "last"}).output.find("> What is this?\n\nTraceback:\n  line 7\n"),
            std::string::npos);
}

TEST_F(TerminalTest, chat_finds_a_missing_key_before_anything_is_typed) {
  begin(kTalks);
  TerminalOptions options = with({"chat", "--host", "moonshot"});
  TerminalProgram program(options);
  EXPECT_EQ(program.wait(), 2);
  EXPECT_NE(program.seen().find("MOONSHOT_API_KEY"), std::string::npos) << program.seen();
  EXPECT_EQ(program.seen().find("\n>"), std::string::npos) << program.seen();
}

TEST_F(TerminalTest, a_signal_to_end_ends_a_chat_at_its_prompt) {
  begin(kTalks);
  TerminalProgram program(with({"chat"}));
  ASSERT_TRUE(program.wait_for_prompt("> "));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 130) << program.seen();
}

// --- What the screen shows ---

TEST_F(TerminalTest, the_answer_is_shown_once) {
  begin(kTalks);
  TerminalProgram program(with({"run", "Hi"}));
  EXPECT_EQ(program.wait(), 0);
  const std::string seen = program.seen();
  EXPECT_EQ(seen.find("Hello.", seen.find("Hello.") + 1), std::string::npos) << seen;
}

TEST_F(TerminalTest, a_piped_answer_is_alone_in_the_pipe) {
  begin(kTalks);
  TerminalOptions options = with({"run", "Hi"});
  options.output_file = place("answer.txt");
  TerminalProgram program(options);
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(root_.read("answer.txt"), "Hello.\n");
  EXPECT_NE(program.seen().find("kimi-k2.6 at mock"), std::string::npos) << program.seen();
}

TEST_F(TerminalTest, an_answer_that_cannot_be_written_is_no_success) {
  begin(kTalks);
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"run", "Hi"},
                                                    {"run", "--output", "json", "Hi"},
                                                    {"show", "last"},
                                                    {"runs"},
                                                    {"models"},
                                                    {"doctor", "--offline"},
                                                    {"--version"},
                                                    {"--help"}}) {
    TerminalOptions options = with(arguments);
    options.output_file = "/dev/full";
    TerminalProgram program(options);
    EXPECT_EQ(program.wait(), 1) << arguments[0];
    const std::string kTold = "standard output: cannot write: No space left";
    EXPECT_NE(program.seen().find(kTold), std::string::npos) << program.seen();
  }
}

TEST_F(TerminalTest, text_breaks_between_words_while_it_streams_and_when_it_is_shown_again) {
  begin(
      "[[reply]]\nreasoning = 'I look at the receipts one after the other, then I add them.'\n"
      "text = 'The four train tickets cost 170.60 together; the hotel is not among them.'\n");
  const std::string kRows =
      "I look at the receipts one after the\nother, then I add them.\n"
      "The four train tickets cost 170.60\ntogether; the hotel is not among them.\n";
  TerminalOptions options = with({"run", "Add the four tickets of the year that is behind us"});
  options.columns = 40;
  TerminalProgram run(options);
  EXPECT_EQ(run.wait(), 0);
  EXPECT_NE(run.seen().find("> Add the four tickets of the year that\nis behind us\n" + kRows),
            std::string::npos)
      << run.seen();
  EXPECT_NE(run.seen().find(" · a next turn:\n  perdure resume "), std::string::npos) << run.seen();
  options.arguments = {"show", "last"};
  TerminalProgram show(options);
  EXPECT_EQ(show.wait(), 0);
  EXPECT_NE(show.seen().find(kRows), std::string::npos) << show.seen();
}

TEST_F(TerminalTest, colours_are_left_out_on_demand) {
  begin(kRemoves);
  TerminalOptions options = with({"run", "--yes", "Remove it"});
  {
    TerminalProgram program(options);
    EXPECT_EQ(program.wait(), 0);
    EXPECT_NE(program.bytes().find("\x1b[2mI remove it."), std::string::npos);
  }
  options.environment["NO_COLOR"] = "1";
  TerminalProgram program(options);
  EXPECT_EQ(program.wait(), 0);
  EXPECT_NE(program.seen().find("(thinking) I remove it."), std::string::npos) << program.seen();
  for (std::size_t at = 0; (at = program.bytes().find("\x1b[", at)) != std::string::npos; ++at) {
    const std::size_t end = program.bytes().find_first_not_of("0123456789;", at + 2);
    EXPECT_NE(program.bytes()[end], 'm') << program.bytes().substr(at, 8);
  }
}

TEST_F(TerminalTest, a_dumb_terminal_gets_plain_lines) {
  begin("[[reply]]\ntext = \"Evil: \\u001b[2J.\"\n");
  TerminalOptions options = with({"run", "Hi"});
  options.environment["TERM"] = "dumb";
  TerminalProgram program(options);
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(program.bytes().find('\x1b'), std::string::npos) << program.seen();
  EXPECT_NE(program.seen().find("Evil: \\x1b[2J.\n"), std::string::npos) << program.seen();
}

TEST_F(TerminalTest, a_window_that_becomes_narrow_cuts_the_status) {
  begin(kSlow);
  TerminalProgram program(with({"run", "Wait"}));
  ASSERT_TRUE(program.wait_for("0 in · 0 out · $0.00 · "));
  program.resize(40);
  ASSERT_TRUE(program.wait_for("step 1 · 1."));
  program.signal(SIGINT);
  EXPECT_EQ(program.wait(), 130);
}

TEST_F(TerminalTest, text_goes_on_in_a_row_of_its_own_when_the_window_has_changed) {
  begin(
      "chunk_bytes = 4\nchunk_delay_ms = 500\n[[reply]]\n"
      "text = 'one two three four five six seven'\n");
  TerminalProgram program(with({"run", "Count"}));
  ASSERT_TRUE(program.wait_for("one two"));
  program.resize(90);
  EXPECT_EQ(program.wait(), 0);
  const std::string seen = program.seen();
  const std::size_t start = seen.find("one two");
  ASSERT_NE(start, std::string::npos) << seen;
  std::string text = seen.substr(start, seen.find("\n1 step", start) - start);
  const std::size_t end = text.find('\n');
  ASSERT_NE(end, std::string::npos) << seen;
  text.erase(end, 1);
  // A space at the end of a row cannot be seen.
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  EXPECT_EQ(text, "onetwothreefourfivesixseven") << seen;
}

TEST_F(TerminalTest, tables_fit_the_window) {
  begin(kTalks);
  EXPECT_EQ(
      plain({"run", "A task with a long text that says all that there is to be said"}).exit_status,
      0);
  TerminalOptions options = with({"runs"});
  options.columns = 50;
  TerminalProgram program(options);
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(program.seen().rfind("RUN                   STATE  TASK\n", 0), 0u) << program.seen();
  EXPECT_NE(program.seen().find("done   A task with a long "), std::string::npos) << program.seen();
  EXPECT_NE(program.seen().find("…\n"), std::string::npos) << program.seen();
}

}  // namespace
}  // namespace perdure
