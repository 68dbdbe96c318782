// What of a message of the model is its answer. Pure.
#pragma once

#include <string>

#include <perdure/json.h>

namespace perdure {

/// The content of an assistant message as text, its parts joined; without the thinking that it
/// begins with where no reasoning stands apart (fault N70).
std::string answer_of(const Json& fragment);

}  // namespace perdure
