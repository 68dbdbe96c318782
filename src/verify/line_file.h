// A file of lines, read one line at a time: request and result files are larger than memory should
// be, their lines may be 100 KB and more. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <perdure/result.h>

#include "os/descriptor.h"

namespace perdure::verify {

/// Where a line is in its file, without its line feed.
struct LinePlace {
  std::int64_t number = 0;  ///< From 1.
  std::int64_t offset = 0;
  std::size_t bytes = 0;
  bool is_ended = false;  ///< A line feed follows.
};

/// The longest line that is read.
inline constexpr std::size_t kLineBytesMax = 256 << 20;

/// Opens a file for reading. Errors: kNotFound; kInvalidArgument for what is no regular file.
Result<Descriptor> open_lines(const std::string& path);

/// Calls `visit` with each line, to the end or to its first error. Errors: those of `visit`, kStore
/// when the file cannot be read, kInvalidArgument for a line that is too long.
Status each_line(int descriptor,
                 const std::function<Status(const LinePlace&, std::string_view)>& visit);

/// The bytes at a place of a file. Errors: kStore, also when the file is shorter by now.
Result<std::string> read_place(int descriptor, std::int64_t offset, std::size_t bytes);

/// Whether both names are one file that exists.
bool is_same_file(const std::string& one, const std::string& other);

}  // namespace perdure::verify
