// Events of a stream in Anthropic's messages dialect, as tables of tests write them: the data of
// one event each.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace perdure::test {

/// message_start: "msg_1", 56 tokens of input, 64 from the cache, 8 written to it.
inline const std::string kMessageStart =
    R"({"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",)"
    R"("content":[],"stop_reason":null,"usage":{"input_tokens":56,"cache_creation_input_tokens":8,)"
    R"("cache_read_input_tokens":64,"output_tokens":1}}})";
inline const std::string kPing = R"({"type":"ping"})";
inline const std::string kMessageStop = R"({"type":"message_stop"})";

/// content_block_start with this block, as JSON.
std::string block_start(int index, std::string_view block);
/// content_block_delta with this delta, as JSON.
std::string block_delta(int index, std::string_view delta);
std::string block_stop(int index);
/// The usual kinds; `text` as the inside of a JSON string.
std::string text_start(int index);
std::string thinking_start(int index);
std::string call_start(int index, std::string_view id, std::string_view name);
std::string text_delta(int index, std::string_view text);
std::string thinking_delta(int index, std::string_view text);
std::string arguments_delta(int index, std::string_view text);
/// message_delta, with 20 tokens of output.
std::string message_end(std::string_view stop_reason);

/// The events as bytes, each with its name.
std::string message_stream(const std::vector<std::string>& events);

}  // namespace perdure::test
