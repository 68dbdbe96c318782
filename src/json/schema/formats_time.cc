// Formats of dates, times and durations.
#include <optional>

#include "json/schema/characters.h"
#include "json/schema/formats.h"

namespace perdure::json_schema {
namespace {

// Takes what a grammar wants off the front of a text.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool is_at_end() const { return rest_.empty(); }
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// Exactly so many digits.
  std::optional<int> number(std::size_t digits) {
    if (rest_.size() < digits) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (!is_digit(rest_[i])) return std::nullopt;
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(digits);
    return value;
  }
  /// How many digits there are; all are taken.
  std::size_t digits() {
    std::size_t count = 0;
    while (count < rest_.size() && is_digit(rest_[count])) ++count;
    rest_.remove_prefix(count);
    return count;
  }
  char next() {
    const char c = rest_.empty() ? '\0' : rest_[0];
    if (!rest_.empty()) rest_.remove_prefix(1);
    return c;
  }

 private:
  std::string_view rest_;
};

int days_in(int year, int month) {
  if (month == 2) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
  }
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

// The offset from UTC in minutes.
std::optional<int> take_offset(Cursor& cursor) {
  if (cursor.take('Z') || cursor.take('z')) return 0;
  const bool is_behind = cursor.take('-');
  if (!is_behind && !cursor.take('+')) return std::nullopt;
  const auto hour = cursor.number(2);
  if (!hour || *hour > 23 || !cursor.take(':')) return std::nullopt;
  const auto minute = cursor.number(2);
  if (!minute || *minute > 59) return std::nullopt;
  const int offset = *hour * 60 + *minute;
  return is_behind ? -offset : offset;
}

// Numbers with these units, the units in order and without a gap between them.
bool take_units(Cursor& cursor, std::string_view units, std::string_view& taken) {
  std::size_t next = std::string_view::npos;
  while (cursor.digits() > 0) {
    const std::size_t unit = units.find(cursor.next());
    if (unit == std::string_view::npos || (next != std::string_view::npos && unit != next)) {
      return false;
    }
    next = unit + 1;
    taken = units.substr(0, next);
  }
  return true;
}

}  // namespace

bool is_date(std::string_view text) {
  Cursor cursor(text);
  const auto year = cursor.number(4);
  if (!year || !cursor.take('-')) return false;
  const auto month = cursor.number(2);
  if (!month || *month < 1 || *month > 12 || !cursor.take('-')) return false;
  const auto day = cursor.number(2);
  return day && *day >= 1 && *day <= days_in(*year, *month) && cursor.is_at_end();
}

bool is_time(std::string_view text) {
  Cursor cursor(text);
  const auto hour = cursor.number(2);
  if (!hour || *hour > 23 || !cursor.take(':')) return false;
  const auto minute = cursor.number(2);
  if (!minute || *minute > 59 || !cursor.take(':')) return false;
  const auto second = cursor.number(2);
  if (!second || *second > 60) return false;
  if (cursor.take('.') && cursor.digits() == 0) return false;
  const auto offset = take_offset(cursor);
  if (!offset || !cursor.is_at_end()) return false;
  if (*second < 60) return true;
  // Leap seconds come at the end of a day in UTC.
  constexpr int kDay = 24 * 60;
  return (*hour * 60 + *minute - *offset + kDay) % kDay == kDay - 1;
}

bool is_date_time(std::string_view text) {
  constexpr std::size_t kDateSize = 10;
  if (text.size() <= kDateSize || (text[kDateSize] != 'T' && text[kDateSize] != 't')) return false;
  return is_date(text.substr(0, kDateSize)) && is_time(text.substr(kDateSize + 1));
}

bool is_duration(std::string_view text) {
  if (text.empty() || text[0] != 'P') return false;
  text.remove_prefix(1);
  std::string_view taken;
  if (!text.empty() && text.back() == 'W') {
    Cursor weeks(text);
    return take_units(weeks, "W", taken) && !taken.empty() && weeks.is_at_end();
  }
  const std::size_t middle = text.find('T');
  Cursor date(text.substr(0, middle));
  if (!take_units(date, "YMD", taken) || !date.is_at_end()) return false;
  if (middle == std::string_view::npos) return !taken.empty();
  Cursor time(text.substr(middle + 1));
  taken = {};
  return take_units(time, "HMS", taken) && time.is_at_end() && !taken.empty();
}

}  // namespace perdure::json_schema
