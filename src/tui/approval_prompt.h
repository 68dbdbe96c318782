// Asks a person about a call: shows the exact command or change, takes yes, no or always.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <perdure/policy.h>

#include "tui/screen.h"

namespace perdure {

/// How much of a long command or diff is shown.
enum class Detail : std::uint8_t { kCut, kWhole };

/// What is shown: tool, effect, target, and the command or diff. Long details are cut in the middle
/// at first, and the number of lines left out is said, as the bytes of a line: nothing hides behind
/// a long argument (attack A60).
std::string approval_text(const Terminal& terminal, const ApprovalRequest& request, Detail detail);

/// "y", "yes", "n", "no", "a", "always"; nothing for anything else.
std::optional<ApprovalAnswer> parse_answer(std::string_view line);

/// Asks until it understands the answer; "s" shows a long detail whole. `read_line` gives a line,
/// or nothing when nobody answers (the end of input, an interrupt); then there is no answer.
std::optional<ApprovalAnswer> ask(
    Screen& screen, const ApprovalRequest& request,
    const std::function<std::optional<std::string>(const std::string& prompt)>& read_line);

}  // namespace perdure
