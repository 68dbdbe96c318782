#include "core/transcript.h"

#include "json/writer.h"

namespace perdure {

std::string message_fragment(std::string_view role, std::string_view text) {
  std::string out;
  out.reserve(text.size() + 64);
  json::Writer(out)
      .begin_object()
      .key("role")
      .string(role)
      .key("content")
      .string(text)
      .end_object();
  return out;
}

std::string result_fragment(std::string_view tool_call_id, std::string_view text) {
  std::string out;
  out.reserve(text.size() + tool_call_id.size() + 64);
  json::Writer writer(out);
  writer.begin_object().key("role").string("tool").key("tool_call_id").string(tool_call_id);
  writer.key("content").string(text.empty() ? "(no output)" : text).end_object();
  return out;
}

}  // namespace perdure
