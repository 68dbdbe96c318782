// The other side of failing_disk.cc: a program that is started with this has its files below a
// folder on a disk where one call fails, or on one that counts its calls.
//
//   FailingDisk disk(state_folder);
//   disk.put_under(options, {"sync", 7, "eio"});
//   run_program(options);
//   EXPECT_TRUE(disk.has_failed());
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"

namespace perdure::test {

inline constexpr std::array kDiskCalls = {"open",   "write",  "sync", "truncate",
                                          "remove", "rename", "make"};

struct DiskFault {
  std::string call;  ///< One of kDiskCalls.
  std::uint64_t nth = 0;
  std::string how;  ///< "eio", "enospc", "short", "torn", "before", "after".
};

class FailingDisk {
 public:
  explicit FailingDisk(std::string folder);

  /// From the start of the program on; counts begin anew.
  void put_under(ProgramOptions& options, const DiskFault& fault = {}) const;
  /// Calls of this kind that the program made.
  std::uint64_t calls(const std::string& kind) const;
  /// Whether it came to the call that was to fail.
  bool has_failed() const { return count_at(kDiskCalls.size()) != 0; }

 private:
  std::uint64_t count_at(std::size_t index) const;

  std::string folder_;
  TemporaryDirectory counts_;
};

}  // namespace perdure::test
