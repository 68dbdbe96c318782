// Rewrites a regular expression of ECMA-262 (with the u flag) in the syntax of pcre2, so that it
// means there what it means in JavaScript. Used by pattern.cc alone.
#pragma once

#include <string>
#include <string_view>

#include <perdure/result.h>

namespace perdure {

/// `pattern` must be valid UTF-8. Errors: kInvalidArgument with what is wrong and the offset in
/// bytes.
Result<std::string> ecma_to_pcre2(std::string_view pattern);

}  // namespace perdure
