#include "tui/screen.h"

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
  // The status stood one line below the open one.
  if (column_ > 0) put(fmt::format("\x1b[A\x1b[{}G", column_ + 1));
}

void Screen::draw_status() {
  if (terminal_.live && !holding_ && !status_.empty()) {
    if (column_ > 0) put("\n");
    const std::size_t width = terminal_.width();
    put(style_begin(terminal_, Style::kDim));
    put(display_prefix(status_, width > 1 ? width - 1 : 1));
    put(style_end(terminal_, Style::kDim));
    status_drawn_ = true;
  }
  if (!out_.empty()) write_(std::exchange(out_, {}));
}

void Screen::write_flow(Style style, std::string_view text) {
  const std::string safe = printable_lines(text);
  put(style_begin(terminal_, style));
  for (std::string_view rest = safe; !rest.empty();) {
    const std::size_t end = rest.find_first_of("\n\t");
    const std::string_view piece = rest.substr(0, end);
    put(piece);
    advance(piece);
    rest.remove_prefix(piece.size());
    if (rest.empty()) break;
    if (rest.front() == '\n') {
      put("\n");
      column_ = 0;
    } else {
      // Spaces, so that the column is known whatever the terminal's tab stops are.
      const std::string spaces(kTabColumns - column_ % kTabColumns, ' ');
      put(spaces);
      advance(spaces);
    }
    rest.remove_prefix(1);
  }
  put(style_end(terminal_, style));
}

// Moves the column as the terminal does: a character that does not fit begins the next row, so a
// wide one leaves the last column of a row empty.
void Screen::advance(std::string_view text) {
  if (!terminal_.live) {
    column_ += display_width(text);
    return;
  }
  const std::size_t width = terminal_.width();
  column_ %= width;  // the terminal may have become narrower
  while (!text.empty()) {
    const std::string_view row = display_prefix(text, width - column_);
    column_ += display_width(row);
    text.remove_prefix(row.size());
    if (text.empty()) break;
    if (row.empty() && column_ == 0) break;  // wider than the whole terminal
    column_ = 0;
  }
  column_ %= width;
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
  column_ = 0;
  put(text);
  put("\n");
  draw_status();
}

void Screen::end_line() {
  const std::lock_guard lock(mutex_);
  erase_status();
  if (column_ > 0) put("\n");
  column_ = 0;
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
  column_ = 0;
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
