// Landlock's own numbers, up to the newest version that is known here: the headers of a build
// machine are older than the kernels the program meets. Source: the kernel's landlock(7) and
// include/uapi/linux/landlock.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace perdure::landlock {

constexpr std::uint32_t kAskVersion = 1;
constexpr int kPathBeneath = 1;

constexpr std::uint64_t kExecute = 1 << 0, kWriteFile = 1 << 1, kReadFile = 1 << 2,
                        kReadFolder = 1 << 3, kRemoveFolder = 1 << 4, kRemoveFile = 1 << 5,
                        kMakeCharacterDevice = 1 << 6, kMakeFolder = 1 << 7, kMakeFile = 1 << 8,
                        kMakeSocket = 1 << 9, kMakePipe = 1 << 10, kMakeBlockDevice = 1 << 11,
                        kMakeLink = 1 << 12, kRefer = 1 << 13, kTruncate = 1 << 14,
                        kDeviceControl = 1 << 15;

constexpr std::uint64_t kReading = kExecute | kReadFile | kReadFolder;
constexpr std::uint64_t kMakesDevices = kMakeCharacterDevice | kMakeBlockDevice;
constexpr std::uint64_t kDeviceUse =
    kReadFile | kWriteFile | kReadFolder | kTruncate | kDeviceControl;
/// What a rule on something that is no folder may name.
constexpr std::uint64_t kFileAccess =
    kExecute | kWriteFile | kReadFile | kTruncate | kDeviceControl;

constexpr std::uint64_t kBindTcp = 1 << 0, kConnectTcp = 1 << 1;
constexpr std::uint64_t kAbstractSockets = 1 << 0, kSignals = 1 << 1;

/// struct landlock_ruleset_attr.
struct Rules {
  std::uint64_t files;
  std::uint64_t network;
  std::uint64_t scopes;
};

/// struct landlock_path_beneath_attr.
struct __attribute__((packed)) PathRule {
  std::uint64_t allowed;
  std::int32_t place;
};

/// Everything that this version of Landlock can deny.
constexpr Rules rules_of(int version) {
  std::uint64_t files = (1 << 13) - 1;
  if (version >= 2) files |= kRefer;
  if (version >= 3) files |= kTruncate;
  if (version >= 5) files |= kDeviceControl;
  return {.files = files,
          .network = version >= 4 ? kBindTcp | kConnectTcp : 0,
          .scopes = version >= 6 ? kAbstractSockets | kSignals : 0};
}

/// The size of Rules that this version accepts.
constexpr std::size_t size_of(int version) {
  if (version < 4) return sizeof(std::uint64_t);
  if (version < 6) return 2 * sizeof(std::uint64_t);
  return sizeof(Rules);
}

}  // namespace perdure::landlock
