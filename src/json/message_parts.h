// One message of a chat as JSON text: made of its parts, or with a part of it replaced by a note,
// for core/repair.h. Reads fragments that were written by Perdure or accepted by a parser; any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace perdure {

/// {"role":ROLE,"content":TEXT}
std::string message_fragment(std::string_view role, std::string_view text);
/// {"role":"tool","tool_call_id":ID,"content":TEXT}; an empty text becomes "(no output)", which
/// hosts accept.
std::string result_fragment(std::string_view tool_call_id, std::string_view text);

/// Whether its content has an image or a video.
bool has_media(std::string_view fragment);
bool is_system(std::string_view fragment);
/// A user message whose content is one text.
bool is_user_text(std::string_view fragment);
/// The ids of the calls that it makes, or the one that it answers.
std::vector<std::string> call_ids(std::string_view fragment);

/// The message with a note instead of its content, and without the arguments of its calls, or with
/// notes instead of its images and videos, or both. Role and ids stay, so that calls keep their
/// results.
std::string message_without(std::string_view fragment, bool content, bool media);

/// For people: "message 12 (the result of call functions.read_file:3)".
std::string describe_message(std::int64_t number, std::string_view fragment);

}  // namespace perdure
