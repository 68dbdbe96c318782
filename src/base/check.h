// CHECK(condition, "why it must hold"): an invariant that stays on in every build. A failed one
// means that Perdure itself is wrong; going on could repeat an effect or spoil a journal, so the
// process ends at once.
#pragma once

namespace perdure::internal {
[[noreturn]] void check_failed(const char* condition, const char* why, const char* file, int line);
}  // namespace perdure::internal

#define CHECK(condition, why)   \
  (static_cast<bool>(condition) \
       ? static_cast<void>(0)   \
       : ::perdure::internal::check_failed(#condition, why, __FILE__, __LINE__))
