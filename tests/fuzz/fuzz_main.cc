// One target under libFuzzer: PERDURE_FUZZ_TARGET names it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const perdure::fuzz::Target* target = [] {
    for (const perdure::fuzz::Target& known : perdure::fuzz::targets()) {
      if (known.name == PERDURE_FUZZ_TARGET) return &known;
    }
    std::abort();
  }();
  target->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
