#include "tools/output_limit.h"

#include <fmt/format.h>

#include "base/text.h"
#include "base/utf8.h"

namespace perdure {
namespace {

// A cut moves to a line end if one is within this many bytes.
constexpr std::size_t kLineSearchBytes = 400;

// The line that says how much is missing.
constexpr std::size_t kNoteBytesMax = 100;

std::string_view cut_at_line_end(std::string_view head) {
  const std::size_t end = head.rfind('\n');
  return end != std::string_view::npos && head.size() - end <= kLineSearchBytes
             ? head.substr(0, end + 1)
             : head;
}

std::string_view cut_at_line_start(std::string_view tail) {
  const std::size_t end = tail.find('\n');
  return end != std::string_view::npos && end < kLineSearchBytes ? tail.substr(end + 1) : tail;
}

}  // namespace

void OutputBuffer::append(std::string_view bytes) {
  total_ += bytes.size();
  const std::size_t room = kStoredHeadBytes - head_.size();
  head_ += bytes.substr(0, room);
  if (bytes.size() <= room) return;
  if (tail_.empty()) {
    // Growing by doubling would take twice the memory, once here and once more in take().
    head_.reserve(kStoredHeadBytes + kStoredTailBytes + kNoteBytesMax);
    tail_.reserve(2 * kStoredTailBytes + bytes.size());
  }
  tail_ += bytes.substr(room);
  if (tail_.size() > 2 * kStoredTailBytes) tail_.erase(0, tail_.size() - kStoredTailBytes);
}

std::string OutputBuffer::take() {
  std::string text = std::move(head_);
  if (tail_.size() > kStoredTailBytes) tail_.erase(0, tail_.size() - kStoredTailBytes);
  const std::uint64_t missing = total_ - text.size() - tail_.size();
  if (missing > 0)
    text += fmt::format("\n... [{} bytes were not kept] ...\n",
                        grouped(static_cast<std::int64_t>(missing)));
  text += tail_;
  tail_.clear();
  return text;
}

std::string shown_part(std::string_view text, std::size_t bytes_max, std::string_view output_id) {
  if (text.size() <= bytes_max) return std::string(text);
  // What went wrong usually stands at the end: it gets the larger share.
  const std::string_view head = cut_at_line_end(utf8_prefix(text, bytes_max * 2 / 5));
  const std::string_view tail = cut_at_line_start(utf8_suffix(text, bytes_max * 3 / 5));
  const std::size_t missing = text.size() - head.size() - tail.size();
  return fmt::format(
      "{}\n... [{} of {} bytes are not shown; read_output {{\"output\":\"{}\",\"offset\":{}}} "
      "shows more] ...\n{}",
      head, grouped(static_cast<std::int64_t>(missing)),
      grouped(static_cast<std::int64_t>(text.size())), output_id, head.size(), tail);
}

}  // namespace perdure
