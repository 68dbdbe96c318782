// A file descriptor that closes itself, and the few calls on descriptors that every user of one
// needs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <perdure/result.h>

namespace perdure {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      descriptor_ = std::exchange(other.descriptor_, -1);
    }
    return *this;
  }

  int get() const { return descriptor_; }
  bool valid() const { return descriptor_ >= 0; }
  void reset();

 private:
  int descriptor_ = -1;
};

/// "No space left on device (ENOSPC)": errno as people and bug reports need it.
std::string errno_text(int error);
/// kStoreFull for a full disk or quota, otherwise `code`; the message is "what: errno_text".
Error system_error(ErrorCode code, std::string what, int error, std::string context = {});

/// Writes everything, over interrupted and short writes.
Status write_all(int descriptor, std::string_view bytes);
/// Reads to the end of the file, at most `bytes_max`; kTooLarge beyond it.
Result<std::string> read_to_end(int descriptor, std::size_t bytes_max);

/// A pipe whose ends close on exec; `first` is the reading end.
Result<std::pair<Descriptor, Descriptor>> make_pipe();
Status set_nonblocking(int descriptor);
/// Takes the place of those of 0, 1 and 2 that the process was started without (`>&-`): the next
/// file that is opened would get the number, and what is printed would go into it. What is written
/// there fails. For the beginning of a program.
void open_standard_descriptors();

}  // namespace perdure
