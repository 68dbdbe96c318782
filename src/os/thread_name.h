// Names threads, so that top, gdb and profilers show who is at work.
#pragma once

#include <sys/prctl.h>

namespace perdure {

/// At most 15 characters are kept.
inline void name_this_thread(const char* name) {
  ::prctl(PR_SET_NAME, name, 0, 0, 0);
}

}  // namespace perdure
