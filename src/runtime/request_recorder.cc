#include "runtime/request_recorder.h"

#include "base/hash.h"
#include "json/writer.h"

namespace perdure {
namespace {

// In Anthropic's dialect the results of the last step are in the tail.
constexpr std::size_t kTailBytesMax = 512;

std::string short_text_hash(std::string_view text) {
  constexpr std::size_t kDigits = 32;
  return to_hex(sha256(text)).substr(0, kDigits);
}

}  // namespace

std::string RequestRecorder::record(const RequestText& text) {
  if (hashed_ != text.head) {
    hashed_ = text.head;
    head_hash_ = short_text_hash(*text.head);
  }
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("head_hash").string(head_hash_);
  if (known_.insert(head_hash_).second) writer.key("head").string(*text.head);
  writer.key("messages").integer(static_cast<std::int64_t>(text.messages->size()));
  writer.key("messages_hash").string(text.messages->hash());
  writer.key("tail_hash").string(short_text_hash(text.tail));
  if (text.tail.size() <= kTailBytesMax) writer.key("tail").string(text.tail);
  writer.end_object();
  return out;
}

}  // namespace perdure
