#include "tui/screen.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/utf8.h"

namespace perdure {
namespace {

constexpr std::size_t kTabColumns = 8;

}  // namespace

Screen::Screen(const Terminal& terminal, std::function<void(std::string_view)> write)
    : terminal_(terminal), write_(std::move(write)) {}

Screen::~Screen() {
  set_status("");
  end_line();
}

void Screen::put(std::string_view bytes) {
  (holding_ ? held_ : out_) += bytes;
}

void Screen::erase_status() {
  if (!status_drawn_) return;
  status_drawn_ = false;
  put("\r\x1b[K");
  if (column_ == 0) return;
  // In a window of another width rows may have been broken anew, and nobody knows where the open
  // one ends: the text goes on in the row of the status.
  if (terminal_.width() != drawn_columns_) return begin_row();
  // The status stood one line below the open one.
  put(fmt::format("\x1b[A\x1b[{}G", column_ + 1));
}

void Screen::draw_status() {
  if (terminal_.live && !holding_ && !status_.empty()) {
    if (column_ > 0) put("\n");
    put(style_begin(terminal_, Style::kDim));
    put(display_prefix(status_, status_columns()));
    put(style_end(terminal_, Style::kDim));
    status_drawn_ = true;
    drawn_columns_ = terminal_.width();
  }
  if (!out_.empty()) write_(std::exchange(out_, {}));
}

// Two columns stay empty: the "^C" that a terminal shows of the key must not break into the next
// row, where nothing takes it away.
std::size_t Screen::status_columns() const {
  constexpr std::size_t kLeftEmpty = 2;
  return std::max(terminal_.width(), kLeftEmpty + 1) - kLeftEmpty;
}

// The last column stays empty: a terminal that has written it is neither in this row nor in the
// next, and the status below would be drawn into the text.
std::size_t Screen::row_columns() const {
  if (!terminal_.live) return std::string::npos;
  return std::max<std::size_t>(terminal_.width(), 2) - 1;
}

void Screen::begin_row() {
  column_ = 0;
  word_leads_ = true;
  word_.clear();
}

void Screen::end_word() {
  if (!word_.empty()) word_leads_ = false;
  word_.clear();
}

void Screen::write_flow(Style style, std::string_view text) {
  const std::string safe = printable_lines(text);
  if (style != style_) end_word();  // what stands there cannot be written again in this style
  style_ = style;
  if (terminal_.live && column_ > terminal_.width()) {
    column_ %= terminal_.width();  // the terminal has become narrower
    end_word();
  }
  put(style_begin(terminal_, style));
  for (std::string_view rest = safe; !rest.empty();) {
    const std::size_t end = std::min(rest.find_first_of("\n\t"), rest.size());
    write_words(rest.substr(0, end));
    rest.remove_prefix(end);
    if (rest.empty()) break;
    if (rest.front() == '\n') {
      put("\n");
      begin_row();
    } else {
      write_tab();
    }
    rest.remove_prefix(1);
  }
  put(style_end(terminal_, style));
}

// Spaces, so that the column is known whatever the terminal's tab stops are.
void Screen::write_tab() {
  end_word();
  const std::size_t stop = (column_ / kTabColumns + 1) * kTabColumns;
  const std::size_t end = std::min(stop, std::max(row_columns(), column_));
  put(std::string(end - column_, ' '));
  column_ = end;
}

void Screen::write_words(std::string_view text) {
  while (!text.empty()) {
    std::string_view character = display_prefix(text, 1);
    if (character.empty()) character = display_prefix(text, 2);
    write_character(character);
    text.remove_prefix(character.size());
  }
}

// A character with the marks that combine with it. Rows may end at spaces and beside wide
// characters, which have no spaces between their words.
void Screen::write_character(std::string_view character) {
  const std::size_t columns = display_width(character);
  const bool is_space = character == " ";
  if (is_space || columns > 1) end_word();
  if (is_space && column_ >= row_columns()) return;  // the end of the row stands for it
  if (columns > 0) make_room(columns);
  if (columns > 1) {
    word_leads_ = false;
  } else if (!is_space) {
    if (word_.empty()) word_column_ = column_;
    word_ += character;
  }
  put(character);
  column_ += columns;
}

// Goes to the next row when so many columns are not there, and takes the word along that was begun.
// A word that would be alone in its row is longer than the row, and broken anywhere.
void Screen::make_room(std::size_t columns) {
  if (column_ == 0 || column_ + columns <= row_columns()) return;
  std::string word = word_leads_ ? "" : std::move(word_);
  if (!word.empty()) put(fmt::format("\x1b[{}G\x1b[K", word_column_ + 1));
  put("\n");
  begin_row();
  put(word);
  column_ = display_width(word);
  word_column_ = 0;
  word_ = std::move(word);
}

void Screen::flow(Style style, std::string_view text) {
  const std::lock_guard lock(mutex_);
  erase_status();
  write_flow(style, text);
  draw_status();
}

void Screen::line(std::string_view text) {
  const std::lock_guard lock(mutex_);
  erase_status();
  if (column_ > 0) put("\n");
  begin_row();
  put(text);
  put("\n");
  draw_status();
}

void Screen::end_line() {
  const std::lock_guard lock(mutex_);
  erase_status();
  if (column_ > 0) put("\n");
  begin_row();
  draw_status();
}

void Screen::set_status(std::string text) {
  const std::lock_guard lock(mutex_);
  if (!terminal_.live || (text == status_ && status_drawn_ == !text.empty())) return;
  erase_status();
  status_ = std::move(text);
  draw_status();
}

void Screen::hold() {
  const std::lock_guard lock(mutex_);
  erase_status();
  if (column_ > 0) put("\n");
  begin_row();
  holding_ = true;
  if (!out_.empty()) write_(std::exchange(out_, {}));
}

void Screen::release() {
  const std::lock_guard lock(mutex_);
  holding_ = false;
  put(std::exchange(held_, {}));
  draw_status();
}

}  // namespace perdure
