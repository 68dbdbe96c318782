// Server-sent events (WHATWG HTML, section 9.2.6): bytes in, events out. Bytes may be cut anywhere.
// Lines end with LF, CRLF or CR; one byte order mark at the start is skipped; an event that the
// stream ends inside of is dropped.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <perdure/result.h>

namespace perdure {

struct SseEvent {
  std::string_view type;  ///< "message" unless the stream says otherwise.
  std::string_view data;
  std::string_view last_event_id;
};

class SseParser {
 public:
  using OnEvent = std::function<void(const SseEvent&)>;
  /// Largest event (fault N48).
  static constexpr std::size_t kEventBytesMax = 32 << 20;

  explicit SseParser(OnEvent on_event, std::size_t event_bytes_max = kEventBytesMax);
  /// Goes on where `other` is, with events of its own.
  SseParser(const SseParser& other, OnEvent on_event);

  /// Calls back for each event that these bytes complete. Errors: kBadReply for an event beyond the
  /// limit.
  Status feed(std::string_view bytes);

  /// What a "retry:" field asked for.
  std::optional<int> reconnection_time_ms() const { return reconnection_time_ms_; }

 private:
  void take_line(std::string_view line);
  void take_field(std::string_view name, std::string_view value);
  void dispatch();
  std::string_view without_byte_order_mark(std::string_view bytes);

  OnEvent on_event_;
  std::size_t event_bytes_max_;
  std::string partial_;  // the beginning of a line whose end has not come
  std::string data_;     // the data lines of the open event, each with a line feed
  std::string type_;
  std::string id_;             // as the open event sets it
  std::string last_event_id_;  // as dispatched
  std::size_t mark_matched_ = 0;
  bool at_start_ = true;
  bool skip_line_feed_ = false;
  std::optional<int> reconnection_time_ms_;
};

}  // namespace perdure
