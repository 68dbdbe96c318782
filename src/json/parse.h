// JSON text to the value type of the public API and back, with a depth limit and errors that a
// model or a person can act on. For the many small objects of a stream see reader.h. nlohmann's own
// parse() and dump() are not called elsewhere: each file that does takes two seconds longer to
// compile.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <perdure/json.h>
#include <perdure/result.h>

namespace perdure::json {

/// Nesting that parse() accepts: far above what tools use, far below what exhausts a stack (fault
/// N51).
inline constexpr std::size_t kDepthMax = 512;

/// Strict RFC 8259. Of repeated keys the last wins. Numbers beyond 64 bits become doubles; beyond
/// doubles is an error. Errors: kInvalidArguments with the line and column and what was expected
/// there.
Result<Json> parse(std::string_view text);

/// The text of a string literal; empty for everything else.
std::string text_of(std::string_view literal);

/// The value of JSON text that is part of the program: ends the program when it is none.
Json literal(std::string_view text);

/// JSON text without white space, or with `indent` spaces for each level. Invalid UTF-8 in strings
/// becomes U+FFFD.
std::string dump(const Json& value, int indent = -1);

}  // namespace perdure::json
