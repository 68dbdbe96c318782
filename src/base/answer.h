// What of a message of the model is its answer, and what its thinking: one rule for the core, the
// terminal and the records. Pure.
#pragma once

#include <string>

#include <perdure/json.h>

namespace perdure {

/// The content of an assistant message as text, its parts joined; without the thinking that it
/// begins with where no reasoning stands apart (fault N70).
std::string answer_of(const Json& fragment);

/// The thinking of an assistant message as it came: the reasoning that stands apart, or else what
/// its content begins with. A blank reasoning is a placeholder that some hosts demand, and none.
std::string reasoning_of(const Json& fragment);

}  // namespace perdure
