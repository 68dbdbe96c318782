#include "os/environment.h"

#include <cstring>
#include <string_view>

#include <sys/prctl.h>
#include <unistd.h>

namespace perdure {

void hide_environment() {
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    if (text.substr(0, 13) == "PERDURE_CALL=") continue;
    char* kept = ::strdup(*variable);
    if (kept == nullptr) continue;
    ::explicit_bzero(*variable, text.size());
    *variable = kept;
  }
  // Owned by root from now on, for every reader of /proc/PID: mem, environ, and the descriptors.
  ::prctl(PR_SET_DUMPABLE, 0);
}

}  // namespace perdure
