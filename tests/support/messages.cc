#include "tests/support/messages.h"

#include <fmt/format.h>

namespace perdure::test {

std::string block_start(int index, std::string_view block) {
  return fmt::format(R"({{"type":"content_block_start","index":{},"content_block":{}}})", index,
                     block);
}

std::string block_delta(int index, std::string_view delta) {
  return fmt::format(R"({{"type":"content_block_delta","index":{},"delta":{}}})", index, delta);
}

std::string block_stop(int index) {
  return fmt::format(R"({{"type":"content_block_stop","index":{}}})", index);
}

std::string text_start(int index) {
  return block_start(index, R"({"type":"text","text":""})");
}

std::string thinking_start(int index) {
  return block_start(index, R"({"type":"thinking","thinking":""})");
}

std::string call_start(int index, std::string_view id, std::string_view name) {
  return block_start(
      index, fmt::format(R"({{"type":"tool_use","id":"{}","name":"{}","input":{{}}}})", id, name));
}

std::string text_delta(int index, std::string_view text) {
  return block_delta(index, fmt::format(R"({{"type":"text_delta","text":"{}"}})", text));
}

std::string thinking_delta(int index, std::string_view text) {
  return block_delta(index, fmt::format(R"({{"type":"thinking_delta","thinking":"{}"}})", text));
}

std::string arguments_delta(int index, std::string_view text) {
  return block_delta(index,
                     fmt::format(R"({{"type":"input_json_delta","partial_json":"{}"}})", text));
}

std::string message_end(std::string_view stop_reason) {
  return fmt::format(R"({{"type":"message_delta","delta":{{"stop_reason":"{}","stop_sequence":)"
                     R"(null}},"usage":{{"output_tokens":20}}}})",
                     stop_reason);
}

std::string message_stream(const std::vector<std::string>& events) {
  constexpr std::string_view kType = R"({"type":")";
  std::string stream;
  for (const std::string& event : events) {
    const std::string_view rest = std::string_view(event).substr(kType.size());
    stream += fmt::format("event: {}\ndata: {}\n\n", rest.substr(0, rest.find('"')), event);
  }
  return stream;
}

}  // namespace perdure::test
