// What the journal keeps of the text of a request ("body" of request_sent, docs/events.md): hashes
// of head and messages, the head itself once in a process, and the tail while it is short. A few
// hundred bytes a request, whatever it holds.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "model/chat_request.h"

namespace perdure {

class RequestRecorder {
 public:
  /// JSON.
  std::string record(const RequestText& text);

 private:
  std::shared_ptr<const std::string> hashed_;  // whose hash head_hash_ is
  std::string head_hash_;
  std::set<std::string> known_;  // heads that were recorded
};

}  // namespace perdure
