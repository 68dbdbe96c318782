// Results in expectations: a test compares words, and nothing ends the test program when a result
// is not what it should be.
#pragma once

#include <string>
#include <string_view>

#include <perdure/result.h>

namespace perdure::test {

/// "ok", or the name of the error's code.
template <class T>
std::string code_of(const Result<T>& result) {
  return result.ok() ? "ok" : std::string(to_string(result.error().code));
}

/// "ok", or what the error tells a person.
template <class T>
std::string words_of(const Result<T>& result) {
  return result.ok() ? "ok" : to_text(result.error());
}

/// Whether `text` holds `part`; for EXPECT_PRED2, which shows both.
inline bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace perdure::test
