// Starting a process: the part of os/process.h that runs between vfork and exec.
#pragma once

#include <sys/types.h>

#include <perdure/result.h>

#include "os/descriptor.h"
#include "os/process.h"

namespace perdure {

struct SpawnedProcess {
  pid_t pid = -1;
  Descriptor pidfd;
  Descriptor output;  ///< Reading end of standard output.
  Descriptor errors;  ///< Reading end of standard error; invalid when it is standard output.
  Descriptor input;   ///< Writing end of standard input; invalid when there is none.
};

Result<SpawnedProcess> spawn(const ProcessSpec& spec);

/// The program that argv[0] means under this environment: absolute, or relative with a slash. Empty
/// and relative elements of PATH are ignored, so that a file of the workspace never passes for a
/// system program (attack A54).
Result<std::string> find_program(const ProcessSpec& spec);

}  // namespace perdure
