// Asks a person about a call: shows the exact command or change, takes yes, no or always.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <perdure/policy.h>

#include "tui/screen.h"

namespace perdure {

/// What is shown: tool, effect, target, and the whole command or diff. Long details are cut in the
/// middle, and the number of lines left out is said: nothing hides behind a long argument (attack
/// A60).
std::string approval_text(const Terminal& terminal, const ApprovalRequest& request);

/// "y", "yes", "n", "no", "a", "always"; nothing for anything else.
std::optional<ApprovalAnswer> parse_answer(std::string_view line);

/// Asks until it understands the answer. `read_line` gives a line, or nothing at the end of input
/// or an interrupt, which means no.
ApprovalAnswer ask(
    Screen& screen, const ApprovalRequest& request,
    const std::function<std::optional<std::string>(const std::string& prompt)>& read_line);

}  // namespace perdure
