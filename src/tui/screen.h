// Writes to standard error as a terminal shows it: text that flows, and below it one status line
// that is taken away before each write and drawn again after it. Without a live terminal there is
// no status line and only whole lines. Safe to use from several threads.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "tui/terminal.h"

namespace perdure {

class Screen {
 public:
  /// `write` takes bytes for standard error; tests give their own.
  Screen(const Terminal& terminal, std::function<void(std::string_view)> write);
  ~Screen();

  const Terminal& terminal() const { return terminal_; }

  /// Text that goes on where the last one ended; on a live terminal a word that does not fit into
  /// the row moves to the next one. The text is made harmless to the terminal; line feeds stay.
  void flow(Style style, std::string_view text);
  /// A line of its own. `text` may hold styles: it is written as it is.
  void line(std::string_view text);
  /// Ends a line that flow() left open.
  void end_line();
  /// Replaces the status line; empty for none. What is longer than status_columns() is cut.
  void set_status(std::string text);
  std::size_t status_columns() const;
  /// While held, what is written waits: a person is being asked something.
  void hold();
  void release();

 private:
  void write_flow(Style style, std::string_view text);
  void write_tab();
  void write_words(std::string_view text);
  void write_character(std::string_view character);
  void make_room(std::size_t columns);
  void begin_row();
  void end_word();
  std::size_t row_columns() const;
  void erase_status();
  void draw_status();
  void put(std::string_view bytes);

  const Terminal terminal_;
  std::function<void(std::string_view)> write_;
  std::mutex mutex_;
  std::string status_;
  std::string out_;  // gathered for one write
  std::string held_;
  std::size_t column_ = 0;  // of the open line, 0 when there is none
  Style style_ = Style::kPlain;
  std::string word_;  // that the open line ends with; empty behind a space or a wide character
  std::size_t word_column_ = 0;
  bool word_leads_ = true;  // nothing but space stands before the word in its row
  bool status_drawn_ = false;
  std::size_t drawn_columns_ = 0;  // width of the terminal when it was drawn
  bool holding_ = false;
};

}  // namespace perdure
