// Randomness from the kernel: ids, temporary names, jitter. core/ has none; the driver draws and
// writes down.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace perdure {

std::uint64_t random_number();
/// Lower-case letters and digits that are not easily mistaken for each other (Crockford's base 32).
std::string random_text(std::size_t characters);

}  // namespace perdure
