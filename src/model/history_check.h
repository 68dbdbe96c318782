// Looks at a history once more before it is sent: whatever made it, no request leaves that a host
// must refuse for its form (fault N08). The transcript is right by construction; this finds the
// mistake in Perdure, or in a journal, that made it otherwise. Each message is looked at once, so
// that a request costs what is new in it.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include <perdure/result.h>

#include "core/transcript.h"
#include "json/reader.h"

namespace perdure {

class HistoryCheck {
 public:
  /// `transcript` is that of the last call with messages added at its end. Calls are answered once,
  /// next to them and in their order; system messages stand first; names are legal and arguments
  /// JSON objects; the model has something to answer. Errors: kInternal that names the message.
  Status check(const Transcript& transcript);

 private:
  Status check_message(std::string_view fragment, json::Reader& reader, json::Reader& arguments);
  Status check_calls(const json::Value& calls, json::Reader& arguments);
  Status wrong(const std::string& what) const;

  std::size_t checked_ = 0;
  std::deque<std::string> unanswered_;  // ids of calls
  bool opened_ = false;                 // a message that is not of the system came
  bool ends_with_reply_ = false;
};

}  // namespace perdure
