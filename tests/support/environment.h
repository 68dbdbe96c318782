// A variable of the environment for the time of a test; afterwards it is what it was. Only for code
// that reads the environment itself: what a test starts gets its variables handed in.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

namespace perdure::test {

class ScopedVariable {
 public:
  /// Without a value the variable is not there.
  explicit ScopedVariable(std::string name, std::optional<std::string> value = std::nullopt)
      : name_(std::move(name)) {
    if (const char* old = std::getenv(name_.c_str())) old_ = old;
    assign(value);
  }
  ~ScopedVariable() { assign(old_); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  void assign(const std::optional<std::string>& value) {
    if (value) {
      ::setenv(name_.c_str(), value->c_str(), 1);
    } else {
      ::unsetenv(name_.c_str());
    }
  }

  std::string name_;
  std::optional<std::string> old_;
};

}  // namespace perdure::test
