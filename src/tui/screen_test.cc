// The screen: text that flows with a status line below it, as a terminal shows it.
#include "tui/screen.h"

#include <gtest/gtest.h>

#include "tests/support/terminal_screen.h"

namespace perdure {
namespace {

using test::TerminalScreen;

class ScreenTest : public testing::Test {
 protected:
  // A screen on a terminal of so many columns, and that terminal.
  void open(std::size_t columns, bool colours = false) {
    seen_ = std::make_unique<TerminalScreen>(columns);
    screen_ =
        std::make_unique<Screen>(Terminal{.live = true, .colours = colours, .columns = columns},
                                 [this](std::string_view bytes) {
                                   ++writes_;
                                   seen_->feed(bytes);
                                 });
  }
  std::string seen() const { return seen_->text(); }

  std::unique_ptr<TerminalScreen> seen_;
  std::unique_ptr<Screen> screen_;
  int writes_ = 0;
};

TEST_F(ScreenTest, text_flows_on_where_it_ended) {
  open(20);
  screen_->flow(Style::kPlain, "one ");
  screen_->flow(Style::kPlain, "two\nthree");
  screen_->flow(Style::kPlain, " four");
  EXPECT_EQ(seen(), "one two\nthree four\n");
}

TEST_F(ScreenTest, the_status_stands_below_the_text_and_goes_with_it) {
  open(20);
  screen_->flow(Style::kPlain, "one");
  screen_->set_status("status 1");
  EXPECT_EQ(seen(), "one\nstatus 1\n");
  screen_->flow(Style::kPlain, " two");
  EXPECT_EQ(seen(), "one two\nstatus 1\n");
  screen_->line("a line");
  EXPECT_EQ(seen(), "one two\na line\nstatus 1\n");
  screen_->set_status("2");
  EXPECT_EQ(seen(), "one two\na line\n2\n");
  screen_->flow(Style::kPlain, "three\n");
  EXPECT_EQ(seen(), "one two\na line\nthree\n2\n");
  screen_->set_status("");
  EXPECT_EQ(seen(), "one two\na line\nthree\n");
}

TEST_F(ScreenTest, the_same_status_is_not_written_again) {
  open(20);
  screen_->set_status("waiting");
  writes_ = 0;
  screen_->set_status("waiting");
  EXPECT_EQ(writes_, 0);
  screen_->flow(Style::kPlain, "x");
  EXPECT_EQ(writes_, 1) << "text and status go out together";
}

TEST_F(ScreenTest, a_long_status_is_cut_to_one_row) {
  open(10);
  screen_->set_status("0123456789abcdef");
  EXPECT_EQ(seen(), "01234567\n");
  screen_->set_status("步骤步骤步骤步骤");
  EXPECT_EQ(seen(), "步骤步骤\n");
  screen_->set_status("x");
  EXPECT_EQ(seen(), "x\n");
}

TEST_F(ScreenTest, the_destructor_leaves_a_clean_line) {
  open(20);
  screen_->flow(Style::kPlain, "open");
  screen_->set_status("status");
  screen_.reset();
  EXPECT_EQ(seen(), "open\n");
  seen_->feed("prompt");
  EXPECT_EQ(seen(), "open\nprompt\n");
}

TEST_F(ScreenTest, end_line_ends_an_open_line_once) {
  open(20);
  screen_->flow(Style::kPlain, "open");
  screen_->end_line();
  screen_->end_line();
  screen_->flow(Style::kPlain, "next");
  EXPECT_EQ(seen(), "open\nnext\n");
}

TEST_F(ScreenTest, what_comes_while_a_person_is_asked_waits) {
  open(30);
  screen_->flow(Style::kPlain, "thinking");
  screen_->set_status("status");
  screen_->hold();
  EXPECT_EQ(seen(), "thinking\n") << "the status is gone and the line has ended";
  screen_->line("a result of a neighbour");
  screen_->flow(Style::kPlain, "more");
  screen_->set_status("other");
  seen_->feed("? y\n");
  EXPECT_EQ(seen(), "thinking\n? y\n");
  screen_->release();
  EXPECT_EQ(seen(), "thinking\n? y\na result of a neighbour\nmore\nother\n");
}

// How many bytes the first character has, with the marks that combine with it.
std::size_t first_character(std::string_view text) {
  std::size_t size = 1;
  while (size < text.size()) {
    const auto byte = static_cast<unsigned char>(text[size]);
    if ((byte & 0xC0) != 0x80 && byte != 0xCC) break;  // U+0300 and what follows begin with 0xCC
    ++size;
  }
  return size;
}

// Each text comes character by character with a status drawn in between: what is seen must be what
// the terminal makes of the text alone.
TEST_F(ScreenTest, wrapped_text_stays_whole_with_a_status_below_it) {
  const std::string kTexts[] = {
      "plain text that is longer than a few rows of a narrow terminal can hold",
      "exactly-twenty-chars",
      "exactly-twenty-chars\nand a second line",
      "exactly-twenty-chars!",
      "a\nb\n\nc",
      "宽字符在窄终端里也要对齐才行好不好",
      "a宽字符在窄终端里也要对齐才行",
      "emoji 🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉",
      "combining e\u0301e\u0301e\u0301",
      "tab\tstops\tare\tspaces\there"};
  for (const std::string& text : kTexts) {
    for (const std::size_t columns : {2U, 3U, 7U, 20U, 21U}) {
      open(columns);
      screen_->flow(Style::kPlain, text);
      screen_->end_line();
      const std::string whole = seen();

      open(columns);
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = first_character(std::string_view(text).substr(at));
        screen_->set_status(at % 2 == 0 ? "a" : "b");
        screen_->flow(Style::kPlain, text.substr(at, size));
        at += size;
      }
      screen_->set_status("");
      screen_->end_line();
      EXPECT_EQ(seen(), whole) << text << " in " << columns << " columns";
    }
  }
}

// A terminal shows the key as "^C", where the cursor is: in the row that is taken away.
TEST_F(ScreenTest, the_key_that_stops_a_run_leaves_nothing_of_the_status) {
  open(20);
  screen_->flow(Style::kPlain, "text");
  screen_->set_status("a status that is longer than the row");
  seen_->feed("^C");
  screen_->line("stopping");
  screen_->set_status("");
  EXPECT_EQ(seen(), "text\nstopping\n");
}

TEST_F(ScreenTest, a_word_that_does_not_fit_moves_to_the_next_row) {
  struct Case {
    std::size_t columns;
    std::string text;
    std::string seen;
  };
  const Case kCases[] = {
      {11, "one two three four", "one two\nthree four\n"},
      {11, "one two th", "one two th\n"},
      {11, "one two thr", "one two\nthr\n"},
      {11, "0123456789 abc", "0123456789\nabc\n"},
      {11, "0123456789   abc", "0123456789\nabc\n"},
      {11, "0123456789\nabc", "0123456789\nabc\n"},
      {11, "0123456789\n\nabc", "0123456789\n\nabc\n"},
      {11, "    indent text", "    indent\ntext\n"},
      {11, "    indented text", "    indent\ned text\n"},
      {11, "- 0123456789abcdef b", "-\n0123456789\nabcdef b\n"},
      {11, "a 0123456789abcdef b", "a\n0123456789\nabcdef b\n"},
      {11, "0123456789abcdefghijklm", "0123456789\nabcdefghij\nklm\n"},
      {11, "宽字符在窄终端", "宽字符在窄\n终端\n"},
      {11, "ab 宽字符在窄", "ab 宽字符\n在窄\n"},
      {11, "宽字符在 word", "宽字符在\nword\n"},
      {11, "宽字符 a宽字", "宽字符 a宽\n字\n"},
      {11, "eight e\u0301e\u0301e\u0301e\u0301", "eight e\u0301e\u0301e\u0301e\u0301\n"},
      {11, "eight e\u0301e\u0301e\u0301e\u0301e\u0301",
       "eight\ne\u0301e\u0301e\u0301e\u0301e\u0301\n"},
      {11, "tab\tx yz", "tab     x\nyz\n"},
  };
  for (const Case& row : kCases) {
    for (const bool whole : {true, false}) {
      open(row.columns);
      if (whole) screen_->flow(Style::kPlain, row.text);
      for (std::size_t at = 0; !whole && at < row.text.size();) {
        const std::size_t size = first_character(std::string_view(row.text).substr(at));
        screen_->set_status("status " + std::to_string(at));
        screen_->flow(Style::kPlain, row.text.substr(at, size));
        at += size;
      }
      screen_->set_status("");
      screen_->end_line();
      EXPECT_EQ(seen(), row.seen) << row.text << (whole ? "" : " in pieces");
    }
  }
}

TEST_F(ScreenTest, a_word_that_moves_keeps_its_style) {
  open(11, true);
  screen_->flow(Style::kDim, "one two th");
  screen_->flow(Style::kDim, "ree");
  EXPECT_EQ(seen_->text(TerminalScreen::Styles::kShown), "{dim}one two{}\n{dim}three{}\n");
  // What is already there in another style stays where it is.
  screen_->end_line();
  screen_->flow(Style::kDim, "one two th");
  screen_->flow(Style::kPlain, "ree");
  EXPECT_EQ(seen_->text(TerminalScreen::Styles::kShown),
            "{dim}one two{}\n{dim}three{}\n{dim}one two th{}\nree\n");
}

TEST_F(ScreenTest, text_of_the_model_cannot_steer_the_terminal) {
  open(60);
  screen_->flow(Style::kPlain, "a\x1b[2Jb\rc\x1b]0;title\x07");
  EXPECT_EQ(seen(), "a\\x1b[2Jb\\rc\\x1b]0;title\\x07\n");
}

TEST_F(ScreenTest, styles_end_with_their_text) {
  open(40, true);
  screen_->flow(Style::kDim, "thinking");
  screen_->flow(Style::kPlain, " answer");
  screen_->set_status("status");
  EXPECT_EQ(seen_->text(TerminalScreen::Styles::kShown), "{dim}thinking{} answer\n{dim}status{}\n");
}

TEST(PlainScreen, has_whole_lines_and_no_sequences) {
  std::string written;
  Screen screen({}, [&](std::string_view bytes) { written += bytes; });
  screen.set_status("never seen");
  screen.flow(Style::kDim, "one");
  screen.line("two");
  screen.set_status("never seen");
  screen.line("three");
  EXPECT_EQ(written, "one\ntwo\nthree\n");
}

}  // namespace
}  // namespace perdure
