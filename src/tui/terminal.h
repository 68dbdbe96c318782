// What the terminal can do, asked once: whether there is one, its width, whether colours are
// wanted.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <unistd.h>

namespace perdure {

struct Terminal {
  bool live = false;        ///< It is a terminal that moves its cursor: a status line can be drawn.
  bool is_terminal = live;  ///< A person sees it in a window, maybe without moving the cursor.
  bool colours = false;     ///< Not with NO_COLOR, TERM=dumb, or without a terminal.
  bool output_shared =
      false;                ///< Standard output is a terminal too: the answer is not printed twice.
  bool can_ask = false;     ///< A person sees the question and has a keyboard to answer it.
  std::size_t columns = 0;  ///< Fixed width, for tests; 0: the terminal is asked each time.

  /// `output`: where it is to be shown.
  static Terminal detect(int output = STDERR_FILENO);
  /// Columns now, at least one; 80 when nobody knows.
  std::size_t width() const;
};

/// Where a person's answers come from: standard input when it is a terminal, else the terminal
/// that controls the process (the task may have come through a pipe); -1 when there is none. The
/// descriptor stays open as long as the program runs.
int keyboard();

/// The text broken at spaces into rows of `width` columns; rows after the first begin `indent`
/// columns in, where the first one is taken to begin too. A word that is longer than a row stays
/// whole.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t width);

/// How a piece of text looks; nothing without colours.
enum class Style { kPlain, kDim, kBold, kGreen, kRed, kYellow, kCyan };

std::string styled(const Terminal& terminal, Style style, std::string_view text);
/// The sequences around it, for text that comes in pieces.
std::string_view style_begin(const Terminal& terminal, Style style);
std::string_view style_end(const Terminal& terminal, Style style);

}  // namespace perdure
