#include "tests/support/terminal_screen.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/text.h"
#include "base/utf8.h"

namespace perdure::test {
namespace {

constexpr std::size_t kTabColumns = 8;

std::size_t character_size(std::string_view bytes) {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  return lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

std::size_t number(std::string_view text, std::size_t fallback) {
  std::size_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return fallback;
    value = value * 10 + static_cast<std::size_t>(c - '0');
  }
  return text.empty() ? fallback : value;
}

}  // namespace

TerminalScreen::Row& TerminalScreen::row() {
  if (rows_.size() <= row_) rows_.resize(row_ + 1);
  if (rows_[row_].size() < columns_) rows_[row_].resize(columns_);
  return rows_[row_];
}

void TerminalScreen::feed(std::string_view bytes) {
  const std::string joined = partial_ + std::string(bytes);
  partial_.clear();
  std::string_view rest = joined;
  while (!rest.empty()) {
    std::size_t used = 0;
    if (rest[0] == '\x1b') {
      used = sequence(rest);
    } else if (static_cast<unsigned char>(rest[0]) < 0x20 || rest[0] == '\x7f') {
      control(rest[0]);
      used = 1;
    } else if (character_size(rest) <= rest.size()) {
      used = character_size(rest);
      put(rest.substr(0, used));
    }
    if (used == 0) {
      partial_ = rest;
      return;
    }
    rest.remove_prefix(used);
  }
}

void TerminalScreen::put(std::string_view character) {
  const std::size_t width = display_width(character);
  if (width == 0) {  // joins the character before it
    std::size_t before = wraps_next_ ? column_ : column_ - std::min<std::size_t>(column_, 1);
    while (before > 0 && row()[before].text.empty()) --before;
    row()[before].text += character;
    return;
  }
  if (wraps_next_ || column_ + width > columns_) {
    ++row_;
    column_ = 0;
    wraps_next_ = false;
  }
  row()[column_] = {.text = std::string(character), .style = style_};
  for (std::size_t i = 1; i < width; ++i) row()[column_ + i] = {.text = "", .style = style_};
  column_ += width;
  if (column_ >= columns_) {
    column_ = columns_ - 1;
    wraps_next_ = true;
  }
}

void TerminalScreen::control(char c) {
  switch (c) {
    case '\n':
      ++row_;
      // A terminal's line discipline puts a carriage return before it.
      column_ = 0;
      break;
    case '\r':
      column_ = 0;
      break;
    case '\b':
      if (column_ > 0) --column_;
      break;
    case '\t':
      column_ = std::min(columns_ - 1, (column_ / kTabColumns + 1) * kTabColumns);
      break;
    case '\a':
      return;
    default:
      ADD_FAILURE() << "a control character reached the terminal: " << static_cast<int>(c);
  }
  wraps_next_ = false;
}

// Gives the bytes that the sequence takes; 0 when its end is still to come.
std::size_t TerminalScreen::sequence(std::string_view bytes) {
  if (bytes.size() < 2) return 0;
  if (bytes[1] == '(') return bytes.size() < 3 ? 0 : 3;  // a character set
  if (bytes[1] == '=' || bytes[1] == '>') return 2;      // keypad modes
  if (bytes[1] != '[') {
    ADD_FAILURE() << "unknown sequence: ESC " << bytes[1];
    return 2;
  }
  const std::size_t final = bytes.find_first_not_of("0123456789;?", 2);
  if (final == std::string_view::npos) return 0;
  csi(bytes.substr(2, final - 2), bytes[final]);
  return final + 1;
}

void TerminalScreen::csi(std::string_view parameters, char final) {
  if (!parameters.empty() && parameters[0] == '?') return;  // private modes change no text
  if (final == 'm') return set_style(parameters);
  const std::size_t count = std::max<std::size_t>(1, number(parameters, 1));
  const auto at = [&](std::size_t column) {
    return row().begin() + static_cast<std::ptrdiff_t>(column);
  };
  wraps_next_ = false;
  switch (final) {
    case 'A':
      row_ -= std::min(row_, count);
      break;
    case 'B':
      row_ += count;
      break;
    case 'C':
      column_ = std::min(columns_ - 1, column_ + count);
      break;
    case 'D':
      column_ -= std::min(column_, count);
      break;
    case 'G':
      column_ = std::min(columns_, count) - 1;
      break;
    case 'J':  // to the end of the screen
      EXPECT_EQ(number(parameters, 0), 0u);
      rows_.resize(std::min(rows_.size(), row_ + 1));
      [[fallthrough]];
    case 'K':  // to the end of the row
      EXPECT_EQ(number(parameters, 0), 0u);
      std::fill(at(column_), row().end(), Cell{});
      break;
    case 'P':  // characters move in from the right
      std::move(at(std::min(columns_, column_ + count)), row().end(), at(column_));
      std::fill(row().end() - static_cast<std::ptrdiff_t>(std::min(columns_, count)), row().end(),
                Cell{});
      break;
    case '@':  // room for characters
      row().insert(at(column_), count, Cell{});
      row().resize(columns_);
      break;
    default:
      ADD_FAILURE() << "unknown sequence: CSI " << parameters << final;
  }
}

void TerminalScreen::set_style(std::string_view parameters) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"1", "bold"},   {"2", "dim"},     {"31", "red"},
      {"32", "green"}, {"33", "yellow"}, {"36", "cyan"}};
  style_.clear();
  for (const std::string_view parameter : split(parameters, ';')) {
    for (const auto& [code, name] : kNames) {
      if (parameter == code) style_ = name;
    }
  }
}

std::string TerminalScreen::text(Styles styles) const {
  std::string out;
  std::size_t blank = 0;
  for (const Row& cells : rows_) {
    std::size_t end = cells.size();
    while (end > 0 && cells[end - 1].text == " ") --end;
    if (end == 0) {
      ++blank;
      continue;
    }
    out.append(std::exchange(blank, 0), '\n');
    std::string style;
    for (std::size_t i = 0; i < end; ++i) {
      if (styles == Styles::kShown && cells[i].style != style) {
        if (!style.empty()) out += "{}";
        style = cells[i].style;
        if (!style.empty()) out += "{" + style + "}";
      }
      out += cells[i].text;
    }
    if (!style.empty()) out += "{}";
    out += '\n';
  }
  return out;
}

std::string TerminalScreen::before_cursor() const {
  std::string out;
  if (row_ >= rows_.size()) return out;
  for (std::size_t i = 0; i < column_ && i < rows_[row_].size(); ++i) out += rows_[row_][i].text;
  return out;
}

}  // namespace perdure::test
