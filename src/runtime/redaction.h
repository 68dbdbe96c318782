// Takes secrets out of texts that leave the machine: keys that are known, and what looks like one.
// A guess that errs on the side of hiding; who hands a text on still reads it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace perdure {

inline constexpr std::string_view kRedacted = "[secret]";

class Redaction {
 public:
  /// `known` are hidden wherever they stand; one of fewer than eight bytes is no key.
  explicit Redaction(std::vector<std::string> known);

  /// The same text gives the same result, so that a result and its repetition still agree.
  std::string redact(std::string_view text) const;

 private:
  std::vector<std::string> known_;
};

}  // namespace perdure
