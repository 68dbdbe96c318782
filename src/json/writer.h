// Writes JSON text onto the end of a string. Commas are its business, correctness of the nesting is
// the caller's.
//
//   std::string out;
//   json::Writer writer(out);
//   writer.begin_object().key("role").string("tool").key("content").string(text).end_object();
//
// Strings are escaped in one fixed way (only what RFC 8259 section 7 demands, lower-case \u00xx),
// so that equal values have equal bytes: requests are compared and cached by their bytes. Strings
// must be valid UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace perdure::json {

/// The string as a JSON string literal with its quotes, appended to `out`.
void append_string(std::string& out, std::string_view text);
/// The same by itself.
std::string quoted(std::string_view text);

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  Writer& begin_object() { return open('{'); }
  Writer& end_object() { return close('}'); }
  Writer& begin_array() { return open('['); }
  Writer& end_array() { return close(']'); }
  Writer& key(std::string_view name);
  Writer& string(std::string_view text);
  Writer& integer(std::int64_t number);
  /// The shortest text that reads back as the same double; null for infinities and NaN.
  Writer& number(double number);
  Writer& boolean(bool value);
  Writer& null();
  /// JSON text as it is.
  Writer& raw(std::string_view json);

 private:
  Writer& open(char bracket);
  Writer& close(char bracket);
  void separate() {
    if (needs_comma_) out_ += ',';
    needs_comma_ = true;
  }

  std::string& out_;
  bool needs_comma_ = false;
};

}  // namespace perdure::json
