// A directory of its own for a test, gone with it.
#pragma once

#include <string>
#include <string_view>

namespace perdure {

class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  /// Absolute, without symbolic links.
  const std::string& path() const { return path_; }
  /// Writes a file below it, making folders.
  void write(const std::string& name, std::string_view content) const;
  /// The content of a file below it; empty when there is none.
  std::string read(const std::string& name) const;
  bool exists(const std::string& name) const;

 private:
  std::string path_;
};

}  // namespace perdure
