#include <algorithm>
#include <cstring>

#include "tests/support/failing_disk.h"

namespace perdure::test {

FailingDisk::FailingDisk(std::string folder) : folder_(std::move(folder)) {}

void FailingDisk::put_under(ProgramOptions& options, const DiskFault& fault) const {
  counts_.write("counts", std::string(4'096, '\0'));
  options.environment["LD_PRELOAD"] = PERDURE_FAILING_DISK_LIBRARY;
  options.environment["PERDURE_DISK"] = folder_;
  options.environment["PERDURE_DISK_COUNTS"] = counts_.path() + "/counts";
  if (fault.nth == 0) return;
  options.environment["PERDURE_DISK_FAULT"] =
      fault.call + ":" + std::to_string(fault.nth) + ":" + fault.how;
}

std::uint64_t FailingDisk::calls(const std::string& kind) const {
  const auto* const found = std::find(kDiskCalls.begin(), kDiskCalls.end(), kind);
  return count_at(static_cast<std::size_t>(found - kDiskCalls.begin()));
}

std::uint64_t FailingDisk::count_at(std::size_t index) const {
  const std::string bytes = counts_.read("counts");
  std::uint64_t count = 0;
  std::memcpy(&count, bytes.data() + index * sizeof count, sizeof count);
  return count;
}

}  // namespace perdure::test
