// What a person can read of a body that is no reply: the error page of a proxy, a line of plain
// text. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace perdure {

/// The start of the text of a body, on one line of at most 200 bytes: without tags, comments,
/// scripts, styles and runs of white space, the common entities decoded, ids of accounts and keys
/// made unreadable. Text that is no page is shown as it is. A cut shows as "...".
std::string readable_start(std::string_view body);

}  // namespace perdure
