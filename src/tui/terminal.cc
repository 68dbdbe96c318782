#include "tui/terminal.h"

#include <cstdlib>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"
#include "base/utf8.h"

namespace perdure {

Terminal Terminal::detect(int output) {
  const char* term = std::getenv("TERM");
  const char* no_colour = std::getenv("NO_COLOR");
  const bool dumb = term == nullptr || *term == '\0' || std::string_view(term) == "dumb";
  const bool errors_terminal = ::isatty(STDERR_FILENO) == 1;
  const bool is_terminal = ::isatty(output) == 1;
  const bool live = is_terminal && !dumb;
  return {.live = live,
          .is_terminal = is_terminal,
          .colours = live && (no_colour == nullptr || *no_colour == '\0'),
          .output_shared = ::isatty(STDOUT_FILENO) == 1 && errors_terminal,
          .can_ask = errors_terminal && keyboard() >= 0};
}

int keyboard() {
  static const int descriptor = ::isatty(STDIN_FILENO) == 1
                                    ? STDIN_FILENO
                                    : ::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
  return descriptor;
}

std::size_t Terminal::width() const {
  if (columns > 0) return columns;
  for (const int descriptor : {STDERR_FILENO, STDOUT_FILENO}) {
    winsize size{};
    if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  }
  return 80;
}

std::string wrapped(std::string_view text, std::size_t indent, std::size_t width) {
  std::string out;
  std::size_t column = indent;
  for (const std::string_view word : split(text, ' ')) {
    const std::size_t columns = display_width(word);
    if (column > indent && column + 1 + columns > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += columns;
  }
  return out;
}

std::string_view style_begin(const Terminal& terminal, Style style) {
  if (!terminal.colours) return "";
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kDim:
      return "\x1b[2m";
    case Style::kBold:
      return "\x1b[1m";
    case Style::kGreen:
      return "\x1b[32m";
    case Style::kRed:
      return "\x1b[31m";
    case Style::kYellow:
      return "\x1b[33m";
    case Style::kCyan:
      return "\x1b[36m";
  }
  return "";
}

std::string_view style_end(const Terminal& terminal, Style style) {
  return terminal.colours && style != Style::kPlain ? "\x1b[0m" : "";
}

std::string styled(const Terminal& terminal, Style style, std::string_view text) {
  return std::string(style_begin(terminal, style)) + std::string(text) +
         std::string(style_end(terminal, style));
}

}  // namespace perdure
