#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace perdure::internal {

void check_failed(const char* condition, const char* why, const char* file, int line) {
  std::fprintf(stderr, "perdure: internal error: %s (%s) at %s:%d\n", why, condition, file, line);
  std::abort();
}

}  // namespace perdure::internal
