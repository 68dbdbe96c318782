// What a person sees: a terminal of a fixed width that understands the sequences which the program
// and libedit send, and gives its rows as text. It never scrolls anything away. A sequence that it
// does not know fails the test.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace perdure::test {

class TerminalScreen {
 public:
  explicit TerminalScreen(std::size_t columns) : columns_(columns) {}

  void feed(std::string_view bytes);
  /// For a terminal that is made narrower or wider: what is there stays as it is.
  void resize(std::size_t columns) { columns_ = columns; }

  enum class Styles { kHidden, kShown };
  /// The rows from the first to the last that is not blank, without trailing spaces. With styles
  /// shown, text that is dim, bold or coloured stands between "{dim}" and "{}".
  std::string text(Styles styles = Styles::kHidden) const;
  /// The row of the cursor, up to the cursor.
  std::string before_cursor() const;

 private:
  struct Cell {
    std::string text = " ";  // empty behind a wide character
    std::string style;
  };
  using Row = std::vector<Cell>;

  void put(std::string_view character);
  void control(char c);
  std::size_t sequence(std::string_view bytes);
  void csi(std::string_view parameters, char final);
  void set_style(std::string_view parameters);
  Row& row();

  std::size_t columns_;
  std::vector<Row> rows_;
  std::size_t row_ = 0;
  std::size_t column_ = 0;
  bool wraps_next_ = false;  // the last column was written: the next character begins a new row
  std::string style_;
  std::string partial_;  // a sequence or character that was cut
};

}  // namespace perdure::test
