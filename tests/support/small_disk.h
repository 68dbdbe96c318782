// A file system of a few kilobytes, for what happens when the disk is full. Only root may mount
// one: a test begins with
//
//   SmallDisk disk(256 * 1024);
//   if (!disk.mounted()) GTEST_SKIP() << disk.why_not();
#pragma once

#include <cstddef>
#include <string>

#include "tests/support/temporary_directory.h"

namespace perdure::test {

class SmallDisk {
 public:
  explicit SmallDisk(std::size_t bytes);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return why_not_.empty(); }
  const std::string& why_not() const { return why_not_; }
  const std::string& path() const { return directory_.path(); }
  /// Takes what is left, but for `bytes`.
  void fill_all_but(std::size_t bytes) const;
  /// Gives back what fill_all_but() took.
  void free_space() const;

 private:
  TemporaryDirectory directory_;
  std::string why_not_;
};

}  // namespace perdure::test
